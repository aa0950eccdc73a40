"""Corrections from a file: never from the command line, where other processes could read them."""

from __future__ import annotations

import json
from typing import Any

from delible.decide.rectification import refusals
from delible.errors import BlockedError, InputError, Problem
from delible.model.policy import PolicySet
from delible.model.rectification import Correction
from delible.workflows.identifiers import read_text

_EXAMPLE = (
    'Each line is one person\'s corrections, such as {"customers.city": "Lyon"}, in the order of the identifiers.'
)
_LONGEST = 100_000


def read_corrections(source: str, policies: PolicySet) -> list[tuple[Correction, ...]]:
    """Return the corrections of each line of a JSON-lines file, or of standard input for `-`.

    A key is `table.column`. Its value is what is right, null for nothing; or an object with `from`, what is wrong, and
    `to`, which only changes rows that hold it.

    Raises:
        InputError: `corrections.line`, `corrections.empty`, with the line's number and never with a value.
        BlockedError: `rectification.*` for what the policies do not allow to be corrected.
    """
    where = "standard input" if source == "-" else source
    people = []
    problems: list[Problem] = []
    for number, line in enumerate(read_text(source, where).split("\n"), start=1):
        if line.strip():
            found = _corrections(line, f"{where}:{number}")
            problems += refusals(policies, found, f"{where}:{number}")
            people.append(found)
    if not people:
        raise InputError("corrections.empty", "there is no correction in it.", where=where, fix=_EXAMPLE)
    if problems:
        raise BlockedError.of(tuple(problems))
    return people


def _corrections(line: str, where: str) -> tuple[Correction, ...]:
    try:
        document = json.loads(line, object_pairs_hook=_pairs, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise _broken("the line is not JSON", where) from None
    if not isinstance(document, _Pairs) or not document.items:
        raise _broken("the line is not an object with corrections", where)
    return tuple(_correction(key, value, where) for key, value in document.items)


class _Pairs:
    """A JSON object as it was written, also with a key twice: a column may have several wrong values."""

    def __init__(self, items: list[tuple[str, Any]]) -> None:
        self.items = items


def _pairs(items: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(items)


def _correction(key: str, value: Any, where: str) -> Correction:
    table, dot, column = key.partition(".")
    if not (table and dot and column) or len(key) > _LONGEST:
        raise _broken("a key is not 'table.column'", where)
    if not isinstance(value, _Pairs):
        return Correction(table, column, _value(value, where))
    said = dict(value.items)
    if len(value.items) != len(said) or said.keys() != {"from", "to"}:
        raise _broken("an object's keys are 'from' and 'to'", where)
    return Correction(table, column, _value(said["to"], where), _value(said["from"], where), named=True)


def _value(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise _broken("a value is neither text, number, truth value nor null", where)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _broken("a value is not Unicode text", where) from None
    if len(value) > _LONGEST or "\x00" in value:
        raise _broken(f"a value is longer than {_LONGEST} characters, or holds a NUL", where)
    return value


def _broken(what: str, where: str) -> InputError:
    return InputError("corrections.line", f"{what}.", where=where, fix=_EXAMPLE)
