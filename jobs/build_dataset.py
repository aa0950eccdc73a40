"""Build one dataset under spark-submit: `spark-submit jobs/build_dataset.py --workspace DIR RECIPE`."""

from __future__ import annotations

import sys

from delible.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["dataset", "build", *sys.argv[1:]]))
