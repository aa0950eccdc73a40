"""Whose rows may only be stored (Art. 18(2)), recognised by keyed reference alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.identity import RefKey, identity, subject_refs, to_subjects
from delible.model.policy import PolicySet


def everybodys_refs(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    persons: Sequence[Collection[str]],
    key: RefKey,
) -> frozenset[str]:
    """Return all references of some people, over linked identifiers, without those that somebody else has, too.

    A reference that is shared by itself says nothing of whom it means. Where a person is known by nothing else, it is
    taken all the same: to show somebody's restricted rows is worse than to leave out a flatmate's.

    Args:
        persons: The references that are known of each.
    """
    people = identity(policies, lambda name: frames[name], key).persist()
    try:
        given = sorted({ref for refs in persons for ref in refs})
        frame = spark.createDataFrame(pa.table({"ref": pa.array(given, pa.string())}))
        own = to_subjects(frame.withColumn("given", F.col("ref")), people)
        sure = own.where(~F.col("shared")).select("given", "subject")
        members = sure.select("subject").distinct()
        linked = subject_refs(people.where(~F.col("shared")), members).select("ref").distinct().toArrow()
        certain = frozenset(sure.select("given").distinct().toArrow().column("given").to_pylist())
        doubtful = [ref for refs in persons if certain.isdisjoint(refs) for ref in refs]
        return frozenset(linked.column("ref").to_pylist()) | certain | frozenset(doubtful)
    finally:
        people.unpersist()
