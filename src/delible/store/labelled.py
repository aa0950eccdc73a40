"""Labelled data from JSON lines or CSV: checked key by key, without ever repeating what a line holds."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, TypeVar

from delible.errors import InputError, Problem, bounded, did_you_mean
from delible.model.labelled import LabelledColumn, LabelledText, Span
from delible.model.taxonomy import CATEGORIES

T = TypeVar("T")

LONGEST_LINE = 64_000_000
_MOST_PROBLEMS = 20
_ENTITY = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_WORD = re.compile(r"[^\x00-\x1f]{1,100}")
_FIX = 'A line is {"text": "...", "spans": [{"start": 0, "end": 3, "type": "PERSON"}]} or {"column": "...", "values": \
["..."], "category": "user.name" or null}.'
_NEEDED, _HEAD = ("column", "category"), ("table", "column", "kind", "category", "value")
_CSV = "A CSV file has the head table,column,category,value and one value in each line; no category: nothing personal."


class _Broken(Exception):
    """Raised inside this module for one broken line; never holds a value."""


def read_labelled(file: Path) -> tuple[list[LabelledText], list[LabelledColumn]]:
    """Return the texts or the columns of a file; one of the two is empty.

    Raises:
        InputError: `labelled.file`, `labelled.empty`, or `labelled.line` with the place of everything that is broken.
    """
    name = bounded(file.name, 200)
    try:
        with file.open("rb") as lines:
            if file.suffix.lower() == ".csv":
                return [], list(_from_csv(lines, name))
            rows = list(_objects(lines, name))
    except OSError as error:
        raise InputError("labelled.file", f"the file cannot be read: {error.strerror}.", where=name) from None
    if not rows:
        raise InputError("labelled.empty", "nothing is labelled in this file.", where=name, fix=_FIX)
    if "text" in rows[0][1]:
        return _each(rows, _text, name), []
    return [], _each(rows, _column, name)


def _objects(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, _object(line)
        except _Broken as broken:
            problems.append(_problem(broken, name, number))
            if len(problems) >= _MOST_PROBLEMS:
                break
    if problems:
        raise InputError.of(problems)


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise _Broken(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _Broken("the line is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise _Broken("the line is not JSON") from None
    if not isinstance(found, dict):
        raise _Broken("the line is not a JSON object")
    return found


def _from_csv(lines: IO[bytes], name: str) -> Iterator[LabelledColumn]:
    """Yield the columns of a CSV file with one value in each line."""
    problems: list[Problem] = []
    found: dict[tuple[str, str], LabelledColumn] = {}
    values: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    reader = csv.DictReader(TextIOWrapper(lines, encoding="utf-8-sig", newline=""), strict=True)
    try:
        head = reader.fieldnames
        if head is None:
            raise InputError("labelled.empty", "nothing is labelled in this file.", where=name, fix=_CSV)
        if not set(_NEEDED) <= set(head) <= set(_HEAD) or len(head) != len(set(head)):
            raise InputError("labelled.line", f"the head is not table,column,category,value. {_CSV}", where=f"{name}:1")
        for row in reader:
            try:
                if None in row or None in row.values():
                    raise _Broken("the line has not as many fields as the head")
                given = row | {"category": row["category"] or None, "values": []}
                column = _column(reader.line_num, given)
                key = (column.table, column.column)
                first = found.setdefault(key, column)
                if (first.category, first.kind) != (column.category, column.kind):
                    raise _Broken("the column has another category or kind than before")
                values[key].append(row.get("value"))
            except _Broken as broken:
                problems.append(Problem("labelled.line", f"{broken}. {_CSV}", f"{name}:{reader.line_num}"))
            if len(problems) >= _MOST_PROBLEMS:
                break
    except UnicodeDecodeError:
        raise InputError("labelled.line", "the file is not UTF-8 text.", where=name) from None
    except csv.Error:
        broken_at = f"{name}:{reader.reader.line_num}"  # DictReader counts a line when it is read
        raise InputError("labelled.line", f"the line is not CSV, or too long. {_CSV}", where=broken_at) from None
    if problems:
        raise InputError.of(problems)
    if not found:
        raise InputError("labelled.empty", "nothing is labelled in this file.", where=name, fix=_CSV)
    yield from (replace(column, values=_distinct(values[key])) for key, column in found.items())


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value and value.strip()))


def _each(rows: list[tuple[int, dict[str, Any]]], read: Callable[[int, dict[str, Any]], T], name: str) -> list[T]:
    problems: list[Problem] = []
    read_rows: list[T] = []
    for number, row in rows:
        try:
            read_rows.append(read(number, row))
        except _Broken as broken:
            problems.append(_problem(broken, name, number))
    if problems:
        raise InputError.of(problems[:_MOST_PROBLEMS])
    return read_rows


def _problem(broken: _Broken, name: str, line: int) -> Problem:
    return Problem("labelled.line", f"{broken}. {_FIX}", f"{name}:{line}")


def _text(line: int, row: dict[str, Any]) -> LabelledText:
    text = row.get("text")
    if not isinstance(text, str):
        raise _Broken("'text' is missing or no text")
    spans = row.get("spans")
    if not isinstance(spans, list):
        raise _Broken("'spans' is missing or no list")
    found = tuple(sorted(_span(span, i, len(text)) for i, span in enumerate(spans)))
    return LabelledText(line, text, found, _word(row, "register"), _word(row, "language"))


def _span(span: Any, place: int, length: int) -> Span:
    if not isinstance(span, dict):
        raise _Broken(f"spans[{place}] is not a JSON object")
    start, end, entity = span.get("start"), span.get("end"), span.get("type")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise _Broken(f"spans[{place}] has no place in the text: 0 <= start < end <= {length}, in characters")
    if not isinstance(entity, str) or _ENTITY.fullmatch(entity) is None:
        raise _Broken(f"spans[{place}] has no type in capitals, such as EMAIL_ADDRESS")
    return Span(start, end, entity)


def _column(line: int, row: dict[str, Any]) -> LabelledColumn:
    column, values = row.get("column"), row.get("values")
    if not isinstance(column, str) or not column:
        raise _Broken("'column' is missing or no text")
    if not isinstance(values, list) or not all(value is None or isinstance(value, str) for value in values):
        raise _Broken("'values' is missing or no list of texts")
    if "category" not in row:
        raise _Broken("'category' is missing; null says that nothing is personal")
    category = row["category"]
    if category is not None and (not isinstance(category, str) or category not in CATEGORIES):
        raise _Broken(f"'category' is none of the taxonomy.{did_you_mean(str(category), CATEGORIES)}".rstrip("."))
    kind = _word(row, "kind") or "string"
    return LabelledColumn(line, _word(row, "table"), column, kind, _distinct(values), category)


def _word(row: dict[str, Any], key: str) -> str:
    word = row.get(key)
    if word is None or word == "":
        return ""
    if not isinstance(word, str) or _WORD.fullmatch(word) is None:
        raise _Broken(f"'{key}' is no short text")
    return word
