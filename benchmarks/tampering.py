"""Flip every byte of a small ledger's files, one at a time, and count the flips that `audit verify` does not find.

Two stores: one of a single commit, where every byte is flipped, and one that has been compacted, with its checkpoints,
superseded files and lists, where every n-th byte is. A flip that is not found is named, and ends it with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from delible.model.record import AuditEntry
from delible.store import tables
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import create_workspace

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAID = AuditEntry(actor="ops", action="erasure.merge", object="table:a", outcome="done", counts={"rows": 7})
COMPACTED = 6
"""Commits after which a store has been compacted, when that happens every fourth."""


def main() -> int:
    """Flip, print a line per store and one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stride", type=int, default=7, help="every n-th byte of the compacted store (default: 7)")
    stride = options.parse_args().stride
    tables._UPKEEP_EVERY, tables._SMALL_FILES = 4, 3
    rows = [flipped("one commit", 1, 1), flipped("compacted", COMPACTED, stride)]
    print(json.dumps({"benchmark": "tampering", "results": rows}))
    return int(any(row["missed"] for row in rows))


def flipped(name: str, commits: int, stride: int) -> dict[str, object]:
    """Return how many flips of a new store's files were tried, and those that were missed."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "w")
        ledger = Ledger(workspace, load_keys(workspace))
        for _ in range(commits):
            ledger.append([SAID, SAID], NOW)
        files = sorted(file for file in (workspace.root / "store").rglob("*") if file.is_file() and file.stat().st_size)
        start, tried, missed = time.perf_counter(), 0, []
        for file in files:
            whole = file.read_bytes()
            for at in range(0, len(whole), stride):
                file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
                tried += 1
                if ledger.verify().intact:
                    missed.append(f"{file.name}:{at}")
            file.write_bytes(whole)
        seconds = time.perf_counter() - start
        whole_again = ledger.verify().intact
    row = {"store": name, "files": len(files), "flips": tried, "missed": missed, "seconds": round(seconds, 1)}
    print(row, "intact afterwards" if whole_again else "NOT INTACT AFTERWARDS", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
