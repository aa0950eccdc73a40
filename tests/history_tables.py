"""Delta tables with a history of updates, deletions, merges and compactions, made by Spark or by delta-rs.

In every history the same happens to the same people: the due ones are changed, moved, deleted and written again.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from delible.lake.deletion_vectors import read_vector, write_vector
from delible.lake.history.due import Due
from delible.lake.history.find import stored_names
from delible.lake.history.log import Banned
from delible.lake.history.state import path_of, retained
from delible.lake.search.forms import Needles
from delible.lake.search.typed_keys import TypedKeys
from delible.model.terms import Normalise

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PEOPLE = 12
DUE = (1, 4)
"""The first stands in statistics as the least, and changes address in version 2; the other is deleted in version 6."""
MOVED = "zz.old.address@people.example"
OTHERS = [number for number in range(1, PEOPLE + 1) if number not in DUE]


def email(number: int) -> str:
    return f"p{number:03d}@people.example"


TEXTS = (*map(email, DUE), MOVED)


def people(first: int, last: int, *, moved: bool = False) -> pa.Table:
    """Return rows with one value of each kind of type; the first person with the address they had before."""
    numbers = range(first, last + 1)
    noon = dt.datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=dt.UTC)
    return pa.table(
        {
            "customer_id": pa.array(numbers, pa.int64()),
            "email": [MOVED if moved and n == DUE[0] else email(n) for n in numbers],
            "at": pa.array([noon + dt.timedelta(days=n) for n in numbers], pa.timestamp("us", "UTC")),
            "day": pa.array([dt.date(1970, 1, 1) + dt.timedelta(days=n) for n in numbers], pa.date32()),
            "amount": pa.array([Decimal(n) / 4 for n in numbers], pa.decimal128(10, 2)),
            "score": pa.array([None if n % 3 else n / 7 for n in numbers], pa.float64()),
            "names": [[f"n{n}", None, ""] if n % 2 else None for n in numbers],
            "home": [{"street": f"{n} Road", "zip": None if n % 5 else n} for n in numbers],
            "notes": pa.array(
                [[("k", f"v{n}")] if n % 4 else None for n in numbers], pa.map_(pa.string(), pa.string())
            ),
        }
    )


def by_spark(
    spark: SparkSession, path: Path, properties: dict[str, str], *, partitioned: bool, cluster: str = ""
) -> None:
    """Make eight versions or more."""
    name = f"delta.`{path}`"
    frame = spark.createDataFrame(people(1, 8, moved=True)).repartitionByRange(2, "customer_id")
    frame.createOrReplaceTempView("history_rows")
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    layout = "PARTITIONED BY (email)" if partitioned else cluster
    spark.sql(f"CREATE TABLE {name} USING delta {layout} TBLPROPERTIES ({listed}) AS SELECT * FROM history_rows")
    spark.createDataFrame(people(9, PEOPLE)).write.format("delta").mode("append").save(str(path))
    spark.sql(f"UPDATE {name} SET email = '{email(1)}' WHERE email = '{MOVED}'")
    spark.sql(f"DELETE FROM {name} WHERE customer_id = 7")
    spark.createDataFrame(people(4, 5)).createOrReplaceTempView("history_source")
    spark.sql(
        f"MERGE INTO {name} t USING history_source s ON t.customer_id = s.customer_id AND t.email = s.email "
        "WHEN MATCHED AND s.customer_id = 5 THEN DELETE WHEN MATCHED THEN UPDATE SET score = 0.5"
    )
    spark.sql(f"OPTIMIZE {name}")
    spark.sql(f"DELETE FROM {name} WHERE email = '{email(4)}'")
    spark.createDataFrame(people(20, 21)).write.format("delta").mode("append").save(str(path))
    spark.sql(f"DELETE FROM {name} WHERE customer_id IN (1, 8)")


def by_delta_rs(
    path: Path, properties: dict[str, str], *, partitioned: bool, checkpoint: bool, vectors: bool = False
) -> None:
    """Make eight versions without a JVM, and three more with deletion vectors."""
    where = str(path)
    parts = ["email"] if partitioned else None
    write_deltalake(where, people(1, 8, moved=True), partition_by=parts, configuration=properties)
    write_deltalake(where, people(9, PEOPLE), mode="append")
    DeltaTable(where).update(predicate=f"email = '{MOVED}'", updates={"email": f"'{email(1)}'"})
    DeltaTable(where).delete("customer_id = 7")
    source = pa.table({"customer_id": pa.array([4, 5], pa.int64())})
    merge = DeltaTable(where).merge(source, "t.customer_id = s.customer_id", source_alias="s", target_alias="t")
    merge.when_matched_update({"score": "0.5"}).execute()
    if checkpoint:
        DeltaTable(where).create_checkpoint()
    DeltaTable(where).optimize.compact()
    DeltaTable(where).delete(f"email = '{email(4)}'")
    write_deltalake(where, people(20, 21), mode="append")
    if vectors:
        delete_by_vector(path, DUE[0])
        delete_by_vector(path, 8, 9)
        delete_by_vector(path, 10, 11)


def delete_by_vector(path: Path, *ids: int) -> None:
    """Commit what Spark commits for a DELETE with deletion vectors: delta-rs reads them, and cannot write them."""
    kept = retained(path)
    *_, (_, state) = kept.states()
    said = f'["(customer_id IN ({", ".join(map(str, ids))}))"]'
    info = {"timestamp": 0, "operation": "DELETE", "operationParameters": {"predicate": said}}
    features = ["appendOnly", "changeDataFeed", "deletionVectors", "invariants"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}
    actions: list[dict[str, Any]] = [{"commitInfo": info}, {"protocol": {**protocol, "writerFeatures": features}}]
    for add in state.adds.values():
        found = pq.ParquetFile(path / path_of(add)).read(columns=["customer_id"]).column(0).to_pylist()
        hidden = {row for row, key in enumerate(found) if key in ids}
        if hidden:
            before = add.get("deletionVector")
            rows = hidden | (set(read_vector(path, before).tolist()) if before else set())
            vector = write_vector(path, np.array(sorted(rows), np.uint64), uuid.uuid4())
            stats = json.dumps({**json.loads(add["stats"]), "tightBounds": False})
            gone = {k: add[k] for k in ("path", "partitionValues", "size", "deletionVector") if k in add}
            remove = {"deletionTimestamp": 0, "dataChange": True, "extendedFileMetadata": True, **gone}
            actions += [{"remove": remove}, {"add": {**add, "stats": stats, "deletionVector": vector}}]
    time.sleep(0.01)  # versions are told apart by their times
    commit = path / "_delta_log" / f"{kept.last + 1:020d}.json"
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))


def versions(path: Path) -> list[int]:
    return sorted(int(commit.stem) for commit in (path / "_delta_log").glob("*.json") if commit.stem.isdigit())


def banned_in(path: Path) -> Banned:
    """Return what must go from a table, by both columns that tell."""
    *_, (_, newest) = retained(path).states()
    names = stored_names(newest.schema)
    keys = (
        (names["customer_id"], TypedKeys(frozenset(map(str, DUE)), Normalise.EXACT)),
        (names["email"], TypedKeys(frozenset(TEXTS), Normalise.LOWER)),
    )
    return Banned(Needles(TEXTS), frozenset([*map(str, DUE), *TEXTS]), Due(keys))


def rows_at(path: Path, version: int, *, due: bool = True) -> Counter[str]:
    """Return the rows of a version, as delta-rs reads it; those of due people left out on request."""
    opened = DeltaTable(str(path), version=version)
    found = pa.table(QueryBuilder().register("t", opened).execute("SELECT * FROM t").read_all()).to_pylist()
    left = [row for row in found if due or not (row["customer_id"] in DUE or row["email"] in TEXTS)]
    return Counter(str(sorted(row.items())) for row in left)


def history_of(path: Path) -> list[tuple[int, str, int]]:
    """Return version, operation and time of every commit, as a reader without in-commit timestamps sees them."""
    found = []
    for version in versions(path):
        commit = path / "_delta_log" / f"{version:020d}.json"
        infos = [json.loads(line).get("commitInfo") for line in commit.read_text().splitlines()]
        operation = next(info["operation"] for info in infos if info is not None)
        found.append((version, operation, commit.stat().st_mtime_ns))
    return found
