"""From an erasure that begins to an answer that is recorded, through recipients that fail and senders that die."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from delible.cli import main
from delible.errors import BlockedError, ConflictError, InputError
from delible.model.notice import Notice, NoticeState, notice_id
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Regime, RequestState, Right
from delible.store.delivery import Attempted
from delible.store.keys import _pads as pads_of
from delible.store.notices import Notices
from delible.store.webhook import Patience, Webhook
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.notices import (
    acknowledge_notice,
    list_notices,
    prepare_notices,
    queue_after,
    queue_notices,
    send_notices,
)
from delible.workflows.requests import approve_request, show_request, submit_requests
from delible.workflows.spark import alone
from http_recipient import Recipient, recipient
from policy_files import SOUND, write_policies

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MAIL = "ann@people.example"
S, N = RequestState, NoticeState
SECRET = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(SECRET.public_key().public_bytes_raw()).decode()
FINDS = f"\n  identifiers: [email]\n  public_key: {PUBLIC}"


def described(name: str, notify: str = "") -> str:
    text = f"recipient: {name}\ndescription: x\ncontact: x@{name}.example\nacknowledge_within: P14D\n"
    return text + (f"notify:\n  {notify}\n" if notify else "")


def to(url: str) -> str:
    """Return the route to a recipient on this machine."""
    return f"by: webhook\n  url: {url}\n  private_network: true"


def shop(folder: Path, *notify: tuple[str, str]) -> Workspace:
    workspace = create_workspace(folder / "shop")
    names = ", ".join(name for name, _ in notify)
    files = {f"recipients/{name}.yaml": described(name, how) for name, how in notify}
    table = SOUND["tables/customers.yaml"] + f"recipients: [{names}]\n"
    write_policies(workspace.root / "policies", {**SOUND, **files, "tables/customers.yaml": table})
    return workspace


def begun(workspace: Workspace, count: int = 1) -> tuple[Control, list[str]]:
    """Return requests whose erasure has begun: recipients are prepared, and nothing may be sent yet."""
    people = workspace.root.parent / "people.jsonl"
    people.write_text("".join(json.dumps({"email": MAIL.replace("ann", f"ann{n or ''}")}) + "\n" for n in range(count)))
    made = submit_requests(
        workspace, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(people), actor="desk", now=NOW
    )
    people.unlink()
    ids = [approve_request(workspace, r.id, actor="officer", now=NOW).id for r in made]
    control = Control(workspace)
    control.requests.transition_all(ids, S.IN_PROGRESS, actor="job", now=NOW)
    keys = control.requests.vault.get(ids)
    keys.append(KeyRow(ids[0], "customer_id", "4711", KeyRole.FOUND))
    prepare_notices(control, {i: {"customers"} for i in ids}, keys, actor="job", now=NOW)
    return control, ids


def done(workspace: Workspace, count: int = 1) -> list[str]:
    """Return requests whose erasure is done and whose recipients are to be told."""
    control, ids = begun(workspace, count)
    control.requests.transition_all(ids, S.COMPLETED, actor="job", now=NOW)
    queue_after(control, ids, actor="job", now=NOW, progress=lambda _: None)
    return ids


def send(workspace: Workspace, *ids: str) -> Sequence[Notice]:
    return send_notices(workspace, ids, actor="desk", now=NOW).notices


def states(workspace: Workspace) -> dict[str, NoticeState]:
    return {x.recipient: x.state for x in list_notices(workspace, actor="desk", now=NOW).notices}


def cli(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main.main([*words, "--workspace", str(workspace.root), "--json"])
    return code, json.loads(capsys.readouterr().out)


def opened(told: dict[str, Any]) -> dict[str, list[str]]:
    """Return the identifiers that were encrypted for this very notice."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    plain = suite.decrypt(
        base64.b64decode(told["identifiers"]), SECRET, info=f"delible notice {told['notice']}".encode()
    )
    found: dict[str, list[str]] = json.loads(plain)
    return found


def test_nothing_is_sent_before_the_erasure_is_done(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    assert states(workspace) == {"carrier": N.PREPARED}
    assert list(send(workspace)) == []
    with pytest.raises(BlockedError, match="prepared"):
        send(workspace, notice_id(ids[0], "carrier"))
    control.requests.transition_all(ids, S.WAITING_RETENTION_WINDOW, actor="job", now=NOW)
    assert list(send(workspace)) == []
    assert not (workspace.root / "outbox").exists()


def test_whose_rows_are_gone_is_told_of_though_a_file_still_holds_something(tmp_path: Path) -> None:
    """Art. 19 asks to tell of what was carried out; residue may stay for long."""
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    control.requests.transition_all(ids, S.PARTLY_COMPLETED, actor="job", now=NOW)
    assert [x.request for x in send(workspace)] == ids


def test_a_notice_names_no_person(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    (request,) = done(workspace)
    assert [x.state for x in send(workspace)] == [N.SENT]
    (file,) = (workspace.root / "outbox" / "carrier").iterdir()
    told = json.loads(file.read_bytes())
    ref = Control(workspace).requests.get(request).refs[0]
    assert told["subject_refs"][0] == ref
    assert told | {"duty": "", "subject_refs": []} == {
        "form": "delible/notice/1",
        "notice": notice_id(request, "carrier"),
        "controller": "Test & Co",
        "contact": "privacy@test.example",
        "recipient": "carrier",
        "right": "erasure",
        "regime": "gdpr",
        "duty": "",
        "request": request,
        "tables": ["customers"],
        "subject_refs": [],
        "identifiers": None,
        "issued": NOW.isoformat(),
        "acknowledge_by": (NOW + timedelta(days=14)).isoformat(),
    }
    assert MAIL not in file.read_text()
    assert "4711" not in told["subject_refs"]
    assert file.stat().st_mode & 0o077 == 0


def test_only_the_recipient_can_read_the_identifiers_it_asked_for(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", f"by: outbox{FINDS}"), ("bank", "by: outbox"))
    (request,) = done(workspace)
    send(workspace)
    assert MAIL.encode() not in b"".join(p.read_bytes() for p in workspace.root.rglob("*") if p.is_file())
    (file,) = (workspace.root / "outbox" / "carrier").iterdir()
    told = json.loads(file.read_bytes())
    assert told["notice"] == notice_id(request, "carrier")
    assert opened(told) == {"email": [MAIL]}
    with pytest.raises(InvalidTag):
        opened({**told, "notice": notice_id(request, "bank")})
    (other,) = (workspace.root / "outbox" / "bank").iterdir()
    assert json.loads(other.read_bytes())["identifiers"] is None


def test_one_notice_for_each_recipient_and_request_however_often_it_is_asked_for(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"), ("bank", "by: outbox"))
    control, ids = begun(workspace, 2)
    keys = control.requests.vault.get(ids)
    assert {x.state for x in prepare_notices(control, {i: ["customers"] for i in ids}, keys, actor="j", now=NOW)} == {
        N.PREPARED
    }
    control.requests.transition_all(ids, S.COMPLETED, actor="job", now=NOW)
    for _ in range(2):
        queue_notices(control, ids, actor="job", now=NOW)
        prepare_notices(control, {i: ["customers"] for i in ids}, keys, actor="job", now=NOW)
    assert len(send(workspace)) == 4
    assert list(send(workspace)) == []
    actions = [(r.action, r.outcome) for r in control.ledger.records(action_prefix="notice.")]
    assert sorted(set(actions)) == [
        ("notice.prepare", "done"),
        ("notice.queue", "done"),
        ("notice.send", "done"),
        ("notice.send", "started"),
    ]
    assert all(actions.count(a) == 4 for a in actions)
    assert verify_ledger(workspace).intact
    _, history = show_request(workspace, ids[0])
    assert [h["action"] for h in history].count("notice.send") == 4


def test_a_later_plan_that_reaches_more_adds_to_the_notice(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    tickets = control.policies.tables["customers"].model_copy(update={"table": "tickets"})
    control.policies.tables["tickets"] = tickets
    (notice,) = prepare_notices(control, {ids[0]: ["tickets"]}, [], actor="job", now=NOW)
    assert notice.tables == ("customers", "tickets")


def test_a_notice_that_is_queued_says_what_it_says(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    (request,) = done(workspace)
    control = Control(workspace)
    control.policies.tables["tickets"] = control.policies.tables["customers"].model_copy(update={"table": "tickets"})
    assert prepare_notices(control, {request: ["tickets"]}, [], actor="job", now=NOW)[0].tables == ("customers",)
    assert states(workspace) == {"carrier": N.QUEUED}


@pytest.mark.parametrize("acknowledged", [True, False])
def test_art_19_a_recipient_that_was_told_is_told_of_what_is_found_later(tmp_path: Path, acknowledged: bool) -> None:
    """A table that turns up with residue is cleaned by a plan of its own; nothing was said of it before."""
    workspace = shop(tmp_path, ("carrier", f"by: outbox{FINDS}"))
    (request,) = done(workspace)
    (first,) = send(workspace)
    if acknowledged:
        acknowledge_notice(workspace, first.id, by="them", actor="desk", now=NOW)
    control = Control(workspace)
    control.policies.tables["tickets"] = control.policies.tables["customers"].model_copy(update={"table": "tickets"})
    keys = [KeyRow(request, "email", MAIL, KeyRole.GIVEN), KeyRow(request, "customer_id", "4711", KeyRole.FOUND)]
    for _ in range(2):
        _, second = prepare_notices(control, {request: ["customers", "tickets"]}, keys, actor="job", now=NOW)
        queue_notices(control, [request], actor="job", now=NOW)
    assert (second.id, second.tables) == (notice_id(request, "carrier", 2), ("customers", "tickets"))
    assert [x.id for x in send(workspace)] == [second.id]
    keys.append(KeyRow(request, "email", "ann@other.example", KeyRole.FOUND))
    third = prepare_notices(control, {request: ["tickets"]}, keys, actor="job", now=NOW)[-1]
    assert (third.id, len(third.refs)) == (notice_id(request, "carrier", 3), 3)
    queue_notices(control, [request], actor="job", now=NOW)
    assert [x.id for x in send(workspace)] == [third.id]
    for file in sorted((workspace.root / "outbox" / "carrier").iterdir()):
        told = json.loads(file.read_bytes())
        assert f"{told['notice']}.json" == file.name
        assert MAIL in opened(told)["email"]
    assert [x.tables for x in list_notices(workspace, actor="desk", now=NOW).notices].count(("customers",)) == 1
    assert verify_ledger(workspace).intact


def test_a_person_who_was_in_no_table_of_a_recipient_is_not_told_of(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace, 2)
    assert prepare_notices(control, {ids[0]: []}, [], actor="job", now=NOW) == []
    assert len(control.notices.all()) == 2


def test_queueing_never_fails_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    control.requests.transition_all(ids, S.COMPLETED, actor="job", now=NOW)
    said: list[str] = []

    def broken(*_: object, **__: object) -> None:
        raise ConflictError("notice.busy", f"{MAIL} is busy")

    with monkeypatch.context() as patch:
        patch.setattr("delible.store.notices.Notices.queue", broken)
        queue_after(control, ids, actor="job", now=NOW, progress=said.append)
    assert "notice.busy" in said[0]
    assert MAIL not in said[0]
    assert [x.state for x in send(workspace)] == [N.SENT], "the next send makes up for it"


def test_a_recipient_without_adapter_is_a_gap_and_holds_nobody_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = shop(tmp_path, ("bank", ""), ("carrier", "by: outbox"))
    (request,) = done(workspace)
    code, answer = cli(workspace, capsys, "notice", "send")
    assert code == 3
    assert answer["sent"] == 1
    assert [(e["code"], e["where"]) for e in answer["errors"]] == [("notice.gap", "recipient:bank")]
    code, answer = cli(workspace, capsys, "notice", "ack", notice_id(request, "bank"), "--by", "told by letter")
    assert (code, answer["notice"]["state"]) == (0, "acknowledged")
    assert cli(workspace, capsys, "notice", "send")[0] == 0


def test_overdue_notices_are_listed_until_they_are_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"), ("bank", "by: outbox"))
    (request,) = done(workspace)
    send(workspace)
    late = NOW + timedelta(days=14, seconds=1)
    assert list_notices(workspace, actor="x", now=NOW + timedelta(days=14)).overdue == ()
    acknowledge_notice(workspace, notice_id(request, "bank"), by="Ben at the bank", actor="desk", now=NOW)
    found = list_notices(workspace, actor="x", now=late, overdue_only=True)
    assert [x.recipient for x in found.notices] == ["carrier"]
    code, answer = cli(workspace, capsys, "notice", "list", "--overdue")
    assert code == 3, "the test's dates lie in the past"
    assert answer["overdue"] == 1
    assert answer["errors"][0]["code"] == "notice.overdue"
    assert cli(workspace, capsys, "notice", "list")[0] == 0
    acknowledge_notice(workspace, notice_id(request, "carrier"), by="x", actor="desk", now=NOW)
    assert cli(workspace, capsys, "notice", "list", "--overdue")[0] == 0
    assert "Ben" not in str([r.model_dump() for r in Control(workspace).ledger.records()])
    with pytest.raises(BlockedError, match="acknowledged"):
        acknowledge_notice(workspace, notice_id(request, "carrier"), by="x", actor="desk", now=NOW)


@pytest.mark.parametrize("by", ["", "  ", "a\x00b", "\u202egnp", "x" * 201, "a\nb"])
def test_who_answered_is_a_printable_name(tmp_path: Path, by: str) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    (request,) = done(workspace)
    with pytest.raises(InputError, match="printable"):
        acknowledge_notice(workspace, notice_id(request, "carrier"), by=by, actor="desk", now=NOW)


@pytest.mark.parametrize("name", ["N-1", "", "../../x", "' OR 1=1 --", "x" * 4_000, "\u202e"])
def test_a_notice_that_is_not_there(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    done(workspace)
    for words in (["send", name], ["ack", name, "--by", "x"]):
        code, answer = cli(workspace, capsys, "notice", *words)
        assert (code, answer["errors"][0]["code"]) == (2, "notice.unknown")


def test_webhook_and_key_from_policy_to_recipient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recipient(200) as there:
        workspace = shop(tmp_path, ("carrier", to(there.url)), ("bank", "by: outbox"))
        (request,) = done(workspace)
        assert cli(workspace, capsys, "notice", "send")[0] == 0
        assert cli(workspace, capsys, "notice", "key", "carrier", "--out", str(tmp_path / "key"))[0] == 0
        assert cli(workspace, capsys, "notice", "key", "carrier", "--out", str(tmp_path / "key"))[0] == 2
        assert cli(workspace, capsys, "notice", "key", "bank", "--out", str(tmp_path / "key2"))[0] == 2
    (got,) = there.got
    assert got.headers["idempotency-key"] == notice_id(request, "carrier")
    key = base64.b64decode((tmp_path / "key").read_bytes())
    assert got.genuine(key)
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    keys = Control(workspace).keys
    assert key != keys.notice_key("bank")
    assert pads_of(key) != keys.domain_pads("carrier")


def test_a_recipient_that_fails_holds_no_other_up_and_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with recipient(404) as gone:
        workspace = shop(tmp_path, ("aa", to(gone.url)), ("bank", "by: outbox"))
        done(workspace)
        code, answer = cli(workspace, capsys, "notice", "send")
        assert code == 1
        assert answer["errors"][0]["code"] == "notice.undelivered"
        assert states(workspace) == {"aa": N.FAILED, "bank": N.SENT}
        gone.answers[:] = [200]
        assert cli(workspace, capsys, "notice", "send")[0] == 0
    assert len(gone.got) == 2
    assert gone.got[0].body == gone.got[1].body
    assert states(workspace) == {"aa": N.SENT, "bank": N.SENT}


def test_the_others_of_a_recipient_that_is_down_do_not_wait_for_it_too(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", to("http://localhost:1/")))
    done(workspace, 60)
    hasty = Patience(attempts=3, seconds=1, first_pause=0.05)

    def adapter(control: Control, name: str, clock: Clock) -> Webhook:
        return Webhook("http://localhost:1/", control.keys.notice_key(name), clock, hasty, private_network=True)

    told = send_notices(workspace, actor="desk", now=NOW, adapter_for=adapter).notices
    assert {x.failure for x in told} == {"ConnectError", "not tried"}
    notices = list_notices(workspace, actor="x", now=NOW).notices
    assert sorted({x.state for x in notices}) == [N.FAILED, N.QUEUED]


def test_a_sent_notice_can_be_sent_again_by_name(tmp_path: Path) -> None:
    with recipient(200) as there:
        workspace = shop(tmp_path, ("carrier", to(there.url)))
        (request,) = done(workspace)
        send(workspace)
        assert list(send(workspace)) == []
        send(workspace, notice_id(request, "carrier"))
    assert [g.body for g in there.got] == [there.got[0].body] * 2


class Answering:
    """A recipient that answers a notice as soon as another one arrives, or does not."""

    def __init__(self, workspace: Workspace, early: str, late: str, *, fails: bool) -> None:
        self.workspace, self.early, self.late, self.fails, self.got = workspace, early, late, fails, list[str]()

    def answer(self, notice: str) -> None:
        acknowledge_notice(self.workspace, notice, by="x", actor="desk", now=NOW)

    def send(self, notice: str, _: bytes) -> Attempted:
        self.got.append(notice)
        if notice == self.late:
            self.answer(notice)
        return Attempted("500" if self.fails and notice == self.late else None)


@pytest.mark.parametrize("fails", [False, True])
def test_an_answer_during_sending_leaves_what_was_sent_to_the_others_recorded(tmp_path: Path, fails: bool) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    early, late, other = (notice_id(r, "carrier") for r in sorted(done(workspace, 3)))
    there = Answering(workspace, early, late, fails=fails)
    begin = Notices.begin

    def answered(self: Notices, ids: Sequence[str], **how: Any) -> list[Notice]:
        there.answer(early)
        return begin(self, ids, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notices, "begin", answered)
        told = send_notices(workspace, actor="desk", now=NOW, adapter_for=lambda *_: there)
    assert told.failure is None
    assert there.got == [late, other], "what was answered already is not sent"
    found = {x.id: x.state for x in list_notices(workspace, actor="desk", now=NOW).notices}
    assert found == {early: N.ACKNOWLEDGED, late: N.ACKNOWLEDGED, other: N.SENT}
    assert list(send(workspace)) == []
    records = Control(workspace).ledger.records(object_prefix=f"request:R-{late[2:].removesuffix('-carrier')}/")
    assert [(r.action, r.outcome) for r in records][2:] == [
        ("notice.send", "started"),
        ("notice.acknowledge", "done"),
        ("notice.send", "failed" if fails else "done"),
    ]
    assert verify_ledger(workspace).intact


def test_two_senders_do_not_send_at_once(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    done(workspace)
    with alone(workspace, "send.lock"), pytest.raises(ConflictError):
        send(workspace)


def killed_while_sending(workspace: Workspace, there: Recipient) -> None:
    command = [sys.executable, "-m", "delible", "notice", "send", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert there.arrived.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_what_a_killed_sender_sent_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    def hanging(connection: socket.socket) -> None:
        time.sleep(60)

    with recipient(hanging, 200) as there:
        workspace = shop(tmp_path, ("carrier", to(there.url)))
        (request,) = done(workspace)
        killed_while_sending(workspace, there)
        assert states(workspace) == {"carrier": N.SENDING}
        assert [x.state for x in send(workspace)] == [N.SENT]
    assert [g.headers["idempotency-key"] for g in there.got] == [notice_id(request, "carrier")] * 2
    assert there.got[0].body == there.got[1].body
    sent = [(r.action, r.outcome) for r in Control(workspace).ledger.records(action_prefix="notice.send")]
    assert sent == [("notice.send", "started")] * 2 + [("notice.send", "done")]
    assert verify_ledger(workspace).intact


def test_an_event_without_its_record_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender died between its two commits."""
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    with monkeypatch.context() as patch:
        patch.setattr("delible.store.notices.Notices._record", lambda self: 0)
        queue_notices(control, ids, actor="job", now=NOW)
    assert [r.action for r in control.ledger.records(action_prefix="notice.")] == ["notice.prepare"]
    assert control.notices.reconcile() == 1
    assert control.notices.reconcile() == 0
    assert [r.action for r in control.ledger.records(action_prefix="notice.")] == ["notice.prepare", "notice.queue"]
    assert verify_ledger(workspace).intact


def test_no_identifier_is_left_in_the_control_plane(tmp_path: Path) -> None:
    workspace = shop(tmp_path, ("carrier", f"by: outbox{FINDS}"))
    done(workspace)
    send(workspace)
    found = [p for p in workspace.root.rglob("*") if p.is_file() and MAIL.encode() in p.read_bytes()]
    assert found == []
