"""Cut a release: judge every row, treat every column, split by data subject, and write the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from delible.decide.gates import Groups
from delible.errors import DelibleError, InputError
from delible.lake.consent import RANK, Question, decisions
from delible.lake.gates import Rescan, grouped_by, groups_of, labels_of, rescan
from delible.lake.identity import Read, identity, subject_refs
from delible.lake.joins import Assembled, assembled
from delible.lake.judging import LIMITED, REASON, Secrets, grouped, judged, members_of
from delible.lake.release import settled, spooled, write_index, write_rows
from delible.lake.release_files import SPLIT, SUBJECTS
from delible.lake.treatments import check_columns, treated, without_sensitive
from delible.lake.workers import recognizers_told
from delible.model.detection import Detection
from delible.model.policy import PolicySet
from delible.model.record import ReleaseFile
from delible.model.terms import Exclusion
from delible.plan.dataset import DatasetPlan

__all__ = ["Cut", "Grounds", "Secrets", "Tally", "cut", "kept_rows", "tally"]

_REASONS = tuple(Exclusion)
_TOTAL = "__total"


@dataclass(frozen=True)
class Grounds:
    """What rows are judged by.

    Args:
        read: A table's rows.
        records: The consent ledger.
        flags: As `lake.consent.flags_frame` makes it.
        question: Purpose, legal basis and the two instants.
        secrets: Key material.
        limited: A column `ref` of people who limited the use of their sensitive data; None when there is nobody.
    """

    read: Read
    records: DataFrame
    flags: DataFrame
    question: Question
    secrets: Secrets
    limited: DataFrame | None = None


@dataclass(frozen=True)
class Tally:
    """What is decided of all rows.

    Args:
        excluded: Rows by reason; with `rows_out` they make `rows_in`.
        members: Distinct data subjects of the rows that leave.
        limited: Rows that leave without their sensitive columns (Cal. Civ. Code 1798.121).
    """

    rows_in: int
    rows_out: int
    excluded: dict[str, int]
    members: int
    limited: int


@dataclass(frozen=True)
class Cut(Tally):
    """What a build let out, and what it did not.

    Args:
        columns: What left, by name, with its Spark type.
        groups, labels, rescan: What the plan's gates asked for; None where they asked for nothing, or there was none.
    """

    files: tuple[ReleaseFile, ...]
    columns: dict[str, str]
    groups: Groups | None = None
    labels: tuple[int, int] | None = None
    rescan: Rescan | None = None


@dataclass(frozen=True)
class _Decided:
    """All rows with their reasons, and who is behind them."""

    rows: DataFrame
    rows_in: int
    people: DataFrame
    members: DataFrame


@settled()
def cut(
    plan: DatasetPlan,
    policies: PolicySet,
    by: Grounds,
    *,
    detection: Detection,
    folder: Path,
    row_index: Path,
) -> Cut:
    """Write `data/*.parquet` and `subject_index.parquet` into a folder that nobody reads yet, and measure them.

    Args:
        plan: What may leave.
        policies: All policies.
        detection: What is looked for in text that is masked, and in rows that are read again.
        folder: Where.
        row_index: Where which row is about whom is written; the folder is not there yet, and no part of the release.

    Raises:
        InputError: `dataset.column_missing`, `dataset.column_type`, `dataset.join_column`, `dataset.column_twice` or
            `condition.*` before anything is written; `dataset.join_many` when a join finds several rows for one.
        DelibleError: `dataset.miscounted` when rows in, rows out and excluded rows do not add up.
    """
    with _decided(plan, policies, by) as found, spooled(folder) as spool:
        observed = Observation()
        kept = found.rows.observe(observed, *_counts()).where(F.col(REASON).isNull()).drop(REASON)
        release = without_sensitive(
            treated(kept, plan, by.secrets.domains, detection=detection, also=(SPLIT, LIMITED, SUBJECTS)), plan
        )
        quasi = grouped_by(plan)
        with recognizers_told():
            files = write_rows(release, folder, rows=found.rows_in, spool=spool, row_index=row_index, quasi=quasi)
        rows_out = sum(f.rows or 0 for f in files)
        counts = observed.get if rows_out else _asked(found.rows)
        excluded = _settle(plan, found.rows_in, rows_out, counts)
        index, members = write_index(subject_refs(found.people, found.members), folder)
        spark = found.rows.sparkSession
        return Cut(
            rows_in=found.rows_in,
            rows_out=rows_out,
            excluded=excluded,
            members=members,
            limited=counts[LIMITED],
            files=(*files, index),
            columns={
                f.name: f.dataType.simpleString() for f in release.schema.fields if f.name not in (SPLIT, SUBJECTS)
            },
            groups=groups_of(spark, spool, plan),
            labels=labels_of(spark, folder, plan.label) if plan.label is not None else None,
            rescan=rescan(spark, folder, plan, detection),
        )


@settled()
def tally(plan: DatasetPlan, policies: PolicySet, by: Grounds) -> Tally:
    """Return what `cut` would decide; no column is treated, and nothing is written.

    Raises:
        InputError: As `cut`.
        DelibleError: As `cut`.
    """
    with _decided(plan, policies, by) as found:
        counts = _asked(found.rows)
        rows_out = counts[_TOTAL] - sum(counts[r.value] for r in _REASONS)
        excluded = _settle(plan, found.rows_in, rows_out, counts)
        return Tally(found.rows_in, rows_out, excluded, found.members.count(), counts[LIMITED])


def kept_rows(plan: DatasetPlan, policies: PolicySet, by: Grounds) -> DataFrame:
    """Return the rows that `cut` would let out, before any column is treated; nothing is written."""
    made, people = _assembled(plan, policies, by), identity(policies, by.read, by.secrets.refs)
    groups = _groups(made, plan, policies, by, people)
    rows = judged(made, groups, plan, by.question, by.secrets)
    return rows.where(F.col(REASON).isNull()).drop(REASON, LIMITED, SUBJECTS)


@contextmanager
def _decided(plan: DatasetPlan, policies: PolicySet, by: Grounds) -> Iterator[_Decided]:
    """Decide once, and keep what was decided until the end: rows are then read once per job."""
    made = _assembled(plan, policies, by)
    # Of a table whose log counts its rows, this opens no file; it is the one number that the judgement has no part in.
    several = any(join.many for join in plan.joins)
    rows_in = made.frame.count() if several else by.read(plan.source).count()
    people = identity(policies, by.read, by.secrets.refs)
    if policies.links():  # of nothing, Spark would join with what it kept
        people = people.persist()
    groups = _groups(made, plan, policies, by, people)
    groups = groups.persist() if groups is not None else None
    members = members_of(groups) if groups is not None else people.where(F.lit(False)).select("subject")
    try:
        yield _Decided(judged(made, groups, plan, by.question, by.secrets), rows_in, people, members)
    finally:
        for frame in (groups, people):
            if frame is not None:
                frame.unpersist()


def _assembled(plan: DatasetPlan, policies: PolicySet, by: Grounds) -> Assembled:
    made = assembled(plan, policies, by.read, by.secrets.refs, by.question.as_of)
    check_columns(made.frame, plan)
    return made


def _groups(
    made: Assembled, plan: DatasetPlan, policies: PolicySet, by: Grounds, people: DataFrame
) -> DataFrame | None:
    decided = decisions(by.records, by.flags, people, by.question)
    return grouped(
        made,
        policies,
        people,
        decided,
        question=by.question,
        split=plan.split,
        secrets=by.secrets,
        limited=by.limited,
    )


def _counts() -> list[Column]:
    kept = F.col(REASON).isNull()
    return [
        *(F.count(F.when(F.col(REASON) == RANK[r], True)).alias(r.value) for r in _REASONS),
        F.count(F.when(kept & F.col(LIMITED), True)).alias(LIMITED),
        F.count(F.lit(1)).alias(_TOTAL),
    ]


def _asked(rows: DataFrame) -> dict[str, int]:
    """Count by reason in a job of its own.

    When nothing is kept, Spark's adaptive planner cuts the whole write down to an empty one, the observation with it.
    """
    row = rows.agg(*_counts()).first()
    return {} if row is None else row.asDict()


def _settle(plan: DatasetPlan, rows_in: int, rows_out: int, counts: dict[str, int]) -> dict[str, int]:
    """Return the excluded rows by reason; every row that went in is out or among them."""
    excluded = {r.value: counts[r.value] for r in _REASONS if counts[r.value]}
    if rows_in == rows_out + sum(excluded.values()):
        return excluded
    where = f"dataset:{plan.dataset}"
    if plan.joins and counts[_TOTAL] > rows_in:
        raise InputError(
            "dataset.join_many",
            f"{rows_in:,} rows became {counts[_TOTAL]:,}: a join finds several rows for one.",
            where=where,
            fix="Join by a key that is unique in the joined table, or say 'many: true' if each shall be a row.",
        )
    raise DelibleError(
        "dataset.miscounted",
        f"{rows_in} rows went in, but {rows_out} came out and {sum(excluded.values())} were excluded.",
        where=where,
        fix="Run the build again; nothing was released.",
    )
