"""Write baseline.json: what the corpus measures now, against which the tests look for a fall.

Run `python quality/baseline.py` from the project's folder when quality has changed on purpose; the commit says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from delible.decide.quality import Score
from delible.detect.engine import engine
from delible.store.labelled import read_labelled
from delible.workflows.evaluation import evaluate_columns, evaluate_texts

HERE = Path(__file__).parent


def main() -> None:
    """Measure and write."""
    texts, _ = read_labelled(HERE / "texts.jsonl")
    _, columns = read_labelled(HERE / "columns.jsonl")
    of_texts = evaluate_texts(texts).texts
    of_columns = evaluate_columns(columns, now=datetime.now(UTC)).columns
    assert of_texts is not None and of_columns is not None  # noqa: S101, PT018 -- each was given what it reads
    looked_for = {name: score for name, score in of_texts.entities.items() if name in engine().thresholds}
    document = {"entities": _counts(looked_for), "categories": _counts(of_columns.categories)}
    (HERE / "baseline.json").write_text(json.dumps(document, indent=1) + "\n")


def _counts(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        name: {
            "tp": score.tp,
            "fp": score.fp,
            "fn": score.fn,
            "precision": None if score.precision is None else round(score.precision, 4),
            "recall": None if score.recall is None else round(score.recall, 4),
        }
        for name, score in scores.items()
    }


if __name__ == "__main__":
    main()
