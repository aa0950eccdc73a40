"""Who is told of what, by when, and what an answer means."""

import base64
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from delible.decide.notices import Delivery, acknowledge_by, delivery, overdue, owed, unreachable, untold
from delible.decide.policy import check
from delible.model.host import may_be_told
from delible.model.notice import _LOW_ORDER, NOTICE_TRANSITIONS, Notice, NoticeRoute, NoticeState, notice_id
from delible.model.policy import Controller, PolicySet, Purpose, Recipient, TablePolicy
from delible.model.terms import LegalBasis, Regime, Right

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="


def table(name: str, **more: object) -> TablePolicy:
    return TablePolicy.model_validate(
        {
            "table": name,
            "path": f"warehouse/{name}",
            "description": name,
            "subject": [{"column": "email", "identifies": "email"}],
            "columns": {"email": "user.contact.email"},
            **more,
        }
    )


def recipient(name: str, **more: object) -> Recipient:
    return Recipient.model_validate({"recipient": name, "description": name, "contact": "x@y.example", **more})


CONTROLLER = Controller.model_validate(
    {"controller": "Shop", "contact": "x@shop.example", "subject": "email", "identifiers": {"email": {}}}
)
POLICIES = PolicySet(
    controller=CONTROLLER,
    purposes={
        "delivery": Purpose(
            purpose="delivery", description="d", legal_basis=LegalBasis.CONTRACT, recipients=("carrier",)
        )
    },
    recipients={
        "carrier": recipient("carrier", notify={"by": "outbox"}, acknowledge_within="P1M"),
        "bank": recipient("bank"),
        "mailer": recipient("mailer"),
    },
    tables={
        "orders": table("orders", purposes=["delivery"], recipients=["bank"]),
        "invoices": table("invoices", recipients=["bank"], erasure={"action": "keep", "reason": "Art. 17(3)(b)"}),
        "news": table("news", recipients=["mailer"]),
    },
)


@pytest.mark.parametrize(
    ("right", "tables", "told"),
    [
        (Right.ERASURE, ["orders"], {"bank": ("orders",), "carrier": ("orders",)}),
        (Right.ERASURE, ["orders", "news"], {"bank": ("orders",), "carrier": ("orders",), "mailer": ("news",)}),
        (Right.ERASURE, [], {}),
        (Right.ERASURE, ["invoices"], {}),
        (Right.ERASURE, ["orders", "invoices"], {"bank": ("orders",), "carrier": ("orders",)}),
        (Right.RESTRICTION, ["invoices"], {"bank": ("invoices",)}),
        (Right.RECTIFICATION, ["invoices", "orders"], {"bank": ("invoices", "orders"), "carrier": ("orders",)}),
        (Right.ACCESS, ["orders"], {}),
        (Right.OBJECTION, ["orders"], {}),
        (Right.ERASURE, ["unknown"], {}),
    ],
)
def test_art_19_whom_to_tell(right: Right, tables: list[str], told: dict[str, tuple[str, ...]]) -> None:
    assert owed(POLICIES, right, tables) == told


@given(st.sets(st.sampled_from(["orders", "invoices", "news"])), st.sampled_from(list(Right)))
def test_nobody_is_told_of_a_table_that_is_not_theirs(tables: set[str], right: Right) -> None:
    for name, named in owed(POLICIES, right, tables).items():
        assert named
        assert set(named) <= tables
        assert all(name in POLICIES.recipients_of(POLICIES.tables[t]) for t in named)


@pytest.mark.parametrize(
    ("name", "until"),
    [
        ("carrier", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("bank", NOW + timedelta(days=14)),
        ("gone from the policies", NOW + timedelta(days=14)),
    ],
)
def test_time_to_acknowledge(name: str, until: datetime) -> None:
    assert acknowledge_by(POLICIES, name, NOW) == until


def notice(state: NoticeState, *, to: str = "bank", until: datetime | None = NOW) -> Notice:
    return Notice(
        id=notice_id("R-20260131-ABC234", to),
        request="R-20260131-ABC234",
        recipient=to,
        right=Right.ERASURE,
        regime=Regime.GDPR,
        state=state,
        tables=("orders",),
        refs=(),
        made=NOW,
        acknowledge_by=until,
        changed=NOW,
    )


@pytest.mark.parametrize(
    ("state", "until", "late"),
    [
        (NoticeState.PREPARED, None, False),
        (NoticeState.QUEUED, NOW, False),
        (NoticeState.QUEUED, NOW - timedelta(microseconds=1), True),
        (NoticeState.FAILED, NOW - timedelta(days=1), True),
        (NoticeState.SENDING, NOW - timedelta(days=1), True),
        (NoticeState.SENT, NOW - timedelta(days=1), True),
        (NoticeState.SENT, NOW + timedelta(days=1), False),
        (NoticeState.ACKNOWLEDGED, NOW - timedelta(days=1), False),
    ],
)
def test_overdue(state: NoticeState, until: datetime | None, late: bool) -> None:
    assert overdue(notice(state, until=until), NOW) is late


@pytest.mark.parametrize(
    ("status", "what"),
    [
        *((s, Delivery.ARRIVED) for s in (200, 201, 202, 204, 299)),
        *((s, Delivery.AGAIN) for s in (408, 429, 500, 502, 503, 504, 599)),
        *((s, Delivery.REFUSED) for s in (100, 199, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422, 451)),
    ],
)
def test_rfc_9110_what_a_status_means(status: int, what: Delivery) -> None:
    assert delivery(status) is what


def test_a_recipient_whom_nobody_knows_how_to_tell_is_a_gap() -> None:
    problems = unreachable(POLICIES, [notice(NoticeState.QUEUED), notice(NoticeState.QUEUED, to="carrier")])
    assert [(p.code, p.where) for p in problems] == [("notice.gap", "recipient:bank")]
    assert [f.path for f in untold(POLICIES)] == [("recipients", "bank"), ("recipients", "mailer")]
    assert {g.code for g in check(POLICIES).gaps} >= {"policy.recipient_untold"}


def test_a_kind_that_no_controller_declares_is_a_violation() -> None:
    route = {"by": "outbox", "identifiers": ["shoe_size"], "public_key": KEY}
    policies = POLICIES.model_copy(update={"recipients": {"bank": recipient("bank", notify=route)}})
    assert ("recipients", "bank", "notify", "identifiers", 0) in [f.path for f in check(policies).violations]


@pytest.mark.parametrize(
    "route",
    [
        {"by": "webhook"},
        {"by": "outbox", "url": "https://x.example"},
        {"by": "outbox", "identifiers": ["email"]},
        {"by": "outbox", "public_key": KEY},
        {"by": "outbox", "identifiers": ["email"], "public_key": "short"},
        {"by": "outbox", "identifiers": ["email"], "public_key": KEY[:-4]},
        {"by": "outbox", "private_network": True},
        {"by": "webhook", "url": "https://169.254.169.254/", "private_network": True},
        {"by": "webhook", "url": "https://0.0.0.0/", "private_network": True},
        *(
            {"by": "webhook", "url": url}
            for url in (
                "http://x.example/hook",
                "http://localhost.evil.example/",
                "http://127.0.0.1.evil.example/",
                "http://localhost@evil.example/",
                "https://name:word@x.example/",
                "https://name@x.example/",
                "https://x.example/#part",
                "https://x.example:port/",
                "https:///path",
                "https://x.example/ path",
                "https://x.example/\r\nX-Y: z",
                "https://ex\u0430mple.example/",
                "http:\\\\localhost\\",
                "ftp://x.example/",
                "file:///etc/passwd",
                "//x.example/",
                "https://1.2.3.999/",
                "https://1.2.3/",
                "https://127.1/",
                "https://2130706433/",
                "https://0x7f.0.0.1/",
                "https://0x7f000001/",
                "https://010.0.0.1/",
                "https://x.example.1/",
                "https://[::1%25eth0]/",
                "https://x..example/",
                "https://-x.example/",
                f"https://{'x' * 64}.example/",
                "https://10.0.0.1/",
                "https://127.0.0.1/",
                "https://169.254.169.254/latest/",
                "https://[::ffff:10.0.0.1]/",
                "https://localhost/",
                "https://localhost./",
                "http://localhost:8080/",
                "http://localhost.:8080/",
                "x.example",
                "",
            )
        ),
    ],
)
def test_a_route_that_is_not_safe_is_refused(route: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoticeRoute.model_validate(route)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://x.example/a?b=c", False),
        ("https://x.example.:8443/", False),
        ("https://xn--exmple-cua.example/", False),
        ("https://1.example/", False),
        ("https://9.9.9.9/", False),
        ("https://[2620:fe::fe]/", False),
        ("https://10.0.0.1/", True),
        ("https://[fd00::1]/", True),
        ("http://localhost:8080/", True),
        ("http://localhost.:8080/", True),
        ("http://127.0.0.1/", True),
        ("http://[::1]:9/", True),
    ],
)
def test_a_route_by_https_or_to_this_machine_is_taken(url: str, private: bool) -> None:
    assert NoticeRoute.model_validate({"by": "webhook", "url": url, "private_network": private}).url == url


NOWHERE = ("0.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::", "fe80::1", "ff02::1")
OWN = ("127.0.0.1", "127.8.9.10", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1")
METADATA = (
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:42::42",
)
"""Where clouds answer every machine about its own credentials, inside ranges that may else be told."""
PUBLIC = ("9.9.9.9", "172.32.0.1", "2620:fe::fe")


def disguised(address: str) -> tuple[str, ...]:
    """Return the IPv6 addresses that lead to an IPv4 address."""
    if ":" in address:
        return ()
    high, low = (int.from_bytes(bytes(map(int, address.split(".")[i : i + 2]))) for i in (0, 2))
    return f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{high:x}:{low:x}::1"


@pytest.mark.parametrize(
    ("address", "publicly", "privately"),
    [
        *((a, False, False) for n in (*NOWHERE, *METADATA) for a in (n, *disguised(n))),
        *((a, False, True) for n in OWN for a in (n, *disguised(n))),
        *((a, True, True) for n in PUBLIC for a in (n, *disguised(n))),
        ("2001:db8::1", False, False),
        ("::7f00:1", False, True),
    ],
)
def test_only_the_internet_is_told_unless_the_policy_says_otherwise(
    address: str, publicly: bool, privately: bool
) -> None:
    told = [may_be_told(ip_address(address), private_network=private) for private in (False, True)]
    assert told == [publicly, privately]


WEAK = [
    *(n + m for n in sorted(_LOW_ORDER) for m in (0, 2**255)),
    *(2**255 - 19 + n + m for n in (0, 1) for m in (0, 2**255)),
]


@pytest.mark.parametrize("number", WEAK)
def test_rfc_7748_a_key_that_protects_nothing_is_refused(number: int) -> None:
    """The library that would encrypt agrees: it refuses each of them, too."""
    raw = number.to_bytes(32, "little")
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    with pytest.raises(ValidationError, match="protects nothing"):
        NoticeRoute(by="outbox", identifiers=("email",), public_key=base64.b64encode(raw).decode())


def test_every_state_but_prepared_ends_in_acknowledged() -> None:
    for state, ways in NOTICE_TRANSITIONS.items():
        assert (NoticeState.ACKNOWLEDGED in ways) is (state not in (NoticeState.PREPARED, NoticeState.ACKNOWLEDGED))
