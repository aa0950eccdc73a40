"""Carry out all approved requests: `spark-submit jobs/fulfil_requests.py --workspace DIR [--immediate] [ID...]`."""

from __future__ import annotations

import sys

from delible.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["request", "fulfil", *sys.argv[1:]]))
