"""When a run looks for rows that came late, what it takes along, and what it leaves to people; without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from delible.lake import erase, others, purge
from delible.lake.exceptions import Kept
from delible.lake.find import Found
from delible.lake.others import Others
from delible.model.plan import ErasurePlan, PlannedRequest, RowsDue, Stage, TableStep
from delible.model.subject import KeyRole, KeyRow, own_keys
from delible.model.terms import ErasureAction
from delible.workflows import late
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.journal import Journal, Step
from delible.workflows.late import Latecomers
from delible.workflows.search import Searched
from delible.workflows.stages import Run
from delible.workflows.treated import reported
from small_shop import NOW, approved, make_workspace

ACTIONS = {"customers": ErasureAction.DELETE_ROW, "tickets": ErasureAction.TREAT_COLUMNS}
FOUND = KeyRole.FOUND


@dataclass
class Lake:
    """A workspace with a plan half carried out, and a lake that answers as it is told.

    Args:
        moved: Tables that others have written to.
        answers: What the searches find, one after another; the last one again and again.
        rewritten: Tables, with the values of the keys by which they were erased in.
    """

    workspace: Any
    request: str
    patch: pytest.MonkeyPatch
    moved: set[str] = field(default_factory=set)
    answers: list[Searched] = field(default_factory=list)
    searches: int = 0
    rewritten: list[tuple[str, set[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control = Control(self.workspace)
        self.plan = ErasurePlan(
            id="E-1",
            created=NOW,
            policy_fingerprint="0" * 64,
            immediate=True,
            requests=(PlannedRequest(id=self.request, due="2026-12-31", matched=True),),
            seen=dict.fromkeys(ACTIONS, 0),
            tables=tuple(self._step(name) for name in ACTIONS),
        )
        self.patch.setattr(late, "find_people", self._find)
        self.patch.setattr(others, "others_since", self._others)
        self.patch.setattr(others, "first_own", lambda *_: None)
        self.patch.setattr(purge, "purge_deletion_vectors", lambda *_, **__: None)
        self.patch.setattr(erase, "marked", lambda *_: nullcontext())

    def _step(self, name: str) -> TableStep:
        where = str(self.workspace.root / "warehouse" / name)
        stages = (Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG)
        step = {"location": where, "version": 0, "rows": 1, "files": 1, "bytes": 1, "stages": stages, "wait_hours": 0}
        return TableStep(table=name, action=ACTIONS[name], **step)

    def _others(self, location: str, mine: str, version: int) -> Others:
        assert mine == "delible:E-1:"
        return Others(rows=Path(location).name in self.moved and version < self.searches)

    def _find(self, *_: Any, **__: Any) -> Searched:
        self.searches += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def found(self, *new: KeyRow, ambiguous: bool = False, endless: bool = False, **rows: int) -> Searched:
        due = {name: RowsDue(table=name, rows=rows.get(name, 0)) for name in ACTIONS}
        keys = (*own_keys(self.control.requests.vault.get([self.request])), *new)
        doubt = frozenset({self.request} if ambiguous else ())
        versions = dict.fromkeys(ACTIONS, -1 if endless else 99)
        return Searched(Found(keys, (), {}, doubt, {}), due, {}, {}, versions, {}, {}, Kept())

    def journal(self) -> Journal:
        policy = self.plan.policy_fingerprint
        return Journal(
            self.control.ledger, run="plan:E-1", verb="erasure", actor="tests", policy=policy, clock=Clock(NOW)
        )

    def look(self) -> list[KeyRow]:
        spark: Any = None
        run = Run(spark, self.journal(), Clock(NOW), "E-1", immediate=True, progress=lambda _: None)
        requests = self.control.requests.named([self.request])
        keys = own_keys(self.control.requests.vault.get([self.request]))

        def rewrite(_: Run, step: TableStep, keys: Sequence[KeyRow], mark: str) -> Step:
            assert mark.startswith(f"delible:E-1:{step.table}/late-")
            self.rewritten.append((step.table, {k.value for k in keys}))
            return Step({"rows": step.rows})

        return Latecomers(self.control, run, self.plan, requests, keys, rewrite).erase()


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    workspace = make_workspace(tmp_path / "shop")
    [request] = approved(workspace, tmp_path, {"customer_id": 1})
    return Lake(workspace, request, monkeypatch)


def test_nothing_is_searched_when_nobody_else_has_written(lake: Lake) -> None:
    assert [k.value for k in lake.look()] == ["1"]
    assert (lake.searches, lake.rewritten) == (0, [])


def test_what_came_late_goes_by_all_keys_and_is_counted_with_the_rest(lake: Lake) -> None:
    lake.moved, lake.searches = {"tickets"}, 1
    lake.answers = [lake.found(KeyRow(lake.request, "customer_id", "777", FOUND), tickets=3)]
    assert {k.value for k in lake.look()} == {"1", "777"}
    assert lake.rewritten == [("tickets", {"1", "777"})]
    assert {k.value for k in lake.control.requests.vault.get([lake.request])} == {"1", "777"}
    assert lake.control.keys.ref(
        "customer_id", "777", lake.control.policies.controller.identifiers["customer_id"].normalise
    ) in set(lake.control.requests.get(lake.request).refs)
    assert reported(lake.journal(), lake.plan.tables[1]).rows == 3
    assert (lake.look() and len(lake.rewritten) == 1) or lake.rewritten[1][0] == "tickets"


def test_what_may_be_somebody_elses_is_left(lake: Lake) -> None:
    lake.moved, lake.searches = {"customers"}, 1
    lake.answers = [lake.found(KeyRow(lake.request, "customer_id", "777", FOUND), ambiguous=True)]
    assert {k.value for k in lake.look()} == {"1"}
    assert lake.rewritten == []
    assert {k.value for k in lake.control.requests.vault.get([lake.request])} == {"1"}


def test_a_source_that_never_ends_is_left_to_the_byte_search(lake: Lake) -> None:
    lake.moved, lake.searches = {"customers"}, 1
    lake.answers = [lake.found(customers=1, endless=True)]
    lake.look()
    assert len(lake.rewritten) == 3
    assert reported(lake.journal(), lake.plan.tables[0]).rows == 3


def test_rows_that_keep_their_key_are_not_treated_twice(lake: Lake) -> None:
    tickets = lake.workspace.root / "policies" / "tables" / "tickets.yaml"
    tickets.write_text(tickets.read_text().replace("customer_id: pseudonymise, body", "body"))
    lake.control = Control(lake.workspace)
    lake.moved, lake.searches = {"tickets"}, 1
    lake.answers = [lake.found(tickets=3)]
    lake.look()
    assert lake.rewritten == []
