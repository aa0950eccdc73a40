"""What finding people and places costs: the shipped model's pipeline alone, beside tokenizing alone, in one run."""

from __future__ import annotations

import json
from pathlib import Path
from time import process_time

import spacy

from delible.detect.model_files import SHIPPED_FOLDER

TEXTS = Path(__file__).parents[1] / "training" / "sample.jsonl"
ROUNDS, AT_ONCE = 3, 64


def seconds(nlp: spacy.Language, texts: list[str]) -> float:
    """Return the least of some rounds' time on the processor."""
    taken = []
    for _ in range(ROUNDS):
        before = process_time()
        for _ in nlp.pipe(texts, batch_size=AT_ONCE):
            pass
        taken.append(process_time() - before)
    return min(taken)


def main() -> None:
    """Print tokens per second and the ratio."""
    lines = TEXTS.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    model, blank = spacy.load(SHIPPED_FOLDER), spacy.blank("en")
    tokens = sum(len(doc) for doc in model.tokenizer.pipe(texts))
    with_model, without = seconds(model, texts), seconds(blank, texts)
    print(f"people and places: {tokens / with_model:,.0f} tokens/s, {len(texts) / with_model:,.0f} texts/s")
    print(f"tokens alone: {tokens / without:,.0f} tokens/s; the model costs {with_model / without:.0f} times as much")
    found = {"tokens": tokens, "tokens_per_second": round(tokens / with_model), "ratio": round(with_model / without, 1)}
    print(json.dumps({"benchmark": "people", "yardstick": "a blank spaCy pipeline", "results": found}))


if __name__ == "__main__":
    main()
