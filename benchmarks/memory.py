"""Memory of a worker over ten million rows, no value of which comes twice.

Usage: python benchmarks/memory.py [--rows 10000000] [--spark]

Without `--spark` this process does what a worker of `tags scan` does, with the batches that Spark hands over; so each
tenth is one of rows. With it a table of as many rows is scanned, and the Python processes below the JVM are looked at
twice a second: tenths are of the time from when the engine stands. The mixture holds what caches could keep: addresses
with ever new domains, telephone numbers, words near them, codes, sentences for the model, and JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pyarrow as pa

MOST = 1.1
"""The last tenth's peak, as a multiple of the first one's."""
_BATCH = 1_000
_EVERY = 0.5
_KB = 1_024
_LETTERS = str.maketrans("0123456789", "bcdfghjklm")
"""Codes without a digit: most values of a table cost little, and ten million of them should not take a day."""


def value(n: int) -> str:
    """Return the n-th value; one in 16 is personal, one in 800 a sentence."""
    kind = n % 16
    if kind == 0:
        return f"p{n}@d{n}.example"
    if kind == 1:
        return f"0{n % 899 + 100} {n % 9_999_999:07d}"
    if n % 800 == 2:  # noqa: PLR2004
        return f"the parcel w{n}x was left with the neighbour z{n}y at door {n % 97}"
    if n % 400 == 3:  # noqa: PLR2004
        return f'{{"note": "call {n}", "by": "u{n}"}}'
    return f"{n / 7:.3f}" if kind == 4 else f"{n:08d}".translate(_LETTERS)  # noqa: PLR2004


def rss(process: str) -> int:
    """Return a process's resident memory in megabytes; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) // _KB for line in fields.splitlines() if line.startswith("VmRSS")), 0)


def in_this_process(rows: int) -> list[int]:
    """Return the largest memory in each tenth of the rows."""
    from delible.lake.scan import _database, _examine
    from delible.model.detection import DEFAULT_DETECTION

    peaks = [0] * 10

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, rows, _BATCH):
            texts = [value(n) for n in range(start, min(start + _BATCH, rows))]
            peaks[start * 10 // rows] = max(peaks[start * 10 // rows], rss("self"))
            if start % (rows // 10) < _BATCH:
                print(f"{start:,} rows: {rss('self')} MB", file=sys.stderr, flush=True)
            n = len(texts)
            columns = {
                "leaf": pa.array([0] * n, pa.int32()),
                "path": pa.array([""] * n),
                "kind": pa.array([""] * n),
                "value": pa.array(texts),
                "rows": pa.array([1] * n, pa.int64()),
                "place": pa.array([0] * n, pa.int32()),
            }
            yield pa.RecordBatch.from_pydict(columns)

    for _ in _examine(
        batches(), detection=DEFAULT_DETECTION, sample=None, database=_database(DEFAULT_DETECTION, False)
    ):
        pass
    return peaks


def in_spark(rows: int) -> list[int]:
    """Return the largest memory of any worker in each tenth of the time that they look at values."""
    from pyspark.sql import functions as F

    from delible.store.workspace import create_workspace
    from delible.workflows.scanning import EVERYTHING
    from delible.workflows.spark import session_for
    from delible.workflows.tagging import scan_tables

    seen: list[tuple[float, int]] = []
    over = Event()

    def look() -> None:
        while not over.wait(_EVERY):
            seen.append((time.monotonic(), max(map(rss, workers()), default=0)))

    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "w")
        spark = session_for(workspace)
        place = workspace.path(workspace.config.warehouse) / "large"
        made = F.udf(value, "string", useArrow=True)
        spark.range(0, rows, 1, 16).select(made("id").alias("value")).write.format("delta").save(str(place))
        watcher = Thread(target=look, daemon=True)
        watcher.start()
        scan_tables(workspace, ["large"], extent=EVERYTHING, actor="bench", now=datetime.now(UTC))
        over.set()
        watcher.join()
    full = max(size for _, size in seen)
    stands = next(i for i, (_, size) in enumerate(seen) if size > full / 2)
    looked = [size for _, size in seen[stands:] if size > full / 2]
    return [max(looked[len(looked) * i // 10 : len(looked) * (i + 1) // 10 + 1]) for i in range(10)]


def workers() -> list[str]:
    """Return the Python workers of Spark that this process's JVM has started."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"pyspark.daemon" in each.read_bytes() and _is_below(each.parent.name):
                found.append(each.parent.name)
        except OSError:
            continue
    return found


def _is_below(process: str) -> bool:
    import os

    while process not in ("0", "1"):
        if process == str(os.getpid()):
            return True
        process = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
    return False


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when memory grows."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--spark", action="store_true", help="scan a table, and look at Spark's workers")
    chosen = options.parse_args()
    begun = time.monotonic()
    peaks = (in_spark if chosen.spark else in_this_process)(chosen.rows)
    ratio = peaks[-1] / peaks[0]
    where = "Spark's workers" if chosen.spark else "one process"
    print(f"{chosen.rows:,} distinct values in {where}, {time.monotonic() - begun:.0f} s; peak by tenth, in MB:")
    print("  ".join(map(str, peaks)))
    print(f"last to first: {ratio:.2f} (must hold: at most {MOST})")
    print(json.dumps({"benchmark": "memory", "rows": chosen.rows, "spark": chosen.spark, "mb": peaks, "ratio": ratio}))
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
