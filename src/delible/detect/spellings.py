"""Presidio's recognizers, widened to the ways in which people write: each a small class or a configuration.

What each one costs in precision is measured on the labelled corpus (quality/README.md); a check digit or a numbering
plan has the last word wherever there is one. Each is a list of patterns and a check, so that prefilters can see it.
None is named like one of Presidio's: its registry finds classes by name among all subclasses, in an order that changes.
"""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer
from presidio_analyzer import predefined_recognizers as predefined

from delible.detect.numbering import possible_regions

REPLACED = (
    *("EmailRecognizer", "CreditCardRecognizer", "IbanRecognizer", "IpRecognizer", "UsSsnRecognizer"),
    "PhoneRecognizer",
)
"""Names of Presidio's recognizers in whose place those of `recognizers` stand."""

_PRIVATE_DOMAINS = re.compile(
    r"\.(example|test|invalid|localhost|local|internal|intranet|private|corp|home|lan)$", re.IGNORECASE
)
"""Special-use domains (RFC 2606, RFC 6761, RFC 6762) and the usual private ones: in no public list of suffixes, and
yet the addresses that a company's own tables are full of."""

_DIGIT = "[0-9OolI]"
"""A scan reads 0 as O and 1 as l; a check digit tells a number from a word."""
_READ_AS = str.maketrans("OolI", "0011")
_MOST_MISREAD = 4


def recognizers(language: str) -> list[EntityRecognizer]:
    """Return the recognizers that stand in place of `REPLACED`."""
    return [
        WrittenEmailRecognizer(supported_language=language),
        WrittenCardRecognizer(supported_language=language),
        WrittenIbanRecognizer(supported_language=language),
        predefined.IpRecognizer(supported_language=language, patterns=_IP_PATTERNS),
        WrittenSsnRecognizer(supported_language=language),
        predefined.PhoneRecognizer(supported_language=language, context=_PHONE_CONTEXT),
        WrittenPhoneRecognizer(supported_language=language),
    ]


_EMAIL_PATTERNS = predefined.EmailRecognizer.PATTERNS


class WrittenEmailRecognizer(predefined.EmailRecognizer):
    """Presidio's, which also accepts private domains, and `ann (at) fennel (dot) example`.

    An address ends where a path or a query begins: of `/staff/ann@fennel.example` Presidio's takes `staff` along, and
    then reads it as the host.
    """

    PATTERNS = [
        *(Pattern(p.name, p.regex.replace("&", "").replace("/=?", "="), p.score) for p in _EMAIL_PATTERNS),
        Pattern(
            "Email, spelled",
            r"(?<![\w.+\-])[\w.+\-]+ ?[\[(] ?at ?[\])] ?[\w\-]+(?: ?(?:[\[(] ?dot ?[\])]|\.) ?[\w\-]+)+\b",
            0.5,
        ),
    ]

    def validate_result(self, pattern_text: str) -> bool:
        """Return whether the domain ends in a public suffix or in a private one."""
        text = re.sub(r" ?[\[(] ?dot ?[\])] ?", ".", pattern_text, flags=re.IGNORECASE)
        text = re.sub(r" ?[\[(] ?at ?[\])] ?", "@", text, flags=re.IGNORECASE)
        text = text.rpartition("@")[2]
        return bool(super().validate_result(text)) or _PRIVATE_DOMAINS.search(text) is not None


class WrittenCardRecognizer(predefined.CreditCardRecognizer):
    """Presidio's, with all brands and groupings; the number's length must be one that its brand gives out."""

    _BETWEEN = r"[\s.\-]{0,2}"
    PATTERNS = [
        Pattern(
            "Card in groups of four",
            rf"(?<![\w.])[1-6]{_DIGIT}{{3}}(?:{_BETWEEN}{_DIGIT}{{4}}){{2}}{_BETWEEN}{_DIGIT}{{1,4}}"
            rf"(?:{_BETWEEN}{_DIGIT}{{1,3}})?(?!\w)",
            0.3,
        ),
        Pattern(
            "Card of 14 or 15 digits",
            rf"(?<![\w.])[13]{_DIGIT}{{3}}{_BETWEEN}{_DIGIT}{{5,6}}{_BETWEEN}{_DIGIT}{{4,6}}(?!\w)",
            0.3,
        ),
    ]

    def validate_result(self, pattern_text: str) -> bool:
        """Return whether it is a card's number: separators of one kind, a brand's length, a right check digit."""
        between = {" " if c.isspace() else c for c in pattern_text if not c.isalnum()}
        written = "".join(c for c in pattern_text if c.isalnum())
        digits = written.translate(_READ_AS)
        if len(between) > 1 or not digits.isdecimal() or sum(map(str.isalpha, written)) > _MOST_MISREAD:
            return False
        return _is_brands(digits) and bool(super().validate_result(digits))


_BRANDS: tuple[tuple[int, int, range], ...] = (
    (4, 4, range(13, 20, 3)),
    (51, 55, range(16, 17)),
    (2221, 2720, range(16, 17)),
    (34, 34, range(15, 16)),
    (37, 37, range(15, 16)),
    (300, 305, range(14, 20)),
    (36, 36, range(14, 20)),
    (38, 39, range(14, 20)),
    (3528, 3589, range(16, 20)),
    (50, 50, range(12, 20)),
    (56, 58, range(12, 20)),
    (60, 69, range(12, 20)),
    (2200, 2204, range(16, 20)),
    (1, 1, range(15, 16)),
)
"""First and last prefix (ISO/IEC 7812) and lengths: Visa, Mastercard, American Express, Diners Club, JCB, Maestro,
Discover with UnionPay and RuPay, Mir, UATP."""


def _is_brands(digits: str) -> bool:
    return any(low <= int(digits[: len(str(low))]) <= high and len(digits) in n for low, high, n in _BRANDS)


_IBAN_LENGTHS = {
    15: "NO", 16: "BE BI", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "BJ BF CI FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
"""Characters of an IBAN by country (ISO 13616 registry). With them a number ends where it ends: Presidio's own pattern
takes a word of four letters behind it for its last group, fails the check, and finds nothing."""


class WrittenIbanRecognizer(PatternRecognizer):
    """IBANs in any grouping and case, checked by Presidio's own."""

    PATTERNS = [
        Pattern(
            f"IBAN of {length}",
            rf"(?<![A-Z0-9])(?:{countries.replace(' ', '|')})[\s\-]?{_DIGIT}{{2}}"
            rf"(?:[\s\-.]?[A-Z0-9]){{{length - 4}}}(?![A-Z0-9])",
            0.5,
        )
        for length, countries in _IBAN_LENGTHS.items()
    ]

    def __init__(self, supported_language: str) -> None:
        super().__init__(
            supported_entity="IBAN_CODE",
            patterns=self.PATTERNS,
            context=predefined.IbanRecognizer.CONTEXT,
            supported_language=supported_language,
        )
        self._presidios = predefined.IbanRecognizer()

    def validate_result(self, pattern_text: str) -> bool:
        """Return whether country, form and check digits agree, as written or with a scan's mistakes put right."""
        written = "".join(c for c in pattern_text if c.isalnum())
        if not written.isascii():  # Presidio would write into the log what it cannot read
            return False
        readings = (written.upper(), written[:2].upper() + written[2:].translate(_READ_AS).upper())
        return any(self._presidios.validate_result(each) is True for each in readings)


_NUMBERED = (
    "version", "versión", "versione", "versie", "wersja", "release", "rev", "rev.", "revision", "build", "firmware",
    "bootloader", "driver", "chapter", "section", "clause", "kapitel", "abschnitt", "chapitre", "capítulo", "oid",
)  # fmt: skip
_AT_A_DIGIT = "(?=[0-9])"
"""Before what looks behind a place, and would do so at every place of a text."""
_NO_VERSION = "".join((_AT_A_DIGIT, *(f"(?<!{re.escape(word)} )" for word in _NUMBERED)))
_IP_PATTERNS = [
    Pattern(p.name, rf"{_NO_VERSION}(?<![\d.]){p.regex}(?!\.\d)" if p.name == "IPv4" else p.regex, p.score)
    for p in predefined.IpRecognizer.PATTERNS
]
"""Presidio's, without four numbers behind a word for a version or a chapter, and without parts of longer ones."""

_PARTS = (
    "part number",
    "part no.",
    "part",
    "sku",
    "item",
    "article",
    "artikel",
    "model",
    "serial",
    "ref.",
    "ref",
    "lot",
)
_NO_PART = "".join(f"(?<!{re.escape(word)} )" for word in _PARTS)


class WrittenSsnRecognizer(predefined.UsSsnRecognizer):
    """Presidio's, which also reads scans, and the words "social security" behind the number."""

    PATTERNS = [
        *(Pattern(p.name, f"{_AT_A_DIGIT}{_NO_PART}{p.regex}", p.score) for p in predefined.UsSsnRecognizer.PATTERNS),
        Pattern("SSN, named behind", r"\b[0-9]{9}\b(?=[^.\n]{1,20}\b(?:ssn|social security)\b)", 0.5),
        Pattern("SSN, scanned", rf"{_NO_PART}(?<![\w\-]){_DIGIT}{{3}}-{_DIGIT}{{2}}-{_DIGIT}{{4}}(?![\w\-])", 0.5),
    ]

    def invalidate_result(self, pattern_text: str) -> bool:
        """Return whether the number can never have been given out: areas from 900 on are not (20 CFR 422.103)."""
        digits = pattern_text.translate(_READ_AS)
        return digits.startswith("9") or bool(super().invalidate_result(digits))


_PHONE_CONTEXT = [
    "phone", "telephone", "cell", "cellphone", "mobile", "call", "fax", "whatsapp", "wasap", "sms", "tel",
    "teléfono", "téléphone", "handy", "mobil", "móvil", "portable", "cellulare",
    "komór", "dzwoni", "llám", "llam", "appel", "rappel", "anruf", "rufen", "chiam", "festnetz", "fijo", "hotline",
]  # fmt: skip
"""Presidio's words without "number", which stands before orders and invoices, too, and those of other languages."""

_ABROAD = (
    "AT", "CH", "BE", "NL", "IT", "ES", "PT", "PL", "SE", "IE", "AU", "NZ", "ZA", "JP", "TR", "GR", "CZ", "MX", "GB",
    "DE", "FR", "US",
)  # fmt: skip


_LOCAL = re.compile(r"[2-9]\d{2}-\d{4}")
"""What is dialled within one area of North America; believed behind "call" only."""


class WrittenPhoneRecognizer(PatternRecognizer):
    """Numbers written as people write them, of more countries than Presidio's recognizer asks about.

    With an international prefix a possible number will do: numbers of new ranges and those kept for examples are no
    valid ones. Without one it must be valid somewhere; without a trunk zero, nine digits in groups need a context word.
    """

    CONTEXT = _PHONE_CONTEXT
    PATTERNS = [
        Pattern(
            "Phone, international",
            rf"(?<![\w+])(?:\+|(?<!\d )00)[1-9](?:(?:[ .\-/]|\s|\(0\)|[ ]?[()]){{0,2}}{_DIGIT}){{7,14}}(?![\w\-])",
            0.4,
        ),
        Pattern(
            "Phone, national",
            r"(?<![\w.+\-/])(?<!\d )(?:\(0[1-9][0-9]{0,4}\)|0[1-9][0-9]{0,4})(?:[ .\-/][0-9]{2,8}){1,4}(?![\w\-])",
            0.4,
        ),
        Pattern(
            "Phone, without a trunk zero",
            r"(?<![\w.+\-/])[2-9][0-9]{1,2}(?:[ .\-][0-9]{2,4}){2,3}(?![\w\-])",
            0.3,
        ),
        Pattern(
            "Phone, called",
            r"(?=[0-9])(?:(?<=call )|(?<=dial )|(?<=ring )|(?<=text ))"
            r"(?:[0-9]{10,11}|[2-9][0-9]{2}-[0-9]{4})(?![\w-])",
            0.5,
        ),
    ]
    """Presidio looks for no context in stop words, and "call" is one."""

    def __init__(self, supported_language: str) -> None:
        super().__init__(
            supported_entity="PHONE_NUMBER",
            patterns=self.PATTERNS,
            context=self.CONTEXT,
            supported_language=supported_language,
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return False for what is no number anywhere, and None otherwise: the pattern's score stands."""
        text = " ".join(pattern_text.split()).replace("(0)", "")
        if _LOCAL.fullmatch(text):
            return None
        if text.startswith(("+", "00")):
            return None if _is_possible(re.sub("^00", "+", text).translate(_READ_AS)) else False
        return None if any(_is_valid(text, region) for region in possible_regions(text, _ABROAD)) else False


def _is_possible(text: str) -> bool:
    number = _parsed(text, None)
    return number is not None and phonenumbers.is_possible_number(number)


def _is_valid(text: str, region: str) -> bool:
    number = _parsed(text, region)
    return number is not None and phonenumbers.is_valid_number_for_region(number, region)


def _parsed(text: str, region: str | None) -> Any:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
