"""Events to a consumer: what could not be delivered waits in the workspace, and no run waits for a consumer for long.

A run's file of events is the outbox. As long as not all of its events have arrived, a small file of the same name under
`undelivered/` says how many have; it is there before an event is, so that a killed run's events are delivered later,
too. An event may arrive twice, and is the same then: consumers know it by run, type and time.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import RunEvent
from openlineage.client.transport.async_http import AsyncHttpTransport
from openlineage.client.transport.composite import CompositeTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.transport.transport import Transport
from requests import HTTPError, Response, Session
from requests.exceptions import RetryError, TooManyRedirects
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from delible.decide.notices import Delivery, delivery
from delible.model.lineage import Delivered
from delible.store.files import private_write
from delible.store.lineage_events import event_of

_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Patience:
    """How long to go on.

    Args:
        seconds: Longest time for one attempt, whatever the consumer dribbles meanwhile, and for all runs' events
            together when a run is waiting for it.
        attempts: Most attempts for one event.
        first_pause: Upper bound in seconds of the first pause; each next one is twice as long, up to half a minute.
    """

    seconds: float = 5.0
    attempts: int = 2
    first_pause: float = 0.2
    hurried: bool = True


PATIENT = Patience(seconds=15.0, attempts=5, first_pause=0.5, hurried=False)


class _TryAgainError(Exception):
    """An attempt that did not arrive, and might the next time."""


class _RefusedError(Exception):
    """An event that the consumer does not want."""


def pending(folder: Path, name: str) -> Path:
    """Return the file that says how many of a run's events have arrived."""
    return folder / "undelivered" / f"{Path(name).stem}.json"


def keep(folder: Path, name: str, *, sent: int = 0, refused: str | None = None) -> None:
    """Write down that a run's events wait, and how many of them do not."""
    there = pending(folder, name)
    there.parent.mkdir(parents=True, exist_ok=True)
    private_write(there, json.dumps({"sent": sent, "refused": refused}).encode())


class Consumer:
    """Delivers what waits in one lineage folder, as the OpenLineage client is configured.

    Args:
        configured: The client's own configuration, as in its `openlineage.yml`; the client reads its environment and
            its file besides.
    """

    def __init__(self, folder: Path, configured: Mapping[str, Any]) -> None:
        self._folder = folder
        self._configured = configured
        self._client: OpenLineageClient | None = None

    def deliver(self, patience: Patience | None = None, *, again: bool = False) -> Delivered:
        """Deliver what waits, oldest run first, and stop when the consumer is out of reach.

        Args:
            patience: How long to go on.
            again: Offer also what the consumer refused before.
        """
        patience = patience or Patience()
        with self._turn() as mine:
            if not mine:
                return Delivered(waiting=self._waiting())
            try:
                return self._all(patience, again)
            finally:
                client, self._client = self._client, None
                if client is not None:
                    client.close(1.0)

    def _all(self, patience: Patience, again: bool) -> Delivered:
        arrived = refused = 0
        failure: str | None = None
        until = monotonic() + patience.seconds if patience.hurried else None
        try:
            for marker in sorted((self._folder / "undelivered").glob("*.json")):
                known = _read(marker)
                file = self._folder / f"{marker.stem}.jsonl"
                if known.get("refused") and not again:
                    continue
                sent = int(known.get("sent", 0))
                reason: str | None = None
                for event in _events(file)[sent:]:
                    try:
                        self._sent(event, patience, until)
                    except _RefusedError as error:
                        refused, reason = refused + 1, str(error)
                        failure = reason
                        break
                    arrived, sent = arrived + 1, sent + 1
                    keep(self._folder, file.name, sent=sent)
                if reason is None:
                    marker.unlink(missing_ok=True)
                else:
                    keep(self._folder, file.name, sent=sent, refused=reason)
        except _TryAgainError as error:
            failure = str(error)
        return Delivered(arrived, refused, self._waiting(), failure)

    def _sent(self, event: RunEvent, patience: Patience, until: float | None) -> None:
        def attempt() -> None:
            left = patience.seconds if until is None else until - monotonic()
            if left <= 0:
                raise _TryAgainError("timeout")
            try:
                _within(left, self._emit, event)
            except BaseException:
                # A thread that never came back may still hold its connection.
                self._client = None
                raise

        Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            wait=wait_random_exponential(multiplier=patience.first_pause, max=_LONGEST_PAUSE),
            stop=stop_after_attempt(patience.attempts),
            reraise=True,
        )(attempt)

    def _emit(self, event: RunEvent) -> None:
        """Offer one event.

        Raises:
            _TryAgainError: When it did not arrive, for reasons that may pass.
            _RefusedError: When the consumer does not want it.
        """
        try:
            if self._client is None:
                client = OpenLineageClient(config=json.loads(json.dumps(self._configured)))
                client.transport = _hardened(client.transport)
                self._client = client
            self._client.emit(event)
        except Exception as error:
            raise _judged(error) from None

    def _waiting(self) -> int:
        markers = (self._folder / "undelivered").glob("*.json")
        return sum(_lines(self._folder / f"{m.stem}.jsonl") - int(_read(m).get("sent", 0)) for m in markers)

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Yield whether nobody else is delivering: two would deliver everything twice."""
        place = self._folder / "undelivered"
        place.mkdir(parents=True, exist_ok=True)
        with (place / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True


def _hardened(transport: Transport) -> Transport:
    """Return a transport that says what failed, follows nobody's redirection, and leaves trying again to us."""
    if isinstance(transport, AsyncHttpTransport):
        own = transport.config
        names = ("url", "endpoint", "timeout", "verify", "auth", "compression", "custom_headers")
        transport.close(0)
        transport = HttpTransport(HttpConfig(**{name: getattr(own, name) for name in names}))
    if isinstance(transport, CompositeTransport):
        children = transport.transports
        children[:] = [_hardened(child) for child in children]
        if transport.config.continue_on_success:
            transport.config.continue_on_failure = False
    if isinstance(transport, HttpTransport):
        transport.config.retry = {"total": 0, "redirect": 0}
        transport.session = _Deaf()
    return transport


class _Deaf(Session):
    """Reads no body, which may have no end, and follows nobody, which would read one."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = True

    def get_redirect_target(self, resp: Response) -> str | None:
        """Refuse to go elsewhere."""
        if resp.is_redirect:
            resp.close()
            raise TooManyRedirects
        return None


def _judged(error: Exception) -> Exception:
    """Return what an attempt's failure means; its words may be the other side's, so only their kind is kept."""
    inner = error.__cause__ if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception) else error
    if isinstance(inner, HTTPError) and inner.response is not None:
        status = inner.response.status_code
        kind = _RefusedError if delivery(status) is Delivery.REFUSED else _TryAgainError
        return kind(f"http {status}")
    if isinstance(inner, TooManyRedirects):
        return _TryAgainError("redirected")
    return _TryAgainError("http 5xx" if isinstance(inner, RetryError) else type(inner).__name__)


def _within(seconds: float, work: Any, event: RunEvent) -> None:
    """Do something, and give up waiting for it after so many seconds.

    The client's own timeout is for the pause between two bytes: a consumer that dribbles them would hold a run for
    ever. Nothing can end such a thread; it ends with the process.
    """
    failure: list[BaseException] = []

    def done() -> None:
        try:
            work(event)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=done, name="delible-lineage", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise _TryAgainError("timeout")
    if failure:
        raise failure[0]


def _read(marker: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(marker.read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _lines(file: Path) -> int:
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def _events(file: Path) -> list[RunEvent]:
    """Return a run's events; a line that a crash cut short is passed over."""
    found = []
    with suppress(OSError):
        for line in file.read_bytes().splitlines():
            with suppress(AttributeError, KeyError, RecursionError, TypeError, ValueError):
                found.append(event_of(json.loads(line)))
    return found
