"""Rows of consent, checked key by key without ever repeating what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from delible.decide.consent_terms import aged
from delible.errors import Problem
from delible.model.consent import OLDEST, SALE, ConsentRecord
from delible.model.policy import Controller, Purpose
from delible.model.subject import Identifier, SubjectRef, normalised
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis
from delible.store.consents import Told
from delible.store.keys import Keys

E = TypeVar("E", bound=StrEnum)

_LONGEST_WORD = 200
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_AGE = re.compile(r"[0-9]{1,9}")

WHERE_AND_WHEN = ("recorded_at", "source", "jurisdiction", "age", "birth_date")
"""Keys that every format allows beside its own."""


class Broken(Exception):
    """Raised for one broken row; never holds a value.

    Args:
        key: The key that is wrong, or `line`.
        what: What is wrong with it.
        code: The reason in one word, for the quarantine.
    """

    def __init__(self, key: str, what: str, code: str = "line") -> None:
        super().__init__(what)
        self.key, self.what, self.code = key, what, code

    def problem(self, where: str) -> Problem:
        """Return the finding."""
        return Problem("consent.row", f"key '{self.key}' {self.what}.", where)


@dataclass(frozen=True)
class RowRules:
    """What rows are checked against.

    Args:
        purposes: Purposes that the policies declare.
        now: Stands for `recorded_at` where a row has none; nothing can have been recorded after it.
    """

    controller: Controller
    purposes: Mapping[str, Purpose]
    keys: Keys
    now: datetime


Parser = Callable[[Mapping[str, Any], RowRules], list[Told]]
"""From a row to its records: one for every purpose that it speaks of, and every identifier of its subject.

Raises `Broken`. No record at all is a row without effect.
"""


@dataclass(frozen=True)
class Subject:
    """Whose row it is: references with their kinds."""

    refs: tuple[tuple[SubjectRef, str], ...]


@dataclass(frozen=True)
class Context:
    """What a row says beside its statements."""

    valid_from: datetime
    recorded_at: datetime
    dated: bool
    source: str
    jurisdiction: str | None
    age: int | None


def native(row: Mapping[str, Any], rules: RowRules) -> list[Told]:
    """Return the records of a row as delible writes it."""
    check_keys(
        row,
        ("subject", "purpose", "status", "notice_version", "valid_from"),
        ("valid_until", "legal_basis", "given_by", *WHERE_AND_WHEN),
    )
    purpose = word(row, "purpose")
    if purpose not in rules.purposes and purpose != SALE:
        declared = ", ".join(sorted(rules.purposes)) or "none"
        raise Broken("purpose", f"is none that the policies declare: {declared}", "purpose")
    status = choice(row, "status", ConsentStatus)
    if purpose == SALE and status is not ConsentStatus.OPTED_OUT:
        raise Broken("status", "stands for all sale and sharing, of which one can only opt out", "status")
    context = context_of(row, rules, instant(row, "valid_from"))
    ends = instant(row, "valid_until") if row.get("valid_until") is not None else None
    if ends is not None and ends <= context.valid_from:
        raise Broken("valid_until", "is not after 'valid_from'", "period")
    return told(
        subject_of(row, rules),
        context,
        purpose=purpose,
        status=status,
        legal_basis=choice(row, "legal_basis", LegalBasis) if "legal_basis" in row else LegalBasis.CONSENT,
        notice_version=word(row, "notice_version"),
        valid_until=ends,
        given_by=giver(row),
    )


def told(subject: Subject, context: Context, **statement: Any) -> list[Told]:
    """Return one statement's records, one for each of the subject's identifiers."""
    return [
        Told(
            ConsentRecord(
                ref=ref,
                kind=kind,
                valid_from=context.valid_from,
                recorded_at=context.recorded_at,
                source=context.source,
                jurisdiction=statement.get("jurisdiction", context.jurisdiction),
                age=statement.get("age", context.age),
                **{k: v for k, v in statement.items() if k not in ("jurisdiction", "age")},
            ),
            context.dated,
        )
        for ref, kind in subject.refs
    ]


def context_of(row: Mapping[str, Any], rules: RowRules, valid_from: datetime) -> Context:
    """Return what a row says of when, where, by whom it was recorded, and of whom.

    A birth date becomes an age and is forgotten.
    """
    dated = row.get("recorded_at") is not None
    recorded_at = instant(row, "recorded_at") if dated else rules.now
    if recorded_at > rules.now:
        raise Broken("recorded_at", "lies in the future, so the record would not count yet", "future")
    return Context(
        valid_from,
        recorded_at,
        dated,
        word(row, "source") if row.get("source") is not None else "import",
        _place(row),
        _age(row, valid_from),
    )


def check_keys(row: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Raise unless a row has all of some keys and none but others."""
    for key in required:
        if row.get(key) is None:
            raise Broken(key, "is missing", "missing")
    if not row.keys() <= {*required, *optional}:
        raise Broken("line", f"has an unknown key; allowed: {', '.join((*required, *optional))}")


def subject_of(row: Mapping[str, Any], rules: RowRules) -> Subject:
    """Return the keyed references of a row's subject: the identifiers go no further."""
    found = []
    for identifier, how in _identifiers(row["subject"], rules.controller):
        found.append((rules.keys.ref(identifier.kind, identifier.value.get_secret_value(), how), identifier.kind))
    return Subject(tuple(dict.fromkeys(found)))


def _identifiers(subject: Any, controller: Controller) -> Iterator[tuple[Identifier, Any]]:
    if not isinstance(subject, dict) or not subject:
        raise Broken("subject", "is not an object of identifiers", "subject")
    for kind, value in subject.items():
        known = controller.identifiers.get(kind)
        if known is None:
            allowed = ", ".join(sorted(controller.identifiers))
            what = f"has an identifier kind that the controller does not declare; allowed: {allowed}"
            raise Broken("subject", what, "subject")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise Broken(f"subject.{kind}", "is neither text nor a whole number", "identifier")
        try:
            identifier = Identifier.model_validate({"kind": kind, "value": str(value)})
            empty = not normalised(str(value), known.normalise).strip("+")
        except (ValidationError, ValueError):
            raise Broken(f"subject.{kind}", "cannot be an identifier", "identifier") from None
        if empty:
            raise Broken(f"subject.{kind}", "says nothing in the spelling of its kind", "identifier")
        yield identifier, known.normalise


def word(row: Mapping[str, Any], key: str) -> str:
    """Return a short text, or a whole number as one."""
    value = row[key]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_WORD or not value.isprintable():
        raise Broken(key, f"is not a text of 1 to {_LONGEST_WORD} printable characters", "text")
    return value


def choice(row: Mapping[str, Any], key: str, choices: type[E]) -> E:
    """Return a member of a closed vocabulary."""
    try:
        return choices(row[key])
    except ValueError:
        raise Broken(key, f"is none of: {', '.join(choices)}", key) from None


def giver(row: Mapping[str, Any]) -> ConsentGiver:
    """Return who gave a consent: the data subject, where a row does not say."""
    return choice(row, "given_by", ConsentGiver) if row.get("given_by") is not None else ConsentGiver.DATA_SUBJECT


def instant(row: Mapping[str, Any], key: str) -> datetime:
    """Return an ISO 8601 time in UTC; without an offset it is UTC already, a date alone is its midnight."""
    value = row[key]
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Broken(key, "is not an ISO 8601 time", "time") from None


def _place(row: Mapping[str, Any]) -> str | None:
    value = row.get("jurisdiction")
    if value is None:
        return None
    if not isinstance(value, str) or not _PLACE.fullmatch(value):
        raise Broken("jurisdiction", "is no ISO 3166 code such as DE or US-CA", "jurisdiction")
    return value


def _age(row: Mapping[str, Any], at: datetime) -> int | None:
    value = row.get("age")
    if row.get("birth_date") is not None:
        if value is not None:
            raise Broken("age", "stands beside 'birth_date'; give one of them", "age")
        return _age_of_birth(row["birth_date"], at)
    if value is None:
        return None
    number = int(value) if isinstance(value, str) and _AGE.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= OLDEST:
        raise Broken("age", f"is no whole number from 0 to {OLDEST}", "age")
    return number


def _age_of_birth(value: Any, at: datetime) -> int:
    try:
        born = value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Broken("birth_date", "is no ISO 8601 date", "age") from None
    age = aged(0, datetime(born.year, born.month, born.day, tzinfo=UTC), at)
    if not 0 <= age <= OLDEST:
        raise Broken("birth_date", "makes no age that people have", "age")
    return age
