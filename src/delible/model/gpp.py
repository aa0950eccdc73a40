"""IAB GPP strings: the header, TCF of the EU and Canada, US privacy, and what sections of the United States say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from delible.model.bits import Bits, MalformedString
from delible.model.tcf import TcString, decode_tcf, decode_tcf_canada

_HEADER, _HEADER_VERSION = 3, 1
_TCF_EU, _TCF_CANADA, _US_PRIVACY, _US_NATIONAL, _US_CALIFORNIA = 2, 5, 6, 7, 8
_US_PRIVACY_FORM = re.compile(r"1[YN-][YN-][YN-]", re.IGNORECASE)
_OPTED_OUT = 1
_GPC = 1
_US = "US"
_STATES = {
    9: "VA",
    10: "CO",
    11: "UT",
    12: "CT",
    13: "FL",
    14: "MT",
    15: "OR",
    16: "TX",
    17: "DE",
    18: "IA",
    19: "NE",
    20: "NH",
    21: "NJ",
    22: "TN",
    23: "MN",
}
"""Sections whose first version begins alike: notices, then the opt-outs of sale and of targeted advertising."""
_FOUR_NOTICES = frozenset({11, 18})
_HEADED = {24: "MD", 25: "IN", 26: "KY", 27: "RI"}
"""Sections with a header of their own (October 2025): number, version, and which parts there are.

The list of parts begins with 0, which its encoding has no word for; a part is told by its place."""
_SIGNALLING = frozenset({24})
"""Of these, those whose last part is the browser's signal; in the others it is about sensitive data."""
_NATIONAL = {1: (12, 2), 2: (16, 3)}
"""By version of the national section, how many sensitive categories and kinds of known children it has."""
_CALIFORNIA = (9, 2)
_CHILDREN = (13, 0, 16)
"""The least age of each kind of known children: from 13 to 16, below 13, and since version 2 from 16 to 17."""


@dataclass(frozen=True)
class UsSection:
    """What one section of the United States says.

    Args:
        jurisdiction: `US`, or a state such as `US-CA`.
        opted_out: Of sale, of sharing or targeted advertising, or by the Global Privacy Control.
        known_child: The least age of the child that the section says it is about; None when it says nothing of one.
    """

    jurisdiction: str
    opted_out: bool
    known_child: int | None = None


@dataclass(frozen=True)
class GppString:
    """What a GPP string says.

    Args:
        unread: Sections that are there and not read, by their numbers.
        canada: Canada's TCF.
    """

    tcf: TcString | None
    us: tuple[UsSection, ...]
    unread: tuple[int, ...]
    canada: TcString | None = None


def decode_gpp(text: str) -> GppString:
    """Return what a GPP string says.

    Raises:
        MalformedString: When header or a section that is read is not what its specification says.
    """
    header, *sections = text.split("~")
    bits = Bits(header)
    if bits.number(6) != _HEADER or bits.number(6) != _HEADER_VERSION:
        raise MalformedString("has no GPP header of version 1")
    ids = bits.fibonacci_ids()
    bits.finish()
    if len(ids) != len(sections) or len(set(ids)) < len(ids):
        raise MalformedString("has other sections than its header names")
    tcf = canada = None
    us: list[UsSection] = []
    unread: list[int] = []
    for number, section in zip(ids, sections, strict=True):
        if number == _TCF_EU:
            tcf = decode_tcf(section)
        elif number == _TCF_CANADA:
            canada = decode_tcf_canada(section)
        elif number == _US_PRIVACY:
            us.append(_us_privacy(section))
        elif number in _STATES or number in (_US_NATIONAL, _US_CALIFORNIA):
            us.append(_us(number, section))
        elif number in _HEADED:
            us.append(_headed(number, section))
        else:
            unread.append(number)
    return GppString(tcf, tuple(us), tuple(unread), canada)


def _us_privacy(section: str) -> UsSection:
    if not _US_PRIVACY_FORM.fullmatch(section):
        raise MalformedString("has no US privacy string of version 1")
    return UsSection(_US, section[2].upper() == "Y")


def _us(number: int, section: str) -> UsSection:
    core, *others = section.split(".")
    bits = Bits(core)
    version = bits.number(6)
    if version != 1 and not (number == _US_NATIONAL and version in _NATIONAL):
        raise MalformedString("has a section of a version that is not read")
    if number == _US_NATIONAL:
        found = _national(bits, *_NATIONAL[version])
    elif number == _US_CALIFORNIA:
        found = _california(bits)
    else:
        bits.skip(2 * (4 if number in _FOUR_NOTICES else 3))
        found = UsSection(f"{_US}-{_STATES[number]}", _any_opt_out(bits, 2))
    signalled = [_signal(Bits(other)) for other in others]
    return UsSection(found.jurisdiction, found.opted_out or any(signalled), found.known_child)


def _headed(number: int, section: str) -> UsSection:
    header, *parts = section.split(".")
    bits = Bits(header)
    if bits.number(6) != number or bits.number(6) != 1 or len(parts) not in (1, 2):
        raise MalformedString("has a section of a version that is not read")
    core = Bits(parts[0])
    core.skip(6 + 2 * 5)  # the agreement's version, whether it covers this and how; three notices
    opted_out = _any_opt_out(core, 2)
    signals = number in _SIGNALLING
    child = bool(core.number(2)) if not signals else False
    core.skip(2)  # processing beyond what was disclosed
    core.finish()
    signalled = False
    for part in map(Bits, parts[1:]):
        if signals:
            signalled = _signal(part)
        else:
            part.skip(2 * 8)
            part.finish()
    return UsSection(f"{_US}-{_HEADED[number]}", opted_out or signalled, 0 if child else None)


def _national(bits: Bits, categories: int, children: int) -> UsSection:
    bits.skip(2 * 6)
    opted_out = _any_opt_out(bits, 3)
    bits.skip(2 * categories)
    known = [bits.number(2) for _ in range(children)]
    bits.skip(2 * 4)
    bits.finish()
    ages = [age for age, told in zip(_CHILDREN, known, strict=False) if told]
    return UsSection(_US, opted_out, min(ages, default=None))


def _california(bits: Bits) -> UsSection:
    bits.skip(2 * 3)
    opted_out = _any_opt_out(bits, 2)
    categories, children = _CALIFORNIA
    bits.skip(2 * categories)
    known = [bits.number(2) for _ in range(children)]
    bits.skip(2 * 4)
    bits.finish()
    return UsSection(f"{_US}-CA", opted_out, 0 if any(known) else None)


def _any_opt_out(bits: Bits, fields: int) -> bool:
    return _OPTED_OUT in [bits.number(2) for _ in range(fields)]


def _signal(bits: Bits) -> bool:
    if bits.number(2) != _GPC:
        raise MalformedString("has a part that is none")
    return bits.flag()
