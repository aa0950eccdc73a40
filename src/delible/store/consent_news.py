"""Whose consent may be another than it was when a release was cut: found without reading the whole ledger.

Two things make news. By the ledger's times, records begin and end. And rows arrive, whatever they say of when they were
recorded: an export of another system tells today of a withdrawal of last month. What a release was judged by is one
version of the ledger, and each row says by which version it came, so whatever came by a later one is news.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from delible.model.subject import SubjectRef
from delible.store.consents import ARRIVAL, SPEC
from delible.store.tables import ControlTable, from_micros, to_micros
from delible.store.workspace import Workspace

_SELECT = '"ref", "purpose", max(news) AS news'
_TIMES = """\
(SELECT "ref", "purpose", greatest(
    arrow_cast("recorded_at", 'Int64'),
    CASE WHEN arrow_cast("valid_from", 'Int64') <= {now} THEN arrow_cast("valid_from", 'Int64') ELSE 0 END,
    CASE WHEN arrow_cast("valid_until", 'Int64') <= {now} THEN arrow_cast("valid_until", 'Int64') ELSE 0 END
  ) AS news FROM t WHERE arrow_cast("recorded_at", 'Int64') <= {now})"""
_SKEW = timedelta(minutes=1)
"""So far the clocks of those who write to the ledger may be apart, at most."""


class News(NamedTuple):
    """A reference and purpose of which something was recorded, began or ended, and the last instant of these."""

    ref: SubjectRef
    purpose: str
    at: datetime


def consent_news(workspace: Workspace, *, since: datetime, now: datetime) -> list[News]:
    """Return everybody whose records began or ended after an instant, or were recorded after it as they say themselves.

    For all others the decision is what it was then, but for those of `Arrivals`.
    """
    snapshot = ControlTable(workspace, SPEC).snapshot()
    times = _TIMES.format(now=to_micros(now))
    tail = f'WHERE news > {to_micros(since)} GROUP BY "ref", "purpose"'
    found = []
    for refs, purposes, news in snapshot.derived(_SELECT, times, tail):
        found += [News(SubjectRef(r), p, from_micros(at)) for r, p, at in zip(refs, purposes, news, strict=True)]
    return found


def consent_refs(workspace: Workspace, *, plain_consents: bool) -> frozenset[SubjectRef]:
    """Return the references in the consent ledger; without plain consents, only those that anything else was said of.

    A plain consent was given and has no end.
    """
    other = '"status" <> \'given\' OR "valid_until" IS NOT NULL'
    tail = "" if plain_consents else f"WHERE {other}"
    found: set[SubjectRef] = set()
    for (refs,) in ControlTable(workspace, SPEC).snapshot().batches('DISTINCT "ref"', tail):
        found.update(SubjectRef(ref) for ref in refs)
    return frozenset(found)


class Arrivals:
    """Rows that came into the consent ledger after a version of it."""

    def __init__(self, workspace: Workspace) -> None:
        self._snapshot = ControlTable(workspace, SPEC).snapshot()
        self._found: dict[int, frozenset[tuple[SubjectRef, str]] | None] = {}

    def after(self, version: int | None) -> frozenset[tuple[SubjectRef, str]] | None:
        """Return the references and purposes of which a row was added after a version.

        None when nobody can tell: without a version, and for one that is older than the first row that says when it
        came, as in ledgers of earlier versions. Then everything may be news.
        """
        if version is None or version < 0:
            return None
        if version not in self._found:
            self._found[version] = self._added(version)
        return self._found[version]

    def version_at(self, instant: datetime) -> int:
        """Return the newest version that was surely there at an instant, by its writers' clocks; -1 for none.

        Also -1 where the log does not reach back so far.
        """
        delta = self._snapshot.delta
        if delta is None:
            return -1
        limit = int((instant - _SKEW).timestamp() * 1_000)
        earlier = [entry["version"] for entry in delta.history() if entry.get("timestamp", limit + 1) <= limit]
        return max(earlier, default=-1)

    def _added(self, version: int) -> frozenset[tuple[SubjectRef, str]] | None:
        if version >= self._snapshot.version:
            # A version that the ledger has not reached is another ledger's.
            return frozenset() if version == self._snapshot.version else None
        if ARRIVAL in self._snapshot.lacking():
            return None
        told = f'min("{ARRIVAL}"), count(*) - count("{ARRIVAL}")'
        for first, silent in self._snapshot.batches(told):
            if silent[0] and (first[0] is None or version < first[0] - 1):
                return None
        found: set[tuple[SubjectRef, str]] = set()
        for refs, purposes in self._snapshot.batches('DISTINCT "ref", "purpose"', f'WHERE "{ARRIVAL}" > {version}'):
            found.update(zip(map(SubjectRef, refs), purposes, strict=True))
        return frozenset(found)
