"""The scanner finds what plain Presidio finds: type, start, end and score, for whatever text."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from delible.detect.blank import LANGUAGE, BlankNlpEngine
from delible.detect.database import prepared
from delible.detect.engine import Engine
from delible.detect.scanner import Scanner
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL
from mixed_texts import Mixed

PATTERNS = Detection(nlp=NO_MODEL)
NATIONAL = Detection(("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "IN", "AU", "CA"), nlp=NO_MODEL)
ODD = st.text(alphabet="0123456789 -.()/+@:xaE\u0131\u0130\u017f\u0301\u0663\U00010d31,;'\n", max_size=40)


def engines():
    """An engine per gate: of Hyperscan, where it is installed, and of necessary conditions."""
    conditions = Engine(PATTERNS)
    conditions.use(b"")
    with_hyperscan = Engine(PATTERNS)
    database = prepared(with_hyperscan.expressions)
    if database is None:
        return [conditions]
    with_hyperscan.use(database)
    return [conditions, with_hyperscan]


ENGINES = engines()


def assert_equal(engine, texts):
    ours = dict(engine.analyze_all(texts))
    assert {text: ours[text] for text in texts} == {text: engine.analyze(text) for text in texts}


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_tickets_and_damaged_texts(engine):
    mixed = Mixed(11)
    assert_equal(engine, mixed.columns(8) + [mixed.ticket() for _ in range(15)] + [mixed.text() for _ in range(150)])


def test_people_and_places_are_read_in_one_stream_as_they_are_one_by_one():
    engine, mixed = Engine(), Mixed(13)
    engine.use(b"")
    texts = [mixed.ticket() for _ in range(15)] + [mixed.text() for _ in range(60)]
    texts += ["Anna Lopez (ssn 219-09-9998) moved to Berlin.", "Anna Lopez waits.", "ANNA;LOPEZ"]
    assert_equal(engine, texts)
    assert {found[0] for found in dict(engine.analyze_all(texts))[texts[-3]]} >= {"PERSON", "LOCATION", "US_SSN"}


def test_national_identifiers():
    engine, mixed = Engine(NATIONAL), Mixed(12)
    engine.use(b"")
    assert_equal(engine, [mixed.text() for _ in range(60)])


@pytest.mark.parametrize("engine", ENGINES)
@given(st.one_of(ODD, st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")), st.text(max_size=40)))
@example("ssn 219-09-9998 \u0301")
@example("ann\u0301@fennel.com")
@example("http://f\u0131nn.com/\u0130")
@example("call\x00697-555-0142")
@example("697-555-0142/143 ext. 5, +49 (0)30 901820; 00 44 20 7946 0958")
def test_any_text(engine, text):
    assert_equal(engine, [text])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("entity", ["EMAIL_ADDRESS", "US_SSN", "IP_ADDRESS", "DATE_TIME", "IBAN_CODE", "PHONE_NUMBER"])
def test_a_gate_with_a_gap_is_noticed(engine, entity, monkeypatch):
    """Breaks the gate on purpose: were the comparison blind, this would fail."""
    scanner = engine._scanner
    theirs = {
        i
        for i, some in [*scanner._plain.items(), *scanner._whole.items()]
        for each in some
        if (each[0] if isinstance(each, tuple) else each).supported_entities == [entity]
    }
    whole = scanner._gate.matching
    monkeypatch.setattr(scanner._gate, "matching", lambda text: whole(text) - theirs)
    if entity == "PHONE_NUMBER":
        monkeypatch.setattr(scanner, "_phones", [])
    scanner._remembered.cache_clear()
    mixed = Mixed(13)
    texts = [mixed.personal("{email} {ssn} {ip} {date} {iban} {phone}") for _ in range(12)]
    with pytest.raises(AssertionError):
        assert_equal(engine, texts)
    scanner._remembered.cache_clear()


class Shouting(EntityRecognizer):
    """A recognizer of somebody's own, of which nothing is known: words in capitals that a model would know."""

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts):
        return [
            RecognizerResult("SHOUT", token.idx, token.idx + len(token), 0.3)
            for token in nlp_artifacts.tokens
            if token.text.isupper()
        ]

    def enhance_using_context(self, text, raw_recognizer_results, other_raw_recognizer_results, nlp_artifacts, context):
        for result in raw_recognizer_results:
            result.score += 0.1 * len(other_raw_recognizer_results)
        return raw_recognizer_results


def pattern(name, regex, *, flags=None, context=(), **more):
    flags = {} if flags is None else {"global_regex_flags": flags}
    patterns = [Pattern(name, regex, 0.3)]
    return PatternRecognizer(name, name=name, patterns=patterns, context=list(context), **flags, **more)


CUSTOM = {
    "deny list": lambda: PatternRecognizer("TITLE", name="titles", deny_list=["Mr.", "Dr (hc)"], context=["dear"]),
    "of one case": lambda: pattern("CODE", r"\b[A-Z]{2}[^a-z]\d", flags=0),
    "a line": lambda: pattern("LINE", r"^no: .+$", flags=8),
    "fuzzy": lambda: pattern("FUZZY", r"(?:parcel){e<=1}", context=["late"]),
    "a property": lambda: pattern("GREEK", r"\p{Greek}+"),
    "of its own": lambda: Shouting(["SHOUT"]),
    "sigma": lambda: pattern("NUMBER", r"\b\d{4}\b", context=["ΟΔΟΣ"]),
    "a reference back": lambda: pattern("TWICE", r"(\w\w)-\1"),
}
CUSTOM_TEXTS = [
    *("dear Mr. and Dr (hc) Ann", "dr (HC)", "AB1", "ab11 AB11 AB-1", "x\nno: 5\nNO: 7", "the parsel is late"),
    *("Αθήνα 1234", "THE dr (hc) SHOUTS AT Mr.", "οδος 1234", "ΟΔΟΣ 1234 ΟΔΟΣ:", "ab-AB a\u017f-as", "", " "),
    *("K1 \u212a\u212a-1", "no: \n"),
]


@pytest.mark.parametrize("names", [*([name] for name in CUSTOM), list(CUSTOM)], ids=str)
@pytest.mark.parametrize("with_hyperscan", [False, True])
def test_recognizers_of_ones_own(names, with_hyperscan):
    analyzer = analyzer_of([CUSTOM[name]() for name in names], BlankNlpEngine())
    assert_same_as_presidio(analyzer, CUSTOM_TEXTS, with_hyperscan)


class ModelEngine(SpacyNlpEngine):
    """An engine that names people and has lemmas, as one with a model does, by rules: nothing is loaded."""

    def load(self):
        import spacy

        pipeline = spacy.blank(LANGUAGE)
        pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ann"}])
        pipeline.add_pipe("attribute_ruler").add([[{"LOWER": "phoned"}]], {"LEMMA": "phone"})
        self.nlp = {LANGUAGE: pipeline}


@pytest.mark.parametrize("with_hyperscan", [False, True])
def test_an_engine_with_a_model(with_hyperscan):
    engine = ModelEngine(
        models=[{"lang_code": LANGUAGE, "model_name": "rules"}], ner_model_configuration=NerModelConfiguration()
    )
    engine.load()
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, PhoneRecognizer, SpacyRecognizer

    analyzer = analyzer_of([PhoneRecognizer(), CreditCardRecognizer(), SpacyRecognizer()], engine)
    texts = [
        "Ann phoned 697-555-0142", "I phoned 697-555-0142", "697-555-0142", "Ann", "", "the card 4111 1111 1111 1111",
        "Ann, 697-555-0142 Ann",
    ]  # fmt: skip
    found = assert_same_as_presidio(analyzer, texts, with_hyperscan)
    assert {entity for some in found.values() for entity, *_ in some} == {"PERSON", "PHONE_NUMBER", "CREDIT_CARD"}
    assert ("PHONE_NUMBER", 11, 23, 0.75) in found["Ann phoned 697-555-0142"]


def analyzer_of(recognizers, nlp_engine):
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=[LANGUAGE])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp_engine, supported_languages=[LANGUAGE])


def assert_same_as_presidio(analyzer, texts, with_hyperscan, allowed=()):
    from delible.detect.gates import compiled
    from delible.detect.scanner import expressions_of

    entities = analyzer.get_supported_entities(LANGUAGE)
    database = compiled(expressions_of(analyzer, LANGUAGE, entities)) if with_hyperscan else None
    scanner = Scanner(analyzer, LANGUAGE, entities, database=database, allowed=allowed)
    found = dict(scanner.analyze_all(texts))
    for text in texts:
        plain = analyzer.analyze(text, LANGUAGE, entities=entities, allow_list=list(allowed))
        assert list(found[text]) == [(f.entity_type, f.start, f.end, f.score) for f in plain], text
    return found


TOO_LARGE = r"\d(?:[a-z]{1,300}@){1,300}x"
"""An expression that Hyperscan refuses."""


@pytest.fixture(scope="module")
def refused():
    """Return an analyzer and a scanner with Hyperscan for two recognizers, one of which it cannot compile."""
    pytest.importorskip("hyperscan")
    from delible.detect.gates import compiled
    from delible.detect.scanner import expressions_of

    own = [pattern("LARGE", TOO_LARGE, context=["near"]), pattern("SMALL", r"\d\d-\d")]
    analyzer = analyzer_of(own, BlankNlpEngine())
    database = compiled(expressions_of(analyzer, LANGUAGE, ["LARGE", "SMALL"]))
    assert database is not None
    return analyzer, Scanner(analyzer, LANGUAGE, ["LARGE", "SMALL"], database=database)


REFUSED_TEXTS = st.lists(
    st.sampled_from(["5ab@cd@x", "12-3", "near", "9", "ab@", "x", "@", "K\u212a@x", "\u0663ab@x", " ", "-"]), max_size=8
)


@given(st.one_of(REFUSED_TEXTS.map("".join), REFUSED_TEXTS.map(" ".join), st.text("1a@x-\u017f", max_size=20)))
@example("near 5ab@cd@x")
@example("\u06635\u212a@x")
def test_what_hyperscan_refuses_is_found_by_conditions(refused, text):
    analyzer, scanner = refused
    theirs = analyzer.analyze(text, LANGUAGE, entities=["LARGE", "SMALL"])
    assert list(scanner.analyze(text)) == [(f.entity_type, f.start, f.end, f.score) for f in theirs]


def test_what_hyperscan_refuses_does_not_run_always(refused):
    _, scanner = refused
    assert (scanner._always, scanner._gate.covered) == ([], {0, 1})
    names = {i: some[0][0].name for i, some in scanner._plain.items()}
    told = {text: {names[i] for i in scanner._gate.matching(text)} for text in ("12-3", "5ab@cd@x", "words", "5 @")}
    assert told == {"12-3": {"SMALL"}, "5ab@cd@x": {"LARGE"}, "words": set(), "5 @": set()}
    assert [each[0] for each in scanner.analyze("near 5ab@cd@x")] == ["LARGE"]


def test_a_gap_in_the_conditions_beside_hyperscan_is_noticed(refused, monkeypatch):
    """Breaks the conditions on purpose: were the comparison blind, this would fail."""
    analyzer, scanner = refused
    monkeypatch.setattr(scanner._gate._rest, "matching", lambda _: frozenset())
    scanner._remembered.cache_clear()
    assert not scanner.analyze("5ab@cd@x")
    assert analyzer.analyze("5ab@cd@x", LANGUAGE, entities=["LARGE", "SMALL"])
    scanner._remembered.cache_clear()


def test_what_is_allowed_is_no_finding():
    analyzer = analyzer_of([CUSTOM["deny list"]()], BlankNlpEngine())
    found = assert_same_as_presidio(analyzer, CUSTOM_TEXTS, False, allowed=["Mr."])
    assert [each[0] for each in found["dear Mr. and Dr (hc) Ann"]] == ["TITLE"]


def test_equal_texts_are_looked_at_once():
    seen = []
    engine = Engine(PATTERNS)
    engine.use(b"")
    whole = engine._scanner._gate.matching
    engine._scanner._gate.matching = lambda text: seen.append(text) or whole(text)
    texts = random.Random(1).choices(["ann@fennel.example", "697-555-0142", "x" * 500], k=50)
    for _ in range(2):
        list(engine.analyze_all(texts))
    assert sorted(seen) == sorted(["ann@fennel.example", "697-555-0142", *["x" * 500] * 2])
