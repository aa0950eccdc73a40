"""The Spark filter decides 100,000 random histories exactly as a slow model of the rules does, in one job."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from consent_histories import World, scenes, world
from consent_oracle import reason
from delible.lake.consent import RANK, Question, decisions
from delible.model.terms import Exclusion, LegalBasis

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

QUESTIONS = 10
PEOPLE = 10_000
"""Each question is asked of so many people."""

_INSTANT = pa.timestamp("us", "UTC")
_RECORDS = pa.schema(
    [(n, pa.string()) for n in ("ref", "purpose", "status", "legal_basis", "notice_version")]
    + [(n, _INSTANT) for n in ("valid_from", "valid_until", "recorded_at")]
    + [("jurisdiction", pa.string()), ("age", pa.int64()), ("given_by", pa.string()), ("question", pa.int64())]
)


@contextmanager
def time_zone(spark: SparkSession, zone: str) -> Iterator[None]:
    """Let a session count days where the clocks change."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        yield
    finally:
        spark.conf.set("spark.sql.session.timeZone", before or "UTC")


def written(spark: SparkSession, worlds: list[World], folder: Path) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Return all records, flags and identities, each row with the number of its question."""
    records, flags, ways = [], [], []
    for number, asked in enumerate(worlds):
        columns = list(zip(*(tuple(s)[:10] for s in asked.records), strict=True))
        columns += [["parent" if s.parent else "data_subject" for s in asked.records], [number] * len(asked.records)]
        records.append(pa.table(columns, schema=_RECORDS))
        flags += [(ref, RANK[Exclusion(flag)], number) for ref, flag in asked.flags]
        ways += [(ref, subject, ref in asked.shared, number) for subject, p in asked.people.items() for ref in p.refs]
    return (
        _frame(spark, pa.concat_tables(records), folder / "records.parquet"),
        _frame(spark, _columns(("ref", "rank", "question"), flags), folder / "flags.parquet"),
        _frame(spark, _columns(("ref", "subject", "shared", "question"), ways), folder / "identity.parquet"),
    )


def _columns(names: tuple[str, ...], rows: list[tuple[object, ...]]) -> pa.Table:
    return pa.table({n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})


def _frame(spark: SparkSession, table: pa.Table, path: Path) -> DataFrame:
    pq.write_table(table, path)
    return spark.read.parquet(str(path))


def question(asked: World) -> Question:
    scene = asked.scene
    return Question(scene.purpose, LegalBasis(scene.basis), scene.as_of, scene.known_at, scene.terms, scene.sale)


def test_spark_decides_as_the_oracle_does(spark: SparkSession, tmp_path: Path) -> None:
    draw = random.Random(20261127)
    worlds = [world(draw, scene, PEOPLE) for scene in scenes(draw, QUESTIONS)]
    with time_zone(spark, "America/New_York"):
        everything = written(spark, worlds, tmp_path)
        frames = []
        for number, asked in enumerate(worlds):
            records, flags, identity = (f.where(f"question = {number}").drop("question") for f in everything)
            found = decisions(records, flags, identity, question(asked))
            frames.append(found.selectExpr(f"{number} AS question", "subject", "rank"))
        table = reduce(lambda a, b: a.unionByName(b), frames).toArrow()
    ranks = dict(
        zip(
            zip(table["question"].to_pylist(), table["subject"].to_pylist(), strict=True),
            table["rank"].to_pylist(),
            strict=True,
        )
    )
    assert len(ranks) == table.num_rows
    reasons = list(Exclusion)
    seen: Counter[str | None] = Counter()
    wrong = []
    for number, asked in enumerate(worlds):
        unheard = question(asked).unheard
        for subject, person in asked.people.items():
            expected = reason(person.history, asked.scene, person.flags, asked.shared)
            rank = ranks.get((number, subject), unheard)
            seen[expected] += 1
            if (None if rank is None else reasons[rank].value) != expected:
                wrong.append((number, subject, expected, rank))
    assert wrong == []
    assert seen.total() == QUESTIONS * PEOPLE
    decided_elsewhere = {
        Exclusion.CONDITION,
        Exclusion.NO_MATCH,
        Exclusion.PAST_PERIOD,
        Exclusion.NO_SUBJECT,
        Exclusion.SPLIT_CONFLICT,
    }
    decided_elsewhere |= {Exclusion.LIMITED, Exclusion.RECTIFIED}
    assert seen.keys() == {None, *Exclusion} - decided_elsewhere
    assert min(seen.values()) > 200
    assert RANK[Exclusion.CONDITION] == 0
