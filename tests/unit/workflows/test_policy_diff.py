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
        return SimpleNamespace(policies=policies, missing=frozenset())

    def dataset(_workspace: object, name: str, *_: object) -> DatasetChange:
        seen.datasets.append(name)
        return DatasetChange(dataset=name, released=0, withheld=0, released_by_category={})

    monkeypatch.setattr(policy_diff, "session_for", lambda _: None)
    monkeypatch.setattr(policy_diff._Side, "of", of)
    monkeypatch.setattr(policy_diff, "_dataset", dataset)
    monkeypatch.setattr(policy_diff, "_table", lambda *_: SimpleNamespace(due=0, kept=0))
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
