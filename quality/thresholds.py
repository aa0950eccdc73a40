"""Print precision and recall over thresholds, per type: what THRESHOLDS in delible.detect.entities were chosen by.

The model of people and places is left out: it gives every finding one score. Run it from the project's folder:
python quality/thresholds.py
"""

from __future__ import annotations

from pathlib import Path

from delible.decide.quality import judge_texts
from delible.detect import entities
from delible.detect.engine import engine
from delible.detect.findings import Finding, resolved
from delible.detect.plain import plain
from delible.model.detection import Detection
from delible.model.labelled import Span
from delible.model.nlp_model import NO_MODEL
from delible.store.labelled import read_labelled

TRIED = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


def main() -> None:
    """Print a line per type and threshold, from the lowest on, where anything changes."""
    texts, _ = read_labelled(Path(__file__).with_name("texts.jsonl"))
    analyzer = engine(Detection(nlp=NO_MODEL))
    chosen, bare = dict(analyzer.thresholds), entities.BARE_PHONE
    analyzer.thresholds.update(dict.fromkeys(chosen, 0.0))
    entities.BARE_PHONE = 0.0
    read = [(text, each := plain(text.text), analyzer.analyze(each.text)) for text in texts]
    entities.BARE_PHONE = bare
    for entity, own in chosen.items():
        last = None
        for tried in TRIED:
            thresholds = chosen | {entity: tried}
            answers = []
            for text, each, spotted in read:
                believed = [
                    Finding(*each.original(start, end), kind, score)
                    for kind, start, end, score in spotted
                    if entities.believed(kind, each.text[start:end], score, thresholds)
                ]
                answers.append((text, [Span(f.start, f.end, f.entity) for f in resolved(believed, text.text)]))
            score = judge_texts(answers, of=[entity]).entities.get(entity)
            if score is None or not score.labelled or (score == last and tried != own):
                continue
            last = score
            share = [f"{each:.3f}" if each is not None else "-" for each in (score.precision, score.recall)]
            print(f"{entity:15} {'*' if tried == own else ' '} {tried:4.2f}  P {share[0]}  R {share[1]}")


if __name__ == "__main__":
    main()
