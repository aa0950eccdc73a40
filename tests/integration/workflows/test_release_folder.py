"""A release folder is what those who train expect, and what an auditor can check without us."""

from __future__ import annotations

import json
import shutil
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from delible.errors import TamperError
from delible.model.record import Manifest
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.releases import Releases, manifest_text
from delible.store.workspace import Workspace
from delible.workflows.dataset import verify_dataset
from delible.workflows.dataset_publish import register_shown
from release_folders import released_folder

SPLITS = {"train": range(12), "validation": range(12, 15), "test": range(15, 17)}


@pytest.fixture
def manifest(workspace: Workspace, now: datetime) -> Manifest:
    return released_folder(workspace, SPLITS, now)


@pytest.fixture
def folder(workspace: Workspace, manifest: Manifest) -> Path:
    return workspace.path(manifest.path)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError("the test has no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_datasets_pandas_duckdb_and_delta_read_the_same_rows(folder: Path, tmp_path: Path) -> None:
    import datasets
    import duckdb
    import pandas as pd
    from deltalake import DeltaTable

    wanted = {split: sorted(people) for split, people in SPLITS.items()}
    files = {split: str(folder / "data" / f"{split}-*.parquet") for split in SPLITS}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {split: sorted(rows["n"]) for split, rows in loaded.items()} == wanted
    by_card = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: sorted(rows["n"]) for split, rows in by_card.items()} == wanted
    assert sorted(pd.read_parquet(folder / "data")["n"]) == list(range(17))
    counted = duckdb.sql(f"SELECT count(*), max(words) FROM '{folder}/data/*.parquet'").fetchall()
    assert counted == [(17, "words of 9 <b>")]
    table = DeltaTable(str(folder)).to_pyarrow_table()
    by_split: dict[str, list[int]] = {split: [] for split in SPLITS}
    for row in table.to_pylist():
        by_split[row["split"]].append(row["n"])
    assert {split: sorted(people) for split, people in by_split.items()} == wanted


def test_the_delta_log_has_no_value_and_no_name_of_a_folder(workspace: Workspace, folder: Path) -> None:
    (log,) = (folder / "_delta_log").iterdir()
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    assert [next(iter(action)) for action in actions] == ["protocol", "metaData", "add", "add", "add"]
    assert {a["add"]["stats"] for a in actions[2:]} == {json.dumps({"numRecords": n}) for n in (12, 3, 2)}
    assert "words of" not in log.read_text()
    assert str(workspace.root) not in log.read_text()


def test_croissant_is_accepted_and_yields_every_row(folder: Path) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    rows = [(r["records/split"].decode(), r["records/n"]) for r in dataset.records("records")]
    assert sorted(rows) == sorted((split, n) for split, people in SPLITS.items() for n in people)
    assert dataset.metadata.data_use_cases
    assert dataset.metadata.personal_sensitive_information
    hashed = {
        file["@id"]: file["sha256"] for file in json.loads((folder / "croissant.json").read_text())["distribution"][:3]
    }
    assert hashed == {
        f.path: f.sha256 for f in Manifest.model_validate_json((folder / "manifest.json").read_bytes()).files[:3]
    }


def test_the_card_says_what_a_reader_has_to_know(folder: Path) -> None:
    from ruamel.yaml import YAML

    text = (folder / "README.md").read_text()
    head = YAML(typ="safe").load(text.split("---\n")[1])
    assert head["size_categories"] == ["n<1K"]
    (config,) = head["configs"]
    assert {e["split"]: len(list(folder.glob(e["path"]))) for e in config["data_files"]} == dict.fromkeys(SPLITS, 1)
    for said in ("Art. 6 GDPR", "17 of 19 rows", "| no_consent | 2 |", "## Limits", "## Duties", "support@v1"):
        assert said in text
    assert "<b>" not in text


def test_anybody_with_the_public_key_can_check_the_signature_offline(workspace: Workspace, folder: Path) -> None:
    key = load_pem_public_key((folder / "public-key.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    text, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_bytes()
    key.verify(signature, text)
    with pytest.raises(InvalidSignature):
        key.verify(signature, text.replace(b'"rows_out": 17', b'"rows_out": 18'))
    assert load_keys(workspace).public_pem() == (folder / "public-key.pem").read_text()


def test_the_manifest_of_an_older_release_is_the_text_that_it_was(manifest: Manifest) -> None:
    """Fields that came later are not in its file, nor under its signature."""
    older = manifest.model_copy(update={"treated_at": None, "purpose_fingerprint": None})
    assert not {"treated_at", "purpose_fingerprint"} & json.loads(manifest_text(older)).keys()
    assert "treated_at" in json.loads(manifest_text(manifest.model_copy(update={"treated_at": manifest.known_at})))


def problems(workspace: Workspace) -> list[str]:
    try:
        verify_dataset(workspace, "support@v1")
    except TamperError as error:
        return [problem.code for problem in error.problems]
    return []


def test_every_change_to_any_file_is_found(workspace: Workspace, folder: Path) -> None:
    assert problems(workspace) == []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 11
    for path in files:
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert problems(workspace), path
        path.unlink()
        assert problems(workspace), path
        path.write_bytes(content)
        assert problems(workspace) == []
    (folder / "data" / "train-extra.parquet").write_bytes(b"")
    assert problems(workspace) == ["dataset.file_added"]


def test_a_manifest_that_somebody_wrote_anew_has_no_signature_of_ours(
    workspace: Workspace, folder: Path, manifest: Manifest
) -> None:
    """Register and folder agree, digests too: only the signature tells."""
    forged = manifest.model_copy(update={"version": 2, "path": manifest.path.replace("v1", "v2"), "members": 1})
    shutil.copytree(folder, workspace.path(forged.path))
    (workspace.path(forged.path) / "manifest.json").write_text(manifest_text(forged))
    Manifests(workspace).put(forged)
    with pytest.raises(TamperError) as caught:
        verify_dataset(workspace, "support@v2")
    assert [p.code for p in caught.value.problems] == ["dataset.signature_wrong"]


def test_a_release_that_was_shown_and_not_registered_is_registered_by_the_next_run(
    workspace: Workspace, now: datetime
) -> None:
    shown = released_folder(workspace, SPLITS, now, registered=False)
    keys = load_keys(workspace)
    assert Manifests(workspace).all() == []
    with Releases(workspace, "support").staging():  # another run is at work: it may be its own
        assert register_shown(workspace, keys, "support", actor="tests", now=now) == []
    assert register_shown(workspace, keys, "support", actor="tests", now=now) == [shown]
    assert Manifests(workspace).all() == [shown]
    assert register_shown(workspace, keys, "support", actor="tests", now=now + timedelta(hours=1)) == []
    records = Ledger(workspace, keys).records(action_prefix="dataset.")
    assert [(r.action, r.object) for r in records] == [("dataset.register", "dataset:support@v1")]
    assert problems(workspace) == []


def test_what_was_not_signed_here_is_not_registered(workspace: Workspace, now: datetime) -> None:
    shown = released_folder(workspace, SPLITS, now, registered=False)
    (workspace.path(shown.path) / "manifest.sig").write_bytes(bytes(64))
    assert register_shown(workspace, load_keys(workspace), "support", actor="tests", now=now) == []


def test_a_row_index_stays_apart_from_the_release_and_goes_with_a_killed_run(
    workspace: Workspace, folder: Path, manifest: Manifest
) -> None:
    assert manifest.row_index is not None
    kept = workspace.path(manifest.row_index.path)
    assert kept.is_dir()
    assert not kept.is_relative_to(folder)
    abandoned = Releases(workspace, "support").folder / ".staging-killed"
    (abandoned / "release").mkdir(parents=True)
    orphan = kept.parent / "killed"
    orphan.mkdir()
    with Releases(workspace, "support").staging():
        assert not orphan.exists()
    assert kept.is_dir()


def test_mlflow_knows_the_release_of_a_run_and_the_register_the_run(
    workspace: Workspace, manifest: Manifest, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    from delible.store.uses import Uses
    from delible.workflows.dataset_log import log_release

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "runs").as_uri()
    logged = log_release(workspace, "support", tracking_uri=uri, owner="ml-support", actor="tests", now=now)
    run = MlflowClient(uri).get_run(logged.run)
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("support@v1", logged.digest[:36])
    assert json.loads(given.dataset.profile)["num_rows"] == 17
    assert json.loads(given.dataset.source)["uri"] == str(workspace.path(manifest.path))
    (use,) = Uses(workspace, Ledger(workspace, load_keys(workspace))).all()
    assert (use.by, use.owner, use.version) == (f"run:{logged.run}", "ml-support", 1)
