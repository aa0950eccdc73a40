"""A recipient's HTTP server for tests, which answers as it is told and checks signatures on its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[socket.socket], None]
"""Writes to the connection whatever it likes."""


@dataclass
class Got:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    def genuine(self, key: bytes) -> bool:
        """Check a notice as the documentation tells a recipient to, without any code of ours."""
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(self.body).digest()).decode()}:"
        said = f"{self.headers['delible-timestamp']}.{self.headers['idempotency-key']}.{digest}"
        wanted = "v1=" + hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
        return digest == self.headers["content-digest"] and wanted == self.headers["delible-signature"]


@dataclass
class Recipient:
    """The server: what it got, and what it answers next; the last answer counts on."""

    url: str
    answers: list[int | bytes | Answer]
    got: list[Got] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)


@contextmanager
def recipient(*answers: int | bytes | Answer, tls: ssl.SSLContext | None = None) -> Iterator[Recipient]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            here.arrived.set()
            answer = here.answers.pop(0) if len(here.answers) > 1 else here.answers[0]
            self.close_connection = True
            try:
                if isinstance(answer, int):
                    self.connection.sendall(f"HTTP/1.1 {answer} X\r\nContent-Length: 0\r\n\r\n".encode())
                elif isinstance(answer, bytes):
                    self.connection.sendall(answer)
                else:
                    answer(self.connection)
            except OSError:
                return

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: Any) -> None:
            return

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    here = Recipient(f"{'https' if tls else 'http'}://localhost:{server.server_port}/notices", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
