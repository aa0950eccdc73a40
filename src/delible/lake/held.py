"""Rows of people under a hold or with an open request, recognised by keyed reference alone.

A hold keeps no identifiers, so the tables' own keys are turned into references and compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised, with_pads
from delible.lake.facts import at_path
from delible.lake.identity import RefKey, reach_ref
from delible.lake.reach import reach_values
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.terms import Normalise

_OWN = "__own"


def expanded_refs(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], refs: Collection[str], key: RefKey
) -> frozenset[str]:
    """Return the references of all identifiers of the same people, followed over link tables to a fixed point."""
    known, frontier = set(refs), set(refs)
    while frontier:
        wanted = _refs_frame(spark, frontier)
        parts = [
            _reached(with_pads(frames[name], key.pads).select(_refs(reaches, policies.controller, key)), wanted)
            .select(F.explode(_OWN).alias("ref"))
            .where("ref IS NOT NULL")
            for name, reaches in policies.links()
        ]
        found = reduce(DataFrame.unionByName, parts).distinct().toArrow() if parts else None
        frontier = set(found.column("ref").to_pylist() if found is not None else ()) - known
        known |= frontier
    return frozenset(known)


def held_combinations(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    table: str,
    refs: Collection[str],
    key: RefKey,
) -> DataFrame | None:
    """Return the distinct reach values of a table's held rows; None when no row of it can be held."""
    policy = policies.tables[table]
    if not refs or not policy.subject:
        return None
    columns = reach_values(policy)
    wanted = _refs_frame(spark, refs)
    return _held_rows(policies, frames, policy, wanted, key, columns).distinct()


def _held_rows(
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    policy: TablePolicy,
    wanted: DataFrame,
    key: RefKey,
    columns: Sequence[Column],
) -> DataFrame:
    """Return columns of the rows that any way leads to, some of them more than once: one scan takes all direct ways."""
    frame, parts = frames[policy.table], []
    if policy.direct:
        own = with_pads(frame, key.pads).select(*columns, _refs(policy.direct, policies.controller, key))
        parts.append(_reached(own, wanted).drop(_OWN))
    for reach in policy.subject:
        if reach.through is not None:
            value = normalised(F.col(at_path(reach.matches or "")), Normalise.EXACT).alias("__pointed")
            pointed = _held_rows(policies, frames, policies.tables[reach.through], wanted, key, [value])
            here = normalised(F.col(at_path(reach.column)), Normalise.EXACT)
            owned = pointed.where("__pointed != ''").distinct()
            parts.append(frame.join(owned, here == F.col("__pointed"), "left_semi").select(*columns))
    return reduce(DataFrame.unionByName, parts)


def _refs(reaches: Sequence[Reach], controller: Controller, key: RefKey) -> Column:
    """Return a row's references as one array; the frame must have passed `with_pads`."""
    return F.array(*(reach_ref(controller, r, key) for r in reaches)).alias(_OWN)


def _reached(rows: DataFrame, wanted: DataFrame) -> DataFrame:
    """Return the rows of which any reference is wanted, once for each that is."""
    each = rows.withColumn("__each", F.explode(_OWN))
    return each.join(wanted, F.col("__each") == F.col("__ref"), "left_semi").drop("__each")


def _refs_frame(spark: SparkSession, refs: Collection[str]) -> DataFrame:
    return spark.createDataFrame(pa.table({"__ref": pa.array(sorted(refs), pa.string())}))
