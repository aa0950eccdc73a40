"""Print precision and recall over thresholds, per type: what THRESHOLDS in delible.detect.entities were chosen by.

Run it from the project's folder: python quality/thresholds.py
"""

from __future__ import annotations

from pathlib import Path

from delible.decide.quality import judge_texts
from delible.detect import entities
from delible.detect.engine import engine
from delible.detect.findings import find
from delible.model.labelled import Span
from delible.store.labelled import read_labelled

TRIED = (0.05, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9)


def main() -> None:
    """Print a line per type and threshold that changes anything."""
    texts, _ = read_labelled(Path(__file__).with_name("texts.jsonl"))
    thresholds = engine(entities.DEFAULT_COUNTRIES).thresholds
    chosen = dict(thresholds)
    for entity, own in chosen.items():
        last = None
        for tried in TRIED:
            thresholds[entity] = tried
            bare = entities.BARE_PHONE
            if entity == "PHONE_NUMBER" and tried > bare:
                entities.BARE_PHONE = tried
            found = [(text, [Span(f.start, f.end, f.entity) for f in find(text.text)]) for text in texts]
            score = judge_texts(found, of=[entity]).entities.get(entity)
            entities.BARE_PHONE = bare
            if score is None or score == last or not score.labelled:
                continue
            last = score
            share = [f"{each:.3f}" if each is not None else "-" for each in (score.precision, score.recall)]
            print(
                f"{entity:15} {'*' if tried == own else ' '} {tried:4.2f}  P {share[0]}  R {share[1]}  {score.found}",
                flush=True,
            )
        thresholds[entity] = own


if __name__ == "__main__":
    main()
