"""Native consent lines: JSON objects, checked key by key, without ever repeating what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from delible.errors import InputError, Problem
from delible.model.consent import ConsentRecord
from delible.model.policy import Controller
from delible.model.subject import Identifier, normalised
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store.keys import Keys

E = TypeVar("E", bound=StrEnum)

LONGEST_LINE = 65_536
_MOST_PROBLEMS = 20
_LONGEST_WORD = 200
_REQUIRED = ("subject", "purpose", "status", "notice_version", "valid_from")
_OPTIONAL = ("valid_until", "recorded_at", "source", "legal_basis")


class _Broken(Exception):
    """Raised inside this module for one broken line; never holds a value."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key, self.what = key, what


@dataclass(frozen=True)
class RowRules:
    """What lines are checked against.

    Args:
        purposes: Purposes that the policies declare.
        now: Stands for `recorded_at` where a line has none; nothing can have been recorded after it.
    """

    controller: Controller
    purposes: frozenset[str]
    keys: Keys
    now: datetime


def parse_rows(lines: Iterable[bytes], rules: RowRules, *, name: str) -> Iterator[list[ConsentRecord]]:
    """Yield each line's records, one for every identifier of its subject.

    Args:
        name: The source's name, for messages.

    Raises:
        InputError: `consent.row` after the last line, with the line and key of everything that is broken.
    """
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records = _records(_object(line), rules)
        except _Broken as broken:
            problems.append(Problem("consent.row", f"key '{broken.key}' {broken.what}.", f"{name}:{number}"))
            if len(problems) >= _MOST_PROBLEMS:
                break
        else:
            if not problems:
                yield records
    if problems:
        raise InputError.of(problems)


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise _Broken("line", f"is longer than {LONGEST_LINE} bytes")
    try:
        found = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise _Broken("line", "is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise _Broken("line", "is not JSON") from None
    if not isinstance(found, dict):
        raise _Broken("line", "is not a JSON object")
    for key in _REQUIRED:
        if found.get(key) is None:
            raise _Broken(key, "is missing")
    if not found.keys() <= {*_REQUIRED, *_OPTIONAL}:
        raise _Broken("line", f"has an unknown key; allowed: {', '.join((*_REQUIRED, *_OPTIONAL))}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: `given` and `withdrawn` in one line must not be settled by their order."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Broken("line", "has a key twice")
    return dict(pairs)


def _records(row: dict[str, Any], rules: RowRules) -> list[ConsentRecord]:
    purpose = _word(row, "purpose")
    if purpose not in rules.purposes:
        raise _Broken("purpose", f"is none that the policies declare: {', '.join(sorted(rules.purposes)) or 'none'}")
    valid_from = _instant(row, "valid_from")
    valid_until = _instant(row, "valid_until") if row.get("valid_until") is not None else None
    if valid_until is not None and valid_until <= valid_from:
        raise _Broken("valid_until", "is not after 'valid_from'")
    recorded_at = _instant(row, "recorded_at") if row.get("recorded_at") is not None else rules.now
    if recorded_at > rules.now:
        raise _Broken("recorded_at", "lies in the future, so the record would not count yet")
    common: dict[str, Any] = {
        "purpose": purpose,
        "status": _choice(row, "status", ConsentStatus),
        "legal_basis": _choice(row, "legal_basis", LegalBasis) if "legal_basis" in row else LegalBasis.CONSENT,
        "notice_version": _word(row, "notice_version"),
        "valid_from": valid_from,
        "valid_until": valid_until,
        "recorded_at": recorded_at,
        "source": _word(row, "source") if row.get("source") is not None else "import",
    }
    return [
        ConsentRecord(ref=rules.keys.ref(i.kind, i.value.get_secret_value(), how), kind=i.kind, **common)
        for i, how in _identifiers(row["subject"], rules.controller)
    ]


def _identifiers(subject: Any, controller: Controller) -> Iterator[tuple[Identifier, Any]]:
    if not isinstance(subject, dict) or not subject:
        raise _Broken("subject", "is not an object of identifiers")
    for kind, value in subject.items():
        known = controller.identifiers.get(kind)
        if known is None:
            allowed = ", ".join(sorted(controller.identifiers))
            raise _Broken("subject", f"has an identifier kind that the controller does not declare; allowed: {allowed}")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise _Broken(f"subject.{kind}", "is neither text nor a whole number")
        try:
            identifier = Identifier.model_validate({"kind": kind, "value": str(value)})
            empty = not normalised(str(value), known.normalise)
        except (ValidationError, ValueError):
            raise _Broken(f"subject.{kind}", "cannot be an identifier") from None
        if empty:
            raise _Broken(f"subject.{kind}", "says nothing in the spelling of its kind")
        yield identifier, known.normalise


def _word(row: dict[str, Any], key: str) -> str:
    value = row[key]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_WORD or not value.isprintable():
        raise _Broken(key, f"is not a text of 1 to {_LONGEST_WORD} printable characters")
    return value


def _choice(row: dict[str, Any], key: str, choices: type[E]) -> E:
    try:
        return choices(row[key])
    except ValueError:
        raise _Broken(key, f"is none of: {', '.join(choices)}") from None


def _instant(row: dict[str, Any], key: str) -> datetime:
    """Return an ISO 8601 time in UTC; without an offset it is UTC already, a date alone is its midnight."""
    value = row[key]
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _Broken(key, "is not an ISO 8601 time") from None
