"""Which data subject an identifier or a row belongs to, for everybody at once and by keyed references only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from delible.lake.columns import INNER, OUTER, normalised, subject_ref, with_pads
from delible.lake.facts import at_path, quoted
from delible.lake.session import computed
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.terms import Normalise

REFS = "__refs"
"""Column with a row's references, sorted and distinct; empty when the row reaches nobody."""

Read = Callable[[str], DataFrame]
"""A table's name to its rows, each time at the same version."""

_UNLINKED = pa.schema([("ref", pa.string()), ("subject", pa.string()), ("shared", pa.bool_())]).empty_table()
"""Of Arrow, so that Spark sees that there is nothing, and joins nothing with it."""


@dataclass(frozen=True)
class RefKey:
    """The key that references are made with: its version, and the HMAC pads of `store.keys`."""

    version: int
    pads: tuple[bytes, bytes] = field(repr=False)


def identity(policies: PolicySet, read: Read, key: RefKey) -> DataFrame:
    """Return the data subject of every linked identifier as `ref`, `subject`, `shared`.

    `subject` is the reference of the controller's subject kind where the link tables lead to one, by any number of
    steps; otherwise the smallest reference of the identifiers that are linked to each other. References that are
    absent stand for themselves. A reference that leads to several data subjects has a row for each, marked `shared`.
    Two data subjects never become one.

    A table with two columns of one kind (sender and receiver) ties people, not identifiers: it is NOT a link.
    """
    rows = [
        _link_rows(policies, policies.tables[name], reaches, read, key)
        for name, reaches in policies.links()
        if max(Counter(r.identifies for r in reaches).values()) == 1
    ]
    if not rows:
        return SparkSession.active().createDataFrame(_UNLINKED)
    links = reduce(DataFrame.unionByName, rows)
    known = links.where("subject IS NOT NULL").select(F.explode(REFS).alias("ref"), "subject").distinct()
    loose = links.where(F.col("subject").isNull() & (F.size(REFS) > 1)).select(REFS).distinct()
    if not loose.isEmpty():
        loose = computed(loose)
        known = _spread(computed(known), loose)
        known = known.unionByName(_without_subject(loose, known))
    return known.withColumn("shared", F.count("*").over(Window.partitionBy("ref")) > 1)


def to_subjects(frame: DataFrame, identity: DataFrame) -> DataFrame:
    """Replace the column `ref` by `subject` and `shared`; one row becomes one per data subject it reaches."""
    joined = frame.join(identity, "ref", "left")
    columns = [c for c in frame.columns if c != "ref"]
    return joined.select(
        *columns,
        F.coalesce("subject", "ref").alias("subject"),
        F.coalesce("shared", F.lit(False)).alias("shared"),
    )


def row_refs(policies: PolicySet, table: str, read: Read, key: RefKey) -> DataFrame:
    """Return a table's rows with `REFS`: the references of everybody whom each row reaches, over any number of hops."""
    return _with_refs(policies, policies.tables[table], read, key, ())


def subject_refs(identity: DataFrame, members: DataFrame) -> DataFrame:
    """Return all references of the given subjects as `ref`, `subject`: each one's own and all that lead to it."""
    linked = identity.select("ref", "subject").join(members, "subject", "left_semi").select("ref", "subject")
    return linked.unionByName(members.select(F.col("subject").alias("ref"), "subject")).distinct()


def reach_ref(controller: Controller, reach: Reach, key: RefKey) -> Column:
    """Return the reference of a column that identifies somebody; the frame must have passed `with_pads`."""
    kind = reach.identifies or ""
    how = controller.identifiers[kind].normalise
    return subject_ref(kind, F.col(at_path(reach.column)), how, key.version)


def _tidy(*arrays: Column) -> Column:
    joined = F.concat(*(F.coalesce(a, F.array().cast("array<string>")) for a in arrays))
    return F.array_sort(F.array_distinct(F.array_compact(joined)))


def _link_rows(
    policies: PolicySet, table: TablePolicy, reaches: tuple[Reach, ...], read: Read, key: RefKey
) -> DataFrame:
    subject = [reach_ref(policies.controller, r, key) for r in reaches if r.identifies == policies.controller.subject]
    others = [reach_ref(policies.controller, r, key) for r in reaches if r.identifies != policies.controller.subject]
    frame = with_pads(read(table.table), key.pads)
    return frame.select(
        _tidy(F.array(*others)).alias(REFS), (subject[0] if subject else F.lit(None).cast("string")).alias("subject")
    ).where(F.size(REFS) > 0)


def _spread(known: DataFrame, loose: DataFrame) -> DataFrame:
    """Carry data subjects along rows that name none, until no identifier is new."""
    edges = loose.select(REFS, F.explode(REFS).alias("ref"))
    while True:
        reached = edges.join(known, "ref").select(REFS, "subject").distinct()
        pairs = reached.select(F.explode(REFS).alias("ref"), "subject").distinct()
        new = computed(pairs.join(known, ["ref", "subject"], "left_anti"))
        if new.isEmpty():
            return known
        known = computed(known.unionByName(new))


def _without_subject(loose: DataFrame, known: DataFrame) -> DataFrame:
    """Return identifiers that are linked to each other but to no data subject, under the smallest reference."""
    edges = computed(loose.select(REFS, F.explode(REFS).alias("ref")).join(known, "ref", "left_anti"))
    labels = edges.select("ref", F.col("ref").alias("subject")).distinct()
    while True:
        rows = edges.join(labels, "ref").groupBy(REFS).agg(F.min("subject").alias("subject"))
        smallest = (
            rows.select(F.explode(REFS).alias("ref"), "subject").groupBy("ref").agg(F.min("subject").alias("subject"))
        )
        smallest = computed(smallest)
        if smallest.join(labels, ["ref", "subject"], "left_anti").isEmpty():
            return smallest
        labels = smallest


def _with_refs(policies: PolicySet, table: TablePolicy, read: Read, key: RefKey, passed: tuple[str, ...]) -> DataFrame:
    frame = read(table.table)
    columns = [F.col(quoted(c)) for c in frame.columns]
    arrays = [F.array(*(reach_ref(policies.controller, reach, key) for reach in table.direct))]
    frame = with_pads(frame, key.pads)
    for number, reach in enumerate(r for r in table.subject if r.through is not None):
        if reach.through in passed:
            continue
        value, found = f"__value_{number}", f"__found_{number}"
        owners = _refs_by_value(policies, reach, read, key, (*passed, table.table))
        here = normalised(F.col(at_path(reach.column)), Normalise.EXACT)
        frame = frame.join(owners.toDF(value, found), here == F.col(value), "left")
        arrays.append(F.col(found))
    return frame.select(*columns, _tidy(*arrays).alias(REFS)).drop(INNER, OUTER)


def _refs_by_value(policies: PolicySet, reach: Reach, read: Read, key: RefKey, passed: tuple[str, ...]) -> DataFrame:
    """Return the column that a hop points to, with the references of everybody behind each of its values."""
    through = _with_refs(policies, policies.tables[reach.through or ""], read, key, passed)
    value = normalised(F.col(at_path(reach.matches or "")), Normalise.EXACT)
    each = through.select(value.alias("value"), F.explode(REFS).alias("ref")).where("value != ''")
    return each.groupBy("value").agg(F.collect_set("ref").alias("refs"))
