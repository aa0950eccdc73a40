"""Carry out objections, opt-outs and limits: they change no table, and stand against what is built from their receipt.

What was built before is named, so that it can be built again without the person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.decide.objection import limits, stands_against
from delible.errors import BlockedError, Problem
from delible.model.record import AuditEntry
from delible.model.request import Request
from delible.model.subject import own_keys
from delible.model.terms import RequestState
from delible.store.manifests import Manifests
from delible.store.members import releases_with
from delible.workflows.control import Control
from delible.workflows.dataset_publish import register_all_shown
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.search import find_people, refs_of_keys
from delible.workflows.spark import session_for


@dataclass(frozen=True)
class Heeded:
    """Requests that stand now, and the dataset releases that were cut before with somebody of them in it.

    Args:
        releases: `NAME@vN` of those whose purpose they stand against, or whose subject index cannot tell.
    """

    requests: tuple[Request, ...]
    releases: tuple[str, ...]


def heed(control: Control, requests: Sequence[Request], *, actor: str, now: datetime) -> Heeded:
    """Complete approved objections, opt-outs and limits; a run that was killed in between is made up for by the next.

    No row is touched: a dataset follows the links from the identifiers that were given whenever it is built. Whether
    they lead to anybody, `reaching_nobody` has asked before.

    Raises:
        BlockedError: `request.not_approved` when some are in another state; nothing is done then, and nothing recorded.
    """
    problems = [p for r in requests if (p := unready(r)) is not None]
    if problems:
        raise BlockedError.of(problems)
    waiting = [r.id for r in requests if r.state is RequestState.SCHEDULED]
    if waiting:
        control.requests.transition_all(waiting, RequestState.IN_PROGRESS, actor=actor, now=now)
    releases: dict[str, None] = {}
    entries = []
    register_all_shown(control.workspace, control.keys, actor=actor, now=now)
    known = releases_with(control.workspace, {r.id: r.refs for r in requests}, key_version=control.keys.version)
    purposes = {f"{m.dataset}@v{m.version}": m.purpose for m in Manifests(control.workspace).all()}
    for request in requests:
        holding = _against(control, request, (*known.inside.get(request.id, ()), *known.unknown), purposes)
        releases |= dict.fromkeys(holding)
        entries.append(
            AuditEntry(
                actor=actor,
                action="objection.heed",
                object=f"request:{request.id}",
                outcome="done",
                counts={"releases": len(holding)},
                detail={"policy": control.policies.fingerprint[:16], "right": request.right.value},
            )
        )
    control.ledger.append(entries, now)
    done = control.requests.transition_all([r.id for r in requests], RequestState.COMPLETED, actor=actor, now=now)
    return Heeded(tuple(done), tuple(releases))


def reaching_nobody(
    control: Control, requests: Sequence[Request], progress: Callable[[str], None], *, now: datetime
) -> list[Problem]:
    """Return the questions that requests raise whose identifiers reach no row of any table and no release's index.

    With a typing error in its address an objection would be completed, and nobody's data be left out. Identifiers that
    reach several people do reach somebody: what stands against use needs to tell nobody apart.

    Raises:
        InputError: `table.missing`.
        TamperError: `keys.undecryptable`.
    """
    ids = [r.id for r in requests]
    progress(f"looking whether {len(ids)} objection(s), opt-out(s) and limit(s) reach somebody")
    given = own_keys(control.requests.vault.get(ids))
    with recorded(control.workspace, "objection.look", now=now, facets=duty(control.policies, "objection")) as lineage:
        searched = find_people(session_for(control.workspace), control, given, erasing=False)
        lineage.inputs = table_uses(control.policies, searched.locations, searched.versions)
    found = searched.found
    known = releases_with(control.workspace, {r.id: r.refs for r in requests}, key_version=control.keys.version)
    released = {request for request, names in known.inside.items() if names}
    reached = {*found.rows_of, *found.ambiguous, *(k.request for k in found.shared), *released}
    # What was carried over to a corrected identifier (`succession`) reaches the rows by that; the vault has it not.
    given_refs, newest = refs_of_keys(control, given), f"v{control.keys.version}."
    reached |= {r.id for r in requests if any(x.startswith(newest) for x in {*r.refs} - {*given_refs.get(r.id, ())})}
    message = (
        "the identifiers reach no row of any table. The request stands from its receipt all the same, for rows that "
        "come in with them later; ask the data subject for another identifier and submit a request with it, or "
        "complete it as it is with --accept-no-match."
    )
    return [Problem("request.no_match", message, f"request:{r.id}") for r in requests if r.id not in reached]


def unready(request: Request) -> Problem | None:
    """Return why a request cannot be heeded now, or None."""
    if request.state in (RequestState.SCHEDULED, RequestState.IN_PROGRESS):
        return None
    message = f"the request is in state '{request.state}'; only approved requests are carried out."
    return Problem("request.not_approved", message, f"request:{request.id}")


def _against(control: Control, request: Request, releases: Iterable[str], purposes: Mapping[str, str]) -> list[str]:
    """Return those releases that the request stands against."""
    found = []
    for name in releases:
        purpose = control.policies.purposes.get(purposes.get(name, ""))
        if purpose is None or limits(request) or stands_against(request, purpose) is not None:
            found.append(name)
    return found
