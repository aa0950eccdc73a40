"""Lineage events over HTTP: a consumer that checks each, and consumers that are slow, broken, hostile or gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from delible.errors import InputError
from delible.model.lineage import DatasetUse, unchanged
from delible.store import lineage_delivery
from delible.store.lineage import LineageLog, is_configured
from delible.store.lineage_delivery import Patience
from delible.store.workspace import CONFIG_FILE, Workspace, create_workspace, open_workspace
from openlineage_events import Received, consumer, taken
from past_runs import emit_run

START = datetime(2026, 3, 12, 9, tzinfo=UTC)
SOURCE = DatasetUse(name="tickets", location="/shop/warehouse/tickets", version=4, rows=8412)
MADE = DatasetUse(
    name="training", location="/shop/releases/training/v1", flows=unchanged("/shop/warehouse/tickets", "a")
)


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No consumer is configured from outside, and what the client adds to the environment goes with the test."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(lineage_delivery, "PATIENT", Patience(seconds=3, attempts=3, first_pause=0.01, hurried=False))
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def marquez() -> Iterator[Received]:
    with consumer() as received:
        yield received


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def configured(workspace: Workspace, url: str, **more: Any) -> Workspace:
    """Return the workspace with a consumer in its own file."""
    file = workspace.root / CONFIG_FILE
    settings = json.dumps({"transport": {"type": "http", "url": url, **more}})
    lines = [line for line in file.read_text().splitlines() if not line.startswith("openlineage:")]
    file.write_text("\n".join([*lines, f"openlineage: {settings}", ""]))
    return open_workspace(workspace.root)


def emit(workspace: Workspace, hours: int = 0, job: str = "dataset.build") -> str:
    at = START + timedelta(hours=hours)
    return emit_run(workspace, job=job, inputs=[SOURCE], outputs=[MADE], started=at, ended=at + timedelta(seconds=40))


def waiting(workspace: Workspace) -> list[str]:
    return sorted(p.name for p in (workspace.root / "lineage/undelivered").glob("*.json"))


def answer_with(status: int, location: str | None = None) -> Any:
    def answer(request: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        request.send_response(status)
        if location is not None:
            request.send_header("Location", location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def test_a_consumer_in_the_workspace_s_own_file_gets_every_event(marquez: Received, workspace: Workspace) -> None:
    workspace = configured(workspace, marquez.url)
    emit(workspace)
    assert (marquez.problems, waiting(workspace)) == ([], [])
    assert marquez.phases == [("dataset.build", "START"), ("dataset.build", "COMPLETE")]
    kept = list(LineageLog(workspace).events())
    assert [e["outputs"] for e in marquez.events] == [e["outputs"] for e in kept]


@pytest.mark.parametrize("way", ["url", "file", "variables", "async"])
def test_the_ways_that_the_client_documents_work(
    way: str, marquez: Received, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if way == "url":
        monkeypatch.setenv("OPENLINEAGE_URL", marquez.url)
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y")
    elif way == "file":
        config = tmp_path / "openlineage.yml"
        config.write_text(f"transport:\n  type: http\n  url: {marquez.url}\n  auth: {{type: api_key, apiKey: k3y}}\n")
        monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
    else:
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http" if way == "variables" else "async_http")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", marquez.url)
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__AUTH", '{"type": "api_key", "apiKey": "k3y"}')
    emit(workspace)
    assert (len(marquez.events), marquez.problems, waiting(workspace)) == (2, [], [])
    assert {h["authorization"] for h in marquez.headers} == {"Bearer k3y"}


def test_a_key_may_stay_in_the_environment(
    marquez: Received, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = configured(workspace, marquez.url)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__AUTH", '{"type": "api_key", "apiKey": "k3y"}')
    emit(workspace)
    assert {h["authorization"] for h in marquez.headers} == {"Bearer k3y"}


def test_a_disabled_client_is_no_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_configured({"transport": {}})
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert not is_configured({"transport": {}})


@pytest.mark.parametrize(
    ("status", "why"), [(500, "http 500"), (503, "http 503"), (429, "http 429"), (302, "redirected")]
)
def test_what_is_not_taken_waits_and_arrives_later_in_order(
    status: int, why: str, marquez: Received, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = configured(workspace, marquez.url)
    marquez.answer = answer_with(status, f"{marquez.url}/elsewhere" if status == 302 else None)
    emit(workspace)
    emit(workspace, hours=1)
    assert len(waiting(workspace)) == 2
    assert why in caplog.text
    assert LineageLog(workspace).deliver_all().waiting == 4
    assert not any("GET" in p for p in marquez.problems), "a redirection was followed"
    marquez.events.clear()
    marquez.answer = taken
    emit(workspace, hours=2, job="tags.scan")
    assert waiting(workspace) == []
    ends = ["START", "COMPLETE"]
    assert marquez.phases == [*(("dataset.build", e) for e in 2 * ends), *(("tags.scan", e) for e in ends)]


def test_nobody_is_asked_elsewhere(marquez: Received, workspace: Workspace) -> None:
    with consumer() as elsewhere:
        workspace = configured(workspace, marquez.url)
        marquez.answer = answer_with(307, f"{elsewhere.url}/api/v1/lineage")
        emit(workspace)
        assert (elsewhere.events, elsewhere.problems) == ([], [])
        assert len(waiting(workspace)) == 1


def test_a_closed_connection_and_a_port_that_nobody_listens_at_cost_a_warning(
    marquez: Received, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    def closes(request: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        request.connection.close()

    marquez.answer = closes
    emit(configured(workspace, marquez.url))
    emit(configured(workspace, "http://127.0.0.1:9"), hours=1)
    assert len(waiting(workspace)) == 2
    assert caplog.text.count("they are kept: delible lineage resend") == 2


def test_a_consumer_that_dribbles_holds_no_run(
    marquez: Received, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own timeout is between two bytes: each of these would come in time for ever."""

    def dribbles(request: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        for _ in range(200):
            request.wfile.write(b"H")
            request.wfile.flush()
            time.sleep(0.05)

    monkeypatch.setattr(Patience.__init__, "__defaults__", (0.4, 2, 0.01, True))
    marquez.answer = dribbles
    workspace = configured(workspace, marquez.url)
    began = time.monotonic()
    with LineageLog(workspace).run("erasure.apply", inputs=[SOURCE]) as run:
        run.outputs = [MADE]
    assert time.monotonic() - began < 4
    assert len(waiting(workspace)) == 1
    assert [e["eventType"] for e in LineageLog(workspace).events()] == ["START", "COMPLETE"]


def test_what_a_consumer_refuses_stops_nothing_else(marquez: Received, workspace: Workspace) -> None:
    def picky(request: BaseHTTPRequestHandler, event: dict[str, Any]) -> None:
        (taken if event["job"]["name"] != "dataset.build" else answer_with(422))(request, event)

    workspace = configured(workspace, marquez.url)
    marquez.answer = picky
    emit(workspace)
    emit(workspace, hours=1, job="tags.scan")
    assert [job for job, _ in marquez.phases] == ["dataset.build", "tags.scan", "tags.scan"], "refused once, asked once"
    assert len(waiting(workspace)) == 1
    again = LineageLog(workspace).deliver_all()
    assert (again.arrived, again.refused, again.waiting, again.failure) == (0, 1, 2, "http 422")
    marquez.answer = taken
    assert LineageLog(workspace).deliver_all().arrived == 2
    assert waiting(workspace) == []


def test_no_word_of_the_consumer_s_reaches_a_log(
    marquez: Received, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    def rude(request: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        request.send_response(500, "canary-9d1e@person.example")
        request.send_header("Content-Length", "0")
        request.end_headers()

    marquez.answer = rude
    emit(configured(workspace, marquez.url))
    assert "http 500" in caplog.text
    assert "canary" not in caplog.text


def test_one_transport_of_several_that_fails_is_not_passed_over(marquez: Received, workspace: Workspace) -> None:
    file = workspace.root / CONFIG_FILE
    both = {"good": {"type": "http", "url": marquez.url}, "gone": {"type": "http", "url": "http://127.0.0.1:9"}}
    settings = json.dumps({"transport": {"type": "composite", "transports": both}})
    file.write_text(file.read_text().replace("openlineage: {}", f"openlineage: {settings}"))
    workspace = open_workspace(workspace.root)
    emit(workspace)
    assert len(waiting(workspace)) == 1
    assert marquez.events, "the other one has it already"


def test_a_killed_run_s_events_are_delivered_by_the_next(marquez: Received, workspace: Workspace) -> None:
    workspace = configured(workspace, marquez.url)
    code = (
        "import os, sys, signal\n"
        "from delible.store import lineage\n"
        "from delible.store.workspace import open_workspace\n"
        "lineage.LineageLog._offer = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with lineage.LineageLog(open_workspace(sys.argv[1])).run('retention.apply'):\n    pass\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(workspace.root)], check=False)
    assert killed.returncode == -9
    assert (marquez.events, len(waiting(workspace))) == ([], 1)
    emit(workspace)
    assert {job for job, _ in marquez.phases} == {"retention.apply", "dataset.build"}
    assert waiting(workspace) == []


def test_everything_can_be_sent_anew(marquez: Received, workspace: Workspace) -> None:
    emit(workspace)
    assert marquez.events == []
    workspace = configured(workspace, marquez.url)
    assert LineageLog(workspace).deliver_all().arrived == 0
    assert LineageLog(workspace).deliver_all(anew=True).arrived == 2
    assert (marquez.problems, len(marquez.events)) == ([], 2)


def test_without_a_consumer_there_is_nobody_to_send_to(workspace: Workspace) -> None:
    with pytest.raises(InputError, check=lambda e: e.code == "lineage.no_consumer"):
        LineageLog(workspace).deliver_all()
