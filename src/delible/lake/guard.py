"""Rows of erased people that came back, recognised by keyed reference alone: nobody remembers their identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import subject_ref, with_pads
from delible.lake.facts import at_path
from delible.lake.identity import REFS, Read, RefKey, row_refs
from delible.lake.reach import collected, spelled
from delible.model.policy import PolicySet, TablePolicy
from delible.model.subject import KeyRow, SubjectRef


@dataclass(frozen=True)
class Returned:
    """What came back in one table.

    Args:
        people: The request that erased each person, with the number of rows of theirs.
    """

    table: str
    rows: int
    people: Mapping[str, int]


def returned(
    spark: SparkSession,
    policies: PolicySet,
    table: TablePolicy,
    read: Read,
    key: RefKey,
    erased: Mapping[SubjectRef, str],
) -> Returned:
    """Count a table's rows that reach an erased person, over any number of hops.

    Args:
        table: The table as `decide.suppression.guarded` has it.
        erased: Reference to the request that erased the person.
    """
    limited = policies.model_copy(update={"tables": {**policies.tables, table.table: table}})
    rows = row_refs(limited, table.table, read, key).where(F.size(REFS) > 0).select(REFS)
    # Numbered before it is exploded: beside `explode` each element would get a number of its own.
    numbered = rows.select(F.monotonically_increasing_id().alias("id"), REFS)
    each = numbered.select("id", F.explode(REFS).alias("ref"))
    hits = each.join(F.broadcast(_erased_frame(spark, erased)), "ref").select("id", "request").distinct()
    counts = hits.rollup("request").agg(F.countDistinct("id").alias("rows")).toArrow()
    found = dict(zip(counts.column("request").to_pylist(), counts.column("rows").to_pylist(), strict=True))
    return Returned(table.table, found.pop(None, 0), found)


def returned_keys(
    spark: SparkSession,
    policies: PolicySet,
    tables: Mapping[str, TablePolicy],
    read: Read,
    key: RefKey,
    erased: Mapping[SubjectRef, str],
) -> list[KeyRow]:
    """Return the identifiers by which erased people stand in tables again, under the request that erased them.

    Args:
        tables: As `decide.suppression.guarded` has them, by name.
    """
    known = F.broadcast(_erased_frame(spark, erased))
    parts = []
    for name, table in tables.items():
        frame = with_pads(read(name), key.pads)
        for reach in table.direct:
            kind = reach.identifies or ""
            how = policies.controller.identifiers[kind].normalise
            ref = subject_ref(kind, F.col(at_path(reach.column)), how, key.version)
            own = frame.select(
                ref.alias("ref"), F.lit(kind).alias("kind"), spelled(reach, policies.controller).alias("value")
            )
            parts.append(own.join(known, "ref").select("request", "kind", "value"))
    return collected(reduce(DataFrame.unionByName, parts).distinct()) if parts else []


def _erased_frame(spark: SparkSession, erased: Mapping[SubjectRef, str]) -> DataFrame:
    refs = sorted(erased)
    columns = {"ref": pa.array(refs, pa.string()), "request": pa.array([erased[r] for r in refs], pa.string())}
    return spark.createDataFrame(pa.table(columns))
