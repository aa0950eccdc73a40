"""Verify and recut ask of a release what a build would be asked today, and a build is asked the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from delible.cli.main import main
from delible.model.consent import ConsentRecord
from delible.model.release import ReleasedColumn
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.workspace import Workspace
from delible.workflows.dataset_verify import verify_release
from policy_files import CONTROLLER, TABLE, write_policies
from release_folders import COLUMNS, ref_of, released_folder

PURPOSE = "purpose: model_training\ndescription: models\nlegal_basis: {basis}\n"
TICKETS = TABLE.replace("customers", "tickets").replace("[support]", "[model_training]")
RECIPE = """\
dataset: support
description: d
purpose: model_training
source: tickets
columns: {email: mask, made_at: keep}
gates: {minimum: {rows: %d}}
"""
CUT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = CUT + timedelta(days=30)
PEOPLE = range(6)


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Return a workspace whose policies say so much as a release depends on."""
    files = {
        "controller.yaml": CONTROLLER,
        "purposes/model_training.yaml": PURPOSE.format(basis="consent"),
        "tables/tickets.yaml": TICKETS,
    }
    write_policies(workspace.path("policies"), files)
    return workspace


@pytest.fixture(autouse=True)
def _no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Workspace) -> None:
        raise AssertionError("what is refused is refused before Spark starts")

    monkeypatch.setattr("delible.workflows.spark.session_for", refused)


def policy(workspace: Workspace, name: str, text: str) -> Path:
    return write_policies(workspace.path("policies"), {name: text})


def agreed(workspace: Workspace) -> None:
    keys, at = load_keys(workspace), CUT - timedelta(days=9)
    records = [
        ConsentRecord(
            ref=ref_of(keys, n),
            kind="email",
            purpose="model_training",
            status=ConsentStatus.GIVEN,
            legal_basis=LegalBasis.CONSENT,
            notice_version="1",
            valid_from=at,
            recorded_at=at,
            source="tests",
        )
        for n in PEOPLE
    ]
    Consents(workspace).append(records)


def run(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    code = main([*words, "--workspace", str(workspace.root), "--json"])
    return code, [e["code"] for e in json.loads(capsys.readouterr().out).get("errors", ())]


def test_a_release_passes_while_all_is_as_it_was(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    agreed(shop)
    policy(shop, "datasets/support.yaml", RECIPE % 6)
    released_folder(shop, {"train": PEOPLE}, CUT)
    assert run(shop, capsys, "dataset", "verify", "support") == (0, [])


def test_a_purpose_that_ended_stops_verify_recut_and_build(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    agreed(shop)
    policy(shop, "datasets/support.yaml", RECIPE % 6)
    released_folder(shop, {"train": PEOPLE}, CUT)
    policy(shop, "purposes/model_training.yaml", PURPOSE.format(basis="consent") + "ends: 2026-06-30\n")
    assert run(shop, capsys, "dataset", "verify", "support") == (3, ["dataset.purpose_ended"])
    assert run(shop, capsys, "dataset", "recut", "support") == (3, ["dataset.purpose_ended"])
    assert run(shop, capsys, "dataset", "build", "support") == (3, ["dataset.purpose_ended"])


def test_rules_that_stop_a_build_stop_verify_and_recut(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    policy(shop, "purposes/model_training.yaml", PURPOSE.format(basis="contract"))
    policy(shop, "datasets/support.yaml", RECIPE % 6)
    released_folder(shop, {"train": PEOPLE}, CUT, basis=LegalBasis.CONTRACT)
    assert run(shop, capsys, "dataset", "verify", "support") == (0, [])
    policy(shop, "purposes/support.yaml", "purpose: support\ndescription: help\nlegal_basis: contract\n")
    policy(shop, "tables/tickets.yaml", TICKETS.replace("[model_training]", "[support]"))
    for command in ("build", "verify", "recut"):
        assert run(shop, capsys, "dataset", command, "support") == (3, ["policy.incompatible_purpose"])


def test_terms_that_are_stricter_by_what_was_taken_away_are_asked_of_everybody(shop: Workspace) -> None:
    opt_out = PURPOSE.format(basis="consent") + "consent: {opt_out_in: [US]}\n"
    policy(shop, "purposes/model_training.yaml", opt_out)
    released_folder(shop, {"train": PEOPLE}, CUT)
    policy(shop, "purposes/model_training.yaml", PURPOSE.format(basis="consent"))
    assert verify_release(shop, "support", now=TODAY).leaving == {"no_consent": len(PEOPLE)}


@pytest.mark.parametrize("command", ["verify", "recut"])
def test_special_categories_do_not_go_on_leaving_on_another_basis(
    shop: Workspace, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    note = ReleasedColumn(name="note", type="string", treatment="keep", category="user.health_and_medical")
    released_folder(shop, {"train": PEOPLE}, CUT, columns=(*COLUMNS, note))
    policy(shop, "purposes/model_training.yaml", PURPOSE.format(basis="contract"))
    assert run(shop, capsys, "dataset", command, "support") == (3, ["dataset.special_category"])


def test_a_bound_that_was_raised_is_failed_by_what_was_released(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    agreed(shop)
    released_folder(shop, {"train": PEOPLE}, CUT)
    policy(shop, "datasets/support.yaml", RECIPE % 7)
    assert run(shop, capsys, "dataset", "verify", "support") == (3, ["dataset.gate.rows"])


def test_a_release_of_another_key_is_not_cut_again_as_if_it_held_nobody(
    shop: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("release_folders.ref_of", lambda keys, n: f"v9{ref_of(keys, n)[2:]}")
        released_folder(shop, {"train": PEOPLE}, CUT)
    code, problems = run(shop, capsys, "dataset", "recut", "support")
    assert code
    assert problems == ["dataset.key_version"]
