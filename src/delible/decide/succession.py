"""What goes on under a corrected identifier, and what must be decided before it may be corrected (Art. 16).

Afterwards the old identifier reaches nothing of the person's any more, or only somebody else. Whose a request is that
names nothing but the old one cannot be told: the person's own, or that of somebody whose address was in the wrong row.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from delible.model.consent import ConsentRecord
from delible.model.request import ENDED, Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, RequestState, Right

S = RequestState
_SEARCHING = frozenset({Right.ERASURE, Right.ACCESS, Right.PORTABILITY, Right.RESTRICTION, Right.RECTIFICATION})
"""Rights that are carried out by searching the tables."""

_BEGUN = frozenset({S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.PARTLY_COMPLETED})


class Succession(StrEnum):
    """What becomes of an open request when an identifier that it names is corrected."""

    FOLLOWS = "follows"
    UNDECIDED = "undecided"


def succession(
    request: Request, moved: Collection[SubjectRef], shared: Collection[SubjectRef], own: Collection[SubjectRef]
) -> Succession | None:
    """Return what becomes of a request, or None when the correction is nothing to it.

    It follows when it names another identifier of the corrected person, or reaches them by the old one and has been
    begun. Otherwise a person has to decide on it first. An approved correction does not wait: two of them for the same
    rows would wait for each other.

    Args:
        request: Any but those that are corrected in the same run.
        moved: References of the person's identifiers that are corrected.
        shared: Those of them that somebody else has, too; they reached nobody.
        own: References of the person's other identifiers, which nobody else has.
    """
    if request.state in ENDED or request.right not in _SEARCHING:
        return None
    names = frozenset(request.refs).intersection(moved)
    if not names:
        return None
    if not frozenset(request.refs).isdisjoint(set(own) - names):
        return Succession.FOLLOWS
    reaches = not names <= frozenset(shared)
    if request.state in _BEGUN:
        return Succession.FOLLOWS if reaches else None
    if request.right is Right.RECTIFICATION and request.state is S.SCHEDULED and reaches:
        return Succession.FOLLOWS
    return Succession.UNDECIDED


def forbids(request: Request) -> bool:
    """Return whether a request keeps rows from being used, and asks for nothing to be done with them."""
    return request.right not in _SEARCHING or request.right is Right.RESTRICTION


def carried(record: ConsentRecord, ref: SubjectRef, *, own: bool, now: datetime) -> ConsentRecord | None:
    """Return a statement as it stands under the corrected identifier, or None when it does not.

    What forbids goes on, and so does the end of what was given. A consent that lasts goes on only where the person has
    shown the old identifier to be theirs: a controller must be able to demonstrate whose consent it is (Art. 7(1)). The
    same holds for a confirmation, and for the age and place that stand in a record.

    Args:
        record: Under the old identifier.
        ref: The new one.
        own: The data subject gave the old one as their own, and nobody else has it.
        now: When.
    """
    if own:
        return record.model_copy(update={"ref": ref})
    lost = {"ref": ref, "age": None, "jurisdiction": None}
    if record.status is ConsentStatus.CONFIRMED:
        return None
    if record.status is not ConsentStatus.GIVEN or (record.valid_until is not None and record.valid_until <= now):
        return record.model_copy(update=lost)
    if record.valid_until is None:
        return None
    ended = lost | {"status": ConsentStatus.EXPIRED, "valid_from": record.valid_until, "valid_until": None}
    return record.model_copy(update=ended)
