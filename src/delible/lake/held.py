"""Rows of people under a hold or with an open request, recognised by keyed reference alone.

A hold keeps no identifiers, so the tables' own keys are turned into references and compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised, subject_ref, with_pads
from delible.lake.facts import quoted
from delible.lake.identity import RefKey
from delible.lake.reach import reach_columns
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.terms import Normalise


def expanded_refs(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], refs: Collection[str], key: RefKey
) -> frozenset[str]:
    """Return the references of all identifiers of the same people, followed over link tables to a fixed point."""
    known, frontier = set(refs), set(refs)
    while frontier:
        wanted = _refs_frame(spark, frontier)
        parts = []
        for name, reaches in policies.links():
            own = with_pads(frames[name], key.pads).select(
                *[_ref(r, policies.controller, key).alias(f"r{i}") for i, r in enumerate(reaches)]
            )
            hits = [own.join(wanted, F.col(f"r{i}") == F.col("__ref"), "left_semi") for i in range(len(reaches))]
            rows = reduce(DataFrame.unionByName, hits)
            parts += [rows.select(F.col(f"r{i}").alias("ref")) for i in range(len(reaches))]
        found = reduce(DataFrame.unionByName, parts).where("ref IS NOT NULL").distinct().toArrow() if parts else None
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
    columns = [F.col(quoted(c)) for c in reach_columns(policy)]
    parts = [_held_by(spark, policies, frames, policy, reach, refs, key).select(*columns) for reach in policy.subject]
    return reduce(DataFrame.unionByName, parts).distinct()


def _held_by(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    policy: TablePolicy,
    reach: Reach,
    refs: Collection[str],
    key: RefKey,
) -> DataFrame:
    frame = frames[policy.table]
    if reach.through is None:
        wanted = _refs_frame(spark, refs)
        referenced = with_pads(frame, key.pads).withColumn("__own", _ref(reach, policies.controller, key))
        return referenced.join(wanted, F.col("__own") == F.col("__ref"), "left_semi")
    through = policies.tables[reach.through]
    pointed = (
        reduce(
            DataFrame.unionByName,
            [
                _held_by(spark, policies, frames, through, r, refs, key).select(
                    normalised(F.col(quoted(reach.matches or "")), Normalise.EXACT).alias("__pointed")
                )
                for r in through.subject
            ],
        )
        .where("__pointed != ''")
        .distinct()
    )
    here = normalised(F.col(quoted(reach.column)), Normalise.EXACT)
    return frame.join(pointed, here == F.col("__pointed"), "left_semi")


def _ref(reach: Reach, controller: Controller, key: RefKey) -> Column:
    kind = reach.identifies or ""
    return subject_ref(kind, F.col(quoted(reach.column)), controller.identifiers[kind].normalise, key.version)


def _refs_frame(spark: SparkSession, refs: Collection[str]) -> DataFrame:
    return spark.createDataFrame(pa.table({"__ref": pa.array(sorted(refs), pa.string())}))
