"""Texts in which a writer has put something between or for the letters: wrapped base64, mail's and HTML's escapes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16}(\r|\\r)?\Z")
_ENTITY = re.compile(
    rb"&(?:#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});?|(?:amp|apos|quot|commat|period|lowbar|plus|[a-zA-Z]{4,6});)"
)
_TELLING_QUOTE = re.compile(rb"=(?:[ \t]*\r?\n|40|2[BDE]|3D|5F|[CDE][0-9A-F]=[89AB][0-9A-F])")
"""Of quoted-printable only what an identifier may hold: `?id=42` stands in every web address."""
_QUOTED = re.compile(rb"=(?:[ \t]*\r?\n|([0-9A-F]{2}))")


@dataclass(frozen=True)
class Loose:
    """One kind of marks.

    Args:
        places: Where such marks stand; none in most texts.
        without: The text as it reads without them.
    """

    name: str
    places: Callable[[bytes], Iterator[int]]
    without: Callable[[bytes], bytes]


def loosened(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a form's name and the text as it reads without that form's marks; nothing where there are none."""
    for loose in LOOSE:
        if next(loose.places(text), None) is not None:
            yield loose.name, loose.without(text)


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


LOOSE = (
    Loose("base64, in lines", _line_ends, _unwrapped),
    Loose("html entities", _marked(_ENTITY, b"&"), _without_entities),
    Loose("quoted-printable", _marked(_TELLING_QUOTE, b"="), _unquoted),
)
