"""`dataset build` without masks against the same join and write typed by hand in Spark, in turns and in one session.

By hand: the latest statement of each reference, the rows whose reference has given consent, the same treatments, and
Parquet by split. The build does that, and counts every row that stays out under its reason, orders rows and files so
that the same rows give the same bytes, writes the subject index, digests, manifest, lineage and ledger.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from erasure import timed
from pyspark.sql import functions as F

from delible.lake.columns import INNER, OUTER, keyed, subject_ref, with_pads
from delible.model.terms import Normalise
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.consent import import_consents
from delible.workflows.dataset import build_dataset
from delible.workflows.spark import session_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.model.record import Manifest

MOST = 1.5
STATEMENTS = 5
"""Consent records per person."""
FILES = 8
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICIES = {
    "controller.yaml": "controller: Shop\ncontact: privacy@shop.example\nsubject: customer_id\nidentifiers:\n"
    "  customer_id: {distinctive: false}\n",
    "purposes/training.yaml": "purpose: training\ndescription: Models.\nlegal_basis: consent\n"
    "direct_marketing: false\nsells_or_shares: false\n",
    "tables/visits.yaml": "table: visits\npath: warehouse/visits\ndescription: Visits.\npurposes: [training]\n"
    "subject:\n  - {column: customer_id, identifies: customer_id}\ncolumns:\n  customer_id: user.unique_id\n"
    "  page: system.operations\n  seconds: system.operations\n  price: system.operations\n  at: system.operations\n",
    "datasets/visits.yaml": "dataset: visits\ndescription: Visits.\npurpose: training\nsource: visits\ncolumns:\n"
    "  customer_id: pseudonymise\n  page: keep\n  seconds: {treatment: generalise, to: 10}\n  price: keep\n"
    "  at: {treatment: generalise, to: month}\nsplit: {validation: 10, test: 10}\n",
}


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when the build takes more than `MOST` times as long."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--consents", type=int, default=10_000_000, help="records (default: 10000000)")
    options.add_argument("--rows", type=int, default=5_000_000, help="of the source (default: 5000000)")
    options.add_argument("--turns", type=int, default=2, help="of each (default: 2)")
    options.add_argument("--most", type=float, default=MOST)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (made(Path(folder) / name, n, m) for name, n, m in (
            ("small", 50_000, 20_000), ("large", given.consents, given.rows)))  # fmt: skip
        by_hand(small), by_build(small)  # compiles, and starts what starts once
        hand, build = [], []
        for turn in range(given.turns):
            seconds, rows = by_hand(large)
            hand.append(seconds)
            seconds, released = by_build(large)
            build.append(seconds)
            if rows != released:
                raise SystemExit(f"by hand {rows} rows leave, by the build {released}")
            print(f"turn {turn + 1}: by hand {hand[-1]}, build {build[-1]}", flush=True)
    print(f"{given.consents:,} consent records, {given.rows:,} rows, of which {rows:,} leave")
    print(f"{'':12}{'by hand, s':>12}{'build, s':>12}{'ratio':>8}")
    found: dict[str, float] = {}
    for clock, name in (("wall", "wall"), ("cpu", "processor")):
        one, other = (statistics.median(each[clock] for each in taken) for taken in (hand, build))
        found[clock] = round(other / one, 3)
        print(f"{name:12}{one:>12.1f}{other:>12.1f}{found[clock]:>8.2f}")
    told = {"consents": given.consents, "rows": given.rows, "hand": hand, "build": build, "ratio": found}
    print(json.dumps({"benchmark": "dataset_build", **told}))
    return int(found["wall"] > given.most)


def made(folder: Path, consents: int, rows: int) -> Workspace:
    """Return a workspace with that many consent records and rows, of a fifth as many people as there are records."""
    workspace = create_workspace(folder)
    for name, text in POLICIES.items():
        path = workspace.path("policies") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    one = folder / "one.jsonl"
    said = {"subject": {"customer_id": 0}, "purpose": "training", "status": "given", "notice_version": "1"}
    one.write_text(json.dumps({**said, "valid_from": "2026-01-01"}))
    import_consents(workspace, str(one), form="native", actor="bench", now=NOW)
    spark, people = session_for(workspace), max(1, consents // STATEMENTS)
    visits = spark.range(0, rows, 1, FILES).selectExpr(
        f"id * 7919 % {people} AS customer_id",
        "CONCAT('/shelf/', id % 977, '/', SUBSTRING(SHA2(CAST(id AS STRING), 256), 1, 8)) AS page",
        "CAST(id * 31 % 600 AS INT) AS seconds",
        "CAST(id * 1237 % 500000 / 100 AS DECIMAL(10, 2)) AS price",
        "TIMESTAMPADD(MINUTE, CAST(id % 500000 AS INT), TIMESTAMP '2025-01-01 00:00:00') AS at",
    )
    visits.write.format("delta").save(str(workspace.path("warehouse") / "visits"))
    _record(spark, workspace, consents - 1, people)
    return workspace


def _record(spark: SparkSession, workspace: Workspace, records: int, people: int) -> None:
    """Append consent records as the importer writes them; every third person has withdrawn in the end."""
    keys, place = load_keys(workspace), Consents(workspace).location
    schema = spark.read.format("delta").load(place).schema
    latest = f"id DIV {people} = {STATEMENTS - 1}"
    drawn = spark.range(0, records, 1, FILES).selectExpr(
        f"id % {people} AS person",
        "'customer_id' AS kind",
        "'training' AS purpose",
        f"IF({latest} AND id % 3 = 0, 'withdrawn', 'given') AS status",
        "'consent' AS legal_basis",
        "'1' AS notice_version",
        f"TIMESTAMPADD(DAY, CAST(id DIV {people} AS INT), TIMESTAMP '2026-01-01 00:00:00') AS valid_from",
        "TIMESTAMP '2026-02-01 00:00:00' AS recorded_at",
        "'form' AS source",
    )
    ref = subject_ref("customer_id", F.col("person"), Normalise.EXACT, keys.version)
    full = with_pads(drawn, keys.pads()).withColumn("ref", ref)
    columns = [
        (F.col(f.name) if f.name in full.columns else F.lit(None)).cast(f.dataType).alias(f.name) for f in schema.fields
    ]
    full.select(*columns).write.format("delta").mode("append").save(place)


def by_hand(workspace: Workspace) -> tuple[dict[str, float], int]:
    """Return the seconds of the join and write, by the clock and of the processor, and how many rows it wrote."""
    target = workspace.root / "by_hand"
    seconds = timed(lambda: _typed(workspace, target))
    written = session_for(workspace).read.parquet(str(target)).count()
    shutil.rmtree(target)
    return seconds, written


def _typed(workspace: Workspace, target: Path) -> None:
    spark, keys = session_for(workspace), load_keys(workspace)
    records = spark.read.format("delta").load(Consents(workspace).location)
    counted = records.where((F.col("purpose") == "training") & (F.col("recorded_at") <= F.lit(NOW)))
    latest = counted.where(F.col("valid_from") <= F.lit(NOW)).groupBy("ref").agg(
        F.max_by(F.struct("status", "valid_until"), F.struct("valid_from", "recorded_at")).alias("said")
    )  # fmt: skip
    lasts = F.col("said.valid_until").isNull() | (F.col("said.valid_until") > F.lit(NOW))
    willing = latest.where((F.col("said.status") == "given") & lasts).select("ref")
    visits = spark.read.format("delta").load(str(workspace.path("warehouse") / "visits"))
    ref = subject_ref("customer_id", F.col("customer_id"), Normalise.EXACT, keys.version)
    rows = with_pads(visits, keys.pads()).withColumn("ref", ref).drop(INNER, OUTER).join(willing, "ref")
    _treated(rows, keys.domain_pads("dataset:visits")).write.partitionBy("split").option(
        "compression", "zstd"
    ).parquet(str(target))  # fmt: skip


def _treated(rows: DataFrame, pads: tuple[bytes, bytes]) -> DataFrame:
    drawn = F.pmod(F.xxhash64("ref"), F.lit(100))
    return with_pads(rows, pads).select(
        keyed(F.concat(F.lit("customer_id\x1f"), F.col("customer_id").cast("string"))).alias("customer_id"),
        "page",
        (F.col("seconds") - F.pmod("seconds", F.lit(10))).alias("seconds"),
        "price",
        F.date_trunc("month", "at").alias("at"),
        F.when(drawn < 10, 2).when(drawn < 20, 1).otherwise(0).alias("split"),  # noqa: PLR2004
    )


def by_build(workspace: Workspace) -> tuple[dict[str, float], int]:
    """Return the seconds of `dataset build`, by the clock and of the processor, and how many rows it released."""
    built: list[Manifest] = []
    seconds = timed(lambda: built.append(build_dataset(workspace, "visits", actor="bench", now=NOW).manifest))
    return seconds, built[0].rows_out


if __name__ == "__main__":
    raise SystemExit(main())
