"""A retention plan fits as long as the same rows would go, whatever else others write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from delible.errors import StalePlanError
from delible.lake.retention import Counted
from delible.model.plan import RetentionPlan, RetentionStep, Stage
from delible.model.terms import Normalise, Regime, RetentionAction, Right
from delible.workflows import held_bytes, retention_fit
from delible.workflows.control import Control
from delible.workflows.held import held_digest, held_refs
from delible.workflows.holds import place_holds
from delible.workflows.requests import submit_requests
from delible.workflows.retention_fit import due_digest, moved
from delta_rows import delta_rows
from small_shop import NOW, customers, email, make_workspace, people_file, tickets

DUE, YOUNG = 12, 3
"""Made 480 and 120 days ago; the period is a year."""


class Planned:
    """A plan over real tables, whose due rows are counted without Spark."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.workspace = folder, make_workspace(folder / "shop")
        self.places = {name: str(self.workspace.root / "warehouse" / name) for name in ("customers", "tickets")}
        write_deltalake(self.places["customers"], customers())
        write_deltalake(self.places["tickets"], tickets())
        self.counts = 0
        monkeypatch.setattr(retention_fit, "due_now", self.due_now)
        due = self.due_now(Control(self.workspace), set(), NOW)["customers", "accounts"]
        self.plan = RetentionPlan(
            id="T-20260310-00000001",
            created=NOW,
            policy_fingerprint="p",
            immediate=True,
            seen={"customers": 0, "tickets": 0},
            held=held_digest(Control(self.workspace), claims=True, accessing=True),
            tables=(self.step(due),),
        )
        self.counts = 0

    def step(self, due: str) -> RetentionStep:
        return RetentionStep(
            table="customers",
            location=self.places["customers"],
            version=0,
            action=RetentionAction.DELETE_ROW,
            rows=1,
            files=1,
            bytes=1,
            stages=tuple(Stage),
            wait_hours=0,
            rule="accounts",
            as_of=NOW,
            due=due,
        )

    def due_now(self, control: Control, _: object, as_of: datetime) -> dict[tuple[str, str], str]:
        """Count customers of whom a ticket, which stands for an event here, or their own row is old enough."""
        self.counts += 1
        held = held_refs(control, claims=True, accessing=True)
        ended = {row["customer_id"] for row in delta_rows(self.places["tickets"]) if row["body"] == "The end."}
        due = [
            (row["email"], str(row["made_at"]))
            for row in delta_rows(self.places["customers"])
            if row["made_at"] <= as_of - timedelta(days=365) or row["customer_id"] in ended
            if control.keys.ref("email", row["email"], Normalise.LOWER) not in held
        ]
        found = Counted(rows=len(due), held=0, files=1, bytes=1, due=sum(crc32(str(row).encode()) for row in due))
        return {("customers", "accounts"): due_digest(control, found)}

    def stale(self) -> StalePlanError | None:
        return moved(Control(self.workspace), self.plan, self.plan.tables, lambda _: None)

    # what others do

    def young_rows(self) -> None:
        write_deltalake(self.places["customers"], customers().slice(YOUNG - 1, 1), mode="append")

    def due_row(self) -> None:
        write_deltalake(self.places["customers"], customers().slice(DUE - 1, 1), mode="append")

    def another_due_row(self) -> None:
        """As many rows are due as before, but another person's."""
        rows = customers().slice(DUE - 1, 1).set_column(1, "email", pa.array(["new@people.example"]))
        DeltaTable(self.places["customers"]).delete(f"customer_id = {DUE}")
        write_deltalake(self.places["customers"], rows, mode="append")

    def fewer_due_rows(self) -> None:
        DeltaTable(self.places["customers"]).delete(f"customer_id = {DUE}")

    def optimize(self) -> None:
        self.young_rows()
        self.plan = self.plan.model_copy(update={"seen": {"customers": 1, "tickets": 0}})
        DeltaTable(self.places["customers"]).optimize.compact()

    def started_clock(self) -> None:
        """Nothing is written to the table of the rule, but an event makes a young row due."""
        made = {"ticket_id": [1], "customer_id": [YOUNG], "body": ["The end."]}
        write_deltalake(self.places["tickets"], pa.table(made), mode="append")

    def tickets_of_no_clock(self) -> None:
        write_deltalake(self.places["tickets"], tickets().slice(0, 1), mode="append")

    def hold_on(self, number: int) -> None:
        who = str(people_file(self.folder, {"email": email(number)}))
        place_holds(self.workspace, identifiers=who, reason="claim 7", owner="legal", actor="tests", now=NOW)

    def hold(self) -> None:
        self.hold_on(DUE)

    def hold_on_somebody_else(self) -> None:
        self.hold_on(YOUNG)

    def access_request(self) -> None:
        who = str(people_file(self.folder, {"email": email(DUE)}))
        submit_requests(self.workspace, right=Right.ACCESS, regime=Regime.GDPR, identifiers=who, actor="tests", now=NOW)


@pytest.mark.parametrize(
    ("done", "fits", "counts"),
    [
        (lambda _: None, True, 0),
        (Planned.optimize, True, 0),
        (Planned.young_rows, True, 1),
        (Planned.tickets_of_no_clock, True, 1),
        (Planned.hold_on_somebody_else, True, 1),
        (Planned.due_row, False, 1),
        (Planned.another_due_row, False, 1),
        (Planned.fewer_due_rows, False, 1),
        (Planned.started_clock, False, 1),
        (Planned.hold, False, 1),
        (Planned.access_request, False, 1),
    ],
)
def test_a_plan_is_stale_when_other_rows_would_go(
    done: Callable[[Planned], None], fits: bool, counts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = Planned(tmp_path, monkeypatch)
    done(planned)
    stale = planned.stale()
    assert (stale is None, planned.counts) == (fits, counts)
    if stale is not None:
        assert (stale.code, stale.where) == ("plan.stale", "table:customers")


def test_a_plan_that_does_not_say_which_rows_go_is_stale_with_any_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = Planned(tmp_path, monkeypatch)
    steps = (planned.step(""),)
    planned.plan = planned.plan.model_copy(update={"tables": steps, "seen": {}, "held": ""})
    assert planned.stale() is None
    planned.young_rows()
    assert planned.stale() is not None


def test_the_digest_of_due_rows_tells_nothing_without_the_key(tmp_path: Path) -> None:
    one, other = (Control(make_workspace(tmp_path / name)) for name in ("one", "other"))
    found = Counted(rows=1, held=0, files=1, bytes=1, due=7)
    assert due_digest(one, found) == due_digest(one, found) != due_digest(other, found)


@pytest.mark.parametrize(("done", "later"), [(lambda _: None, False), (Planned.hold, True)])
@pytest.mark.parametrize("says", [True, False])
def test_who_came_after_a_plan_is_told_by_no_clock_that_can_be_behind(
    done: Callable[[Planned], None], later: bool, says: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold whose machine is a second behind was placed, by its clock, before a plan that had not seen it."""
    planned = Planned(tmp_path, monkeypatch)
    ahead = {"created": NOW + timedelta(seconds=1)} if says else {"held": "", "created": NOW - timedelta(seconds=1)}
    plan = planned.plan.model_copy(update=ahead)
    done(planned)
    assert held_bytes._came_later(Control(planned.workspace), plan) is later
