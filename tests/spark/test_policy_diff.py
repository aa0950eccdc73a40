"""What a change of policies would newly delete, keep and release, counted on real tables; nothing is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.cli.main import main
from delible.lake.policy_diff import FILE, ROW, compared
from delible.store.workspace import Workspace
from delible.workflows.holds import place_holds
from policy_files import write_policies
from small_shop import NOW, PEOPLE, POLICIES, email, make_workspace, people_file, state, write_tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

RULE = "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"
RECIPE = """\
dataset: texts
description: Texts.
purpose: support
source: tickets
where: ticket_id <= 930
columns: {ticket_id: pseudonymise, customer_id: drop, body: mask}
"""
HOLD = "hold: h\nreason: x\nowner: x\ntables: [customers]\nstarts: 2020-01-01\n"
YEAR = {n for n in range(1, PEOPLE + 1) if 40 * n >= 366}
HALF = {n for n in range(1, PEOPLE + 1) if 40 * n >= 184}


@pytest.fixture(scope="module")
def workspace(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("diff")
    made = make_workspace(folder / "shop", POLICIES)
    write_policies(made.root / "policies", {"retention/accounts.yaml": RULE, "datasets/texts.yaml": RECIPE})
    write_tables(spark, made)
    held = str(people_file(folder, {"email": email(PEOPLE - 5)}))
    place_holds(made, identifiers=held, reason="claim", owner="legal", actor="tests", now=NOW)
    return made


def change(workspace: Workspace, folder: Path, files: dict[str, str | None]) -> Path:
    new = Path(shutil.copytree(workspace.root / "policies", folder / "policies"))
    write_policies(new, {name: text for name, text in files.items() if text is not None})
    for name in (n for n, text in files.items() if text is None):
        (new / name).unlink()
    return new


def diff(capsys, workspace: Workspace, old: Path, new: Path, *words: str) -> tuple[int, str]:
    code = main(["policy", "diff", str(old), str(new), "--workspace", str(workspace.root), *words])
    return code, capsys.readouterr().out


def test_a_shorter_period_is_newly_due_and_irreversible(capsys, workspace: Workspace, tmp_path: Path) -> None:
    new = change(workspace, tmp_path, {"retention/accounts.yaml": RULE.replace("P1Y", "P6M")})
    before = state(workspace.root)
    code, out = diff(capsys, workspace, workspace.root / "policies", new, "--json")
    document = json.loads(out)
    assert state(workspace.root) == before
    assert code == 3
    [table] = document["tables"]
    assert (table["due"], table["kept"]) == (len(HALF - YEAR), 0)
    assert table["due_by_category"]["user.contact.email"] == len(HALF - YEAR)
    assert document["datasets"] == []
    assert document["things"] == ["retention/accounts: keep"]
    assert [e["code"] for e in document["errors"]] == ["policy.irreversible"]
    code, out = diff(capsys, workspace, new, workspace.root / "policies", "--json")
    assert (code, json.loads(out)["tables"][0]["kept"]) == (0, len(HALF - YEAR))


def test_a_hold_and_a_duty_newly_keep(capsys, workspace: Workspace, tmp_path: Path) -> None:
    for name, files in (
        ("hold", {"legal_holds/h.yaml": HOLD}),
        ("duty", {"retention/accounts.yaml": RULE.replace("P1Y", "P9Y\nduty: {law: HGB, at_least: P6Y}")}),
        ("none", {"retention/accounts.yaml": None}),
    ):
        new = change(workspace, tmp_path / name, files)
        code, out = diff(capsys, workspace, workspace.root / "policies", new, "--json")
        # One of them is under a hold already.
        assert (code, json.loads(out)["tables"][0]["kept"]) == (0, len(YEAR) - 1), name
        code, out = diff(capsys, workspace, new, workspace.root / "policies", "--json")
        assert (code, json.loads(out)["tables"][0]["due"]) == (3, len(YEAR) - 1), name


def test_a_category_hold_does_not_hide_what_newly_happens_to_other_columns(
    capsys, workspace: Workspace, tmp_path: Path
) -> None:
    """Art. 17(3)(e): retention goes on with columns that a hold does not cover, so the diff must count them."""
    masks = RULE + "action: treat_columns\ncolumns: {phone: null}\n"
    hold = HOLD.replace("tables: [customers]", "categories: [user.contact.email]")
    files: dict[str, str | None] = {"retention/accounts.yaml": masks, "legal_holds/h.yaml": hold}
    old = change(workspace, tmp_path / "old", files)
    new = change(workspace, tmp_path / "new", files | {"retention/accounts.yaml": masks.replace("P1Y", "P6M")})
    code, out = diff(capsys, workspace, old, new, "--json")
    [table] = json.loads(out)["tables"]
    assert (code, table["due"], table["due_by_category"]) == (
        3,
        len(HALF - YEAR),
        {"user.contact.phone_number": len(HALF - YEAR)},
    )
    # Deleting the rows would change what the hold covers: nothing happens to them any more.
    deletes = change(workspace, tmp_path / "gone", files | {"retention/accounts.yaml": RULE.replace("P1Y", "P6M")})
    code, out = diff(capsys, workspace, old, deletes, "--json")
    [table] = json.loads(out)["tables"]
    assert (code, table["due"], table["kept"]) == (0, 0, len(YEAR) - 1)


def test_rows_and_columns_newly_released(capsys, workspace: Workspace, tmp_path: Path) -> None:
    more = change(workspace, tmp_path / "rows", {"datasets/texts.yaml": RECIPE.replace("930", "940")})
    code, out = diff(capsys, workspace, workspace.root / "policies", more, "--json")
    [found] = json.loads(out)["datasets"]
    assert (code, found["released"], found["withheld"]) == (3, 10, 0)
    assert found["released_by_category"] == {"system.operations": 10, "user.content.private": 10}
    opened = change(
        workspace, tmp_path / "columns", {"datasets/texts.yaml": RECIPE.replace("body: mask", "body: keep")}
    )
    code, out = diff(capsys, workspace, workspace.root / "policies", opened, "--format", "md")
    assert code == 3
    assert "| `texts` | 30 | 0 | `user.content.private 30` |" in out
    assert "- 30 rows would newly be released to 'texts'" in out


def test_a_row_that_a_join_multiplies_is_one_for_each_that_it_finds(spark: SparkSession) -> None:
    def rows(*pairs: tuple[int, int | None]) -> DataFrame:
        columns = f"{FILE} string, {ROW} long, `goods.{FILE}` string, `goods.{ROW}` long, body string"
        found = [("part-0", n, None if m is None else "part-9", m, "x") for n, m in pairs]
        return spark.createDataFrame(found, columns)

    one, other = rows((1, 1), (1, 2), (2, None)), rows((1, 2), (1, 3), (2, None), (3, 1))
    assert compared(lambda: one, lambda: other) == (1, 2, 2)
    bare = one.select(FILE, ROW)  # a set that does not join that table
    assert compared(lambda: bare, lambda: other) == (0, 1, 2)


def test_a_row_that_a_join_of_one_set_alone_multiplies_is_one(spark: SparkSession) -> None:
    def rows(*numbers: int) -> DataFrame:
        return spark.createDataFrame([("part-0", n) for n in numbers], f"{FILE} string, {ROW} long")

    one, other = rows(1, 1, 1, 2, 3), rows(1, 1, 1, 3, 4, 4)
    assert compared(lambda: one, lambda: other) == (1, 1, 2)
    assert compared(None, lambda: other) == (0, 3, 0)
    assert compared(lambda: one, None) == (3, 0, 0)


def test_nothing_changes(capsys, workspace: Workspace, tmp_path: Path) -> None:
    same = change(workspace, tmp_path, {})
    code, out = diff(capsys, workspace, workspace.root / "policies", same)
    assert (code, out.splitlines()[0].startswith("0 irreversible")) == (0, True)
    broken = change(workspace, tmp_path / "b", {"datasets/texts.yaml": RECIPE.replace("source: tickets", "source: x")})
    assert diff(capsys, workspace, workspace.root / "policies", broken, "--json")[0] == 2
