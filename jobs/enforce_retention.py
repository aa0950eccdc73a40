"""Enforce retention: `spark-submit jobs/enforce_retention.py --workspace DIR [--immediate] [--wait MINUTES]`."""

from __future__ import annotations

import sys

from delible.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["retention", "enforce", *sys.argv[1:]]))
