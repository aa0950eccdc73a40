"""The main job, whole: a synthetic company, and everything that the toolkit does to it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from delible.errors import BlockedError
from delible.model.request import Request
from delible.model.terms import Regime, Right
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.clock import Clock
from delible.workflows.consent import import_consents
from delible.workflows.dataset import build_dataset
from delible.workflows.erasure import Erased
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.init import init_workspace
from delible.workflows.policies import shipped_policies
from delible.workflows.reporting import audit_report
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from delible.workflows.scanning import Extent
from delible.workflows.spark import end_session, session_for
from delible.workflows.tagging import scan_tables
from delible.workflows.verification import verify_people

PEOPLE = 3_000
Progress = Callable[[str], None]
Person = dict[str, str | int]

ERASED: tuple[Person, ...] = ({"email": "Tilda.17@mailbox.example"}, {"customer_id": 23})
"""One known by an e-mail address that other people mention, one by a key whose card somebody else shares."""
CURIOUS: Person = {"customer_id": 42}
CHANGED_MIND: Person = {"customer_id": 64}


@dataclass(frozen=True)
class Line:
    """One row of the closing table."""

    step: str
    happened: str


@dataclass(frozen=True)
class Demo:
    """What the demo did, and where its report is."""

    workspace: Workspace
    lines: tuple[Line, ...]
    report: Path


def run_demo(folder: Path, *, actor: str, now: datetime, progress: Progress = lambda _: None) -> Demo:
    """Run the whole chain in a new workspace, and leave it there for every other command.

    Raises:
        InputError: `workspace.exists` when the folder already is one.
    """
    clock = Clock(now)
    lines: list[Line] = []

    def step(number: int, text: str) -> None:
        progress(f"[{number}/9] {text}")

    init_workspace(folder, actor=actor, now=clock())
    config = folder / CONFIG_FILE
    config.write_text(config.read_text().replace("spark: {}  ", 'spark: {spark.delible.small: "true"}  '))
    workspace = open_workspace(folder)
    shutil.copytree(shipped_policies(), workspace.path(workspace.config.policies), dirs_exist_ok=True)
    step(1, f"writing a company of {PEOPLE:,} people")
    from delible.lake.company import make_company

    spark = session_for(workspace)
    made = make_company(spark, workspace.path(workspace.config.warehouse), people=PEOPLE, now=now)
    lines.append(Line("company", f"{sum(made.values()):,} rows in {len(made)} tables, {PEOPLE:,} people"))
    step(2, "looking for personal data")
    found = scan_tables(workspace, extent=Extent(values=1_000), actor=actor, now=clock())
    lines.append(Line("scan", f"{found.personal} of {len(found.findings)} columns hold personal data"))
    step(3, "removing what is past its retention period")
    retention = apply_retention(
        workspace,
        plan_due_retention(workspace, now=clock(), immediate=True),
        actor=actor,
        now=clock(),
        progress=progress,
    )
    removed = sum(t.rows for t in retention.tables)
    lines.append(Line("retention", f"{removed:,} rows past their period removed from {len(retention.tables)} tables"))
    step(4, "importing consents, and one withdrawal")
    lines.append(_consented(workspace, actor, clock, now))
    step(5, "taking in two erasure requests and one access request")
    requests = _submitted(workspace, Right.ERASURE, ERASED, actor, clock())
    requests += _submitted(workspace, Right.ACCESS, (CURIOUS,), actor, clock())
    for request in requests:
        approve_request(workspace, request.id, actor=f"{actor} (approver)", now=clock())
    step(6, "carrying them out")
    done = fulfil_requests(
        workspace, [r.id for r in requests], immediate=True, actor=actor, now=clock(), progress=progress
    )
    if done.left_out:
        raise BlockedError.of(done.left_out)
    lines += _erased(done.erasures)
    lines.append(Line("access", f"{len(done.packages)} package: {_shown(next(iter(done.packages.values())))}"))
    step(7, "cutting the training dataset")
    built = build_dataset(workspace, "support_training", actor=actor, now=clock()).manifest
    excluded = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in built.excluded.items())
    lines.append(Line("dataset", f"{built.rows_out:,} of {built.rows_in:,} tickets released; left out: {excluded}"))
    step(8, "searching every byte once more")
    with _file(ERASED) as path:
        proof = verify_people(workspace, request_id=None, identifiers=path, actor=actor, now=clock())
    matches = sum(m.count for m in proof.matches)
    lines.append(Line("byte proof", f"{proof.files_searched:,} files searched, {matches} matches"))
    step(9, "writing the audit report")
    end_session(workspace)
    check = verify_ledger(workspace)
    lines.append(Line("ledger", f"{check.records:,} records, {'intact' if check.intact else 'NOT INTACT'}"))
    report = audit_report(workspace, now=clock())
    return Demo(workspace, tuple(lines), report.html)


def _consented(workspace: Workspace, actor: str, clock: Clock, now: datetime) -> Line:
    with _file(_consents(now)) as path:
        imported = import_consents(workspace, path, form="native", actor=actor, now=clock())
    with _file([_consent(CHANGED_MIND, "withdrawn", now - timedelta(days=1))]) as path:
        import_consents(workspace, path, form="native", actor=actor, now=clock())
    return Line("consent", f"{imported.lines:,} consents imported, 1 withdrawal")


def _submitted(
    workspace: Workspace, right: Right, people: tuple[Person, ...], actor: str, now: datetime
) -> list[Request]:
    with _file(people) as path:
        return submit_requests(workspace, right=right, regime=Regime.GDPR, identifiers=path, actor=actor, now=now)


def _erased(runs: tuple[Erased, ...]) -> list[Line]:
    tables = [t for run in runs for t in run.tables]
    rows, masked = sum(t.rows for t in tables), sum(t.mentions for t in tables)
    kept = sum(t.step.shared_rows for t in tables)
    files = sum(t.files_removed + t.log_files_removed for t in tables)
    return [
        Line("erasure", f"{rows:,} rows of {len(ERASED)} people erased or stripped in {len(tables)} tables"),
        Line("", f"{masked} mentions in other people's tickets masked, {kept} shared cards kept"),
        Line("", f"{files:,} old data and log files removed"),
    ]


def _consents(now: datetime) -> Iterator[dict[str, object]]:
    for number in range(1, PEOPLE + 1):
        if number % 3:
            status = "refused" if number % 10 == 0 else "given"
            yield _consent({"customer_id": number}, status, now - timedelta(days=30 + number % 300))


def _consent(person: Person, status: str, since: datetime) -> dict[str, object]:
    return {
        "subject": person,
        "purpose": "model_training",
        "status": status,
        "notice_version": "2026-01",
        "valid_from": since.isoformat(),
        "source": "preference-centre",
    }


@contextmanager
def _file(lines: Iterator[dict[str, object]] | list[dict[str, object]] | tuple[Person, ...]) -> Iterator[str]:
    """Write JSON lines to a file outside the workspace, for as long as they are needed."""
    descriptor, name = tempfile.mkstemp(suffix=".jsonl")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
        yield name
    finally:
        Path(name).unlink()


def _shown(path: Path) -> str:
    return os.path.relpath(path)
