"""The forms of a value: what it looks like, apart from what it holds."""

from __future__ import annotations

import re

_DIALLED = r"(?:[\s().\-/]*\d){7,15}(?:\s*(?:x|ext\.?)\s*\d{1,6})?"

_FORMS: dict[str, re.Pattern[str]] = {
    "card": re.compile(r"(?:\d[ \-]?){11,18}\d"),
    "account": re.compile(r"\d{6,20}|[A-Z]{2}\d{2}[A-Z0-9 ]{10,34}"),
    "id": re.compile(r"(?=(?:[^\d]*\d){5})[A-Za-z\d .\-/]{5,24}"),
    "phone": re.compile(rf"\+?{_DIALLED}", re.IGNORECASE),
    "phone_written": re.compile(rf"(?=.*\d[\s().\-/]|\+)[+(]?{_DIALLED}", re.IGNORECASE),
    "date": re.compile(
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].{5,20})?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{2}|\d{4})|(?:19|20)\d{2}"
    ),
    "number": re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?"),
    "postal": re.compile(r"(?=.*\d)[A-Za-z\d](?:[A-Za-z\d \-]{1,10})"),
    "words": re.compile(r"(?=.*[^\W\d_])[^\d\n@]{1,80}"),
    "short": re.compile(r"[^\n]{1,24}"),
    "word": re.compile(r"(?=.*[^\W\d_])\S{2,80}"),
    "line": re.compile(r"(?=.*(?:[^\W\d_]|#))[^\n]{2,200}"),
}

_PROSE = re.compile(r"\S+(?:\s+\S+){6,}|<.+>|\{.+\}", re.DOTALL)
_LONG = 40


def shapes(value: str) -> tuple[str, ...]:
    """Return the names of the forms that the whole value has, such as `card` for 12 to 19 digits."""
    text = value.strip()
    if len(text) > _LONG and _PROSE.match(text):
        return ("prose",)
    if len(text) > 200:  # noqa: PLR2004 -- no form is longer
        return ()
    return tuple(name for name, form in _FORMS.items() if form.fullmatch(text))
