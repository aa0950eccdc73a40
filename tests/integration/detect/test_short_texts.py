"""What people write without writing sentences is read, and nothing that no model has read is called clean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from column_evidence import counted, judged
from delible.decide.noise import by_chance
from delible.detect.values import Tally
from delible.model.detection import DEFAULT_DETECTION
from delible.model.nlp_model import NO_MODEL
from delible.model.record import TagFinding
from delible.model.terms import TagState
from short_texts import CODES, NOBODY, PEOPLE, Make

VALUES = 150


def verdict(make: Make, *, nlp=None) -> TagFinding:
    detection = DEFAULT_DETECTION if nlp is None else replace(DEFAULT_DETECTION, nlp=nlp)
    facts = counted("f7", [make(i) for i in range(VALUES)], VALUES, detection=detection)
    return judged("exports", [facts])["f7"]


@pytest.mark.parametrize("kind", sorted(PEOPLE))
def test_a_column_that_names_people_is_not_clean(kind):
    found = verdict(PEOPLE[kind])
    assert found.category in ("user.content", "user.name"), found


@pytest.mark.parametrize("kind", sorted(NOBODY))
def test_a_column_that_names_nobody_is(kind):
    found = verdict(NOBODY[kind])
    assert (found.category, found.state) == (None, TagState.PROPOSED), found


def test_chance_rates_hold_on_what_they_were_measured_on():
    for kind, make in NOBODY.items():
        facts = counted("f7", [make(i) for i in range(VALUES)], VALUES)
        for entity in ("PERSON", "LOCATION"):
            assert facts.hits.get(entity, 0) <= by_chance(facts, entity), (kind, entity)


@pytest.mark.parametrize("kind", sorted(CODES))
def test_the_model_is_not_asked_about_codes(kind):
    facts = counted("f7", [CODES[kind](i) for i in range(VALUES)], VALUES)
    assert facts.shapes.get("read", 0) == 0


@pytest.mark.parametrize(
    "text",
    [
        "佐藤健一さんから注文{}の件で電話がありました",
        "王小明打电话询问订单{}的退款",
        "Клиент Дмитрий Петров звонил по поводу заказа {}",
        "اتصل أحمد المصري بخصوص الطلب {}",
        "\u039d\u03af\u03ba\u03bf\u03c2 \u03c4\u03b7\u03bb\u03b5\u03c6\u03ce\u03bd\u03b7\u03c3\u03b5 {}",  # Greek
        "김민준 고객이 주문 {} 건으로 전화했습니다",
    ],
)
def test_texts_in_a_script_that_the_model_does_not_read_are_never_called_clean(text):
    found = verdict(text.format)
    if found.category is None:
        assert (found.state, found.bound, "unread" in found.evidence) == (TagState.REVIEW, 1.0, True)
        assert found.reason == (
            f"names were not looked for in {VALUES} of {VALUES} values, which the model does not read."
        )


def test_a_few_of_them_weaken_the_bound_and_are_told():
    clean = verdict(lambda i: f"ORD-{i:06}")
    found = verdict(lambda i: "佐藤さんから電話" if i == 0 else f"ORD-{i:06}")
    assert (found.category, found.state, "unread" in found.evidence) == (None, TagState.PROPOSED, True)
    assert clean.bound == 0.0 < found.bound < 0.05


def test_without_a_model_sentences_are_never_called_clean():
    found = verdict(lambda i: f"please call somebody back before noon, it is number {i}", nlp=NO_MODEL)
    assert (found.category, found.state, found.bound) == (None, TagState.REVIEW, 1.0)


def test_hits_in_sentences_count_beside_short_texts_that_name_nobody():
    """Twelve tickets among a thousand names of products are more than chance, though not of all values."""
    tally = Tally()
    tally.add_all((NOBODY["nuts"](i), 1) for i in range(400))
    tally.add_all((f"Spoke to Anna Lopez about it, she wants a refund for order {i}.", 1) for i in range(12))
    facts = counted("f7", [], 0)
    facts = replace(facts, values=tally.values, hits=tally.hits, whole=tally.whole, shapes=tally.shapes)
    assert facts.hits["PERSON"] < by_chance(facts, "PERSON")
    assert judged("exports", [facts])["f7"].category == "user.content"
