"""How an erasure ends that exceptions keep something of: where values may still stand, the answer, the state."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.model.exception import KeptPart
from delible.model.plan import ErasurePlan
from delible.model.request import Request
from delible.model.subject import KeyRow
from delible.model.terms import RequestState
from delible.report.letters import kept_notice
from delible.store.files import private_write
from delible.store.outcome_changes import partly_completed
from delible.store.request_changes import moved
from delible.store.request_events import Event
from delible.store.workspace import Workspace
from delible.workflows.control import Control

if TYPE_CHECKING:
    from delible.lake.search.kept import KeptValues


@dataclass(frozen=True)
class KeptAt:
    """Keys that may still stand in one table.

    Args:
        columns: Where; in every column when None.
    """

    table: str
    columns: frozenset[str] | None
    keys: tuple[KeyRow, ...]

    def allows(self, column: str) -> bool:
        """Return whether the keys may stand in a column."""
        return self.columns is None or column.lower() in self.columns

    def stored_as(self, names: Mapping[str, str]) -> KeptAt:
        """Return the same with the names that columns have in the table's files, beside their own."""
        if self.columns is None:
            return self
        more = {there.lower() for shown, there in names.items() if shown.lower() in self.columns}
        return replace(self, columns=self.columns | more)

    def values(self, control: Control) -> KeptValues:
        """Return the telling values among the keys, for the byte search."""
        from delible.lake.mentions import telling_numbers, telling_values
        from delible.lake.search.kept import KeptValues

        controller = control.policies.controller
        return KeptValues(
            frozenset(telling_values(self.keys, controller)),
            frozenset(telling_numbers(self.keys, controller)),
            self.columns,
        )


def kept_at(kept: Mapping[str, Iterable[KeptPart]], keys: Sequence[KeyRow]) -> tuple[KeptAt, ...]:
    """Return where exceptions let keys stand.

    Args:
        kept: What is kept of each request's rows.
        keys: The keys of all requests.
    """
    found = []
    own: dict[str, list[KeyRow]] = {request: [] for request in kept}
    for key in keys:
        if key.request in own:
            own[key.request].append(key)
    for request, parts in kept.items():
        columns: dict[str, frozenset[str] | None] = {}
        for part in parts:
            before = columns.get(part.table, frozenset())
            more = frozenset(c.lower() for c in part.columns)
            columns[part.table] = None if before is None or not part.columns else before | more
        found += [KeptAt(table, names, tuple(own[request])) for table, names in columns.items()]
    return tuple(found)


def letter_path(workspace: Workspace, name: str) -> Path:
    """Return where a letter to a data subject is written, by a name that tells nobody's."""
    return workspace.path(workspace.config.reports) / "letters" / f"{name}.txt"


def write_letter(workspace: Workspace, name: str, text: str) -> tuple[Path, str]:
    """Write a letter and return its place and its SHA-256."""
    path = letter_path(workspace, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    private_write(path, text.encode())
    return path, hashlib.sha256(text.encode()).hexdigest()


def end_requests(
    control: Control, plan: ErasurePlan, request_ids: Collection[str], *, actor: str, now: datetime
) -> tuple[list[Request], dict[str, Path]]:
    """Complete requests, or partly complete those of which exceptions keep something, all in one commit.

    Returns:
        The requests, and the answers to data subjects (Art. 12(4)) that were written for the latter, by request.
    """
    planned = {r.id: r for r in plan.requests}
    letters: dict[str, Path] = {}
    digests: dict[str, str] = {}
    controller = control.policies.controller
    for request in control.requests.named(list(request_ids)):
        parts = planned[request.id].kept
        if parts:
            text = kept_notice(request, parts, controller=controller.controller, contact=controller.contact)
            letters[request.id], digests[request.id] = write_letter(control.workspace, f"{request.id}-answer", text)

    def ended(request: Request) -> Event:
        parts = planned[request.id].kept
        if not parts:
            return moved(request, RequestState.COMPLETED, actor=actor, now=now)
        end = partial(partly_completed, request, parts, plan=plan.id, actor=actor, now=now)
        return end(letter=digests[request.id])

    return control.requests.change(list(request_ids), ended, now), letters


def is_finished(plan: ErasurePlan, requests: Iterable[Request]) -> bool:
    """Return whether a plan has ended for all of its requests."""
    return all(has_ended(plan, r) for r in requests)


def has_ended(plan: ErasurePlan, request: Request) -> bool:
    """Return whether a plan has ended for a request, be it but for what exceptions keep."""
    return request.state is RequestState.COMPLETED or bool(request.kept and request.kept_by == plan.id)
