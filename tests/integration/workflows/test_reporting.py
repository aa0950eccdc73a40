"""Reports of a workspace with the shop's own policies, through the command line and back from the files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.cli.main import main
from delible.errors import InputError
from delible.model.lineage import DatasetUse
from delible.model.record import AuditEntry, TagFinding
from delible.model.request import Request
from delible.model.subject import Identifier
from delible.model.terms import Regime, RequestState, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.tags import Tags
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.certificates import read_certificate
from delible.workflows.control import Control
from delible.workflows.reporting import audit_report, request_report
from past_runs import emit_run

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
CANARY = "canary-51c7@person.example"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    shutil.copytree(ROOT / "policies" / "shop", made.path("policies"), dirs_exist_ok=True)
    return made


@pytest.fixture
def request_(workspace: Workspace) -> Request:
    """One erasure that was carried out, with its table runs in the ledger."""
    control = Control(workspace)
    identifiers = (Identifier(kind="email", value=CANARY),)
    new = NewRequest(
        right=Right.ERASURE,
        regime=Regime.GDPR,
        identifiers=identifiers,
        refs=refs_of(identifiers, control.policies.controller.identifiers, control.keys),
        received=NOW - timedelta(days=20),
        due=date(2026, 4, 11),
    )
    (made,) = control.requests.submit([new], actor="dpo", now=NOW - timedelta(days=20))
    begun = NOW - timedelta(days=10)
    control.requests.approve(made.id, actor="dpo", now=begun, require_second_person=False)
    control.requests.transition(made.id, RequestState.IN_PROGRESS, actor="dpo", now=begun)
    at = NOW - timedelta(days=9)
    for stage, counts in (("merge", {"rows": 3}), ("vacuum", {"files_removed": 2}), ("expire_log", {})):
        control.ledger.append([_entry(f"erasure.{stage}", "plan:E-1/table:customers", counts)], at)
    searched = {"files_searched": 12, "bytes_searched": 4096, "matches": 0, "unreadable": 0}
    control.ledger.append([_entry("erasure.verify", "plan:E-1/all", searched)], at)
    control.ledger.append([_entry("erasure.certify", f"plan:E-1/request:{made.id}", {})], at)
    done = control.requests.transition(made.id, RequestState.COMPLETED, actor="dpo", now=at)
    finding = TagFinding(
        table="customers",
        column="email",
        category="user.contact.email",
        entity="EMAIL_ADDRESS",
        confidence=0.97,
        sampled=1000,
        hits=970,
        bound=0.0,
        evidence=("values",),
        version=1,
        at=at,
    )
    Tags(workspace).put([finding])
    return done


def _entry(action: str, thing: str, counts: dict[str, int]) -> AuditEntry:
    return AuditEntry(actor="dpo", action=action, object=thing, outcome="done", counts=counts)


def run(capsys: pytest.CaptureFixture[str], workspace: Workspace, *words: str) -> tuple[int, Any]:
    code = main([*words, "--workspace", str(workspace.root), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_audit_report_tells_what_the_stores_hold(workspace: Workspace, request_: Request) -> None:
    report = audit_report(workspace, now=NOW)
    (line,) = report.facts.requests
    assert (line.id, line.punctuality, line.days_taken) == (request_.id, "in_time", 11)
    (erased,) = report.facts.erasures
    assert (erased.table, erased.proof, erased.rows) == ("customers", "proven", 3)
    assert report.facts.start == datetime(2026, 3, 11, tzinfo=UTC)
    assert report.facts.ledger.intact
    assert json.loads(report.json.read_text())["policy_fingerprint"] in report.html.read_text()


def test_no_report_holds_an_identifier(workspace: Workspace, request_: Request) -> None:
    audit_report(workspace, now=NOW)
    request_report(workspace, request_.id, now=NOW)
    written = sorted(workspace.path("reports").iterdir())
    assert len(written) == 4
    for path in written:
        assert path.stat().st_mode & 0o077 == 0
        assert CANARY not in path.read_text()
        assert not [ref for ref in request_.refs if ref in path.read_text()]


def test_a_period_of_whole_days_includes_both(
    workspace: Workspace, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = run(capsys, workspace, "report", "audit", "--from", "2026-03-11", "--to", "2026-03-22")
    assert code == 0
    assert (answer["start"], answer["end"]) == ("2026-03-11T00:00:00Z", "2026-03-22T23:59:59.999999Z")
    assert (answer["requests"][0]["state"], len(answer["erasures"])) == ("completed", 1)
    code, answer = run(capsys, workspace, "report", "audit", "--to", "2026-03-20")
    assert answer["requests"][0]["state"] == "awaiting_approval"
    assert answer["erasures"] == []


def test_a_period_that_ends_before_it_starts_is_bad_input(workspace: Workspace, request_: Request) -> None:
    with pytest.raises(InputError) as caught:
        audit_report(workspace, now=NOW, start=NOW, end=NOW - timedelta(days=1))
    assert caught.value.code == "report.period"


BEGINNINGS = {"html": b"<!DOCTYPE html>", "json": b"{", "md": b"# ", "pdf": b"%PDF-"}


@pytest.mark.parametrize("form", BEGINNINGS)
@pytest.mark.parametrize("name", ["audit", "ropa", "ccpa-metrics"])
def test_every_form_of_a_report_is_written_for_its_owner_only(
    name: str, form: str, workspace: Workspace, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "outside.pdf")] if form == "pdf" else []
    code, answer = run(capsys, workspace, "report", name, "--format", form, *out)
    made = Path(answer["path"])
    assert (code, made.suffix, answer["path"] in answer["files"]) == (0, f".{form}", form != "pdf")
    assert made.read_bytes().startswith(BEGINNINGS[form])
    assert made.stat().st_mode & 0o077 == 0
    for text in (CANARY, *request_.refs):
        assert text.encode() not in made.read_bytes()


def test_no_pdf_stays_where_an_erasure_has_to_search_every_byte(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in (
        [],
        ["--out", str(workspace.root / "audit.pdf")],
        ["--out", str(workspace.root / "x" / ".." / "a.pdf")],
    ):
        code, answer = run(capsys, workspace, "report", "audit", "--format", "pdf", *out)
        assert (code, answer["errors"][0]["code"]) == (2, "output.inside")
    assert run(capsys, workspace, "report", "audit", "--format", "pdf", "--out", str(tmp_path / "audit.pdf"))[0] == 0
    assert not [path for path in workspace.root.rglob("*") if path.suffix == ".pdf"]


def test_request_metrics_count_the_register(
    workspace: Workspace, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = run(capsys, workspace, "report", "ccpa-metrics")
    assert (code, answer["years"], answer["obliged"]) == (0, [], None)
    words = ("--all-individuals", "--consumers", "10000000", "--year", "2026")
    code, answer = run(capsys, workspace, "report", "ccpa-metrics", *words)
    (year,) = answer["years"]
    assert (year["metrics"][0]["complied"], year["metrics"][0]["median_days"], answer["obliged"]) == (1, 11.0, True)


def test_records_of_processing_are_those_of_the_shop(
    workspace: Workspace, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = run(capsys, workspace, "report", "ropa")
    assert (code, len(answer["activities"])) == (0, 5)
    (customers,) = [t for t in answer["tables"] if t["table"] == "customers"]
    assert (customers["erasure_rows"], customers["proven"]) == (3, 1)


@pytest.mark.parametrize("form", ["html", "json"])
def test_a_report_can_be_put_where_it_is_wanted(
    form: str, workspace: Workspace, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"audit.{form}"
    for _ in range(2):
        code, answer = run(capsys, workspace, "report", "audit", "--format", form, "--out", str(out))
        assert (code, answer["path"]) == (0, str(out))
    assert out.read_text().startswith("<!DOCTYPE html>" if form == "html" else "{")


@pytest.mark.parametrize(
    "words",
    [
        ("report", "audit", "--format", "docx"),
        ("report", "audit", "--from", "yesterday"),
        ("report", "audit", "--out", "no/such/folder/a.html"),
        ("report", "audit", "--out", "."),
        ("report", "request", "R-20260101-AAAAAA"),
        ("report", "request", "../../keys"),
        ("report", "dpia", "support_training@v1"),
        ("report", "ccpa-metrics", "--year", "12"),
        ("report", "breach"),
        ("lineage", "show", "nothing"),
    ],
)
def test_bad_input_ends_with_2(
    words: tuple[str, ...], workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = run(capsys, workspace, *words)
    assert (code, answer["status"]) == (2, "error")
    assert answer["errors"][0]["code"]


def test_a_broken_ledger_still_gives_a_report_and_ends_with_4(
    workspace: Workspace, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    head = workspace.path("store") / "head.json"
    head.write_text(head.read_text().replace('"sequence":', '"sequence": 1'))
    code, answer = run(capsys, workspace, "report", "audit")
    assert (code, answer["status"]) == (4, "error")
    assert answer["ledger"]["intact"] is False
    assert "NOT INTACT" in answer["summary"]
    assert "NOT intact" in Path(answer["path"]).read_text()


def test_the_report_on_a_request_tells_its_history(
    workspace: Workspace, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = run(capsys, workspace, "report", "request", request_.id)
    assert code == 0
    assert [e["outcome"] for e in answer["events"]][-1] == "completed"
    assert [(t["table"], t["proof"]) for t in answer["tables"]] == [("customers", "proven")]
    assert [s["about"] for s in answer["searches"]] == ["plan:E-1"]
    assert request_.id in Path(answer["path"]).read_text()


def test_a_duplicate_s_report_is_true_also_when_the_first_one_is_done(workspace: Workspace) -> None:
    control = Control(workspace)
    identifiers = (Identifier(kind="email", value=CANARY),)
    refs = refs_of(identifiers, control.policies.controller.identifiers, control.keys)
    new = NewRequest(
        right=Right.ERASURE, regime=Regime.GDPR, identifiers=identifiers, refs=refs, received=NOW, due=date(2026, 4, 30)
    )
    first, again = control.requests.submit([new, new], actor="dpo", now=NOW)
    open_ = request_report(workspace, again.id, now=NOW)
    assert f"repeats {first.id}, and is answered with it" in open_.facts.summary
    assert dict(open_.content.facts)["Answered"] == "not yet, with the first one"
    control.requests.approve(first.id, actor="dpo", now=NOW, require_second_person=False)
    control.requests.transition(first.id, RequestState.IN_PROGRESS, actor="dpo", now=NOW)
    later = NOW + timedelta(days=3)
    control.requests.transition(first.id, RequestState.COMPLETED, actor="dpo", now=later)
    done = request_report(workspace, again.id, now=later)
    assert "which ended as completed on 2026-04-03, and was answered with it" in done.facts.summary
    assert dict(done.content.facts)["Answered"] == later
    with pytest.raises(InputError, match=f"delible erasure certificate {first.id}"):
        read_certificate(workspace, again.id)


def test_lineage_is_shown_and_handed_over(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tickets, made = DatasetUse(name="tickets", location="/t", version=4), DatasetUse(name="training", location="/r")
    emit_run(workspace, job="dataset.build", inputs=[tickets], outputs=[made], started=NOW, ended=NOW)
    code, answer = run(capsys, workspace, "lineage", "show", "training")
    assert (code, answer["upstream"]) == (0, ["tickets"])
    out = tmp_path / "lineage.jsonl"
    code, answer = run(capsys, workspace, "lineage", "export", "--out", str(out))
    assert (code, answer["events"], len(out.read_text().splitlines())) == (0, 2, 2)
    code, _ = run(capsys, workspace, "lineage", "export", "--out", str(out))
    assert code == 2


def test_the_job_is_the_command(workspace: Workspace, request_: Request) -> None:
    job = ROOT / "jobs" / "report_audit.py"
    done = subprocess.run(
        [sys.executable, job, "--workspace", workspace.root, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["controller"].startswith("Fennel")
