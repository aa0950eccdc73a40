import pytest

from delible.detect.prose import looks_like_prose, text_of
from delible.model.nlp_model import NO_MODEL, SHIPPED, NlpModel

RUNNING = [
    "please call me back before noon",
    "Spoke to Anna Lopez, she wants a refund for order 88231.",
    "the parcel never came\nand nobody answers the phone",
    '"It broke," he said (twice) and hung up.',
    "Die Heizung ist seit gestern kaputt",
]
TERSE = [
    "Anna Lopez",
    "J. Smith",
    "O'Neil, Mary-Jane",
    "Quality Assurance Technician",
    "CUSTOMER SOFIA WEBER CALLED AGAIN ABOUT HER ORDER",
    "Call Hassan Dubois back 75",
    "Name: Sofia Weber, City: Leeds",
    "name:Ann,city:Rome",
    "user=Daniel Novak",
    "2026-05-01 10:20:00 INFO login user=Daniel Novak ip=192.0.2.7",
    "<note><to>me and you</to></note>",
    '{"first": "ann", "last": "lee", "town": "york"}',
    "Mountain Bike Frame Black Size 42",
]
CODES = [
    "",
    "Lopez",
    "ANNA-LOPEZ-0042",
    "anna_lopez",
    "SO-43659 29825 2026-11-02 10:20",
    "adventure-works\\ken0 adventure-works\\ann0 a b c",
    "a1 b2 c3 d4 e5 f6",
    "A B C D E F G",
    "Mountain-100 Silver, 38",
    "user=Daniel",
    "urn:isbn:lopez",
    "arn:aws:iam::anna",
    "https://a.example/anna https://b.example/lopez",
    "anna@a.example lopez@b.example",
    "C:\\Program Files\\Acme Tools\\x.dll",
    "/data/anna/lopez.txt",
    "com.acme.Pool",
    "2026-11-02 UTC",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit (KHTML, like Gecko)",
]
FOREIGN = [
    "田中さんから電話",
    "Иван Петров звонил",
    "اتصل أحمد",
    "김민준 고객",
    "ร้านอาหาร",
    "Ελένη",
    "Mr 田中さん called",
]
LATIN = [
    "Grünwald",
    "Łukasz Wójcik",
    "Nguyễn Thị Hoa",
    "\U0001d400\U0001d40d\U0001d40d called",
    "ok \U0001f600 fine",
    "5 µm",
]


@pytest.mark.parametrize("value", RUNNING)
def test_running_text_is_read(value: str) -> None:
    assert looks_like_prose(value)
    assert text_of(value, SHIPPED) == (True, True, False)


@pytest.mark.parametrize("value", TERSE)
def test_two_words_are_read_in_capitals_forms_and_logs_as_well(value: str) -> None:
    assert text_of(value, SHIPPED) == (True, False, False)


@pytest.mark.parametrize("value", CODES)
def test_codes_keys_paths_and_single_words_are_not(value: str) -> None:
    assert text_of(value, SHIPPED) == (False, False, False)


@pytest.mark.parametrize("value", FOREIGN)
def test_what_is_in_another_script_counts_as_unread(value: str) -> None:
    assert text_of(value, SHIPPED).unread
    assert text_of(value, NO_MODEL).unread


@pytest.mark.parametrize("value", LATIN)
def test_accents_and_signs_are_no_other_script(value: str) -> None:
    assert not text_of(value, SHIPPED).unread


def test_what_a_transformer_reads_is_for_its_maker_to_say() -> None:
    for engine in ("transformers", "gliner"):
        assert text_of("田中さんから電話", NlpModel(engine=engine, model="many")) == (True, False, False)
    assert text_of("田中さんから電話", NlpModel(engine="spacy", model="en_core_web_lg")).unread


def test_without_a_model_nothing_is_read_and_sentences_count() -> None:
    assert text_of(RUNNING[0], NO_MODEL) == (False, True, True)
    assert text_of("Mountain Bike Frame", NO_MODEL) == (False, False, False)
