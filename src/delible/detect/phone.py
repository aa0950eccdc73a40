"""Presidio's telephone recognizer, with its regions in step: what one has shown is not worked out again by the next.

`phonenumbers` looks for candidates in the text, and asks for each whether its digits are a valid number of one region.
Candidates do not depend on the region, so they are found once. A whole candidate that is valid in one region settles
the others: all they could find lies inside it, at the same score, and Presidio drops spans inside others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from phonenumbers import (
    SUPPORTED_REGIONS,
    CountryCodeSource,
    NumberParseException,
    PhoneNumberMatcher,
    parse,
    phonenumbermatcher,
    re_util,
)
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from delible.detect.numbering import distinct, fewest_digits, possible_regions

matching: Any = phonenumbermatcher
"""Its parts, which are not public, are put together anew here; tests compare the outcome with the original."""

_LONGEST = 4_900
"""`phonenumbers` gives up on a text after 65,535 tries, and makes at most 13 for each character."""

_DIGIT = re.compile(r"\d")


def _most(limit: str) -> int:
    """Return the upper end of a repetition such as `{0,4}`."""
    return int(limit.strip("{}").split(",")[1])


_BEFORE = _most(matching._LEAD_LIMIT) * (1 + _most(matching._PUNCTUATION_LIMIT))
"""Characters that a candidate may have before its first digit: brackets and plus signs, and marks behind each."""

_MATTERS_TO_ANOTHER = re.compile(r"[^bcdfghjlmpqruvwyzBCDFGHJLMPQRUVWYZ\n\d#]*")
"""Up to a digit, or up to a letter that stands in no number and in no word for an extension."""


def is_read(recognizer: Any) -> bool:
    """Return whether it is Presidio's own telephone recognizer, for known regions and at a leniency that was read."""
    if type(recognizer) is not PhoneRecognizer or {"analyze", "_get_recognizer_result"} & set(vars(recognizer)):
        return False
    known = set(recognizer.supported_regions) <= set(SUPPORTED_REGIONS)
    return known and recognizer.leniency in (matching.Leniency.POSSIBLE, matching.Leniency.VALID)


class Phones:
    """Finds the spans that a recognizer finds, in bounded work per text."""

    def __init__(self, recognizer: Any) -> None:
        if hasattr(re_util, "enable_pattern_cache"):
            re_util.enable_pattern_cache()
        self._recognizer = recognizer
        self._regions = distinct(tuple(recognizer.supported_regions))
        self._leniency = recognizer.leniency
        few = fewest_digits() if self._leniency == matching.Leniency.VALID else 2
        marks = matching._VALID_PUNCTUATION + matching._LEAD_CLASS_CHARS
        self._enough = re.compile(rf"\d(?:[{marks}]{{0,12}}\d){{{few - 1}}}").search

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the spans that hold a number for some region, without those inside others.

        A text too long to be read within the tries of `phonenumbers` is left to the recognizer itself.
        """
        if self._enough(text) is None:
            return []
        if len(text) > _LONGEST:
            return [(found.start, found.end) for found in self._recognizer.analyze(text, [])]
        reading = _Reading(text, self._regions, self._leniency)
        found: set[tuple[int, int]] = set()
        start = 0
        while (candidate := reading.candidate(start)) is not None:
            start, end = candidate[0], candidate[0] + len(candidate[1])
            whole = reading.whole(*candidate)
            if whole is not None and reading.stands_alone(end) and any(map(whole.is_number, whole.regions)):
                found.add((start, end))
            elif reading.attempts(*candidate):
                while not reading.stands_alone(end) and (candidate := reading.candidate(end)) is not None:
                    end = candidate[0] + len(candidate[1])
                for region in reading.regions_between(start, end):
                    found.update(reading.of_region(region, start, end))
            start = end
        return _outermost(found)


class _Attempt:
    """A part of a candidate that may be a number: in which regions at all, and, once asked, whether it is."""

    def __init__(self, group: str, offset: int, regions: tuple[str, ...], leniency: int) -> None:
        self.start, self.end = offset, offset + len(group)
        self.regions = regions
        self._group, self._leniency = group, leniency
        self._known: dict[str, bool] = {}
        self._everywhere: bool | None = None

    def is_number(self, region: str) -> bool:
        """Return whether a region takes the part for a number."""
        if self._everywhere is not None:
            return self._everywhere
        if region not in self._known:
            self._known[region] = region in self.regions and self._parsed(region)
        return self._known[region]

    def _parsed(self, region: str) -> bool:
        try:
            number = parse(self._group, region, keep_raw_input=True)
        except NumberParseException:
            return False
        verified = bool(matching._verify(self._leniency, number, self._group, None))
        if number.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN:
            self._everywhere = verified  # what stands behind a plus sign means the same in every region
        return verified


class _Reading:
    """One text; what does not depend on the region is worked out once."""

    def __init__(self, text: str, regions: tuple[str, ...], leniency: int) -> None:
        self._text, self._regions, self._leniency = text, regions, leniency
        self._candidates: dict[int, tuple[int, str] | None] = {}
        self._wholes: dict[tuple[int, str], _Attempt | None] = {}
        self._attempts: dict[tuple[int, str], tuple[_Attempt, ...]] = {}

    def candidate(self, index: int) -> tuple[int, str] | None:
        """Return place and text of the first candidate from an index on, as `PhoneNumberMatcher._find` does."""
        if index not in self._candidates:
            digit = _DIGIT.search(self._text, index)
            near = max(index, digit.start() - _BEFORE) if digit else 0
            match = matching._PATTERN.search(self._text, near) if digit else None
            self._candidates[index] = (match.start(), _trimmed(_SECOND, match.group())) if match else None
        return self._candidates[index]

    def stands_alone(self, end: int) -> bool:
        """Return whether no candidate that begins before `end` can reach beyond it."""
        match = _MATTERS_TO_ANOTHER.match(self._text, end)
        after = self._text[match.end() : match.end() + 1] if match else ""
        return not after or not (after.isdigit() or after == "#")

    def regions_between(self, start: int, end: int) -> list[str]:
        """Return the regions that may have a number among the candidates which begin between two places.

        Where a region has none, its way through the candidates is this one, and yields nothing.
        """
        possible: set[str] = set()
        while (candidate := self.candidate(start)) is not None and candidate[0] < end:
            start = candidate[0] + len(candidate[1])
            for attempt in self.attempts(*candidate):
                possible.update(attempt.regions)
        return [region for region in self._regions if region in possible]

    def of_region(self, region: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the numbers of one region whose candidates begin between two places."""
        while (candidate := self.candidate(start)) is not None and candidate[0] < end:
            start = candidate[0] + len(candidate[1])
            for attempt in self.attempts(*candidate):
                if attempt.is_number(region):
                    start = attempt.end
                    yield attempt.start, start
                    break

    def whole(self, place: int, whole: str) -> _Attempt | None:
        """Return a candidate as a whole, if it may be a number anywhere."""
        if (place, whole) not in self._wholes:
            self._wholes[place, whole] = None if self._is_date(place, whole) else self._attempt(whole, place)
        return self._wholes[place, whole]

    def attempts(self, place: int, whole: str) -> tuple[_Attempt, ...]:
        """Return what may be a number anywhere of a candidate, in the order of trying: itself, then what is inside."""
        if (place, whole) not in self._attempts:
            inside = () if self._is_date(place, whole) else self._inside(place, whole)
            tried = (self.whole(place, whole), *(self._attempt(*part) for part in inside))
            self._attempts[place, whole] = tuple(attempt for attempt in tried if attempt is not None)
        return self._attempts[place, whole]

    def _attempt(self, group: str, offset: int) -> _Attempt | None:
        regions = possible_regions(group, self._regions) if self._leniency == matching.Leniency.VALID else self._regions
        if not regions or not self._is_apart(group, offset):
            return None
        return _Attempt(group, offset, regions, self._leniency)

    def _is_date(self, place: int, whole: str) -> bool:
        if matching._SLASH_SEPARATED_DATES.search(whole):
            return True
        end = place + len(whole)
        return bool(matching._TIME_STAMPS.search(whole) and matching._TIME_STAMPS_SUFFIX.match(self._text[end:]))

    def _inside(self, place: int, whole: str) -> Iterator[tuple[str, int]]:
        for inside in matching._INNER_MATCHES:
            match = first = inside.search(whole)
            while match:
                if match is first:
                    yield _trimmed(_UNWANTED_END, whole[: match.start()]), place
                yield _trimmed(_UNWANTED_END, match.group(1)), place + match.start(1)
                match = inside.search(whole, match.start() + 1)

    def _is_apart(self, group: str, offset: int) -> bool:
        """Return whether brackets match and, unless every possible number will do, no letter touches it."""
        if not matching._MATCHING_BRACKETS.fullmatch(group) or matching._PUB_PAGES.search(group):
            return False
        if self._leniency < matching.Leniency.VALID:
            return True
        if offset > 0 and not matching._LEAD_PATTERN.match(group) and _touches(self._text[offset - 1]):
            return False
        after = offset + len(group)
        return after >= len(self._text) or not _touches(self._text[after])


_SECOND: re.Pattern[str] = matching._SECOND_NUMBER_START_PATTERN
_UNWANTED_END: re.Pattern[str] = matching._UNWANTED_END_CHAR_PATTERN


def _trimmed(pattern: re.Pattern[str], candidate: str) -> str:
    match = pattern.search(candidate)
    return candidate[: match.start()] if match else candidate


@lru_cache(maxsize=4096)
def _touches(character: str) -> bool:
    matcher = PhoneNumberMatcher
    return bool(matcher._is_invalid_punctuation_symbol(character) or matcher._is_latin_letter(character))


def _outermost(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1]:
            kept.append((start, end))
    return kept
