"""Access packages (Art. 15, Art. 20): a folder with everything about one person, other people redacted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.detection import detection_of
from delible.errors import BlockedError, InputError
from delible.model.lineage import DatasetUse, LineageRun
from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import AuditEntry
from delible.model.request import Request
from delible.model.retention import RetentionRule
from delible.model.subject import own_keys
from delible.model.terms import Regime, RequestState, Right
from delible.report.access import (
    MOST_ROWS,
    AccessColumn,
    AccessPackage,
    AccessPurpose,
    AccessRecipient,
    AccessTable,
    access_html,
    access_index,
    period,
    readable,
)
from delible.report.objection import standing_sentences
from delible.report.page import count
from delible.store.files import private_write
from delible.store.workspace import Workspace
from delible.workflows.access_files import RecordFiles, new_staging, publish
from delible.workflows.control import Control
from delible.workflows.lineage_events import duty, recorded, requested, table_uses
from delible.workflows.restriction import Restricted
from delible.workflows.search import Searched, ambiguous, every_ref, find_people
from delible.workflows.spark import alone, session_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.lake.access import PersonRows

_RUNNABLE = frozenset({RequestState.SCHEDULED, RequestState.IN_PROGRESS})


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
    accept_no_match: bool = False,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> BuiltPackage:
    """Collect one person's rows of all tables into a folder, and complete the request.

    With `accept_no_match` whoever is found in no row is told so: whether their data is processed is the first thing
    that Art. 15(1) lets them know.

    No erasure runs meanwhile: it could not know of a package that is finished after it has looked for them.

    Raises:
        InputError: `request.unknown`, `request.right`, `access.linked`.
        BlockedError: `request.not_approved`, `request.ambiguous`, `request.no_match`.
        ConflictError: `workspace.busy`.
    """
    with alone(workspace):
        control = Control(workspace)
        request = control.requests.get(request_id)
        _refuse(request)
        facets = {**duty(control.policies, "access"), **requested(request.right, [request.id])}
        with recorded(workspace, "access.build", now=now, facets=facets) as lineage:
            return _built(control, request, accept_no_match, actor, now, progress, lineage)


def _built(
    control: Control,
    request: Request,
    accept_no_match: bool,
    actor: str,
    now: datetime,
    progress: Callable[[str], None],
    lineage: LineageRun,
) -> BuiltPackage:
    spark = session_for(control.workspace)
    given = own_keys(control.requests.vault.get([request.id]))
    progress(f"collecting the rows of request {request.id}")
    searched = find_people(spark, control, given, erasing=False)
    lineage.inputs = table_uses(control.policies, searched.locations, searched.versions)
    where = f"request:{request.id}"
    if request.id in searched.found.ambiguous:
        raise BlockedError.of((ambiguous(control, request, searched),))
    if request.id not in searched.found.rows_of and not accept_no_match:
        raise BlockedError(
            "request.no_match",
            "the identifiers reach no row of any table.",
            where=where,
            fix="Ask the data subject for another identifier, or answer that nothing was found with --accept-no-match.",
        )
    if request.state is RequestState.SCHEDULED:
        control.requests.transition(request.id, RequestState.IN_PROGRESS, actor=actor, now=now)
    refs, paths = searched.refs.get(request.id, ()), searched.found.paths.get(request.id, ())
    control.requests.add_refs(request.id, refs, now, actor=actor, evidence=paths)
    staging = new_staging(control.workspace, request.id)
    try:
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
            tables=_tables(spark, control, request.id, searched, staging),
            withheld=_withheld(searched, request.regime),
            standing=standing_sentences(
                control.requests.all(), control.policies.purposes, searched.refs.get(request.id, request.refs)
            ),
        )
        private_write(staging / "index.json", json.dumps(access_index(package), indent=2).encode())
        private_write(staging / "index.html", access_html(package).encode())
        folder = publish(staging, control.workspace, request.id)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    total = sum(t.total for t in package.tables)
    lineage.outputs = [DatasetUse(name=f"access_package_{request.id}", location=str(folder), rows=total)]
    entry = AuditEntry(
        actor=actor,
        action="access.build",
        object=f"request:{request.id}/package",
        outcome="done",
        counts={
            "rows": total,
            "tables": sum(t.total > 0 for t in package.tables),
            "redactions": sum(t.redactions for t in package.tables),
            "unmapped_columns": sum(len(t.unmapped) for t in package.tables),
        },
        detail={"policy": control.policies.fingerprint[:16]},
    )
    control.ledger.append([entry], now)
    done = control.requests.transition(request.id, RequestState.COMPLETED, actor=actor, now=now)
    return BuiltPackage(done, folder, total)


def _refuse(request: Request) -> None:
    """Refuse what is no approved request for a copy; a hold is no reason, since a copy destroys and alters nothing."""
    where = f"request:{request.id}"
    if request.right not in (Right.ACCESS, Right.PORTABILITY):
        raise InputError("request.right", f"the request asks for {request.right}, not access.", where=where)
    if request.state not in _RUNNABLE:
        raise BlockedError(
            "request.not_approved",
            f"the request is in state '{request.state}'; only approved requests are carried out.",
            where=where,
        )


def _tables(
    spark: SparkSession, control: Control, request_id: str, searched: Searched, staging: Path
) -> tuple[AccessTable, ...]:
    """Write every table's records, and return what the page says about each.

    Rows that somebody else's restriction covers, too, may not be used even for this (Art. 18(2)).
    """
    from delible.detect.model_files import check_installed
    from delible.lake.access import own_values, rows_of_person
    from delible.lake.facts import read

    check_installed(control.workspace.nlp)
    policies, found = control.policies, searched.found
    touched = [name for name in policies.tables if (due := searched.due.get(name)) is not None and due.rows]
    if not touched:
        return tuple(_described(policies, policy) for policy in policies.tables.values())
    restricted = Restricted.of(spark, control, but=every_ref(control, found).get(request_id, ()))
    frames = {
        n: restricted.without(n, read(spark, searched.locations[n], version=searched.versions[n])) for n in touched
    }
    own = own_values(spark, policies, frames, found.keys, found.shared, touched)
    tables, detection = [], detection_of(policies, control.workspace.nlp)
    for name, policy in policies.tables.items():
        if name not in touched:
            tables.append(_described(policies, policy))
            continue
        rows = rows_of_person(
            spark,
            policies.controller,
            policy,
            frames[name],
            keys=found.keys,
            own=own,
            rows=searched.due[name].rows,
            detection=detection,
        )
        tables.append(_recorded(_described(policies, policy), rows, staging))
    return tuple(tables)


def _recorded(table: AccessTable, rows: PersonRows, staging: Path) -> AccessTable:
    """Write a table's records, and return it with the first of them for the page."""
    first: list[tuple[str | None, ...]] = []
    nested = [c in rows.nested for c in rows.columns]
    with RecordFiles(staging, table.table, rows.columns, rows.nested) as files:
        for values, redactions in rows.rows:
            files.add(values, redactions)
            if len(first) < MOST_ROWS:
                first.append(tuple(readable(v, nested=n) for v, n in zip(values, nested, strict=True)))
    return table.model_copy(
        update={
            "shown": rows.columns,
            "rows": tuple(first),
            "total": files.written.rows,
            "files": files.names,
            "redactions": files.written.redactions,
            "unmapped": rows.unmapped,
        }
    )


def _described(policies: PolicySet, policy: TablePolicy) -> AccessTable:
    """Return what the policies say about a table."""
    purposes = [policies.purposes[name] for name in policy.purposes if name in policies.purposes]
    recipients = dict.fromkeys((*policy.recipients, *(r for p in purposes for r in p.recipients)))
    return AccessTable(
        table=policy.table,
        description=policy.description,
        purposes=tuple(
            AccessPurpose(purpose=p.purpose, description=p.description, legal_basis=p.legal_basis) for p in purposes
        ),
        recipients=tuple(
            AccessRecipient(recipient=r.recipient, description=r.description, role=r.role, contact=r.contact)
            for name in recipients
            if (r := policies.recipients.get(name)) is not None
        ),
        retention=tuple(_kept(rule) for rule in policies.retention.values() if rule.table == policy.table),
        source=f"Made from: {', '.join(u.replace('_', ' ') for u in policy.upstream)}." if policy.upstream else None,
        columns=tuple(AccessColumn(name=c, category=m.category, special=m.special) for c, m in policy.columns.items()),
        rows=(),
        total=0,
    )


def _kept(rule: RetentionRule) -> str:
    """Return a retention rule as a sentence for people."""
    some = " (some of the records)" if rule.where else ""
    return f"{period(rule.keep)} from '{str(rule.clock).replace('_', ' ')}'{some}: {rule.reason}"


def _withheld(searched: Searched, regime: Regime) -> tuple[str, ...]:
    """Return what the search left out because it is somebody else's, too."""
    ground = " (GDPR Art. 15(4))" if regime is Regime.GDPR else ""
    sentences = []
    if searched.found.shared:
        sentences.append(
            "Records that are found only by an identifier you have in common with somebody else, such as a family's "
            f"telephone number: they may be about the other person{ground}."
        )
    for name, due in searched.due.items():
        if due.shared_rows:
            sentences.append(
                f"{count(due.shared_rows, 'record')} of '{name.replace('_', ' ')}' that you have in common with "
                f"somebody else, such as a card that two people use{ground}."
            )
    return tuple(sentences)
