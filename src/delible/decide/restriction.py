"""Whom a restriction covers, what it stops, and when it may be lifted (Art. 18).

A restriction covers its data subject from receipt until it is refused, withdrawn or lifted; carrying it out makes the
person's other identifiers known, and does not end it. It stops every use of the rows but storing them. Once it is
granted, it also keeps other people's mentions in these rows from being masked: before that, a stranger's claim would
hold up the others' erasures. It does not stop the person's own requests (Art. 18(2)), except an erasure that the person
has opposed (Art. 18(1)(b)).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from delible.decide.consent import flag
from delible.errors import Problem
from delible.model.request import Request
from delible.model.restriction import RestrictionGround
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion, RequestState, Right, words

_UNDECIDED = frozenset({RequestState.RECEIVED, RequestState.VERIFYING_IDENTITY, RequestState.AWAITING_APPROVAL})


def restricts(request: Request) -> bool:
    """Return whether a request restricts the processing of its data subject's rows now."""
    return flag(request) is Exclusion.RESTRICTED


def is_granted(request: Request) -> bool:
    """Return whether somebody has approved a request, and nobody has doubted since who asks."""
    return request.approved_by is not None and request.state not in _UNDECIDED


def restricted_people(requests: Iterable[Request]) -> list[tuple[SubjectRef, ...]]:
    """Return the references of each person whose rows may only be stored."""
    return [request.refs for request in requests if restricts(request)]


def opposes_erasure(refs: Collection[SubjectRef], requests: Iterable[Request]) -> Request | None:
    """Return the restriction by which a person has opposed an erasure (Art. 18(1)(b)), or None.

    Args:
        refs: References of the person who is to be erased.
        requests: All requests.
    """
    return next(
        (
            r
            for r in requests
            if r.restriction is RestrictionGround.UNLAWFUL_PROCESSING
            and restricts(r)
            and not frozenset(r.refs).isdisjoint(refs)
        ),
        None,
    )


def may_lift(request: Request, *, told: bool = False) -> Problem | None:
    """Return why a restriction must not be lifted, or None.

    Args:
        request: As it stands.
        told: Ask instead whether its data subject may be told now that it will be.
    """
    where = f"request {request.id}"
    if request.right is not Right.RESTRICTION or request.state is not RequestState.COMPLETED:
        return Problem(
            "request.no_restriction",
            "only a restriction that was granted can be lifted; this is a request for "
            f"{words(request.right)} that is {words(request.state)}. A claim that is open ends "
            "with `delible request refuse` or `withdraw`.",
            where,
        )
    if request.lifted is not None:
        return Problem("request.lifted", f"the restriction was lifted on {request.lifted:%Y-%m-%d}.", where)
    if request.lift_told is None and not told:
        return Problem(
            "request.not_told",
            "the data subject must be told before a restriction is lifted (Art. 18(3)): write the letter with "
            "`delible request lift ID --reason TEXT`, and send it.",
            where,
        )
    return None
