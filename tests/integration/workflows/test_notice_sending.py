"""Notices on their way: recipients that fail, senders that die, answers that cross."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from delible.errors import ConflictError
from delible.model.notice import Notice, notice_id
from delible.store.delivery import Attempted
from delible.store.keys import _pads as pads_of
from delible.store.notices import Notices
from delible.store.webhook import Patience, Webhook
from delible.store.workspace import Workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.notices import (
    acknowledge_notice,
    list_notices,
    queue_notices,
    send_notices,
)
from delible.workflows.spark import alone
from http_recipient import Recipient, recipient
from notice_shop import (
    FINDS,
    MAIL,
    NOW,
    N,
    begun,
    cli,
    done,
    send,
    shop,
    states,
    to,
)


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
        acknowledge_notice(self.workspace, notice, by="x", by_hand=True, actor="desk", now=NOW)

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
