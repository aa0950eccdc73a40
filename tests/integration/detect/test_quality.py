"""The quality contract: what detection finds on the project's own labelled corpus, and that it does not get worse."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from presidio_analyzer import AnalyzerEngine

from delible.decide.quality import PERSONAL, Score, below, fallen
from delible.detect import prose
from delible.detect.engine import Engine, engine
from delible.model.labelled import LabelledColumn, LabelledText
from delible.store.labelled import read_labelled
from delible.workflows.evaluation import evaluate_columns, evaluate_texts

QUALITY = Path(__file__).parents[3] / "quality"
BASELINE = json.loads((QUALITY / "baseline.json").read_text())
NOW = datetime(2026, 11, 27, tzinfo=UTC)

RECALL = dict.fromkeys(("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "US_SSN"), 0.99) | {
    "PHONE_NUMBER": 0.95
}
PRECISION = dict.fromkeys(RECALL, 0.98) | {"PHONE_NUMBER": 0.90}
PEOPLE = {"PERSON": (0.64, 0.64), "LOCATION": (0.39, 0.60)}
"""Least precision and recall, by the lower limit of the 95 % interval, of what a scan finds in all languages."""
FEW = 20


def texts() -> list[LabelledText]:
    return read_labelled(QUALITY / "texts.jsonl")[0]


def columns() -> list[LabelledColumn]:
    return read_labelled(QUALITY / "columns.jsonl")[1]


def scores_of(chosen: list[LabelledText]) -> dict[str, Score]:
    judged = evaluate_texts(chosen).texts
    assert judged is not None
    return judged.entities


def counted(name: str) -> dict[str, Score]:
    return {key: Score(row["tp"], row["fp"], row["fn"]) for key, row in BASELINE[name].items()}


@pytest.fixture(scope="module")
def entities() -> dict[str, Score]:
    return scores_of(texts())


def test_recall_first(entities):
    assert below(entities, RECALL, "recall") == []


def test_and_what_is_found_is_right(entities):
    assert below(entities, PRECISION, "precision") == []


@pytest.mark.parametrize("entity", sorted(PEOPLE))
def test_people_and_places_are_found_in_what_a_scan_reads(entities, entity):
    assert not short_of(entities, entity)


def short_of(scores: dict[str, Score], entity: str) -> list[str]:
    precision, recall = PEOPLE[entity]
    score = scores[entity]
    lows = {"precision": (score.precision_interval[0], precision), "recall": (score.recall_interval[0], recall)}
    return [share for share, (low, least) in lows.items() if low < least]


@pytest.mark.parametrize("entity", sorted(PEOPLE))
def test_the_contract_breaks_when_scans_read_sentences_only(monkeypatch, entity):
    real = prose.text_of
    sentences = lambda value, nlp: real(value, nlp)._replace(read=prose.looks_like_prose(value))  # noqa: E731
    monkeypatch.setattr("delible.detect.values.text_of", sentences)
    assert "recall" in short_of(scores_of(holding(entity)), entity)


def test_no_type_falls_below_the_interval_of_the_baseline(entities):
    assert {
        name: worse for name, before in counted("entities").items() if (worse := fallen(entities[name], before))
    } == {}


def test_every_type_that_is_looked_for_has_a_baseline(entities):
    """A new type, such as PERSON with a model, is measured when it comes: python quality/baseline.py."""
    many = {name for name, score in entities.items() if score.labelled >= FEW and name in engine().thresholds}
    assert many <= set(BASELINE["entities"])


def test_no_category_of_columns_falls_below_the_interval_of_the_baseline():
    judged = evaluate_columns(columns(), now=NOW).columns
    assert judged is not None
    before = counted("categories")
    assert {name: worse for name in before if (worse := fallen(judged.categories[name], before[name]))} == {}
    personal = judged.categories[PERSONAL]
    assert personal.recall is not None
    assert personal.recall >= 0.97


def holding(entity: str) -> list[LabelledText]:
    return [text for text in texts() if any(span.entity == entity for span in text.spans)]


@pytest.fixture
def fresh_engine(monkeypatch):
    """An engine of this test's own, to be damaged."""
    damaged = Engine()
    monkeypatch.setattr("delible.detect.engine.engine", lambda *_: damaged)
    return damaged


@pytest.mark.parametrize(
    ("recognizer", "entity"),
    [
        ("WrittenCardRecognizer", "CREDIT_CARD"),
        ("WrittenIbanRecognizer", "IBAN_CODE"),
        ("WrittenSsnRecognizer", "US_SSN"),
        ("WrittenEmailRecognizer", "EMAIL_ADDRESS"),
        ("IpRecognizer", "IP_ADDRESS"),
        ("PhoneRecognizer", "PHONE_NUMBER"),
        ("WrittenPhoneRecognizer", "PHONE_NUMBER"),
    ],
)
def test_the_contract_breaks_without_a_recognizer(fresh_engine, recognizer, entity):
    analyzer: AnalyzerEngine = fresh_engine._analyzer
    analyzer.registry.remove_recognizer(recognizer)
    chosen = holding(entity)
    scores = scores_of(chosen)
    assert below(scores, {entity: RECALL[entity]}, "recall")
    assert "recall" in fallen(scores[entity], counted("entities")[entity])


@pytest.mark.parametrize(("entity", "least"), [("PHONE_NUMBER", 0.5), ("US_SSN", 0.6), ("IP_ADDRESS", 0.7)])
def test_the_contract_breaks_with_a_higher_threshold(fresh_engine, entity, least):
    fresh_engine.thresholds[entity] = least
    assert below(scores_of(holding(entity)), {entity: RECALL[entity]}, "recall")


def test_the_contract_breaks_when_bare_digits_pass_for_phones(monkeypatch):
    monkeypatch.setattr("delible.detect.entities.BARE_PHONE", 0.4)
    judged = scores_of([*holding("PHONE_NUMBER"), *(text for text in texts() if not text.spans)])
    assert "precision" in fallen(judged["PHONE_NUMBER"], counted("entities")["PHONE_NUMBER"])


@pytest.fixture(scope="module")
def build():
    sys.path.insert(0, str(QUALITY))
    import build as module

    yield module
    sys.path.remove(str(QUALITY))


@pytest.mark.parametrize("name", ["texts", "columns"])
def test_the_corpus_is_what_its_sources_make(build, name):
    made = [json.dumps(row, ensure_ascii=False) for row in getattr(build, name)()]
    assert made == (QUALITY / f"{name}.jsonl").read_text().splitlines()


def test_labels_stand_where_the_markup_says(build):
    text, spans = build.labelled("a [[E|b@c.example]]\\n[[N|D]]", None)
    assert text == "a b@c.example\nD"
    assert [(text[s["start"] : s["end"]], s["type"]) for s in spans] == [
        ("b@c.example", "EMAIL_ADDRESS"),
        ("D", "PERSON"),
    ]


def test_labels_are_tight_and_do_not_overlap():
    for text in texts():
        held = [text.text[span.start : span.end] for span in text.spans]
        assert held == [each.strip() for each in held], text.line
        assert all(a.end <= b.start for a, b in zip(text.spans, text.spans[1:], strict=False)), text.line


def test_the_corpus_is_large_and_its_people_are_synthetic():
    rows = [json.loads(line) for line in (QUALITY / "texts.jsonl").read_text().splitlines()]
    assert len({row["origin"] for row in rows}) >= 600
    assert len({row["language"] for row in rows}) >= 7
    assert len(columns()) >= 120
    addresses = [
        text.text[span.start : span.end] for text in texts() for span in text.spans if span.entity == "EMAIL_ADDRESS"
    ]
    assert [each for each in addresses if not each.lower().rstrip(")]").endswith("example")] == []
