"""Access packages (Art. 15, Art. 20): a folder with everything about one person, other people redacted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from delible.decide.holds import hold_on
from delible.errors import BlockedError, InputError
from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import AuditEntry
from delible.model.request import Request
from delible.model.subject import own_keys
from delible.model.terms import RequestState, Right
from delible.report.access import (
    AccessColumn,
    AccessPackage,
    AccessPurpose,
    AccessRecipient,
    AccessTable,
    access_html,
    access_index,
)
from delible.store.files import private_write
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.search import find_people
from delible.workflows.spark import session_for

_RUNNABLE = frozenset({RequestState.SCHEDULED, RequestState.IN_PROGRESS})
_MOST_ROWS = 100_000
"""One person's rows of one table; more is no person, and would not fit a page."""


@dataclass(frozen=True)
class BuiltPackage:
    """A finished package."""

    request: Request
    folder: Path
    rows: int


def build_access_package(
    workspace: Workspace,
    request_id: str,
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> BuiltPackage:
    """Collect one person's rows of all tables into a folder, and complete the request.

    Raises:
        InputError: `request.unknown`, `request.right`.
        BlockedError: `request.not_approved`, `request.ambiguous`, `request.no_match`.
    """
    from delible.lake.access import rows_of_people

    control = Control(workspace)
    request = control.requests.get(request_id)
    _refuse(control, request)
    spark = session_for(workspace)
    given = own_keys(control.requests.vault.get([request.id]))
    progress(f"collecting the rows of request {request.id}")
    searched = find_people(spark, control, given, erasing=False)
    where = f"request:{request.id}"
    if request.id in searched.found.ambiguous:
        raise BlockedError(
            "request.ambiguous", "the identifiers reach more than one person; ask, never guess.", where=where
        )
    if request.id not in searched.found.matched:
        raise BlockedError("request.no_match", "the identifiers reach no row of any table.", where=where)
    if request.state is RequestState.SCHEDULED:
        control.requests.transition(request.id, RequestState.IN_PROGRESS, actor=actor, now=now)
    control.requests.add_refs(request.id, searched.refs.get(request.id, ()), now, actor=actor)
    folder = package_folder(workspace, request.id)
    staging = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "data").mkdir(parents=True, mode=0o700)
    tables = []
    for name, policy in control.policies.tables.items():
        due = searched.due.get(name)
        rows: list[dict[str, Any]] = []
        if due is not None and due.rows:
            rows = rows_of_people(
                spark, control.policies.controller, policy, searched.locations[name], searched.found.keys, _MOST_ROWS
            )
        tables.append(_table(control.policies, policy, rows, staging))
    package = AccessPackage(
        request=request.id,
        right=request.right,
        regime=request.regime,
        received=request.received.date(),
        due=request.due,
        generated_at=now,
        controller=control.policies.controller.controller,
        contact=control.policies.controller.contact,
        policy_fingerprint=control.policies.fingerprint,
        tables=tuple(tables),
    )
    private_write(staging / "index.json", json.dumps(access_index(package), indent=2).encode())
    private_write(staging / "index.html", access_html(package).encode())
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    total = sum(t.total for t in tables)
    entry = AuditEntry(
        actor=actor,
        action="access.build",
        object=f"request:{request.id}/package",
        outcome="done",
        counts={"rows": total, "tables": sum(t.total > 0 for t in tables)},
        detail={"policy": control.policies.fingerprint[:16]},
    )
    control.ledger.append([entry], now)
    done = control.requests.transition(request.id, RequestState.COMPLETED, actor=actor, now=now)
    return BuiltPackage(done, folder, total)


def package_folder(workspace: Workspace, request_id: str) -> Path:
    """Return where a request's package is, or would be."""
    return workspace.path(workspace.config.reports) / "access" / request_id


def remove_packages(control: Control, refs: Collection[str], *, now: datetime, actor: str) -> int:
    """Remove access packages of people who are being erased: a package is one more copy of them."""
    removed: list[str] = []
    for request in control.requests.all():
        folder = package_folder(control.workspace, request.id)
        if folder.exists() and not set(request.refs).isdisjoint(refs):
            shutil.rmtree(folder)
            removed.append(request.id)
    entries = [
        AuditEntry(actor=actor, action="access.remove", object=f"request:{r}/package", outcome="done") for r in removed
    ]
    control.ledger.append(entries, now)
    return len(removed)


def _refuse(control: Control, request: Request) -> None:
    where = f"request:{request.id}"
    if request.right not in (Right.ACCESS, Right.PORTABILITY):
        raise InputError("request.right", f"the request asks for {request.right}, not access.", where=where)
    if request.state not in _RUNNABLE:
        raise BlockedError(
            "request.not_approved",
            f"the request is in state '{request.state}'; only approved requests are carried out.",
            where=where,
        )
    hold = hold_on(request.refs, control.holds.active())
    if hold is not None and request.right is Right.PORTABILITY:
        raise BlockedError("request.held", f"legal hold {hold.id} covers the data subject.", where=where)


def _table(policies: PolicySet, policy: TablePolicy, rows: Sequence[dict[str, Any]], staging: Path) -> AccessTable:
    file = f"data/{policy.table}.json"
    if rows:
        private_write(staging / file, json.dumps(rows, indent=2, ensure_ascii=False).encode())
    columns = tuple(AccessColumn(name=c, category=m.category, special=m.special) for c, m in policy.columns.items())
    return AccessTable(
        table=policy.table,
        description=policy.description,
        purposes=tuple(
            AccessPurpose(purpose=p.purpose, description=p.description, legal_basis=p.legal_basis)
            for name in policy.purposes
            if (p := policies.purposes.get(name)) is not None
        ),
        recipients=tuple(
            AccessRecipient(recipient=r.recipient, description=r.description, role=r.role, contact=r.contact)
            for name in policy.recipients
            if (r := policies.recipients.get(name)) is not None
        ),
        retention=tuple(
            f"{rule.keep} from {rule.clock}: {rule.reason}"
            for rule in policies.retention.values()
            if rule.table == policy.table
        ),
        columns=columns,
        rows=tuple(tuple(row.get(c.name) for c in columns) for row in rows),
        total=len(rows),
        files=(file,) if rows else (),
        redactions=sum(str(v).count("<") for row in rows for c, v in row.items() if c in policy.free_text and v),
    )
