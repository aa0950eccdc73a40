"""Check digits: known numbers pass, and typing errors do not."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from delible.decide.check_digits import fulfils
from delible.model.terms import CheckDigit

KNOWN = {
    CheckDigit.LUHN: ("4111 1111 1111 1111", "79927398713"),
    CheckDigit.MOD10: ("4006381333931",),
    CheckDigit.MOD11: ("0-306-40615-2", "080442957X", "943 476 5919"),
    CheckDigit.MOD11_10: ("86095742719",),
    CheckDigit.MOD97: ("3214282912345698765432161182",),
    CheckDigit.IBAN: ("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"),
    CheckDigit.VERHOEFF: ("2363", "234123412346"),
    CheckDigit.DAMM: ("5724",),
    CheckDigit.BSN: ("111222333", "123456782"),
    CheckDigit.NIR: ("2 55 08 14 168 025 38", "1 84 12 2A 451 089 33"),
}


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in KNOWN.items() for value in values])
def test_a_known_number_passes(rule, value):
    assert fulfils(rule, value)


@pytest.mark.parametrize(
    ("value", "right"),
    [("KT79927398713", True), ("kt-79927398713", True), ("KT79927398714", False), ("KTABCDEFG", False)],
)
def test_letters_in_front_of_the_digits_are_left_out(value, right):
    assert fulfils(CheckDigit.LUHN, value) == right


def test_every_rule_has_a_known_number():
    assert set(KNOWN) == set(CheckDigit)


NUMBERS = st.text("0123456789", min_size=3, max_size=18)
LETTERED = (CheckDigit.IBAN, CheckDigit.NIR, CheckDigit.MOD97)


def completed(rule, head):
    """Return a number of `head` and a check digit, or None where the rule has none for it."""
    return next((head + end for end in "0123456789X" if fulfils(rule, head + end)), None)


@pytest.mark.parametrize("rule", [r for r in CheckDigit if r not in LETTERED and r is not CheckDigit.MOD11])
@given(head=NUMBERS, place=st.integers(0, 17), add=st.integers(1, 9))
def test_one_wrong_digit_is_noticed(rule, head, place, add):
    head = head[:8].zfill(8) if rule is CheckDigit.BSN else head
    number = completed(rule, head)
    assume(number is not None)
    place %= len(head)
    wrong = f"{number[:place]}{(int(number[place]) + add) % 10}{number[place + 1 :]}"
    assert not fulfils(rule, wrong)


@pytest.mark.parametrize("rule", [CheckDigit.VERHOEFF, CheckDigit.DAMM])
@given(head=NUMBERS, place=st.integers(0, 16))
def test_two_digits_in_the_wrong_order_are_noticed(rule, head, place):
    number = completed(rule, head)
    place %= len(head) - 1
    assume(number[place] != number[place + 1])
    assert not fulfils(rule, number[:place] + number[place + 1] + number[place] + number[place + 2 :])


@pytest.mark.parametrize("rule", CheckDigit)
@given(value=st.text(max_size=80))
def test_any_text_has_an_answer(rule, value):
    assert fulfils(rule, value) in (True, False)


@pytest.mark.parametrize("rule", CheckDigit)
@pytest.mark.parametrize("value", ["", "7", "\u0661\u0662\u0663", "GB82 WEST", "000000000000000", "X"])
def test_what_is_no_number_of_the_rule_fails(rule, value):
    zeros = {CheckDigit.LUHN, CheckDigit.MOD10, CheckDigit.MOD11, CheckDigit.DAMM}
    assert fulfils(rule, value) == (value.startswith("000") and rule in zeros)
