"""A consumer whose answer has no end holds nothing: its body is never read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from delible.store.workspace import CONFIG_FILE, create_workspace, open_workspace
from past_runs import emit_run

AT = datetime(2026, 3, 12, 9, tzinfo=UTC)
sent: list[int] = []
ended = threading.Event()


class Endless(BaseHTTPRequestHandler):
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Location", "http://elsewhere.example/")
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(OSError):
            while sum(sent) < 200 << 20:
                sent.append(self.wfile.write(b"x" * (1 << 20)))
        ended.set()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    sent.clear()
    ended.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("status", "arrives"), [(200, True), (307, False), (500, False)])
def test_a_body_without_end_is_never_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, arrives: bool
) -> None:
    monkeypatch.setattr(Endless, "status", status)
    workspace = create_workspace(tmp_path / "w")
    file = workspace.root / CONFIG_FILE
    lines = [line for line in file.read_text().splitlines() if not line.startswith("openlineage:")]
    settings = json.dumps({"transport": {"type": "http", "url": url}})
    file.write_text("\n".join([*lines, f"openlineage: {settings}", ""]))
    workspace = open_workspace(workspace.root)
    emit_run(workspace, job="dataset.build", started=AT, ended=AT)
    assert ended.wait(5)
    assert sum(sent) < 100 << 20
    waiting = list((workspace.root / "lineage/undelivered").glob("*.json"))
    assert (waiting == []) == arrives
