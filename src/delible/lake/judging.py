"""Which rows may leave: one decision per combination of keys, brought back to all rows in one join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from delible.lake.columns import INNER, OUTER, keyed, with_pads
from delible.lake.consent import RANK, Question
from delible.lake.facts import quoted
from delible.lake.identity import RefKey, to_subjects
from delible.lake.joins import IN_SCOPE, OVERDUE, Assembled, part_refs
from delible.lake.release import short
from delible.lake.release_files import SPLIT, SUBJECTS
from delible.model.dataset import Split
from delible.model.policy import PolicySet
from delible.model.terms import Exclusion
from delible.plan.dataset import DatasetPlan

REASON, LIMITED = "__rank", "__limited"
"""Of a judged row: the rank of its one reason (NULL: KEPT), and whether sensitive columns are emptied."""

_GROUP_RANK, _LOWEST, _HIGHEST, _NOBODY, _REFS = "__group_rank", "__lowest", "__highest", "__nobody", "__members"


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


def grouped(
    made: Assembled,
    policies: PolicySet,
    people: DataFrame,
    decided: DataFrame,
    *,
    question: Question,
    split: Split,
    secrets: Secrets,
    limited: DataFrame | None = None,
) -> DataFrame | None:
    """Return per combination of keys: the reason's rank, its data subjects, and their lowest and highest split.

    A row of several people, of one table or of several, is KEPT only if every one of them may be used, and limited as
    soon as one of them is. A part that is about people but names none leaves with nobody's consent, so its row stays.

    Returns:
        None where no table of the recipe is about people.
    """
    parts = [part for part in made.parts if part.reaches]
    if not parts:
        return None
    scope = reduce(lambda a, b: a & F.col(b).isNotNull(), made.optional, F.col(IN_SCOPE) & ~F.col(OVERDUE))
    sets = with_pads(made.frame.where(scope).select(*made.keys).distinct(), secrets.refs.pads)
    found = {f"__found_{n}": part_refs(part, policies, secrets.refs) for n, part in enumerate(parts)}
    sets = sets.withColumns(found).drop(INNER, OUTER)
    empty = [
        (F.lit(True) if p.there is None else F.col(p.there).isNotNull()) & (F.size(name) == 0)
        for p, name in zip(parts, found, strict=True)
    ]
    # Where one key leads to one person at most, nothing is taken apart, and nothing has to be put together again.
    single = not policies.links() and len(made.keys) == 1 and parts[0].refs is None
    refs = F.array_distinct(F.concat(*found)) if len(found) > 1 else F.col(next(iter(found)))
    ref = F.try_element_at(refs, F.lit(1)) if single else F.explode_outer(refs)
    sets = sets.select(*made.keys, reduce(or_, empty).alias(_NOBODY), ref.alias("ref"))
    each = sets.withColumnRenamed("ref", "subject") if single else to_subjects(sets, people).drop("shared")
    each = each.join(decided.select("subject", F.lit(True).alias("known"), "rank"), "subject", "left")
    each = with_pads(each, secrets.split).withColumn(LIMITED, F.lit(False))
    if limited is not None:
        who = to_subjects(limited, people).select("subject", F.lit(True).alias("__limits")).distinct()
        each = each.join(who, "subject", "left").withColumn(LIMITED, F.coalesce("__limits", F.lit(False)))
    rank = F.when(F.col("known"), F.col("rank")).otherwise(F.lit(question.unheard).cast("int"))
    own, drawn = [*made.keys, _NOBODY], _split_of(F.col("subject"), split).alias("split")
    each = each.select(*own, "subject", rank.alias("rank"), drawn, LIMITED)
    if single:
        theirs = F.array_compact(F.array("subject"))
        merged = each.select(
            *own,
            F.col("rank").alias(_GROUP_RANK),
            theirs.alias(_REFS),
            F.col("split").alias(_LOWEST),
            F.col("split").alias(_HIGHEST),
            LIMITED,
        )
    else:
        merged = each.groupBy(*own).agg(
            F.min("rank").alias(_GROUP_RANK),
            F.collect_set("subject").alias(_REFS),
            F.min("split").alias(_LOWEST),
            F.max("split").alias(_HIGHEST),
            F.max(LIMITED).alias(LIMITED),
        )
    return merged.withColumn(SUBJECTS, short(F.col(_REFS)))


def members_of(groups: DataFrame) -> DataFrame:
    """Return the data subjects of the rows that leave as `subject`, each once."""
    keeps = ~F.col(_NOBODY) & F.col(_GROUP_RANK).isNull() & (F.col(_LOWEST) == F.col(_HIGHEST))
    return groups.where(keeps).select(F.explode(_REFS).alias("subject")).distinct()


def judged(
    made: Assembled, groups: DataFrame | None, plan: DatasetPlan, question: Question, secrets: Secrets
) -> DataFrame:
    """Return all rows with `REASON`, `LIMITED`, `SUBJECTS` and their split."""
    inner = {*made.keys, *made.optional, IN_SCOPE, OVERDUE}
    columns = [F.col(quoted(c)) for c in made.frame.columns if c not in inner and not c.startswith("__there_")]
    frame, split, nobody = made.frame, F.col(_LOWEST), F.coalesce(F.col(_NOBODY), F.lit(True))
    if groups is not None:
        frame = _with_groups(made, groups)
    else:
        nothing = {c: F.lit(None).cast("int") for c in (_GROUP_RANK, _LOWEST, _HIGHEST)}
        frame = frame.withColumns(
            {**nothing, LIMITED: F.lit(False), SUBJECTS: F.array().cast("array<binary>"), _NOBODY: F.lit(True)}
        )
        if question.unheard is None:
            own = F.struct(*(F.col(quoted(c)) for c in made.columns))
            frame, split, nobody = with_pads(frame, secrets.split), _split_of(F.to_json(own), plan.split), F.lit(False)
    rank = F.when(~F.col(IN_SCOPE), RANK[Exclusion.CONDITION])
    for there in made.optional:
        rank = rank.when(F.col(there).isNull(), RANK[Exclusion.NO_MATCH])
    rank = (
        rank.when(F.col(OVERDUE), RANK[Exclusion.PAST_PERIOD])
        .when(nobody, RANK[Exclusion.NO_SUBJECT])
        .when(F.col(_GROUP_RANK).isNotNull(), F.col(_GROUP_RANK))
        .when(F.col(_LOWEST) != F.col(_HIGHEST), RANK[Exclusion.SPLIT_CONFLICT])
    )
    limited = F.coalesce(F.col(LIMITED), F.lit(False)).alias(LIMITED)
    return frame.select(*columns, split.alias(SPLIT), rank.alias(REASON), limited, SUBJECTS)


def _with_groups(made: Assembled, groups: DataFrame) -> DataFrame:
    """Return the rows, each with what was decided for its keys."""
    theirs = groups.drop(_REFS).withColumnsRenamed({key: f"{key}_decided" for key in made.keys})
    pairs = [(F.col(key), F.col(f"{key}_decided")) for key in made.keys]
    # A single key that is NULL reaches nobody, found or not; of several, one may be NULL and another lead to somebody.
    same = [a == b for a, b in pairs] if len(pairs) == 1 else [a.eqNullSafe(b) for a, b in pairs]
    return made.frame.join(theirs, reduce(lambda a, b: a & b, same), "left")


def _split_of(value: Column, split: Split) -> Column:
    """Return 0 train, 1 validation, 2 test: the keyed hash of a subject reference, in hundredths."""
    if not split.test and not split.validation:
        return F.lit(0)
    drawn = F.conv(F.substring(keyed(value), 1, 8), 16, 10).cast("bigint") % 100
    return F.when(drawn < split.test, 2).when(drawn < split.test + split.validation, 1).otherwise(0)
