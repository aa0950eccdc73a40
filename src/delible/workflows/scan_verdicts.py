"""The verdicts of one table's scan: on all that was read, on what is new by itself, and beside what was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.decide.column_paths import is_among, path_parts
from delible.decide.increment import ScanRecord, reach
from delible.decide.pins import Basis, Pinned, contradicted
from delible.decide.sampling import Reach
from delible.decide.tagging import ColumnFacts
from delible.decide.turns import has_turned, looks_personal, new_types, turned, worse
from delible.errors import Problem
from delible.model.detection import Detection
from delible.model.policy import TablePolicy
from delible.model.record import TagFinding
from delible.model.taxonomy import is_personal
from delible.store.pins import Pins
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.scanning import Step
from delible.workflows.verdicts import judged

_Column = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """What was said of columns before a scan, by table and column: the verdicts that count, and decisions of people."""

    verdicts: Mapping[_Column, TagFinding]
    pins: Mapping[_Column, Pinned]
    bases: Mapping[_Column, Basis]

    @classmethod
    def of(cls, workspace: Workspace) -> Known:
        """Return what a workspace has recorded."""
        tags = Tags(workspace)
        return cls({(f.table, f.column): f for f in tags.latest()}, tags.pinned(), bases_of(workspace))

    def contradiction(self, pinned: Pinned, *, kind: str | None, source: str | None) -> str | None:
        """Return why a person has to look at a decision again; its basis counts only if it is that decision's."""
        basis = self.bases.get((pinned.pin.table, pinned.pin.column))
        own = basis if basis is not None and basis.at == pinned.pin.at else None
        return contradicted(pinned, own, kind=kind, source=source)


def bases_of(workspace: Workspace) -> dict[_Column, Basis]:
    """Return what decisions were based on, by table and column."""
    return Pins(workspace).latest()


def verdicts_of(
    made: Step,
    record: ScanRecord,
    fresh: Sequence[ColumnFacts],
    detection: Detection,
    known: Known,
    policy: TablePolicy | None,
    now: datetime,
) -> tuple[list[TagFinding], list[Problem]]:
    """Return the verdicts on a table's columns, and the gaps that a person has to close.

    Args:
        fresh: What was counted now, without former scans.
        policy: A column that it files under a category about people may turn out so without a gap.
    """
    pooled = _judged(list(record.facts.values()), record, detection, now)
    new = {facts.column: facts for facts in fresh}
    findings = pooled
    if made.before is not None and new:
        parts = [new.get(column, facts) for column, facts in record.facts.items()]
        findings = [worse(a, b) for a, b in zip(pooled, _judged(parts, record, detection, now), strict=True)]
    same = made.last is not None and made.last.source == record.source
    before = made.before.facts if made.before is not None else {}
    gaps: list[Problem] = []
    done: list[TagFinding] = []
    for finding in findings:
        key = (finding.table, finding.column)
        last = known.verdicts.get(key) if same else None
        said = turned(finding, last if made.before is not None or has_turned(finding, last) else None)
        bounded_said = bounded(said, reach(record, record.facts[finding.column]))
        done.append(bounded_said)
        if key in known.pins:
            facts = record.facts[finding.column]
            pinned = Pinned(known.pins[key].pin, known.pins[key].then, bounded_said)
            words = known.contradiction(pinned, kind=facts.kind, source=record.source)
            if words is not None:
                gaps.append(pin_gap(finding.table, finding.column, words))
        elif not _is_declared(policy, finding.column):
            gaps += _turn_gaps(said, last, new_types(before.get(finding.column), new.get(finding.column)))
    return done, gaps


def bounded(finding: TagFinding, found: Reach) -> TagFinding:
    """Return a verdict without a category with the share of rows that could still hold personal data.

    All of them could where nothing is known of rows, as after a look at so many distinct values. Where names were not
    looked for, the bound is the verdict's own.
    """
    empty = not found.of and found.missed == 0
    if finding.category is not None or found.unread or not (found.rows or empty):
        return finding
    share = 1.0 if found.share is None else found.most if finding.hits else found.share
    return finding.model_copy(update={"bound": round(share, 9)})


def pin_gap(table: str, column: str, words: str) -> Problem:
    """Return the gap of a decision that no longer fits its column."""
    return Problem("tags.pin_contradicted", f"{words} Decide again: delible tags review", f"{table}.{column}")


def _turn_gaps(said: TagFinding, last: TagFinding | None, new: Sequence[str]) -> list[Problem]:
    where, review = f"{said.table}.{said.column}", "Map it, or review its tag."
    if has_turned(said, last):
        return [Problem("tags.turned", f"the column was clean, and is so no more. {review}", where)]
    if new and last is not None and not looks_personal(last):
        text = f"what came since holds {', '.join(new)}, which nothing before did; few enough for chance. {review}"
        return [Problem("tags.new_type", text, where)]
    return []


def _judged(facts: Sequence[ColumnFacts], record: ScanRecord, detection: Detection, now: datetime) -> list[TagFinding]:
    return judged(facts, detection, table=record.table, version=record.version, at=now)


def _is_declared(policy: TablePolicy | None, column: str) -> bool:
    """Return whether a policy files a column, or the one that it is part of, under a category about people."""
    if policy is None or not is_among(column, policy.columns):
        return False
    mapped = policy.columns.get(column) or policy.columns[path_parts(column)[0]]
    return is_personal(mapped.category)
