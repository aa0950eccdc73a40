"""A file that holds a due row is a candidate, however its key is spelled; one that cannot hold one is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.model.duration import Duration, after
from delible.model.policy import PolicySet
from delible.model.statistics import BoundKind, Bounds, TableStatistics
from delible.model.subject import BLANKS, KeyRole, KeyRow, normalised
from delible.model.terms import Normalise
from delible.plan.candidates import (
    Candidates,
    Wanted,
    candidate_files,
    case_between,
    files_before,
    given_columns,
    linked_kinds,
    wanted_columns,
)

LETTERS = "aAbBkK\u212aiI\u0130\u0307éÉ\u03c3\u03a3\u03c209.@ \t\u3000\U0001f600"
TEXTS = st.text(LETTERS, max_size=5) | st.text(LETTERS, min_size=30, max_size=36)
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def cut(text: str, *, up: bool) -> str:
    """Return a text as Delta's statistics have it: 32 characters at most, the greatest with a higher one behind."""
    return text if len(text) <= 32 else text[:32] + ("\U0010ffff" if up else "")


def bounds(kind: BoundKind, *files: list[Any]) -> Bounds:
    """Return what a log says of files with these values; None stands for NULL."""
    values = [[v for v in file if v is not None] for file in files]
    low, high = [min(v, default=None) for v in values], [max(v, default=None) for v in values]
    if kind is BoundKind.TEXT:
        low = [None if x is None else cut(x, up=False) for x in low]
        high = [None if x is None else cut(x, up=True) for x in high]
    else:
        low, high = (np.array([x or 0 for x in each], np.int64) for each in (low, high))
    known = np.array([bool(v) for v in values])
    return Bounds(kind, low, high, known, ~known)


def table(**columns: Bounds | None) -> TableStatistics:
    files = max(len(b.known) for b in columns.values() if b is not None)
    return TableStatistics(
        version=0,
        sizes=np.array([10**i for i in range(files)], np.int64),
        rows=files,
        hidden=np.zeros(files, bool),
        columns={name: b for name, b in columns.items() if b is not None},
    )


def chosen(of: TableStatistics, how: Normalise, *keys: str) -> list[int]:
    """Return the numbers of the candidates, told by their sizes."""
    weight = candidate_files(of, [Wanted("c", how, frozenset(keys))]).bytes
    return [i for i, digit in enumerate(reversed(str(weight))) if digit == "1"]


@given(st.lists(st.lists(TEXTS, max_size=3), min_size=1, max_size=4), st.data(), st.sampled_from(Normalise))
def test_a_file_with_a_value_that_a_key_reaches_is_a_candidate(
    files: list[list[str]], data: st.DataObject, how: Normalise
) -> None:
    every = [value for file in files for value in file]
    keys = {normalised(v, how) for v in data.draw(st.lists(st.sampled_from(every))) if v} if every else set()
    keys |= set(data.draw(st.lists(TEXTS.map(lambda text: normalised(text, how)), max_size=2)))
    found = chosen(table(c=bounds(BoundKind.TEXT, *files)), how, *keys)
    hit = {i for i, file in enumerate(files) if any(normalised(v, how) in keys for v in file)}
    assert hit <= set(found)


@given(
    st.lists(st.lists(st.integers(-1200, 1200), max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(-1200, 1200).map(str) | st.sampled_from(["007", "1e3", "+4", "", "²"]), max_size=4),
    st.sampled_from(Normalise),
)
def test_whole_numbers_are_candidates_exactly_where_the_interval_holds_a_key(
    files: list[list[int]], given_: list[str], how: Normalise
) -> None:
    keys = {normalised(key, how) for key in given_}
    found = set(chosen(table(c=bounds(BoundKind.WHOLE, *files)), how, *keys))
    spelled = {n for n in range(-1200, 1201) if normalised(str(n), how) in keys}
    assert found == {i for i, file in enumerate(files) if file and any(min(file) <= n <= max(file) for n in spelled)}


@given(st.text("abk01", max_size=4), st.text("AaBbKk01\u212a", max_size=4), st.text("AaBbKk01\u212a", max_size=4))
def test_case_is_decided_exactly(key: str, one: str, two: str) -> None:
    low, high = sorted((one, two))
    spellings = {"".join(s) for s in product(*[{c, c.upper(), "\u212a" if c == "k" else c} for c in key])}
    said = case_between(key, low, high)
    assert said or not any(low <= s <= high for s in spellings)
    if said:  # or spaces behind a spelling lift it above the lower bound
        assert any(low <= s <= high or low.startswith(s) for s in spellings)


def test_no_other_character_has_a_plain_letter_for_its_lower_case() -> None:
    others = [chr(n) for n in range(0x80, 0x20000)]  # letters with two cases lie below
    assert [c for c in others if c.lower().isascii()] == ["\u212a"]
    assert [c for c in others if len(c.lower()) > 1] == ["\u0130"]


CASES = {
    "between": (Normalise.EXACT, ["a", "f"], "c", True),
    "below": (Normalise.EXACT, ["c", "f"], "b", False),
    "above": (Normalise.EXACT, ["c", "f"], "g", False),
    "at the ends": (Normalise.EXACT, ["c", "f"], "f", True),
    "upper case, compared exactly": (Normalise.EXACT, ["C", "F"], "d", False),
    "upper case, compared by lower": (Normalise.LOWER, ["C", "F"], "d", True),
    "mixed case": (Normalise.LOWER, ["Pat@x.example", "Pia@x.example"], "pete@x.example", True),
    "another name": (Normalise.LOWER, ["pat@x.example", "pia@x.example"], "quinn@x.example", False),
    "both cases in one file": (Normalise.LOWER, ["Quinn", "pia"], "zoe", True),
    "a space before": (Normalise.EXACT, [" zoe", "bob"], "zoe", True),
    "a space behind": (Normalise.EXACT, ["zoe ", "zoe!"], "zoe", True),
    "a capital that is another letter's": (Normalise.LOWER, ["\u1e9ex", "\u1e9ey"], "\u00dfx", True),
    "a letter whose lower case is two": (Normalise.LOWER, ["\u0130x"], "i\u0307x", True),
    "the same behind another": (Normalise.LOWER, ["xj", "y"], "xi\u0307", True),
    "the sign of kelvin": (Normalise.LOWER, ["\u212aate", "\u212aurt"], "kim", True),
    "the same behind another letter": (Normalise.LOWER, ["az", "b"], "ak", True),
    "digits have no order": (Normalise.DIGITS, ["+44 1", "+44 2"], "+999", True),
    "the greatest text is cut": (Normalise.EXACT, ["a", "m" * 32], "m" * 32 + "z", True),
    "beyond what was cut": (Normalise.EXACT, ["a", "m" * 40], "n", False),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    how, values, key, candidate = CASES[case]
    assert chosen(table(c=bounds(BoundKind.TEXT, list(values))), how, key) == ([0] if candidate else [])


def test_what_the_log_does_not_say_makes_a_candidate_and_nothing_but_nulls_makes_none() -> None:
    found = bounds(BoundKind.WHOLE, [1, 9], [1, 9], [None], [11, 19])
    unknown = Bounds(found.kind, found.low, found.high, found.known & [True, False, True, True], found.empty)
    wanted = [Wanted("c", Normalise.EXACT, frozenset({"5"}))]
    assert candidate_files(table(c=unknown), wanted) == Candidates(2, 11, 1)
    unindexed = [Wanted("other", Normalise.EXACT, frozenset({"5"}))]
    assert candidate_files(table(c=unknown), unindexed) == Candidates(4, 1111, 4)
    assert candidate_files(table(c=unknown), [Wanted("c", Normalise.EXACT, None)]) == Candidates(3, 1011, 3)
    assert candidate_files(table(c=unknown), [Wanted("other", Normalise.EXACT, frozenset())]) == Candidates(0, 0, 0)


def test_one_way_to_a_person_is_enough() -> None:
    ways = table(a=bounds(BoundKind.WHOLE, [1], [2]), b=bounds(BoundKind.WHOLE, [7], [8]))
    wanted = [Wanted("a", Normalise.EXACT, frozenset({"1"})), Wanted("b", Normalise.EXACT, frozenset({"8"}))]
    assert candidate_files(ways, wanted).files == 2
    assert candidate_files(ways, wanted[:1]).files == 1


@given(
    st.integers(0, 7 * 365 * 24).map(lambda hours: NOW + timedelta(days=30) - timedelta(hours=hours)),
    st.builds("P{}Y{}M{}D".format, st.integers(0, 3), st.integers(0, 14), st.integers(1, 40)).map(Duration),
)
def test_a_file_with_a_row_past_its_period_is_a_candidate(start: datetime, keep: Duration) -> None:
    moment = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    found = files_before(table(c=bounds(BoundKind.TIME, [moment])), ["c"], keep, NOW)
    assert found.files or after(start, keep) > NOW
    if after(start, keep) > NOW + timedelta(days=10):
        assert not found.files


def test_a_period_from_the_last_of_a_long_month_ends_with_a_short_one() -> None:
    start, now = datetime(2025, 8, 31, 6, tzinfo=UTC), datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert after(start, Duration("P6M")) <= now
    moment = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert files_before(table(c=bounds(BoundKind.TIME, [moment])), ["c"], Duration("P6M"), now).files == 1


def test_a_clock_that_an_event_starts_may_have_run_out_in_any_file() -> None:
    assert files_before(table(c=bounds(BoundKind.TIME, [2**60])), [], Duration("P1Y"), NOW) == Candidates(1, 1, 1)


POLICIES = PolicySet.model_validate(
    {
        "controller": {
            "controller": "Shop",
            "contact": "privacy@shop.example",
            "subject": "customer",
            "identifiers": {"customer": {}, "email": {"normalise": "lower"}, "badge": {}},
        },
        "tables": {
            name: {"table": name, "path": name, "description": name, "columns": dict.fromkeys(ways, "user"), **more}
            for name, ways, more in (
                (
                    "people",
                    ("customer", "email"),
                    {"subject": [{"column": c, "identifies": c} for c in ("customer", "email")]},
                ),
                (
                    "doors",
                    ("badge", "home"),
                    {
                        "subject": [
                            {"column": "badge", "identifies": "badge"},
                            {"column": "home", "through": "people", "matches": "customer"},
                        ]
                    },
                ),
            )
        },
    }
)


def test_keys_that_nobody_could_have_given_are_not_known_before_rows_are_read() -> None:
    doors = POLICIES.tables["doors"]
    keys = [KeyRow("R-1", "badge", "b1", KeyRole.GIVEN), KeyRow("R-2", "email", "e2", KeyRole.GIVEN)]
    given_ = given_columns(doors, POLICIES.controller, keys, 2)
    assert [w.keys for w in given_] == [None, None], "the second request may have a badge, too"
    alone = given_columns(doors, POLICIES.controller, keys[:1], 1)
    assert [w.keys for w in alone] == [frozenset({"b1"}), None]
    found = [*keys, KeyRow("R-2", "doors.home", "h", KeyRole.FOUND), KeyRow("R-2", "badge", "x", KeyRole.EVIDENCE)]
    assert [w.keys for w in wanted_columns(doors, POLICIES.controller, found)] == [{"b1"}, {"h"}]
    assert [w.how for w in wanted_columns(POLICIES.tables["people"], POLICIES.controller, [])] == ["exact", "lower"]
    assert linked_kinds(POLICIES) == {"customer", "email"}


def test_statistics_show_no_value_in_their_representation() -> None:
    found = bounds(BoundKind.TEXT, ["ann@people.example"])
    assert "ann" not in repr(found) + repr(table(c=found)) + str(found)
    assert len(BLANKS) > 1
