"""IAB TCF v2 strings: core, disclosed vendors, publisher TC (specification of TCF v2.2 and 2.3), and Canada's.

Canada's say express consent where Europe's say consent, and implied consent where these say legitimate interest; that
is how their specification compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from delible.model.bits import Bits, Ids, MalformedString
from delible.model.consent_terms import TcfTerms

_VERSION, _CANADIAN = 2, 1
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3
_PURPOSES, _FEATURES = 24, 12
_NOT_ALLOWED, _BY_CONSENT, _BY_INTEREST = 0, 1, 2
_POLICY_22 = 4
_SINCE_22 = datetime(2023, 10, 1, tzinfo=UTC)
"""Strings that were made later than 30 September 2023 under an earlier policy are invalid."""
_SINCE_23 = datetime(2026, 3, 1, tzinfo=UTC)
"""Strings that were made later than 28 February 2026 have to say which vendors the person was told of."""


@dataclass(frozen=True)
class Restriction:
    """What a publisher forbids vendors for one purpose."""

    purpose: int
    kind: int
    vendors: Ids


@dataclass(frozen=True)
class TcString:
    """One person's choices on one service.

    Args:
        updated: When they were made; TCF counts days only.
        purposes: Purposes with consent.
        interests: Purposes on the basis of legitimate interests, not objected to.
        vendors: Vendors with consent.
        disclosed: Vendors that the person was told of; None without the segment, which TCF 2.3 made mandatory. A vendor
            that is not among them has neither consent nor a legitimate interest.
        publisher: The publisher's own purposes with consent; None without the segment.
    """

    updated: datetime
    policy_version: int
    purposes: frozenset[int]
    interests: frozenset[int]
    special_features: frozenset[int]
    vendors: Ids
    vendor_interests: Ids
    restrictions: tuple[Restriction, ...]
    disclosed: Ids | None = None
    publisher: frozenset[int] | None = None


def decode_tcf(text: str) -> TcString:
    """Return what a TC string says.

    Raises:
        MalformedString: When it is cut off, is of another version, or is invalid by the rules of TCF v2.2 and 2.3.
    """
    core, *others = text.split(".")
    tc = _with_segments(_core(Bits(core)), others, Bits.vendors)
    if tc.disclosed is None and tc.updated >= _SINCE_23:
        raise MalformedString("does not say which vendors were disclosed, which TCF v2.3 asks for")
    return tc


def decode_tcf_canada(text: str) -> TcString:
    """Return what a TC string of Canada's framework says (version 1, in GPP strings only).

    Raises:
        MalformedString: When it is cut off or of another version.
    """
    core, *others = text.split(".")
    return _with_segments(_canadian_core(Bits(core)), others, Bits.optimized)


def _with_segments(tc: TcString, others: Sequence[str], vendors: Callable[[Bits], Ids]) -> TcString:
    segments: dict[int, Ids | frozenset[int]] = {}
    for other in others:
        bits = Bits(other)
        kind = bits.number(3)
        if kind in segments or kind not in (_DISCLOSED, _ALLOWED, _PUBLISHER):
            raise MalformedString("has a segment twice, or one that is none")
        segments[kind] = _publisher(bits) if kind == _PUBLISHER else vendors(bits)
        bits.finish()
    disclosed, publisher = segments.get(_DISCLOSED), segments.get(_PUBLISHER)
    return replace(
        tc,
        disclosed=disclosed if isinstance(disclosed, Ids) else None,
        publisher=publisher if isinstance(publisher, frozenset) else None,
    )


def agrees(tc: TcString, terms: TcfTerms) -> bool:
    """Return whether a string says yes to all that a purpose asks for."""
    asked = frozenset(terms.purposes)
    if terms.vendor is None:
        return tc.publisher is not None and asked <= tc.publisher
    restricted = _restricted(tc, terms, (_NOT_ALLOWED, _BY_INTEREST))
    consents = asked <= tc.purposes and frozenset(terms.special_features) <= tc.special_features
    return consents and terms.vendor in tc.vendors and _told(tc, terms.vendor) and not restricted


def objects(tc: TcString, terms: TcfTerms) -> bool:
    """Return whether a string lacks the legitimate interests that a purpose asks for, or shows an objection to them.

    A publisher who does not allow the vendor a purpose, or only by consent, takes the legitimate interest away.
    """
    asked = frozenset(terms.purposes)
    if not asked <= tc.interests or _restricted(tc, terms, (_NOT_ALLOWED, _BY_CONSENT)):
        return True
    return terms.vendor is not None and not (terms.vendor in tc.vendor_interests and _told(tc, terms.vendor))


def _told(tc: TcString, vendor: int) -> bool:
    return tc.disclosed is None or vendor in tc.disclosed


def _restricted(tc: TcString, terms: TcfTerms, kinds: tuple[int, ...]) -> bool:
    return terms.vendor is not None and any(
        r.purpose in terms.purposes and r.kind in kinds and terms.vendor in r.vendors for r in tc.restrictions
    )


def _head(bits: Bits, version: int) -> tuple[datetime, int]:
    """Read what both frameworks begin with; return when a string was made, and the version of its policy."""
    if bits.number(6) != version:
        raise MalformedString(f"is not of version {version}")
    bits.instant()
    updated = bits.instant()
    bits.skip(12 + 12 + 6)  # CMP, its version, its screen
    bits.letters(2)
    bits.skip(12)  # version of the vendor list
    return updated, bits.number(6)


def _core(bits: Bits) -> TcString:
    updated, policy = _head(bits, _VERSION)
    service_specific = bits.flag()
    bits.skip(1)  # non-standard texts
    features = bits.field(_FEATURES)
    purposes, interests = bits.field(_PURPOSES), bits.field(_PURPOSES)
    bits.skip(1)  # purpose one treatment
    bits.letters(2)
    vendors, vendor_interests = bits.vendors(), bits.vendors()
    restrictions = tuple(Restriction(bits.number(6), bits.number(2), bits.entries()) for _ in range(bits.number(12)))
    bits.finish()
    if not service_specific:
        raise MalformedString("is not specific to a service, which TCF v2.2 does not allow")
    if policy < _POLICY_22 and updated >= _SINCE_22:
        raise MalformedString("was made under a policy that had ended")
    return TcString(updated, policy, purposes, interests, features, vendors, vendor_interests, restrictions)


def _canadian_core(bits: Bits) -> TcString:
    updated, policy = _head(bits, _CANADIAN)
    bits.skip(1)  # non-standard texts
    features = bits.field(_FEATURES)
    express, implied = bits.field(_PURPOSES), bits.field(_PURPOSES)
    vendors, vendors_implied = bits.optimized(), bits.optimized()
    count = bits.number(12)
    restrictions = tuple(Restriction(bits.number(6), bits.number(2), bits.optimized()) for _ in range(count))
    bits.finish()
    return TcString(updated, policy, express, implied, features, vendors, vendors_implied, restrictions)


def _publisher(bits: Bits) -> frozenset[int]:
    purposes = bits.field(_PURPOSES)
    bits.skip(_PURPOSES)
    custom = bits.number(6)
    bits.skip(2 * custom)
    return purposes
