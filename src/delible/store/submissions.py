"""What a request is before it is recorded: references, ids, duplicates, first events."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from pydantic import SecretStr

from delible.errors import InputError
from delible.model.base import Frozen
from delible.model.identity import Agency
from delible.model.rectification import Correction
from delible.model.request import Request
from delible.model.restriction import RestrictionGround
from delible.model.subject import Identifier, IdentifierKind, SubjectRef, normalised
from delible.model.terms import Regime, RequestState, Right
from delible.store.keys import Keys
from delible.store.request_events import MOVED, RECEIVED, Event, details

S = RequestState
_ID_CHARACTERS = 10


class NewRequest(Frozen):
    """A request before it has an id.

    Args:
        identifiers: What the data subject gave, as `spelled` writes it; kept encrypted until the request ends.
        refs: Their keyed references, as `refs_of` makes them.
        received: When the controller got it, with a time zone; the statutory clock starts here.
        due: Last day for the answer; the caller computes it.
        confirm_by: Last day for confirming receipt, where the law asks for that.
        agent: Given when an authorised agent asks for the data subject.
        restriction: The ground of a restriction, where it was said.
        corrections: What a rectification is asked for; kept encrypted beside the identifiers.
        again: The request that had erased somebody whose rows came back, when `guard` makes this one. It is said with
            the receipt, so that no request of `guard`'s can ever be taken for one of a data subject's own.
    """

    right: Right
    regime: Regime
    identifiers: tuple[Identifier, ...]
    refs: tuple[SubjectRef, ...]
    received: datetime
    due: date
    confirm_by: date | None = None
    agent: Agency | None = None
    restriction: RestrictionGround | None = None
    corrections: tuple[Correction, ...] = ()
    again: str | None = None


def refs_of(
    identifiers: Sequence[Identifier], kinds: Mapping[str, IdentifierKind], keys: Keys
) -> tuple[SubjectRef, ...]:
    """Return one reference per identifier, in order, without repeats.

    Raises:
        InputError: `request.no_identifier`, `request.unknown_kind`, or `request.identifier_empty` when nothing is left
            of a value under its kind's spelling: it would equal every other such value.
    """
    if not identifiers:
        raise InputError("request.no_identifier", "a request needs at least one identifier.")
    refs = []
    for identifier in identifiers:
        kind = kinds.get(identifier.kind)
        if kind is None:
            raise InputError(
                "request.unknown_kind",
                f"the controller declares no identifier kind '{identifier.kind}'.",
                fix=f"Allowed: {', '.join(sorted(kinds))}.",
            )
        value = identifier.value.get_secret_value()
        if not normalised(value, kind.normalise).strip("+"):
            raise InputError("request.identifier_empty", f"an identifier of kind '{identifier.kind}' says nothing.")
        refs.append(keys.ref(identifier.kind, value, kind.normalise))
    return tuple(dict.fromkeys(refs))


def spelled(identifiers: Sequence[Identifier], kinds: Mapping[str, IdentifierKind]) -> tuple[Identifier, ...]:
    """Return identifiers that `refs_of` accepts in the one spelling under which tables are searched for them."""
    return tuple(
        Identifier(kind=i.kind, value=SecretStr(normalised(i.value.get_secret_value(), kinds[i.kind].normalise)))
        for i in identifiers
    )


def fresh_ids(count: int, now: datetime) -> list[str]:
    """Return random ids of a day.

    50 random bits: identifiers are kept under an id before the request is recorded, so two processes that draw the same
    one at once would mix up two people. For two batches of 10,000 the odds are one in ten million.
    """
    ids: dict[str, None] = {}
    while len(ids) < count:
        ids[f"R-{now:%Y%m%d}-{base64.b32encode(os.urandom(10)).decode()[:_ID_CHARACTERS]}"] = None
    return list(ids)


def duplicates(new: Sequence[NewRequest], ids: Sequence[str], still_open: Iterable[Request]) -> dict[str, str]:
    """Return the new requests that say nothing beyond an earlier open one for the same right, with that one's id.

    Only under the same law: each has clocks and exceptions of its own. A CCPA request beside one of the GDPR has to be
    confirmed in ten business days (11 CCR 7021(a)), and no exception of the GDPR alone keeps what it asks for.

    All references must be the earlier one's. Whoever shares a telephone with somebody, or gives another address than
    last time, is no duplicate: their identifiers would never be acted on. Nor is whoever gives corrections: what they
    are can only be read by who holds the key, and they may be others than last time. For the rest see `_says_all`.
    """
    known: dict[tuple[Right, Regime, SubjectRef], list[tuple[str, Request | NewRequest]]] = {}

    def remember(request: Request | NewRequest, request_id: str) -> None:
        for ref in request.refs:
            known.setdefault((request.right, request.regime, ref), []).append((request_id, request))

    for request in still_open:
        remember(request, request.id)
    found: dict[str, str] = {}
    for request_id, candidate in zip(ids, new, strict=True):
        like = known.get((candidate.right, candidate.regime, candidate.refs[0]), ())
        like = () if candidate.corrections else like
        earlier = next((one for one, request in like if _says_all(request, candidate)), None)
        if earlier is not None:
            found[request_id] = earlier
        else:
            remember(candidate, request_id)
    return found


def _says_all(earlier: Request | NewRequest, candidate: NewRequest) -> bool:
    """Return whether nothing is lost when a request stands for a later one for the same right under the same law.

    - The ground of a restriction has to be the same: one of them also opposes an erasure (Art. 18(1)(b)).
    - The days for the answer and for confirming receipt must not come before the earlier one's. A letter that lay about
      has an earlier last day, and nobody would see it pass.
    - What the person asks for themselves is not left to an agent, who may never prove any authority, nor to a request
      of `guard`'s, which nobody asked for.
    """
    return (
        earlier.restriction is candidate.restriction
        and candidate.due >= earlier.due
        and (candidate.confirm_by or date.max) >= (earlier.confirm_by or date.max)
        and (earlier.agent is None or candidate.agent is not None)
        and (earlier.again is None or candidate.again is not None)
        and frozenset(earlier.refs).issuperset(candidate.refs)
    )


def submitted(
    new: Sequence[NewRequest],
    ids: Sequence[str],
    linked: Mapping[str, str],
    *,
    actor: str,
    now: datetime,
    second_person: bool = False,
) -> list[Event]:
    """Return the two events of each new request: received, then awaiting approval or linked as a duplicate.

    Args:
        second_person: The two-person rule is in force. It goes on holding for these requests when it is lifted later:
            who submits could otherwise lift it, approve, and put it back.
    """
    events = []
    for request_id, request in zip(ids, new, strict=True):
        due, refs = request.due.isoformat(), " ".join(request.refs)
        said = (request.right.value, request.regime.value, request.received, due, refs)
        detail = details(
            confirm_by=request.confirm_by,
            agent=request.agent.value if request.agent else None,
            second_person="yes" if second_person else None,
            restriction=request.restriction.value if request.restriction else None,
            again=request.again,
        )
        begun = Event(0, now, request_id, RECEIVED, None, S.RECEIVED.value, actor, None, *said, detail=detail)
        events.append(begun)
        duplicate_of = linked.get(request_id)
        to = S.AWAITING_APPROVAL if duplicate_of is None else S.DUPLICATE
        events.append(Event(0, now, request_id, MOVED, S.RECEIVED.value, to.value, actor, duplicate_of=duplicate_of))
    return events
