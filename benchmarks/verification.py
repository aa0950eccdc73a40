"""The byte search against one read of all columns of the same files by pyarrow, for tables of 1M and 10M rows.

Both decode in as many threads as there are processors. The tables hold ids, e-mail addresses, sentences, times and
amounts; the search finds nothing in them, as after an erasure. `--rows` and `--values` say how many, `--runs` how
often. Each ratio is that of two times which were taken in turns. Making the windows of many values is stated apart,
too: it is done once for all tables.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from delible.lake.search.forms import Needles
from delible.lake.search.verify import Folder, search

MOST = 2.0
_PER_FILE = 1_000_000
_WORDS = np.array(
    "the order arrived late and box was broken please call me back about invoice refund delivery address changed "
    "thanks for your help again tomorrow morning customer service never answered".split()
)


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when the largest table takes more than `MOST`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--values", type=int, nargs="+", default=[1, 1_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    results = []
    print(
        f"{'rows':>11}{'values':>9}{'read':>8}{'search':>8}{'ratio':>7}{'CPU':>6}{'making':>8}{'without':>8}{'MB':>7}"
    )
    for rows in given.rows:
        with tempfile.TemporaryDirectory(prefix="delible-bench-") as folder:
            write(Path(folder), rows)
            for values in given.values:
                found = measured(Path(folder), values, given.runs)
                results.append({"rows": rows, "values": values, **found})
                print(
                    f"{rows:>11,}{values:>9,}{found['read']:>8.2f}{found['search']:>8.2f}{found['ratio']:>7.2f}"
                    f"{found['cpu']:>6.2f}{found['making']:>8.2f}{found['without']:>8.2f}{found['memory']:>7.0f}",
                    flush=True,
                )
    print(json.dumps({"benchmark": "verification", "results": results}))
    return int(any(r["ratio"] > MOST for r in results if r["rows"] == max(given.rows)))


def write(folder: Path, rows: int) -> None:
    """Write a table's files, the same ones each time."""
    for number, part in enumerate(parts(rows)):
        pq.write_table(part, folder / f"part-{number:05}.snappy.parquet", compression="snappy")


def parts(rows: int, *, each: int = _PER_FILE) -> Iterator[pa.Table]:
    """Yield a table's rows, so many at a time."""
    dice = np.random.default_rng(7)
    for start in range(0, rows, each):
        many = min(each, rows - start)
        text = pa.array(_WORDS[dice.integers(0, len(_WORDS), many)])
        for _ in range(11):
            text = pc.binary_join_element_wise(text, pa.array(_WORDS[dice.integers(0, len(_WORDS), many)]), " ")
        names = pc.cast(pa.array(dice.integers(0, rows, many)), pa.string())
        times = dice.integers(1_600_000_000_000_000, 1_760_000_000_000_000, many)
        yield pa.table(
            {
                "id": np.arange(start, start + many),
                "customer_id": dice.integers(0, rows // 5 + 1, many),
                "email": pc.binary_join_element_wise("person.", names, "@mail.example", ""),
                "text": text,
                "created": pc.cast(pa.array(times), pa.timestamp("us", "UTC")),
                "amount": np.round(dice.random(many) * 1000, 2),
                "status": np.array(["new", "paid", "sent"])[dice.integers(0, 3, many)],
            }
        )


def measured(folder: Path, values: int, runs: int) -> dict[str, float]:
    """Return medians of seconds, and of ratios taken pair by pair."""
    # As those of the table's own people are, their domain included, and none of them.
    wanted = [f"person.{90_000_000 + 97 * n}@mail.example" for n in range(values)]
    sought = [Folder("table:bench", str(folder))]
    reads, searches, making = [], [], []
    for _ in range(runs):
        reads.append(timed(lambda: [pq.read_table(f) for f in sorted(folder.iterdir())]))
        making.append(timed(lambda: Needles(wanted)))
        searches.append(timed(lambda: nothing(sought, wanted)))
    pairs = list(zip(reads, making, searches, strict=True))
    return {
        "read": statistics.median(wall for wall, _ in reads),
        "search": statistics.median(wall for wall, _ in searches),
        "making": statistics.median(wall for wall, _ in making),
        "ratio": statistics.median(search[0] / read[0] for read, _, search in pairs),
        "cpu": statistics.median(search[1] / read[1] for read, _, search in pairs),
        "without": statistics.median((search[1] - made[1]) / read[1] for read, made, search in pairs),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def nothing(folders: list[Folder], wanted: list[str]) -> None:
    found = search(folders, wanted, now=datetime.now(UTC), digests=[])
    if not found.clean:
        raise SystemExit(f"found what is not there: {found}")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of wall time and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    raise SystemExit(main())
