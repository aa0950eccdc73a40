"""From an erasure that begins to an answer that is recorded."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from delible.cli.main import main
from delible.cli.request_lines import shown
from delible.errors import BlockedError, ConflictError, InputError
from delible.model.notice import notice_id
from delible.model.subject import KeyRole, KeyRow
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.lifecycle import standings_of
from delible.workflows.notices import (
    acknowledge_notice,
    list_notices,
    prepare_notices,
    queue_after,
    queue_notices,
)
from delible.workflows.requests import show_request
from notice_shop import (
    FINDS,
    MAIL,
    NOW,
    N,
    S,
    begun,
    cli,
    done,
    opened,
    send,
    shop,
    states,
)


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
    assert {h.get("recipient") for h in history if str(h["action"]).startswith("notice.")} == set(states(workspace))
    [standing] = standings_of(workspace, [control.requests.get(ids[0])], NOW)
    assert all(f"queue ({name})" in shown(standing, history) for name in states(workspace))


def test_no_request_in_time_is_not_no_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    control, ids = begun(workspace)
    control.requests.transition_all(ids, S.COMPLETED, actor="job", now=NOW)
    for words, said in (
        (["--due-within", "7"], "No open request has a deadline within 7 days."),
        (["--open"], "No request is open."),
    ):
        capsys.readouterr()
        assert main(["request", "list", *words, "--workspace", str(workspace.root)]) == 0
        assert capsys.readouterr().out == said + "\n"


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


def test_a_letter_that_nobody_wrote_is_not_acknowledged_by_a_slip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Art. 19: an acknowledged notice is not sent any more."""
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    (request,) = done(workspace)
    code, answer = cli(workspace, capsys, "notice", "ack", notice_id(request, "carrier"), "--by", "x")
    assert (code, answer["errors"][0]["code"]) == (3, "notice.unsent")
    send(workspace)
    assert cli(workspace, capsys, "notice", "ack", notice_id(request, "carrier"), "--by", "x")[0] == 0


def test_who_was_told_by_hand_is_acknowledged_unsent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = shop(tmp_path, ("carrier", "by: outbox"))
    (request,) = done(workspace)
    words = ("notice", "ack", notice_id(request, "carrier"), "--by", "x", "--by-hand")
    assert cli(workspace, capsys, *words)[0] == 0


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
