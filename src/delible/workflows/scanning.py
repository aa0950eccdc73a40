"""What a scan reads of one table, given what former scans have read, and what is kept of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from delible import __version__
from delible.decide.increment import (
    Reading,
    Rewrite,
    ScanRecord,
    combined,
    continues,
    drifted,
    mostly_gone,
    reading,
)
from delible.decide.sampling import Bound, expected_rows, per_file, rate_for, rate_of
from delible.decide.tagging import TEXTS, ColumnFacts
from delible.model.detection import Detection
from delible.store.snapshots import TableSnapshot, file_digest, table_snapshot
from delible.workflows.tables import KnownTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FEWEST_ROWS, _ROWS_PER_VALUE = 50_000, 20
_LEFT = 0.9
"""Share of the rows that may be left before a bound asks for more than was drawn, and all is read anew."""
USUAL_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Extent:
    """How much of each column is looked at; everything when neither is given.

    Args:
        bound: Enough rows that this can be said.
        values: Distinct values per column at most; nothing is said of the other ones.
    """

    bound: Bound | None = None
    values: int | None = None

    def needed(self, rows: int) -> float:
        """Return the rate at which rows of a table must have been drawn at least."""
        if self.bound is not None:
            return rate_for(self.bound, rows)
        return 1.0 if self.values is None else 0.0

    def rate(self, rows: int) -> float:
        """Return the rate at which rows are drawn now: so many that evidence is enough still when some rows go."""
        if self.bound is not None:
            return rate_for(self.bound, int(rows * _LEFT))
        if self.values is not None:
            return rate_of(max(_FEWEST_ROWS, self.values * _ROWS_PER_VALUE), rows)
        return 1.0

    def words(self) -> str:
        """Return it for the ledger."""
        if self.bound is not None:
            return f"confidence {self.bound.confidence:g}, prevalence {_fraction(self.bound.prevalence)}"
        return "all" if self.values is None else str(self.values)


EVERYTHING = Extent()


@dataclass(frozen=True)
class Step:
    """One table's part of a scan.

    Args:
        read: What is read now; nothing when former scans have read every file.
        before: What they read; None when it starts anew.
        last: The last scan's record, whether this one goes on from it or not.
        rows: Of the table's version, without those behind deletion vectors.
        expected: About how many rows will be looked at now.
        detector: What looks: this release, and what it looks for.
        withheld: Digests of the people whose rows are left out.
        seed: Number of the draw.
    """

    known: KnownTable
    snapshot: TableSnapshot
    schema: Mapping[str, str]
    extent: Extent
    read: Reading
    before: ScanRecord | None
    last: ScanRecord | None
    rows: int
    rate: float
    expected: int
    detector: str
    withheld: frozenset[str] = frozenset()
    seed: int = 0

    @property
    def whole(self) -> bool:
        """Whether every row of every file is read now."""
        return self.before is None and self.rate >= 1.0

    @property
    def selection(self) -> dict[str, Any]:
        """What `lake.sample.draw` is asked for."""
        chosen = [self.snapshot.files[each] for each in sorted(self.read.files)]
        plain = all(file.plain for file in chosen)
        table = len(chosen) == len(self.snapshot.files) and (self.rate >= 1.0 or not plain)
        return {
            "version": self.snapshot.version,
            "files": None if table else [file.path for file in chosen],
            "plain": plain,
            "rate": self.rate,
            "each": per_file([file.rows or 0 for file in chosen], self.rate),
            "seed": self.seed,
        }

    def words(self) -> str:
        """Return what is read, for people who wait."""
        if not self.read.files:
            return f"{len(self.schema)} columns, nothing new since version {self.last.version if self.last else 0}"
        known = len(self.snapshot.files) - len(self.read.files)
        before = f"; {known:,} read before" if known else ""
        rows = f"about {self.expected:,} of {self.rows:,} rows"
        return f"{len(self.schema)} columns, {rows}, {len(self.read.files):,} file(s){before}"

    def record(
        self, found: Sequence[ColumnFacts], drift: tuple[str, ...], now: datetime, *, withheld_rows: int = 0
    ) -> ScanRecord:
        """Return what is known after reading, of this scan and those that it goes on from.

        Args:
            withheld_rows: Rows of the table that were left out, whichever files they stand in.
        """
        before = self.before.facts if self.before is not None else {}
        facts = {each.column: combined(before.get(each.column), each) for each in found}
        for column, kept in before.items():
            if column not in facts and (column in self.schema or _base(column, self.schema)):
                facts[column] = kept
        for column, kind in self.schema.items():
            facts.setdefault(column, ColumnFacts(column, kind))
        bound, old = self.extent.bound, self.before
        return ScanRecord(
            table=self.known.table,
            source=self.snapshot.source,
            version=self.snapshot.version,
            rate=self.rate if old is None else min(self.rate, old.rate),
            most=self.extent.values if old is None else _lower(self.extent.values, old.most),
            confidence=USUAL_CONFIDENCE if bound is None else bound.confidence,
            prevalence="" if bound is None else _fraction(bound.prevalence),
            rows=self.rows,
            detector=self.detector,
            files=frozenset(self._seen()),
            schema=dict(self.schema),
            drift=drift,
            facts=_ordered(facts, self.schema),
            at=now,
            physical=self.snapshot.physical,
            withheld=self.withheld,
            withheld_rows=withheld_rows,
            seed=self.seed,
        )

    def _seen(self) -> Iterator[bytes]:
        """Yield what stands for each file in the record: of which all rows were drawn, or those that it shows now."""
        before = self.before.files if self.before is not None else frozenset()
        for each, file in self.snapshot.files.items():
            partly = file.shown is not None and (each in self.read.files or file.shown in before)
            yield file.shown if partly and file.shown is not None else each


def detector_of(detection: Detection, *, exact: bool = False) -> str:
    """Return what looks, in words: evidence of another release, model or recognizers is not added to.

    It reads the model's files, since a model that was trained anew has the name of the old one.
    """
    from delible.detect.model_files import model_digest

    words = (__version__, detection.key, model_digest(detection.nlp), "exact" if exact else "")
    return " ".join(filter(None, words))


def step(
    known: KnownTable,
    last: ScanRecord | None,
    extent: Extent,
    detector: str,
    *,
    anew: bool,
    spark: SparkSession,
    withheld: Collection[str] = (),
) -> Step:
    """Return what a scan of a table reads.

    It starts anew where it is told to, where former scans looked at less than is asked for now, where a column has
    another type or the name that another one had, where rows of somebody whom they left out are there to be read, and
    where most of what they read is gone.

    Args:
        withheld: References of the people whose rows are left out now.
    """
    from delible.lake.commits import rewrites
    from delible.lake.leaves import leaves, schema_of
    from delible.lake.sample import count_rows

    snapshot = table_snapshot(known.location, known.version)
    schema = {leaf.path: leaf.kind for leaf in leaves(schema_of(snapshot.schema))}
    rows = known.size.rows if known.size is not None else None
    if rows is None:
        rows = count_rows(spark, known.location, version=known.version)
    rate, source = extent.rate(rows), snapshot.source
    same = continues(last, source=source, detector=detector, rate=extent.needed(rows), most=extent.values)
    left_out = frozenset(_digest(ref) for ref in withheld)
    another = last is None or _is_another(last, snapshot, schema) or not last.withheld <= left_out
    before = None if anew or not same or another else last
    found = Reading(frozenset(snapshot.files))
    if before is not None:
        since = rewrites(known.location, since=before.version, until=known.version)
        shown = {each: file.shown for each, file in snapshot.files.items()}
        found = reading(shown, before.files, (Rewrite(_digests(a), _digests(r)) for a, r in since))
        if mostly_gone(found):
            before, found = None, Reading(frozenset(snapshot.files))
    sizes = [snapshot.files[each].rows or 0 for each in found.files]
    expected = expected_rows(sizes, rate)
    seed = before.seed if before is not None else last.seed + 1 if last is not None else 0
    return Step(known, snapshot, schema, extent, found, before, last, rows, rate, expected, detector, left_out, seed)


def drift_of(now: Step, is_mapped: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the columns that came or changed since a scan and that nobody has mapped yet."""
    last = now.last
    if last is None or last.source != now.snapshot.source:
        return ()
    named = dict.fromkeys((*last.drift, *drifted(last.schema, now.schema)))
    return tuple(column for column in named if column in now.schema and not is_mapped.get(column, False))


def _is_another(last: ScanRecord, snapshot: TableSnapshot, schema: Mapping[str, str]) -> bool:
    changed = any(last.schema.get(column, kind) != kind for column, kind in schema.items())
    return changed or last.version > snapshot.version or _is_renamed(last, snapshot.physical)


def _is_renamed(last: ScanRecord, physical: Mapping[str, str]) -> bool:
    """Return whether a name stands for another column of the files than before, or a column has another name."""
    before = last.physical or {name: name for name in physical if name in last.schema or _is_above(name, last.schema)}
    known = set(before.values())
    swapped = any(before.get(name, below) != below for name, below in physical.items())
    return swapped or any(name not in before and below in known for name, below in physical.items())


def _is_above(name: str, schema: Mapping[str, str]) -> bool:
    return any(column.startswith(f"{name}.") for column in schema)


def _digest(ref: str) -> str:
    return blake2b(ref.encode(), digest_size=8).hexdigest()


def _digests(paths: frozenset[str]) -> frozenset[bytes]:
    return frozenset(file_digest(path) for path in paths)


def _base(column: str, schema: Mapping[str, str]) -> bool:
    """Return whether a path leads into the documents of a column that is still there."""
    return any(column.startswith(f"{leaf}.") for leaf, kind in schema.items() if kind in TEXTS)


def _ordered(facts: Mapping[str, ColumnFacts], schema: Mapping[str, str]) -> dict[str, ColumnFacts]:
    """Return the columns in the schema's order, paths in documents behind their column."""
    place = {column: i for i, column in enumerate(schema)}

    def key(column: str) -> tuple[int, str]:
        own = column if column in place else next(c for c in place if column.startswith(f"{c}."))
        return place[own], "" if column in place else column

    return {column: facts[column] for column in sorted(facts, key=key)}


def _fraction(share: Fraction) -> str:
    return f"{share.numerator}/{share.denominator}"


def _lower(one: int | None, other: int | None) -> int | None:
    limits = [each for each in (one, other) if each is not None]
    return min(limits) if limits else None
