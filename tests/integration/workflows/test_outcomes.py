"""What ends a request for now or for good, over real stores: exceptions, holds by category, restrictions, evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.cli import main
from delible.decide.consent import flag
from delible.decide.exception import kept_part
from delible.errors import BlockedError, InputError
from delible.model.identity import EvidencePath
from delible.model.plan import ErasurePlan, PlannedRequest
from delible.model.request import Request
from delible.model.restriction import RestrictionGround
from delible.model.terms import Exclusion, Regime, RequestState, Right
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.exceptions import end_requests, is_finished
from delible.workflows.holds import list_holds, place_holds, release_hold
from delible.workflows.init import init_workspace
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.restriction import lift_restriction
from delible.workflows.resumption import hold_requests, settle_holds
from policy_files import CONTROLLER, PURPOSE, TABLE, write_policies

S = RequestState
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
EXCEPTION = """\
exception: tax
table: customers
columns: [id, made_at]
basis: legal_obligation
owner: finance
until: 2030-12-31
reason: The law on accounts.
"""
HOLD = "hold: inquiry\nreason: Inquiry.\nowner: legal\ncategories: [user.contact]\nstarts: 2026-01-01\n"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "shop", actor="tests", now=NOW)
    return with_policies(tmp_path / "shop", {"exceptions/tax.yaml": EXCEPTION})


def with_policies(folder: Path, more: Mapping[str, str]) -> Workspace:
    files = {"controller.yaml": CONTROLLER, "purposes/support.yaml": PURPOSE, "tables/customers.yaml": TABLE, **more}
    write_policies(folder / "policies", files)
    return open_workspace(folder)


def people(shop: Workspace) -> str:
    file = shop.root.parent / "people.jsonl"
    file.write_text('{"email": "ann@x.example"}\n')
    return str(file)


def submit(shop: Workspace, right: Right = Right.ERASURE, **how: Any) -> Request:
    given: dict[str, Any] = {"right": right, "regime": Regime.GDPR, "actor": "desk", "now": NOW} | how
    [made] = submit_requests(shop, identifiers=people(shop), **given)
    return made


def begun(shop: Workspace, right: Right = Right.ERASURE, **how: Any) -> Request:
    request = submit(shop, right, **how)
    approve_request(shop, request.id, actor="officer", now=NOW)
    return Control(shop).requests.transition(request.id, S.IN_PROGRESS, actor="job", now=NOW)


def blocked(code: str) -> Any:
    return pytest.raises(BlockedError, check=lambda error: error.code == code)


def json_of(shop: Workspace, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main.main(["--workspace", str(shop.root), "--json", *words]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def kept(shop: Workspace) -> tuple[Request, Path, ErasurePlan]:
    """Return an erasure that an exception keeps something of, and its answer."""
    control, request = Control(shop), begun(shop)
    part = kept_part(control.policies.exceptions["tax"], Regime.GDPR, 2)
    planned = PlannedRequest(id=request.id, due=str(request.due), matched=True, rows={"customers": 2}, kept=(part,))
    plan = ErasurePlan(
        id="E-1", created=NOW, policy_fingerprint="0", immediate=True, requests=(planned,), seen={}, tables=()
    )
    [after], letters = end_requests(control, plan, [request.id], actor="job", now=NOW)
    return after, letters[request.id], plan


# -------------------------------------------------------------------------------------------------------- exceptions


def test_art_12_4_the_answer_is_written_and_its_digest_is_in_the_ledger(shop: Workspace) -> None:
    request, letter, plan = kept(shop)
    assert (request.state, request.kept_by) == (S.PARTLY_COMPLETED, "E-1")
    assert is_finished(plan, [request])
    said = letter.read_text()
    assert letter.stat().st_mode & 0o077 == 0
    for words in ("Art. 17(3)(b)", "2030-12-31", "id, made at", "The law on accounts.", "Art. 12(4)"):
        assert words in said
    record = Control(shop).ledger.records(object_prefix=f"request:{request.id}")[-1]
    assert record.detail["letter"] == hashlib.sha256(said.encode()).hexdigest()
    assert "law on accounts" not in str(record)


def test_it_is_listed_by_the_day_on_which_it_becomes_due(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    request, _, _ = kept(shop)
    [line] = json_of(shop, capsys, "request", "list")["requests"]
    assert (line["id"], line["kept_until"], line["due_again"]) == (request.id, "2030-12-31", "2031-01-01")
    shown = json_of(shop, capsys, "request", "show", request.id)["request"]
    assert [(k["exception"], k["table"], k["rows"]) for k in shown["kept"]] == [("tax", "customers", 2)]
    assert main.main(["--workspace", str(shop.root), "request", "show", request.id]) == 0
    assert "kept in customers (2 row(s): id, made_at) until 2030-12-31" in capsys.readouterr().out


def test_who_asks_again_is_no_duplicate_of_a_request_that_was_answered(shop: Workspace) -> None:
    first, _, _ = kept(shop)
    assert submit(shop).duplicate_of is None
    assert Control(shop).requests.vault.get([first.id])  # the rest has to be found when the time comes


def test_an_exception_without_an_end_is_an_error_with_its_line(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = EXCEPTION.replace("until: 2030-12-31\n", "").replace("legal_obligation", "habit")
    write_policies(shop.root / "policies", {"exceptions/tax.yaml": broken})
    errors = json_of(shop, capsys, "policy", "check", code=2)["errors"]
    assert {(e["code"], e["where"]) for e in errors} == {
        ("policy.missing_key", "policies/exceptions/tax.yaml:1"),
        ("policy.value", "policies/exceptions/tax.yaml:4"),
    }


def test_policy_check_says_which_line_of_an_exception_is_over(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write_policies(shop.root / "policies", {"exceptions/tax.yaml": EXCEPTION.replace("2030", "2020")})
    errors = json_of(shop, capsys, "policy", "check", code=3)["errors"]
    assert [(e["code"], e["where"]) for e in errors if "exception" in e["code"]] == [
        ("policy.exception_expired", "policies/exceptions/tax.yaml:6")
    ]


# ------------------------------------------------------------------------------------------------------------- holds


def test_a_hold_on_a_category_holds_where_an_erasure_would_take_it_and_lets_go(shop: Workspace) -> None:
    request = submit(shop)
    given = {"identifiers": people(shop), "reason": "claim", "owner": "legal", "actor": "legal", "now": NOW}
    [other] = place_holds(shop, categories=["user.biometric"], **given)
    assert Control(shop).requests.get(request.id).state is S.AWAITING_APPROVAL
    [hold] = place_holds(shop, categories=["user.contact"], **given)
    assert Control(shop).requests.get(request.id).held_by == hold.id
    assert {h.id: h.categories for h in Control(shop).holds.active()} == {
        other.id: ("user.biometric",),
        hold.id: ("user.contact",),
    }
    release_hold(shop, hold.id, actor="legal", now=NOW)
    assert Control(shop).requests.get(request.id).state is S.AWAITING_APPROVAL


@pytest.mark.parametrize("look", [list_holds, lambda shop: settle_holds(Control(shop), actor="job", now=NOW)])
def test_whoever_looks_next_records_a_hold_whose_writer_was_killed(
    shop: Workspace, look: Callable[[Workspace], object]
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    who = people(shop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "drain", die)
        with pytest.raises(KeyboardInterrupt):
            place_holds(shop, identifiers=who, reason="claim", owner="legal", actor="legal", now=NOW)
    look(shop)
    look(shop)
    records = Control(shop).ledger.records(action_prefix="hold.")
    assert [(r.action, r.outcome, r.actor) for r in records] == [
        ("hold.place", "started", "legal"),
        ("hold.place", "done", "legal"),
    ]


def test_a_request_that_a_hold_of_the_policies_stopped_goes_on_when_it_is_over(shop: Workspace) -> None:
    request = submit(shop)
    control = Control(with_policies(shop.root, {"legal_holds/inquiry.yaml": HOLD}))
    hold_requests(control, {request.id: "inquiry"}, actor="job", now=NOW)
    assert settle_holds(control, actor="job", now=NOW) == []
    control = Control(with_policies(shop.root, {"legal_holds/inquiry.yaml": HOLD + "ends: 2026-03-10\n"}))
    assert settle_holds(control, actor="job", now=NOW) == []
    [after] = settle_holds(control, actor="job", now=NOW + timedelta(days=1))
    assert (after.id, after.state, after.held_by) == (request.id, S.AWAITING_APPROVAL, None)


def test_a_category_that_does_not_exist_is_refused(shop: Workspace) -> None:
    with pytest.raises(InputError) as refused:
        place_holds(
            shop, identifiers=people(shop), reason="r", owner="o", categories=["user.contact.emial"], actor="a", now=NOW
        )
    assert refused.value.code == "hold.category"
    assert "user.contact.email" in str(refused.value)


# ------------------------------------------------------------------------------------------------------- restriction


def restricted(shop: Workspace) -> Request:
    request = begun(shop, Right.RESTRICTION, restriction=RestrictionGround.ACCURACY_CONTESTED)
    return Control(shop).requests.transition(request.id, S.COMPLETED, actor="job", now=NOW)


def test_art_18_3_the_letter_comes_before_the_lifting(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    request = restricted(shop)
    with blocked("request.not_told"):
        lift_restriction(shop, request.id, reason=None, informed=True, actor="officer", now=NOW)
    told = json_of(shop, capsys, "request", "lift", request.id, "--reason", "the address was corrected")
    assert "Art. 18(3)" in told["notice"]
    assert "Art. 18(1)(a)" in told["notice"]
    assert told["request"]["lifted"] is None
    assert flag(Control(shop).requests.get(request.id)) is Exclusion.RESTRICTED
    done = json_of(shop, capsys, "request", "lift", request.id, "--informed")["request"]
    assert done["lifted"] >= done["lift_told"]
    assert flag(Control(shop).requests.get(request.id)) is None
    actions = [r.action for r in Control(shop).ledger.records(object_prefix=f"request:{request.id}")]
    assert actions[-2:] == ["request.lift_told", "request.lifted"]
    with blocked("request.lifted"):
        lift_restriction(shop, request.id, reason="x", informed=True, actor="officer", now=NOW)


def test_lifting_needs_a_reason_or_the_word_that_it_was_told(shop: Workspace) -> None:
    with pytest.raises(InputError) as refused:
        lift_restriction(shop, restricted(shop).id, reason=" ", informed=False, actor="officer", now=NOW)
    assert refused.value.code == "request.no_reason"


def test_only_a_restriction_has_a_ground_and_can_be_lifted(shop: Workspace) -> None:
    with pytest.raises(InputError) as refused:
        submit(shop, restriction=RestrictionGround.LEGAL_CLAIMS)
    assert refused.value.code == "request.ground"
    with blocked("request.no_restriction"):
        lift_restriction(shop, submit(shop).id, reason="r", informed=False, actor="officer", now=NOW)


# ---------------------------------------------------------------------------------------------------------- evidence


def test_show_prints_the_ways_to_identifiers_and_no_value(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    request = submit(shop)
    ways = (
        EvidencePath(kind="email", role="given"),
        EvidencePath(kind="customer_id", role="found", steps=("customers.email = … → customers.id",), identifiers=2),
    )
    Control(shop).requests.add_refs(request.id, (), NOW, evidence=ways)
    Control(shop).requests.add_refs(request.id, (), NOW, evidence=ways)
    shown = json_of(shop, capsys, "request", "show", request.id)
    assert shown["request"]["evidence"] == [w.model_dump(mode="json") | {"steps": list(w.steps)} for w in ways]
    assert [h["action"] for h in shown["history"]].count("request.refs_found") == 1
    assert main.main(["--workspace", str(shop.root), "request", "show", request.id]) == 0
    text = capsys.readouterr().out
    assert "  customer_id (2), found\n  └─ customers.email = … → customers.id" in text
    assert "ann@" not in text
    assert date(2026, 4, 10) == request.due
