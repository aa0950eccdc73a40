"""How a value is written out in bytes, form by form; what `lake.search.forms` looks for."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from delible.lake.search.letters import apostrophes, ascii_twins, whole_spellings

_SHORTEST_BASE64 = 8
"""Fewer characters of base64 occur by chance in any compressed file."""
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_PERCENT = {point: quote(chr(point), safe="").lower() for point in range(128)}
_QUOTES = ("'", '"')
_BETWEEN_HEX = (" ", ":", "-", "%", "\\x", "\\u00")
"""A dump of bytes; and texts of which every letter is percent-encoded, or escaped for Python or JSON."""


@dataclass(frozen=True)
class Form:
    """One way to write a value.

    Args:
        bounded: Whether what stands around a match can be told to be a letter.
        folded: Letter case does not count; what `write` returns is in lower case then.
        write: Every spelling of a value in this form.
    """

    name: str
    bounded: bool
    folded: bool
    write: Callable[[str], Iterable[bytes]]


def _cased(value: str) -> Iterable[str]:
    """Return the spellings that differ in a form in which letter case is lost, such as base64."""
    if not value.isascii():
        return whole_spellings(value)
    return dict.fromkeys(text for case in (value, value.lower(), value.upper()) for text in apostrophes(case))


def _folded(value: str) -> Iterable[str]:
    return apostrophes(value.lower()) if value.isascii() else whole_spellings(value)


def _plain(value: str) -> Iterator[bytes]:
    for spelling in _folded(value):
        yield _bytes(spelling).lower()
        # As SQL and CSV write them inside of quotation marks of the same kind.
        for mark in _QUOTES:
            if mark in spelling:
                yield _bytes(spelling.replace(mark, 2 * mark)).lower()
    for twin in ascii_twins(value) if value.isascii() else ():
        yield twin.encode().lower()


def _utf_16(value: str) -> Iterator[bytes]:
    for spelling in _folded(value):
        yield spelling.encode("utf-16-le", "surrogatepass").lower()
        yield spelling.encode("utf-16-be", "surrogatepass").lower()


def _url(value: str) -> Iterator[bytes]:
    for spelling in _folded(value):
        once = spelling.translate(_PERCENT) if spelling.isascii() else quote(_bytes(spelling), safe="").lower()
        if once != spelling:
            yield once.encode()
            yield once.replace("%", "%25").encode()
        if " " in spelling:  # as forms are sent, with all else escaped or, as in logs, nothing
            yield once.replace("%20", "+").encode()
            yield _bytes(spelling.replace(" ", "+")).lower()


def _json(value: str) -> Iterator[bytes]:
    for spelling in _folded(value):
        escaped = json.dumps(spelling)[1:-1].lower() if not spelling.isascii() or _ESCAPED.search(spelling) else ""
        if escaped != spelling.lower() and escaped:
            yield escaped.encode()


def _hex(value: str) -> Iterator[bytes]:
    for spelling in _cased(value):
        plain = _bytes(spelling)
        yield plain.hex().encode()
        apart = plain.hex(" ")
        for between in _BETWEEN_HEX:
            yield apart.replace(" ", between).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _base64(value: str) -> set[bytes]:
    """Return base64 of a value at each of three alignments, without the characters that its neighbours share."""
    fragments = set()
    for spelling in _cased(value):
        plain = _bytes(spelling)
        for shift in range(3):
            first, full = (0, 2, 3)[shift], (shift + len(plain)) * 8 // 6
            fragment = base64.b64encode(b"\0" * shift + plain)[first:full]
            if len(fragment) >= _SHORTEST_BASE64:
                fragments.add(fragment)
                fragments.add(fragment.replace(b"+", b"-").replace(b"/", b"_"))
    return fragments


def _latin_1(value: str) -> Iterator[bytes]:
    for spelling in apostrophes(value.lower()) if value.isascii() else ():
        written = spelling.encode("cp1252", "ignore")
        if not spelling.isascii() and len(written) == len(spelling):
            yield written


FORMS = (
    Form("utf-8", True, True, _plain),
    Form("utf-16", False, True, _utf_16),
    Form("url-encoded", True, True, _url),
    Form("json-escaped", True, True, _json),
    Form("hex", False, True, _hex),
    Form("base64", False, False, _base64),
    # It may lack letters: values outside ASCII are looked for letter by letter there, and ASCII is the same in it.
    Form("latin-1", True, True, _latin_1),
)
