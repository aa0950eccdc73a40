"""Texts in which a writer has put something between or for the letters: wrapped base64, mail's and HTML's escapes."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16}(\r|\\r)?\Z")
_ENTITY = re.compile(
    rb"&(?:#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});?|(?:amp|apos|quot|commat|period|lowbar|plus|[a-zA-Z]{4,6});)"
)
_TELLING_QUOTE = re.compile(rb"=(?:[ \t]*\r?\n|40|2[BDE]|3D|5F|[CDE][0-9A-F]=[89AB][0-9A-F])")
"""Of quoted-printable only what an identifier may hold: `?id=42` stands in every web address."""
_QUOTED = re.compile(rb"=(?:[ \t]*\r?\n|([0-9A-F]{2}))")
_TELLING_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[/'])")
"""An escaped quotation mark is not one: each commit of a Delta table has many, and JSON's own form has it."""
_ESCAPE = re.compile(rb"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_TELLING = np.isin(np.arange(256), np.frombuffer(b"ux/'", np.uint8))
_LEAST_REACH = 512
"""Bytes; less would make many small pieces of a text that is full of marks."""


@dataclass(frozen=True)
class Loose:
    """One kind of marks.

    Args:
        places: Where such marks stand; none in most texts.
        without: The text as it reads without them.
        near: Only what is as near to the marks as a value is long reads otherwise: no more is read again.
    """

    name: str
    places: Callable[[bytes], Iterator[int]]
    without: Callable[[bytes], bytes]
    near: bool = False

    def more(self, found: Counter[str], known: Counter[str]) -> int:
        """Count what is found without the marks and was not with them.

        What JSON's own form, or a dump of bytes, finds by its escapes is the same without them, by another name.
        """
        return max(0, found.total() - known.total()) if self.near else (found - known).total()


def loosened(text: bytes, longest: int) -> Iterator[tuple[Loose, bytes, bytes]]:
    """Yield a kind of marks, a text with them, and how that reads without; nothing where there are none.

    Args:
        longest: As many bytes around a mark hold all that it may be part of.
    """
    for loose in LOOSE:
        if loose.near:
            marked = _around(text, longest)
            if marked:
                yield loose, marked, loose.without(marked)
        elif next(loose.places(text), None) is not None:
            yield loose, text, loose.without(text)


def _around(text: bytes, longest: int) -> bytes:
    """Return what stands around escapes; the whole text where that is most of it."""
    if b"\\" not in text:
        return b""
    data, reach = np.frombuffer(text, np.uint8), max(longest, _LEAST_REACH)
    marks = np.flatnonzero(data[:-1] == ord("\\"))
    marks = marks[_TELLING[data[marks + 1]]]
    if not len(marks):
        return b""
    gaps = np.flatnonzero(np.diff(marks) > 2 * reach)
    starts, ends = marks[[0, *(gaps + 1)]] - reach, marks[[*gaps, -1]] + reach
    if int((ends - starts).sum()) > len(text) // 2:
        return text
    return b"\n".join(text[max(0, start) : end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))


def _line_ends(text: bytes) -> Iterator[int]:
    yield from (end for _, end in _wraps(text))


def _wraps(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where lines end that look like base64, as they do in mail, and as they do inside of JSON."""
    for first, mark in ((b"\n", b"\n"), (b"\\", b"\\n")):
        place = text.find(mark) if first in text else -1
        while place >= 0:
            run = _RUN.search(text[max(0, place - 18) : place])
            if run:
                yield place - len(run[1] or b""), place + len(mark)
            place = text.find(mark, place + 1)


def _marked(pattern: re.Pattern[bytes], mark: bytes) -> Callable[[bytes], Iterator[int]]:
    def places(text: bytes) -> Iterator[int]:
        if mark in text:
            yield from (match.start() for match in pattern.finditer(text))

    return places


def _unwrapped(text: bytes) -> bytes:
    parts, done = [], 0
    for start, end in sorted(_wraps(text)):
        parts.append(text[done:start])
        done = end
    return b"".join((*parts, text[done:]))


def _without_entities(text: bytes) -> bytes:
    return _ENTITY.sub(lambda match: html.unescape(match[0].decode()).encode("utf-8", "surrogatepass"), text)


def _unquoted(text: bytes) -> bytes:
    return _QUOTED.sub(lambda match: bytes.fromhex(match[1].decode()) if match[1] else b"", text)


def _unescaped(text: bytes) -> bytes:
    text = _ESCAPE.sub(_meant, text)
    for mark in (b"/", b"'", b'"'):
        while (escaped := b"\\" + mark) in text:
            text = text.replace(escaped, mark)
    return text


def _meant(escape: re.Match[bytes]) -> bytes:
    point, byte = escape.groups()
    return chr(int(point, 16)).encode("utf-8", "surrogatepass") if point else bytes.fromhex(byte.decode())


LOOSE = (
    Loose("base64, in lines", _line_ends, _unwrapped),
    Loose("html entities", _marked(_ENTITY, b"&"), _without_entities),
    Loose("quoted-printable", _marked(_TELLING_QUOTE, b"="), _unquoted),
    Loose("backslash escapes", _marked(_TELLING_ESCAPE, b"\\"), _unescaped, near=True),
)
