"""Write the audit report: `spark-submit jobs/report_audit.py --workspace DIR`; it starts no Spark session."""

from __future__ import annotations

import sys

from delible.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["report", "audit", *sys.argv[1:]]))
