"""Cut a release: judge every row, treat every column, split by data subject, and write the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from delible.errors import DelibleError
from delible.lake.columns import INNER, OUTER, keyed, with_pads
from delible.lake.conditions import condition
from delible.lake.consent import RANK, Question, decisions
from delible.lake.facts import quoted
from delible.lake.identity import REFS, Read, RefKey, identity, row_refs, subject_refs, to_subjects
from delible.lake.release import SPLIT, SUBJECTS, settled, write_index, write_rows
from delible.lake.treatments import check_columns, treated
from delible.lake.workers import recognizers_told
from delible.model.dataset import Split
from delible.model.detection import Detection
from delible.model.policy import PolicySet
from delible.model.record import ReleaseFile
from delible.model.terms import Exclusion
from delible.plan.dataset import DatasetPlan

_RANK = "__rank"
_GROUP_RANK, _SUBJECTS, _LOWEST, _HIGHEST = "__group_rank", SUBJECTS, "__lowest", "__highest"
_IN_SCOPE, _LIMITED = "__in_scope", "__limited"
_REASONS = tuple(Exclusion)


@dataclass(frozen=True)
class Secrets:
    """Key material of a build. It reaches Spark as data, never as a literal.

    Args:
        refs: For subject references.
        split: HMAC pads that the split is drawn with; one for all datasets, so that a person who is in the test split
            of one is in no other's training split.
        domains: HMAC pads by pseudonym domain.
    """

    refs: RefKey
    split: tuple[bytes, bytes] = field(repr=False)
    domains: Mapping[str, tuple[bytes, bytes]] = field(repr=False)


@dataclass(frozen=True)
class Cut:
    """What a build let out, and what it did not.

    Args:
        excluded: Rows by reason; with `rows_out` they make `rows_in`.
        members: Distinct data subjects.
        limited: Rows that left without their sensitive columns (Cal. Civ. Code 1798.121).
        columns: What left, by name, with its Spark type.
    """

    rows_in: int
    rows_out: int
    excluded: dict[str, int]
    members: int
    limited: int
    files: tuple[ReleaseFile, ...]
    columns: dict[str, str]


@settled()
def cut(  # noqa: PLR0913 - all of it decides what leaves
    plan: DatasetPlan,
    policies: PolicySet,
    *,
    read: Read,
    records: DataFrame,
    flags: DataFrame,
    question: Question,
    secrets: Secrets,
    detection: Detection,
    folder: Path,
    row_index: Path,
    limited: DataFrame | None = None,
) -> Cut:
    """Write `data/*.parquet` and `subject_index.parquet` into a folder that nobody reads yet.

    Args:
        plan: What may leave.
        policies: All policies.
        read: A table's rows.
        records: The consent ledger.
        flags: As `lake.consent.flags_frame` makes it.
        question: Purpose, legal basis and the two instants.
        secrets: Key material.
        detection: What is looked for in text that is masked.
        folder: Where.
        row_index: Where which row is about whom is written; the folder is not there yet, and no part of the release.
        limited: A column `ref` of people who limited the use of their sensitive data; None when there is nobody.

    Raises:
        InputError: `dataset.column_missing`, `dataset.column_type`, or `condition.*` before anything is written.
        DelibleError: `dataset.miscounted` when rows in, rows out and excluded rows do not add up.
    """
    source = read(plan.source)
    check_columns(source, plan)
    in_scope = F.lit(True)
    if plan.where is not None:
        in_scope = F.coalesce(condition(source, plan.where, where=f"dataset:{plan.dataset}"), F.lit(False))
    rows_in = source.count()
    rows = row_refs(policies, plan.source, read, secrets.refs).withColumn(_IN_SCOPE, in_scope)
    people = identity(policies, read, secrets.refs).persist()
    decided = decisions(records, flags, people, question)
    groups = _groups(rows.where(_IN_SCOPE), people, decided, question, plan.split, secrets.split, limited).persist()
    try:
        judged = _judged(rows, groups, plan, question, secrets.split)
        observed = Observation()
        kept = judged.observe(observed, *_counts()).where(F.col(_RANK).isNull()).drop(_RANK)
        release = _without_sensitive(
            treated(kept, plan, secrets.domains, detection=detection, also=(SPLIT, _LIMITED, SUBJECTS)), plan
        )
        with recognizers_told():
            files = write_rows(release, folder, rows=rows_in, row_index=row_index)
        rows_out = sum(f.rows or 0 for f in files)
        counts = observed.get if rows_out else _asked(judged)
        members = groups.where(_keeps()).select(F.explode(_SUBJECTS).alias("subject")).distinct()
        index = write_index(subject_refs(people, members), folder)
        found = Cut(
            rows_in=rows_in,
            rows_out=rows_out,
            excluded={r.value: counts[r.value] for r in _REASONS if counts[r.value]},
            members=members.count(),
            limited=counts[_LIMITED],
            files=(*files, index),
            columns={
                f.name: f.dataType.simpleString() for f in release.schema.fields if f.name not in (SPLIT, SUBJECTS)
            },
        )
    finally:
        groups.unpersist()
        people.unpersist()
    if found.rows_in != found.rows_out + sum(found.excluded.values()):
        raise DelibleError(
            "dataset.miscounted",
            f"{found.rows_in} rows went in, but {found.rows_out} came out and "
            f"{sum(found.excluded.values())} were excluded.",
            where=f"dataset:{plan.dataset}",
            fix="Run the build again; nothing was released.",
        )
    return found


def kept_rows(
    plan: DatasetPlan,
    policies: PolicySet,
    *,
    read: Read,
    records: DataFrame,
    flags: DataFrame,
    question: Question,
    secrets: Secrets,
) -> DataFrame:
    """Return the source's rows that `cut` would let out, before any column is treated; nothing is written."""
    source = read(plan.source)
    check_columns(source, plan)
    in_scope = F.lit(True)
    if plan.where is not None:
        in_scope = F.coalesce(condition(source, plan.where, where=f"dataset:{plan.dataset}"), F.lit(False))
    rows = row_refs(policies, plan.source, read, secrets.refs).withColumn(_IN_SCOPE, in_scope)
    people = identity(policies, read, secrets.refs)
    decided = decisions(records, flags, people, question)
    groups = _groups(rows.where(_IN_SCOPE), people, decided, question, plan.split, secrets.split)
    return (
        _judged(rows, groups, plan, question, secrets.split)
        .where(F.col(_RANK).isNull())
        .drop(_RANK, _LIMITED, SUBJECTS)
    )


def _groups(
    rows: DataFrame,
    people: DataFrame,
    decided: DataFrame,
    question: Question,
    split: Split,
    pads: tuple[bytes, bytes],
    limited: DataFrame | None = None,
) -> DataFrame:
    """Return per distinct set of references: the reason's rank, its data subjects, and their lowest and highest split.

    All rows with the same references are judged alike, so each set is judged once. A row of several people is KEPT
    only if every one of them may be used, and limited as soon as one of them is.
    """
    sets = rows.where(F.size(REFS) > 0).select(REFS).distinct()
    each = to_subjects(sets.withColumn("ref", F.explode(REFS)), people).select(REFS, "subject").distinct()
    known = decided.select("subject", F.lit(True).alias("known"), "rank")
    each = with_pads(each.join(known, "subject", "left"), pads)
    each = each.withColumn(_LIMITED, F.lit(False))
    if limited is not None:
        who = to_subjects(limited, people).select("subject", F.lit(True).alias("__limits")).distinct()
        each = each.join(who, "subject", "left").withColumn(_LIMITED, F.coalesce("__limits", F.lit(False)))
    rank = F.when(F.col("known"), F.col("rank")).otherwise(F.lit(question.unheard).cast("int"))
    return (
        each.select(REFS, "subject", rank.alias("rank"), _split_of(F.col("subject"), split).alias("split"), _LIMITED)
        .groupBy(REFS)
        .agg(
            F.min("rank").alias(_GROUP_RANK),
            F.collect_set("subject").alias(_SUBJECTS),
            F.min("split").alias(_LOWEST),
            F.max("split").alias(_HIGHEST),
            F.max(_LIMITED).alias(_LIMITED),
        )
    )


def _split_of(value: Column, split: Split) -> Column:
    """Return 0 train, 1 validation, 2 test: the keyed hash of a subject reference, in hundredths."""
    drawn = F.conv(F.substring(keyed(value), 1, 8), 16, 10).cast("bigint") % 100
    return F.when(drawn < split.test, 2).when(drawn < split.test + split.validation, 1).otherwise(0)


def _keeps() -> Column:
    return F.col(_GROUP_RANK).isNull() & (F.col(_LOWEST) == F.col(_HIGHEST))


def _judged(
    rows: DataFrame, groups: DataFrame, plan: DatasetPlan, question: Question, pads: tuple[bytes, bytes]
) -> DataFrame:
    """Return the rows with the rank of their one reason (NULL: KEPT) and their split."""
    columns = [c for c in rows.columns if c not in (REFS, _IN_SCOPE)]
    joined = rows.join(groups, REFS, "left")
    nobody = F.size(REFS) == 0
    split = F.col(_LOWEST)
    if plan.about_nobody and question.unheard is None:
        joined = with_pads(joined, pads)
        split = _split_of(F.to_json(F.struct(*(F.col(quoted(c)) for c in columns))), plan.split)
        nobody = F.lit(False)
    rank = (
        F.when(~F.col(_IN_SCOPE), RANK[Exclusion.CONDITION])
        .when(nobody, RANK[Exclusion.NO_SUBJECT])
        .when(F.col(_GROUP_RANK).isNotNull(), F.col(_GROUP_RANK))
        .when(F.col(_LOWEST) != F.col(_HIGHEST), RANK[Exclusion.SPLIT_CONFLICT])
    )
    kept = [F.col(quoted(c)) for c in columns]
    limited = F.coalesce(F.col(_LIMITED), F.lit(False)).alias(_LIMITED)
    whose = F.col(_SUBJECTS).alias(SUBJECTS)
    return joined.select(*kept, split.alias(SPLIT), rank.alias(_RANK), limited, whose).drop(INNER, OUTER)


def _without_sensitive(release: DataFrame, plan: DatasetPlan) -> DataFrame:
    """Empty sensitive columns in the rows of people who limited their use.

    After the treatments, since masks look for what stands in the row's own columns.
    """
    emptied = {c: F.when(~F.col(_LIMITED), F.col(quoted(c))) for c in plan.sensitive}
    return release.withColumns(emptied).drop(_LIMITED)


def _counts() -> list[Column]:
    limited = F.count(F.when(F.col(_RANK).isNull() & F.col(_LIMITED), True)).alias(_LIMITED)
    return [*(F.count(F.when(F.col(_RANK) == RANK[r], True)).alias(r.value) for r in _REASONS), limited]


def _asked(judged: DataFrame) -> dict[str, int]:
    """Count by reason in a job of its own.

    When nothing is kept, Spark's adaptive planner cuts the whole write down to an empty one, the observation with it.
    """
    row = judged.agg(*_counts()).first()
    return {} if row is None else row.asDict()
