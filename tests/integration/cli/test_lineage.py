"""The commands of `delible lineage`, over a shop whose tables lie there without a JVM."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from jsonschema import Draft202012Validator

from delible.cli.main import main
from delible.model.lineage import ColumnFlow, DatasetUse
from delible.model.record import AuditEntry
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import CONFIG_FILE, Workspace
from openlineage_events import OWN, consumer
from past_runs import emit_run
from small_shop import NOW, POLICIES, customers, make_workspace, tickets

PROFILES = """\
table: profiles
path: warehouse/profiles
description: What support sees of a customer.
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  customer_id: {category: user.unique_id, copy_of: customers.customer_id}
  since: {category: system.operations, copy_of: customers.made_at}
  address.city: user.contact.address.city
upstream: [customers]
"""
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    workspace = make_workspace(tmp_path / "shop", {**POLICIES, "tables/profiles.yaml": PROFILES})
    profiles = customers().rename_columns(["customer_id", "email", "phone", "since"])
    places = pa.array([{"city": "Kiel"}] * len(profiles), pa.struct({"city": pa.string()}))
    profiles = profiles.append_column("address", places)
    for name, table in (("customers", customers()), ("tickets", tickets()), ("profiles", profiles)):
        write_deltalake(str(workspace.root / "warehouse" / name), table)
    return workspace


@pytest.fixture
def run(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Run:
    def answer(*words: object) -> tuple[int, dict[str, Any]]:
        code = main(["lineage", *map(str, words), "--workspace", str(shop.root), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return answer


def built(workspace: Workspace) -> None:
    source = str(workspace.root / "warehouse/profiles")
    flow = ColumnFlow(column="person", source=source, field="email", treatment="pseudonymise")
    made = DatasetUse(name="topics", location=str(workspace.root / "releases/topics/v1"), version=1, flows=(flow,))
    read = DatasetUse(name="profiles", location=source, version=0)
    emit_run(workspace, job="dataset.build", inputs=[read], outputs=[made], started=NOW, ended=NOW)


def test_a_derived_column_without_a_tag_is_reported(run: Run) -> None:
    """`email` and `phone` were copied and nobody said so; `since` says less than its origin; `address` is mapped."""
    code, answer = run("gaps")
    assert code == 0
    assert {(g["where"], g["code"]) for g in answer["gaps"]} == {
        ("table:profiles.email", "lineage.untagged"),
        ("table:profiles.phone", "lineage.untagged"),
        ("table:profiles.since", "lineage.contradicted"),
    }


def test_a_scan_answers_the_gap(shop: Workspace, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tags", "scan", "profiles", "--names-only", "--workspace", str(shop.root)]) == 0
    capsys.readouterr()
    left = {g["where"] for g in run("gaps")[1]["gaps"]}
    assert "table:profiles.email" not in left, "the scan has said what it holds"


def test_a_table_of_which_only_policies_speak_is_shown(run: Run) -> None:
    code, answer = run("show", "profiles")
    assert code == 0
    assert [(e["source"], e["target"], e["by"]) for e in answer["edges"]] == [("customers", "profiles", "policy")]
    assert answer["made_by"] == []


def test_all_steps_to_a_version_are_shown(shop: Workspace, run: Run) -> None:
    built(shop)
    for name in ("topics", "topics@v1", "customers"):
        code, answer = run("show", name)
        assert code == 0
        assert [n["id"] for n in answer["nodes"]] == ["customers", "profiles", "topics@v1"]
    code, answer = run("show", "topics@v7")
    assert (code, answer["errors"][0]["code"]) == (2, "lineage.unknown_dataset"), "and not what another version is"


@pytest.mark.parametrize(
    ("form", "begins"), [("svg", "<svg"), ("mermaid", "flowchart LR"), ("json", "{"), ("text", "pro")]
)
def test_every_form_is_printed_or_written(
    form: str, begins: str, shop: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["lineage", "show", "profiles", "--format", form, "--workspace", str(shop.root)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(begins)
    file = tmp_path / "out"
    assert main([*words, "--out", str(file)]) == 0
    assert file.read_text().startswith(begins)
    assert main([*words, "--out", str(file)]) == 2, "an existing file stays"


def test_what_nobody_names_is_unknown(run: Run) -> None:
    code, answer = run("show", "profile")
    assert (code, answer["errors"][0]["code"]) == (2, "lineage.unknown_dataset")
    assert "profiles" in answer["errors"][0]["message"]


def test_a_version_that_no_run_has_made_is_not_shown_as_another(shop: Workspace, run: Run) -> None:
    built(shop)
    code, answer = run("show", "topics@v7")
    assert (code, answer["errors"][0]["code"]) == (2, "lineage.unknown_dataset")
    assert "Made were: v1." in answer["errors"][0]["message"]


def test_a_recipe_that_was_never_built_is_sent_to_its_build(shop: Workspace, run: Run) -> None:
    recipe = "dataset: waiting\ndescription: Not built yet.\nsource: tickets\npurpose: support\n"
    (shop.root / "policies/datasets").mkdir(exist_ok=True)
    (shop.root / "policies/datasets/waiting.yaml").write_text(recipe + "columns:\n  ticket_id: pseudonymise\n")
    code, answer = run("show", "waiting")
    assert code == 2
    assert "delible dataset build waiting" in answer["errors"][0]["message"]


def test_what_was_registered_and_what_policies_say_is_fed_and_made_from(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    built(shop)
    ledger = Ledger(shop, load_keys(shop))
    used = AuditEntry(
        actor="ml", action="dataset.use", object="dataset:topics@v1", outcome="done", detail={"by": "model:router"}
    )
    ledger.append([used], NOW)
    assert main(["lineage", "show", "topics", "--workspace", str(shop.root)]) == 0
    assert "  feeds         model:router\n" in capsys.readouterr().out
    assert main(["lineage", "show", "profiles", "--workspace", str(shop.root)]) == 0
    assert "  made from     customers\n" in capsys.readouterr().out


def test_schemas_are_those_of_the_package(run: Run, tmp_path: Path) -> None:
    code, answer = run("schema")
    assert (code, answer["schemas"]) == (0, OWN)
    assert list(run("schema", "delible_erasure")[1]["schemas"]) == ["delible_erasure"]
    assert run("schema", "delible_erasures")[1]["errors"][0]["code"] == "lineage.unknown_facet"
    files = run("schema", "--out", tmp_path / "schemas")[1]["files"]
    assert {Path(f).stem for f in files} == set(OWN)
    for file in files:
        Draft202012Validator.check_schema(json.loads(Path(file).read_text()))


def test_what_waits_is_sent_again_by_hand(shop: Workspace, run: Run) -> None:
    assert run("resend")[1]["errors"][0]["code"] == "lineage.no_consumer"
    with consumer() as received:
        file = shop.root / CONFIG_FILE
        settings = json.dumps({"transport": {"type": "http", "url": received.url}})
        file.write_text(file.read_text().replace("openlineage: {}", f"openlineage: {settings}"))
        built(shop)
        code, answer = run("resend", "--all")
        assert (code, answer["arrived"], answer["waiting"]) == (0, 2, 0)
        assert received.problems == []
        assert received.phases == [("dataset.build", "START"), ("dataset.build", "COMPLETE")]


def test_what_still_waits_is_exit_code_1(shop: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from delible.store import lineage_delivery

    patience = lineage_delivery.Patience(seconds=1, attempts=1, first_pause=0.01, hurried=False)
    monkeypatch.setattr(lineage_delivery, "PATIENT", patience)
    built(shop)
    file = shop.root / CONFIG_FILE
    gone = json.dumps({"transport": {"type": "http", "url": "http://127.0.0.1:9"}})
    file.write_text(file.read_text().replace("openlineage: {}", f"openlineage: {gone}"))
    code, answer = run("resend", "--all")
    assert (code, answer["waiting"], answer["errors"][0]["code"]) == (1, 2, "lineage.undelivered")
