"""Scan tables for personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from delible.decide.column_paths import is_among
from delible.decide.increment import ScanRecord, reach
from delible.decide.sampling import Reach
from delible.decide.tagging import ColumnFacts
from delible.errors import DelibleError, InputError, Problem
from delible.model.record import AuditEntry, TagFinding
from delible.model.uniqueness import Combination
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.scans import Scans
from delible.store.snapshots import table_snapshot
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.detection import detection_for
from delible.workflows.guard import guard_tables
from delible.workflows.lineage_events import duty, recorded
from delible.workflows.restriction import Restricted, restricted_rows
from delible.workflows.scan_lineage import ReadTable, scan_uses, scanned_use
from delible.workflows.scan_verdicts import Known, verdicts_of
from delible.workflows.scanning import EVERYTHING, USUAL_CONFIDENCE, Extent, Step, detector_of, drift_of, step
from delible.workflows.tables import KnownTable, chosen_tables
from delible.workflows.verdicts import MEASURED_BY_A_SCAN, judged, measure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.model.detection import Detection


@dataclass(frozen=True)
class Scan:
    """What one scan found.

    Args:
        tables: Names of the tables that were scanned.
        findings: One verdict per leaf column; a pinned one counts on, whatever stands here.
        values: Values that the verdicts rest on, those of former scans included.
        returned: Rows of erased people that are there again, by table; tables without any are left out.
        reaches: What can and cannot be ruled out, by table and column.
        read: How much was read, by table.
        gaps: Columns that came or changed since the last scan and that no policy maps, those that were clean and are so
            no more, and decisions of people that no longer fit.
        combinations: How unique quasi-identifiers make the rows.
    """

    tables: tuple[str, ...]
    findings: tuple[TagFinding, ...]
    values: int
    returned: dict[str, int] = field(default_factory=dict)
    reaches: dict[tuple[str, str], Reach] = field(default_factory=dict)
    read: tuple[ReadTable, ...] = ()
    gaps: tuple[Problem, ...] = ()
    combinations: tuple[Combination, ...] = ()

    @property
    def personal(self) -> int:
        """Number of columns that hold personal data."""
        return sum(finding.category is not None for finding in self.findings)


def scan_tables(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    extent: Extent = EVERYTHING,
    anew: bool = False,
    exact: bool = False,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Scan:
    """Look at columns of tables and record a verdict on each.

    Files that former scans have read are not read again where their evidence is as strong as what is asked for.

    Args:
        names: Tables; all that are there when none is named.
        extent: How much of each column is looked at.
        anew: Leave evidence of former scans aside.
        exact: Run plain Presidio, which finds the same and takes many times as long.

    Raises:
        InputError: `table.unknown`, `table.missing`, `tags.sample`, `detect.model_missing`.
        DelibleError: `detect.recognizer_slow`, `detect.slow`, `detect.failed`, `tags.scan_failed`; nothing of this scan
            is recorded.
    """
    if extent.values is not None and extent.values < 1:
        raise InputError("tags.sample", "a sample has at least one value.", where="--sample")
    ledger = Ledger(workspace, load_keys(workspace))
    control = Control(workspace)
    tables = chosen_tables(workspace, names, control)

    from delible.detect.model_files import check_installed

    detection = detection_for(workspace, control)
    check_installed(detection.nlp)
    words = f"{extent.words()}, exact" if exact else extent.words()
    facets = duty(control.policies_if_any, "scan", basis=None)
    inputs = scan_uses(control.policies_if_any, tables)
    with recorded(workspace, "tags.scan", now=now, inputs=inputs, facets=facets) as lineage:
        asked = _Asked(extent, anew, exact, actor, now, progress)
        found, versions = _scanned(control, tables, detection, asked)
        lineage.inputs = [scanned_use(use, found.findings, found.read, words) for use in inputs]
    _tell_ledger(ledger, found, versions, words, actor, now)
    return found


@dataclass(frozen=True)
class _Asked:
    """How a scan was asked for, as `scan_tables` says it."""

    extent: Extent
    anew: bool
    exact: bool
    actor: str
    now: datetime
    progress: Callable[[str], None]


def _scanned(
    control: Control,
    tables: Sequence[KnownTable],
    detection: Detection,
    asked: _Asked,
) -> tuple[Scan, dict[str, int]]:
    """Look at tables one by one, and return what was found with the version of each."""
    from delible.workflows.spark import session_for

    workspace, now, progress = control.workspace, asked.now, asked.progress
    spark = session_for(workspace)
    restricted = restricted_rows(workspace, spark, control)
    scans = Scans(workspace)
    looking = _Looking(
        spark, control, restricted, Known.of(workspace), asked.extent, detection, asked.exact, now, progress
    )
    looked: list[_Looked] = []
    for place, known in enumerate(tables, 1):
        made = looking.step(known, scans.newest(known.table), anew=asked.anew)
        looked.append(looking.look(made, f"{known.table} ({place} of {len(tables)})"))
    records = [each.record for each in looked]
    findings = [finding for each in looked for finding in each.findings]
    Tags(workspace).put(findings)
    for record in records:
        scans.put(record)
    few = MEASURED_BY_A_SCAN
    combinations = measure(workspace, tables, restricted, spark, now=now, most_rows=few, progress=progress)
    returned = _returned(control, [known.table for known in tables if known.policy], asked.actor, now, progress)
    found = Scan(
        tuple(record.table for record in records),
        tuple(findings),
        sum(finding.sampled for finding in findings),
        returned,
        {(r.table, c): reach(r, facts) for r in records for c, facts in r.facts.items()},
        tuple(each.read for each in looked),
        tuple(gap for each in looked for gap in each.gaps),
        combinations,
    )
    return found, {record.table: record.version for record in records}


class _Looked(NamedTuple):
    """What was read of one table, and said of it."""

    record: ScanRecord
    findings: list[TagFinding]
    gaps: list[Problem]
    read: ReadTable


@dataclass(frozen=True)
class _Looking:
    """How one scan looks at tables, one after the other."""

    spark: SparkSession
    control: Control
    restricted: Restricted
    before: Known
    extent: Extent
    detection: Detection
    exact: bool
    now: datetime
    progress: Callable[[str], None]

    def step(self, known: KnownTable, last: ScanRecord | None, *, anew: bool) -> Step:
        withheld = self.restricted.refs if self.restricted.leaves_out(known.table) else ()
        looked_for = detector_of(self.detection, exact=self.exact)
        return step(known, last, self.extent, looked_for, anew=anew, spark=self.spark, withheld=withheld)

    def look(self, made: Step, head: str) -> _Looked:
        known = made.known
        self.progress(f"Scanning {head}: {made.words()}")
        facts = self._facts(made, head) if made.read.files else []
        policy = self.control.policies.tables[known.table] if known.policy else None
        mapped = {column: policy is not None and is_among(column, policy.columns) for column in made.schema}
        mapped |= {column: True for table, column in self.before.pins if table == known.table}
        left_out = self.restricted.rows_left_out(known.table, known.location, known.version)
        record = made.record(facts, drift_of(made, mapped), self.now, withheld_rows=left_out)
        gaps = [_gap(known.table, column) for column in record.drift]
        said, more = verdicts_of(made, record, facts, self.detection, self.before, policy, self.now)
        files, fresh = len(made.snapshot.files), len(made.read.files)
        read = ReadTable(known.table, known.version, made.rows, fresh, files - fresh, made.before is None)
        return _Looked(record, said, gaps + more, read)

    def _facts(self, made: Step, head: str) -> list[ColumnFacts]:
        from delible.lake.sample import draw
        from delible.lake.scan import scan

        rows = self.restricted.without(made.known.table, draw(self.spark, made.known.location, **made.selection))
        with _told_of(made.known.table):
            return scan(
                rows,
                sample=self.extent.values,
                detection=self.detection,
                exact=self.exact,
                whole=made.rate >= 1.0 and not made.withheld,
                expected=made.expected,
                tell=partial(_tell, self.progress, head),
            )


def scan_names(workspace: Workspace, names: Sequence[str] = (), *, actor: str, now: datetime) -> Scan:
    """Judge columns by their names and types alone: no row is read, and no JVM started.

    A column whose values a scan has seen keeps its verdict.

    Raises:
        InputError: `table.unknown`, `table.missing`.
    """
    from delible.lake.leaves import leaves, schema_of

    ledger = Ledger(workspace, load_keys(workspace))
    control = Control(workspace)
    detection = detection_for(workspace, control)
    tables = chosen_tables(workspace, names, control)
    seen = {(t.table, t.column) for t in Tags(workspace).latest() if t.sampled or t.state.pinned}
    findings: list[TagFinding] = []
    inputs = scan_uses(control.policies_if_any, tables)
    for known in tables:
        schema = schema_of(table_snapshot(known.location, known.version).schema)
        facts = [ColumnFacts(leaf.path, leaf.kind) for leaf in leaves(schema)]
        found = judged(facts, detection, table=known.table, version=known.version, at=now)
        findings += [each for each in found if (each.table, each.column) not in seen]
    Tags(workspace).put(findings)
    reaches = {(f.table, f.column): Reach(0, 0, (), USUAL_CONFIDENCE, None) for f in findings}
    scanned = Scan(tuple(known.table for known in tables), tuple(findings), 0, reaches=reaches)
    facets = duty(control.policies_if_any, "scan", basis=None)
    with recorded(workspace, "tags.scan", now=now, inputs=inputs, facets=facets) as lineage:
        lineage.inputs = [scanned_use(use, findings, (), "names") for use in inputs]
    _tell_ledger(ledger, scanned, {known.table: known.version for known in tables}, "names", actor, now)
    return scanned


@contextmanager
def _told_of(table: str) -> Iterator[None]:
    """Put a table's name before the place of an error."""
    try:
        yield
    except InputError:
        raise
    except DelibleError as error:
        where = f"{table}.{error.where}" if error.where else table
        raise DelibleError(error.code, error.message, where=where, fix=error.fix) from None


def _gap(table: str, column: str) -> Problem:
    text = "the column came or changed since an earlier scan, and no policy maps it. Map it, or review its tag."
    return Problem("tags.drift", text, f"{table}.{column}")


def _tell(progress: Callable[[str], None], head: str, share: float) -> None:
    progress(f"Scanning {head}: {share:.0%} done")


def _tell_ledger(
    ledger: Ledger, found: Scan, versions: Mapping[str, int], sample: str, actor: str, now: datetime
) -> None:
    counts = {"tables": len(versions), "columns": len(found.findings), "values": found.values}
    counts |= {"personal": found.personal, "returned": sum(found.returned.values()), "gaps": len(found.gaps)}
    counts["files"] = sum(each.files_read for each in found.read)
    detail = {f"version:{table}": str(version) for table, version in versions.items()} | {"sample": sample}
    entry = AuditEntry(
        actor=actor, action="tags.scan", object="workspace:tables", outcome="done", counts=counts, detail=detail
    )
    ledger.append([entry], now)


def _returned(
    control: Control, names: Sequence[str], actor: str, now: datetime, progress: Callable[[str], None]
) -> dict[str, int]:
    """Return the tables in which rows of erased people are again; a path that leads nowhere yet stops no scan."""
    if not names:
        return {}
    try:
        looked = guard_tables(control.workspace, names, actor=actor, now=now, erase=False, policies=control.policies)
    except InputError as error:
        progress(f"not looked for erased people: {error}")
        return {}
    return {table.table: table.rows for table in looked.tables if table.rows}
