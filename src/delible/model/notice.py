"""Notices to recipients: who is told what was carried out, by when they must say so, and the ways between states."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints, model_validator

from delible.model.base import Frozen, Name
from delible.model.duration import Duration
from delible.model.host import LOOPBACK, literal, may_be_told, misspelt_host, without_point
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, Right

_PUBLIC_KEY_BYTES = 32
_PRIME = 2**255 - 19
_LOW_ORDER = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _PRIME - 1,
    }
)
"""Points under which every shared secret is zero (RFC 7748, section 6.1), so that anybody could open what is sealed."""


class NoticeState(StrEnum):
    """Where a notice stands. `prepared`: the change has begun, and the recipient is told when it is done."""

    PREPARED = "prepared"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    ACKNOWLEDGED = "acknowledged"


N = NoticeState

NOTICE_TRANSITIONS: dict[NoticeState, frozenset[NoticeState]] = {
    N.PREPARED: frozenset({N.PREPARED, N.QUEUED}),
    N.QUEUED: frozenset({N.SENDING, N.ACKNOWLEDGED}),
    N.SENDING: frozenset({N.SENDING, N.SENT, N.FAILED, N.ACKNOWLEDGED}),
    N.SENT: frozenset({N.SENDING, N.ACKNOWLEDGED}),
    N.FAILED: frozenset({N.SENDING, N.ACKNOWLEDGED}),
    N.ACKNOWLEDGED: frozenset(),
}
"""The only ways. From `sending` to `sending`: the sender was killed, and nobody knows whether the notice arrived."""

UNSENT = frozenset({N.QUEUED, N.SENDING, N.FAILED})
"""States from which `notice send` sends without being asked for a notice by name."""


def _https(url: str) -> str:
    """Return a URL that may be posted to: HTTPS, or plain HTTP to this very machine; no credentials in it."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("a URL is written in printable ASCII, without spaces and backslashes")
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the URL's port is no port") from None
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("a URL names a host, and holds neither credentials nor a fragment")
    wrong = misspelt_host(parts.hostname)
    if wrong is not None:
        raise ValueError(wrong)
    if parts.scheme != "https" and not (parts.scheme == "http" and without_point(parts.hostname) in LOOPBACK):
        raise ValueError("a URL begins with https://; plain http:// is for localhost only")
    return url


def _x25519(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _PUBLIC_KEY_BYTES:
        raise ValueError("a public key is the base64 text of the 32 bytes of an X25519 key")
    if int.from_bytes(raw, "little") % 2**255 % _PRIME in _LOW_ORDER:
        raise ValueError("this public key protects nothing: no honest recipient has it")
    return text


Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_https)]
PublicKey = Annotated[str, StringConstraints(max_length=100), AfterValidator(_x25519)]


class NoticeRoute(Frozen):
    """How a recipient is told.

    Args:
        by: `outbox`, a file in the workspace's outbox folder; or `webhook`, an HTTP POST to `url`.
        identifiers: Kinds of identifiers that the recipient needs to find the person. They are sent encrypted to
            `public_key`, and in no other way. Without them a notice holds no personal data.
        public_key: The recipient's X25519 key, as base64 of its 32 bytes.
        private_network: The recipient is in the controller's own network, or on this machine. Otherwise nothing is
            sent there, whatever name `url` gives it.
    """

    by: Literal["outbox", "webhook"]
    url: Url | None = None
    identifiers: tuple[Name, ...] = ()
    public_key: PublicKey | None = None
    private_network: bool = False

    @model_validator(mode="after")
    def _complete(self) -> NoticeRoute:
        if (self.by == "webhook") != (self.url is not None):
            raise ValueError("'url' and 'by: webhook' belong together")
        if bool(self.identifiers) != (self.public_key is not None):
            raise ValueError("'identifiers' and 'public_key' belong together: they are never sent in the clear")
        host = urlsplit(self.url).hostname if self.url is not None else None
        if host is None:
            if self.private_network:
                raise ValueError("'private_network' belongs to 'url'")
            return self
        address = literal(host) or (literal("127.0.0.1") if without_point(host) in LOOPBACK else None)
        if address is not None and not may_be_told(address, private_network=self.private_network):
            raise ValueError(
                "no notice is sent to this address"
                if self.private_network
                else "a recipient on this machine or in a network of one's own needs 'private_network: true'"
            )
        return self


DEFAULT_ACKNOWLEDGE = Duration("P14D")


class Notice(Frozen):
    """One notice: one recipient is told of one request (Art. 19; §1798.105(c)), once of each table.

    Args:
        tables: The tables in which something of the person was changed, and whose policy names the recipient.
        refs: Keyed references of the person.
        sealed: Identifiers, encrypted to the recipient's key so that nobody here can read them again.
        acknowledge_by: When the recipient should have answered. It runs from the instant at which the notice could be
            sent: a person must not wait longer because sending failed.
        acknowledged_by: Who answered, in the operator's words.
        failure: What kept the last attempt from arriving: a status code or a short word.
    """

    id: str
    request: str
    recipient: str
    right: Right
    regime: Regime
    state: NoticeState
    tables: tuple[str, ...]
    refs: tuple[SubjectRef, ...]
    sealed: str | None = None
    made: datetime
    queued: datetime | None = None
    acknowledge_by: datetime | None = None
    attempts: int = 0
    failure: str | None = None
    acknowledged_by: str | None = None
    changed: datetime


def notice_id(request: str, recipient: str, number: int = 1) -> str:
    """Return the one id of a recipient's first, second, … notice of a request; making it again makes no other notice.

    A recipient's name has no hyphen, so that no two notices get the same id.
    """
    first = f"N-{request.removeprefix('R-')}-{recipient}"
    return first if number == 1 else f"{first}-{number}"
