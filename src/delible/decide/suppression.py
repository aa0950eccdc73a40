"""Erased people whose rows came back: who they are by reference, and whether a policy may erase them again.

A replay or a restored backup brings back exactly what was erased. Whatever goes beyond that may be a new beginning, or
somebody else who got an old telephone number: it is asked about, never erased by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from delible.model.consent import ConsentRecord
from delible.model.policy import TablePolicy
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, ErasureAction


@dataclass(frozen=True)
class ErasedPerson:
    """Somebody who was erased: the last request that did it, and when."""

    request: str
    at: datetime


class Again(StrEnum):
    """What becomes of one person who came back: erased again, or the reason to ask first."""

    ERASE = "erase"
    REQUESTED = "requested"
    AMBIGUOUS = "ambiguous"
    NEW_IDENTIFIERS = "new_identifiers"
    CONSENTED_SINCE = "consented_since"
    NO_IDENTIFIER = "no_identifier"


def erased_people(rows: Iterable[tuple[SubjectRef, str, datetime]]) -> dict[SubjectRef, ErasedPerson]:
    """Return who is behind each suppressed reference; requests that have one in common are one person's.

    Args:
        rows: Reference, request and time, as the suppression list has them.
    """
    leader: dict[str, str] = {}
    latest: dict[str, ErasedPerson] = {}

    def top(thing: str) -> str:
        leader.setdefault(thing, thing)
        while leader[thing] != thing:
            leader[thing] = thing = leader[leader[thing]]
        return thing

    known = list(rows)
    for ref, request, _ in known:
        leader[top(ref)] = top(request)
    for ref, request, at in known:
        person = top(ref)
        if person not in latest or (latest[person].at, latest[person].request) < (at, request):
            latest[person] = ErasedPerson(request, at)
    return {ref: latest[top(ref)] for ref, _, _ in known}


def guarded(table: TablePolicy) -> TablePolicy | None:
    """Return a table with those ways to a person only that an erasure cuts; None where it cuts none.

    Rows that an exception keeps (Art. 17(3)) have never left, and a column that erasure leaves as it is still tells
    whose the row is: neither is a return.
    """
    if table.erasure.action is ErasureAction.DELETE_ROW:
        return table if table.subject else None
    cut = tuple(reach for reach in table.subject if reach.column in table.erasure.columns)
    return table.model_copy(update={"subject": cut}) if cut else None


def again(
    person: ErasedPerson,
    *,
    reached: Collection[SubjectRef],
    suppressed: Collection[SubjectRef],
    ambiguous: bool,
    consents: Iterable[ConsentRecord],
    requested: bool,
) -> Again:
    """Decide whether an erased person who came back may be erased again without asking.

    Args:
        reached: References of all identifiers that the tables tie to the rows that came back.
        suppressed: All references that were erased.
        ambiguous: The rows reach two people.
        consents: Records of the references in `reached`.
        requested: An erasure of the person is open already.
    """
    if requested:
        return Again.REQUESTED
    if ambiguous:
        return Again.AMBIGUOUS
    if not reached:
        return Again.NO_IDENTIFIER
    if any(ref not in suppressed for ref in reached):
        return Again.NEW_IDENTIFIERS
    if any(c.status is ConsentStatus.GIVEN and c.recorded_at > person.at and c.ref in reached for c in consents):
        return Again.CONSENTED_SINCE
    return Again.ERASE
