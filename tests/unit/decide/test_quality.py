"""Scores: what counts as found, one finding for one label, and when quality has fallen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.quality import PERSONAL, Miss, Score, below, fallen, half, judge_columns, judge_texts
from delible.model.labelled import LabelledColumn, LabelledText, Span


def text(*spans: Span, line: int = 1, **more: Any) -> LabelledText:
    return LabelledText(line, "x" * 100, spans, **more)


def mail(start: int, end: int) -> Span:
    return Span(start, end, "EMAIL_ADDRESS")


@pytest.mark.parametrize(
    ("finding", "right"),
    [
        ((10, 20), True),
        ((10, 15), True),
        ((10, 14), False),
        ((10, 30), True),
        ((0, 100), False),
        ((15, 25), True),
        ((16, 26), False),
        ((20, 30), False),
    ],
)
def test_a_finding_is_right_when_half_of_the_longer_one_is_shared(finding, right):
    assert half(mail(10, 20), mail(*finding)) is right


def test_one_finding_answers_one_label():
    judged = judge_texts([(text(mail(0, 10)), [mail(0, 10), mail(0, 9)])], of=["EMAIL_ADDRESS"])
    assert judged.entities == {"EMAIL_ADDRESS": Score(1, 1, 0)}
    assert judged.misses == (Miss(1, "EMAIL_ADDRESS", missed=False),)


def test_another_type_at_the_same_place_is_wrong():
    judged = judge_texts([(text(mail(0, 10), line=7), [Span(0, 10, "URL")])], of=["EMAIL_ADDRESS", "URL"])
    assert judged.entities == {"EMAIL_ADDRESS": Score(0, 0, 1), "URL": Score(0, 1, 0)}
    assert judged.misses == (Miss(7, "EMAIL_ADDRESS", missed=True), Miss(7, "URL", missed=False))


def test_the_exact_place_is_scored_apart():
    judged = judge_texts([(text(mail(0, 10)), [mail(0, 9)])], of=["EMAIL_ADDRESS"])
    assert judged.entities["EMAIL_ADDRESS"] == Score(1, 0, 0)
    assert judged.exact["EMAIL_ADDRESS"] == Score(0, 1, 1)


def test_registers_and_languages_are_summed_over_types():
    answers = [(text(mail(0, 5), register="chat", language="en"), [mail(0, 5)]), (text(mail(0, 5), register="log"), [])]
    judged = judge_texts(answers, of=["EMAIL_ADDRESS"])
    assert judged.registers == {"chat": Score(1, 0, 0), "log": Score(0, 0, 1)}
    assert judged.languages == {"en": Score(1, 0, 0)}


places = st.lists(st.integers(0, 49), unique=True, max_size=12).map(lambda ns: [mail(2 * n, 2 * n + 2) for n in ns])


@given(labels=places, found=places)
def test_every_label_and_every_finding_is_counted_once(labels, found):
    score = judge_texts([(text(*labels), found)], of=["EMAIL_ADDRESS"]).entities.get("EMAIL_ADDRESS", Score())
    assert (score.labelled, score.found) == (len(labels), len(found))
    assert score.tp == len(set(labels) & set(found))


@given(tp=st.integers(0, 500), fp=st.integers(0, 500), fn=st.integers(0, 500))
def test_each_share_lies_in_its_interval(tp, fp, fn):
    score = Score(tp, fp, fn)
    shares = (score.precision, score.recall, score.f1)
    intervals = (score.precision_interval, score.recall_interval, score.f1_interval)
    for share, (low, high) in zip(shares, intervals, strict=True):
        assert share is None or 0 <= low <= share + 1e-9 <= high + 2e-9 <= 1 + 3e-9


def column(category: str | None, line: int = 1) -> LabelledColumn:
    return LabelledColumn(line, "t", "c", "string", (), category)


def test_columns_are_scored_by_category_and_by_whether_they_are_personal():
    answers = [
        (column("user.name", 1), "user.name"),
        (column("user.name", 2), "user.name.first"),
        (column("user.name", 3), None),
        (column(None, 4), "user.name"),
        (column(None, 5), None),
    ]
    judged = judge_columns(answers)
    assert judged.categories["user.name"] == Score(1, 1, 2)
    assert judged.categories["user.name.first"] == Score(0, 1, 0)
    assert judged.categories[PERSONAL] == Score(2, 1, 1)
    assert set(judged.confusions) == {
        ("user.name", "user.name.first", 1),
        ("user.name", None, 1),
        (None, "user.name", 1),
    }
    assert [miss.line for miss in judged.misses] == [2, 3, 4]


def test_a_share_that_nobody_knows_reaches_no_threshold():
    scores = {"A": Score(99, 0, 1)}
    assert below(scores, {"A": 0.99, "B": 0.5}, "recall") == [("B", None, 0.5)]
    assert below(scores, {"A": 0.995}, "recall") == [("A", 0.99, 0.995)]


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        (Score(200, 0, 0), []),
        (Score(197, 3, 3), []),
        (Score(190, 0, 10), ["recall"]),
        (Score(200, 20, 0), ["precision"]),
        (Score(0, 0, 200), ["precision", "recall"]),
    ],
)
def test_a_fall_is_more_than_the_interval(now, worse):
    assert fallen(now, Score(198, 2, 2)) == worse
