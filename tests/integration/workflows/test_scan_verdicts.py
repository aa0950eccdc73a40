"""Verdicts beside what was said before, on a real table's log: late personal data, and decisions that fit no more."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from delible.decide.increment import ScanRecord, reach
from delible.decide.tagging import ColumnFacts
from delible.model.detection import DEFAULT_DETECTION
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.store.scans import Scans
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.scan_verdicts import Known, bounded, verdicts_of
from delible.workflows.scanning import EVERYTHING, step
from delible.workflows.tables import chosen_tables
from delible.workflows.tag_review import contradictions, gone_columns, list_tags, review_tag

START = datetime(2026, 1, 1, tzinfo=UTC)
OLD = {"values": 100_000, "shapes": {"id": 100_000}, "rows": 100_000}
SSN = {"values": 1_000, "rows": 1_000, "hits": {"US_SSN": 1_000}, "whole": {"US_SSN": 1_000}}
NEW = SSN | {"row_hits": {"US_SSN": 1_000}}
STRAY = {"values": 1_000, "rows": 1_000, "shapes": {"has_card": 9}}
STRAY |= {"hits": {"CREDIT_CARD": 1}, "row_hits": {"CREDIT_CARD": 1}}
CLEAN = {"values": 1_000, "rows": 1_000}

Scanned = tuple[TagFinding, list[str]]
Scan = Callable[..., Scanned]


def written(location: str, n: int, *, mode: str = "append") -> None:
    values = Array([str(i) for i in range(n)], DataType.utf8())
    write_deltalake(location, Table.from_arrays([values], names=["ref"]), mode=mode)


@pytest.fixture
def location(workspace: Workspace) -> str:
    return str(workspace.path(workspace.config.warehouse) / "exports")


@pytest.fixture
def scan(workspace: Workspace, location: str) -> Scan:
    """Append rows and scan the table, the counts being given; return the verdict and the gaps' codes."""
    at = [START]

    def scan(counts: dict[str, object], *, kind: str = "string", rows: int = 5) -> Scanned:
        written(location, rows)
        at[0] += timedelta(days=1)
        (known,) = chosen_tables(workspace, ["exports"])
        last = Scans(workspace).newest("exports")
        made = step(known, last, EVERYTHING, "1", anew=False, spark=None)  # type: ignore[arg-type] # unused
        facts = [ColumnFacts("ref", kind, complete=False, **counts)]  # type: ignore[arg-type] # of several types
        record: ScanRecord = made.record(facts, (), at[0])
        said, gaps = verdicts_of(made, record, facts, DEFAULT_DETECTION, Known.of(workspace), None, at[0])
        Tags(workspace).put(said)
        Scans(workspace).put(record)
        return said[0], [gap.code for gap in gaps]

    return scan


def counted(findings: Sequence[TagFinding]) -> tuple[str | None, TagState]:
    (finding,) = findings
    return finding.category, finding.state


def test_late_personal_data_is_not_drowned_and_is_a_gap(workspace: Workspace, scan: Scan) -> None:
    assert scan(OLD)[0].category is None
    found, gaps = scan(NEW)
    assert found.category == "user.government_id.national_identification_number"
    assert (found.state, gaps) == (TagState.REVIEW, ["tags.turned"])
    found, gaps = scan(CLEAN)
    assert (found.category, found.state) == ("user.government_id.national_identification_number", TagState.REVIEW)
    assert gaps == [], "it waits for a person; nothing is new"
    assert counted(list_tags(workspace))[1] is TagState.REVIEW


def test_a_type_that_is_new_in_a_clean_column_is_a_gap_and_is_not_called_nothing(scan: Scan) -> None:
    assert scan(OLD)[0].bound == 0
    found, gaps = scan(STRAY)
    assert (found.category, found.disregarded, gaps) == (None, True, ["tags.new_type"])
    assert found.bound > 1 / 101_000, "an upper limit, and never nothing"
    assert scan(STRAY)[1] == []


def test_a_rejected_column_that_turns_is_contradicted(workspace: Workspace, scan: Scan) -> None:
    scan(CLEAN)
    review_tag(
        workspace, "exports.ref", accept=False, reason="a code", actor="op", now=START + timedelta(days=1, hours=1)
    )
    assert scan(CLEAN)[1] == []
    assert contradictions(workspace) == {}
    assert scan(NEW)[1] == ["tags.pin_contradicted"]
    assert counted(list_tags(workspace)) == (None, TagState.REJECTED), "the decision stays"
    assert list(contradictions(workspace)) == [("exports", "ref")]
    review_tag(workspace, "exports.ref", accept=False, reason="still", actor="op", now=START + timedelta(days=9))
    assert contradictions(workspace) == {}, "decided again"


def test_a_table_made_anew_contradicts_what_was_decided(workspace: Workspace, scan: Scan, location: str) -> None:
    scan(CLEAN)
    review_tag(
        workspace, "exports.ref", accept=False, reason="a code", actor="op", now=START + timedelta(days=1, hours=1)
    )
    shutil.rmtree(location)
    assert scan(CLEAN)[1] == ["tags.pin_contradicted"]


def test_another_type_contradicts_what_was_decided(workspace: Workspace, scan: Scan) -> None:
    scan(CLEAN, kind="int")
    review_tag(
        workspace, "exports.ref", accept=False, reason="a code", actor="op", now=START + timedelta(days=1, hours=1)
    )
    assert scan(CLEAN)[1] == ["tags.pin_contradicted"]


def test_a_decision_of_a_former_release_is_compared_by_its_verdicts(workspace: Workspace, scan: Scan) -> None:
    scan(CLEAN)
    Tags(workspace).pin("exports", "ref", state=TagState.REJECTED, reason="a code", now=START + timedelta(days=2))
    assert contradictions(workspace) == {}
    assert scan(NEW)[1] == ["tags.pin_contradicted"]


def test_columns_of_tables_that_are_gone_are_told(workspace: Workspace, scan: Scan, location: str) -> None:
    scan(CLEAN)
    known = list_tags(workspace)
    assert gone_columns(workspace, known) == frozenset()
    dropped = known[0].model_copy(update={"column": "was"})
    assert gone_columns(workspace, [*known, dropped]) == {("exports", "was")}
    shutil.rmtree(location)
    assert gone_columns(workspace, known) == {("exports", "ref")}


def test_a_bound_is_an_upper_limit_where_there_were_hits(workspace: Workspace, scan: Scan) -> None:
    scan(OLD)
    record = Scans(workspace).newest("exports")
    assert record is not None
    facts = ColumnFacts("ref", "string", 200, True, {"US_SSN": 2}, rows=200, row_hits={"US_SSN": 2})
    finding = list_tags(workspace)[0].model_copy(update={"hits": 2, "sampled": 200, "bound": 0.0})
    assert 0.01 < bounded(finding, reach(record, facts)).bound < 0.05


def test_a_look_at_chosen_values_says_nothing_of_rows(workspace: Workspace, scan: Scan) -> None:
    scan(OLD)
    record = Scans(workspace).newest("exports")
    assert record is not None
    facts = ColumnFacts("ref", "string", 300, False, rows=50_000)
    finding = list_tags(workspace)[0].model_copy(update={"hits": 0, "sampled": 300, "bound": 0.01})
    assert bounded(finding, reach(replace(record, most=300), facts)).bound == 1.0
