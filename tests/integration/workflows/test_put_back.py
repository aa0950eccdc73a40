"""A hold that comes between two tables of a run: the held person is whole again, and the others' bytes go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

import fake_lake
from byte_search import places
from delible.errors import BlockedError, DelibleError
from delible.lake import erase, lost
from delible.model.terms import RequestState
from delible.store.plans import seal
from delible.workflows import erasure, put_back
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.holds import place_holds
from delible.workflows.put_back import PutBack, put_back_held
from delta_rows import delta_rows
from small_shop import NOW, POLICIES, approved, customers, email, make_workspace, people_file, tickets

HELD, OTHER = 12, 20
DELETED = POLICIES["tables/tickets.yaml"].split("erasure:")[0].replace(", free_text: true", "") + "readers: exclusive\n"

CHANGED = {"customers": {"phone": "'changed'"}, "tickets": {"body": "'changed'"}}


class Shop:
    """Two people, of whom one is held after the run has rewritten one of two tables and died."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Shop], None] = lambda _: None
    ) -> None:
        self.workspace = make_workspace(folder / "shop", {**POLICIES, "tables/tickets.yaml": DELETED})
        self.tables = {name: str(self.workspace.root / "warehouse" / name) for name in ("customers", "tickets")}
        write_deltalake(self.tables["customers"], customers())
        write_deltalake(self.tables["tickets"], tickets())
        fake_lake.install(monkeypatch.setattr)
        for name in ("_frames", "protected_rows"):  # whose texts are masked: nobody's here
            monkeypatch.setattr(erasure, name, lambda *_: {})
        self.held, self.other = approved(self.workspace, folder, {"email": email(HELD)}, {"email": email(OTHER)})
        plan, found = fake_lake.planned(Control(self.workspace), [self.held, self.other])
        self.first = plan.tables[0].table
        meanwhile(self)
        with monkeypatch.context() as patch:
            patch.setattr(erase, "erase_rows", self.dying(plan.tables[1].location))
            with pytest.raises(KeyboardInterrupt):
                apply_erasure(self.workspace, plan, actor="job", now=NOW, searched=found)
        who = str(people_file(folder, {"email": email(HELD)}))
        place_holds(self.workspace, identifiers=who, reason="claim", owner="legal", actor="officer", now=NOW)

    def dying(self, place: str) -> Any:
        def erased(spark: Any, location: str, *args: Any, **more: Any) -> None:
            if location == place:
                raise KeyboardInterrupt
            fake_lake._erase(spark, location, *args, **more)

        return erased

    def rows(self, number: int) -> dict[str, int]:
        return {name: len(delta_rows(at, f"customer_id = {number}")) for name, at in self.tables.items()}

    def ends_the_others(self) -> None:
        control = Control(self.workspace)
        plan, found = fake_lake.planned(control, [self.other])
        plan = seal(plan.model_copy(update={"id": f"{plan.id[:-1]}2"}), control.keys)
        apply_erasure(self.workspace, plan, actor="job", now=NOW, searched=found)


def test_without_it_the_others_wait_for_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch)
    with pytest.raises(DelibleError, match="hold put-back"):
        shop.ends_the_others()
    assert shop.rows(OTHER) == {"customers": 0, "tickets": 0}
    assert places(shop.workspace.root / "warehouse", texts=[email(OTHER)]) != []
    [step] = put_back_held(shop.workspace, actor="officer", now=NOW)
    assert step.table == shop.first, "old files of the other table are gone by now, and nothing was missing there"
    assert shop.rows(HELD) == {"customers": 1, "tickets": 2}


def test_with_it_they_end_and_the_held_person_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch)
    [step] = put_back_held(shop.workspace, actor="officer", now=NOW)
    assert step == PutBack(shop.first, 0, step.rows)
    assert put_back_held(shop.workspace, actor="officer", now=NOW) == ()
    assert shop.rows(HELD) == {"customers": 1, "tickets": 2}
    records = [r for r in Control(shop.workspace).ledger.records() if r.action == "hold.put_back"]
    assert [r.outcome for r in records] == ["started", "done"], "nothing was lost in the other table, or twice"
    assert sum(r.counts.get("rows", 0) for r in records) == step.rows
    shop.ends_the_others()
    assert shop.rows(OTHER) == {"customers": 0, "tickets": 0}
    assert places(shop.workspace.root / "warehouse", texts=[email(OTHER)]) == []
    states = {r.id: r.state for r in Control(shop.workspace).requests.all()}
    assert states[shop.other] is RequestState.COMPLETED
    assert states[shop.held] is not RequestState.COMPLETED
    assert shop.rows(HELD) == {"customers": 1, "tickets": 2}


def test_rows_that_stay_in_another_form_are_left_to_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch)
    monkeypatch.setattr(put_back, "_DELETES", ())
    before = shop.rows(HELD)
    with pytest.raises(BlockedError, check=lambda e: e.code == "hold.treated"):
        put_back_held(shop.workspace, actor="officer", now=NOW)
    assert shop.rows(HELD) == before


def test_a_put_back_that_was_killed_before_it_was_recorded_is_recorded_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch)

    def dying(*args: Any) -> int:
        fake_lake._put_back(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lost, "put_back", dying)
        with pytest.raises(KeyboardInterrupt):
            put_back_held(shop.workspace, actor="officer", now=NOW)
    rows = shop.rows(HELD)[shop.first]
    assert rows > 0
    assert put_back_held(shop.workspace, actor="officer", now=NOW) == (PutBack(shop.first, 0, rows),)
    assert put_back_held(shop.workspace, actor="officer", now=NOW) == ()
    assert shop.rows(HELD)[shop.first] == rows
    records = [r for r in Control(shop.workspace).ledger.records() if r.action == "hold.put_back"]
    assert [(r.outcome, r.counts.get("rows")) for r in records] == [("started", None), ("done", rows)]


def test_a_row_that_was_changed_before_anything_was_committed_is_not_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run died in the second table, of which it had recorded that it begins."""
    shop = Shop(tmp_path, monkeypatch)
    [second] = shop.tables.keys() - {shop.first}
    DeltaTable(shop.tables[second]).update(predicate=f"customer_id = {HELD}", updates=CHANGED[second])
    before = delta_rows(shop.tables[second], f"customer_id = {HELD}")
    [step] = put_back_held(shop.workspace, actor="officer", now=NOW)
    assert step.table == shop.first
    assert delta_rows(shop.tables[second], f"customer_id = {HELD}") == before
    shop.ends_the_others()


def test_a_row_that_was_changed_between_search_and_commit_is_put_back_as_it_was_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(shop: Shop) -> None:
        DeltaTable(shop.tables[shop.first]).update(predicate=f"customer_id = {HELD}", updates=CHANGED[shop.first])

    shop = Shop(tmp_path, monkeypatch, meanwhile=change)
    put_back_held(shop.workspace, actor="officer", now=NOW)
    rows = delta_rows(shop.tables[shop.first], f"customer_id = {HELD}")
    [column] = CHANGED[shop.first]
    assert {row[column] for row in rows} == {"changed"}


@pytest.mark.parametrize("whose", ["an application", "delible:hold:customers/E-20260131-00000002"])
def test_beside_rows_that_others_have_written_since_none_are_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """What another plan of the same person has put back is no change."""
    shop = Shop(tmp_path, monkeypatch)
    place, mark = shop.tables[shop.first], CommitProperties(custom_metadata={"userMetadata": whose})
    again = DeltaTable(place, version=0).to_pyarrow_table(filters=[("customer_id", "=", HELD)]).slice(0, 1)
    column = again.schema.get_field_index(*CHANGED[shop.first])
    changed = again.set_column(column, again.schema.field(column), pa.array(["changed"]))
    write_deltalake(place, changed, mode="append", commit_properties=mark)
    before = shop.rows(HELD)
    if whose.startswith("delible:"):
        [step] = put_back_held(shop.workspace, actor="officer", now=NOW)
        assert shop.rows(HELD) == {**before, shop.first: before[shop.first] + step.rows}
        return
    with pytest.raises(BlockedError) as caught:
        put_back_held(shop.workspace, actor="officer", now=NOW)
    assert [(p.code, p.where) for p in caught.value.problems] == [("hold.changed", f"table:{shop.first}")]
    assert shop.rows(HELD) == before
