"""Who must be told, by when, and what an answer means (GDPR Art. 19; Cal. Civ. Code §1798.105(c))."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from delible.decide.finding import Finding, gap
from delible.errors import Problem
from delible.model.duration import after
from delible.model.notice import DEFAULT_ACKNOWLEDGE, NOTICE_TRANSITIONS, Notice, NoticeState
from delible.model.policy import PolicySet
from delible.model.terms import ErasureAction, Right

TOLD = frozenset({Right.ERASURE, Right.RECTIFICATION, Right.RESTRICTION})
"""Rights whose exercise is passed on to recipients (Art. 19 names Art. 16, 17(1) and 18)."""

_TOO_EARLY, _TOO_MANY = 408, 429


class Delivery(StrEnum):
    """What an attempt came to."""

    ARRIVED = "arrived"
    AGAIN = "again"
    REFUSED = "refused"


def owed(policies: PolicySet, right: Right, tables: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the recipients that are told, each with the tables of theirs in which something was changed.

    An erasure that keeps a table's rows under an exception (Art. 17(3)) erases nothing there, and nobody is told of it.

    Args:
        tables: Tables in which something of the person stands. A recipient of other tables is NOT told: they would
            learn of somebody whom they never heard of.
    """
    told: dict[str, list[str]] = {}
    for name, table in policies.tables.items():
        kept = right is Right.ERASURE and table.erasure.action is ErasureAction.KEEP
        if name in tables and right in TOLD and not kept:
            for recipient in policies.recipients_of(table):
                told.setdefault(recipient, []).append(name)
    return {recipient: tuple(sorted(names)) for recipient, names in sorted(told.items())}


def acknowledge_by(policies: PolicySet, recipient: str, queued: datetime) -> datetime:
    """Return when a recipient should have answered a notice that could be sent at `queued`."""
    known = policies.recipients.get(recipient)
    return after(queued, known.acknowledge_within if known is not None else DEFAULT_ACKNOWLEDGE)


def overdue(notice: Notice, now: datetime) -> bool:
    """Return whether a notice should have been acknowledged by now; also one that could not be sent."""
    by = notice.acknowledge_by
    return by is not None and now > by and notice.state is not NoticeState.ACKNOWLEDGED


def may_become(notice: Notice, to: NoticeState) -> bool:
    """Return whether the model names this way."""
    return to in NOTICE_TRANSITIONS[notice.state]


def delivery(status: int) -> Delivery:
    """Return what an HTTP status means for a notice.

    Redirections are refusals: the policy names the address, and nobody else may choose another one. Of the client
    errors, only 408 and 429 ask for another attempt (RFC 9110 15.5.9, RFC 6585 4).
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Delivery.ARRIVED
    return Delivery.AGAIN if status >= 500 or status in (_TOO_EARLY, _TOO_MANY) else Delivery.REFUSED  # noqa: PLR2004


def unreachable(policies: PolicySet, notices: Iterable[Notice]) -> list[Problem]:
    """Return a gap for each recipient that waits for a notice and that no policy says how to tell."""
    waiting: dict[str, int] = {}
    for notice in notices:
        known = policies.recipients.get(notice.recipient)
        if known is None or known.notify is None:
            waiting[notice.recipient] = waiting.get(notice.recipient, 0) + 1
    return [
        Problem(
            "notice.gap",
            f"{count} notice(s) wait for recipient '{name}', and its policy does not say how to tell it. Add 'notify', "
            "or tell it by hand and record the answer with `delible notice ack`.",
            f"recipient:{name}",
        )
        for name, count in sorted(waiting.items())
    ]


def untold(policies: PolicySet) -> Iterator[Finding]:
    """Yield a gap for each recipient of personal data that no adapter reaches."""
    named = {r for table in policies.tables.values() if table.subject for r in policies.recipients_of(table)}
    for name in sorted(named & policies.recipients.keys()):
        if policies.recipients[name].notify is None:
            message = f"recipient '{name}' must be told of erasures (Art. 19); 'notify' does not say how."
            yield gap("policy.recipient_untold", message, "recipients", name)
