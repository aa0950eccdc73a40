"""The scanner is bounded, forgets, stays offline, and is never wrong about what it does not know."""

import subprocess
import sys
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import SUPPORTED_REGIONS, PhoneNumberFormat, example_number_for_type, format_number
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from delible.detect import database, findings, scanner
from delible.detect.blank import LANGUAGE, BlankNlpEngine
from delible.detect.context import Words
from delible.detect.engine import Engine
from delible.detect.findings import find, find_all
from delible.detect.gates import compiled, gate
from delible.detect.necessary import Conditions
from delible.detect.patterns import Expression, expressions
from delible.detect.phone import Phones
from delible.errors import DelibleError

SOURCE = Path(findings.__file__).parents[2]

LOADED_BEFORE = """
import tldextract, socket
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from delible.lake.scan import _examine
import pyarrow as pa
from delible.model.detection import DEFAULT_DETECTION
row = {"leaf": 0, "path": "", "kind": "", "value": "ann@fennel.co.uk", "rows": 1, "place": 0}
(counts,) = _examine([pa.RecordBatch.from_pylist([row])], detection=DEFAULT_DETECTION, sample=None)
hit = {"leaf": 0, "path": "", "kind": "", "what": "hits", "name": "EMAIL_ADDRESS", "n": 1}
assert hit in counts.to_pylist(), counts.to_pylist()
"""


def test_a_worker_that_had_tldextract_before_asks_for_no_network(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", LOADED_BEFORE],
        env={"TLDEXTRACT_CACHE": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_exact_is_plain_presidio(monkeypatch):
    monkeypatch.setattr(Engine, "analyze_all", None)
    assert [f.entity for f in find("ann@fennel.example", exact=True)] == ["EMAIL_ADDRESS"]


def test_a_batch_is_answered_in_order():
    texts = ["", "ann@fennel.example", "x", "697-555-0142", "ann@fennel.example"]
    assert find_all(texts) == [find(text) for text in texts]


def test_ten_megabytes_are_read_to_their_end():
    text = "words of no interest, again and again. " * 270_000 + "ann@fennel.example"
    assert [(f.entity, text[f.start : f.end]) for f in find(text)] == [("EMAIL_ADDRESS", "ann@fennel.example")]


def engine_with(*recognizers):
    engine = Engine()
    for recognizer in recognizers:
        engine._analyzer.registry.add_recognizer(recognizer)
        engine.thresholds[recognizer.supported_entities[0]] = 0.1
    return engine


def test_a_pattern_that_takes_too_long_is_named_without_the_text(monkeypatch):
    slow = PatternRecognizer("SLOW", name="slow one", patterns=[Pattern("slow", r"(?:c|ca|an|nary|canary)+$", 0.5)])
    slow.patterns[0].regex = r"(?:\w|\w\w)+!"
    monkeypatch.setattr(scanner, "SECONDS_PER_PATTERN", 0.05)
    monkeypatch.setattr("delible.detect.engine.engine", lambda _: engine_with(slow))
    with pytest.raises(DelibleError) as caught:
        find("canary" * 500 + " !")
    assert caught.value.code == "detect.slow"
    assert "slow one" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_texts_that_take_too_long_together_are_given_up(monkeypatch):
    monkeypatch.setattr(findings, "_SECONDS", -1_000)
    with pytest.raises(DelibleError) as caught:
        find("canary@fennel.example")
    assert caught.value.code == "detect.slow"


def test_a_recognizer_that_fails_is_named_by_its_error_alone(monkeypatch):
    class Failing(PatternRecognizer):
        def validate_result(self, pattern_text):
            raise ValueError(f"unheard of: {pattern_text}")

    failing = Failing("FAIL", patterns=[Pattern("canary", "canary", 0.5)])
    monkeypatch.setattr("delible.detect.engine.engine", lambda _: engine_with(failing))
    with pytest.raises(DelibleError) as caught:
        find("canary")
    assert caught.value.code == "detect.failed"
    assert "canary" not in str(caught.value)


def test_words_are_forgotten():
    engine = Engine()
    vocabulary = engine._analyzer.nlp_engine.nlp[LANGUAGE].vocab.strings
    list(engine.analyze_all(["the ssn 219-09-9998 is here"]))
    before = len(vocabulary)
    list(engine.analyze_all(f"ssn of w{i}x{i} 219-09-9998 or y{i}z call" for i in range(300)))
    for i in range(50):
        engine.analyze(f"plain q{i}r{i} 219-09-9998")
    assert len(vocabulary) <= before + 5


TOKENS = st.lists(
    st.sampled_from(
        [*":;()-'.,<>/=3DOoPp*_^", ":)", "a.m.", "don't", "U.S.", "the", "ssn:1", " ", "  ", "\n", "\xa0", "é"]
    ),
    max_size=12,
)


@given(st.one_of(TOKENS.map("".join), TOKENS.map(" ".join), st.text(max_size=30)))
def test_words_are_those_of_spacy(text):
    reading = WORDS.read(text)
    if reading is not None:
        theirs = SPACY.process_text(text, LANGUAGE)
        assert list(reading.words) == [lemma.lower() for lemma in theirs.lemmas]
        assert list(reading.ends) == [token.idx + len(token) for token in theirs.tokens]
        assert reading.keywords == set(theirs.keywords)


SPACY = BlankNlpEngine()
WORDS = Words(BlankNlpEngine(), LANGUAGE)


def test_phones_of_all_regions_in_all_forms_are_those_of_presidio():
    recognizer = PhoneRecognizer()
    phones = Phones(recognizer)
    forms = (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.RFC3966)
    numbers = [
        format_number(number, forms[(i + kind) % 3])
        for i, region in enumerate(SUPPORTED_REGIONS)
        for kind in (0, 1)
        if (number := example_number_for_type(region, kind)) is not None
    ]
    joints = (" ", "/", ", or ", "-", "")
    texts = [joints[i % 5].join(numbers[i : i + 2]) for i in range(0, len(numbers), 4)]
    for text in texts:
        theirs = {(found.start, found.end) for found in recognizer.analyze(text, [])}
        assert set(phones.spans(text)) == theirs, text


@given(st.text(alphabet="0123456789 -.()/+x,;#\n" + "e", max_size=30))
def test_phones_in_any_digits_are_those_of_presidio(text):
    assert set(PHONES.spans(text)) == {(found.start, found.end) for found in PHONE.analyze(text, [])}


PHONE = PhoneRecognizer(supported_regions=("US", "CA", "BR", "AR", "IT", "SM", "BB"))
PHONES = Phones(PHONE)


def recognizer(source, flags=regex.I | regex.M | regex.S):
    return PatternRecognizer("X", patterns=[Pattern("x", source, 0.5)], global_regex_flags=flags)


@pytest.mark.parametrize(
    "source",
    [
        r"(?:foo){e<=1}",
        r"a{,3}b",
        r"[[:alpha:]]+",
        r"\p{L}",
        r"\bx\Z",
        r"(?V1)a",
        r"a(?i)b",
        r"(?-i:a)",
        r"[a&&b]",
    ],
)
def test_what_engines_read_differently_is_not_proven(source):
    assert expressions(recognizer(source, regex.M)) is None


@pytest.mark.parametrize("flags", [regex.X, regex.A, regex.V1, regex.W])
def test_flags_that_change_the_meaning_are_not_proven(flags):
    assert expressions(recognizer("abc", int(flags))) is None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\d{3}-\d\d", "12-45"),
        (r"[a-z0-9]+@\w+\.(?:com|org)", "ann at fennel.com"),
        (r"(?:\d\.){3}\d", "1.2.3"),
        (r"(?:ab|c/d)-\d", "abcd 12"),
        (r"x{5,}", "xxxx"),
    ],
)
def test_necessary_conditions_keep_texts_out(source, text):
    conditions = Conditions([Expression(source, 0)])
    assert not conditions.matching(text)
    assert conditions.matching("\u0663" + text)


@pytest.mark.parametrize(
    "source", [r"BEGIN[\s\S]{1,80}END", r"BEGIN[\d\D]+END", r"BEGIN[\w\W]+END", r"A[^\s\S]B|BEGIN"]
)
def test_a_set_of_all_characters_or_of_none_is_compiled(source):
    own = [Expression(source, int(regex.I | regex.M | regex.S))]
    assert gate(own, compiled(own)).matching("begin\n\u20289 end") == {0}


def test_what_hyperscan_reads_otherwise_always_runs():
    spaces = PatternRecognizer("KEY", patterns=[Pattern("key", r"KEY[^\v]{4}END", 0.5)])
    assert expressions(spaces) is None


def test_characters_on_which_the_engines_differ_pass_the_gate(monkeypatch):
    """With the comparison taken out, Hyperscan loses a digit that is younger than its tables."""
    pytest.importorskip("hyperscan")
    own = [Expression(r"\d\d", 0), Expression("kit", int(regex.I))]
    for text in ("\U00010d31\U00010d31", "k\u0130t", "\u212ait"):
        assert gate(own, compiled(own)).matching(text)
    monkeypatch.setattr("delible.detect.gates._differing", lambda _: [])
    careless = gate(own, compiled(own))
    assert not careless.matching("\U00010d31\U00010d31")
    assert not careless.matching("k\u0130t")


def test_a_database_is_kept_for_its_owner_and_for_these_expressions_alone(tmp_path, monkeypatch):
    pytest.importorskip("hyperscan")
    monkeypatch.setenv(database.FOLDER, str(tmp_path / "kept"))
    own, other = [Expression("abc", 0)], [Expression("abd", 0)]
    assert database.kept(own) is None
    prepared = database.prepared(own)
    assert database.kept(own) == prepared
    assert database.kept(other) is None
    assert isinstance(gate(other, prepared), Conditions)
    assert isinstance(gate(own, prepared[:-9]), Conditions)
    assert not isinstance(gate(own, prepared), Conditions)
    (file,) = Path(tmp_path / "kept").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o666)
    assert database.kept(own) is None
