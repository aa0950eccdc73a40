"""Which countries' identifiers are looked for, and what does not go together in recognizers."""

import pytest

from delible.decide.detection import countries_of, detection_findings, detection_of
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, SHIPPED
from delible.model.policy import Controller, PolicySet
from delible.model.recognizer import Recognizer, WordList

UNION = ("DE", "ES", "FI", "FR", "IT", "NL", "PL", "SE")


def controller(**given):
    return Controller.model_validate(
        {"controller": "X", "contact": "x@x.example", "subject": "id", "identifiers": {"id": {}}} | given
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"jurisdiction": "EU"}, UNION),
        ({"jurisdiction": "EU", "country": "US"}, tuple(sorted((*UNION, "US")))),
        ({"jurisdiction": "Germany"}, ("DE",)),
        ({"jurisdiction": "California, US"}, ("US",)),
        ({"jurisdiction": "Indiana"}, ()),
        ({"jurisdiction": "the moon"}, ()),
        ({"jurisdiction": "UK and Ireland"}, ("GB",)),
        ({"jurisdiction": "Neunkirchen", "country": "AT"}, ()),
        ({"jurisdiction": "EU", "national_identifiers": []}, ()),
        ({"jurisdiction": "EU", "national_identifiers": ["UK", "IN", "XX"]}, ("GB", "IN")),
    ],
)
def test_countries_follow_from_the_controller(given, expected):
    assert countries_of(controller(**given)) == expected


def recognizer(name, **given):
    base = {"description": "x", "category": "user.unique_id", "words": ["a"]}
    return Recognizer.model_validate({"recognizer": name} | base | given)


def policies(*recognizers, **given):
    return PolicySet(controller=controller(**given), detection={r.recognizer: r for r in recognizers})


def test_a_recognizer_counts_where_one_of_its_countries_does():
    found = detection_of(
        policies(
            recognizer("b" * 3, jurisdictions=["UK"]),
            recognizer("aa", jurisdictions=["FR"]),
            recognizer("cc"),
            jurisdiction="Scotland",
        )
    )
    assert [r.recognizer for r in found.recognizers] == ["bbb", "cc"]


def test_the_model_is_part_of_what_is_looked_for():
    found = detection_of(policies(recognizer("aa"), jurisdiction="Germany"))
    assert found.nlp == SHIPPED
    assert found.unread.nlp == NO_MODEL
    assert (found.unread.countries, found.unread.recognizers) == (found.countries, found.recognizers)
    assert found.unread.key != found.key
    assert found.unread == detection_of(policies(recognizer("aa"), jurisdiction="Germany"), NO_MODEL)
    assert found.unread.unread is found.unread


def test_one_type_has_one_category_and_one_threshold():
    same = recognizer("aa", entity="STAFF"), recognizer("bb", entity="STAFF")
    assert list(detection_findings(policies(*same))) == []
    for other in ({"category": "user.name"}, {"threshold": "0.9"}):
        [finding] = detection_findings(policies(same[0], recognizer("bb", entity="STAFF", **other)))
        assert finding.code == "policy.recognizer_type"


def test_a_country_without_known_identifiers_is_a_gap():
    found = detection_findings(policies(recognizer("aa", jurisdictions=["DE", "XX"]), national_identifiers=["YY"]))
    assert [(f.code, f.path[-1]) for f in found] == [("policy.country_unknown", 0), ("policy.country_unknown", 1)]


def test_equal_detections_are_equal_and_words_decide():
    one, other = (WordList(sha256=digit * 64, words=("w",)) for digit in "ab")
    named = recognizer("aa", dictionary="d.txt")
    first, again = (Detection(("DE",), (named,), {"d.txt": one}) for _ in range(2))
    assert first == again
    assert hash(first) == hash(again)
    assert first != Detection(("DE",), (named,), {"d.txt": other})
    assert "'w'" not in repr(first) + repr(one) + one.model_dump_json()
