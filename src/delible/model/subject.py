"""Data subjects: the identifiers that reach them, and the keyed reference that stands for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from pydantic import Field, SecretStr, field_validator

from delible.model.base import Frozen
from delible.model.terms import Normalise

SubjectRef = NewType("SubjectRef", str)
"""`v<key version>.<64 hex digits>`: HMAC-SHA-256 over kind and normalised value. Pseudonymous, never reversible."""

LONGEST_IDENTIFIER = 1_000

_ADDRESSES = frozenset({"email", "e_mail", "mail", "email_address", "mail_address"})
"""Kinds whose name alone says that their values are e-mail addresses; `email_hash` is none of them."""

BLANKS = " \t\r\n\u00a0\u2007\u202f\u3000"
"""What is trimmed from both ends of an identifier: spaces that people and exports put there, also unbreakable ones."""


class Identifier(Frozen):
    """One identifier of a data subject. Its value is masked in every `repr`, log and traceback.

    Args:
        kind: A kind that the controller declares, such as `email`.
        value: The identifier as the data subject gave it.
    """

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    value: SecretStr

    @field_validator("value")
    @classmethod
    def _usable(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text.strip():
            raise ValueError("an identifier may not be empty")
        if len(text) > LONGEST_IDENTIFIER:
            raise ValueError(f"an identifier may not be longer than {LONGEST_IDENTIFIER} characters")
        if "\x00" in text:
            raise ValueError("an identifier may not hold a NUL character")
        return value


class IdentifierKind(Frozen):
    """How identifiers of one kind are compared, and whether a byte search can tell them from other data.

    Args:
        normalise: `lower` trims and lower-cases (e-mail), `digits` keeps digits and a leading plus, which `00` is
            taken for (phones), `exact` only trims spaces.
        distinctive: True when finding the value in raw bytes proves that it is this person's. Small surrogate numbers
            are not: they are compared column by column instead.
    """

    normalise: Normalise = Normalise.EXACT
    distinctive: bool = True


def normalised(value: str, how: Normalise) -> str:
    """Return the one spelling under which two identifiers are equal.

    `lake.columns.normalised` is the same function as a Spark column; a test holds the two together.
    """
    trimmed = value.strip(BLANKS)
    match how:
        case Normalise.EXACT:
            return trimmed
        case Normalise.LOWER:
            return trimmed.lower()
        case Normalise.DIGITS:
            digits = re.sub(r"[^0-9]", "", trimmed)
            if digits.startswith("00"):
                return "+" + digits[2:]
            return "+" + digits if trimmed.startswith("+") else digits


def misshapen(kind: str, value: str, how: Normalise) -> str | None:
    """Return what is wrong with a value that cannot be of its kind, or None.

    Only where the shape is evident, and only what no lawful value looks like: nearly everything may stand before the @
    of an e-mail address (RFC 5321 §4.1.2), and a telephone number may hold letters beside its digits.
    """
    text = value.strip(BLANKS)
    if how is Normalise.DIGITS:
        if "@" in text:
            return "is compared by its digits, and is an e-mail address"
        return None if re.search(r"[0-9]", text) else "has no digit, and is compared by its digits"
    if kind in _ADDRESSES:
        local, _, domain = text.rpartition("@")
        plain = domain if local.startswith('"') and local.endswith('"') else text.replace("@", "", 1)
        if not local or not domain or re.search(r"[\s<>,;@]", plain):
            return "is no e-mail address: give NAME@DOMAIN and nothing else"
    return None


def ref_message(kind: str, normalised_value: str) -> bytes:
    """Return the bytes that a subject reference is computed over: kind, unit separator, value."""
    return f"{kind}\x1f{normalised_value}".encode("utf-8", "surrogatepass")


class KeyRole(StrEnum):
    """How a key came to stand for a request; a shared one belongs to somebody else as well, and reaches nothing.

    `correction` and `change` are no keys: what a rectification is asked for, and what it was found to mean. They are
    kept, and forgotten, with the keys.
    """

    GIVEN = "given"
    FOUND = "found"
    EVIDENCE = "evidence"
    SHARED = "shared"
    CORRECTION = "correction"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One value that reaches rows of a request's data subject. Masked in `repr`, encrypted at rest.

    Args:
        request: The request's id.
        kind: An identifier kind, or `table.column` for a key that was found on a path, or for evidence.
        value: The normalised value for keys; for evidence the spelling as it stands in the table.
        role: `given` by the data subject, `found` by following links and paths, or `evidence` that only the byte
            search looks for, or `shared` with somebody else.
    """

    request: str
    kind: str
    value: str = field(repr=False)
    role: KeyRole


def own_keys(rows: Iterable[KeyRow]) -> list[KeyRow]:
    """Return the keys that are a data subject's alone, as they are stored: without those that turned out shared."""
    rows = [r for r in rows if r.role not in (KeyRole.CORRECTION, KeyRole.CHANGE)]
    shared = {(r.request, r.kind, r.value) for r in rows if r.role is KeyRole.SHARED}
    return [r for r in rows if (r.request, r.kind, r.value) not in shared]
