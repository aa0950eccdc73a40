"""The analyzer is built from what is installed, and stays away from the network."""

import logging
import subprocess
import sys

import pytest
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from delible.detect.engine import Engine, engine
from delible.detect.gates import compiled, gate
from delible.detect.patterns import Expression
from delible.errors import DelibleError
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.nlp_model import NO_MODEL

OFFLINE = """
import socket
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from delible.detect.findings import find
assert [f.entity for f in find("write to ann@fennel.co.uk or call 697-555-0142")] == ["EMAIL_ADDRESS", "PHONE_NUMBER"]
"""


def test_the_first_email_asks_for_no_network(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={"TLDEXTRACT_CACHE": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_one_engine_per_process():
    assert engine() is engine()


def test_presidio_cannot_write_words_of_a_text_into_the_log(caplog):
    engine()
    with caplog.at_level(logging.DEBUG):
        engine().analyze("the ssn of canary-lane is 219-09-9998")
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("ann@fennel.example", "EMAIL_ADDRESS"),
        ("ann@mail.corp", "EMAIL_ADDRESS"),
        ("ann@fennel.com", "EMAIL_ADDRESS"),
        ("697-555-0142", "PHONE_NUMBER"),
        ("+49 30 901820", "PHONE_NUMBER"),
        ("4111 1111 1111 1111", "CREDIT_CARD"),
        ("GB33BUKB20201555555555", "IBAN_CODE"),
        ("219-09-9998", "US_SSN"),
        ("10.1.2.3", "IP_ADDRESS"),
        ("https://fennel.com/a", "URL"),
        ("1969-01-29", "DATE_TIME"),
    ],
)
def test_each_type_is_found_in_a_bare_value(text, entity):
    assert entity in {found[0] for found in engine().analyze(text)}


@pytest.mark.parametrize("text", ["AW00000001", "33332664695310", "295847284", "K4B 1T7", "ann@nowhere", "v1.2.3"])
def test_codes_and_keys_pass_for_nothing(text):
    assert engine().analyze(text) == []


def test_a_context_word_lifts_a_bare_number():
    assert [found[0] for found in engine().analyze("her ssn is 219099998")] == ["US_SSN"]
    assert engine().analyze("parcel 219099998") == []


def test_national_recognizers_are_loaded_on_demand():
    found = engine(Detection(("ES",))).analyze("DNI 12345678Z")
    assert "ES_NIF" in {each[0] for each in found}


def test_engines_with_and_without_a_model_share_all_but_the_model():
    """Each worker has both: recognizers and the gate are what they have in common."""
    with_model, without = Engine(), Engine(DEFAULT_DETECTION.unread)
    theirs, ours = (
        {id(r) for r in each._analyzer.registry.recognizers if not isinstance(r, SpacyRecognizer)}
        for each in (with_model, without)
    )
    assert theirs == ours
    assert len(ours) > 10
    database = compiled([Expression("abc", 0)])
    if database is not None:
        assert gate([Expression("abc", 0)], database) is gate([Expression("abc", 0)], bytes(bytearray(database)))
    assert with_model.thresholds is not without.thresholds
    assert {"PERSON", "LOCATION"} == set(with_model.thresholds) - set(without.thresholds)


def test_what_is_added_to_one_engine_is_in_no_other():
    own = Engine(DEFAULT_DETECTION.unread)
    own._analyzer.registry.add_recognizer(PatternRecognizer("ODD", deny_list=["odd"]))
    own.thresholds["ODD"] = 0.1
    other = Engine(DEFAULT_DETECTION.unread)
    assert (len(own.analyze("an odd word")), other.analyze("an odd word")) == (1, [])


def test_plain_presidio_does_not_go_on_without_the_findings_of_a_slow_pattern(monkeypatch):
    """By itself it waits a minute, warns, and returns what the other recognizers found."""
    slow = PatternRecognizer("SLOW", name="slow", patterns=[Pattern("slow", "(?:a|a|aa)+!", 0.5)])
    exact = Engine(Detection(nlp=NO_MODEL))
    exact.thresholds["SLOW"] = 0.1
    exact.analyzer.registry.add_recognizer(slow)
    monkeypatch.setattr("delible.detect.own.SECONDS", 0.05)
    with pytest.raises(DelibleError) as caught:
        exact.analyze("canary " + "a" * 3_000)
    assert (caught.value.code, caught.value.where) == ("detect.slow", "recognizer:slow")
    assert "canary" not in str(caught.value)
