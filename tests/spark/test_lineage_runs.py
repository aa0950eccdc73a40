"""Every run that reads or writes tables tells its lineage, to a consumer that checks each event; and no value in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from delible.errors import BlockedError
from delible.model.plan import RetentionPlan
from delible.model.terms import Right
from delible.report.lineage import runs_of
from delible.store.lineage import LineageLog
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows.access import build_access_package
from delible.workflows.consent import import_consents
from delible.workflows.control import Control
from delible.workflows.dataset import build_dataset
from delible.workflows.dataset_recut import recut_dataset
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.guard import guard_tables
from delible.workflows.lineage_view import find_gaps, show_lineage
from delible.workflows.policy_draft import draft_policies
from delible.workflows.put_back import put_back_held
from delible.workflows.restriction import restrict_processing
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from delible.workflows.scanning import Extent
from delible.workflows.tables import load_table
from delible.workflows.tagging import scan_names, scan_tables
from delible.workflows.verification import verify_people
from openlineage_events import Received, consumer, undrawn
from small_shop import NOW, PEOPLE, POLICIES, approved, email, make_workspace, people_file, phone, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

MORE = {
    "purposes/training.yaml": "purpose: training\ndescription: Train.\nlegal_basis: consent\n"
    "direct_marketing: false\nsells_or_shares: false\n",
    "datasets/topics.yaml": "dataset: topics\ndescription: Texts.\npurpose: training\nsource: tickets\n"
    "columns: {ticket_id: keep, customer_id: pseudonymise, body: mask}\n",
    "retention/customers.yaml": "retention: customers\ntable: customers\nclock: made_at\nkeep: P3Y\nreason: Old.\n",
}
RUNS = {
    "table.load",
    "policy.draft",
    "tags.scan",
    "consent.import",
    "dataset.build",
    "dataset.recut",
    "access.build",
    "restriction.apply",
    "erasure.plan",
    "erasure.apply",
    "erasure.verify",
    "guard.look",
    "retention.plan",
    "retention.apply",
    "hold.put_back",
}


@pytest.fixture(scope="module")
def told(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Received]]:
    """Return a workspace in which everything was done once, and the consumer that was told."""
    folder = tmp_path_factory.mktemp("lineage")
    with consumer() as received:
        workspace = make_workspace(folder / "shop", {**POLICIES, **MORE})
        file = workspace.root / CONFIG_FILE
        settings = json.dumps({"transport": {"type": "http", "url": received.url}})
        file.write_text(file.read_text().replace("openlineage: {}", f"openlineage: {settings}"))
        workspace = open_workspace(workspace.root)
        write_tables(spark, workspace)
        everything(workspace, folder)
        yield workspace, received


def everything(workspace: Workspace, folder: Path) -> None:
    now: dict[str, Any] = {"actor": "tests", "now": NOW}
    notes = folder / "notes.csv"
    notes.write_text(f"note,mail\n1,{email(3)}\n")
    load_table(workspace, "notes", [notes], **now)
    draft_policies(workspace, ["notes"], out=folder / "drafts", now=NOW)
    scan_names(workspace, ["tickets"], **now)
    scan_tables(workspace, ["customers"], extent=Extent(values=100), **now)
    consents = folder / "consents.jsonl"
    given = {"purpose": "training", "status": "given", "notice_version": "1", "valid_from": "2026-01-01T00:00:00Z"}
    consents.write_text("".join(json.dumps({"subject": {"email": email(n)}, **given}) + "\n" for n in range(2, 20)))
    import_consents(workspace, str(consents), form="native", **now)
    build_dataset(workspace, "topics", **now)
    [access] = approved(workspace, folder, {"email": email(2)}, right=Right.ACCESS)
    build_access_package(workspace, access, **now)
    [limited] = approved(workspace, folder, {"email": email(4)}, right=Right.RESTRICTION)
    restrict_processing(workspace, limited, **now)
    erased = approved(workspace, folder, {"email": email(5)})
    with pytest.raises(BlockedError):
        plan_due_erasures(workspace, now=NOW, request_ids=approved(workspace, folder, {"email": "no@people.example"}))
    planned = plan_due_erasures(workspace, now=NOW, request_ids=erased, immediate=True)
    apply_erasure(workspace, planned.plan, searched=planned.searched, **now)
    recut_dataset(workspace, "topics", **now)
    person = people_file(folder, {"email": email(5)})
    verify_people(workspace, request_id=None, identifiers=str(person), **now)
    guard_tables(workspace, **now)
    plan: RetentionPlan = plan_due_retention(workspace, now=NOW, immediate=True)
    apply_retention(workspace, plan, **now)
    assert put_back_held(workspace, **now) == ()


def test_every_run_begins_and_ends_once_and_each_event_is_valid(told: tuple[Workspace, Received]) -> None:
    workspace, received = told
    assert received.problems == []
    assert not list((workspace.root / "lineage/undelivered").glob("*.json"))
    assert {job for job, _ in received.phases} == RUNS
    kept = list(LineageLog(workspace).events())
    told_of, kept_of = ([(e["run"]["runId"], e["eventType"]) for e in each] for each in (received.events, kept))
    assert sorted(told_of) == sorted(kept_of)
    phases: dict[str, list[str]] = {}
    for event in kept:
        phases.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert {tuple(p) for p in phases.values()} == {("START", "COMPLETE"), ("START", "FAIL")}
    assert [column for event in received.events for column in undrawn(event)] == []
    failed = [r for r in runs_of(kept) if r.outcome == "FAIL"]
    assert [r.job for r in failed] == ["erasure.plan"]


def test_no_value_and_no_reference_is_in_any_event(told: tuple[Workspace, Received]) -> None:
    workspace, received = told
    control = Control(workspace)
    refs = {ref for request in control.requests.all() for ref in request.refs} | set(control.suppression.refs())
    assert refs
    told_values = [email(n) for n in range(1, PEOPLE + 1)] + [phone(n) for n in range(1, PEOPLE + 1)] + sorted(refs)
    written = "".join(p.read_text() for p in (workspace.root / "lineage").glob("*.jsonl"))
    for text in (json.dumps(received.events), written):
        assert not [value for value in told_values if value in text]
        assert "people.example" not in text.lower()
        assert "Where is parcel" not in text


def by_job(received: Received, job: str) -> dict[str, Any]:
    return [e for e in received.events if e["job"]["name"] == job and e["eventType"] == "COMPLETE"][-1]


def facets(event: dict[str, Any], group: str) -> dict[str, dict[str, Any]]:
    return {d["name"].rpartition("/")[2]: d["facets"] for d in event[group]}


def test_what_each_run_did_is_in_its_facets(told: tuple[Workspace, Received]) -> None:
    _, received = told
    scanned = facets(by_job(received, "tags.scan"), "inputs")["customers"]
    assert scanned["delible_scan"]["personal"] >= 2
    assert {"field": "email", "key": "pii", "source": "DELIBLE", "value": "user.contact.email"} in scanned["tags"][
        "tags"
    ]
    taken = facets(by_job(received, "consent.import"), "outputs")["consents"]["delible_import"]
    assert (taken["lines"], taken["purposes"]) == (18, {"training": 18})
    erasure = by_job(received, "erasure.apply")
    assert erasure["run"]["facets"]["delible_request"]["right"] == "erasure"
    assert erasure["run"]["facets"]["delible_search"]["matches"] == 0
    done = facets(erasure, "outputs")
    assert done["customers"]["delible_erasure"]["rows"] == 1
    assert set(done["customers"]["delible_erasure"]["stages"].values()) == {"done"}
    steps = {
        c: f["inputFields"][0]["transformations"][0] for c, f in done["tickets"]["columnLineage"]["fields"].items()
    }
    assert {c: (s["description"], s["masking"]) for c, s in steps.items()} == {
        "ticket_id": ("keep", False),
        "customer_id": ("pseudonymise", True),
        "body": ("null", True),
    }
    assert done["tickets"]["columnLineage"]["dataset"][0]["transformations"][0] == {
        "type": "INDIRECT", "subtype": "FILTER", "masking": False
    }  # fmt: skip
    kept = facets(by_job(received, "retention.apply"), "outputs")["customers"]["delible_retention"]
    assert (kept["rule"], kept["keep"]) == ("customers", "P3Y")
    assert kept["rows"] > 0


def test_a_build_says_what_decided_and_what_became_of_tags(told: tuple[Workspace, Received]) -> None:
    _, received = told
    build = by_job(received, "dataset.build")
    assert build["run"]["facets"]["delible_purpose"]["legalBasis"] == "consent"
    assert {i["name"].rpartition("/")[2] for i in build["inputs"]} >= {"tickets", "consents"}
    [made] = build["outputs"]
    assert {t["field"]: t["value"] for t in made["facets"]["tags"]["tags"]} == {
        "customer_id": "user.unique_id.pseudonymous",
        "body": "user.content.private",
    }
    assert made["facets"]["version"]["datasetVersion"] == "1"


def test_lineage_shows_the_way_into_the_dataset(told: tuple[Workspace, Received]) -> None:
    workspace, _ = told
    graph = show_lineage(workspace, "topics").graph
    assert {n.id for n in graph.nodes} >= {"tickets", "consents", "topics@v1"}
    assert find_gaps(workspace) == []
