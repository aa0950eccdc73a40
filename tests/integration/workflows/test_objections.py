"""Objections, opt-outs and limits from receipt to taking back, and corrections as they are handed in, without a JVM."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.cli.main import main
from delible.errors import BlockedError, InputError
from delible.model.rectification import corrections_of
from delible.model.request import RefusalGround, Request
from delible.model.terms import Exclusion, Normalise, Regime, RequestState, Right
from delible.report.objection import standing_sentences
from delible.report.requests import standing_counts
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.consent import show_consents, standing_flags
from delible.workflows.control import Control
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.held import held_refs
from delible.workflows.holds import place_holds, release_hold
from delible.workflows.init import init_workspace
from delible.workflows.lifecycle import refuse_request, withdraw_request
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.resumption import settle_holds
from policy_files import write_policies
from small_shop import CONTROLLER, POLICIES

START = datetime(2026, 3, 10, 9, tzinfo=UTC)
S = RequestState
PURPOSES = {
    "purposes/support.yaml": "purpose: support\ndescription: S.\nlegal_basis: contract\nsells_or_shares: false\n"
    "direct_marketing: false\n",
    "purposes/ads.yaml": "purpose: ads\ndescription: A.\nlegal_basis: legitimate_interests\nsells_or_shares: true\n"
    "direct_marketing: true\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "shop", actor="tests", now=START)
    write_policies(tmp_path / "shop" / "policies", {**POLICIES, "controller.yaml": CONTROLLER, **PURPOSES})
    return open_workspace(tmp_path / "shop")


def lines(folder: Path, name: str, *documents: object) -> str:
    file = folder / name
    file.write_text("".join(json.dumps(d) + "\n" for d in documents))
    return str(file)


def submit(shop: Workspace, right: Right, regime: Regime = Regime.GDPR, **more: Any) -> Request:
    person = lines(shop.root.parent, "people.jsonl", {"email": "ann@people.example"})
    return submit_requests(shop, right=right, regime=regime, identifiers=person, actor="desk", now=START, **more)[0]


def reasons(shop: Workspace, at: datetime = START) -> dict[str, str | None]:
    person = lines(shop.root.parent, "who.jsonl", {"email": "ANN@people.example"})
    [answer] = show_consents(shop, person, as_of=at, known_at=at)
    return {p.purpose: p.reason for p in answer.purposes}


def carried_out(shop: Workspace, request: Request) -> Request:
    approve_request(shop, request.id, actor="officer", now=START)
    fulfil_requests(shop, [request.id], accept_no_match=True, actor="desk", now=START)
    return Control(shop).requests.get(request.id)


@pytest.mark.parametrize(
    ("right", "regime", "reason"),
    [(Right.OBJECTION, Regime.GDPR, Exclusion.OBJECTED), (Right.OPT_OUT, Regime.CCPA, Exclusion.OPTED_OUT)],
)
def test_it_acts_from_receipt_until_it_is_taken_back(
    shop: Workspace, right: Right, regime: Regime, reason: Exclusion
) -> None:
    assert reasons(shop) == {"ads": None, "support": None}
    request = submit(shop, right, regime)
    assert reasons(shop) == {"ads": reason, "support": None}
    done = carried_out(shop, request)
    assert done.state is S.COMPLETED
    assert reasons(shop) == {"ads": reason, "support": None}
    assert Control(shop).requests.vault.get([request.id]) == []
    assert standing_counts(Control(shop).requests.all()) == {right: 1}
    [sentence] = standing_sentences(Control(shop).requests.all(), Control(shop).policies.purposes, done.refs)
    assert "ads" in sentence
    assert "support" not in sentence
    back = withdraw_request(shop, request.id, actor="desk", now=START + timedelta(days=3))
    assert (back.state, back.taken_back) == (S.COMPLETED, START + timedelta(days=3))
    assert reasons(shop, START + timedelta(days=3)) == {"ads": None, "support": None}
    assert reasons(shop) == {"ads": reason, "support": None}, "as it was known then"
    assert standing_counts(Control(shop).requests.all()) == {}
    with pytest.raises(BlockedError) as error:
        withdraw_request(shop, request.id, actor="desk", now=START + timedelta(days=4))
    assert error.value.code == "request.not_taken_back"
    [record] = Control(shop).ledger.records(object_prefix=f"request:{request.id}", action_prefix="request.taken_back")
    assert record.detail == {"prompted": "no"}


def test_1798_135_nobody_is_asked_to_opt_in_again_within_a_year(shop: Workspace) -> None:
    request = carried_out(shop, submit(shop, Right.OPT_OUT, Regime.CCPA))
    with pytest.raises(BlockedError, match="12 months"):
        withdraw_request(shop, request.id, prompted=True, actor="desk", now=START + timedelta(days=300))
    assert reasons(shop)["ads"] is Exclusion.OPTED_OUT
    withdraw_request(shop, request.id, prompted=True, actor="desk", now=START + timedelta(days=366))


def test_art_21_compelling_grounds_end_an_objection_but_not_against_marketing(shop: Workspace) -> None:
    request = submit(shop, Right.OBJECTION)
    refuse_request(shop, request.id, reason="R", ground=RefusalGround.COMPELLING_GROUNDS, actor="officer", now=START)
    assert reasons(shop) == {"ads": Exclusion.OBJECTED, "support": None}
    other = submit(shop, Right.ERASURE)
    with pytest.raises(BlockedError) as error:
        refuse_request(shop, other.id, reason="R", ground=RefusalGround.COMPELLING_GROUNDS, actor="officer", now=START)
    assert error.value.code == "request.ground"


def test_without_a_purpose_everything_that_stands_counts(shop: Workspace) -> None:
    request = submit(shop, Right.OBJECTION)
    assert {f for _, f in standing_flags(shop, Control(shop).keys, until=START)} == {Exclusion.OBJECTED}
    assert standing_flags(shop, Control(shop).keys, until=START - timedelta(days=1)) == []
    assert request.state is S.AWAITING_APPROVAL


def test_what_nobody_has_approved_is_not_heeded_nor_recorded_and_stops_nothing_else(shop: Workspace) -> None:
    waiting, ready = submit(shop, Right.OPT_OUT, Regime.CCPA), submit(shop, Right.OBJECTION)
    approve_request(shop, ready.id, actor="officer", now=START)
    done = fulfil_requests(shop, [waiting.id, ready.id], accept_no_match=True, actor="desk", now=START)
    assert [(p.code, p.where) for p in done.left_out] == [("request.not_approved", f"request:{waiting.id}")]
    control = Control(shop)
    assert [control.requests.get(r.id).state for r in (waiting, ready)] == [S.AWAITING_APPROVAL, S.COMPLETED]
    records = control.ledger.records(object_prefix="request:", action_prefix="objection.heed")
    assert [r.object for r in records] == [f"request:{ready.id}"]


def test_art_18_a_claim_keeps_rows_from_retention_and_nobody_else_from_being_erased(shop: Workspace) -> None:
    request = submit(shop, Right.RESTRICTION)
    control = Control(shop)
    assert held_refs(control, claims=True) == frozenset(request.refs)
    assert held_refs(control) == frozenset()
    approve_request(shop, request.id, actor="officer", now=START)
    assert held_refs(Control(shop)) == frozenset(request.refs)


def test_the_gdpr_knows_no_limit(shop: Workspace) -> None:
    with pytest.raises(InputError) as error:
        submit(shop, Right.LIMIT)
    assert error.value.code == "request.right"
    limit = carried_out(shop, submit(shop, Right.LIMIT, Regime.CCPA))
    assert limit.due == date(2026, 3, 31)  # Cesar Chavez Day, which counts
    assert limit.state is S.COMPLETED


CITY = {"customers.phone": "+44 20 0000"}


def corrected(shop: Workspace, *documents: object) -> Request:
    return submit(shop, Right.RECTIFICATION, corrections=lines(shop.root.parent, "corrections.jsonl", *documents))


def test_corrections_are_kept_encrypted_and_forgotten(shop: Workspace) -> None:
    request = corrected(shop, {"customers.phone": {"from": "+44 20 1111", "to": "+44 20 2222"}})
    vault = Control(shop).requests.vault
    [correction] = corrections_of(vault.get([request.id]))[request.id]
    assert (correction.old, correction.new, correction.named) == ("+44 20 1111", "+44 20 2222", True)
    held = b"".join(p.read_bytes() for p in shop.root.rglob("*") if p.is_file())
    assert b"20 2222" not in held
    assert b"20 1111" not in held
    withdraw_request(shop, request.id, actor="desk", now=START)
    assert vault.get([request.id]) == []


def test_other_corrections_of_the_same_person_are_no_duplicate(shop: Workspace) -> None:
    first, second = corrected(shop, CITY), corrected(shop, {"customers.made_at": "2026-01-01"})
    assert (first.state, second.state) == (S.AWAITING_APPROVAL, S.AWAITING_APPROVAL)


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        (([],), "corrections.line"),
        (({"phone": "1"},), "corrections.line"),
        (({"customers.phone": ["1"]},), "corrections.line"),
        (({"customers.phone": {"from": "secret"}},), "corrections.line"),
        (({"customers.phone": "sec\x00ret"},), "corrections.line"),
        (({"customers.phone": "\ud800"},), "corrections.line"),
        (({"customers.phone": "x" * 200_000},), "corrections.line"),
        ((CITY, CITY), "corrections.count"),
        (({"customers.customer_id": 5},), "rectification.key"),
        (({"nowhere.phone": "secret"},), "rectification.table"),
        (({"customers.made": "secret"},), "rectification.column"),
    ],
)
def test_corrections_that_say_nothing_usable(shop: Workspace, documents: tuple[object, ...], code: str) -> None:
    with pytest.raises((InputError, BlockedError)) as error:
        corrected(shop, *documents)
    assert error.value.code == code
    assert "secret" not in str(error.value)
    assert Control(shop).requests.all() == []


def test_corrections_and_the_right_belong_together(shop: Workspace) -> None:
    with pytest.raises(InputError, match="belong together"):
        submit(shop, Right.RECTIFICATION)
    with pytest.raises(InputError, match="belong together"):
        submit(shop, Right.ERASURE, corrections=lines(shop.root.parent, "c.jsonl", CITY))


def test_a_hold_stops_a_correction_and_its_release_lets_it_go_on(shop: Workspace) -> None:
    request = corrected(shop, CITY)
    approve_request(shop, request.id, actor="officer", now=START)
    who = lines(shop.root.parent, "held.jsonl", {"email": "ann@people.example"})
    [hold] = place_holds(shop, identifiers=who, reason="Case", owner="Legal", actor="officer", now=START)
    assert Control(shop).requests.get(request.id).state is S.HELD
    release_hold(shop, hold.id, actor="officer", now=START)
    assert Control(shop).requests.get(request.id).state is S.SCHEDULED


@pytest.mark.parametrize(
    ("correction", "category", "state"),
    [
        ({"customers.made_at": "2026-01-01"}, "user.account", S.HELD),
        ({"customers.made_at": "2026-01-01"}, "user.financial", S.SCHEDULED),
        ({"customers.phone": "+44 20 0000"}, "user.account", S.HELD),
    ],
    ids=["what is corrected, where an erasure would keep it", "something else", "what the person is found by"],
)
def test_a_hold_on_a_category_stops_a_correction_of_it(
    shop: Workspace, correction: dict[str, str], category: str, state: RequestState
) -> None:
    kept = POLICIES["tables/customers.yaml"] + "erasure: {action: keep, reason: A law.}\n"
    write_policies(shop.root / "policies", {"tables/customers.yaml": kept})
    request = corrected(shop, correction)
    approve_request(shop, request.id, actor="officer", now=START)
    who = lines(shop.root.parent, "held.jsonl", {"email": "ann@people.example"})
    words: dict[str, Any] = {"reason": "Case", "owner": "Legal", "categories": [category], "actor": "o", "now": START}
    [hold] = place_holds(shop, identifiers=who, **words)
    assert Control(shop).requests.get(request.id).state is state
    settle_holds(Control(shop), actor="o", now=START)
    assert Control(shop).requests.get(request.id).state is state
    release_hold(shop, hold.id, actor="officer", now=START)
    assert Control(shop).requests.get(request.id).state is S.SCHEDULED


def test_the_command_takes_corrections_from_a_file(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    person = lines(shop.root.parent, "p.jsonl", {"email": "ann@people.example"})
    words = ["request", "submit", "--right", "rectification", "--regime", "gdpr", "--identifiers", person]
    words += ["--corrections", lines(shop.root.parent, "c.jsonl", CITY), "--workspace", str(shop.root), "--json"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert json.loads(said)["request"]["right"] == "rectification"
    assert "0000" not in said


def test_who_was_suppressed_later_was_not_at_an_earlier_instant(shop: Workspace) -> None:
    keys = Control(shop).keys
    ref = keys.ref("email", "gone@person.example", Normalise.LOWER)
    Suppression(shop).add([ref], "R-1", START)
    assert standing_flags(shop, keys, until=START) == [(ref, Exclusion.SUPPRESSED)]
    assert standing_flags(shop, keys, until=START - timedelta(seconds=1)) == []
