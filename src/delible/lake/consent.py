"""The consent rules of `decide.consent` for all data subjects in one pass: one join, one aggregation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.consent import FORBIDS_ALWAYS, REASON, WEIGHT, decide
from delible.lake.identity import to_subjects
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis

_GIVEN = WEIGHT[ConsentStatus.GIVEN]

RANK = {reason: rank for rank, reason in enumerate(Exclusion)}
"""Reasons as numbers, so that the one that is tried first is the smallest."""


@dataclass(frozen=True)
class Question:
    """What is asked of the consent ledger; fields as in `decide.consent.decide`."""

    purpose: str
    basis: LegalBasis
    as_of: datetime
    known_at: datetime

    @property
    def unheard(self) -> int | None:
        """The reason's rank for data subjects of whom nothing is recorded; None when their rows are KEPT."""
        reason = decide((), (), purpose=self.purpose, basis=self.basis, as_of=self.as_of, known_at=self.known_at).reason
        return None if reason is None else RANK[reason]


def flags_frame(spark: SparkSession, flags: Iterable[tuple[SubjectRef, Exclusion]]) -> DataFrame:
    """Return what stands against people as a frame of `ref` and `rank`."""
    rows = list(flags)
    table = pa.table(
        {
            "ref": pa.array([ref for ref, _ in rows], pa.string()),
            "rank": pa.array([RANK[reason] for _, reason in rows], pa.int32()),
        }
    )
    return spark.createDataFrame(table)


def refs_frame(spark: SparkSession, refs: Iterable[SubjectRef]) -> DataFrame:
    """Return references as a frame of one column `ref`."""
    return spark.createDataFrame(pa.table({"ref": pa.array(sorted(refs), pa.string())}))


def decisions(records: DataFrame, flags: DataFrame, identity: DataFrame, question: Question) -> DataFrame:
    """Return `subject`, `rank` for every data subject of whom something is recorded; `rank` NULL: rows KEPT.

    Args:
        records: The consent ledger.
        flags: As `flags_frame` makes it.
        identity: As `lake.identity.identity` makes it.
        question: Purpose, legal basis and the two instants.
    """
    statements = to_subjects(_statements(records, question), identity)
    statements = statements.where(~F.col("gives") | ~F.col("shared")).select(
        "subject", "statement", F.lit(None).cast("int").alias("flag")
    )
    nothing = F.lit(None).cast(statements.schema["statement"].dataType)
    standing = to_subjects(flags, identity).select("subject", nothing.alias("statement"), F.col("rank").alias("flag"))
    grouped = statements.unionByName(standing).groupBy("subject")
    latest = grouped.agg(F.max("statement").alias("statement"), F.min("flag").alias("flag"))
    return latest.select("subject", F.coalesce("flag", _rank(question)).alias("rank"))


def _statements(records: DataFrame, question: Question) -> DataFrame:
    """Return rule 3's and 4's statements, each as a struct that is greater the more it decides (rule 5)."""
    weight = _chosen(F.col("status"), {status.value: w for status, w in WEIGHT.items()})
    given = weight == _GIVEN
    counted = records.where(
        (F.col("purpose") == question.purpose)
        & (F.col("recorded_at") <= F.lit(question.known_at))
        & (F.col("valid_from") <= F.lit(question.as_of))
        & weight.isNotNull()
        & (~given | (F.col("legal_basis") == LegalBasis.CONSENT.value))
    )
    ends = F.unix_micros(F.col("valid_until").cast("timestamp"))
    lasts = given & F.coalesce(ends > F.unix_micros(F.lit(question.as_of)), F.lit(True))
    statement = F.struct(
        F.col("valid_from"),
        weight.alias("weight"),
        F.col("recorded_at"),
        ends.isNotNull().alias("ends"),
        F.coalesce(-ends, F.lit(0).cast("bigint")).alias("minus_end"),
    )
    return counted.select("ref", statement.alias("statement"), lasts.alias("gives"))


def _rank(question: Question) -> Column:
    """Return rules 6 to 8 over the deciding statement."""
    weight = F.col("statement.weight")
    ended = (
        (weight == _GIVEN)
        & F.col("statement.ends")
        & (-F.col("statement.minus_end") <= F.unix_micros(F.lit(question.as_of)))
    )
    reasons = {w: RANK[reason] for w, reason in REASON.items()}
    if question.basis is not LegalBasis.CONSENT:
        reasons = {w: RANK[reason] for w, reason in REASON.items() if reason in FORBIDS_ALWAYS}
        return _chosen(weight, reasons)
    said = F.when(ended, RANK[Exclusion.EXPIRED]).otherwise(_chosen(weight, reasons))
    return F.when(weight.isNull(), F.lit(question.unheard)).otherwise(said).cast("int")


def _chosen(column: Column, values: dict[str, int] | dict[int, int]) -> Column:
    cases = [(column == key, value) for key, value in values.items()]
    first, *rest = cases
    return reduce(lambda chain, case: chain.when(*case), rest, F.when(*first))
