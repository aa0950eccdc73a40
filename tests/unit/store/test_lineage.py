"""Lineage events: valid against the official schemas and our own, one end per run, and no values."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator, ValidationError

from delible.errors import BlockedError, DelibleError
from delible.model.lineage import ColumnFlow, DatasetUse, Influence, LineageRun, unchanged
from delible.model.terms import LegalBasis, Right, Treatment
from delible.report.lineage import lineage_text, lineage_view
from delible.store.lineage import LineageLog
from delible.store.lineage_events import dataset_name
from delible.store.lineage_facets import DATASET_FACETS, RUN_FACETS
from delible.store.workspace import Workspace
from openlineage_events import CORE, HAS_SPEC, NO_SPEC, OWN, check_event, check_schema, facets_of
from past_runs import emit_run

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
    "delible_request": {"right": "erasure", "requests": ["R-1"], "plan": "E-1", "leftOut": 0},
    "delible_search": {"filesSearched": 31, "bytesSearched": 120_332, "matches": 0, "unreadable": 0},
    "delible_scan": {"sample": "everything", "columns": 2, "personal": 1, "values": 8412, "filesRead": 3},
    "delible_import": {"format": "native", "lines": 3, "records": 5, "subjects": 2, "purposes": {"training": 3}},
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

WRITTEN = {
    "ColumnLineageDatasetFacet",
    "DatasetVersionDatasetFacet",
    "ErrorMessageRunFacet",
    "InputStatisticsInputDatasetFacet",
    "JobTypeJobFacet",
    "OutputStatisticsOutputDatasetFacet",
    "SchemaDatasetFacet",
    "SymlinksDatasetFacet",
    "TagsDatasetFacet",
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


def test_every_event_is_valid(workspace: Workspace) -> None:
    emit(workspace)
    emit(workspace, facets=FACETS, failed=True)
    emit(workspace, job="erasure.apply", outputs=[TICKETS], facets={"delible_erasure": FACETS["delible_erasure"]})
    events = lines(workspace)
    assert len(events) == 6
    for event in events:
        check_event(event)


def test_a_test_that_causes_an_event_which_is_none_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delible.store.lineage_events.PRODUCER", "urn:another:1")
    with pytest.raises(AssertionError):
        emit(workspace)


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no run id": lambda e: e["run"].pop("runId"),
    "no job": lambda e: e.pop("job"),
    "no time": lambda e: e.update(eventTime="yesterday"),
    "a key too many": lambda e: e.update(email="x"),
    "a facet without its schema": lambda e: e["run"]["facets"]["delible_purpose"].pop("_schemaURL"),
    "another facet's schema": lambda e: e["run"]["facets"]["delible_purpose"].update(
        _schemaURL="urn:delible:facets:1-0-0:delible_consent#/$defs/ConsentRunFacet"
    ),
    "a field too many": lambda e: e["run"]["facets"]["delible_purpose"].update(email="x"),
    "rows in words": lambda e: e["outputs"][0]["outputFacets"]["outputStatistics"].update(rowCount="many"),
    "a flow from nowhere": lambda e: e["outputs"][0]["facets"]["columnLineage"]["fields"]["body"]["inputFields"][0].pop(
        "namespace"
    ),
    "a treatment that is none": lambda e: e["outputs"][0]["facets"]["delible_deidentification"]["columns"].update(
        body="laundered"
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_what_holds_events_to_the_schemas_can_fail(broken: str, workspace: Workspace) -> None:
    emit(workspace)
    event = lines(workspace)[-1]
    check_event(event)
    BREAKS[broken](event)
    with pytest.raises(Exception, match=r".+"):
        check_event(event)


OFFICIAL: dict[str, Callable[[dict[str, Any]], object]] = {
    "no run id": lambda e: e["run"].pop("runId"),
    "a run id that is no UUID": lambda e: e["run"].update(runId="7"),
    "a day for a time": lambda e: e.update(eventTime="2026-03-12"),
    "a time of no zone": lambda e: e.update(eventTime="2026-03-12T09:00:00.000"),
    "a producer that is no URI": lambda e: e.update(producer="delible 1.0"),
    "a facet without its schema": lambda e: e["run"]["facets"]["delible_purpose"].pop("_schemaURL"),
    "a schema that is no URI": lambda e: e["run"]["facets"]["delible_purpose"].update(_schemaURL="purpose"),
    "a dataset without a name": lambda e: e["inputs"][0].pop("name"),
}


@pytest.mark.skipif(not HAS_SPEC, reason=NO_SPEC)
@pytest.mark.parametrize("broken", OFFICIAL)
def test_the_official_schemas_alone_refuse(broken: str, workspace: Workspace) -> None:
    emit(workspace)
    event = lines(workspace)[-1]
    check_schema(event, f"{CORE}#/$defs/RunEvent")
    OFFICIAL[broken](event)
    with pytest.raises(ValidationError):
        check_schema(event, f"{CORE}#/$defs/RunEvent")


@pytest.mark.skipif(not HAS_SPEC, reason=NO_SPEC)
def test_every_facet_of_the_standard_that_we_write_is_one_by_its_official_schema(workspace: Workspace) -> None:
    emit(workspace, facets=FACETS, failed=True)
    asked = DatasetUse(name="tickets", location="/t", influences=(Influence(source="/c", field="id", way="FILTER"),))
    emit(workspace, outputs=[asked])
    official = {f["_schemaURL"]: f for e in lines(workspace) for k, f in _keyed(e) if not k.startswith("delible_")}
    assert {url.rpartition("/")[2] for url in official} == WRITTEN
    for url, facet in official.items():
        check_schema(facet, url)
        for required in ("_producer", "_schemaURL"):
            with pytest.raises(ValidationError):
                check_schema({k: v for k, v in facet.items() if k != required}, url)


def _keyed(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, facet) for _, key, facet in facets_of(event))


def test_our_facets_are_valid_by_their_published_schemas(workspace: Workspace) -> None:
    emit(workspace, facets=FACETS)
    seen = {key for event in lines(workspace) for _, key, _ in facets_of(event) if key.startswith("delible_")}
    assert seen == set(FACETS) == set(OWN) == {*RUN_FACETS, *DATASET_FACETS}


@pytest.mark.parametrize("key", sorted(OWN))
def test_a_published_schema_refuses_what_is_not_a_facet(key: str, workspace: Workspace) -> None:
    Draft202012Validator.check_schema(OWN[key])
    emit(workspace, facets={key: FACETS[key]})
    last = lines(workspace)[-1]
    body = (last["run"] if key in RUN_FACETS else last["outputs"][0])["facets"][key]
    check_schema(body, body["_schemaURL"])
    for wrong in ({**body, "email": CANARY}, {k: v for k, v in body.items() if k not in FACETS[key]}):
        with pytest.raises(Exception, match=r"email|required"):
            check_schema(wrong, body["_schemaURL"])


def test_every_treatment_and_right_has_its_place_in_the_schemas() -> None:
    columns = OWN["delible_deidentification"]["$defs"]["DeidentificationDatasetFacet"]["allOf"][1]["properties"][
        "columns"
    ]
    assert {t.value for t in Treatment} <= set(columns["additionalProperties"]["enum"])
    rights = OWN["delible_request"]["$defs"]["RequestRunFacet"]["allOf"][1]["properties"]["right"]["enum"]
    assert rights == [right.value for right in Right]


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


def test_a_run_that_was_killed_is_ended_by_the_next(workspace: Workspace) -> None:
    log = LineageLog(workspace, clock=lambda: START + timedelta(hours=5))
    killed = LineageRun(str(UUID(int=7)), "erasure.apply", [TICKETS], [], {}, START)
    log.emit(killed, "START", START)
    log.emit(LineageRun(str(UUID(int=8)), "tags.scan", [TICKETS], [], {}, START), "START", START)
    emit(workspace, job="erasure.apply")
    assert log.end_killed("erasure.apply") == 1
    assert log.end_killed("erasure.apply") == 0
    mine = [e for e in log.events() if e["run"]["runId"] == killed.id]
    assert [e["eventType"] for e in mine] == ["START", "ABORT"]
    assert mine[1]["eventTime"] == "2026-03-12T14:00:00.000Z"
    for event in log.events():
        check_event(event)
    view = lineage_view(log.events(), "tickets")
    assert view is not None
    assert {r.outcome for r in view.used_by} == {"COMPLETE"}


def test_what_went_wrong_is_told_though_its_event_cannot_be_written(workspace: Workspace) -> None:
    log = LineageLog(workspace)

    def held_in_the_midst() -> None:
        with log.run("erasure.apply"):
            shutil.rmtree(log.folder)
            log.folder.write_text("a file is in the way")
            raise BlockedError("request.held", "held")

    with pytest.raises(BlockedError):
        held_in_the_midst()


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


def test_nothing_waits_where_no_consumer_is_configured(workspace: Workspace) -> None:
    emit(workspace)
    assert not (LineageLog(workspace).folder / "undelivered").exists()


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
    assert "3 earlier runs not shown" in shown


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
