"""Notices by HTTP against a real server on this machine: patient with the weak, deaf to the hostile."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from delible.store.webhook import Patience, Webhook
from http_recipient import Answer, recipient

KEY = bytes(range(32))
NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
QUICK = Patience(attempts=4, seconds=0.6, first_pause=0.02)
BODY = b'{"notice":"N-1"}'
FOREVER = 100


def webhook(url: str, patience: Patience = QUICK) -> Webhook:
    return Webhook(url, KEY, lambda: NOW, patience, private_network=True)


def test_a_recipient_can_check_who_sent_what_and_when() -> None:
    with recipient(204) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    (got,) = there.got
    assert got.body == BODY
    assert got.path == "/notices"
    assert got.headers["idempotency-key"] == "N-1"
    assert int(got.headers["delible-timestamp"]) == NOW.timestamp()
    assert got.genuine(KEY)
    assert not got.genuine(bytes(32))
    got.body += b" "
    assert not got.genuine(KEY)
    got.body, got.headers["idempotency-key"] = BODY, "N-2"
    assert not got.genuine(KEY)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_it_is_tried_again_under_the_same_id(status: int) -> None:
    with recipient(status, status, 200) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert [(g.headers["idempotency-key"], g.body) for g in there.got] == [("N-1", BODY)] * 3
    assert all(g.genuine(KEY) for g in there.got)


def test_attempts_have_an_end() -> None:
    with recipient(503) as there:
        attempted = webhook(there.url).send("N-1", BODY)
    assert (attempted.failure, attempted.down) == ("http 503", True)
    assert len(there.got) == QUICK.attempts


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    with recipient(status) as there:
        attempted = webhook(there.url).send("N-1", BODY)
    assert (attempted.failure, attempted.down) == (f"http {status}", False)
    assert len(there.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed(status: int) -> None:
    with recipient(200) as elsewhere:
        answer = f"HTTP/1.1 {status} X\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with recipient(answer) as there:
            assert webhook(there.url).send("N-1", BODY).failure == f"http {status}"
        assert len(there.got) == 1
        assert elsewhere.got == []


def test_a_redirection_that_is_no_address_is_a_failure_like_others() -> None:
    with recipient(b"HTTP/1.1 302 X\r\nLocation: //:99999\r\nContent-Length: 0\r\n\r\n") as there:
        assert webhook(there.url).send("N-1", BODY).failure == "ValueError"


def test_a_wish_to_wait_is_granted() -> None:
    wait = b"HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    begun = time.monotonic()
    with recipient(wait, 200) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert 1 <= time.monotonic() - begun < 5


@pytest.mark.parametrize("wish", ["-1", "nan", "inf", "1e9", "Wed, 21 Oct 2099 07:28:00 GMT", "\u0663", "9" * 400])
def test_a_wish_that_is_none_is_not_granted(wish: str) -> None:
    wait = f"HTTP/1.1 503 X\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n".encode("latin-1", "replace")
    begun = time.monotonic()
    with recipient(wait, 200) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert time.monotonic() - begun < 5


def sleeping(connection: socket.socket) -> None:
    time.sleep(FOREVER)


def dribbling(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def continuing(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


def one_endless_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"a" * 65_536)


def closing(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [sleeping, dribbling, continuing, one_endless_header, closing])
def test_a_server_that_never_answers_costs_no_more_than_it_may(answer: Answer) -> None:
    begun = time.monotonic()
    with recipient(answer) as there:
        attempted = webhook(there.url, Patience(attempts=2, seconds=0.5, first_pause=0.02)).send("N-1", BODY)
    assert attempted.failure in {"timeout", "RemoteProtocolError", "ReadError"}
    assert attempted.down
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    "answer",
    [b"\x00\xff garbage \r\n\r\n", b"HTTP/1.1 99999 X\r\n\r\n", b"200 OK ann@people.example\r\n\r\n"],
)
def test_what_is_not_http_is_a_failure_without_its_words(answer: bytes) -> None:
    with recipient(answer) as there:
        failure = webhook(there.url).send("N-1", BODY).failure
    assert failure == "RemoteProtocolError"


def test_words_of_an_answer_are_never_taken_over() -> None:
    answer = (
        b"HTTP/1.1 422 ann@people.example\r\nX-Who: ann@people.example\r\nContent-Length: 18\r\n\r\nann@people.example"
    )
    with recipient(answer) as there:
        assert webhook(there.url).send("N-1", BODY).failure == "http 422"


def test_an_endless_body_is_not_read() -> None:
    sent = [0]

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")
            sent[0] += 65_536

    begun = time.monotonic()
    with recipient(endless) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert time.monotonic() - begun < 2
    assert sent[0] < 64 << 20


def test_nobody_there() -> None:
    with recipient(200) as there:
        pass
    attempted = webhook(there.url).send("N-1", BODY)
    assert (attempted.failure, attempted.down) == ("ConnectError", True)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let every name mean these addresses, one after the other, and return the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port)) for answer in answers]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_means_this_machine_is_told_nothing_unless_the_policy_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with recipient(200) as there:
        url = there.url.replace("localhost", "intranet.example").replace("http:", "https:")
        asked = resolving(monkeypatch, "127.0.0.1", "10.0.0.1", "169.254.169.254")
        attempted = Webhook(url, KEY, lambda: NOW, QUICK).send("N-1", BODY)
        assert (attempted.failure, attempted.down, asked) == ("private address", True, ["intranet.example"])
        attempted = Webhook(there.url, KEY, lambda: NOW, QUICK).send("N-1", BODY)
        assert attempted.failure == "private address"
        assert there.got == []


def test_without_tls_nothing_leaves_the_machine_whatever_the_name_means(monkeypatch: pytest.MonkeyPatch) -> None:
    with recipient(200) as there:
        resolving(monkeypatch, "10.0.0.1")
        assert webhook(there.url).send("N-1", BODY).failure == "private address"


def test_the_address_that_was_judged_is_the_one_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once; host and certificate are still the name's."""
    context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with recipient(200, tls=context) as there:
        asked = resolving(monkeypatch, "169.254.169.254", "127.0.0.1")
        assert webhook(there.url).send("N-1", BODY).failure is None
        port = there.url.rpartition(":")[2].partition("/")[0]
        assert (asked, there.got[0].headers["host"]) == (["localhost"], f"localhost:{port}")
        assert webhook(there.url.replace("localhost", "other.example")).send("N-1", BODY).failure == "ConnectError"
    assert len(there.got) == 1


def test_an_address_at_which_nobody_answers_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with recipient(200) as there:
        resolving(monkeypatch, "127.0.0.2", "127.0.0.1")
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert len(there.got) == 1


def test_a_name_that_nobody_has_is_a_failure_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "ann.example is not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    attempted = webhook("https://nobody.example/").send("N-1", BODY)
    assert (attempted.failure, attempted.down) == ("gaierror", True)


def test_decision_25_a_resolver_that_does_not_answer_costs_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is its late answer, after the attempt has ended, an error that anybody sees."""
    over, raised = threading.Event(), list[object]()
    monkeypatch.setattr(threading, "excepthook", raised.append)

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        over.wait(8)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    there, begun = set(threading.enumerate()), time.monotonic()
    attempted = webhook("https://slow.example/", Patience(attempts=2, seconds=0.3, first_pause=0.02)).send("N-1", BODY)
    took = time.monotonic() - begun
    waiting = set(threading.enumerate()) - there
    over.set()
    for thread in waiting:
        thread.join(5)
    assert (attempted.failure, attempted.down) == ("timeout", True)
    assert took < 3
    assert (len(waiting), all(t.daemon for t in waiting), raised) == (2, True, [])


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with recipient(200, tls=self_signed(tmp_path)) as there:
        assert webhook(there.url).send("N-1", BODY).failure == "ConnectError"
    assert there.got == []


def test_a_certificate_of_a_known_authority_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before fails for the right reason: the same server is taken once its certificate is trusted."""
    context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with recipient(200, tls=context) as there:
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert there.got[0].genuine(KEY)


def test_a_point_that_ends_the_name_is_none_of_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with recipient(200, tls=context) as there:
        asked = resolving(monkeypatch, "127.0.0.1")
        assert webhook(there.url.replace("localhost", "localhost.")).send("N-1", BODY).failure is None
    assert asked == ["localhost."]


def test_neither_proxies_nor_netrc_of_the_environment_see_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password word\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with recipient(200) as proxy, recipient(200) as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert webhook(there.url).send("N-1", BODY).failure is None
    assert proxy.got == []
    assert "authorization" not in there.got[0].headers


def test_it_works_where_an_event_loop_runs_already() -> None:
    async def notebook(send: Callable[[], object]) -> None:
        send()

    with recipient(200) as there:
        asyncio.run(notebook(lambda: webhook(there.url).send("N-1", BODY)))
    assert len(there.got) == 1


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    return context
