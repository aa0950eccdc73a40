"""Notices by HTTP POST: signed, retried with back-off, and never led astray by what the other side answers.

The recipient checks `Delible-Signature: v1=HEX`, the HMAC-SHA-256 over `TIMESTAMP.NOTICE-ID.CONTENT-DIGEST` as the
headers `Delible-Timestamp`, `Idempotency-Key` and `Content-Digest` (RFC 9530) have them; that the digest is the body's;
and that the time is recent. The same notice may come twice: its id is the idempotency key.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from delible.decide.notices import Delivery, delivery
from delible.model.host import Address, literal, may_be_told, without_point
from delible.store.delivery import Attempted

_LONGEST_PAUSE = 30.0


class _TryAgainError(Exception):
    """An attempt that did not arrive, and might the next time."""

    def __init__(self, failure: str, after: float = 0.0) -> None:
        super().__init__(failure)
        self.failure = failure
        self.after = after


class _RefusedAddressError(Exception):
    """The recipient's name has only addresses to which nothing is sent."""


@dataclass(frozen=True)
class Patience:
    """How long to go on.

    Args:
        attempts: Most attempts for one notice in one run.
        seconds: Longest time for one attempt, from connecting to the answer's headers: a server that dribbles bytes
            gains nothing.
        first_pause: Upper bound in seconds of the first pause; each next one is twice as long, up to half a minute.
    """

    attempts: int = 5
    seconds: float = 15.0
    first_pause: float = 0.5


class Webhook:
    """A recipient's URL.

    Args:
        key: The recipient's own signing key.
        clock: The present instant, for the signature.
        private_network: Whether it may be in the controller's own network, or on this machine.
    """

    def __init__(
        self,
        url: str,
        key: bytes,
        clock: Callable[[], datetime],
        patience: Patience | None = None,
        *,
        private_network: bool = False,
    ) -> None:
        self._url = url
        self._private_network = private_network
        self._key = key
        self._clock = clock
        self._patience = patience or Patience()

    def send(self, notice_id: str, body: bytes) -> Attempted:
        """Post a notice, again after a pause where that may help."""
        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            wait=self._pause,
            stop=stop_after_attempt(self._patience.attempts),
            reraise=True,
        )
        try:
            return retrying(self._attempt, notice_id, body)
        except _TryAgainError as error:
            return Attempted(error.failure, down=True)
        except _RefusedAddressError:
            return Attempted("private address", down=True)

    def _attempt(self, notice_id: str, body: bytes) -> Attempted:
        # A thread of its own: in a notebook, this one runs an event loop already.
        with ThreadPoolExecutor(1) as pool:
            status, after = pool.submit(asyncio.run, self._posted(notice_id, body)).result()
        match delivery(status):
            case Delivery.ARRIVED:
                return Attempted()
            case Delivery.AGAIN:
                raise _TryAgainError(f"http {status}", after)
        return Attempted(f"http {status}")

    async def _posted(self, notice_id: str, body: bytes) -> tuple[int, float]:
        """Return the answer's status, and the seconds it asks to wait; its body is never read."""
        try:
            async with (
                asyncio.timeout(self._patience.seconds),
                httpx2.AsyncClient(
                    verify=ssl.create_default_context(), follow_redirects=False, trust_env=False
                ) as client,
            ):
                return await self._answer(client, notice_id, body)
        except TimeoutError:
            raise _TryAgainError("timeout") from None
        except _RefusedAddressError:
            raise
        except Exception as error:
            # A hostile answer must not end the run, whatever the client makes of it: over some redirections, which
            # are not followed, it raises ValueError.
            raise _TryAgainError(type(error).__name__) from None

    async def _answer(self, client: httpx2.AsyncClient, notice_id: str, body: bytes) -> tuple[int, float]:
        """Post to the first of the recipient's addresses that can be connected to.

        The name is looked up once, and the address that was judged is the one that is connected to: a name that means
        another address the next time gains nothing. The certificate must still be the name's.
        """
        url = httpx2.URL(self._url)
        *others, last = await self._addresses(url)
        # An address that never answers must leave time for the next one.
        patience = httpx2.Timeout(None, connect=self._patience.seconds / (len(others) + 1))
        headers = {**self._headers(notice_id, body), "Host": url.netloc.decode("ascii")}
        named = {"sni_hostname": without_point(url.host)} if literal(url.host) is None else {}

        async def posted(to: Address) -> tuple[int, float]:
            there = url.copy_with(host=str(to))
            async with client.stream(
                "POST", there, content=body, headers=headers, timeout=patience, extensions=named
            ) as answer:
                return answer.status_code, _seconds(answer.headers.get("retry-after", ""))

        for address in others:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await posted(address)
        return await posted(last)

    async def _addresses(self, url: httpx2.URL) -> list[Address]:
        """Return the addresses that the recipient's name has now, and that may be told.

        Raises:
            _RefusedAddressError: When there are only others.
            OSError: When the name has none.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = dict.fromkeys(await _looked_up(url.host, port))
        may = [a for a in addresses if may_be_told(a, private_network=self._private_network)]
        if url.scheme != "https":
            may = [a for a in may if a.is_loopback]
        if not may:
            raise _RefusedAddressError
        return may

    def _headers(self, notice_id: str, body: bytes) -> dict[str, str]:
        moment = str(int(self._clock().timestamp()))
        content = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        return {
            "Content-Type": "application/json",
            "User-Agent": "delible",
            "Content-Digest": content,
            "Idempotency-Key": notice_id,
            "Delible-Timestamp": moment,
            "Delible-Signature": f"v1={signature(self._key, moment, notice_id, content)}",
        }

    def _pause(self, state: RetryCallState) -> float:
        wait = wait_random_exponential(multiplier=self._patience.first_pause, max=_LONGEST_PAUSE)
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.after if isinstance(error, _TryAgainError) else 0.0
        return max(wait(state), min(asked, _LONGEST_PAUSE))


def _looked_up(host: str, port: int) -> asyncio.Future[list[Address]]:
    """Return what becomes a name's addresses, from a thread that nobody waits for once the time is over.

    A system's resolver cannot be cancelled, and the end of an event loop waits for its own threads: an attempt would
    last as long as a resolver that does not answer.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def settle(addresses: list[Address], failure: Exception | None) -> None:
        if answer.done():
            return
        if failure is not None:
            answer.set_exception(failure)
        else:
            answer.set_result(addresses)

    def ask() -> None:
        addresses, failure = list[Address](), None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [ip_address(info[4][0]) for info in found]
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # The loop has been closed: the answer came too late.
            loop.call_soon_threadsafe(settle, addresses, failure)

    threading.Thread(target=ask, name="delible-name", daemon=True).start()
    return answer


def signature(key: bytes, timestamp: str, notice_id: str, content_digest: str) -> str:
    """Return the HMAC-SHA-256 that binds a body, by its digest, to a notice and a time, as hexadecimal digits."""
    return hmac.digest(key, f"{timestamp}.{notice_id}.{content_digest}".encode(), "sha256").hex()


def _seconds(text: str) -> float:
    """Return a Retry-After in seconds; a date there, or nonsense, is no wish."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0  # noqa: PLR2004
