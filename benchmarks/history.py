"""What keeping a table's history costs, as ratios to one pyarrow read of all columns of all its retained files.

A table of a million rows in twenty files, clustered by the subject key, and twelve versions of appends and updates; ten
people go. Translation and comparison are timed apart. No JVM.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from delible.lake.history.compare import compare
from delible.lake.history.due import Due
from delible.lake.history.log import Banned
from delible.lake.history.translate import Translation
from delible.lake.search.forms import Needles
from delible.lake.search.typed_keys import TypedKeys
from delible.model.terms import Normalise

FILES, UPDATES, DUE = 20, 11, 10


def main() -> int:
    """Measure, print a table and one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    rows = options.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table"
        make(table, rows)
        due = [rows // 2 + n for n in range(DUE)]
        mails = [mail(n) for n in due]
        keys = (
            ("customer_id", TypedKeys(frozenset(map(str, due)), Normalise.EXACT)),
            ("email", TypedKeys(frozenset(mails), Normalise.LOWER)),
        )
        banned = Banned(Needles(mails), frozenset([*map(str, due), *mails]), Due(keys))
        translation = Translation(table, Path(folder) / "new", banned)
        read = timed(lambda: [pq.read_table(file) for file in sorted(table.glob("*.parquet"))])
        made = timed(translation.run)
        same = timed(
            lambda: compare(table, translation.new, first=translation.first, last=translation.last, due=banned.due)
        )
        copied = timed(lambda: shutil.copytree(table, Path(folder) / "copy"))
        files, rewritten = len(translation.paths.done), len(translation.rewritten)
    print(f"{'step':<14}{'seconds':>9}{'ratio':>8}")
    for name, seconds in (("read all", read), ("translate", made), ("compare", same), ("copy all", copied)):
        print(f"{name:<14}{seconds:>9.2f}{seconds / read:>8.2f}")
    print(f"{rewritten} of {files} files rewritten, {translation.removed_rows} rows removed")
    ratios = {"translate": round(made / read, 2), "compare": round(same / read, 2)}
    print(json.dumps({"benchmark": "history", "rows": rows, "files": files, "rewritten": rewritten, "ratios": ratios}))
    return 0


def mail(number: int) -> str:
    return f"person.{number:09d}@people.example"


def make(table: Path, rows: int) -> None:
    """Write the rows in files by key, then change every hundredth row of one part per version."""
    each = rows // FILES
    for part in range(FILES):
        numbers = np.arange(part * each, (part + 1) * each)
        data = pa.table(
            {
                "customer_id": numbers,
                "email": [mail(n) for n in numbers],
                "score": np.random.default_rng(part).random(each),
                "note": [f"note {n % 977} of {n}" for n in numbers],
            }
        )
        write_deltalake(str(table), data, mode="append")
    for update in range(UPDATES):
        low = (update * 2 % FILES) * each
        where = f"customer_id >= {low} AND customer_id < {low + each} AND customer_id % 100 = 0"
        DeltaTable(str(table)).update(predicate=where, updates={"score": "score + 1"})


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    raise SystemExit(main())
