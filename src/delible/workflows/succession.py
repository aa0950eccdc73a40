"""Let what is recorded under a corrected identifier go on under the new one, and ask first where nobody can tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from delible.decide.rectification import identified_by
from delible.decide.succession import Succession, carried, forbids, succession
from delible.errors import Problem
from delible.model.rectification import Change
from delible.model.request import Request
from delible.model.subject import KeyRole, KeyRow, SubjectRef, normalised
from delible.store.consents import Consents
from delible.store.request_changes import refs_carried
from delible.store.request_events import Event
from delible.workflows.control import Control
from delible.workflows.search import refs_of_keys


@dataclass(frozen=True)
class Successor:
    """The identifier that a corrected one becomes."""

    ref: SubjectRef
    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Moved:
    """One corrected person's identifiers.

    Args:
        to: By the reference of the old one, what it becomes.
        shared: References of theirs that somebody else has, too.
        own: References that only they have, the old ones among them.
    """

    to: Mapping[SubjectRef, Successor]
    shared: frozenset[SubjectRef]
    own: frozenset[SubjectRef]

    def of(self, request: Request) -> Succession | None:
        """Return what becomes of somebody's request."""
        return succession(request, self.to.keys(), self.shared, self.own - self.to.keys())

    def names(self, request: Request) -> bool:
        """Return whether a request names the person by an identifier that stays theirs."""
        return not frozenset(request.refs).isdisjoint(self.own - self.to.keys())


def moved_identifiers(
    control: Control, own: Sequence[KeyRow], shared: Sequence[KeyRow], changes: Iterable[Change]
) -> dict[str, Moved]:
    """Return the people whose identifiers change, by their request of rectification.

    Args:
        control: The control plane.
        own: Keys that only these people have.
        shared: Keys of theirs that somebody else has, too.
        changes: What changes.
    """
    to: dict[str, dict[SubjectRef, Successor]] = {}
    kinds = control.policies.controller.identifiers
    for change in changes:
        kind = identified_by(control.policies.tables[change.table], change.column)
        if kind is not None and change.old is not None and change.new is not None:
            how = kinds[kind].normalise
            old, new = (control.keys.ref(kind, v, how) for v in (change.old, change.new))
            if old != new:
                to.setdefault(change.request, {})[old] = Successor(new, kind, normalised(change.new, how))
    mine, others = (refs_of_keys(control, keys) for keys in (own, shared))
    return {
        request: Moved(moved, frozenset(others.get(request, ())), frozenset(mine.get(request, ())))
        for request, moved in to.items()
    }


def undecided(control: Control, moved: Mapping[str, Moved], planned: Collection[str]) -> dict[str, Problem]:
    """Return the corrections that must wait until somebody has decided on another request.

    Args:
        control: The control plane.
        moved: See `moved_identifiers`.
        planned: Requests that are corrected in the same run.
    """
    others = [r for r in control.requests.all() if r.id not in planned] if moved else []
    found = {}
    for request, person in moved.items():
        waiting = [r for r in others if person.of(r) is Succession.UNDECIDED]
        if waiting:
            message = (
                f"the request for {waiting[0].right} {waiting[0].id} is open under the identifier that would be "
                "corrected, and names no other one of this person: it would reach nobody afterwards, or somebody "
                "else. Carry it out first, refuse it, or withdraw it and submit it with another identifier."
            )
            found[request] = Problem("rectification.open_request", message, f"request:{request}")
    return found


def _carried(person: Moved, request: Request, *, actor: str, now: datetime) -> Event | None:
    return refs_carried(request, [person.to[x].ref for x in request.refs if x in person.to], actor, now)


def carry_over(
    control: Control,
    moved: Mapping[str, Moved],
    given: Sequence[KeyRow],
    *,
    actor: str,
    now: datetime,
    corrected: datetime | None = None,
) -> int:
    """Carry requests and consents over to corrected identifiers; return how many consents were left behind.

    An objection, a restriction or a withdrawn consent that was given under the wrong address would otherwise be lost
    with it, and the person's rows would be used again; an erasure would find nothing, and call that its success. What
    is there already is not carried twice, so it is done again once the rows are right, for what came in between.

    By then a request that hangs on the old identifier alone reaches somebody else, or nobody: nothing but what forbids
    goes on without a decision, and a consent that is newer than the correction is not taken for the person's.

    Args:
        control: The control plane.
        moved: See `moved_identifiers`.
        given: The own keys of the requests that are corrected.
        actor: Who.
        now: When.
        corrected: Since when no row holds the old identifiers any more; None when they all still do.
    """
    shown = {r: set(refs) for r, refs in refs_of_keys(control, [k for k in given if k.role is KeyRole.GIVEN]).items()}
    consents, requests = Consents(control.workspace), control.requests.all()
    left = 0
    for of, person in moved.items():
        behind = [r for r in requests if not person.to.keys().isdisjoint(r.refs)]
        if corrected is not None:
            behind = [r for r in behind if r.id in moved or forbids(r) or person.names(r)]
        if behind:
            control.requests.change([r.id for r in behind], partial(_carried, person, actor=actor, now=now), now)
        following = [
            r
            for r in behind
            if r.id not in moved and person.of(r) is Succession.FOLLOWS and (corrected is None or person.names(r))
        ]
        new = [(r.id, person.to[x]) for r in following for x in r.refs if x in person.to]
        control.requests.vault.put([KeyRow(r, s.kind, s.value, KeyRole.FOUND) for r, s in new], now)
        known = set(consents.for_refs([s.ref for s in person.to.values()]))
        mine = shown.get(of, set()) - person.shared
        fresh = []
        for record in consents.for_refs(list(person.to)):
            own = record.ref in mine and (corrected is None or record.recorded_at <= corrected)
            copy = carried(record, person.to[record.ref].ref, own=own, now=now)
            left += copy is None
            fresh += [copy] if copy is not None and copy not in known else []
        consents.append(fresh)
    return left
