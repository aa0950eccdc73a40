"""What each region takes for a telephone number, from the metadata of `phonenumbers`, as a quick test of digits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from re import _constants as op  # type: ignore[attr-defined] # CPython's own names of its parser's codes
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata

_DIGITS_AND_MARKS = re.compile(r"[0-9 \-.()/]*")
_NOT_A_DIGIT = re.compile("[^0-9]+")
_MOST_READINGS = 20
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("voip", "personal_number", "pager", "uan", "voicemail"),
)


def _known(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region)


@lru_cache(maxsize=8)
def distinct(regions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions without those that read every number as an earlier one does; CA reads as US."""
    seen: dict[str, str] = {}
    for region in regions:
        known = _known(region)
        general = known.general_desc
        reads = (
            known.country_code,
            known.international_prefix,
            known.national_prefix_for_parsing,
            known.national_prefix_transform_rule,
            (general.national_number_pattern, general.possible_length),
            # Lengths that are dialled only nearby count as too short, whatever they are, unless they are possible ones.
            [n for n in general.possible_length_local_only if n >= min(general.possible_length)],
        )
        seen.setdefault(repr(reads), region)
    return tuple(seen.values())


@cache
def fewest_digits() -> int:
    """Return the fewest digits that can be written for a valid number anywhere, from the metadata of all regions.

    Behind three of them letters are read as digits, too.
    """
    fewest: list[int] = []
    for region in SUPPORTED_REGIONS:
        known = _known(region)
        added = sum(c.isdigit() for c in re.sub(r"\\\d", "", known.national_prefix_transform_rule or ""))
        fewest += [length - added for length in known.general_desc.possible_length if length > 0]
    return max(2, min(3, *fewest))


def possible_regions(group: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions in which the group may be a number; other signs than plain marks are left to `parse`."""
    if not _DIGITS_AND_MARKS.fullmatch(group):
        return regions
    return _regions_of_digits(_NOT_A_DIGIT.sub("", group), regions)


@lru_cache(maxsize=4096)
def _regions_of_digits(digits: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(region for region in regions if _numbering(region).is_possible(digits))


@dataclass(frozen=True)
class _Numbering:
    """How a region reads digits.

    Args:
        code: The country's calling code.
        international: What is dialled before a calling code.
        first: The digit that this begins with, or nothing where it may be one of several.
        prefixes: What is taken off a number before it is judged, and what is put in its place: by the region itself,
            and by the main region of its calling code.
        lengths: Digits that a valid number may have.
        fewest: Digits that must be written at least.
        valid: The digits of the valid numbers of all regions with this code.
    """

    code: str
    international: re.Pattern[str]
    first: str
    prefixes: tuple[tuple[re.Pattern[str], str], ...]
    lengths: frozenset[int]
    fewest: int
    valid: re.Pattern[str]

    def is_possible(self, digits: str) -> bool:
        """Return False only where no reading of the digits is a valid number: far cheaper than `parse`.

        A number with an international prefix is left to `parse`.
        """
        if digits.startswith(self.first) and self.international.match(digits):
            return True
        if len(digits) < self.fewest:
            return False
        readings = [digits]
        if digits.startswith(self.code):
            readings.append(digits[len(self.code) :])
        for each in readings:  # which grows: a prefix is taken off again where the country's code was taken off
            if len(each) in self.lengths and self.valid.fullmatch(each):
                return True
            for prefix, rule in self.prefixes:
                match = prefix.match(each)
                if match is not None and (without := _without(each, match, rule)) not in readings:
                    readings.append(without)
            if len(readings) > _MOST_READINGS:
                return True
        return False


@cache
def _numbering(region: str) -> _Numbering:
    known = _known(region)
    code = known.country_code
    regions = [_known(each) for each in COUNTRY_CODE_TO_REGION_CODE[code]]
    kinds = [kind for each in regions for name in _KINDS if (kind := getattr(each, name)) is not None]
    patterns = {kind.national_number_pattern for kind in kinds if kind.national_number_pattern}
    prefixes = {
        each.national_prefix_for_parsing: each.national_prefix_transform_rule or ""
        for each in (regions[0], known)
        if each.national_prefix_for_parsing
    }
    lengths = frozenset(n for each in regions for n in each.general_desc.possible_length if n > 0)
    return _Numbering(
        str(code),
        re.compile(known.international_prefix or "(?!)"),
        _first(known.international_prefix or ""),
        tuple((re.compile(prefix), rule) for prefix, rule in prefixes.items()),
        lengths,
        min(lengths) - max((sum(map(str.isdigit, rule)) for rule in prefixes.values()), default=0),
        re.compile("|".join(sorted(patterns))),
    )


def _first(pattern: str) -> str:
    """Return the digit that all matches begin with, or nothing where the pattern does not begin with one digit."""
    parsed = sre.parse(pattern)
    return chr(parsed[0][1]) if len(parsed) and parsed[0][0] is op.LITERAL else ""


def _without(digits: str, match: re.Match[str], rule: str) -> str:
    if rule and match.re.groups and match.group(match.re.groups) is not None:
        return match.re.sub(rule, digits, count=1)
    return digits[match.end() :]
