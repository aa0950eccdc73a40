"""The register of requests: an append-only table of events, folded into states.

Each event becomes exactly one audit record, even through `kill -9`: events are numbered, their commit carries the
transaction `requests` with the last number, and the ledger's commit carries the same. Whatever the ledger lacks is
written before the next event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from delible.errors import BlockedError, ConflictError, InputError
from delible.model.identity import EvidencePath
from delible.model.record import AuditEntry
from delible.model.request import ENDED, UNANSWERED, Request
from delible.model.subject import KeyRole, KeyRow, SubjectRef
from delible.model.terms import RequestState, Right
from delible.store.identifiers import IdentifierVault
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.policies import load_controller
from delible.store.request_changes import approved, moved, refs_found, reopened_as
from delible.store.request_events import COLUMNS, Event, applied, fold, ledger_entry
from delible.store.submissions import NewRequest, duplicates, fresh_ids, refs_of, submitted
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write, any_of, literal
from delible.store.workspace import Workspace

__all__ = ["NewRequest", "Requests", "refs_of"]

SPEC = TableSpec(name="requests", columns=COLUMNS, indexed=2, noun="request")
_OUTBOX = "requests"
_ID = re.compile(r"R-\d{8}-[A-Z2-7]{6,10}")
_UNKNOWN_IDENTIFIERS_AFTER = timedelta(hours=1)
"""Identifiers are kept before their request is recorded; without one after so long, its writer has died."""
_FEW = 200
"""So many requests or references are looked up by name; beyond, reading the whole register is quicker."""


class Requests:
    """The register: submit, read, and the only ways from state to state."""

    def __init__(self, workspace: Workspace, keys: Keys, ledger: Ledger) -> None:
        self.vault = IdentifierVault(workspace, keys)
        self._table = ControlTable(workspace, SPEC)
        self._ledger = ledger
        self._workspace = workspace

    def submit(self, new: Sequence[NewRequest], *, actor: str, now: datetime) -> list[Request]:
        """Record requests as one batch: one commit of identifiers, one of events, one of audit records.

        A request that says nothing beyond an open one of the same person for the same right under the same law is
        recorded as its duplicate; see `submissions.duplicates`. Its identifiers are kept as long as that one's, since
        it takes that one's place when it ends without having been carried out.
        """
        if not new:
            return []
        self.reconcile()
        before = self._table.snapshot()
        ids = fresh_ids(len(new), now)
        _check_free(before, ids)
        controller = load_controller(self._workspace)
        second = controller is not None and controller.two_person_approval
        made: list[Request] = []

        def build(snapshot: Snapshot) -> Write | None:
            made.clear()
            _check_free(snapshot, ids)
            linked = duplicates(new, ids, self._open_like(snapshot, new))
            first = submitted(new, ids, linked, actor=actor, now=now, second_person=second)
            events = _numbered(snapshot, first)
            made[:] = fold(events)
            return _write(events)

        self._keep_identifiers(list(zip(ids, new, strict=True)), now)
        self._commit(build)
        return made

    def all(self, known_at: datetime | None = None) -> list[Request]:
        """Return all requests in the order of their submission, as they stood at an instant."""
        events = _each_event(self._table.snapshot())
        return fold(events if known_at is None else (e for e in events if e.at <= known_at))

    def get(self, request_id: str) -> Request:
        """Return one request.

        Raises:
            InputError: `request.unknown`.
        """
        return self.named([request_id])[0]

    def named(self, request_ids: Sequence[str]) -> list[Request]:
        """Return these requests, each once, from one look at the register.

        Raises:
            InputError: `request.unknown`.
        """
        return self._found(self._table.snapshot(), request_ids)

    def of_right(self, right: Right) -> list[Request]:
        """Return all requests of a right; of the others nothing is read but that they are."""
        snapshot = self._table.snapshot()
        rows = snapshot.rows(f"WHERE {any_of('right', [right])}", columns=("request",))
        return self._found(snapshot, list(dict.fromkeys(row[0] for row in rows))) if rows else []

    def transition(
        self,
        request_id: str,
        to: RequestState,
        *,
        actor: str,
        now: datetime,
        reason: str | None = None,
    ) -> Request:
        """Move one request to another state; see `transition_all`."""
        return self.transition_all([request_id], to, actor=actor, now=now, reason=reason)[0]

    def transition_all(
        self,
        request_ids: Sequence[str],
        to: RequestState,
        *,
        actor: str,
        now: datetime,
        reason: str | None = None,
    ) -> list[Request]:
        """Move requests to another state: all of them in one commit or none, each with its own audit record.

        A request that ends has its identifiers forgotten.

        Raises:
            InputError: `request.unknown`.
            BlockedError: `request.transition` when the model has no such way; `request.needs_approval` when a request
                would be scheduled that nobody approved.
        """
        return self.change(request_ids, lambda r: moved(r, to, actor=actor, now=now, reason=reason), now)

    def approve(self, request_id: str, actor: str, now: datetime, require_second_person: bool = False) -> Request:
        """Approve one request; see `approve_all`."""
        return self.approve_all([request_id], actor, now, require_second_person)[0]

    def approve_all(
        self, request_ids: Sequence[str], actor: str, now: datetime, require_second_person: bool = False
    ) -> list[Request]:
        """Approve requests that await it, and schedule them: all in one commit or none.

        The rules are read here and not handed in: the policies as they are now, and the two-person rule under which
        the request was submitted. A caller can ask for a second person, and never waive one.

        Raises:
            BlockedError: `request.same_person` when a second person is required and the submitter approves;
                `request.unverified`, `request.agent_unproven` when identity or an agent's authority is not shown;
                `request.transition` when the request does not await approval.
        """
        controller = load_controller(self._workspace)
        return self.change(request_ids, lambda r: approved(r, actor, now, require_second_person, controller), now)

    def add_refs(
        self,
        request_id: str,
        refs: Iterable[SubjectRef],
        now: datetime,
        *,
        actor: str = "delible",
        evidence: Sequence[EvidencePath] = (),
    ) -> Request:
        """Add references that were found by following links, and how; what is there already changes nothing.

        Raises:
            BlockedError: `request.ended`.
        """
        return self.add_all_refs({request_id: tuple(refs)}, now, actor=actor, evidence={request_id: evidence})[0]

    def add_all_refs(
        self,
        refs: Mapping[str, Sequence[SubjectRef]],
        now: datetime,
        *,
        actor: str = "delible",
        evidence: Mapping[str, Sequence[EvidencePath]],
    ) -> list[Request]:
        """Add references and evidence by request, in one commit; see `add_refs`.

        Raises:
            BlockedError: `request.ended`.
        """
        return self.change(list(refs), lambda r: refs_found(r, refs[r.id], actor, now, evidence.get(r.id, ())), now)

    def reconcile(self) -> int:
        """Write the audit records of events whose writer died before it could; return how many.

        Every change begins with it, so that nothing is changed either when the ledger cannot be continued.

        Raises:
            TamperError: `ledger.broken`.
        """
        recorded = self._ledger.ready(_OUTBOX)
        return self._record() if recorded < self._table.snapshot().transaction(_OUTBOX) else 0

    def sweep(self, now: datetime) -> int:
        """Forget identifiers of requests that have ended, or that were never recorded; return how many requests.

        Ending a request does it. It is for those who begin a run, since an earlier run may have been killed in between.
        """
        snapshot, held = self._table.snapshot(), self.vault.requests()
        ended = _ended(snapshot)
        limit = now - _UNKNOWN_IDENTIFIERS_AFTER
        # What a plan keeps with the identifiers is no request's: its run forgets it.
        old = {request_id for request_id, kept in held.items() if kept < limit and _ID.fullmatch(request_id)}
        known = {row[0] for row in snapshot.rows(columns=("request",))} if old - ended else set()
        gone = (held.keys() & ended) | (old - known)
        self.vault.forget(gone)
        return len(gone)

    def change(
        self, request_ids: Sequence[str], event: Callable[[Request], Event | None], now: datetime
    ) -> list[Request]:
        """Make one event of each request, all in one commit or none, and return the requests after it.

        The duplicates of a request that ends without having been carried out await approval from the same commit on.

        Args:
            request_ids: The requests.
            event: One of `request_changes`, given a request as the newest version has it; it may be called again when
                another writer came first. None leaves a request as it is.
            now: When identifiers of requests that end are forgotten.

        Raises:
            InputError: `request.unknown`. BlockedError: Whatever `event` raises.
        """
        self.reconcile()
        after: list[Request] = []

        def build(snapshot: Snapshot) -> Write | None:
            requests = self._found(snapshot, request_ids)
            changes = {r.id: made for r in requests if (made := event(r)) is not None}
            after[:] = [applied(r, changes[r.id]) if r.id in changes else r for r in requests]
            events = _numbered(snapshot, [*changes.values(), *self._in_their_place(snapshot, changes)])
            return _write(events) if events else None

        try:
            self._commit(build)
        except BlockedError:
            # A run that ended the request may have been killed before it forgot the identifiers.
            self.sweep(now)
            raise
        if any(r.state in ENDED for r in after):
            self.sweep(now)
        return after

    def _in_their_place(self, snapshot: Snapshot, changes: Mapping[str, Event]) -> list[Event]:
        """Return the events by which duplicates are open again, since nobody answers them any more."""
        gone = {e.request: e for e in changes.values() if e.state in UNANSWERED}
        if not gone:
            return []
        where = any_of("duplicate_of", sorted(gone)) if len(gone) <= _FEW else '"duplicate_of" IS NOT NULL'
        ids = [row[0] for row in snapshot.rows(f"WHERE {where}", columns=("request",))]
        theirs = [(r, gone.get(r.duplicate_of or "")) for r in self._known(snapshot, ids) if r.id not in changes]
        return [moved(r, reopened_as(e), actor=e.actor, now=e.at) for r, e in theirs if e is not None]

    def _commit(self, build: Callable[[Snapshot], Write | None]) -> None:
        written, after = self._table.commit(build)
        if written is not None:
            self._table.upkeep(after)
            self._record()

    def _record(self) -> int:
        def pending(recorded: int) -> tuple[list[tuple[AuditEntry, datetime]], int]:
            events = _events(self._table.snapshot(), f'WHERE "n" > {recorded}')
            return [(ledger_entry(e), e.at) for e in events], events[-1].n if events else recorded

        return len(self._ledger.drain(_OUTBOX, pending))

    def _found(self, snapshot: Snapshot, request_ids: Sequence[str]) -> list[Request]:
        known = {r.id: r for r in self._known(snapshot, request_ids)}
        for request_id in request_ids:
            if request_id not in known:
                shown = request_id if _ID.fullmatch(request_id) else "of this name"
                raise InputError(
                    "request.unknown", f"there is no request {shown}.", fix="List them with: delible request list"
                )
        return [known[request_id] for request_id in dict.fromkeys(request_ids)]

    def _known(self, snapshot: Snapshot, request_ids: Sequence[str]) -> list[Request]:
        if len(request_ids) > _FEW:
            wanted = set(request_ids)
            return [r for r in fold(_each_event(snapshot)) if r.id in wanted]
        named = [x for x in request_ids if _ID.fullmatch(x)]
        return fold(_each_event(snapshot, f"WHERE {any_of('request', named)}")) if named else []

    def _open_like(self, snapshot: Snapshot, new: Sequence[NewRequest]) -> list[Request]:
        """Return the open requests that share a reference with one of the new requests.

        An erasure that was carried out but for what an exception keeps is answered: who asks again has a new reason.
        """
        refs = {ref for request in new for ref in request.refs}
        shared = " OR ".join(f'contains("refs", {literal(ref)})' for ref in sorted(refs)) if len(refs) <= _FEW else ""
        where = f"({shared})" if shared else '"refs" IS NOT NULL'
        said = snapshot.rows(f"WHERE {where}", columns=("request", "refs"))
        ids = sorted({request_id for request_id, text in said if not refs.isdisjoint(text.split())})
        return [r for r in self._known(snapshot, ids) if r.state not in ENDED and not r.kept]

    def _keep_identifiers(self, new: Sequence[tuple[str, NewRequest]], now: datetime) -> None:
        rows = [
            KeyRow(
                request=request_id, kind=identifier.kind, value=identifier.value.get_secret_value(), role=KeyRole.GIVEN
            )
            for request_id, request in new
            for identifier in request.identifiers
        ]
        rows += [
            KeyRow(request_id, correction.kind, correction.sealable(), KeyRole.CORRECTION)
            for request_id, request in new
            for correction in request.corrections
        ]
        self.vault.put(rows, now)


def _check_free(snapshot: Snapshot, ids: Sequence[str]) -> None:
    where = f"WHERE {any_of('request', ids)}" if len(ids) <= _FEW else ""
    if not {row[0] for row in snapshot.rows(where, columns=("request",))}.isdisjoint(ids):
        raise ConflictError("request.id_taken", "a new request's id is taken.", fix="Run the command again.")


def _ended(snapshot: Snapshot) -> set[str]:
    """Return the requests whose identifiers nobody needs: they have ended, and so has what they are duplicates of.

    A duplicate that has not taken the place of its first request by then has been answered with it.
    """
    state = f"{any_of('state', sorted(ENDED))} OR {any_of('state_before', [RequestState.DUPLICATE])}"
    rows = snapshot.rows(f"WHERE {state}", columns=("request", "state", "state_before", "duplicate_of"))
    ended = {request for request, state, _, _ in rows if state in ENDED and state != RequestState.DUPLICATE}
    again = {request for request, _, before, _ in rows if before == RequestState.DUPLICATE}
    return ended | {request for request, _, _, first in rows if first in ended and request not in again}


def _numbered(snapshot: Snapshot, events: Sequence[Event]) -> list[Event]:
    return [event._replace(n=n) for n, event in enumerate(events, snapshot.transaction(_OUTBOX) + 1)]


def _write(events: Sequence[Event]) -> Write:
    return Write(events, {_OUTBOX: events[-1].n})


def _events(snapshot: Snapshot, where: str = "") -> list[Event]:
    return [*_each_event(snapshot, where)]


def _each_event(snapshot: Snapshot, where: str = "") -> Iterator[Event]:
    return map(Event._make, snapshot.each(f'{where} ORDER BY "n"'))
