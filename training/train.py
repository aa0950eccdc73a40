"""Train the model of people and places that the wheel carries, on one core and without a network: `make train`.

The same patterns, seed and versions of the libraries give the same model.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_threads] = "1"

import fill
import score
import spacy
from card import Scores, write_card
from lists import HERE
from rough import Filled
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin
from thinc.api import Config
from unseen import names_of, unseen

LABELS = ("PERSON", "LOCATION")
CONFIG = HERE / "config.cfg"
FOREIGN, SAMPLE, SAMPLE_SEED = HERE / "foreign.jsonl", HERE / "sample.jsonl", 20_261_127
_SPLIT_AT = (r"""[;|"=\[\]{}()<>]""", r"""(?<=["'])[:,](?=["'])""")
"""Signs inside a run of letters at which values of logs, JSON and forms end: `name=Ann;`, `"first":"Ann"`."""


def tokenizing(nlp: spacy.Language) -> spacy.Language:
    """Return the pipeline with a tokenizer that also parts what machines write without blanks."""
    infixes = [*nlp.Defaults.infixes, *_SPLIT_AT]
    prefixes = [*nlp.Defaults.prefixes, "@", "=", r"\|"]
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


def sample() -> list[Filled]:
    """Return a fixed part of the texts that the model is tested on, for the tests of the project."""
    texts = [one for _, one in fill.examples("test", copies=1, seed=SAMPLE_SEED, rough=True)]
    return [Filled(one.text, tuple(span for span in one.spans if span[2] in LABELS)) for one in texts[::2]]


def as_lines(texts: Iterable[Filled]) -> str:
    """Return texts as JSON lines, in the form that `tags evaluate` reads."""
    kinds = ("start", "end", "type")
    rows = ({"text": t.text, "spans": [dict(zip(kinds, span, strict=True)) for span in t.spans]} for t in texts)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def evaluate(nlp: spacy.Language, texts: Iterable[tuple[str, str, Filled]]) -> dict[str, dict[str, object]]:
    """Score a model on texts, each with its group and what it was made of: per label, and per label and group.

    Texts that were made of the same pattern are not independent: the interval is over patterns.
    """
    rows: dict[str, dict[str, score.Counts]] = defaultdict(dict)
    for group, origin, one in texts:
        found = [(e.start_char, e.end_char, e.label_) for e in nlp(one.text).ents]
        for label in LABELS:
            counted = score.counts(one.spans, found, label)
            for name in (label, f"{label} in {group}"):
                rows[name][origin] = score.added(rows[name].get(origin, (0, 0, 0, 0)), counted)
    scored: dict[str, dict[str, object]] = {}
    for name, by_origin in sorted(rows.items()):
        each = list(by_origin.values())
        precision, recall, f = score.figures(each)
        scored[name] = {"p": round(precision, 3), "r": round(recall, 3), "f": round(f, 3)}
        scored[name]["spans"] = sum(row[3] for row in each)
        if name in LABELS:
            low, high = score.interval(each)
            scored[name]["f_95"] = [round(low, 3), round(high, 3)]
    return scored


def ship(nlp: spacy.Language, folder: Path, scored: Mapping[str, object]) -> None:
    """Write a model as the wheel carries it: without settings and words that only its training needed."""
    words = spacy.blank("en").vocab.strings
    nlp.to_disk(folder)
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    Config({section: config[section] for section in ("nlp", "components")}).to_disk(folder / "config.cfg")
    kept = {*words, *(label for _, pipe in nlp.pipeline for label in getattr(pipe, "labels", ()))}
    (folder / "vocab" / "strings.json").write_text(json.dumps(sorted(kept), indent=0), encoding="utf-8")
    meta = {key: nlp.meta[key] for key in ("lang", "pipeline", "labels", "components")}
    major, minor, _ = spacy.about.__version__.split(".")
    meta["spacy_version"] = f">={major}.{minor}.0,<{major}.{int(minor) + 1}.0"
    meta |= {"name": "people_places", "version": "1.0.0", "license": "Apache-2.0", "performance": scored}
    meta["description"] = "People and places in English free text, trained on sentence patterns of delible's own"
    (folder / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def fit(chosen: argparse.Namespace, extra: Sequence[str], left_out: frozenset[str]) -> Path:
    """Train on the patterns of all registers but some, and return the folder of the best model."""
    chosen.work.mkdir(parents=True, exist_ok=True)
    blank = tokenizing(spacy.blank("en"))
    parts = {}
    for part, copies in (("train", chosen.copies), ("dev", 2)):
        texts = fill.examples(part, copies=copies, seed=chosen.seed, rough=True, registers=left_out)
        parts[f"paths.{part}"] = write(blank, (one for _, one in texts), chosen.work / f"{part}.spacy")
    overrides = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in extra)}
    train(chosen.config, chosen.work / "model", overrides={**parts, "system.seed": chosen.seed, **overrides})
    return Path(chosen.work / "model" / "model-best")


def scores(nlp: spacy.Language, seed: int, left_out: frozenset[str]) -> Scores:
    """Score a model on the patterns kept for it, on other styles, and on registers that were left out."""
    test = fill.examples("test", copies=3, seed=seed + 2, rough=True, registers=left_out)
    scored = {"test": evaluate(nlp, ((p.register, p.text, one) for p, one in test))}
    with names_of(unseen()):
        other = list(fill.examples("test", copies=3, seed=seed + 2, rough=True, registers=left_out))
    scored["unseen"] = evaluate(nlp, ((p.register, p.text, one) for p, one in other))
    scored["foreign"] = evaluate(nlp, (("foreign", one.text, one) for one in foreign()))
    if left_out:
        whole = fill.examples("", copies=1, seed=seed, rough=True, registers=left_out, without=False)
        scored["left out"] = evaluate(nlp, ((p.register, p.text, one) for p, one in whole))
    return scored


def main() -> int:
    """Train, score, and write the model with its card."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--work", type=Path, default=Path("build/training"))
    options.add_argument("--copies", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--config", type=Path, default=CONFIG)
    options.add_argument("--without", default="", help="registers that are left out, and scored on instead")
    options.add_argument("--trained", type=Path, help="score and write this one, trained before in the same way")
    chosen, extra = options.parse_known_args()
    left_out = frozenset(filter(None, chosen.without.split(",")))
    nlp = tokenizing(spacy.load(chosen.trained or fit(chosen, extra, left_out)))
    scored = scores(nlp, chosen.seed, left_out)
    ship(nlp, chosen.out, {name: {label: each[label] for label in LABELS} for name, each in scored.items()})
    if not left_out:
        SAMPLE.write_text(as_lines(sample()), encoding="utf-8")
        steps = Config().from_disk(chosen.config, interpolate=False)["training"]["max_steps"]
        write_card(chosen.out, scored, copies=chosen.copies, steps=steps, labels=LABELS)
    sys.stdout.write(json.dumps(scored, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
