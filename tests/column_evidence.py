"""Evidence on columns gathered without Spark: distinct values counted as a scan's worker counts them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b

from delible.decide.table_tags import Column, tag_table
from delible.decide.tagging import TYPED, ColumnFacts
from delible.detect.columns import about, named, names_a_code, names_a_thing
from delible.detect.values import Tally
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.record import TagFinding

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KINDS = (
    ("bigint", re.compile(r"0|-?[1-9]\d{0,17}")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("timestamp", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?")),
    ("double", re.compile(r"-?\d+\.\d+")),
)


def kind_of(values: Sequence[str]) -> str:
    """Return the type that a loader gives: a number or time where no text is changed by it."""
    return next((kind for kind, form in _KINDS if values and all(form.fullmatch(v) for v in values)), "string")


def counted(
    column: str, values: Sequence[str], sample: int, *, detection: Detection = DEFAULT_DETECTION
) -> ColumnFacts:
    """Return the counts of a column read as text, from the distinct values with the lowest hash."""
    distinct = sorted({v for v in values if v.strip()}, key=lambda v: blake2b(v.encode()).digest())
    tally = Tally()
    tally.add_all(((value, 1) for value in distinct[:sample]), detection=detection)
    complete = len(distinct) <= sample
    return ColumnFacts(column, "string", tally.values, complete, tally.hits, tally.whole, tally.shapes)


def typed(facts: ColumnFacts, kind: str) -> ColumnFacts:
    """Return the counts as they are for a column of another type: times and measures are not looked at."""
    return ColumnFacts(facts.column, kind) if kind in TYPED else replace(facts, kind=kind)


def unread(facts: ColumnFacts, kind: str) -> ColumnFacts:
    """Return what is known of the column when no value is looked at."""
    return ColumnFacts(facts.column, kind)


def judged(table: str, facts: Sequence[ColumnFacts]) -> Mapping[str, TagFinding]:
    """Return the verdicts on one table, by column."""
    columns = [Column(f, named(f.column, table=table), names_a_thing(f.column), names_a_code(f.column)) for f in facts]
    return {f.column: f for f in tag_table(columns, about=about(table), table=table, version=0, at=NOW)}
