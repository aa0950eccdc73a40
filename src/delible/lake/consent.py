"""The consent rules of `decide.consent` for all data subjects in one pass: one join, one aggregation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from delible.decide import consent_statements as said
from delible.decide.consent import judge
from delible.decide.consent_statements import FORBIDS_ALWAYS, REASON, WEIGHT
from delible.lake.consent_terms import Facts, aged, end_of, limit_after, micros, place_rules
from delible.lake.identity import to_subjects
from delible.model.consent import SALE
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, Exclusion, LegalBasis

_GIVEN = WEIGHT[ConsentStatus.GIVEN]
_LATER = {"jurisdiction": "string", "age": "bigint", "given_by": "string", "notice_version": "string"}
"""Columns that older ledgers do not have, and their types."""

RANK = {reason: rank for rank, reason in enumerate(Exclusion)}
"""Reasons as numbers, so that the one that is tried first is the smallest."""


@dataclass(frozen=True)
class Question(said.Question):
    """What is asked of the consent ledger, for everybody at once."""

    @property
    def unheard(self) -> int | None:
        """The reason's rank for data subjects of whom nothing is recorded; None when their rows are KEPT."""
        reason = judge((), (), self).reason
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
        question: Purpose, legal basis, terms and the two instants.
    """
    told = to_subjects(_records(records, question), identity)
    told = _confirmed(told, question) if question.terms.double_opt_in else _counting(told)
    facts = Facts.of(question.terms)
    told = told.select("subject", "statement", "asked", *facts.told(~F.col("shared")), _none("int").alias("flag"))
    standing = to_subjects(flags, identity).select(
        "subject",
        *(_none(f.dataType.simpleString()).alias(f.name) for f in told.schema if f.name not in ("subject", "flag")),
        F.col("rank").alias("flag"),
    )
    grouped = told.unionByName(standing).groupBy("subject")
    counts = (F.col("statement.weight") > _GIVEN) | ~F.col("statement.own")
    latest = grouped.agg(
        F.max("statement").alias("statement"),
        *([F.max(F.when(counts, F.col("statement"))).alias("parental")] if question.terms.asks_age else []),
        F.coalesce(F.max("asked"), F.lit(False)).alias("asked"),
        *facts.latest(),
        F.min("flag").alias("flag"),
    )
    # What only changes what is released of a person counts after what forbids to use them at all.
    first = F.when(F.col("flag") < RANK[Exclusion.LIMITED], F.col("flag"))
    return latest.select("subject", F.coalesce(first, _rank(question), "flag").alias("rank"))


def _records(records: DataFrame, question: Question) -> DataFrame:
    """Return rule 3's records: known, begun, and on the purpose, or with facts where these count."""
    missing = {name: _none(kind) for name, kind in _LATER.items() if name not in records.columns}
    frame = records.withColumns(missing) if missing else records
    known = (F.col("recorded_at") <= F.lit(question.known_at)) & (F.col("valid_from") <= F.lit(question.as_of))
    weight = _chosen(F.col("status"), {status.value: w for status, w in WEIGHT.items()})
    agrees = F.col("legal_basis") == LegalBasis.CONSENT.value
    confirms = F.lit(False)
    if question.terms.double_opt_in:
        confirms = (F.col("status") == ConsentStatus.CONFIRMED.value) & agrees
    spoken = F.col("purpose") == question.purpose
    if question.sale:
        spoken = spoken | ((F.col("purpose") == SALE) & (F.col("status") == ConsentStatus.OPTED_OUT.value))
    counts = spoken & (confirms | (weight.isNotNull() & ((weight != _GIVEN) | agrees)))
    telling = (F.col("age").isNotNull() | F.col("jurisdiction").isNotNull()) if question.terms.asks_facts else None
    frame = frame.where(known & (counts if telling is None else counts | telling))
    at = micros(F.col("valid_from"))
    gives = weight == _GIVEN
    end = F.when(gives, end_of(question.terms, at)).otherwise(micros(F.col("valid_until")))
    own = F.coalesce(F.col("given_by") != ConsentGiver.PARENT.value, F.lit(True))
    return frame.select(
        "ref",
        "jurisdiction",
        "age",
        at.alias("at"),
        F.when(counts, _statement(at, weight, micros(F.col("recorded_at")), end, own)).alias("statement"),
        (counts & confirms).alias("confirms"),
        (counts & gives & F.coalesce(end > F.unix_micros(F.lit(question.as_of)), F.lit(True))).alias("lasts"),
    )


def _counting(told: DataFrame) -> DataFrame:
    """Leave out what gives consent under shared identifiers (rule 4)."""
    gives = F.coalesce(F.col("lasts"), F.lit(False)) & F.col("shared")
    statement = F.when(~gives, F.col("statement"))
    return told.withColumns({"statement": statement, "asked": F.lit(False)})


def _confirmed(told: DataFrame, question: Question) -> DataFrame:
    """Put confirmations in the place of what they confirm (rule 9)."""
    earlier = Window.partitionBy("subject").orderBy("at").rangeBetween(Window.unboundedPreceding, Window.currentRow)
    weight, mine = F.col("statement.weight"), ~F.col("shared")
    gives = F.coalesce(weight == _GIVEN, F.lit(False)) & mine
    first = F.max(F.when(gives, F.col("statement"))).over(earlier)
    forbidden = F.max(F.when(weight > _GIVEN, F.col("at"))).over(earlier)
    frame = told.withColumns({"gives": gives, "first": first, "forbidden": forbidden})
    start, at = F.col("first.at"), F.col("at")
    until = limit_after(start, question.terms.confirm_within)
    in_time = F.lit(True) if until is None else at <= until
    first_end = F.when(F.col("first.ends"), -F.col("first.minus_end"))
    holds = F.coalesce(F.col("forbidden") < start, F.lit(True)) & F.coalesce(first_end > at, F.lit(True)) & in_time
    own_end = F.when(F.col("statement.ends"), -F.col("statement.minus_end"))
    end = F.least(first_end, own_end)
    own = F.col("first.own") | F.col("statement.own")
    made = _statement(at, F.lit(_GIVEN), F.col("statement.recorded_at"), end, own)
    counting = F.when(F.col("confirms") & mine & start.isNotNull() & holds, made).when(
        weight > _GIVEN, F.col("statement")
    )
    return frame.withColumns({"statement": counting, "asked": F.col("gives")})


def _statement(at: Column, weight: Column, recorded_at: Column, end: Column, own: Column) -> Column:
    """Return a struct that is greater the more it decides (rule 5)."""
    return F.struct(
        at.alias("at"),
        weight.cast("int").alias("weight"),
        recorded_at.alias("recorded_at"),
        end.isNotNull().alias("ends"),
        F.coalesce(-end, F.lit(0).cast("bigint")).alias("minus_end"),
        own.alias("own"),
    )


def _rank(question: Question) -> Column:
    """Return rules 6 to 10 over what decides."""
    terms, consent = question.terms, question.basis is LegalBasis.CONSENT
    statement = F.col("statement")
    lasting = _lasting(statement, question)
    forbids = _chosen(
        statement["weight"], {w: RANK[reason] for w, reason in REASON.items() if reason in FORBIDS_ALWAYS}
    )
    silent = (
        F.when(statement.isNotNull(), RANK[Exclusion.EXPIRED])
        .when(F.col("asked"), RANK[Exclusion.UNCONFIRMED])
        .when(_unknown_place(question), RANK[Exclusion.JURISDICTION_UNKNOWN])
        .otherwise(RANK[Exclusion.NO_CONSENT])
    )
    may_opt_out = F.coalesce(F.col("place.opt_in") == 0, F.lit(False)) if terms.opt_out_in else F.lit(False)
    opt_in = ~may_opt_out if consent else F.lit(False)
    rank = F.when(forbids.isNotNull(), forbids).when(~lasting & opt_in, silent)
    if not terms.asks_age:
        return rank.cast("int")
    age = aged(F.col("age"), question.as_of)
    parental_below, opt_in_below = place_rules(terms)
    of_child = _of_child(question)
    by_parent = lasting & ~F.coalesce(statement["own"], F.lit(True))
    unknown = age.isNull() & (F.greatest(parental_below, opt_in_below) > 0) & ~by_parent
    young = F.coalesce(age < opt_in_below, F.lit(False)) & ~lasting
    others = rank.when(unknown, RANK[Exclusion.AGE_UNKNOWN]).when(young, RANK[Exclusion.MINOR])
    return F.when(F.coalesce(age < parental_below, F.lit(False)), of_child).otherwise(others).cast("int")


def _of_child(question: Question) -> Column:
    statement = F.col("parental")
    reasons = _chosen(statement["weight"], {w: RANK[reason] for w, reason in REASON.items()})
    return (
        F.when(statement.isNull(), RANK[Exclusion.MINOR])
        .when(reasons.isNotNull(), reasons)
        .when(~_lasting(statement, question), RANK[Exclusion.EXPIRED])
    )


def _lasting(statement: Column, question: Question) -> Column:
    ended = statement["ends"] & (-statement["minus_end"] <= F.unix_micros(F.lit(question.as_of)))
    return F.coalesce((statement["weight"] == _GIVEN) & ~ended, F.lit(False))


def _unknown_place(question: Question) -> Column:
    return F.col("place").isNull() if question.terms.opt_out_in else F.lit(False)


def _none(kind: str) -> Column:
    return F.lit(None).cast(kind)


def _chosen(column: Column, values: dict[str, int] | dict[int, int]) -> Column:
    cases = [(column == key, value) for key, value in values.items()]
    first, *rest = cases
    return reduce(lambda chain, case: chain.when(*case), rest, F.when(*first))
