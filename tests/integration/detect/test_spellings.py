"""Each spelling that people use is found, and each look-alike beside it is not."""

import logging
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import predefined_recognizers as predefined

from delible.cli import main
from delible.detect import spellings
from delible.detect.findings import find


def found(text: str) -> list[tuple[str, str]]:
    return [(f.entity, text[f.start : f.end]) for f in find(text) if f.entity != "DATE_TIME"]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("card 2221 0000 0000 0009.", "CREDIT_CARD", "2221 0000 0000 0009"),
        ("card 4111.1111.1111.1111", "CREDIT_CARD", "4111.1111.1111.1111"),
        ("amex 3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
        ("maestro 6759 6498 2643 8453", "CREDIT_CARD", "6759 6498 2643 8453"),
        ("4O12 8888 8888 l881", "CREDIT_CARD", "4O12 8888 8888 l881"),
        ("4111\u00a01111\u00a01111\u00a01111", "CREDIT_CARD", "4111\u00a01111\u00a01111\u00a01111"),
        ("4111 1111\n1111 1111", "CREDIT_CARD", "4111 1111\n1111 1111"),
        ("AT61 1904 3002 3457 3201 from next month", "IBAN_CODE", "AT61 1904 3002 3457 3201"),
        ("de89 3704 0044 0532 0130 00", "IBAN_CODE", "de89 3704 0044 0532 0130 00"),
        ("DE 89 37040044 0532013000", "IBAN_CODE", "DE 89 37040044 0532013000"),
        ("NL91\nABNA 0417 1643 00", "IBAN_CODE", "NL91\nABNA 0417 1643 00"),
        ("219099998 is her social security number", "US_SSN", "219099998"),
        ("219\u201309\u20139998", "US_SSN", "219\u201309\u20139998"),
        ("2l9-O9-9998", "US_SSN", "2l9-O9-9998"),
        ("ann (at) fennel (dot) example", "EMAIL_ADDRESS", "ann (at) fennel (dot) example"),
        ("+44 7700 900123", "PHONE_NUMBER", "+44 7700 900123"),
        ("0044 7700 900123", "PHONE_NUMBER", "0044 7700 900123"),
        ("+1 503\n555 0142", "PHONE_NUMBER", "+1 503\n555 0142"),
        ("móvil 612 345 678", "PHONE_NUMBER", "612 345 678"),
        ("tel. 512 345 678", "PHONE_NUMBER", "512 345 678"),
        ("070-174 06 05", "PHONE_NUMBER", "070-174 06 05"),
        ("call 5035550142 now", "PHONE_NUMBER", "5035550142"),
        ("call 555-0142", "PHONE_NUMBER", "555-0142"),
        ("host 10.0.0.7 is down", "IP_ADDRESS", "10.0.0.7"),
    ],
)
def test_a_spelling_is_found(text, entity, value):
    assert (entity, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112",
        "card 4111 1111-1111.1111",
        "9999 9999 9999 9995",
        "DE89 3704 0044 0532 0130 01",
        "be 12 of us and more then",
        "version 10.2.3.4",
        "OID 1.3.6.1.4.1",
        "part number 482-11-0032",
        "946-45-4378",
        "order 4155550143",
        "queue 612 345 678",
        "score 164.512",
        "icon (at) twice (dot) size",
        "room 555-0142",
        "+1 2 3",
    ],
)
def test_a_look_alike_is_not(text):
    assert found(text) == []


def test_no_recognizer_is_named_like_one_of_presidios():
    """Presidio finds classes by name among all subclasses, in the order of a set: a twin would replace its own."""
    own = {name for name in vars(spellings) if name.endswith("Recognizer") and name.startswith("Written")}
    assert len(own) == 5
    assert not own & set(dir(predefined))


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_engine_is_the_same_whatever_the_order_of_sets(seed):
    script = "from delible.detect.findings import find; print(len(find('DE89370400440532013000, x@y.example')))"
    answer = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "2\n"


def test_what_presidio_cannot_read_is_not_written_into_the_log(caplog):
    """A Kelvin sign is a K to a pattern that ignores case, and no letter of an IBAN."""
    with caplog.at_level(logging.DEBUG):
        assert found("GB33 BU\u212aB 2020 1555 5555 55") == []
    assert caplog.text == ""


LETTERS = st.text("0123456789OolI .-\n+()/ABDEGat@x:", max_size=60)


@settings(max_examples=200)
@given(LETTERS)
def test_any_text_is_read_and_every_finding_lies_in_it(text):
    assert all(0 <= f.start < f.end <= len(text) for f in find(text))


@pytest.mark.parametrize(
    "text", ["1 " * 5_000, "4111 " * 2_000, "DE89 " * 2_000, "+4 (" * 3_000, "0" * 10_000, "a(at)" * 2_000]
)
def test_repeated_beginnings_end(text):
    find(text)


def test_the_help_says_which_of_presidios_recognizers_exact_has_not():
    [told] = [p.help for p in main.load("tags").commands["scan"].params if "--exact" in p.opts]
    assert [name for name in spellings.REPLACED if not re.search(rf"\b{name.removesuffix('Recognizer')}\b", told)] == []
