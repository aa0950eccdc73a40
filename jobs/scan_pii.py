"""Find personal data under spark-submit: `spark-submit jobs/scan_pii.py --workspace DIR [TABLE...]`."""

from __future__ import annotations

import sys

from delible.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["tags", "scan", *sys.argv[1:]]))
