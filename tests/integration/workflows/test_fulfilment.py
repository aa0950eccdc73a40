"""What `fulfil` does for each request, whatever stands in another's way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from delible.errors import BlockedError, ConflictError, DelibleError, InputError, ResidueError, SetupError, TamperError
from delible.model.plan import RowsDue
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Normalise, Regime, RequestState, Right
from delible.report.requests import standing_counts
from delible.store.keys import Keys
from delible.store.workspace import Workspace
from delible.workflows import access, fulfilment, objection
from delible.workflows.access import build_access_package
from delible.workflows.control import Control
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.holds import place_holds
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.search import Searched
from small_shop import email, make_workspace, people_file

S = RequestState
START = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def ready(shop: Workspace, right: Right, who: int) -> str:
    """Submit and approve one request."""
    file = people_file(shop.root.parent, {"email": email(who)})
    more: dict[str, Any] = {}
    regime = Regime.CCPA if right in (Right.OPT_OUT, Right.LIMIT) else Regime.GDPR
    if right is Right.RECTIFICATION:
        more["corrections"] = str(shop.root.parent / "corrections.jsonl")
        Path(more["corrections"]).write_text('{"customers.made_at": "2026-01-01"}\n')
    [made] = submit_requests(shop, right=right, regime=regime, identifiers=str(file), actor="desk", now=START, **more)
    approve_request(shop, made.id, actor="officer", now=START)
    return made.id


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_a_hold_forbids_to_destroy_and_alter_but_not_to_give_a_copy(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    asked = ready(shop, right, 1)
    file = people_file(shop.root.parent, {"email": email(1)})
    place_holds(shop, identifiers=str(file), reason="Case", owner="Legal", actor="officer", now=START)
    assert Control(shop).requests.get(asked).state is S.SCHEDULED

    def no_spark(*_: Any) -> None:
        raise SetupError("reached", "the rows would be read now")

    monkeypatch.setattr(access, "session_for", no_spark)
    with pytest.raises(SetupError, check=lambda e: e.code == "reached"):
        build_access_package(shop, asked, actor="job", now=START)


LINKED = InputError("access.linked", "a symbolic link stands where an access package belongs.")
DAMAGED = TamperError("keys.undecryptable", "a stored identifier cannot be decrypted.")


class Steps:
    """Access packages, corrections and erasures that note what they were asked for, and fail as they are told."""

    def __init__(self, shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.reached = shop, list[str]()
        self.fails: dict[str, DelibleError] = {}
        monkeypatch.setattr(access, "build_access_package", self._package)
        monkeypatch.setattr(fulfilment, "plan_rectifications", self._planned("corrections"))
        monkeypatch.setattr(fulfilment, "plan_due_erasures", self._planned("erasures"))

    def _package(self, _: Workspace, request_id: str, **__: Any) -> access.BuiltPackage:
        if request_id in self.fails:
            raise self.fails[request_id]
        self.reached.append(request_id)
        return access.BuiltPackage(Control(self.shop).requests.get(request_id), Path("package"), 1)

    def _planned(self, name: str) -> Any:
        def plan(*_: Any, request_ids: list[str], **__: Any) -> NoReturn:
            self.reached += request_ids
            raise self.fails.get(name, BlockedError("noted", name))

        return plan

    def fulfil(self) -> DelibleError:
        """Fulfil, and return what it ended with."""
        self.reached.clear()
        try:
            failure = fulfil_requests(self.shop, actor="job", now=START).failure
        except DelibleError as error:
            failure = error
        assert failure is not None
        return failure


@pytest.fixture
def steps(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(shop, monkeypatch)


@pytest.mark.parametrize(
    ("trouble", "code"), [(LINKED, 1), (DAMAGED, 4), (ResidueError("erasure.residue", "left"), 4)], ids=str
)
def test_one_person_s_trouble_keeps_no_other_waiting(
    shop: Workspace, steps: Steps, trouble: DelibleError, code: int
) -> None:
    bad, good = ready(shop, Right.ACCESS, 1), ready(shop, Right.ACCESS, 2)
    erasure = ready(shop, Right.ERASURE, 3)
    steps.fails[bad] = trouble
    failure = steps.fulfil()
    assert steps.reached == [good, erasure]
    assert [p.code for p in failure.problems] == [trouble.code, "noted"], "the gravest first"
    assert failure.exit_code == code


def test_bad_input_says_that_nothing_changed_only_when_nothing_has(shop: Workspace, steps: Steps) -> None:
    steps.fails[ready(shop, Right.ACCESS, 1)] = LINKED
    assert steps.fulfil().exit_code == InputError.exit_code


@pytest.mark.parametrize(
    "trouble",
    [SetupError("java.missing", "no JDK"), ConflictError("workspace.busy", "busy"), TamperError("ledger.broken", "x")],
)
def test_what_would_meet_everybody_ends_the_command_at_once(
    shop: Workspace, steps: Steps, trouble: DelibleError
) -> None:
    bad = ready(shop, Right.ACCESS, 1)
    ready(shop, Right.ACCESS, 2)
    ready(shop, Right.ERASURE, 3)
    steps.fails[bad] = trouble
    assert steps.fulfil() is trouble
    assert steps.reached == []


@pytest.mark.parametrize("right", [Right.ERASURE, Right.RECTIFICATION])
def test_whose_identifiers_were_damaged_is_left_out_of_the_run_for_all(
    shop: Workspace, steps: Steps, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    bad, good = ready(shop, right, 1), ready(shop, right, 2)
    file = people_file(shop.root.parent, {"email": email(3)})
    words: dict[str, Any] = {"reason": "Case", "owner": "Legal", "categories": ["user.account"]}
    place_holds(shop, identifiers=str(file), **words, actor="officer", now=START)
    whole = Keys.decrypt

    def damaged(keys: Keys, data: bytes, context: bytes) -> bytes:
        return whole(keys, data[:-1] if bad.encode() in context else data, context)

    monkeypatch.setattr(Keys, "decrypt", damaged)
    failure = steps.fulfil()
    assert steps.reached == [good]
    assert (failure.problems[0].code, failure.problems[0].where) == ("keys.undecryptable", f"request:{bad}")
    assert isinstance(failure, TamperError)


def searched(*reached: str, ambiguous: frozenset[str] = frozenset(), shared: tuple[KeyRow, ...] = ()) -> Searched:
    """Return what a search finds that reaches these requests' people, each in one row."""
    found = SimpleNamespace(rows_of={r: {"customers": 1} for r in reached}, ambiguous=ambiguous, shared=shared)
    return cast("Searched", SimpleNamespace(found=found, locations={}, versions={}))


@pytest.mark.parametrize("right", [Right.OBJECTION, Right.OPT_OUT, Right.LIMIT])
def test_an_objection_that_reaches_nobody_is_asked_about_and_stands_meanwhile(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    missing, reaching, several, family, corrected = (ready(shop, right, who) for who in (1, 2, 3, 4, 5))
    new = Control(shop).keys.ref("email", "corrected@people.example", Normalise.LOWER)
    Control(shop).requests.add_refs(corrected, [new], START)
    result = searched(reaching, ambiguous=frozenset({several}), shared=(KeyRow(family, "phone", "1", KeyRole.SHARED),))
    monkeypatch.setattr(objection, "session_for", lambda _: None)
    monkeypatch.setattr(objection, "find_people", lambda *_, **__: result)
    failure = fulfil_requests(shop, actor="job", now=START).failure
    assert failure is not None
    assert [(p.code, p.where) for p in failure.problems] == [("request.no_match", f"request:{missing}")]
    assert failure.exit_code == BlockedError.exit_code
    requests = Control(shop).requests
    assert {r.id for r in requests.all() if r.state is S.COMPLETED} == {reaching, several, family, corrected}
    left = requests.get(missing)
    assert left.state is S.SCHEDULED
    assert standing_counts([left]) == {right: 1}, "it stands from its receipt"
    assert requests.vault.get([missing]), "whoever is asked for another identifier may compare"
    assert fulfil_requests(shop, accept_no_match=True, actor="job", now=START).failure is None
    assert requests.get(missing).state is S.COMPLETED


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_art_15_1_whoever_is_found_nowhere_is_told_so(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    asked = ready(shop, right, 1)
    found = SimpleNamespace(rows_of={}, ambiguous=frozenset(), shared=(), keys=(), paths={})
    due = {"customers": RowsDue(table="customers", rows=0)}
    nothing = SimpleNamespace(found=found, refs={}, due=due, locations={}, versions={})
    monkeypatch.setattr(access, "session_for", lambda _: None)
    monkeypatch.setattr(access, "find_people", lambda *_, **__: nothing)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.no_match"):
        fulfil_requests(shop, actor="job", now=START)
    assert Control(shop).requests.get(asked).state is S.SCHEDULED
    done = fulfil_requests(shop, accept_no_match=True, actor="job", now=START)
    assert done.failure is None
    assert Control(shop).requests.get(asked).state is S.COMPLETED
    page = (done.packages[asked] / "index.html").read_text()
    assert "Small Shop holds no data that the identifiers in your request lead to." in page
    tables = json.loads((done.packages[asked] / "index.json").read_text())["tables"]
    assert {t["table"]: t["total"] for t in tables} == {"customers": 0, "tickets": 0}
    assert tables[0]["purposes"], "what is done with such data is said all the same"
    [record] = Control(shop).ledger.records(action_prefix="access.build")
    assert record.counts["rows"] == 0


def test_very_many_erasures_are_planned_in_portions_and_one_does_not_stop_the_next(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [ready(shop, Right.ERASURE, who) for who in (1, 2, 3, 4, 5)]
    portions: list[list[str]] = []

    def plan(*_: Any, request_ids: list[str], **__: Any) -> NoReturn:
        portions.append(request_ids)
        raise BlockedError("request.no_match", "nobody.", where=f"request:{request_ids[0]}")

    monkeypatch.setattr(fulfilment, "plan_due_erasures", plan)
    monkeypatch.setattr(fulfilment, "MOST_AT_ONCE", 2)
    with pytest.raises(BlockedError) as raised:
        fulfil_requests(shop, actor="officer", now=START)
    assert [len(portion) for portion in portions] == [2, 2, 1]
    assert [i for portion in portions for i in portion] == asked
    assert len(raised.value.problems) == 3
