"""A control plane that was put back to before a run: its tables know of the run, and it does not."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import fake_lake
from delible.errors import StalePlanError
from delible.lake import erase
from delible.store.workspace import open_workspace
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from small_shop import NOW, ONE_TABLE, approved, customers, email, make_workspace

ORDERS = """\
table: orders
path: warehouse/orders
description: Orders.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  customer_id: user.unique_id
  what: user.content.private
readers: exclusive
"""


class Shop:
    """Customers and their orders; the plan is of somebody of whom only the e-mail address was given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_lake.install(monkeypatch.setattr)
        self.folder, self.put = folder, monkeypatch.setattr
        self.workspace = make_workspace(folder / "shop", {**ONE_TABLE, "tables/orders.yaml": ORDERS})
        self.orders = str(self.workspace.root / "warehouse" / "orders")
        write_deltalake(str(self.workspace.root / "warehouse" / "customers"), customers())
        write_deltalake(
            self.orders, pa.table({"customer_id": pa.array([1, 1, 2], pa.int64()), "what": ["a", "b", "c"]})
        )
        asked = approved(self.workspace, folder, {"email": email(1)})
        self.plan, self.found = fake_lake.planned(Control(self.workspace), asked)

    def left(self) -> int:
        rows = DeltaTable(self.orders).to_pyarrow_table().column("customer_id").to_pylist()
        return rows.count(1)

    def certificates(self) -> list[Path]:
        return [*self.workspace.root.rglob("certificates/R-*.json")]


def test_a_plan_whose_commits_are_there_without_its_search_was_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch)
    root, backup, real = shop.workspace.root, tmp_path / "backup", erase.erase_rows
    shutil.copytree(root, backup, ignore=shutil.ignore_patterns("warehouse"))

    def killed_at_orders(_: Any, location: str, policy: Any, *rest: Any, **more: Any) -> None:
        if policy.table == "orders":
            raise RuntimeError("killed")
        real(_, location, policy, *rest, **more)

    shop.put(erase, "erase_rows", killed_at_orders)
    with pytest.raises(RuntimeError, match="killed"):
        apply_erasure(shop.workspace, shop.plan, actor="t", now=NOW, searched=shop.found)
    shop.put(erase, "erase_rows", real)
    for each in root.iterdir():
        if each.name != "warehouse":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.copytree(backup, root, dirs_exist_ok=True)
    for searched in (None, shop.found):
        with pytest.raises(StalePlanError, match="was run elsewhere"):
            apply_erasure(open_workspace(root), shop.plan, actor="t", now=NOW, searched=searched)
    assert (shop.left(), shop.certificates()) == (2, [])


def test_rows_that_no_commit_accounts_for_are_not_certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch)
    real = erase.erase_rows

    def overtaken(_: Any, location: str, policy: Any, *rest: Any, **more: Any) -> None:
        if policy.table == "orders":
            DeltaTable(location).delete("customer_id = 1")
        real(_, location, policy, *rest, **more)

    shop.put(erase, "erase_rows", overtaken)
    apply_erasure(shop.workspace, shop.plan, actor="t", now=NOW, searched=shop.found)
    with pytest.raises(StalePlanError, match=r"2 row.s. of table 'orders' were planned, and 0 were erased"):
        apply_erasure(shop.workspace, shop.plan, actor="t", now=NOW + timedelta(hours=2))
    assert shop.certificates() == []
