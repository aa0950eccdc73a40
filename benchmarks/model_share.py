"""How much of a worker's processor time for free text is spent inside the model, tokens included.

A worker of `tags scan` counts batches of tickets; the clock runs in spaCy's `pipe` alone, and around all of it. The
best of some repeats counts, since other processes on the machine only ever add. No ticket comes twice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

from delible.detect.blank import LANGUAGE
from delible.detect.database import prepared
from delible.detect.engine import engine
from delible.detect.values import Tally
from delible.model.detection import DEFAULT_DETECTION

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mixed_texts import Mixed

GOAL, BATCH = 0.9, 250
SHARES = (0.5, 0.1)
"""Of the tickets that hold something personal."""


class Clock:
    """Adds up the time inside a pipeline."""

    def __init__(self, pipeline: Any) -> None:
        self.seconds = 0.0
        self._pipe = pipeline.pipe
        pipeline.pipe = self._timed

    def _timed(self, *texts: Any, **options: Any) -> Iterator[Any]:
        begun = process_time()
        documents = iter(self._pipe(*texts, **options))
        while True:
            document = next(documents, None)
            self.seconds += process_time() - begun
            if document is None:
                return
            yield document
            begun = process_time()


def measured(share: float, texts: int, repeats: int, clock: Clock) -> dict[str, float]:
    """Return the repeat in which the model had the largest share."""
    mixed = Mixed(5)
    tickets = [(f"{mixed.ticket(share)} Our number is {n}.", 1) for n in range(texts)]
    rows = []
    for _ in range(repeats):
        clock.seconds, begun = 0.0, process_time()
        for start in range(0, texts, BATCH):
            Tally().add_all(tickets[start : start + BATCH])
        whole = process_time() - begun
        rows.append({"personal": share, "model": clock.seconds / whole, "texts_per_s": texts / whole})
    return max(rows, key=lambda row: row["model"])


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when the model has less than its share."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--texts", type=int, default=1_000)
    options.add_argument("--repeats", type=int, default=5)
    chosen = options.parse_args()
    for each in (DEFAULT_DETECTION.unread, DEFAULT_DETECTION):
        engine(each).use(prepared(engine(each).expressions))
    Tally().add_all([(Mixed(4).ticket(), 1)])
    clock = Clock(engine(DEFAULT_DETECTION).analyzer.nlp_engine.nlp[LANGUAGE])
    rows = [measured(share, chosen.texts, chosen.repeats, clock) for share in SHARES]
    print(f"{'personal':>8}{'texts/s':>9}{'in the model':>14}")
    for row in rows:
        print(f"{row['personal']:>8.0%}{row['texts_per_s']:>9.0f}{row['model']:>14.1%}")
    print(json.dumps({"benchmark": "model_share", "goal": GOAL, "results": rows}))
    return int(any(row["model"] < GOAL for row in rows))


if __name__ == "__main__":
    sys.exit(main())
