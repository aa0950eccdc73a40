"""How much faster the scanner is than plain Presidio, which finds the same: ratios of processor time in one run.

Plain Presidio has the registry that the scanner has, which is wider than the one that Presidio brings: what that takes
on the same texts is told beside it, as stock.

Short values are those of a twelve-column table, row by row; tickets have about 300 characters, and half of them hold
personal data. Both sides take turns, batch by batch, so that whatever else the machine does hits both alike. The first
batch of each warms up and does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from delible.detect.database import prepared
from delible.detect.engine import Engine
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mixed_texts import Mixed

PATTERNS = Detection(nlp=NO_MODEL)
GOALS = {("short", "hyperscan"): 10.0, ("tickets", "hyperscan"): 4.0}


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when a goal is missed or a finding differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--batches", type=int, default=8, help="batches of 600 values and 100 tickets (default: 8)")
    batches = options.parse_args().batches
    engines = {"conditions": Engine(PATTERNS)}
    engines["conditions"].use(b"")
    with_hyperscan = Engine(PATTERNS)
    if (database := prepared(with_hyperscan.expressions)) is not None:
        with_hyperscan.use(database)
        engines["hyperscan"] = with_hyperscan
    mixed = Mixed(1)
    data = {
        "short": [mixed.columns(50) for _ in range(batches + 1)],
        "tickets": [[mixed.ticket() for _ in range(100)] for _ in range(batches + 1)],
    }
    rows = [row for name, texts in data.items() for row in measured(name, texts, engines)]
    head = f"{'texts':<10}{'gate':<12}{'characters':>11}{'stock/s':>9}{'plain/s':>9}{'scanner/s':>11}{'ratio':>7}"
    print(f"{head}{'to stock':>10}{'differing':>11}")
    for row in rows:
        print(
            f"{row['texts']:<10}{row['gate']:<12}{row['characters']:>11.0f}{row['stock']:>9.0f}{row['plain']:>9.0f}"
            f"{row['scanner']:>11.0f}{row['ratio']:>7.1f}{row['to_stock']:>10.1f}{row['differing']:>11}"
        )
    print(json.dumps({"benchmark": "detection", "batches": batches, "results": rows}))
    missed = [row for row in rows if row["ratio"] < GOALS.get((row["texts"], row["gate"]), 0)]
    return int(bool(missed) or any(row["differing"] for row in rows))


def measured(name: str, batches: list[list[str]], engines: dict[str, Engine]) -> list[dict[str, object]]:
    """Return a row per gate, over all batches but the first."""
    plain_engine, stock_engine = Engine(PATTERNS), stock()
    plain_seconds = stock_seconds = 0.0
    seconds = dict.fromkeys(engines, 0.0)
    differing = dict.fromkeys(engines, 0)
    for number, texts in enumerate(batches):
        took, plain = timed(lambda texts=texts: [plain_engine.analyze(text) for text in texts])
        plain_seconds += took if number else 0
        took, _ = timed(lambda texts=texts: [stock_engine.analyze(text, language="en") for text in texts])
        stock_seconds += took if number else 0
        for gate, engine in engines.items():
            took, ours = timed(lambda texts=texts, engine=engine: dict(engine.analyze_all(texts)))
            seconds[gate] += took if number else 0
            differing[gate] += sum(ours[text] != found for text, found in zip(texts, plain, strict=True))
    counted = [text for texts in batches[1:] for text in texts]
    return [
        {
            "texts": name,
            "gate": gate,
            "characters": sum(map(len, counted)) / len(counted),
            "stock": len(counted) / stock_seconds,
            "plain": len(counted) / plain_seconds,
            "scanner": len(counted) / seconds[gate],
            "ratio": plain_seconds / seconds[gate],
            "to_stock": stock_seconds / seconds[gate],
            "differing": differing[gate],
        }
        for gate in engines
    ]


def stock() -> AnalyzerEngine:
    """Return Presidio with the recognizers that it brings for English, and no model either."""
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    return AnalyzerEngine(registry=registry, nlp_engine=Engine(PATTERNS).analyzer.nlp_engine)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the processor time that some work took, and its outcome."""
    start = process_time()
    outcome = work()
    return process_time() - start, outcome


if __name__ == "__main__":
    sys.exit(main())
