"""A request between receipt and fulfilment, over real stores: states, clocks, identity, holds; and what each leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.cli import main
from delible.errors import BlockedError, InputError
from delible.model.identity import Agency, Verification
from delible.model.request import ENDED, RefusalGround, Request
from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.holds import place_holds, release_hold
from delible.workflows.init import init_workspace
from delible.workflows.lifecycle import (
    confirm_request,
    doubt_identity,
    expire_requests,
    extend_request,
    overview,
    prove_agent,
    refuse_request,
    verify_identity,
    withdraw_request,
)
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.resumption import hold_requests, settle_holds
from policy_files import write_policies

S = RequestState
START = datetime(2026, 3, 10, 9, tzinfo=UTC)
CONTROLLER = """\
controller: Small Shop
contact: privacy@small.example
subject: customer_id
country: DE
subdivision: BE
time_zone: Europe/Berlin
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
"""
PURPOSE = "purpose: support\ndescription: Answer questions.\nlegal_basis: contract\n"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "shop", actor="tests", now=START)
    return policies(tmp_path / "shop")


def policies(folder: Path, more: str = "") -> Workspace:
    write_policies(folder / "policies", {"controller.yaml": CONTROLLER + more, "purposes/support.yaml": PURPOSE})
    return open_workspace(folder)


def submit(shop: Workspace, *people: Mapping[str, Any], **how: Any) -> list[Request]:
    file = shop.root.parent / "people.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in people or ({"email": "ann@x.example"},)))
    given: dict[str, Any] = {"right": Right.ERASURE, "regime": Regime.GDPR, "actor": "desk", "now": START} | how
    return submit_requests(shop, identifiers=str(file), **given)


def blocked(code: str) -> Any:
    return pytest.raises(BlockedError, check=lambda error: error.code == code)


def outcomes(shop: Workspace, request: str) -> list[tuple[str, str]]:
    return [(r.action, r.outcome) for r in Control(shop).ledger.records(object_prefix=f"request:{request}")]


def paper(shop: Workspace, name: str = "permission.pdf") -> Path:
    file = shop.root.parent / name
    file.write_bytes(b"signed by the data subject " + name.encode())
    return file


# --- clocks


def test_a_deadline_follows_the_controllers_holidays_and_midnight(shop: Workspace) -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # 3 March in Berlin; 3 April is Good Friday
    assert submit(shop, received=late)[0].due == date(2026, 4, 7)


def test_a_doubt_about_identity_stops_the_clock_and_its_end_moves_the_last_day(shop: Workspace) -> None:
    [request] = submit(shop)
    assert request.due == date(2026, 4, 10)
    doubt_identity(shop, request.id, actor="desk", now=START + timedelta(days=5))
    [waiting] = overview(shop, now=START + timedelta(days=25)).standings
    assert (waiting.request.state, waiting.days_left) == (S.VERIFYING_IDENTITY, 26)
    after = verify_identity(
        shop, request.id, level=Verification.REASONABLE, actor="desk", now=START + timedelta(days=25)
    )
    assert (after.state, after.paused, after.due, after.stopped) == (S.AWAITING_APPROVAL, 20, date(2026, 4, 30), None)
    doubt_identity(shop, request.id, actor="desk", now=START + timedelta(days=30))
    again = verify_identity(
        shop, request.id, level=Verification.REASONABLE, actor="desk", now=START + timedelta(days=31)
    )
    assert (again.paused, again.due) == (21, date(2026, 5, 4)), "1 May is a holiday, then comes a weekend"
    assert outcomes(shop, request.id) == [
        ("request.received", "received"),
        ("request.moved", "awaiting_approval"),
        *[("request.moved", "verifying_identity"), ("request.moved", "awaiting_approval")] * 2,
    ]


def test_ccpa_time_runs_on_while_identity_is_in_doubt(shop: Workspace) -> None:
    [request] = submit(shop, regime=Regime.CCPA)
    doubt_identity(shop, request.id, actor="desk", now=START + timedelta(days=5))
    after = verify_identity(
        shop, request.id, level=Verification.REASONABLE, actor="desk", now=START + timedelta(days=25)
    )
    assert (after.due, after.paused) == (request.due, 0)


def test_an_extension_has_reason_and_notice_inside_the_first_month_and_once(shop: Workspace) -> None:
    [request] = submit(shop)
    with pytest.raises(InputError, check=lambda e: e.code == "request.no_reason"):
        extend_request(shop, request.id, reason=" ", actor="desk", now=START)
    with blocked("request.no_extension"):
        extend_request(shop, request.id, reason="many systems", actor="desk", now=START + timedelta(days=32))
    told = extend_request(shop, request.id, reason="many systems", actor="desk", now=START + timedelta(days=31))
    assert told.request.due == date(2026, 6, 10)
    assert told.request.extended
    assert all(word in told.notice for word in ("2026-06-10", "many systems", "12(3)", "Small Shop", "complain"))
    record = Control(shop).ledger.records()[-1]
    assert record.detail["notice"] == hashlib.sha256(told.notice.encode()).hexdigest()
    assert "systems" not in str(record.model_dump()), "a reason may name somebody"
    with blocked("request.no_extension"):
        extend_request(shop, request.id, reason="more", actor="desk", now=START + timedelta(days=31))


def test_a_doubt_after_an_extension_adds_to_the_longer_period(shop: Workspace) -> None:
    [request] = submit(shop)
    extend_request(shop, request.id, reason="many systems", actor="desk", now=START)
    doubt_identity(shop, request.id, actor="desk", now=START)
    after = verify_identity(
        shop, request.id, level=Verification.REASONABLE, actor="desk", now=START + timedelta(days=2)
    )
    assert after.due == date(2026, 6, 12)


def test_receipt_is_confirmed_once_and_only_where_the_law_asks(shop: Workspace) -> None:
    [gdpr] = submit(shop)
    [ccpa] = submit(shop, {"email": "bob@x.example"}, regime=Regime.CCPA)
    assert ccpa.confirm_by == date(2026, 3, 24)
    assert not overview(shop, now=START + timedelta(days=14), within=20).failure
    late = overview(shop, now=START + timedelta(days=15), within=20)
    assert late.failure is not None
    assert [(p.code, p.where) for p in late.failure.problems] == [("request.overdue", f"request:{ccpa.id}")]
    with blocked("request.no_confirmation"):
        confirm_request(shop, gdpr.id, actor="desk", now=START)
    told = confirm_request(shop, ccpa.id, actor="desk", now=START + timedelta(days=15))
    assert "7021" in told.notice
    assert not overview(shop, now=START + timedelta(days=15), within=40).failure
    with blocked("request.confirmed"):
        confirm_request(shop, ccpa.id, actor="desk", now=START)


def test_each_person_of_a_batch_has_a_deadline_of_their_own(shop: Workspace) -> None:
    said: list[str] = []
    people = [{"email": f"p{n}@x.example", "received": f"2026-03-0{n % 9 + 1}T12:00:00+01:00"} for n in range(1_500)]
    made = submit(shop, *people, {"email": "P7@x.example"}, progress=said.append)
    assert len({r.due for r in made}) > 4
    assert all(r.due == date(2026, 4, 1) for r in made[:-1] if r.received.day == 1)
    assert (made[-1].state, made[-1].duplicate_of, made[-1].received) == (S.DUPLICATE, made[7].id, START)
    assert said == [
        "read 1000 of 1501 people",
        "recording 1501 requests as one batch",
        "recorded 1501 requests, 1 of them duplicates",
    ]


@pytest.mark.parametrize("received", ["soon", "2026-13-01", 7, [], "2027-01-01"])
def test_a_time_of_receipt_that_is_none_or_lies_ahead_is_refused(shop: Workspace, received: object) -> None:
    with pytest.raises(InputError, check=lambda e: e.code in {"identifiers.received", "request.received"}):
        submit(shop, {"email": "ann@x.example", "received": received})
    assert Control(shop).requests.all() == []


# --- identity, agents, outcomes


def test_nobody_is_approved_unverified_when_the_controller_checks_everybody(shop: Workspace) -> None:
    policies(shop.root, "identity_check: true\nsensitive_data: true\n")
    [request] = submit(shop, regime=Regime.CCPA)
    with blocked("request.unverified"):
        approve_request(shop, request.id, actor="officer", now=START)
    verify_identity(shop, request.id, level=Verification.REASONABLE, actor="desk", now=START)
    with blocked("request.unverified"):
        approve_request(shop, request.id, actor="officer", now=START)
    verify_identity(
        shop, request.id, level=Verification.REASONABLY_HIGH, declaration=paper(shop), actor="desk", now=START
    )
    assert (
        Control(shop).ledger.records()[-1].detail["declaration"] == hashlib.sha256(paper(shop).read_bytes()).hexdigest()
    )
    assert approve_request(shop, request.id, actor="officer", now=START).state is S.SCHEDULED


def test_a_new_doubt_takes_the_verification_back(shop: Workspace) -> None:
    [request] = submit(shop)
    verify_identity(shop, request.id, level=Verification.REASONABLY_HIGH, actor="desk", now=START)
    assert doubt_identity(shop, request.id, actor="desk", now=START).verification is None


def test_an_agent_shows_a_signed_permission_first(shop: Workspace) -> None:
    [request] = submit(shop, regime=Regime.CCPA, agent=True)
    [own] = submit(shop, {"email": "bob@x.example"}, regime=Regime.CCPA)
    with blocked("request.agent_unproven"):
        approve_request(shop, request.id, actor="officer", now=START)
    how: dict[str, Any] = {"permission": paper(shop), "actor": "desk", "now": START, "power_of_attorney": False}
    with blocked("request.no_agent"):
        prove_agent(shop, own.id, proof=None, **how)
    proven = prove_agent(shop, request.id, proof=paper(shop, "agent.pdf"), **how)
    assert proven.agent is Agency.SIGNED_PERMISSION
    detail = Control(shop).ledger.records()[-1].detail
    for name, file in (("permission", paper(shop)), ("agent_proof", paper(shop, "agent.pdf"))):
        data = file.read_bytes()
        facts = {"": hashlib.sha256(data).hexdigest(), "_bytes": str(len(data)), "_form": "text"}
        assert {k: detail[f"{name}{k}"] for k in facts} == facts
    with blocked("request.unverified"):
        approve_request(shop, request.id, actor="officer", now=START)
    verify_identity(shop, request.id, level=Verification.REASONABLE, actor="desk", now=START)
    assert approve_request(shop, request.id, actor="officer", now=START).state is S.SCHEDULED


def test_access_under_the_ccpa_is_never_approved_unverified(shop: Workspace) -> None:
    [first, second] = submit(
        shop, {"email": "ann@x.example"}, {"email": "bob@x.example"}, regime=Regime.CCPA, right=Right.ACCESS
    )
    high: dict[str, Any] = {"level": Verification.REASONABLY_HIGH, "actor": "desk", "now": START}
    for request, shown in ((first, {"declaration": paper(shop)}), (second, {"account": True})):
        with blocked("request.unverified"):
            approve_request(shop, request.id, actor="officer", now=START)
        with blocked("request.no_declaration"):
            verify_identity(shop, request.id, **high)
        verify_identity(shop, request.id, **high, **shown)
        assert approve_request(shop, request.id, actor="officer", now=START).state is S.SCHEDULED
    [record] = Control(shop).ledger.records(object_prefix=f"request:{second.id}", action_prefix="request.verified")
    assert record.detail["account"] == "yes"


@pytest.mark.parametrize("right", [Right.OPT_OUT, Right.LIMIT])
def test_1798_120_and_121_are_no_rights_of_the_gdpr(shop: Workspace, right: Right) -> None:
    with pytest.raises(InputError, check=lambda e: e.code == "request.right"):
        submit(shop, right=right)
    assert Control(shop).requests.all() == []
    assert submit(shop, right=right, regime=Regime.CCPA)[0].due == date(2026, 3, 31)


def test_cannot_identify_is_a_lawful_outcome_of_the_gdpr(shop: Workspace) -> None:
    [gdpr] = submit(shop)
    [ccpa] = submit(shop, {"email": "bob@x.example"}, regime=Regime.CCPA)
    how: dict[str, Any] = {"ground": RefusalGround.CANNOT_IDENTIFY, "reason": "no row", "actor": "desk", "now": START}
    told = refuse_request(shop, gdpr.id, **how)
    assert (told.request.state, told.request.ground) == (S.REFUSED, RefusalGround.CANNOT_IDENTIFY)
    assert "11(2)" in told.notice
    assert Control(shop).ledger.records()[-1].detail["ground"] == "cannot_identify"
    with blocked("request.ground"):
        refuse_request(shop, ccpa.id, **how)


def test_the_two_person_rule_outlives_its_being_switched_off(shop: Workspace) -> None:
    policies(shop.root, "two_person_approval: true\n")
    [before] = submit(shop)
    policies(shop.root)
    [after] = submit(shop, {"email": "bob@x.example"})
    for actor in ("desk", " DESK", "\uff44\uff45\uff53\uff4b"):
        with blocked("request.same_person"):
            approve_request(shop, before.id, actor=actor, now=START)
    assert approve_request(shop, before.id, actor="officer", now=START).state is S.SCHEDULED
    policies(shop.root, "two_person_approval: true\n")
    with blocked("request.same_person"):
        Control(shop).requests.approve(after.id, "desk", START, require_second_person=False)


def test_withdrawn_and_expired_requests_forget_who_asked(shop: Workspace) -> None:
    one, other, waits = submit(shop, *({"email": f"{n}@x.example"} for n in range(3)))
    assert withdraw_request(shop, one.id, actor="desk", now=START).state is S.WITHDRAWN
    with blocked("request.transition"):
        expire_requests(shop, [other.id], actor="desk", now=START + timedelta(days=99))
    for request in (other, waits):
        doubt_identity(shop, request.id, actor="desk", now=START)
    with blocked("request.not_expired"):
        expire_requests(shop, [other.id], actor="desk", now=START + timedelta(days=44))
    assert expire_requests(shop, actor="desk", now=START + timedelta(days=44)) == []
    verify_identity(shop, waits.id, level=Verification.REASONABLE, actor="desk", now=START)
    [gone] = expire_requests(shop, actor="desk", now=START + timedelta(days=45))
    assert (gone.id, gone.state) == (other.id, S.EXPIRED)
    assert set(Control(shop).requests.vault.requests()) == {waits.id}
    assert outcomes(shop, other.id)[-1] == ("request.moved", "expired")


# --- holds


def test_a_held_request_goes_on_by_itself_where_it_was(shop: Workspace) -> None:
    approved, waiting, access = submit(shop, {"email": "ann@x.example"}, {"email": "bob@x.example"}) + submit(
        shop, {"email": "ann@x.example"}, right=Right.ACCESS
    )
    approve_request(shop, approved.id, actor="officer", now=START)
    file = shop.root.parent / "held.jsonl"
    file.write_text('{"email": "ANN@x.example"}\n{"email": "bob@x.example"}\n')
    first, second = place_holds(shop, identifiers=str(file), reason="claim", owner="legal", actor="legal", now=START)

    def states() -> list[RequestState]:
        return [Control(shop).requests.get(r.id).state for r in (approved, waiting, access)]

    assert states() == [S.HELD, S.HELD, S.AWAITING_APPROVAL]
    assert Control(shop).requests.get(approved.id).held_by == first.id
    with blocked("request.transition"):
        approve_request(shop, waiting.id, actor="officer", now=START)
    release_hold(shop, first.id, actor="legal", now=START)
    assert states() == [S.SCHEDULED, S.HELD, S.AWAITING_APPROVAL]
    release_hold(shop, second.id, actor="legal", now=START)
    assert states() == [S.SCHEDULED, S.AWAITING_APPROVAL, S.AWAITING_APPROVAL]
    assert [o for _, o in outcomes(shop, approved.id)][-2:] == ["held", "scheduled"]
    assert settle_holds(Control(shop), actor="legal", now=START) == []


def test_a_person_reads_words_and_a_program_codes(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    [request] = submit(shop, regime=Regime.CCPA)
    doubt_identity(shop, request.id, actor="desk", now=START)
    verify_identity(shop, request.id, level=Verification.REASONABLY_HIGH, account=True, actor="desk", now=START)
    refuse_request(shop, request.id, reason="x", ground=RefusalGround.MANIFESTLY_UNFOUNDED, actor="desk", now=START)
    where = ["--workspace", str(shop.root)]
    for command in (["show", request.id], ["list"]):
        assert main.main(["request", *command, *where]) == 0
        assert "_" not in capsys.readouterr().out
    assert main.main(["request", "show", request.id, "--json", *where]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["request"]["ground"] == "manifestly_unfounded"
    assert "verifying_identity" in {h["outcome"] for h in document["history"]}


def test_no_reason_of_a_hold_and_no_id_is_cut(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop.root.parent / "held.jsonl"
    file.write_text('{"email": "ann@x.example"}\n')
    reason = "claim 2026-14, " + "which goes on for long " * 9 + "and ends"
    [hold] = place_holds(
        shop,
        identifiers=str(file),
        reason=reason,
        owner="the legal department of the northern branch",
        categories=["user.contact", "user.financial"],
        actor="legal",
        now=START,
    )
    assert main.main(["hold", "list", "--workspace", str(shop.root)]) == 0
    out = capsys.readouterr().out
    assert hold.id in out.split()
    assert sum(word in reason.split() for word in out.split()) >= len(reason.split())
    assert all(len(line) <= 100 for line in out.splitlines())


def test_a_hold_on_a_request_that_was_begun_is_shown_although_its_state_stays(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, other, access = submit(shop, {"email": "ann@x.example"}, {"email": "bob@x.example"}) + submit(
        shop, {"email": "ann@x.example"}, right=Right.ACCESS
    )
    for request in (begun, other, access):
        approve_request(shop, request.id, actor="officer", now=START)
        Control(shop).requests.transition(request.id, S.IN_PROGRESS, actor="tests", now=START)
    file = shop.root.parent / "held.jsonl"
    file.write_text('{"email": "ann@x.example"}\n')
    [hold] = place_holds(shop, identifiers=str(file), reason="claim", owner="legal", actor="legal", now=START)

    def stopped() -> dict[str, str | None]:
        return {s.request.id: s.stopped_by for s in overview(shop, now=START).standings}

    assert stopped() == {begun.id: hold.id, other.id: None, access.id: None}
    assert main.main(["request", "list", "--workspace", str(shop.root), "--json"]) == 0
    lines = {line["id"]: line for line in json.loads(capsys.readouterr().out)["requests"]}
    assert (lines[begun.id]["held_by"], lines[begun.id]["state"]) == (hold.id, "in_progress")
    assert main.main(["request", "list", "--workspace", str(shop.root)]) == 0
    assert capsys.readouterr().out.count("held (begun)") == 1
    assert main.main(["request", "show", begun.id, "--workspace", str(shop.root)]) == 0
    assert f"begun, and stopped by {hold.id}" in capsys.readouterr().out
    release_hold(shop, hold.id, actor="legal", now=START)
    assert set(stopped().values()) == {None}


def test_with_two_holds_the_release_of_one_lets_nothing_go(shop: Workspace) -> None:
    [request] = submit(shop)
    file = shop.root.parent / "held.jsonl"
    file.write_text('{"email": "ann@x.example"}\n' * 2)
    holds = place_holds(shop, identifiers=str(file), reason="claim", owner="legal", actor="legal", now=START)
    # First the one that the request names: only the other, which it does not name, can then keep it.
    named = Control(shop).requests.get(request.id).held_by
    ids = sorted((hold.id for hold in holds), key=lambda hold: hold != named)
    for hold, state in zip(ids, (S.HELD, S.AWAITING_APPROVAL), strict=True):
        release_hold(shop, hold, actor="legal", now=START)
        assert Control(shop).requests.get(request.id).state is state


def test_a_hold_that_only_the_search_found_is_waited_for_too(shop: Workspace) -> None:
    """The hold names another identifier of the same person, so the request's references do not show it."""
    [request] = submit(shop)
    file = shop.root.parent / "held.jsonl"
    file.write_text('{"customer_id": 7}\n')
    [hold] = place_holds(shop, identifiers=str(file), reason="claim", owner="legal", actor="legal", now=START)
    control = Control(shop)
    hold_requests(control, {request.id: hold.id}, actor="fulfil", now=START)
    assert settle_holds(control, actor="fulfil", now=START) == []
    release_hold(shop, hold.id, actor="legal", now=START)
    assert Control(shop).requests.get(request.id).state is S.AWAITING_APPROVAL


# --- commands


@pytest.fixture
def delible(shop: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*args: str, actor: str = "desk") -> tuple[int, dict[str, Any]]:
        monkeypatch.setenv("DELIBLE_WORKSPACE", str(shop.root))
        monkeypatch.setenv("DELIBLE_ACTOR", actor)
        capsys.readouterr()
        code = main.main([*args, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_the_commands_lead_from_state_to_state(shop: Workspace, delible: Callable[..., Any]) -> None:
    now = datetime.now(UTC)
    fresh, late = submit(
        shop,
        {"email": "ann@x.example", "received": now.isoformat()},
        {"email": "bob@x.example"},
        now=now,
        received=START,
    )
    code, listed = delible("request", "list", "--due-within", "7")
    assert (code, [r["id"] for r in listed["requests"]]) == (3, [late.id])
    assert listed["requests"][0]["days_left"] < 0
    assert listed["errors"][0]["code"] == "request.overdue"
    assert delible("request", "withdraw", late.id)[1]["request"]["state"] == "withdrawn"
    assert delible("request", "list", "--due-within", "7")[0] == 0
    assert delible("request", "verify", fresh.id)[0] == 2
    assert delible("request", "verify", fresh.id, "--ask", "--level", "reasonable")[0] == 2
    assert delible("request", "verify", fresh.id, "--ask")[1]["request"]["state"] == "verifying_identity"
    assert delible("request", "expire")[1]["requests"] == []
    assert delible("request", "verify", fresh.id, "--level", "reasonable")[1]["request"]["state"] == "awaiting_approval"
    code, longer = delible("request", "extend", fresh.id, "--reason", "many systems")
    assert (code, longer["request"]["extended"]) == (0, True)
    assert "many systems" in longer["notice"]
    assert delible("request", "extend", fresh.id, "--reason", "more")[0] == 3
    assert delible("request", "confirm", fresh.id)[1]["errors"][0]["code"] == "request.no_confirmation"
    code, refused = delible("request", "refuse", fresh.id, "--reason", "nobody", "--ground", "cannot_identify")
    assert (code, refused["request"]["ground"]) == (0, "cannot_identify")
    assert all(r.state in ENDED for r in Control(shop).requests.all())


@pytest.mark.parametrize("args", [("list",), ("list", "--open"), ("show",)])
def test_requests_are_shown_to_a_person(
    shop: Workspace, args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [request] = submit(shop, regime=Regime.CCPA)
    monkeypatch.setenv("DELIBLE_WORKSPACE", str(shop.root))
    assert main.main(["request", *args, *([request.id] if args == ("show",) else [])]) == 0
    shown = capsys.readouterr().out
    assert request.id in shown
    assert "confirm" in shown
