"""Train the model of people and places that the wheel carries, on one core and without a network: `make train`.

The same patterns, seed and versions of the libraries give the same model.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_threads] = "1"

import fill
import score
import spacy
from lists import HERE
from rough import Filled
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin

LABELS = ("PERSON", "LOCATION")
CONFIG = HERE / "config.cfg"
FOREIGN = HERE / "foreign.jsonl"
_SPLIT_AT = (r"""[;|"=\[\]{}()<>]""", r"""(?<=["'])[:,](?=["'])""")
"""Signs inside a run of letters at which values of logs, JSON and forms end: `name=Ann;`, `"first":"Ann"`."""


def tokenizing(nlp: spacy.Language) -> spacy.Language:
    """Return the pipeline with a tokenizer that also parts what machines write without blanks."""
    infixes = [*nlp.Defaults.infixes, *_SPLIT_AT]  # type: ignore[misc]
    prefixes = [*nlp.Defaults.prefixes, "@", "=", r"\|"]  # type: ignore[misc]
    nlp.tokenizer.infix_finditer = spacy.util.compile_infix_regex(infixes).finditer
    nlp.tokenizer.prefix_search = spacy.util.compile_prefix_regex(prefixes).search
    return nlp


def doc_of(nlp: spacy.Language, one: Filled) -> Doc:
    """Return a text as spaCy wants it; a span that ends inside a token, as `5th Ave` in `5th Ave.`, takes all of it."""
    doc = nlp.make_doc(one.text)
    spans = [doc.char_span(a, b, label=label, alignment_mode="expand") for a, b, label in one.spans]
    doc.ents = spacy.util.filter_spans([span for span in spans if span is not None])
    return doc


def write(nlp: spacy.Language, texts: Iterable[Filled], file: Path) -> str:
    """Write texts as a file that spaCy trains on."""
    packed = DocBin(store_user_data=False)
    for one in texts:
        packed.add(doc_of(nlp, one))
    packed.to_disk(file)
    return str(file)


def foreign() -> list[Filled]:
    """Return sentences in other styles than the patterns', which nothing was trained on or chosen by."""
    lines = FOREIGN.read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines if line]
    return [Filled(each["text"], tuple((s["start"], s["end"], s["type"]) for s in each["spans"])) for each in read]


def evaluate(nlp: spacy.Language, texts: Iterable[tuple[str, Filled]]) -> dict[str, dict[str, object]]:
    """Score a model on texts, each with the name of its group: per label, and per label and group."""
    rows: dict[str, list[score.Counts]] = defaultdict(list)
    for group, one in texts:
        found = [(e.start_char, e.end_char, e.label_) for e in nlp(one.text).ents]
        for label in LABELS:
            each = score.counts(one.spans, found, label)
            rows[label].append(each)
            rows[f"{label} in {group}"].append(each)
    scored: dict[str, dict[str, object]] = {}
    for name, each in sorted(rows.items()):
        precision, recall, f = score.figures(each)
        scored[name] = {"p": round(precision, 3), "r": round(recall, 3), "f": round(f, 3)}
        if name in LABELS:
            low, high = score.interval(each)
            scored[name]["f_95"] = [round(low, 3), round(high, 3)]
    return scored


def main() -> int:
    """Train, score, and write the model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--work", type=Path, default=Path("training-work"))
    options.add_argument("--copies", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--config", type=Path, default=CONFIG)
    options.add_argument("--without", default="", help="registers that are left out, and scored on instead")
    chosen, extra = options.parse_known_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    left_out = frozenset(filter(None, chosen.without.split(",")))
    blank = tokenizing(spacy.blank("en"))
    parts = {}
    for part, copies in (("train", chosen.copies), ("dev", 2)):
        texts = fill.examples(part, copies=copies, seed=chosen.seed, rough=True, registers=left_out)
        parts[f"paths.{part}"] = write(blank, (one for _, one in texts), chosen.work / f"{part}.spacy")
    overrides = {k: json.loads(value) for k, value in (pair.split("=", 1) for pair in extra)}
    train(chosen.config, chosen.work / "model", overrides={**parts, "system.seed": chosen.seed, **overrides})
    nlp = tokenizing(spacy.load(chosen.work / "model" / "model-best"))
    nlp.to_disk(chosen.out)
    test = fill.examples("test", copies=3, seed=chosen.seed + 2, rough=True, registers=left_out)
    scored = {"test": evaluate(nlp, ((p.register, one) for p, one in test))}
    if left_out:
        other = fill.examples("", copies=1, seed=chosen.seed, rough=True, registers=left_out, without=False)
        scored["left out"] = evaluate(nlp, ((p.register, one) for p, one in other))
    if FOREIGN.exists():
        scored["foreign"] = evaluate(nlp, (("foreign", one) for one in foreign()))
    (chosen.work / "scores.json").write_text(json.dumps(scored, indent=1), encoding="utf-8")
    sys.stdout.write(json.dumps(scored, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
