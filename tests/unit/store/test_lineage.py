"""Lineage events: valid against the official schemas and our own, one end per run, and no values."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource

from delible.errors import BlockedError, DelibleError
from delible.model.lineage import ColumnFlow, DatasetUse, unchanged
from delible.model.terms import LegalBasis, Treatment
from delible.report.lineage import lineage_text, lineage_view
from delible.store.lineage import LineageLog, emit_run
from delible.store.lineage_events import dataset_name
from delible.store.lineage_facets import DATASET_FACETS, RUN_FACETS
from delible.store.workspace import Workspace

SPEC = Path(os.environ.get("DELIBLE_OPENLINEAGE_SPEC", Path(__file__).parents[4] / "shared/data/openlineage-spec"))
PUBLISHED = files("delible") / "schemas/facets/1-0-0"
OWN = {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in PUBLISHED.iterdir()}
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
CANARY = "canary-9d1e@person.example"
START = datetime(2026, 3, 12, 9, tzinfo=UTC)

TICKETS = DatasetUse(
    name="tickets",
    location="/data/shop/warehouse/tickets",
    version=4,
    columns={"ticket_id": "bigint", "body": "string"},
    tags={"body": "user.content"},
    rows=8412,
    bytes=120_332,
    files=3,
)
RELEASE = DatasetUse(
    name="support_training",
    location="/data/shop/releases/support_training/v1",
    version=1,
    columns={"ticket": "string", "body": "string"},
    rows=5120,
    flows=(
        ColumnFlow(column="ticket", source=TICKETS.location, field="ticket_id", treatment=Treatment.PSEUDONYMISE),
        ColumnFlow(column="body", source=TICKETS.location, field="body", treatment=Treatment.MASK),
    ),
    facets={"delible_deidentification": {"columns": {"ticket": "pseudonymise", "body": "mask"}, "keyVersion": 1}},
)
FACETS: dict[str, dict[str, Any]] = {
    "delible_purpose": {"purpose": "model_training", "legalBasis": "consent", "policyFingerprint": "a" * 64},
    "delible_consent": {
        "knownAt": "2026-03-12T09:00:00Z",
        "rowsIn": 8412,
        "rowsOut": 5120,
        "members": 2210,
        "excluded": {"withdrawn": 420, "no_consent": 2872},
    },
    "delible_erasure": {
        "plan": "E-1",
        "requests": ["R-1", "R-2"],
        "action": "delete_row",
        "rows": 6,
        "mentions": 2,
        "stages": {"merge": "done", "verify": "done"},
        "filesSearched": 31,
        "matches": 0,
    },
    "delible_rectification": {
        "plan": "C-1",
        "requests": ["R-1"],
        "columns": ["email", "name"],
        "rows": 3,
        "follows": False,
        "stages": {"merge": "done"},
        "filesSearched": 31,
        "matches": 0,
    },
    "delible_retention": {
        "plan": "T-1",
        "rule": "events",
        "clock": "at",
        "keep": "P13M",
        "asOf": "2026-03-15T00:00:00Z",
        "rows": 48210,
        "heldRows": 3,
    },
    "delible_deidentification": {"columns": {"ticket_id": "pseudonymise"}, "domains": {"ticket_id": "support"}},
}


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No consumer is configured from outside, and what the client adds to the environment goes with the test."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


def official() -> Registry[Any]:
    """Return a registry of the official schemas, resolved by `$id` and never by the network."""
    if not (SPEC / "OpenLineage.json").exists():
        pytest.skip(f"the official OpenLineage schemas are not at {SPEC}; set DELIBLE_OPENLINEAGE_SPEC to their folder")
    documents = [json.loads(p.read_text()) for p in (SPEC / "OpenLineage.json", *(SPEC / "facets").glob("*.json"))]
    return _registry(documents)


def stand_in() -> Registry[Any]:
    """Return a registry in which the bases of our own facets are as the specification describes them."""
    base = {"type": "object", "required": ["_producer", "_schemaURL"]}
    return _registry([{"$id": CORE, "$defs": {"RunFacet": base, "DatasetFacet": base}}])


def _registry(documents: list[dict[str, Any]]) -> Registry[Any]:
    def offline(uri: str) -> Resource[Any]:
        raise NoSuchResource(ref=uri)

    resources = [Resource.from_contents(d, default_specification=_draft()) for d in (*documents, *OWN.values())]
    return Registry(retrieve=offline).with_resources([(r.id() or "", r) for r in resources])


def _draft() -> Any:
    from referencing.jsonschema import DRAFT202012

    return DRAFT202012


def check(body: Any, reference: str, registry: Registry[Any]) -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": reference}
    Draft202012Validator(schema, registry=registry, format_checker=FormatChecker()).validate(body)


def facets_of(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for key in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(key, {}).values()


def lines(workspace: Workspace) -> list[dict[str, Any]]:
    return list(LineageLog(workspace).events())


def emit(workspace: Workspace, **more: Any) -> str:
    fields: dict[str, Any] = {
        "job": "dataset.build",
        "inputs": [TICKETS],
        "outputs": [RELEASE],
        "facets": {key: FACETS[key] for key in ("delible_purpose", "delible_consent")},
        "started": START,
        "ended": START + timedelta(seconds=40),
    }
    return emit_run(workspace, **(fields | more))


# --------------------------------------------------------------------------------------------------------- schemas


def test_every_event_is_valid_by_the_official_schemas(workspace: Workspace) -> None:
    registry = official()
    emit(workspace)
    emit(workspace, facets=FACETS, failed=True)
    emit(workspace, job="erasure.apply", outputs=[TICKETS], facets={"delible_erasure": FACETS["delible_erasure"]})
    events = lines(workspace)
    assert len(events) == 6
    for event in events:
        check(event, f"{CORE}#/$defs/RunEvent", registry)
        for facet in facets_of(event):
            check(facet, facet["_schemaURL"], registry)


def test_the_official_check_can_fail(workspace: Workspace) -> None:
    registry = official()
    emit(workspace)
    event = lines(workspace)[0]
    del event["run"]["runId"]
    with pytest.raises(Exception, match="runId"):
        check(event, f"{CORE}#/$defs/RunEvent", registry)


def test_our_facets_are_valid_by_their_published_schemas(workspace: Workspace) -> None:
    emit(workspace, facets=FACETS)
    registry = stand_in()
    seen = {key for event in lines(workspace) for key in _own(event, registry)}
    assert seen == set(FACETS) == set(OWN) == {*RUN_FACETS, *DATASET_FACETS}


def _own(event: dict[str, Any], registry: Registry[Any]) -> Iterator[str]:
    for holder in (event["run"], *event["outputs"]):
        for key, body in holder["facets"].items():
            if key.startswith("delible_"):
                check(body, body["_schemaURL"], registry)
                yield key


@pytest.mark.parametrize("key", sorted(OWN))
def test_a_published_schema_refuses_what_is_not_a_facet(key: str, workspace: Workspace) -> None:
    Draft202012Validator.check_schema(OWN[key])
    emit(workspace, facets={key: FACETS[key]})
    last = lines(workspace)[-1]
    body = (last["run"] if key in RUN_FACETS else last["outputs"][0])["facets"][key]
    check(body, body["_schemaURL"], stand_in())
    for wrong in ({**body, "email": CANARY}, {k: v for k, v in body.items() if k not in FACETS[key]}):
        with pytest.raises(Exception, match=r"email|required"):
            check(wrong, body["_schemaURL"], stand_in())


def test_every_legal_basis_has_its_place_in_the_schema() -> None:
    allowed = OWN["delible_purpose"]["$defs"]["PurposeRunFacet"]["allOf"][1]["properties"]["legalBasis"]["enum"]
    assert allowed == [basis.value for basis in LegalBasis]


# --------------------------------------------------------------------------------------------------------- content


def test_what_a_run_read_and_wrote_is_in_its_events(workspace: Workspace) -> None:
    run = emit(workspace)
    started, completed = lines(workspace)
    assert (started["eventType"], completed["eventType"]) == ("START", "COMPLETE")
    assert (started["eventTime"], completed["eventTime"]) == ("2026-03-12T09:00:00.000Z", "2026-03-12T09:00:40.000Z")
    assert started["run"]["runId"] == completed["run"]["runId"] == run
    (source,), (made,) = completed["inputs"], completed["outputs"]
    assert (source["namespace"], source["name"]) == ("file", TICKETS.location)
    assert source["facets"]["version"]["datasetVersion"] == "4"
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 8412
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 5120
    assert source["facets"]["tags"]["tags"] == [
        {"field": "body", "key": "pii", "source": "DELIBLE", "value": "user.content"}
    ]


@pytest.mark.parametrize(
    ("treatment", "masking", "subtype"),
    [
        (Treatment.KEEP, False, "IDENTITY"),
        (Treatment.MASK, True, "TRANSFORMATION"),
        (Treatment.PSEUDONYMISE, True, "TRANSFORMATION"),
        (Treatment.GENERALISE, False, "TRANSFORMATION"),
    ],
)
def test_column_lineage_says_what_is_masked(
    treatment: Treatment, masking: bool, subtype: str, workspace: Workspace
) -> None:
    flow = ColumnFlow(column="a", source="/t", field="b", treatment=treatment)
    emit(workspace, outputs=[DatasetUse(name="d", location="/d", flows=(flow,))])
    lineage = lines(workspace)[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]["a"]["inputFields"][0]
    step = lineage["transformations"][0]
    assert (lineage["field"], step["masking"], step["subtype"]) == ("b", masking, subtype)


def test_an_output_column_may_come_from_several_inputs(workspace: Workspace) -> None:
    flows = (*unchanged("/t", ["a", "b"]), ColumnFlow(column="a", source="/u", field="c"))
    emit(workspace, outputs=[DatasetUse(name="d", location="/d", flows=flows)])
    fields = lines(workspace)[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert [f["name"] for f in fields["a"]["inputFields"]] == ["/t", "/u"]


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("/data/orders", ("file", "/data/orders")),
        ("/data/or#ders?x%20y", ("file", "/data/or#ders?x%20y")),
        ("file:///data/my%20orders", ("file", "/data/my orders")),
        ("s3a://bucket/warehouse/orders", ("s3://bucket", "warehouse/orders")),
        ("gs://bucket/warehouse/orders", ("gs://bucket", "warehouse/orders")),
        ("abfss://box@store.example/orders", ("abfss://box@store.example", "/orders")),
    ],
)
def test_datasets_are_named_by_the_standard_s_rules(location: str, named: tuple[str, str]) -> None:
    assert dataset_name(location) == named


@pytest.mark.parametrize("facets", [{"delible_unknown": {}}, {"delible_purpose": {"email": CANARY}}])
def test_a_facet_that_does_not_exist_is_a_mistake_of_ours(facets: dict[str, Any], workspace: Workspace) -> None:
    with pytest.raises((ValueError, TypeError)):
        emit(workspace, facets=facets)


# ----------------------------------------------------------------------------------------------------- one end each


def test_a_run_ends_once_whatever_happens_in_it(workspace: Workspace) -> None:
    log = LineageLog(workspace, clock=lambda: START)
    with log.run("tags.scan", inputs=[TICKETS]) as run:
        run.outputs = [RELEASE]
    with pytest.raises(BlockedError), log.run("erasure.apply"):
        raise BlockedError("request.held", f"held: {CANARY}")
    with pytest.raises(RuntimeError), log.run("erasure.apply"):
        raise RuntimeError(CANARY)
    with pytest.raises(KeyboardInterrupt), log.run("erasure.apply"):
        raise KeyboardInterrupt
    ends: dict[str, list[str]] = {}
    for event in log.events():
        ends.setdefault(event["run"]["runId"], []).append(event["eventType"])
        assert UUID(event["run"]["runId"])
    assert sorted(ends.values()) == [["START", "COMPLETE"], *(3 * [["START", "FAIL"]])]
    codes = {e["run"]["facets"]["errorMessage"]["message"] for e in log.events() if e["eventType"] == "FAIL"}
    assert codes == {"request.held", "RuntimeError", "KeyboardInterrupt"}
    assert all(CANARY not in path.read_text() for path in log.folder.iterdir())


def test_what_is_known_at_the_end_is_in_the_closing_event(workspace: Workspace) -> None:
    with LineageLog(workspace).run("dataset.build", inputs=[TICKETS]) as run:
        run.outputs = [RELEASE]
        run.facets = {"delible_purpose": FACETS["delible_purpose"]}
    started, completed = lines(workspace)
    assert (started["outputs"], completed["outputs"][0]["name"]) == ([], RELEASE.location)
    assert completed["run"]["facets"]["delible_purpose"]["purpose"] == "model_training"


def test_each_run_has_its_own_file_and_half_a_line_costs_nothing_else(workspace: Workspace) -> None:
    emit(workspace)
    emit(workspace, started=START + timedelta(hours=1), job="odd/../../job name")
    folder = LineageLog(workspace).folder
    first, second = sorted(folder.iterdir())
    assert second.parent == folder
    first.write_text(first.read_text()[:-30])
    assert [e["eventType"] for e in lines(workspace)] == ["START", "START", "COMPLETE"]


def test_a_folder_that_cannot_be_written_is_an_error_with_a_code(workspace: Workspace) -> None:
    LineageLog(workspace).folder.write_text("a file is in the way")
    with pytest.raises(DelibleError) as caught:
        emit(workspace)
    assert caught.value.code == "lineage.unwritable"


# -------------------------------------------------------------------------------------------------------- consumers


class Consumer(BaseHTTPRequestHandler):
    """Takes lineage events over HTTP as Marquez does."""

    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(json.loads(body))
        self.send_response(201)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def consumer() -> Iterator[HTTPServer]:
    Consumer.received = []
    server = HTTPServer(("127.0.0.1", 0), Consumer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_configured_consumer_gets_the_same_events(
    consumer: HTTPServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{consumer.server_port}")
    run = emit(workspace)
    assert [e["eventType"] for e in Consumer.received] == ["START", "COMPLETE"]
    assert {e["run"]["runId"] for e in Consumer.received} == {run}
    assert [e["outputs"] for e in Consumer.received] == [e["outputs"] for e in lines(workspace)]


def test_a_configuration_file_is_honoured(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, there = tmp_path / "openlineage.yml", tmp_path / "elsewhere.jsonl"
    config.write_text(f"transport:\n  type: file\n  log_file_path: {there}\n  append: true\n")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
    emit(workspace)
    assert len(there.read_text().splitlines()) == len(lines(workspace)) == 2


def test_a_consumer_that_cannot_be_reached_costs_a_warning(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = workspace.root / "openlineage.yml"
    config.write_text("transport:\n  type: http\n  url: http://127.0.0.1:9\n  timeout: 1\n  retry: {total: 0}\n")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
    with caplog.at_level(logging.WARNING, "delible.store.lineage"):
        emit(workspace)
    assert "the lineage event was not delivered (ConnectionError)" in caplog.text
    assert CANARY not in caplog.text
    assert len(lines(workspace)) == 2


# ------------------------------------------------------------------------------------------------------------- view


def test_a_dataset_s_way_is_followed_through_all_steps(workspace: Workspace) -> None:
    raw = DatasetUse(name="raw", location="/raw")
    emit(workspace, job="load", inputs=[raw], outputs=[TICKETS], facets={})
    emit(workspace, started=START + timedelta(hours=1))
    emit(workspace, started=START + timedelta(hours=2), outputs=[DatasetUse(name="lost", location="/x")], failed=True)
    view = lineage_view(lines(workspace), "support_training")
    assert view is not None
    assert (view.upstream, view.downstream) == (("raw", "tickets"), ())
    assert lineage_view(lines(workspace), RELEASE.location) == view
    middle = lineage_view(lines(workspace), "tickets")
    assert middle is not None
    assert (middle.upstream, middle.downstream, len(middle.used_by)) == (("raw",), ("support_training",), 2)
    assert lineage_view(lines(workspace), "nothing") is None


def text_of(workspace: Workspace, name: str) -> str:
    view = lineage_view(lines(workspace), name)
    assert view is not None
    return lineage_text(view)


def use(name: str) -> DatasetUse:
    location = f"/warehouse/{name}"
    return DatasetUse(name=name, location=location, version=3, flows=unchanged(location, ["id"]))


def test_an_erasure_over_many_tables_makes_none_of_them_from_the_others(workspace: Workspace) -> None:
    tables = [use(f"table_{number}") for number in range(20)]
    emit(workspace, job="erasure.apply", inputs=tables, outputs=tables, facets={})
    emit(workspace, inputs=[tables[7], use("consents")], started=START + timedelta(hours=1))
    view = lineage_view(lines(workspace), "table_7")
    assert view is not None
    assert (view.upstream, view.downstream) == ((), ("support_training",))
    assert len(view.made_by[0].inputs) == 20, "the whole list stays in the JSON"
    shown = lineage_text(view)
    assert "feeds         support_training" in shown
    assert "changed where it lies by" in shown
    assert "table_8" not in shown


def test_the_text_tells_columns_sources_from_what_was_read_beside_them(workspace: Workspace) -> None:
    emit(workspace, inputs=[TICKETS, use("customers")])
    shown = text_of(workspace, "support_training")
    assert "made from     customers, tickets" in shown
    assert "columns from  tickets@v4" in shown
    assert "also read     customers@v3" in shown


def test_the_text_names_the_latest_runs_and_counts_the_others(workspace: Workspace) -> None:
    for hour in range(8):
        emit(workspace, started=START + timedelta(hours=hour), ended=START + timedelta(hours=hour, minutes=1))
    shown = text_of(workspace, "support_training")
    assert shown.count("dataset.build") == 5
    assert "and 3 earlier ones" in shown


def test_the_text_fits_a_terminal(workspace: Workspace) -> None:
    long = DatasetUse(name="n" * 90, location="/long", flows=unchanged("/t", ["c" * 200]))
    emit(workspace, outputs=[long])
    emit(workspace)
    for name in ("n" * 90, "support_training"):
        view = lineage_view(lines(workspace), name)
        assert view is not None
        text = lineage_text(view)
        assert max(map(len, text.splitlines())) <= 100
    assert "tickets@v4" in text
    assert "pseudonymise   tickets.ticket_id" in text


def test_importing_it_does_not_load_the_client() -> None:
    import subprocess
    import sys

    code = "import delible.store.lineage, sys; sys.exit(any(m.startswith('openlineage') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
