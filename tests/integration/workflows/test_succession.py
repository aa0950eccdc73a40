"""What is recorded under a corrected identifier: in the register, the vault and the consents, without a JVM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from delible.errors import BlockedError
from delible.model.consent import ConsentRecord
from delible.model.lineage import LineageRun
from delible.model.plan import PlannedRequest, RectificationPlan, RectificationStep
from delible.model.proof import Verification
from delible.model.rectification import Change
from delible.model.subject import KeyRole, KeyRow, SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, Normalise, RectificationAction, Regime, RequestState, Right
from delible.store.consents import Consents
from delible.store.workspace import Workspace, open_workspace
from delible.workflows import rectification
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.erasure_fit import refuse_held
from delible.workflows.holds import place_holds
from delible.workflows.init import init_workspace
from delible.workflows.journal import Journal, Step
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.stages import Run
from delible.workflows.succession import carry_over, moved_identifiers, undecided
from policy_files import write_policies
from small_shop import POLICIES, people_file

START = datetime(2026, 3, 10, 9, tzinfo=UTC)
OLD, NEW = "ann@people.example", "ann.married@people.example"
CASE = {"reason": "Case", "owner": "Legal", "actor": "officer", "now": START}


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "shop", actor="tests", now=START)
    write_policies(tmp_path / "shop" / "policies", POLICIES)
    return open_workspace(tmp_path / "shop")


def submit(shop: Workspace, right: Right, person: dict[str, object], correction: dict[str, str] | None = None) -> str:
    file = shop.root.parent / "corrections.jsonl"
    file.write_text(json.dumps(correction) + "\n")
    [made] = submit_requests(
        shop,
        right=right,
        regime=Regime.GDPR,
        identifiers=str(people_file(shop.root.parent, person)),
        corrections=str(file) if correction else None,
        actor="desk",
        now=START,
    )
    approve_request(shop, made.id, actor="officer", now=START)
    return made.id


def ref(shop: Workspace, kind: str, value: str) -> SubjectRef:
    how = Normalise.LOWER if kind == "email" else Normalise.EXACT
    return Control(shop).keys.ref(kind, value, how)


def found(request: str, shared: Sequence[str] = ()) -> tuple[list[KeyRow], list[KeyRow]]:
    """Return what a search of the tables would say of the person with number 7: keys of their own, and shared ones."""
    every = {"customer_id": "7", "email": OLD}
    own = [KeyRow(request, k, v, KeyRole.FOUND) for k, v in every.items() if k not in shared]
    return own, [KeyRow(request, k, every[k], KeyRole.SHARED) for k in shared]


def carry(
    shop: Workspace,
    person: dict[str, object],
    shared: Sequence[str] = (),
    request: str | None = None,
    corrected: datetime | None = None,
) -> int:
    """Correct the address of the person with number 7, as far as the control plane is concerned."""
    request = request or submit(shop, Right.RECTIFICATION, person, {"customers.email": NEW})
    control = Control(shop)
    moved = moved_identifiers(control, *found(request, shared), [Change(request, "customers", "email", OLD, NEW)])
    given = control.requests.vault.get([request])
    return carry_over(control, moved, given, actor="desk", now=START, corrected=corrected)


def reached(shop: Workspace, request: str) -> set[str]:
    return {k.value for k in Control(shop).requests.vault.get([request]) if k.kind == "email"}


@pytest.mark.parametrize("right", [Right.ERASURE, Right.ACCESS])
def test_an_open_request_of_the_same_person_reaches_the_corrected_address(shop: Workspace, right: Right) -> None:
    request = submit(shop, right, {"email": OLD, "customer_id": 7})
    carry(shop, {"customer_id": 7})
    assert reached(shop, request) == {OLD, NEW}
    assert ref(shop, "email", NEW) in Control(shop).requests.get(request).refs


def test_somebody_elses_request_never_reaches_the_corrected_address(shop: Workspace) -> None:
    request = submit(shop, Right.ERASURE, {"email": OLD, "customer_id": 8})
    carry(shop, {"customer_id": 7}, shared=["email"])
    assert reached(shop, request) == {OLD}


def test_a_correction_waits_for_a_request_that_hangs_on_the_old_address(shop: Workspace) -> None:
    erasure = submit(shop, Right.ERASURE, {"email": OLD})
    request = submit(shop, Right.RECTIFICATION, {"customer_id": 7}, {"customers.email": NEW})
    control = Control(shop)
    change = Change(request, "customers", "email", OLD, NEW)
    moved = moved_identifiers(control, *found(request), [change])
    [problem] = undecided(control, moved, [request]).values()
    assert (problem.code, problem.where) == ("rectification.open_request", f"request:{request}")
    assert erasure in problem.message
    assert "@" not in problem.message
    unmoved = moved_identifiers(control, *found(request), [Change(request, "customers", "made_at", "1", "2")])
    assert undecided(control, unmoved, [request]) == {}


def consent(shop: Workspace, status: ConsentStatus, days: int) -> ConsentRecord:
    return ConsentRecord(
        ref=ref(shop, "email", OLD),
        kind="email",
        purpose="support",
        status=status,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=START - timedelta(days=days),
        recorded_at=START - timedelta(days=days),
        source="tests",
    )


G, W = ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN
BY_OLD: dict[str, object] = {"email": OLD}


@pytest.mark.parametrize(
    ("person", "shared", "after"),
    [(BY_OLD, (), [W, G]), (BY_OLD, ["email"], [W]), ({"customer_id": 7}, (), [W])],
    ids=["given as one's own", "somebody else has it, too", "found in the row only"],
)
def test_art_7_1_only_a_persons_own_consent_goes_on(
    shop: Workspace, person: dict[str, object], shared: Sequence[str], after: list[ConsentStatus]
) -> None:
    Consents(shop).append([consent(shop, W, 9), consent(shop, G, 3)])
    assert carry(shop, person, shared) == 2 - len(after)
    assert [c.status for c in Consents(shop).for_refs([ref(shop, "email", NEW)])] == after


AFTER = START + timedelta(minutes=5)


def seen(shop: Workspace, request: str) -> bool:
    """Return whether a request stands under the corrected address."""
    return ref(shop, "email", NEW) in Control(shop).requests.get(request).refs


@pytest.mark.parametrize(
    ("right", "person", "carried"),
    [
        (Right.OBJECTION, {"email": OLD}, True),
        (Right.RESTRICTION, {"email": OLD}, True),
        (Right.ERASURE, {"email": OLD}, False),
        (Right.ACCESS, {"email": OLD}, False),
        (Right.ERASURE, {"email": OLD, "customer_id": 7}, True),
        (Right.ERASURE, {"email": OLD, "customer_id": 8}, False),
    ],
    ids=["objection", "restriction", "erasure", "access", "erasure of the same person", "erasure of somebody else"],
)
def test_what_came_in_while_rows_were_corrected_goes_on_when_it_forbids_or_names_the_person(
    right: Right, person: dict[str, object], carried: bool, shop: Workspace
) -> None:
    request = submit(shop, Right.RECTIFICATION, {"customer_id": 7}, {"customers.email": NEW})
    carry(shop, {}, request=request)
    late = submit(shop, right, person)
    assert not seen(shop, late)
    carry(shop, {}, request=request, corrected=AFTER)
    assert seen(shop, late) is carried
    searched = right in (Right.ERASURE, Right.ACCESS)
    assert (NEW in reached(shop, late)) is (carried and searched)


def test_who_reaches_nobody_any_more_never_reaches_the_corrected_person_by_having_been_begun(shop: Workspace) -> None:
    """Their erasure was begun when the address was somebody else's again."""
    request = submit(shop, Right.RECTIFICATION, {"customer_id": 7}, {"customers.email": NEW})
    late = submit(shop, Right.ERASURE, {"email": OLD})
    Control(shop).requests.transition(late, RequestState.IN_PROGRESS, actor="desk", now=START)
    carry(shop, {}, request=request, corrected=AFTER)
    assert (seen(shop, late), reached(shop, late)) == (False, {OLD})


def test_carrying_over_again_changes_nothing_and_takes_no_newer_consent_for_the_persons(shop: Workspace) -> None:
    request = submit(shop, Right.RECTIFICATION, BY_OLD, {"customers.email": NEW})
    consents = Consents(shop)
    consents.append([consent(shop, G, 3)])
    assert carry(shop, BY_OLD, request=request) == 0
    before = Control(shop).ledger.head(), len(consents.all()), Control(shop).requests.vault.get([request])
    assert carry(shop, BY_OLD, request=request, corrected=AFTER) == 0
    assert (Control(shop).ledger.head(), len(consents.all()), Control(shop).requests.vault.get([request])) == before
    consents.append([consent(shop, G, -1), consent(shop, W, -1)])
    assert carry(shop, BY_OLD, request=request, corrected=AFTER) == 1
    assert [c.status for c in consents.for_refs([ref(shop, "email", NEW)])] == [G, W]


def planned(request: str, *columns: str) -> RectificationPlan:
    step = RectificationStep.model_construct(
        table="customers", action=RectificationAction.CORRECT, columns=columns, stages=("merge",)
    )
    asked = PlannedRequest.model_construct(id=request, rows={"customers": 1})
    return RectificationPlan.model_construct(id="C-1", requests=(asked,), tables=(step,), policy_fingerprint="p")


@pytest.mark.parametrize(("category", "stops"), [("user.account", True), ("user.financial", False)])
def test_each_step_asks_for_holds_on_what_is_corrected(shop: Workspace, category: str, stops: bool) -> None:
    """An erasure would keep the table, so that a hold on it would stop no erasure."""
    kept = POLICIES["tables/customers.yaml"] + "erasure: {action: keep, reason: A law.}\n"
    write_policies(shop.root / "policies", {"tables/customers.yaml": kept})
    request = submit(shop, Right.RECTIFICATION, {"email": OLD}, {"customers.made_at": "2026-01-01"})
    plan = planned(request, "made_at")
    refuse_held(Control(shop), plan, lambda: START)
    hold = f"hold: case\ncategories: [{category}]\nreason: R.\nowner: Legal\nstarts: '2026-01-01'\n"
    write_policies(shop.root / "policies", {"legal_holds/case.yaml": hold})
    assert _codes(shop, plan) == ({"table.held"} if stops else set())
    who = str(people_file(shop.root.parent, {"email": OLD}))
    place_holds(shop, identifiers=who, categories=[category], **cast("Any", CASE))
    assert _codes(shop, plan) == ({"table.held", "request.held"} if stops else set())


def _codes(shop: Workspace, plan: RectificationPlan) -> set[str]:
    try:
        refuse_held(Control(shop), plan, lambda: START)
    except BlockedError as error:
        return {p.code for p in error.problems}
    return set()


def test_an_objection_under_the_old_address_is_carried_until_the_correction_is_completed(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days of a retention window and hours of byte search lie between the right rows and the end."""
    request = submit(shop, Right.RECTIFICATION, {"customer_id": 7}, {"customers.email": NEW})
    control, plan, clock = Control(shop), planned(request, "email"), Clock(START)
    control.requests.transition(request, RequestState.IN_PROGRESS, actor="job", now=START)
    change = Change(request, "customers", "email", OLD, NEW)
    control.requests.vault.put([*found(request)[0], change.key()], START)
    journal = Journal(control.ledger, run="plan:C-1", verb="rectification", actor="job", policy="p", clock=clock)
    run = Run(cast("Any", None), journal, clock, plan.id, True, lambda _: None)
    journal.finish("table:customers", "merge", Step({}, {}))
    kept = control.requests.vault.get([request])
    objections = []

    def object_() -> None:
        objections.append(submit(shop, Right.OBJECTION, {"email": OLD}))
        control.requests.transition_all(objections[-1:], RequestState.IN_PROGRESS, actor="job", now=START)
        control.requests.transition_all(objections[-1:], RequestState.COMPLETED, actor="job", now=START)

    def search(*_: Any, **__: Any) -> Verification:
        object_()
        return Verification(at=START, files_searched=1, bytes_searched=1, values_searched=1, matches=(), unreadable=())

    monkeypatch.setattr(rectification, "search_old_values", search)
    for _ in range(2):
        object_()
        rectification._carry_again(control, run, plan, kept, "job")
    lineage = LineageRun("", "rectification.apply", (), (), {}, START)
    rectification._conclude(control, run, plan, control.requests.named([request]), (), kept, "job", lineage)
    assert control.requests.get(request).state is RequestState.COMPLETED
    assert len(objections) == 3
    new = ref(shop, "email", NEW)
    assert [new in r.refs for r in control.requests.named(objections)] == [True] * 3
    assert len(control.ledger.records(object_prefix="plan:C-1/all", action_prefix="rectification.carry")) == 1
