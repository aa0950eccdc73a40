"""The forms of a value: what it looks like, apart from what it holds."""

from __future__ import annotations

import re

from delible.detect.streets import is_street
from delible.detect.vocabularies import NAMES, vocabularies

_DIALLED = r"(?:[\s().\-/]*\d){7,15}(?:\s*(?:x|ext\.?)\s*\d{1,6})?"

_NUMERIC: dict[str, str] = {
    "card": r"(?:\d[ \-]?){11,18}\d",
    "phone": rf"\+?{_DIALLED}",
    "phone_written": rf"(?=.*\d[\s().\-/]|\+)[+(]?{_DIALLED}",
    "date": r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].{5,20})?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{2}|\d{4})|(?:19|20)\d{2}",
    "number": r"[+-]?\d{1,18}(?:\.\d{1,18})?",
    "years": r"(?:\d{1,2}|1[01]\d)(?:\s*(?:-|to)\s*\d{1,3}|\+)?",
    "geo_pair": r"(?:POINT\s*)?\(?[+-]?\d{1,3}\.\d{3,}\s*[,; ]\s*[+-]?\d{1,3}\.\d{3,}\)?",
    "fraction": r"[+-]?\d{1,18}\.\d{1,18}",
    "degrees": r"[+-]?(?:\d{1,2}|1[0-7]\d)\.\d{2,}",
    "imei": r"\d{15}",
}
"""Forms that have a digit."""
_MIXED: dict[str, str] = {
    "account": r"\d{6,20}|[A-Z]{2}\d{2}[A-Z0-9 ]{10,34}",
    "id": r"(?=(?:[^\d]*\d){5})[A-Za-z\d .\-/]{5,24}",
    "postal": r"(?=.*\d)[A-Za-z\d](?:[A-Za-z\d \-]{1,10})",
    "hash": r"(?:sha\d{1,3}[:-])?(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})",
    "device": r"(?=.*\d)[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|(?=.*\d)(?=.*[A-Za-z])[\w\-:.]{8,80}",
    "plate": r"(?=.*\d)(?=.*[A-Z])[A-ZÄÖÜ0-9][A-ZÄÖÜ0-9 \-]{3,10}",
    "vin": r"(?=.*\d)[A-HJ-NPR-Z0-9]{17}",
    "vat": r"[A-Z]{2}\s?(?=(?:[^\d]*\d){7})[0-9A-Z+*. ]{8,14}",
    "diagnosis": r"[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?",
    "diagnosis_dotted": r"[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4}",
    "address_line": r"(?=.*(?:[^\W\d_]|#))(?!0x)(?=.*[\s#]|[^\d\n]+$)[^\n@]{2,200}",
}
"""Forms that may have both letters and digits."""
_LETTERED: dict[str, str] = {
    "words": r"(?=.*[^\W\d_])[^\d\n@]{1,80}",
    "name_like": r"(?=.*[^\W\d_])[^\d\n@_/:;#%&*+=<>|{}\[\]]{2,60}",
    "word": r"(?=.*[^\W\d_])\S{2,80}",
    "line": r"(?=.*(?:[^\W\d_]|#))[^\n]{2,200}",
    "login": r"[\w.\-]{2,40}\\[\w.\-$]{1,60}",
    "bic": r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
}
"""Forms that have a letter, or stand for one."""
_ANY: dict[str, str] = {
    "sentence": r"[^\n\d\W]\S*(?:\s+\S+){2,}",
    "short": r"[^\n]{1,24}",
    "opaque": "\ufffd",
    "flag": r"(?i:y|n|yes|no|true|false|t|f|0|1|on|off|ja|nein|oui|non)",
}


def _compiled(forms: dict[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(form, re.IGNORECASE if "phone" in name else 0)) for name, form in forms.items())


_WITH_DIGIT, _WITH_BOTH, _WITH_LETTER, _WITH_ANYTHING = map(_compiled, (_NUMERIC, _MIXED, _LETTERED, _ANY))
FORMS = frozenset({*_NUMERIC, *_MIXED, *_LETTERED, *_ANY, "prose", "street", *NAMES})
"""The name of every form and vocabulary."""

_PROSE = re.compile(r"\S+(?:\s+\S+){6,}|<.+>|\{.+\}", re.DOTALL)
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]|#")
_LONG, _LONGEST = 40, 200


def shapes(value: str) -> tuple[str, ...]:
    """Return the names of the forms that the whole value has, such as `card` for 12 to 19 digits."""
    text = value.strip()
    if len(text) > _LONG and _PROSE.match(text):
        return ("prose",)
    if len(text) > _LONGEST:
        return ()
    digit, letter = _DIGIT.search(text) is not None, _LETTER.search(text) is not None
    tried = (*_WITH_ANYTHING, *(_WITH_DIGIT if digit else ()), *_WITH_BOTH, *(_WITH_LETTER if letter else ()))
    forms = tuple(name for name, form in tried if form.fullmatch(text))
    if digit and letter and is_street(text):
        forms = (*forms, "street")
    return (*forms, *vocabularies(text)) if letter or text in _SIGNED else forms


_SIGNED = frozenset({"0+", "0-"})
"""Blood groups written with the digit."""

_DIGITS = re.compile(r"(?:\D*\d){4}")
_HAS_ID = re.compile(r"(?:\D*\d){5}")
_HAS_CARD = re.compile(r"(?<!\d)\d(?:[ \-]?\d){11,18}(?!\d)")
_HAS_DOTTED = re.compile(r"(?<![\d.])\d{1,5}(?:\.\d{1,5}){3}(?![\d.])")
_NO_PHONE = re.compile(rf"(?:19|20)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?|{_HAS_DOTTED.pattern}")
_HAS_PHONE = re.compile(
    r"(?<!\d)\d{10,11}(?!\d)|(?<![\d+])(?=\+?(?:[\s().\-/]{0,3}\d){7})(?:[+0(]|\d{1,6}[\s().\-/])(?:[\s().\-/]{0,3}\d){3,14}(?!\d)"
)


def could_hold(value: str) -> tuple[str, ...]:
    """Return what a value could be taken to hold: `has_card`, `has_phone`, `has_dotted` for an IP address, `has_id`.

    How many of these look personal by chance is known (`decide.noise`).
    """
    if _DIGITS.match(value) is None:
        return ()
    found = [name for name, form in (("has_card", _HAS_CARD), ("has_dotted", _HAS_DOTTED)) if form.search(value)]
    if _HAS_PHONE.search(_NO_PHONE.sub("|", value)):
        found.append("has_phone")
    if _HAS_ID.match(value):
        found.append("has_id")
    return tuple(found)
