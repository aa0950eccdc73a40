"""Row conditions without Spark: SQL's three truth values, and a refusal where it is not known for sure."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.expressions import Undecidable, evaluate
from delible.decide.sql_values import like

ROW = {
    "n": 5,
    "price": Decimal("2.50"),
    "who": "Ann",
    "nothing": None,
    "on": True,
    "back": "A\\%",
    "day": date(2024, 2, 29),
    "noted": "2024-02-29",
    "begun": "2024-02-29T23:30:00Z",
    "local": "2024-02-29 23:30:00",
    "at": datetime(2024, 3, 1, 12, tzinfo=UTC),
}

CASES = [
    ("n = 5", True),
    ("N > 5", False),
    ("n >= 5 AND price < 3", True),
    ("nothing = 5", None),
    ("nothing = 5 OR n = 5", True),
    ("nothing = 5 AND n = 6", False),
    ("NOT (nothing = 5)", None),
    ("NOT n = 6", True),
    ("nothing IS NULL", True),
    ("who IS NOT NULL", True),
    ("nothing <=> NULL", True),
    ("n <=> NULL", False),
    ("who IN ('Bob', 'Ann')", True),
    ("who NOT IN ('Bob', NULL)", None),
    ("who IN ('Bob', NULL)", None),
    ("n BETWEEN 1 AND 5", True),
    ("n NOT BETWEEN 1 AND 5", False),
    ("who LIKE 'A%'", True),
    ("who LIKE 'a%'", False),
    ("who LIKE '_nn'", True),
    ("who LIKE 'Ann'", True),
    ("who LIKE 'An'", False),
    ("who LIKE '%'", True),
    ("who LIKE 'A%n%n'", True),
    ("who LIKE 'An%nn'", False),
    ("who LIKE '%_n%'", True),
    ("who LIKE '%____%'", False),
    ("who LIKE ''", False),
    ("'a--b' = 'a--b' AND '/*' = '/*'", True),
    ("lower(who) = 'ann'", True),
    ("coalesce(nothing, 'x') = 'x'", True),
    ("n * 2 + 1 = 11", True),
    ("n - -1 = 6", True),
    ("`on`", True),
    ("day = DATE '2024-02-29'", True),
    ("day < '2024-03-01'", True),
    ("at > TIMESTAMP '2024-03-01T11:59:59Z'", True),
    ("at > TIMESTAMP '2024-03-01 12:59:59.5+01:00'", True),
    ("begun < TIMESTAMP '2024-03-01T00:00:00+00:00'", True),
    ("noted < DATE '2024-03-01'", True),
    ("noted < '2024-03-01'", True),
    ("begun LIKE '%Z'", True),
    ("begun = 'x'", False),
    ("year(day) = 2024", True),
    ("who = 'O''Hara'", False),
    ("true", True),
    ("null", None),
    ("1 = 1 OR 1 = 2 AND 1 = 3", True),
]


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_conditions(text, answer):
    assert evaluate(text, ROW) is answer


@pytest.mark.parametrize(
    "text",
    [
        "missing = 1",
        "who = 5",
        "n",
        "rand() > 0",
        "regexp_like(who, 'A')",
        "who.first = 'A'",
        "n = ",
        "n = 5 5",
        "CASE WHEN n = 5 THEN true END",
        "n = 5; DROP TABLE x",
        "n / 2 = 2",
        "who + 1 = 2",
        "upper(n) = 'X'",
        "day = DATE 'yesterday'",
        "\\u0000",
        "",
        "n = 5 -- 1",
        "n--1 = 6",
        "n = 5 /* or true */",
        "n = 5 AND--\ntrue",
        "who LIKE back",
        "9" * 39 + " = 1",
        "9" * 5_000 + " = 1",
        "(" * 20_000 + "n = 5" + ")" * 20_000,
        "NOT " * 20_000 + "true",
        "n = " + "- " * 20_000 + "5",
        "lower(" * 20_000 + "who" + ")" * 20_000 + " = 'ann'",
    ],
)
def test_what_is_not_known_is_refused_and_never_guessed(text):
    with pytest.raises(Undecidable):
        evaluate(text, ROW)


@pytest.mark.parametrize(
    "text",
    [
        "at > TIMESTAMP '2024-03-01T11:59:59'",
        "at > TIMESTAMP '2024-03-01'",
        "at > '2024-03-01 00:00:00'",
        "at > '2024-03-01'",
        "at > DATE '2024-03-01'",
        "at > day",
        "day < '2024-03-01 12:00:00'",
        "day < TIMESTAMP '2024-03-01T00:00:00Z'",
        "local < TIMESTAMP '2024-03-01T00:00:00Z'",
        "begun < '2024-03-01'",
        "begun IN ('2024-02-29 23:30:00')",
        "begun <=> '2024-02-29T23:30:00Z'",
        "begun < DATE '2024-03-01'",
        "noted < TIMESTAMP '2024-03-01T00:00:00Z'",
        "day(at) = 1",
        "month(TIMESTAMP '2024-03-01T00:00:00Z') = 3",
        "day = DATE '20240229'",
        "day = DATE '2024-W09-4'",
    ],
)
def test_what_hangs_on_the_zone_of_a_cluster_is_refused(text):
    """Spark reads times without a zone, and days of times, in its session's zone, which a policy test cannot know."""
    with pytest.raises(Undecidable):
        evaluate(text, ROW)


def test_a_time_without_a_zone_among_the_rows_is_refused_too():
    with pytest.raises(Undecidable):
        evaluate("at < TIMESTAMP '2024-03-01T00:00:00Z'", {"at": datetime.fromisoformat("2024-02-29")})


def test_as_deep_as_anybody_writes_is_decided():
    assert evaluate("(" * 40 + "n = 5" + ")" * 40, ROW) is True


@given(st.text("ab\n", max_size=12), st.text("ab_%", max_size=8))
def test_like_is_what_a_regular_expression_says(text, pattern):
    wanted = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    assert like(text, pattern) is (re.fullmatch(wanted, text, re.DOTALL) is not None)


def test_a_pattern_that_a_regular_expression_would_try_for_ever_is_decided_at_once():
    started = time.monotonic()
    assert like("a" * 100_000, "%a" * 1_000 + "%b%") is False
    with pytest.raises(Undecidable):
        like("a" * 100_000, "%" + "_a" * 1_000 + "b%")
    assert evaluate(" OR ".join(["n = 6"] * 20_000), ROW) is False
    assert time.monotonic() - started < 5
