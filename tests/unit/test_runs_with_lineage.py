"""Every kind of run that has lineage is carried out by a test, whose events are held against the schemas."""

from __future__ import annotations

import re
from pathlib import Path

import delible

RUN_BY_RUN = "spark/test_lineage_runs.py"
CARRIED_OUT = {
    "integration/workflows/test_release_retired.py": {"dataset.retire": "retire_release"},
    "spark/test_rectification.py": {
        "rectification.plan": "plan_rectifications",
        "rectification.apply": "apply_rectification",
        "objection.look": "fulfil_requests",
    },
    "spark/test_uniqueness.py": {"tags.publish": "publish_tags", "tags.uniqueness": "measure_uniqueness"},
}


def test_every_kind_of_run_is_carried_out_by_a_test() -> None:
    """Its events are then held against the schemas (`tests/conftest.py`); only runs of a test's own process are."""
    source = "".join(path.read_text() for path in Path(delible.__file__).parent.rglob("*.py"))
    named = set(re.findall(r'(?:recorded|_plan_run|\.run)\((?:[\w.]*workspace, )?"(\w+\.\w+)"', source))
    runs = {job for way in (*CARRIED_OUT, RUN_BY_RUN) for job in _named_in(way)}
    assert named == runs, "CARRIED_OUT names the tests of runs that test_lineage_runs.py leaves out"


def _named_in(test: str) -> set[str]:
    text = (Path(__file__).parents[1] / test).read_text()
    if test == RUN_BY_RUN:
        return set(re.findall(r'^    "(\w+\.\w+)",$', text, re.MULTILINE))
    assert all(f"{call}(" in text for call in CARRIED_OUT[test].values())
    return set(CARRIED_OUT[test])
