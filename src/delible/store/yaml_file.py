"""YAML from people we do not know: bounded in size, depth and time, without tags, every value with its line.

ruamel.yaml reads the text into events; the values are built here, because a constructor would expand aliases, follow
tags and forget where a key stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from delible.errors import bounded

LARGEST_FILE = 1_000_000
_LONGEST_LINE = 4_000
_DEEPEST = 20
_MOST_NODES = 20_000
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_WORDS = {"null": None, "Null": None, "NULL": None, "~": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control characters, line breaks that editors do not show, and those that turn the direction of what follows; in
files they are refused as they stand and as escapes."""

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """Something wrong at one place of a file. `path` leads to the key, `line` counts from 1."""

    code: str
    line: int
    path: KeyPath
    message: str


@dataclass(frozen=True)
class Document:
    """What a file holds.

    Args:
        value: Text, whole numbers, booleans, None, lists, and mappings with text keys; None when nothing was readable.
        lines: The line of each key and each list item.
        flaws: What is wrong with the file as YAML; keys that stand twice keep their first value.
    """

    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest key around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def read_yaml(raw: bytes) -> Document:
    """Return the one YAML document in a file's bytes; never raises, everything wrong is a flaw."""
    try:
        text = _checked_text(raw)
        return _Builder(text).document()
    except _Unreadable as error:
        return Document(flaws=(Flaw("policy.yaml", error.line, (), error.message),))


class _Unreadable(Exception):
    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message


def _checked_text(raw: bytes) -> str:
    if len(raw) > LARGEST_FILE:
        raise _Unreadable(1, f"the file is larger than {LARGEST_FILE} bytes; a policy file describes one thing.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable(raw.count(b"\n", 0, error.start) + 1, "not UTF-8 text.") from None
    unsafe = _UNSAFE.search(text)
    if unsafe:
        line = text.count("\n", 0, unsafe.start()) + 1
        raise _Unreadable(line, f"holds the invisible character U+{ord(unsafe[0]):04X}; remove it.")
    for number, line_text in enumerate(text.split("\n"), start=1):
        if len(line_text) > _LONGEST_LINE:
            raise _Unreadable(number, f"the line is longer than {_LONGEST_LINE} characters.")
    return text


class _Builder:
    """Builds values from events, counting nodes as they would be without aliases."""

    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self._nodes = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._lines: dict[KeyPath, int] = {}
        self._flaws: list[Flaw] = []

    def document(self) -> Document:
        value = None
        for count, event in enumerate(self._roots()):
            if count:
                raise _Unreadable(_line(event), "a second document starts here; a policy file holds one thing.")
            value = self._value(event, (), 0)
        return Document(value, self._lines, tuple(self._flaws))

    def _roots(self) -> Iterator[Any]:
        for event in self._events:
            if not type(event).__name__.startswith(("Stream", "Document", "Comment")):
                yield event

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event)
        if event.tag is not None:
            raise _Unreadable(_line(event), f"the tag '{bounded(str(event.tag), 60)}' is not allowed; leave it out.")
        before = self._nodes
        self._count(event, 1)
        value: Any
        if kind == "ScalarEvent":
            value = self._scalar(event, path)
        elif depth >= _DEEPEST:
            raise _Unreadable(_line(event), f"nested more than {_DEEPEST} deep.")
        elif kind == "SequenceStartEvent":
            value = self._sequence(path, depth)
        else:
            value = self._mapping(path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _sequence(self, path: KeyPath, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in self._until("SequenceEndEvent"):
            inner = (*path, len(items))
            self._lines[inner] = _line(event)
            items.append(self._value(event, inner, depth + 1))
        return items

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in self._until("MappingEndEvent"):
            if type(event).__name__ != "ScalarEvent" or event.tag is not None:
                raise _Unreadable(_line(event), "a key must be plain text.")
            self._count(event, 1)
            key = _checked_scalar(event)
            inner = (*path, key)
            if key in mapping:
                first = self._lines[inner]
                message = f"stands here for the second time; first in line {first}."
                self._flaws.append(Flaw("policy.duplicate_key", _line(event), inner, message))
                self._value(next(self._events), (*path, f"{key} (again)"), depth + 1)
                continue
            self._lines[inner] = _line(event)
            mapping[key] = self._value(next(self._events), inner, depth + 1)
        return mapping

    def _until(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield event

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _Unreadable(_line(event), f"the alias '*{bounded(str(event.anchor), 60)}' names nothing above it.")
        value, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        return value

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            raise _Unreadable(_line(event), f"holds more than {_MOST_NODES} values, aliases counted in full.")

    def _scalar(self, event: Any, path: KeyPath) -> str | int | bool | None:
        text = _checked_scalar(event)
        plain = event.implicit[0]
        if plain and text == "":
            line = self._lines.get(path, _line(event))
            self._flaws.append(Flaw("policy.type", line, path, "has no value; leave the key out, or write the value."))
            return None
        if plain and text in _WORDS:
            return _WORDS[text]
        if plain and _INTEGER.fullmatch(text):
            return int(text)
        return text


def _checked_scalar(event: Any) -> str:
    text = str(event.value)
    unsafe = _UNSAFE.search(text)
    if unsafe:
        raise _Unreadable(_line(event), f"holds the invisible character U+{ord(unsafe[0]):04X}; remove it.")
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = error.problem or error.context or "cannot be read"
        raise _Unreadable(mark.line + 1 if mark else 1, f"not YAML: {bounded(str(words), 200)}.") from None
    except (YAMLError, ValueError) as error:
        raise _Unreadable(1, f"not YAML: {type(error).__name__}.") from None
