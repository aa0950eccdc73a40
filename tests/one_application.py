"""Several jobs in one Spark application: most of the time that each takes by itself is Spark's start."""

from __future__ import annotations

from collections.abc import Sequence

_JOBS = """\
import runpy
import sys

{before}
jobs, workspace = sys.argv[1:]
for job, *words in {jobs!r}:
    sys.argv = [job, *words, "--workspace", workspace, "--json"]
    try:
        runpy.run_path(f"{{jobs}}/{{job}}.py", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""


def jobs_script(jobs: Sequence[Sequence[str]], *, before: str = "") -> str:
    """Return a script for `spark-submit` that runs jobs one after the other; it takes their folder and a workspace.

    Args:
        jobs: Each job's name with its own words.
        before: Code that runs first.
    """
    return _JOBS.format(jobs=[list(job) for job in jobs], before=before)
