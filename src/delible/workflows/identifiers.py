"""Identifiers from a file or standard input: never from the command line, where other processes could read them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from delible.errors import InputError
from delible.model.policy import Controller
from delible.model.subject import Identifier, misshapen

_LARGEST = 64 * 1024 * 1024
_EXAMPLE = 'Each line is one person, such as {"email": "ann@shop.example"}.'


def read_identifiers(source: str, controller: Controller) -> list[tuple[Identifier, ...]]:
    """Return one tuple of identifiers per line of a JSON-lines file, or of standard input for `-`.

    Raises:
        InputError: `identifiers.missing`, `identifiers.line`, `identifiers.kind`, `identifiers.empty`, and
            `identifiers.shape` for what evidently is not of its kind; with the line's number, never with what stands
            in it.
    """
    where = "standard input" if source == "-" else source
    people = []
    for number, line in enumerate(_text(source, where).split("\n"), start=1):
        if line.strip():
            people.append(_person(line, controller, f"{where}:{number}"))
    if not people:
        raise InputError("identifiers.empty", "there is no identifier in it.", where=where, fix=_EXAMPLE)
    return people


def _text(source: str, where: str) -> str:
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


def _person(line: str, controller: Controller, where: str) -> tuple[Identifier, ...]:
    try:
        document = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        message = "the line is not JSON, or names a kind twice."
        raise InputError("identifiers.line", message, where=where, fix=_EXAMPLE) from None
    if not isinstance(document, dict) or not document:
        raise InputError("identifiers.line", "the line is not an object with identifiers.", where=where, fix=_EXAMPLE)
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
