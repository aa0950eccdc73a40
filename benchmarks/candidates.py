"""Files that can hold the keys of many requests, told from a large log, against reading that log at all.

Usage: python benchmarks/candidates.py [--files 100000] [--keys 1000]

The table has no data: a log of so many files is written by hand, each with a thousand neighbours of a key, once as a
number and once as an e-mail address, and a last column in which every file spans all addresses.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from deltalake import DeltaTable

from delible.model.terms import Normalise
from delible.plan.candidates import Wanted, candidate_files
from delible.store.statistics import table_statistics

ROWS = 1_000
COLUMNS = {"id": "long", "email": "string", "anybody": "string"}
ASKED = (("id", Normalise.EXACT), ("email", Normalise.EXACT), ("email", Normalise.LOWER), ("anybody", Normalise.LOWER))


def address(number: int) -> str:
    return f"person{number:010d}@people.example"


def write_log(folder: Path, files: int) -> None:
    fields = [{"name": n, "type": kind, "nullable": True, "metadata": {}} for n, kind in COLUMNS.items()]
    metadata = {
        "id": "candidates",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {},
    }
    log = folder / "_delta_log"
    log.mkdir()
    with (log / f"{0:020}.json").open("w") as out:
        out.write(json.dumps({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}) + "\n")
        out.write(json.dumps({"metaData": metadata}) + "\n")
        for n in range(files):
            first, last = n * ROWS, n * ROWS + ROWS - 1
            stats = {
                "numRecords": ROWS,
                "minValues": {"id": first, "email": address(first), "anybody": address(0)},
                "maxValues": {"id": last, "email": address(last), "anybody": address(files * ROWS)},
                "nullCount": dict.fromkeys(COLUMNS, 0),
            }
            add = {"path": f"{n}.parquet", "partitionValues": {}, "size": 1, "modificationTime": 1, "dataChange": True}
            out.write(json.dumps({"add": {**add, "stats": json.dumps(stats)}}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1_000)
    wanted = parser.parse_args()
    numbers = random.Random(1).sample(range(wanted.files * ROWS), wanted.keys)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), wanted.files)
        started = time.process_time()
        DeltaTable(folder).get_add_actions(flatten=True)
        yardstick = time.process_time() - started
        table = table_statistics(folder, COLUMNS)
        assert table is not None  # noqa: S101
        found = []
        for column, how in ASKED:
            keys = frozenset(str(n) if column == "id" else address(n) for n in numbers)
            started = time.process_time()
            candidates = candidate_files(table, [Wanted(column, how, keys)])
            took = time.process_time() - started
            found.append({"column": column, "compared": how, "files": candidates.files, "seconds": round(took, 3)})
            ratio = took / yardstick
            print(f"{column:8} {how:6} {candidates.files:8,} candidates  {took:7.3f} s  {ratio:5.2f} x the log")
    hit = len({n // ROWS for n in numbers})
    print(f"{hit:,} files hold a key; reading the log took {yardstick:.3f} s of processor time")
    print(json.dumps({"benchmark": "candidates", "log_seconds": round(yardstick, 3), "hit": hit, "asked": found}))


if __name__ == "__main__":
    main()
