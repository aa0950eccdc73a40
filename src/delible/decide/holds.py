"""Which legal holds stand in the way (Art. 17(3)(e); §1798.105(d))."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from delible.model.record import SubjectHold
from delible.model.retention import LegalHold
from delible.model.subject import SubjectRef


def lasts(hold: LegalHold, today: date) -> bool:
    """Return whether a hold on tables covers a day; first and last day count."""
    return hold.starts <= today and (hold.ends is None or today <= hold.ends)


def held_tables(holds: Mapping[str, LegalHold], today: date) -> dict[str, str]:
    """Return the tables under a hold, each with the hold's name."""
    return {table: hold.hold for hold in holds.values() if lasts(hold, today) for table in hold.tables}


def hold_on(refs: Collection[SubjectRef], holds: Sequence[SubjectHold]) -> SubjectHold | None:
    """Return an unreleased hold on one of the references, or None."""
    return next((h for h in holds if h.released is None and not set(h.refs).isdisjoint(refs)), None)
