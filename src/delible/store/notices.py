"""Notices to recipients: an append-only table of events, folded into states, each event one audit record.

As in `store.requests`, events are numbered and the ledger's commit carries the number, so that what was sent, and what
may have been, is recorded exactly once through `kill -9`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from delible.decide.notices import may_become
from delible.errors import BlockedError, InputError
from delible.model.notice import Notice, NoticeState, notice_id
from delible.model.record import AuditEntry
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, Right
from delible.store.ledger import Ledger
from delible.store.notice_events import COLUMNS, Event, fold, folded, ledger_entry, moved
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

SPEC = TableSpec(name="notices", columns=COLUMNS, indexed=2, noun="notice")
_OUTBOX = "notices"
_FEW = 200
N = NoticeState


class NewNotice(NamedTuple):
    """A notice before it is recorded; fields as in `model.notice.Notice`.

    Args:
        sealed: Encrypts the identifiers for the notice whose id it is given, which is not known before.
    """

    request: str
    recipient: str
    right: Right
    regime: Regime
    tables: tuple[str, ...]
    refs: tuple[SubjectRef, ...]
    sealed: Callable[[str], str | None]


class Move(NamedTuple):
    """A step of one notice, with what kept it from arriving or who answered it."""

    to: NoticeState
    failure: str | None = None
    by: str | None = None


class Notices:
    """The register of notices."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._table = ControlTable(workspace, SPEC)
        self._ledger = ledger

    def prepare(self, new: Sequence[NewNotice], *, actor: str, now: datetime) -> list[Notice]:
        """Record whom to tell once the change is done; what is known already changes nothing.

        A notice that is prepared again, since a later plan reached more, names the tables and references of both. Once
        it can be sent it stays as it is, since nobody could tell which of its forms arrived: what is reached later,
        such as a table that turns up with residue, makes a notice of its own.
        """

        def event(earlier: Sequence[Notice], wanted: NewNotice) -> Event | None:
            tables, refs = set(wanted.tables), dict.fromkeys(wanted.refs)
            told = {x for known in earlier for x in (*known.tables, *known.refs)}
            if earlier and told.issuperset({*tables, *refs}):
                return None
            number = len(earlier) + 1
            if earlier and earlier[-1].state is N.PREPARED:
                number -= 1
                tables |= set(earlier[-1].tables)
                refs = dict.fromkeys((*earlier[-1].refs, *wanted.refs))
            key = notice_id(wanted.request, wanted.recipient, number)
            return Event(
                0,
                now,
                key,
                N.PREPARED.value,
                actor,
                wanted.request,
                wanted.recipient,
                right=wanted.right.value,
                regime=wanted.regime.value,
                tables=" ".join(sorted(tables)),
                refs=" ".join(refs),
                sealed=wanted.sealed(key),
            )

        wanted = {(x.request, x.recipient): x for x in new}

        def build(known: dict[str, Notice]) -> list[Event]:
            earlier: dict[tuple[str, str], list[Notice]] = {}
            for notice in known.values():
                earlier.setdefault((notice.request, notice.recipient), []).append(notice)
            return [made for key, x in wanted.items() if (made := event(earlier.get(key, ()), x)) is not None]

        requests = list(dict.fromkeys(request for request, _ in wanted))
        return [x for x in self._change(requests, build, of="request") if (x.request, x.recipient) in wanted]

    def queue(
        self, notice_ids: Sequence[str], acknowledge_by: Callable[[str], datetime], *, actor: str, now: datetime
    ) -> list[Notice]:
        """Make prepared notices ready to be sent; those that are already change nothing.

        Args:
            acknowledge_by: From a recipient to the end of its time to answer.
        """

        def build(known: dict[str, Notice]) -> list[Event]:
            return [
                moved(x, N.QUEUED, actor, now)._replace(acknowledge_by=acknowledge_by(x.recipient))
                for x in known.values()
                if x.state is N.PREPARED
            ]

        return self._change(notice_ids, build)

    def move(
        self,
        moves: Mapping[str, Move],
        *,
        actor: str,
        now: datetime,
        refuse: Callable[[Notice], None] = lambda _: None,
    ) -> list[Notice]:
        """Move notices to other states: all of them in one commit or none.

        Args:
            refuse: Raises for a notice that must not be moved, given as the newest version has it.

        Raises:
            InputError: `notice.unknown`.
            BlockedError: `notice.transition` when the model has no such way, or what `refuse` raises.
        """

        def build(known: dict[str, Notice]) -> list[Event]:
            for notice in known.values():
                refuse(notice)
            return _steps(known, moves, actor, now)

        return self._change(list(moves), build)

    def begin(self, notice_ids: Sequence[str], *, actor: str, now: datetime) -> list[Notice]:
        """Record that notices are being sent, and return them; one that is acknowledged by now is left as it is.

        Recipients answer, and are told by hand, at any time: one answer must not stop the sending of the others.

        Raises:
            InputError: `notice.unknown`. BlockedError: `notice.transition`.
        """

        def build(known: dict[str, Notice]) -> list[Event]:
            return _steps(known, {i: Move(N.SENDING) for i in notice_ids}, actor, now, leave=N.ACKNOWLEDGED)

        return self._change(notice_ids, build)

    def end(self, outcomes: Mapping[str, Move], *, actor: str, now: datetime) -> list[Notice]:
        """Record how the sending of notices ended, and return them.

        One that was acknowledged meanwhile stays so; that it was sent, or did not arrive, is recorded all the same.

        Raises:
            InputError: `notice.unknown`. BlockedError: `notice.transition`.
        """

        def build(known: dict[str, Notice]) -> list[Event]:
            return _steps(known, outcomes, actor, now, late=N.ACKNOWLEDGED)

        return self._change(list(outcomes), build)

    def all(self) -> list[Notice]:
        """Return all notices in the order in which they were made."""
        return fold(_events(self._table.snapshot()))

    def get(self, notice_ids: Collection[str]) -> list[Notice]:
        """Return notices by id.

        Raises:
            InputError: `notice.unknown`.
        """
        known = {x.id: x for x in self._known(self._table.snapshot(), notice_ids)}
        if not known.keys() >= set(notice_ids):
            raise _unknown()
        return [known[x] for x in dict.fromkeys(notice_ids)]

    def reconcile(self) -> int:
        """Write the audit records of events whose writer died before it could; return how many.

        Raises:
            TamperError: `ledger.broken`.
        """
        recorded = self._ledger.ready(_OUTBOX)
        return self._record() if recorded < self._table.snapshot().transaction(_OUTBOX) else 0

    def _change(
        self,
        ids: Sequence[str],
        build: Callable[[dict[str, Notice]], list[Event]],
        *,
        of: Literal["notice", "request"] = "notice",
    ) -> list[Notice]:
        """Commit what `build` makes of the notices as they are, and return them as they are then.

        Args:
            ids: Notices, or requests, whose notices are meant.
            build: Given the notices in the order in which they were made.
            of: What the ids are of.
        """
        if not ids:
            return []
        self.reconcile()
        after: list[Notice] = []

        def write(snapshot: Snapshot) -> Write | None:
            before = {x.id: x for x in self._known(snapshot, ids, of)}
            first = snapshot.transaction(_OUTBOX) + 1
            events = [event._replace(n=n) for n, event in enumerate(build(before), first)]
            after[:] = folded(events, before)
            return Write(events, {_OUTBOX: events[-1].n}) if events else None

        written, snapshot = self._table.commit(write)
        if written is not None:
            self._table.upkeep(snapshot)
            self._record()
        return after

    def _record(self) -> int:
        def pending(recorded: int) -> tuple[list[tuple[AuditEntry, datetime]], int]:
            events = _events(self._table.snapshot(), f'WHERE "n" > {recorded}')
            return [(ledger_entry(e), e.at) for e in events], events[-1].n if events else recorded

        return len(self._ledger.drain(_OUTBOX, pending))

    def _known(self, snapshot: Snapshot, ids: Collection[str], of: str = "notice") -> list[Notice]:
        wanted = set(ids)
        where = f"WHERE {any_of(of, sorted(wanted))}" if len(wanted) <= _FEW else ""
        return [x for x in fold(_events(snapshot, where)) if (x.id if of == "notice" else x.request) in wanted]


def _steps(
    known: Mapping[str, Notice],
    moves: Mapping[str, Move],
    actor: str,
    now: datetime,
    *,
    leave: NoticeState | None = None,
    late: NoticeState | None = None,
) -> list[Event]:
    """Return the events that move notices.

    Args:
        leave: Notices in this state are left out.
        late: Notices in this state may be moved, though the model has no such way: the event changes nothing of them.

    Raises:
        InputError: `notice.unknown`. BlockedError: `notice.transition`.
    """
    if known.keys() != moves.keys():
        raise _unknown()
    events = []
    for key, move in moves.items():
        notice = known[key]
        if notice.state is leave:
            continue
        if notice.state is not late and not may_become(notice, move.to):
            message = f"a notice that is {notice.state} cannot become {move.to}."
            raise BlockedError("notice.transition", message, where=f"notice:{key}")
        events.append(moved(notice, move.to, actor, now)._replace(failure=move.failure, by=move.by))
    return events


def _events(snapshot: Snapshot, where: str = "") -> list[Event]:
    return [Event._make(row) for row in snapshot.rows(f'{where} ORDER BY "n"')]


def _unknown() -> InputError:
    return InputError("notice.unknown", "there is no such notice.", fix="List them with: delible notice list")
