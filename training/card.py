"""The model's card: how it was made and what it scores, beside the model's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import fill
import spacy
from lists import HERE

from delible.detect.model_files import CARD, digest

_MADE_WITH = ("spacy", "thinc", "numpy", "faker")
_TITLES = {"test": "Test", "unseen": "Test, unseen names", "foreign": "Foreign"}
Scores = Mapping[str, Mapping[str, Mapping[str, object]]]


def write_card(folder: Path, scored: Scores, *, copies: int, steps: int, labels: Sequence[str]) -> None:
    """Write the card of a finished model."""
    everything = fill.patterns()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.name != CARD)
    text = (HERE / "card.md").read_text(encoding="utf-8")
    facts = {
        "digest": digest(folder),
        "size": f"{size / 1e6:.1f} MB",
        "spacy": f"spaCy {spacy.about.__version__.rpartition('.')[0]}",
        "patterns": f"{len(everything):,}",
        "registers": str(len({each.register for each in everything})),
        "without": f"{sum(not fill.names_anybody(each.text) for each in everything):,}",
        "copies": str(copies),
        "faker": f"Faker {version('faker')}",
        "steps": f"{steps:,}",
        "versions": ", ".join(f"{name} {version(name)}" for name in _MADE_WITH),
        "table": _table(scored, labels),
        "by_register": _by_register(scored["test"], labels),
    }
    for key, value in facts.items():
        text = text.replace(f"{{{key}}}", value)
    (folder / CARD).write_text(text, encoding="utf-8")


def _table(scored: Scores, labels: Sequence[str]) -> str:
    rows = ["| texts | label | precision | recall | F | 95 % |", "|---|---|---|---|---|---|"]
    for name, title in _TITLES.items():
        for label in labels:
            one = scored[name][label]
            low, high = one["f_95"]
            rows.append(f"| {title} | {label} | {one['p']} | {one['r']} | {one['f']} | {low} to {high} |")
    return "\n".join(rows)


def _by_register(scored: Mapping[str, Mapping[str, object]], labels: Sequence[str]) -> str:
    registers = sorted({name.split(" in ")[1] for name in scored if " in " in name})
    rows = [f"| register | {' | '.join(labels)} |", f"|---|{'---|' * len(labels)}"]
    for register in registers:
        cells = [scored[f"{label} in {register}"] for label in labels]
        if any(cell["spans"] for cell in cells):
            rows.append(f"| {register} | {' | '.join(str(cell['f']) if cell['spans'] else '-' for cell in cells)} |")
    return "\n".join(rows)
