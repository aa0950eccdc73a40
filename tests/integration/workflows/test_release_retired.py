"""A retired release holds nobody's rows, and whoever was in it still has rights against what was made with it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from delible.cli.main import main
from delible.errors import BlockedError, InputError, TamperError
from delible.model.release import DutyKind
from delible.model.subject import Identifier
from delible.model.terms import LegalBasis, Regime, Right
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.members import members, releases_with
from delible.store.releases import Releases
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.workspace import Workspace
from delible.workflows.dataset import verify_dataset
from delible.workflows.dataset_impact import dataset_impact
from delible.workflows.dataset_members import find_manifest
from delible.workflows.dataset_retire import retire_release
from delible.workflows.dataset_used import register_use
from policy_files import CONTROLLER, write_policies
from release_folders import ref_of, released_folder
from store_fixtures import KINDS

POLICIES = {
    "controller.yaml": CONTROLLER,
    "purposes/model_training.yaml": "purpose: model_training\ndescription: models\nlegal_basis: contract\n",
}
CUT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = CUT + timedelta(days=30)
B = 3


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Return a workspace with two versions; a model was trained on the first, which alone holds B."""
    write_policies(workspace.path("policies"), POLICIES)
    basis = LegalBasis.CONTRACT
    released_folder(workspace, {"train": range(6)}, CUT, basis=basis)
    released_folder(workspace, {"train": [n for n in range(6) if n != B]}, CUT + timedelta(days=1), basis=basis)
    register_use(workspace, "support@v1", "model:triage", owner="ml", actor="tests", now=CUT)
    return workspace


def ask(workspace: Workspace) -> None:
    keys, identifiers = load_keys(workspace), (Identifier(kind="email", value=f"p{B}@shop.example"),)
    new = NewRequest(
        right=Right.ERASURE,
        regime=Regime.GDPR,
        identifiers=identifiers,
        refs=refs_of(identifiers, KINDS, keys),
        received=CUT + timedelta(days=9),
        due=(CUT + timedelta(days=40)).date(),
    )
    Requests(workspace, keys, Ledger(workspace, keys)).submit([new], actor="tests", now=CUT + timedelta(days=9))


def retire(workspace: Workspace) -> bool:
    return retire_release(workspace, "support@v1", actor="dpo", now=TODAY).new


def holding(workspace: Workspace) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    keys = load_keys(workspace)
    held = releases_with(workspace, {"R-1": [ref_of(keys, B)]}, key_version=keys.version)
    return dict(held.inside), held.unknown


def test_retiring_removes_rows_and_row_index_and_keeps_who_was_in_it(shop: Workspace) -> None:
    manifest = Manifests(shop).of("support")[0]
    assert manifest.row_index is not None
    keys = load_keys(shop)
    before = members(shop, manifest, [ref_of(keys, n) for n in range(9)], key_version=keys.version)
    assert retire(shop)
    assert not shop.path(manifest.path).exists()
    assert not shop.path(manifest.row_index.path).exists()
    assert [p.name for p in (shop.path("releases") / "support").iterdir()] == ["v2"]
    assert members(shop, manifest, [ref_of(keys, n) for n in range(9)], key_version=keys.version) == before
    [kept] = (shop.path("releases") / ".retired/support").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    (record,) = Ledger(shop, keys).records(action_prefix="dataset.retire")
    assert (record.object, record.actor, record.counts) == ("dataset:support@v1", "dpo", {"index_kept": 1})
    assert not retire(shop)
    assert len(Ledger(shop, keys).records(action_prefix="dataset.retire")) == 1


def test_who_asks_afterwards_has_a_duty_for_the_model_and_none_for_the_rows(shop: Workspace) -> None:
    retire(shop)
    ask(shop)
    (impact,) = dataset_impact(shop, now=TODAY).found
    assert (impact.version, impact.people, impact.retired, impact.newest_without) == (1, 1, True, 2)
    assert [(d.what, d.duty) for d in impact.duties] == [("model:triage", DutyKind.RETRAIN)]
    assert holding(shop) == ({}, ())


def test_a_release_removed_by_hand_is_unknown_once_something_was_made_with_it(shop: Workspace) -> None:
    ask(shop)
    shutil.rmtree(shop.path("releases/support/v2"))
    assert dataset_impact(shop, now=TODAY).unknown == ()
    shutil.rmtree(shop.path("releases/support/v1"))
    found = dataset_impact(shop, now=TODAY)
    assert (found.found, found.unknown) == ((), ("support@v1",))
    assert holding(shop) == ({}, ("support@v1",))
    answer = retire_release(shop, "support@v1", actor="dpo", now=TODAY)
    assert not answer.retirement.index_kept
    assert len(list((shop.path("releases") / ".rows/support").iterdir())) == 1
    assert dataset_impact(shop, now=TODAY).unknown == ("support@v1",)


def test_what_is_retired_is_neither_tampered_with_nor_the_latest(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    retire_release(shop, "support@v2", actor="dpo", now=TODAY)
    with pytest.raises(BlockedError) as caught:
        verify_dataset(shop, "support@v2")
    assert caught.value.code == "dataset.retired"
    assert find_manifest(shop, "support").version == 1
    words = ["dataset", "recut", "support@v2", "--workspace", str(shop.root), "--json"]
    assert main(words) == 3
    capsys.readouterr()
    assert main(["dataset", "list", "--workspace", str(shop.root), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(d["version"], d["retired"]) for d in answer["datasets"]] == [(1, False), (2, True)]


def test_a_version_has_to_be_named(shop: Workspace) -> None:
    with pytest.raises(InputError) as caught:
        retire_release(shop, "support", actor="dpo", now=TODAY)
    assert caught.value.code == "dataset.version_needed"
    assert shop.path("releases/support/v2").is_dir()


def test_an_index_that_is_not_the_registered_one_is_not_kept(shop: Workspace) -> None:
    (shop.path("releases/support/v1") / "subject_index.parquet").write_bytes(b"PAR1")
    with pytest.raises(TamperError):
        retire(shop)
    assert shop.path("releases/support/v1").is_dir()
    assert Ledger(shop, load_keys(shop)).records(action_prefix="dataset.retire") == []


@pytest.mark.parametrize("killed_at", ["keep_index", "remove"])
def test_a_killed_run_is_made_up_for_by_the_same_command(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    whole = getattr(Releases, killed_at)

    def killed(self: Releases, manifest: object) -> None:
        if killed_at == "keep_index":
            whole(self, manifest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Releases, killed_at, killed)
        with pytest.raises(KeyboardInterrupt):
            retire(shop)
    assert shop.path("releases/support/v1").is_dir()
    assert holding(shop)[0] == {"R-1": ("support@v1",)}
    retire(shop)
    assert not shop.path("releases/support/v1").exists()
    assert len(Ledger(shop, load_keys(shop)).records(action_prefix="dataset.retire")) == 1


def test_a_killed_removal_leaves_nothing_once_the_command_runs_again(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("delible.store.releases.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            retire(shop)
    retire(shop)
    assert [p.name for p in (shop.path("releases") / "support").iterdir()] == ["v2"]
    assert len(list((shop.path("releases") / ".rows/support").iterdir())) == 1
