"""Consent import takes sound rows in, says line and key of the others, and never a value."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import InputError
from delible.model.terms import ConsentStatus, LegalBasis, Normalise
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.consent import Imported, import_consents, show_consents

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CANARY = "canary-7f3a@person.example"
ROW: dict[str, Any] = {
    "subject": {"email": CANARY},
    "purpose": "training",
    "status": "given",
    "notice_version": "3",
    "valid_from": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    policies = made.path("policies")
    (policies / "controller.yaml").write_text(
        "controller: Fennel & Co\ncontact: privacy@fennel.example\nsubject: customer_id\nidentifiers:\n"
        "  customer_id: {distinctive: false}\n  email: {normalise: lower}\n  phone: {normalise: digits}\n"
    )
    for name, basis in (("training", "consent"), ("support", "contract")):
        text = f"purpose: {name}\ndescription: {name}\nlegal_basis: {basis}\n"
        (policies / "purposes" / f"{name}.yaml").write_text(text)
    return made


def write(workspace: Workspace, *lines: Any) -> str:
    path = workspace.root / "consents.jsonl"
    rows = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(rows) + b"\n")
    return str(path)


def take_in(workspace: Workspace, *lines: Any, strict: bool = False) -> Imported:
    return import_consents(workspace, write(workspace, *lines), form="native", actor="tests", now=NOW, strict=strict)


def test_a_line_becomes_a_record_for_every_identifier(workspace: Workspace) -> None:
    both = ROW | {"subject": {"email": " Canary-7F3A@person.example", "customer_id": 17}}
    full = {
        "subject": {"phone": "+49 30 123"},
        "purpose": "support",
        "status": "withdrawn",
        "notice_version": 4,
        "valid_from": "2026-02-01",
        "valid_until": "2026-03-01T00:00:00+02:00",
        "recorded_at": "2026-02-02T01:02:03.000004Z",
        "source": "call",
        "legal_basis": "contract",
    }
    done = take_in(workspace, both, b"", full)
    assert done == Imported(lines=2, records=3, subjects=3, purposes={"training": 1, "support": 1}, new=3)
    keys = load_keys(workspace)
    records = {r.kind: r for r in Consents(workspace).all()}
    assert records["email"].ref == keys.ref("email", CANARY, Normalise.LOWER)
    assert records["customer_id"].ref == keys.ref("customer_id", "17", Normalise.EXACT)
    assert records["email"].recorded_at == NOW
    assert records["email"].legal_basis is LegalBasis.CONSENT
    phone = records["phone"]
    assert phone.status is ConsentStatus.WITHDRAWN
    assert (phone.valid_from, phone.valid_until) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 28, 22, tzinfo=UTC),
    )
    assert (phone.recorded_at, phone.source, phone.notice_version) == (
        datetime(2026, 2, 2, 1, 2, 3, 4, tzinfo=UTC),
        "call",
        "4",
    )


def test_the_audit_ledger_has_the_intent_and_the_outcome_of_an_import(workspace: Workspace) -> None:
    take_in(workspace, ROW, ROW | {"status": "withdrawn"})
    intent, outcome = Ledger(workspace, load_keys(workspace)).records(action_prefix="consent.")
    assert [(r.action, r.object) for r in (intent, outcome)] == [("consent.import", "consents")] * 2
    assert (intent.outcome, outcome.outcome) == ("started", "done")
    assert intent.detail["import"] == outcome.detail["import"]
    assert intent.counts == {"lines": 2, "records": 2, "subjects": 1}
    assert outcome.counts == {"lines": 2, "records": 2, "subjects": 1, "new": 2}


BROKEN = [
    ("not json", b"{", "line"),
    ("not an object", b"[1]", "line"),
    ("not text", b'{"subject": "\xff"}', "line"),
    ("deeply nested", b"[" * 30_000, "line"),
    ("too long", b'{"subject": "' + b"x" * 70_000, "line"),
    ("a key twice", b'{"status": "given", "status": "withdrawn"}', "line"),
    ("an unknown key", ROW | {CANARY: 1}, "line"),
    ("no subject", {k: v for k, v in ROW.items() if k != "subject"}, "subject"),
    ("subject is text", ROW | {"subject": CANARY}, "subject"),
    ("empty subject", ROW | {"subject": {}}, "subject"),
    ("unknown kind", ROW | {"subject": {CANARY: "x"}}, "subject"),
    ("empty identifier", ROW | {"subject": {"email": "  "}}, "subject.email"),
    ("telephone without digits", ROW | {"subject": {"phone": "none"}}, "subject.phone"),
    ("NUL in identifier", ROW | {"subject": {"email": "a\x00b"}}, "subject.email"),
    ("identifier is a list", ROW | {"subject": {"email": [CANARY]}}, "subject.email"),
    ("identifier is true", ROW | {"subject": {"customer_id": True}}, "subject.customer_id"),
    ("identifier is a fraction", ROW | {"subject": {"customer_id": 1.5}}, "subject.customer_id"),
    ("identifier too long", ROW | {"subject": {"email": "x" * 2000}}, "subject.email"),
    ("unknown purpose", ROW | {"purpose": CANARY}, "purpose"),
    ("purpose is an object", ROW | {"purpose": {"a": CANARY}}, "purpose"),
    ("unknown status", ROW | {"status": CANARY}, "status"),
    ("status is a list", ROW | {"status": [CANARY]}, "status"),
    ("unknown legal basis", ROW | {"legal_basis": CANARY}, "legal_basis"),
    ("no notice", ROW | {"notice_version": ""}, "notice_version"),
    ("control character", ROW | {"source": f"\x1b{CANARY}"}, "source"),
    ("no time", ROW | {"valid_from": CANARY}, "valid_from"),
    ("time is a number", ROW | {"valid_from": 1700000000}, "valid_from"),
    ("time out of range", ROW | {"valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from"),
    ("ends before it begins", ROW | {"valid_until": "2025-12-31"}, "valid_until"),
    ("recorded in the future", ROW | {"recorded_at": "2026-06-01T12:00:00.000001Z"}, "recorded_at"),
]


@pytest.mark.parametrize(("name", "line", "key"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_a_broken_row_changes_nothing_when_strict_and_names_line_and_key(
    workspace: Workspace, name: str, line: Any, key: str
) -> None:
    with pytest.raises(InputError) as caught:
        take_in(workspace, ROW, line, ROW, strict=True)
    error = caught.value
    assert (error.code, error.exit_code) == ("consent.row", 2)
    (problem,) = error.problems
    assert problem.where is not None
    assert problem.where.endswith("consents.jsonl:2")
    assert f"'{key}'" in problem.message
    assert "canary" not in f"{error} {error.problems}".lower()
    assert Consents(workspace).all() == []
    assert Ledger(workspace, load_keys(workspace)).records() == []


def test_all_broken_rows_are_named(workspace: Workspace) -> None:
    with pytest.raises(InputError) as caught:
        take_in(workspace, ROW | {"status": "x"}, ROW, ROW | {"purpose": "x"}, strict=True)
    assert [p.where.rsplit(":")[-1] for p in caught.value.problems if p.where] == ["1", "3"]


def test_those_beyond_the_first_broken_rows_are_counted(workspace: Workspace) -> None:
    with pytest.raises(InputError) as caught:
        take_in(workspace, *[ROW | {"status": "x"}] * 700)
    assert caught.value.problems[-1].message == "680 more rows are broken."


def test_a_csv_header_that_names_nobody_is_one_error_with_what_is_needed(workspace: Workspace) -> None:
    path = workspace.root / "consents.csv"
    path.write_text(f"Email,purpose,status\n{CANARY},training,given\n" * 30)
    with pytest.raises(InputError) as caught:
        import_consents(workspace, str(path), form="native", actor="tests", now=NOW)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("consent.file", f"{path}:1")
    assert "subject.customer_id, subject.email, subject.phone." in problem.message
    assert "call it 'subject.email'" in problem.message
    assert "notice_version" in problem.message
    assert "canary" not in problem.message.lower()


def test_missing_file_and_unknown_format(workspace: Workspace) -> None:
    for source, form, code in [("none.jsonl", "native", "consent.file"), ("x\x00", "native", "consent.file")]:
        with pytest.raises(InputError) as caught:
            import_consents(workspace, source, form=form, actor="tests", now=NOW)
        assert caught.value.code == code
    with pytest.raises(InputError) as caught:
        import_consents(workspace, write(workspace, ROW), form="xml", actor="tests", now=NOW)
    assert caught.value.code == "consent.format"


def test_standard_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(ROW).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert import_consents(workspace, "-", form="native", actor="tests", now=NOW).records == 1


def test_show_decides_as_it_was_known_then(workspace: Workspace) -> None:
    late = {"valid_from": "2026-02-01", "recorded_at": "2026-04-01"}
    take_in(workspace, ROW | {"recorded_at": "2026-01-01"}, ROW | {"status": "withdrawn"} | late)
    who = workspace.root / "who.jsonl"
    who.write_text(json.dumps({"email": CANARY.upper()}) + '\n{"email": "nobody@person.example"}\n')

    def training(as_of: datetime, known_at: datetime) -> list[tuple[bool, str | None]]:
        people = show_consents(workspace, str(who), as_of=as_of, known_at=known_at)
        return [(a.keep, a.reason) for p in people for a in p.purposes if a.purpose == "training"]

    march = datetime(2026, 3, 1, tzinfo=UTC)
    assert training(march, march) == [(True, None), (False, "no_consent")]
    assert training(march, NOW)[0] == (False, "withdrawn")
    assert training(NOW, NOW)[0] == (False, "withdrawn")
