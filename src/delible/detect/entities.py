"""Which entity types are looked for, and from which score on each is believed."""

from __future__ import annotations

DEFAULT_COUNTRIES = ("us", "uk")

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
"""One threshold per type: at a common 0.5 every phone number is lost (Presidio gives them 0.4), and at 0.3 driver
licences are found in any seven-character code. Driver licences, passports, bank account numbers, medical licences and
NHS numbers are left out: their patterns fit order codes and keys far more often than what they are named after."""

NATIONAL_THRESHOLD = 0.5
"""For the recognizers of countries beyond the default ones, which a caller asks for by name of the country."""

FROM_MODEL = frozenset({"PERSON", "LOCATION"})
"""Types that a model finds by how a text reads; where a pattern fits the same place, the pattern knows better."""

MODEL_THRESHOLD = 0.5
"""For the types of models that score their findings; the shipped one and Presidio's spaCy models do not."""

CHECKED = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO", "EMAIL_ADDRESS"})
"""Types whose findings passed a check digit or a register (top-level domains); they win over what only looks alike."""
