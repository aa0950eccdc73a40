"""Whose rows may only be stored (Art. 18(2)), recognised by keyed reference alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.identity import RefKey, identity, subject_refs, to_subjects
from delible.model.policy import PolicySet


def everybodys_refs(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    refs: Collection[str],
    key: RefKey,
) -> frozenset[str]:
    """Return all references of some people, over linked identifiers, without those that somebody else has, too.

    A reference that is shared by itself says nothing of whom it means. Where a person is known by nothing else, it is
    taken all the same: to show somebody's restricted rows is worse than to leave out a flatmate's.
    """
    people = identity(policies, lambda name: frames[name], key).persist()
    try:
        given = spark.createDataFrame(pa.table({"ref": pa.array(sorted(refs), pa.string())}))
        own = to_subjects(given.withColumn("given", F.col("ref")), people)
        sure = own.where(~F.col("shared"))
        members = sure.select("subject").distinct()
        every = subject_refs(people.where(~F.col("shared")), members).select("ref")
        doubtful = own.where(F.col("shared")).select(F.col("given").alias("ref"))
        found = (
            every.unionByName(sure.select(F.col("given").alias("ref"))).distinct().toArrow().column("ref").to_pylist()
        )
        unclear = doubtful.distinct().toArrow().column("ref").to_pylist()
        return frozenset(found) | (frozenset(unclear) if not found else frozenset())
    finally:
        people.unpersist()
