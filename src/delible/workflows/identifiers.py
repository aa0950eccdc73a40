"""Identifiers from a file or standard input: never from the command line, where other processes could read them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr, ValidationError

from delible.errors import InputError
from delible.model.policy import Controller
from delible.model.subject import Identifier, misshapen

_LARGEST = 64 * 1024 * 1024
_EXAMPLE = 'Each line is one person, such as {"email": "ann@shop.example"}.'


RECEIVED = "received"
"""A line may say when its request came in, unless the controller has an identifier kind of this name."""


class Person(NamedTuple):
    """One line of a file of requests."""

    identifiers: tuple[Identifier, ...]
    received: datetime | None


def read_people(source: str, controller: Controller) -> list[Person]:
    """Return one person per line like `read_identifiers`, each with the time of receipt where the line gives one.

    Raises:
        InputError: `identifiers.*`; `identifiers.received` when the time is none.
    """
    where = "standard input" if source == "-" else source
    people = []
    for number, line in enumerate(read_text(source, where).split("\n"), start=1):
        if line.strip():
            people.append(_dated(line, controller, f"{where}:{number}"))
    if not people:
        raise InputError("identifiers.empty", "there is no identifier in it.", where=where, fix=_EXAMPLE)
    return people


def read_identifiers(source: str, controller: Controller) -> list[tuple[Identifier, ...]]:
    """Return one tuple of identifiers per line of a JSON-lines file, or of standard input for `-`.

    Raises:
        InputError: `identifiers.missing`, `identifiers.line`, `identifiers.kind`, `identifiers.empty`, and
            `identifiers.shape` for what evidently is not of its kind; with the line's number, never with what stands
            in it.
    """
    where = "standard input" if source == "-" else source
    people = []
    for number, line in enumerate(read_text(source, where).split("\n"), start=1):
        if line.strip():
            people.append(_person(line, controller, f"{where}:{number}"))
    if not people:
        raise InputError("identifiers.empty", "there is no identifier in it.", where=where, fix=_EXAMPLE)
    return people


def read_text(source: str, where: str) -> str:
    """Return the text of a file, or of standard input for `-`.

    Raises:
        InputError: `identifiers.missing`, `identifiers.large`, `identifiers.encoding`.
    """
    try:
        if source == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        # Somebody may have written an address where a file was meant: it must not come back in a message.
        shown = where if "@" not in where else "the file of identifiers"
        raise InputError(
            "identifiers.missing", "the file of identifiers cannot be read.", where=shown, fix="Give a path, or '-'."
        ) from None
    if len(data) > _LARGEST:
        raise InputError("identifiers.large", f"the file is larger than {_LARGEST} bytes.", where=where)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("identifiers.encoding", "the file is not UTF-8 text.", where=where) from None


def _dated(line: str, controller: Controller, where: str) -> Person:
    document = _object(line, where)
    received = document.pop(RECEIVED, None) if RECEIVED not in controller.identifiers else None
    if not document:
        raise InputError("identifiers.line", "the line is not an object with identifiers.", where=where, fix=_EXAMPLE)
    return Person(_identifiers(document, controller, where), None if received is None else _instant(received, where))


def _instant(value: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            "identifiers.received",
            f"the value of '{RECEIVED}' is no time.",
            where=where,
            fix="Give ISO 8601, such as 2026-01-31T09:00:00+01:00.",
        ) from None


def _person(line: str, controller: Controller, where: str) -> tuple[Identifier, ...]:
    return _identifiers(_object(line, where), controller, where)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        document = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        message = "the line is not JSON, or names a kind twice."
        raise InputError("identifiers.line", message, where=where, fix=_EXAMPLE) from None
    if not isinstance(document, dict) or not document:
        raise InputError("identifiers.line", "the line is not an object with identifiers.", where=where, fix=_EXAMPLE)
    return document


def _identifiers(document: dict[str, Any], controller: Controller, where: str) -> tuple[Identifier, ...]:
    return tuple(_identifier(kind, v, controller, where) for kind, value in document.items() for v in _each(value))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key: JSON would keep its last value, and the others would be lost without a word."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError
    return dict(pairs)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else [value]


def _identifier(kind: str, value: Any, controller: Controller, where: str) -> Identifier:
    if kind not in controller.identifiers:
        raise InputError(
            "identifiers.kind",
            "the line has an identifier kind that the controller does not declare.",
            where=where,
            fix=f"Allowed: {', '.join(sorted(controller.identifiers))}.",
        )
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError("identifiers.line", f"the value of '{kind}' is neither text nor a whole number.", where=where)
    try:
        identifier = Identifier(kind=kind, value=SecretStr(str(value)))
    except ValidationError as error:
        # Raised by this project's own validators, which name no value.
        reason = error.errors(include_url=False, include_input=False)[0]["ctx"]["error"]
        raise InputError("identifiers.empty", f"the value of '{kind}': {reason}.", where=where) from None
    wrong = misshapen(kind, str(value), controller.identifiers[kind].normalise)
    if wrong is not None:
        raise InputError("identifiers.shape", f"the value of '{kind}' {wrong}.", where=where, fix=_EXAMPLE)
    return identifier
