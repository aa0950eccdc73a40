"""Which datasets a comparison judges on the tables: those of which something has changed that a release hangs on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.plan.policy_diff import DatasetChange
from delible.store.workspace import Workspace
from delible.workflows import policy_diff
from policy_files import write_policies
from small_shop import CONTROLLER, NOW, POLICIES, PURPOSE, make_workspace

RULE = "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"
HOLD = "hold: h\nreason: x\nowner: x\ntables: [customers]\nstarts: 2020-01-01\n"
RECIPE = """\
dataset: texts
description: Texts.
purpose: support
source: tickets
columns: {ticket_id: pseudonymise, customer_id: drop, body: mask}
"""
TICKETS = POLICIES["tables/tickets.yaml"]


@dataclass
class Judged:
    """What a comparison looked at, in place of Spark."""

    datasets: list[str] = field(default_factory=list)
    opened: list[bool] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    missing: frozenset[str] = frozenset()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "shop", POLICIES)
    write_policies(made.root / "policies", {"retention/accounts.yaml": RULE, "datasets/texts.yaml": RECIPE})
    return made


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    seen = Judged()

    def of(_workspace: object, policies: Any, *_: object, like: Any = None) -> SimpleNamespace:
        seen.opened.append(like is None)
        return SimpleNamespace(policies=policies, missing=seen.missing)

    def table(name: str, _sides: object) -> SimpleNamespace:
        seen.tables.append(name)
        return SimpleNamespace(due=0, kept=0)

    def dataset(_workspace: object, name: str, *_: object) -> DatasetChange:
        seen.datasets.append(name)
        return DatasetChange(dataset=name, released=0, withheld=0, released_by_category={})

    monkeypatch.setattr(policy_diff, "session_for", lambda _: None)
    monkeypatch.setattr(policy_diff._Side, "of", of)
    monkeypatch.setattr(policy_diff, "_dataset", dataset)
    monkeypatch.setattr(policy_diff, "_table", table)
    return seen


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"retention/accounts.yaml": RULE.replace("P1Y", "P6M")}, []),
        ({"legal_holds/h.yaml": HOLD}, []),
        ({"datasets/texts.yaml": RECIPE.replace("body: mask", "body: keep")}, ["texts"]),
        ({"datasets/more.yaml": RECIPE.replace("dataset: texts", "dataset: more")}, ["more"]),
        ({"purposes/support.yaml": PURPOSE.replace("contract", "legitimate_interests")}, ["texts"]),
        ({"controller.yaml": CONTROLLER.replace("email: {normalise: lower}", "email: {}")}, ["texts"]),
        ({"tables/tickets.yaml": TICKETS.replace("user.content.private", "user.content")}, ["texts"]),
    ],
    ids=["a period", "a hold", "a recipe", "another recipe", "a purpose", "the controller", "a table"],
)
def test_a_dataset_is_judged_when_something_that_it_hangs_on_has_changed(
    files: dict[str, str], expected: list[str], workspace: Workspace, judged: Judged, tmp_path: Path
) -> None:
    old = workspace.root / "policies"
    new = Path(shutil.copytree(old, tmp_path / "new"))
    write_policies(new, files)
    found = policy_diff.compare_policies(workspace, old, new, now=NOW)
    assert found.things
    assert judged.datasets == expected
    assert judged.opened == [True, False], "the second side is told of the first"


GATED = "gates: {minimum: {rows: 10}, k_anonymity: 5}\n"


@pytest.mark.parametrize("missing", ["customers", "tickets"])
def test_a_dataset_is_not_judged_without_a_table_that_it_reads_and_its_gates_are_compared_still(
    missing: str, workspace: Workspace, judged: Judged, tmp_path: Path
) -> None:
    """Who a ticket is about hangs on what customers link, so that such a table is as needed as the source."""
    old = workspace.root / "policies"
    write_policies(old, {"datasets/texts.yaml": RECIPE + GATED})
    new = Path(shutil.copytree(old, tmp_path / "new"))
    write_policies(new, {"datasets/texts.yaml": RECIPE.replace("body: mask", "body: keep")})
    judged.missing = frozenset({missing})
    found = policy_diff.compare_policies(workspace, old, new, now=NOW)
    assert judged.datasets == []
    assert found.missing == (missing,)
    assert [d.loosened for d in found.datasets] == [
        ("k_anonymity: removed, was at least 5", "rows: removed, was at least 10")
    ]
    assert policy_diff.irreversible(found) is not None


def test_a_table_is_not_judged_without_the_one_by_whose_events_it_ends(
    workspace: Workspace, judged: Judged, tmp_path: Path
) -> None:
    rule = RULE.replace("made_at", "{table: tickets, column: opened, key: customer_id, otherwise: made_at}")
    old = workspace.root / "policies"
    write_policies(old, {"retention/accounts.yaml": rule})
    new = Path(shutil.copytree(old, tmp_path / "new"))
    write_policies(new, {"retention/accounts.yaml": rule.replace("P1Y", "P6M")})
    policy_diff.compare_policies(workspace, old, new, now=NOW)
    assert judged.tables == ["customers"]
    judged.missing = frozenset({"tickets"})
    policy_diff.compare_policies(workspace, old, new, now=NOW)
    assert judged.tables == ["customers"], "only the first time"
