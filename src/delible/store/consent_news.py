"""Whose consent may be another than it was at an instant: found by the ledger's times, without reading it all."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from delible.model.subject import SubjectRef
from delible.store.consents import SPEC
from delible.store.tables import ControlTable, from_micros, to_micros
from delible.store.workspace import Workspace

_SELECT = '"ref", "purpose", max(news) AS news'
_TIMES = """\
(SELECT "ref", "purpose", greatest(
    arrow_cast("recorded_at", 'Int64'),
    CASE WHEN arrow_cast("valid_from", 'Int64') <= {now} THEN arrow_cast("valid_from", 'Int64') ELSE 0 END,
    CASE WHEN arrow_cast("valid_until", 'Int64') <= {now} THEN arrow_cast("valid_until", 'Int64') ELSE 0 END
  ) AS news FROM t WHERE arrow_cast("recorded_at", 'Int64') <= {now})"""


class News(NamedTuple):
    """A reference and purpose of which something was recorded, began or ended, and the last instant of these."""

    ref: SubjectRef
    purpose: str
    at: datetime


def consent_news(workspace: Workspace, *, since: datetime, now: datetime) -> list[News]:
    """Return everybody of whom the consent ledger learned something, or whose records began or ended, after an instant.

    For all others the decision is what it was then.
    """
    snapshot = ControlTable(workspace, SPEC).snapshot()
    times = _TIMES.format(now=to_micros(now))
    tail = f'WHERE news > {to_micros(since)} GROUP BY "ref", "purpose"'
    found = []
    for refs, purposes, news in snapshot.derived(_SELECT, times, tail):
        found += [News(SubjectRef(r), p, from_micros(at)) for r, p, at in zip(refs, purposes, news, strict=True)]
    return found
