"""Which entity types are looked for, and from which score on each is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping

ALWAYS = ("us", "uk")
"""Countries, as Presidio spells them, of which the types of `THRESHOLDS` are always looked for."""

THRESHOLDS: dict[str, float] = {
    "EMAIL_ADDRESS": 0.5,
    "PHONE_NUMBER": 0.4,
    "CREDIT_CARD": 0.5,
    "IBAN_CODE": 0.5,
    "US_SSN": 0.4,
    "US_ITIN": 0.5,
    "IP_ADDRESS": 0.6,
    "MAC_ADDRESS": 0.6,
    "CRYPTO": 0.5,
    "URL": 0.5,
    "DATE_TIME": 0.5,
}
"""One threshold per type, measured by quality/thresholds.py: at 0.5 two of three phone numbers and an eighth of the
social security numbers are lost, at 0.7 nearly all IP and MAC addresses; phones at 0.3 are right 90 times in 100, and
98 at 0.4. At 0.3 driver licences are found in any seven-character code. Driver licences, passports, bank account
numbers, medical licences and NHS numbers are left out where nobody asks for
their country: their patterns fit order codes and keys far more often than what
they are named after."""

NATIONAL_THRESHOLD = 0.5
"""For all other recognizers of the countries that a caller asks for."""

FROM_MODEL = frozenset({"PERSON", "LOCATION"})
"""Types that a model finds by how a text reads; where a pattern fits the same place, the pattern knows better."""

_BY_A_RECOGNIZER = "*"


def sought(entity: str) -> str:
    """Return what recognizers of the controller's own call a type: one that models find, too, gets another name.

    So that what a policy describes has its own threshold, and does not yield as what a model read does.
    """
    return f"{entity}{_BY_A_RECOGNIZER}" if entity in FROM_MODEL else entity


def told(entity: str) -> str:
    """Return the type that people are told of one that was sought."""
    return entity.removesuffix(_BY_A_RECOGNIZER)


MODEL_THRESHOLD = 0.5
"""For the types of models that score their findings; the shipped one and Presidio's spaCy models do not."""

WEAK = frozenset(
    {
        "ABA_ROUTING_NUMBER", "AU_ACN", "AU_MEDICARE", "AU_TFN", "CA_SIN", "DE_HEALTH_INSURANCE", "DE_ID_CARD",
        "DE_LANR", "DE_PASSPORT", "DE_TAX_ID", "DE_TAX_NUMBER", "IN_AADHAAR", "IT_VAT_CODE", "KR_BRN",
        "KR_DRIVER_LICENSE", "MEDICAL_LICENSE", "NG_NIN", "NL_BSN", "PL_PESEL", "SE_ORGANISATIONSNUMMER", "TH_TNIN",
        "UK_NHS", "UK_VEHICLE_REGISTRATION", "US_NPI", "ZA_DRIVER_LICENSE", "ZA_INCOME_TAX_NUMBER",
        "ZA_TRAFFIC_REGISTER_NUMBER", "ZA_VAT_NUMBER",
    }
)  # fmt: skip
"""Of random numbers and codes of the right form 2 in a hundred or more pass for these (measured), so order numbers and
keys would: a word that names them must stand nearby. With one, they are surer than a telephone number of the same
digits."""

CHECKED = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO", "EMAIL_ADDRESS"}) | WEAK
"""Types whose findings passed a check digit or a register (top-level domains); they win over what only looks alike."""

BARE_PHONE = 0.5
"""What a phone number needs that is written as one run of digits: a context word. Orders, counters and customer numbers
are valid numbers of some region far too often."""

_WRITTEN_AS_PHONE = re.compile(r"\(?(?:\+|\d{1,5}\)?[^\w+]{1,3}\d)|0[1-9]\d{8,9}(?!\d)")
"""With a plus sign, in groups of which the first is short, or with a trunk zero and as long as most are."""

_PHONE_DIGITS = range(7, 22)
"""Digits of a number (E.164 has at most 15) with an extension."""


def believed(entity: str, spelled: str, score: float, thresholds: Mapping[str, float]) -> bool:
    """Return whether a finding passes its type's threshold.

    Args:
        spelled: The text that was found.
        thresholds: Least score by type.
    """
    if entity != "PHONE_NUMBER":
        return score >= thresholds[entity]
    if sum(character.isdigit() for character in spelled) not in _PHONE_DIGITS or _FOURS.match(spelled):
        return False
    bare = _WRITTEN_AS_PHONE.match(spelled) is None
    return score >= (max(BARE_PHONE, thresholds[entity]) if bare else thresholds[entity])


_FOURS = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}")
"""A card's number: longer than any phone number, and one whose check digit was wrong is none either."""
