"""Certificates: one signed statement per erasure request, as JSON and as a page."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import ValidationError

from delible.errors import InputError, Problem, StalePlanError, TamperError
from delible.model.plan import ErasurePlan
from delible.model.proof import Certificate, Manifest, TableProof, Verification
from delible.model.request import Request
from delible.model.terms import ErasureAction, RequestState
from delible.report.certificate import certificate_bytes, certificate_document, certificate_html
from delible.store.files import private_write
from delible.store.members import Holding
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.journal import Step
from delible.workflows.stages import Run
from delible.workflows.treated import Treated

_AT_ONCE = 16
"""Files that are written at once."""


def certify(
    control: Control,
    run: Run,
    plan: ErasurePlan,
    requests: Sequence[Request],
    treated: tuple[Treated, ...],
    verifications: Mapping[str, Verification],
    holding: Holding,
    listed: Manifest | None = None,
) -> None:
    """Write the requests' certificates, each bound to its own place in the ledger; the ledger is written once for all.

    Args:
        treated: What this plan and earlier ones did, in that order; a table's numbers are added up.
        verifications: The search that proves it, by request.
        listed: The list of the plan's files.
        holding: The releases that hold the people of the plan, found by references that are each one's alone.

    Raises:
        StalePlanError: `plan.stale` when fewer rows were erased from a table than were planned.
    """
    if not requests:
        return
    proofs = _proofs(treated)
    _refuse_fewer(plan, proofs)
    unknown = len(holding.unknown)
    outcomes = {
        f"request:{r.id}": Step({"releases": len(holding.inside.get(r.id, ())), "releases_unknown": unknown})
        for r in requests
    }
    records = run.journal.once_each("certify", outcomes)
    planned = {r.id: r for r in plan.requests}
    history = {t.step.table: t.history for t in treated if t.history is not None}
    folder = certificate_folder(control.workspace)
    folder.mkdir(parents=True, exist_ok=True)
    private_write(folder / "public-key.pem", control.keys.public_pem().encode())
    written: dict[Path, bytes] = {}
    for request in requests:
        record = records[f"request:{request.id}"]
        certificate = Certificate(
            certificate=f"C-{request.id.removeprefix('R-')}",
            request=request.id,
            right=request.right,
            regime=request.regime,
            received=request.received,
            completed=record.at,
            controller=control.policies.controller.controller,
            refs=tuple(request.refs),
            policy_fingerprint=plan.policy_fingerprint,
            plan=plan.id,
            earlier_plans=plan.earlier,
            matched=planned[request.id].matched,
            rows=planned[request.id].rows,
            shared_identifiers=planned[request.id].shared,
            tables=proofs,
            kept=planned[request.id].kept,
            kept_rows=planned[request.id].kept_rows,
            verification=verifications[request.id],
            releases=holding.inside.get(request.id, ()),
            releases_superseded=holding.superseded(request.id),
            releases_unknown=holding.unknown,
            manifest=listed,
            history=history,
            ledger_sequence=record.sequence,
            ledger_hash=record.hash,
            key_id=control.keys.key_id,
        )
        signed = certificate.model_copy(update={"signature": control.keys.sign(certificate_bytes(certificate))})
        path = certificate_path(control.workspace, request.id)
        written[path] = json.dumps(certificate_document(signed), indent=2).encode() + b"\n"
        written[path.with_suffix(".html")] = certificate_html(signed).encode()
    if len(written) <= _AT_ONCE:
        for path, content in written.items():
            private_write(path, content)
        return
    # A disk takes as long to make one file last as to make several last at once.
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="certificate") as pool:
        deque(pool.map(private_write, written.keys(), written.values()), maxlen=0)


def certificate_folder(workspace: Workspace) -> Path:
    """Return where certificates and the lists of their files are."""
    return workspace.path(f"{workspace.config.reports}/certificates")


def certificate_path(workspace: Workspace, request_id: str) -> Path:
    """Return where a request's certificate is, or would be."""
    return certificate_folder(workspace) / f"{request_id}.json"


def read_certificate(workspace: Workspace, request_id: str) -> tuple[Certificate, Path]:
    """Return a request's certificate.

    Raises:
        InputError: `request.unknown`, or `certificate.missing` when the request has none (yet).
        TamperError: `certificate.forged` when its signature does not fit.
    """
    control = Control(workspace)
    request = control.requests.get(request_id)
    path = certificate_path(workspace, request.id)
    if not path.exists() and request.state is RequestState.DUPLICATE and request.duplicate_of:
        raise InputError(
            "certificate.missing",
            f"the request repeats {request.duplicate_of}, and is answered with it.",
            where=f"request:{request_id}",
            fix=f"Ask for that one's: delible erasure certificate {request.duplicate_of}",
        )
    if not path.exists():
        raise InputError(
            "certificate.missing",
            f"the request is in state '{request.state}' and has no certificate.",
            where=f"request:{request_id}",
            fix="A certificate is written when an erasure request is completed.",
        )
    try:
        certificate = Certificate.model_validate_json(path.read_bytes())
    except ValidationError:
        certificate = None
    if certificate is None or not control.keys.verify(certificate_bytes(certificate), certificate.signature):
        raise TamperError(
            "certificate.forged", "the certificate is not the one that was signed.", where=f"request:{request_id}"
        )
    return certificate, path


def _refuse_fewer(plan: ErasurePlan, proofs: Sequence[TableProof]) -> None:
    """Refuse to certify planned rows that no commit accounts for; of exceptions' tables some rows rightly stay."""
    erased = {proof.table: proof.rows_erased for proof in proofs if proof.action is not ErasureAction.KEEP}
    problems = tuple(
        Problem(
            "plan.stale",
            f"{step.rows} row(s) of table '{step.table}' were planned, and {erased[step.table]} were erased: others "
            "have removed or changed the rest meanwhile, or the plan was also run elsewhere. Make a new plan with: "
            "delible erasure plan",
            f"table:{step.table}",
        )
        for step in plan.tables
        if step.stages and not step.exceptions and erased.get(step.table, step.rows) < step.rows
    )
    if problems:
        raise StalePlanError.of(problems)


def _proofs(treated: Sequence[Treated]) -> tuple[TableProof, ...]:
    proofs: dict[str, TableProof] = {}
    for each in treated:
        known, proof = proofs.get(each.step.table), _proof(each)
        proofs[proof.table] = proof if known is None else _together(known, proof)
    return tuple(proofs.values())


def _together(now: TableProof, earlier: TableProof) -> TableProof:
    added = (
        "rows_erased",
        "mentions_masked",
        "files_rewritten",
        "bytes_rewritten",
        "files_removed",
        "log_files_removed",
    )
    sums: dict[str, int] = {name: getattr(now, name) + getattr(earlier, name) for name in added}
    return now.model_copy(update={**sums, "version_before": min(now.version_before, earlier.version_before)})


def _proof(treated: Treated) -> TableProof:
    step = treated.step
    return TableProof(
        table=step.table,
        action=step.action,
        version_before=step.version,
        version_after=step.version if treated.version is None else treated.version,
        rows_erased=treated.rows,
        rows_shared=step.shared_rows,
        mentions_masked=treated.mentions,
        files_rewritten=treated.files_rewritten,
        bytes_rewritten=treated.bytes_rewritten,
        files_removed=treated.files_removed,
        log_files_removed=treated.log_files_removed,
        reason=step.reason,
    )
