"""The controller's own recognizers: found, allowed, harmless, slow; and what names of columns say."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.detection import detection_of
from delible.detect import own
from delible.detect.findings import Finding, find, spared
from delible.detect.own import words_pattern
from delible.detect.own_columns import _is_named, own_named
from delible.errors import DelibleError
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, SHIPPED
from delible.model.recognizer import Recognizer
from delible.store.policies import load_policies

EXAMPLES = Path(__file__).parents[3] / "policies" / "examples" / "recognizers"
CLINICS = detection_of(load_policies(EXAMPLES))


def detection(**given):
    base = {"recognizer": "thing", "description": "x", "category": "user.unique_id"}
    return Detection((), (Recognizer.model_validate(base | given),))


def found(text, looked_for=CLINICS):
    return [(f.entity, text[f.start : f.end]) for f in find(text, detection=looked_for)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LK-40217 came in", [("EMPLOYEE_NUMBER", "LK-40217")]),
        ("staff 40217 came in", [("EMPLOYEE_NUMBER", "40217")]),
        ("parcel 40217 came in", []),
        ("LK-402178", []),
        ("record 1234 5678 9", [("MEDICAL_RECORD", "1234 5678 9")]),
        ("record 1234 5678 8", []),
        ("form 00000000-0", []),
        ("ORD 219-09-9998", []),
        ("her ssn is 219-09-9998", [("US_SSN", "219-09-9998")]),
        ("ORD 219-09-9998, ssn 219-09-9998", [("US_SSN", "219-09-9998")]),
        ("in the Night  OWLET study", [("PROJECT", "Night  OWLET")]),
        ("night owls, nightowl", []),
        ("Blue Heron", [("PROJECT", "Blue Heron")]),
    ],
)
def test_the_shipped_recognizers_find_what_they_say(text, expected):
    assert found(text) == expected


def test_a_rule_on_names_of_columns_has_a_limit_of_time(monkeypatch):
    monkeypatch.setattr("delible.detect.own_columns.SECONDS", 0.01)
    with pytest.raises(DelibleError) as caught:
        _is_named(r"(?:oo|\w)+_nr", "o" * 60 + "!_nr", "loyalty")
    assert (caught.value.code, caught.value.where) == ("detect.recognizer_slow", "detection:loyalty")


def test_without_the_harmless_recognizer_order_codes_are_found():
    others = tuple(r for r in CLINICS.recognizers if not r.harmless)
    assert found("ORD 219-09-9998 ssn", Detection((), others, CLINICS.dictionaries)) == [("US_SSN", "219-09-9998")]


def test_a_match_that_fails_its_check_digit_is_none_and_an_unchecked_one_has_the_patterns_score():
    given = {"patterns": [{"regex": r"\d{6}", "score": "0.7"}]}
    assert found("123456", detection(**given)) == [("THING", "123456")]
    assert found("123456", detection(**given, check="luhn")) == []
    assert found("123455", detection(**given, check="luhn")) == [("THING", "123455")]
    weak = detection(**given, check="luhn", checked="0.2", context=["badge"])
    assert found("123455", weak) == []
    assert found("badge 123455", weak) == [("THING", "123455")]
    assert found("badge 123456", weak) == []


AGENT = {"recognizer": "agent", "entity": "PERSON", "category": "user.name"}


@pytest.mark.parametrize("nlp", [NO_MODEL, SHIPPED], ids=["patterns", "model"])
@pytest.mark.parametrize(
    ("score", "text", "expected"),
    [
        ("0.9", "ask agent-697-555-0142, please", [("PERSON", "agent-697-555-0142")]),  # surer than a phone's 0.4
        ("0.75", "ask agent-697-555-0142, please", [("PERSON", "agent-697-555-0142")]),  # as sure with context, longer
        ("0.5", "phone agent-697-555-0142, please", [("PERSON", "agent"), ("PHONE_NUMBER", "697-555-0142")]),
        ("0.9", "ask agent-4111111111111111", [("PERSON", "agent"), ("CREDIT_CARD", "4111111111111111")]),
        ("0.4", "ask agent-697-555-0142, please", [("PHONE_NUMBER", "697-555-0142")]),  # below its own threshold
    ],
)
def test_a_recognizer_of_names_goes_by_score_and_length(nlp, score, text, expected):
    looked_for = replace(detection(**AGENT, patterns=[{"regex": r"agent-[\d-]+", "score": score}]), nlp=nlp)
    assert found(text, looked_for) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Lopez", [("PERSON", "Anna Lopez")]),
        ("to Anna Lopez", [("PERSON", "to Anna Lopez")]),
        ("Anna Lopez", [("PERSON", "Anna Lopez")]),
    ],
)
def test_within_a_name_that_a_model_reads_the_longer_span_stays(word, expected):
    weak = [{"regex": word, "score": "0.6"}]
    looked_for = detection(**AGENT, patterns=weak)
    text = "Spoke to Anna Lopez about the invoice."
    assert found(text, looked_for) == expected
    assert find(text, detection=looked_for, exact=True) == find(text, detection=looked_for)


def test_allowed_matches_are_none_whatever_their_case():
    assert found("AB12 ab13", detection(patterns=[{"regex": r"[a-z]{2}\d\d"}], allow=["aB12"])) == [("THING", "ab13")]


def test_flags_decide_whether_case_counts():
    given = {"patterns": [{"regex": "ab1"}], "words": ["Owl"]}
    assert found("AB1 owl", detection(**given)) == [("THING", "AB1"), ("THING", "owl")]
    assert found("AB1 owl", detection(**given, flags=[])) == []


@pytest.mark.parametrize("text", ["a" * 60, "a" * 3_000])
def test_a_poisonous_recognizer_ends_with_an_error_that_holds_no_text(monkeypatch, text):
    """Past the loader, which refuses the pattern: Presidio alone would wait a minute and let the text through."""
    monkeypatch.setattr(own, "SECONDS", 0.2)
    poisonous = detection(patterns=[{"regex": r"(?:a|a|aa)+!"}])
    with pytest.raises(DelibleError) as caught:
        find(f"{text} canary 1", detection=poisonous)
    assert caught.value.code == "detect.recognizer_slow"
    assert caught.value.where == "detection:thing"
    assert "canary" not in str(caught.value) + repr(caught.value.__cause__)


def test_what_is_looked_for_travels_to_workers():
    travelled = pickle.loads(pickle.dumps(CLINICS))  # noqa: S301 -- made here
    assert travelled == CLINICS
    assert found("Blue Heron", travelled) == [("PROJECT", "Blue Heron")]


@given(st.lists(st.text("ab \u00e9.", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=8), st.data())
def test_words_are_found_where_they_stand_alone(words, data):
    import regex

    words = [" ".join(word.split()) for word in words]
    text = data.draw(st.lists(st.sampled_from([*words, "ab", "x", "-", " "]), max_size=6).map(" ".join))
    naive = "|".join(regex.escape(w).replace(r"\ ", r"\s+") for w in sorted(words, key=len, reverse=True))
    one, other = (regex.compile(p) for p in (words_pattern(words), rf"(?<!\w)(?:{naive})(?!\w)"))
    assert {m.start() for m in one.finditer(text)} == {m.start() for m in other.finditer(text)}


def test_many_words_cost_little_more_than_few():
    assert words_pattern(()) is None
    many = words_pattern(f"word{i}" for i in range(20_000))
    assert many is not None
    assert many.count("word") == 1


SPANS = st.tuples(st.integers(0, 12), st.integers(1, 8), st.sampled_from("HX")).map(
    lambda t: Finding(t[0], t[0] + t[1], t[2], 1.0)
)


@given(st.lists(SPANS, max_size=8))
def test_only_what_stands_inside_of_one_harmless_span_is_dropped(spans):
    covers = [f for f in spans if f.entity == "H"]
    kept = {f for f in spans if f.entity == "X" and not any(c.start <= f.start and f.end <= c.end for c in covers)}
    assert set(spared(spans, frozenset("H"))) == kept


@pytest.mark.parametrize(
    ("column", "kind", "category"),
    [
        ("EmployeeNo", "string", "user.unique_id"),
        ("staff.personnel_id", "bigint", "user.unique_id"),
        ("employee_no", "decimal(10,0)", "user.unique_id"),
        ("employee_no", "decimal(10,2)", None),
        ("employee_no", "double", None),
        ("employee_notes", "string", None),
        ("mrn", "binary", "user.health_and_medical.record_id"),
        ("records.element.RecordNumber", "string", "user.health_and_medical.record_id"),
        ("records.`Record.Number`", "string", "user.health_and_medical.record_id"),
    ],
)
def test_names_of_columns_say_what_the_rules_say(column, kind, category):
    says = own_named(CLINICS, column, kind)
    assert (says and says.category) == category


def test_a_column_of_own_numbers_has_their_category_whatever_its_name():
    from datetime import UTC, datetime

    from delible.decide.tagging import ColumnFacts
    from delible.decide.verdict import tag
    from delible.detect.values import Tally

    tally = Tally()
    for number in range(40_000, 40_050):
        tally.add(f"LK-{number}", detection=CLINICS)
    facts = ColumnFacts("c7", "string", tally.values, hits=tally.hits, whole=tally.whole, shapes=tally.shapes)
    known = replace(facts, categories=CLINICS.categories)
    verdicts = [tag(each, None, table="t", version=0, at=datetime(2026, 1, 1, tzinfo=UTC)) for each in (facts, known)]
    assert [(v.category, v.entity) for v in verdicts] == [
        (None, "EMPLOYEE_NUMBER"),
        ("user.unique_id", "EMPLOYEE_NUMBER"),
    ]
