"""A release from workspace to folder: registered, verified, never half there, and no canary in any byte of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from delible.errors import BlockedError, InputError
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.lineage import LineageLog
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace, create_workspace
from delible.workflows import dataset_publish as workflow
from delible.workflows.consent import import_consents
from delible.workflows.dataset import build_dataset, verify_dataset
from delible.workflows.dataset_members import dataset_members, find_manifest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
POLICIES = {
    "controller.yaml": """\
controller: Fennel & Co
contact: privacy@fennel.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
""",
    "purposes/model_training.yaml": "purpose: model_training\ndescription: models\nlegal_basis: consent\n",
    "purposes/nothing.yaml": "purpose: nothing\ndescription: no basis yet\n",
    "tables/customers.yaml": """\
table: customers
path: warehouse/customers
description: customers
purposes: [model_training]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: email, identifies: email}
columns:
  customer_id: {category: user.unique_id}
  email: {category: user.contact.email}
""",
    "tables/tickets.yaml": """\
table: tickets
path: warehouse/tickets
description: tickets
purposes: [model_training]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  ticket_id: {category: user.unique_id}
  customer_id: {category: user.unique_id}
  body: {category: user.content.private, free_text: true}
""",
    "datasets/support.yaml": """\
dataset: support
description: "tickets: <b>&</b> answers"
purpose: model_training
source: tickets
columns:
  ticket_id: {treatment: pseudonymise}
  customer_id: {treatment: drop}
  body: {treatment: mask}
  unmapped: {treatment: keep}
split: {validation: 10, test: 10}
""",
    "datasets/baseless.yaml": """\
dataset: baseless
description: no legal basis
purpose: nothing
source: tickets
columns: {ticket_id: {treatment: keep}}
""",
}
PEOPLE = 20


@pytest.fixture
def workspace(spark: SparkSession, tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    for name, text in POLICIES.items():
        (made.path("policies") / name).write_text(text)
    customers = [(n, f"canary{n}@shop.example") for n in range(PEOPLE)]
    tickets = [
        (n, n % PEOPLE, f"Write to canary{n % PEOPLE}@shop.example, case {n}", "leak-canary") for n in range(3 * PEOPLE)
    ]
    frames = {
        "customers": spark.createDataFrame(customers, "customer_id bigint, email string"),
        "tickets": spark.createDataFrame(tickets, "ticket_id bigint, customer_id bigint, body string, unmapped string"),
    }
    for name, frame in frames.items():
        frame.write.format("delta").save(str(made.path("warehouse") / name))
    return made


def consents(workspace: Workspace, *rows: tuple[int, str]) -> None:
    path = workspace.root.parent / "consents.jsonl"
    lines = [
        {
            "subject": {"email": f"canary{n}@shop.example"},
            "purpose": "model_training",
            "status": status,
            "notice_version": "1",
            "valid_from": f"2026-01-0{1 if status == 'given' else 2}",
        }
        for n, status in rows
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    import_consents(workspace, str(path), form="native", actor="tests", now=NOW)


def ask(workspace: Workspace, reference: str, *people: dict[str, Any]) -> tuple[bool, ...]:
    path = workspace.root.parent / "who.jsonl"
    path.write_text("\n".join(map(json.dumps, people)))
    return dataset_members(workspace, reference, str(path), actor="tests", now=NOW).lines


def folders(workspace: Workspace) -> list[str]:
    return sorted(entry.name for entry in (workspace.path("releases") / "support").iterdir())


def test_from_consents_to_release_and_back_to_people(workspace: Workspace) -> None:
    consents(workspace, *((n, "given") for n in range(10)), (1, "withdrawn"))
    keys = load_keys(workspace)
    ref = keys.ref("customer_id", "2", find_how(workspace, "customer_id"))
    Suppression(workspace).add([ref], "R-1", NOW)
    said: list[str] = []
    built = build_dataset(workspace, "support", actor="tests", now=NOW, progress=said.append)
    manifest = built.manifest
    assert (manifest.version, manifest.rows_in, manifest.rows_out, manifest.members) == (1, 60, 24, 8)
    assert manifest.excluded == {"suppressed": 3, "withdrawn": 3, "no_consent": 30}
    assert [g.where for g in built.gaps] == ["table:tickets.unmapped"]
    assert manifest.sources == {"customers": 0, "tickets": 0}
    assert folders(workspace) == ["v1"]
    assert verify_dataset(workspace, "support@v1") == manifest
    asked = [
        {"email": "CANARY3@shop.example"},
        {"customer_id": 3},
        {"customer_id": 1},
        {"email": "canary2@shop.example"},
    ]
    assert ask(workspace, "support@1", *asked) == (True, True, False, False)

    consents(workspace, (3, "withdrawn"))
    again = build_dataset(workspace, "support", actor="tests", now=NOW + timedelta(hours=1)).manifest
    assert (again.version, again.rows_out) == (2, 21)
    assert ask(workspace, "support", {"customer_id": 3}) == (False,)
    assert ask(workspace, "support@v1", {"customer_id": 3}) == (True,)

    records = Ledger(workspace, keys).records(action_prefix="dataset.")
    assert [(r.action, r.object) for r in records] == [
        ("dataset.build", "dataset:support@v1"),
        ("dataset.build", "dataset:support@v2"),
    ]
    assert records[0].counts["excluded.withdrawn"] == 3
    events = [e for e in LineageLog(workspace).events() if e["job"]["name"] == "dataset.build"]
    assert [e["eventType"] for e in events] == ["START", "COMPLETE"] * 2
    assert_no_canary(workspace, said)


def find_how(workspace: Workspace, kind: str) -> Any:
    from delible.store.policies import load_workspace_policies

    return load_workspace_policies(workspace).controller.identifiers[kind].normalise


def assert_no_canary(workspace: Workspace, said: list[str]) -> None:
    """Search what leaves and what is written down: as bytes, and Parquet decoded."""
    import pyarrow.parquet as pq

    texts = ["\n".join(said)]
    for folder in ("releases", "store", "lineage"):
        for path in workspace.path(folder).rglob("*"):
            if path.is_file():
                texts.append(path.read_bytes().decode("latin-1"))
            if path.suffix == ".parquet":
                texts.append(str(pq.read_table(path).to_pydict()))
    assert len(texts) > 10
    assert not any("canary" in text.lower() for text in texts)


def test_front_matter_names_the_files(workspace: Workspace) -> None:
    from ruamel.yaml import YAML

    consents(workspace, *((n, "given") for n in range(PEOPLE)))
    manifest = build_dataset(workspace, "support", actor="tests", now=NOW).manifest
    folder = workspace.path(manifest.path)
    head = (folder / "README.md").read_text().split("---\n")[1]
    (config,) = YAML(typ="safe").load(head)["configs"]
    for entry in config["data_files"]:
        assert list(folder.glob(entry["path"])), entry
    assert "<b>" not in (folder / "README.md").read_text()


def test_two_builds_at_once_take_two_versions(workspace: Workspace) -> None:
    consents(workspace, (1, "given"))
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(build_dataset, workspace, "support", actor="tests", now=NOW) for _ in range(2)]
        built = [job.result().manifest for job in jobs]
    assert sorted(m.version for m in built) == [1, 2]
    assert folders(workspace) == ["v1", "v2"]
    for version in (1, 2):
        verify_dataset(workspace, f"support@v{version}")
    first, second = ({f.path: f.sha256 for f in made.files} for made in built)
    assert {name for name in first if first[name] != second[name]} == {"README.md", "croissant.json"}


def test_failed_build_leaves_nothing_to_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    consents(workspace, (1, "given"))
    abandoned = workspace.path("releases") / "support" / ".staging-killed"
    abandoned.mkdir(parents=True)
    (abandoned / "rows.parquet").write_bytes(b"rows")

    def fails(*_: Any, **__: Any) -> str:
        raise RuntimeError("at the very end")

    monkeypatch.setattr(workflow, "card", fails)
    with pytest.raises(RuntimeError):
        build_dataset(workspace, "support", actor="tests", now=NOW)
    assert folders(workspace) == []
    assert list((workspace.path("releases") / ".rows" / "support").iterdir()) == []
    assert Ledger(workspace, load_keys(workspace)).records(action_prefix="dataset.") == []
    events = [e["eventType"] for e in LineageLog(workspace).events() if e["job"]["name"] == "dataset.build"]
    assert events == ["START", "FAIL"]


def test_purpose_without_legal_basis_is_blocked(workspace: Workspace) -> None:
    with pytest.raises(BlockedError) as caught:
        build_dataset(workspace, "baseless", actor="tests", now=NOW)
    assert (caught.value.code, caught.value.exit_code) == ("dataset.no_legal_basis", 3)


@pytest.mark.parametrize("reference", ["support@v9", "support@", "support@x", "other@v1", "support@v1@v1", ""])
def test_unknown_release(workspace: Workspace, reference: str) -> None:
    with pytest.raises(InputError) as caught:
        find_manifest(workspace, reference)
    assert caught.value.code == "dataset.unknown_version"
