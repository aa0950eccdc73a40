"""A hold that comes between two tables of a run: the held person is whole again, and the others' bytes go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

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


class Shop:
    """Two people, of whom one is held after the run has rewritten one of two tables and died."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace = make_workspace(folder / "shop", {**POLICIES, "tables/tickets.yaml": DELETED})
        self.tables = {name: str(self.workspace.root / "warehouse" / name) for name in ("customers", "tickets")}
        write_deltalake(self.tables["customers"], customers())
        write_deltalake(self.tables["tickets"], tickets())
        fake_lake.install(monkeypatch.setattr)
        monkeypatch.setattr(put_back, "session_for", lambda _: None)
        for name in ("_frames", "protected_rows"):  # whose texts are masked: nobody's here
            monkeypatch.setattr(erasure, name, lambda *_: {})
        monkeypatch.setattr(lost, "lost_rows", lambda *args: len(self.lost(*args)))
        monkeypatch.setattr(lost, "put_back", self.append)
        self.held, self.other = approved(self.workspace, folder, {"email": email(HELD)}, {"email": email(OTHER)})
        plan, found = fake_lake.planned(Control(self.workspace), [self.held, self.other])
        self.first = plan.tables[0].table
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

    def lost(self, _: Any, location: str, version: int, chosen: Any) -> list[dict[str, Any]]:
        _, _, policy, keys = chosen.args
        sql = f"SELECT * FROM t WHERE {fake_lake._due(policy, keys)}"
        old = QueryBuilder().register("t", DeltaTable(location, version=version)).execute(sql).read_all()
        now = delta_rows(location)
        return [row for row in old.to_struct_array().to_pylist() if row not in now]

    def append(self, spark: Any, location: str, version: int, chosen: Any) -> int:
        import pyarrow as pa

        rows = self.lost(spark, location, version, chosen)
        if rows:
            schema = pa.schema(DeltaTable(location).schema().to_arrow())
            write_deltalake(location, pa.Table.from_pylist(rows, schema=schema), mode="append")
        return len(rows)

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
    assert [r.outcome for r in records] == ["started", "done"] * 4, "two tables, asked twice"
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
