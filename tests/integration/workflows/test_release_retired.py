"""A retired release holds nobody's rows, and whoever was in it still has rights against what was made with it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from delible.cli.main import main
from delible.errors import BlockedError, InputError, TamperError
from delible.model.record import AuditEntry
from delible.model.release import DutyKind
from delible.model.subject import Identifier
from delible.model.terms import LegalBasis, Regime, Right
from delible.store import uses
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.lineage import LineageLog
from delible.store.manifests import Manifests
from delible.store.members import members, releases_with
from delible.store.releases import Releases
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.tables import ControlTable, Write
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.dataset import verify_dataset
from delible.workflows.dataset_impact import dataset_impact
from delible.workflows.dataset_log import log_release
from delible.workflows.dataset_members import find_manifest
from delible.workflows.dataset_periods import releases_cut_from, removed_since
from delible.workflows.dataset_retire import retire_release
from delible.workflows.dataset_used import end_use, register_use
from openlineage_events import check_event
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


def test_what_retention_removes_is_told_of_releases_that_were_cut_before(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(shop, load_keys(shop))
    manifest = Manifests(shop).of("support")[0]
    table = next(iter(manifest.sources))
    assert releases_cut_from(shop, ["elsewhere"]) == ()
    assert releases_cut_from(shop, [table]) == ("support@v1", "support@v2")
    assert removed_since(ledger, manifest) == {}
    done = ((table, "done", CUT), (table, "started", TODAY), ("elsewhere", "done", TODAY), (table, "done", TODAY))
    for rows, (name, outcome, at) in enumerate(done, start=1):
        what = AuditEntry(actor="x", action="retention.merge", object=f"plan:P{rows}/table:{name}/r", outcome=outcome)
        ledger.append([what.model_copy(update={"counts": {"rows": rows}})], at - timedelta(seconds=1))
    assert removed_since(ledger, manifest) == {table: 4}
    words = ["dataset", "verify", "support@v1", "--workspace", str(shop.root)]
    main([*words, "--json"])
    assert json.loads(capsys.readouterr().out)["retention_since"] == {table: 4}
    main(words)
    assert f"4 row(s) of {table}" in " ".join(capsys.readouterr().out.split())
    retire(shop)
    assert releases_cut_from(shop, [table]) == ("support@v2",)


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


def test_lineage_is_told_that_the_dataset_is_dropped(shop: Workspace) -> None:
    retire(shop)
    retire(shop)
    events = list(LineageLog(shop, clock=Clock(TODAY)).events())
    for event in events:
        check_event(event)
    assert [(e["job"]["name"], e["eventType"]) for e in events] == [
        ("dataset.retire", "START"),
        ("dataset.retire", "COMPLETE"),
    ]
    [dropped] = events[-1]["outputs"]
    assert dropped["name"].endswith("releases/support/v1")
    assert dropped["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "DROP"


def test_nobody_needs_to_know_who_was_in_a_retired_release_that_nothing_was_made_with(shop: Workspace) -> None:
    retired = retire_release(shop, "support@v2", actor="dpo", now=TODAY)
    assert not retired.index_kept
    assert not (shop.path("releases") / ".retired").exists()
    ask(shop)
    assert dataset_impact(shop, now=TODAY).unknown == ()


def test_the_subject_index_goes_with_the_last_thing_in_use(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    register_use(shop, "support@v1", "run:4f2a", actor="tests", now=CUT)
    retire(shop)
    ask(shop)
    where, index = ["--workspace", str(shop.root), "--json"], shop.path("releases") / ".retired/support/v1.parquet"
    assert main(["dataset", "used", "support@v1", "--by", "model:triage", "--ended", *where]) == 0
    assert index.is_file()
    (impact,) = dataset_impact(shop, now=TODAY).found
    assert [d.what for d in impact.duties] == ["run:4f2a"]
    capsys.readouterr()
    assert main(["dataset", "used", "support@v1", "--by", "run:4f2a", "--ended", *where]) == 0
    assert json.loads(capsys.readouterr().out)["index_removed"]
    assert not index.exists()
    found = dataset_impact(shop, now=TODAY)
    assert (found.found, found.unknown) == ((), ())
    ledger = Ledger(shop, load_keys(shop)).records(action_prefix="dataset.")
    assert [(r.action, r.outcome) for r in ledger][-3:] == [
        ("dataset.use", "ended"),
        ("dataset.use", "ended"),
        ("dataset.forget_index", "done"),
    ]
    assert main(["dataset", "used", "support@v1", "--by", "run:4f2a", "--ended", *where]) == 2


def test_the_end_of_a_use_of_a_release_that_is_there_takes_nothing_away(shop: Workspace) -> None:
    ended, gone = end_use(shop, "support@v1", "model:triage", actor="dpo", now=TODAY)
    assert (len(ended), gone) == (1, False)
    assert retire_release(shop, "support@v1", actor="dpo", now=TODAY).index_kept is False
    # Who registers it again says that it is in use after all.
    assert register_use(shop, "support@v1", "model:triage", owner="ml", actor="tests", now=TODAY)[1]
    assert dataset_impact(shop, now=TODAY).unknown == ("support@v1",)


def test_a_run_that_is_killed_after_the_last_use_ended_leaves_an_index_that_the_same_command_removes(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    retire(shop)
    with monkeypatch.context() as patch:
        patch.setattr(Releases, "forget_index", killed)
        with pytest.raises(KeyboardInterrupt):
            end_use(shop, "support@v1", "model:triage", actor="dpo", now=TODAY)
    assert end_use(shop, "support@v1", "model:triage", actor="dpo", now=TODAY) == ((), True)


def test_a_register_of_an_earlier_version_is_read_and_goes_on(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(ControlTable(shop, uses.SPEC).uri)
    columns = {name: kind for name, kind in uses.SPEC.columns.items() if name != "ended"}
    former = replace(uses.SPEC, columns=columns)
    with monkeypatch.context() as patch:
        patch.setattr(uses, "SPEC", former)
        row = (1, "support", 1, "model:old", None, None, CUT, "tests")
        ControlTable(shop, former).commit(lambda _: Write([row], {"uses": 1}))
    ledger = Ledger(shop, load_keys(shop))
    assert [use.by for use in uses.Uses(shop, ledger).all()] == ["model:old"]
    assert end_use(shop, "support@v1", "model:old", actor="dpo", now=TODAY)[0]
    assert uses.Uses(shop, ledger).all() == []


@pytest.mark.parametrize("owner", ["ann@fennel.example", "Ann Lee <ann@fennel.example>"])
def test_an_owner_is_no_person_s_address(shop: Workspace, owner: str) -> None:
    with pytest.raises(InputError, match="address") as caught:
        register_use(shop, "support@v1", "model:new", owner=owner, actor="tests", now=CUT)
    assert caught.value.code == "dataset.use"
    with pytest.raises(InputError, match="address"):
        log_release(shop, "support@v1", owner=owner, actor="tests", now=CUT)
    assert "ann" not in str(caught.value).lower()


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
