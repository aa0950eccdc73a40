"""How long the audit report takes over a hundred thousand requests, and how large its files get.

The requests are made by the store's own functions: of both laws and all rights, most of them answered, some late, some
refused, some open. What stands is asked for: under 30 seconds, and under 5 MB for each form. So that the figure means
something on a busy machine, it stands beside the processor time of `audit verify` on the same ledger in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from startup import prepared
from store import BATCH, person

from delible.decide.deadline import due_date
from delible.model.consent import ConsentRecord
from delible.model.identity import Verification
from delible.model.record import AuditEntry
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, Regime, RequestState, Right
from delible.store.consents import Consents
from delible.store.request_changes import verified
from delible.store.request_events import Event
from delible.store.requests import NewRequest, refs_of
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.report_files import FORMS
from delible.workflows.reporting import audit_report

BEGIN = datetime(2026, 1, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 12, 15, tzinfo=UTC)
MOST_SECONDS, MOST_BYTES = 30, 5_000_000
_RIGHTS = (Right.ERASURE, Right.ACCESS, Right.ERASURE, Right.RECTIFICATION, Right.OPT_OUT)
_OPEN, _REFUSED = 17, 23
"""Every so manieth request stays open, or is refused."""


def main() -> int:
    """Fill a workspace, make the report, and print what it took as one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--workspace", type=Path, help="Kept, and used again when it is filled already.")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.workspace or Path(folder)
        filled_before = (root / "shop" / "delible.yaml").exists()
        workspace = open_workspace(root / "shop" if filled_before else prepared(root))
        filled = fill(workspace, given.requests)
        print(json.dumps({"benchmark": "report", **filled, **measured(workspace)}))
    return 0


def fill(workspace: Workspace, requests: int) -> dict[str, object]:
    """Bring a workspace up to so many requests, carried through their lives; return how much there is then."""
    control = Control(workspace)
    start, have = time.perf_counter(), len(control.requests.all())
    if have >= requests:
        return {"requests": have}
    for first in range(have, requests, BATCH):
        numbers = range(first, min(first + BATCH, requests))
        received = BEGIN + timedelta(days=28 * (numbers[0] // BATCH))
        made = control.requests.submit([_new(control, n, received) for n in numbers], actor="benchmark", now=received)
        alive = [r.id for n, r in zip(numbers, made, strict=True) if n % _OPEN]
        refused = [r.id for n, r in zip(numbers, made, strict=True) if n % _OPEN and not n % _REFUSED]
        control.requests.transition_all(
            refused, RequestState.REFUSED, actor="benchmark", now=received + timedelta(days=9), reason="unfounded"
        )
        done = sorted(set(alive) - set(refused))
        control.requests.change(done, lambda r, at=received: _known(r, at), received)
        control.requests.approve_all(done, "benchmark", received + timedelta(days=2))
        third = len(done) // 3
        for days, some in ((6, done[:third]), (20, done[third : 2 * third]), (48, done[2 * third :])):
            at = received + timedelta(days=days)
            control.requests.transition_all(some, RequestState.IN_PROGRESS, actor="benchmark", now=at)
            control.requests.transition_all(some, RequestState.COMPLETED, actor="benchmark", now=at)
        control.ledger.append([_run(f"E-{numbers[0]}", table) for table in ("customers", "orders")], received)
    records = [_consent(n) for n in range(requests)] if not Consents(workspace).written else []
    for first in range(0, len(records), BATCH):
        Consents(workspace).append(records[first : first + BATCH])
    return {"requests": len(control.requests.all()), "fill_seconds": round(time.perf_counter() - start, 1)}


def measured(workspace: Workspace) -> dict[str, object]:
    """Return seconds and bytes of the report, and of each form."""
    start = time.process_time()
    Control(workspace).ledger.verify()
    verified = time.process_time() - start
    start, cpu = time.perf_counter(), time.process_time()
    report = audit_report(workspace, now=NOW, start=BEGIN)
    found: dict[str, object] = {"records": report.facts.ledger.records, "seconds": _since(start)}
    for form in FORMS:
        start = time.perf_counter()
        found[form] = {"bytes": report.written(form).stat().st_size, "seconds": _since(start)}
    sizes = [report.file(form).stat().st_size for form in FORMS]
    total = sum(value["seconds"] for value in found.values() if isinstance(value, dict))
    found["within"] = float(str(found["seconds"])) + total < MOST_SECONDS and max(sizes) < MOST_BYTES
    spent = time.process_time() - cpu
    found |= {
        "cpu_seconds": round(spent, 2),
        "verify_cpu_seconds": round(verified, 2),
        "ratio": round(spent / verified, 1),
    }
    found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 2)


def _new(control: Control, number: int, received: datetime) -> NewRequest:
    own, right = person(number), _RIGHTS[number % len(_RIGHTS)]
    regime = Regime.CCPA if number % 3 == 0 or right is Right.OPT_OUT else Regime.GDPR
    kinds = control.policies.controller.identifiers
    due = due_date(right, regime, received)
    return NewRequest(
        right=right,
        regime=regime,
        identifiers=own,
        refs=refs_of(own, kinds, control.keys),
        received=received,
        due=due,
    )


def _known(request: Request, at: datetime) -> Event:
    """Return that the data subject has shown who they are, in their account."""
    degree = Verification.REASONABLY_HIGH
    return verified(request, degree, actor="benchmark", now=at, due=request.due, paused=0, account=True)


def _run(plan: str, table: str) -> AuditEntry:
    counts = {"rows": 3}
    thing = f"plan:{plan}/table:{table}"
    return AuditEntry(actor="benchmark", action="erasure.merge", object=thing, outcome="done", counts=counts)


def _consent(number: int) -> ConsentRecord:
    return ConsentRecord(
        ref=SubjectRef(f"v1.{number:064x}"),
        kind="email",
        purpose="model_training",
        status=ConsentStatus.GIVEN if number % 4 else ConsentStatus.REFUSED,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=BEGIN,
        recorded_at=BEGIN,
        source="benchmark",
    )


if __name__ == "__main__":
    sys.exit(main())
