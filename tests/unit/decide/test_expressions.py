"""Row conditions without Spark: SQL's three truth values, and a refusal where it is not known for sure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from delible.decide.expressions import Undecidable, evaluate

ROW = {
    "n": 5,
    "price": Decimal("2.50"),
    "who": "Ann",
    "nothing": None,
    "on": True,
    "day": date(2024, 2, 29),
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
    ("lower(who) = 'ann'", True),
    ("coalesce(nothing, 'x') = 'x'", True),
    ("n * 2 + 1 = 11", True),
    ("n - -1 = 6", True),
    ("`on`", True),
    ("day = DATE '2024-02-29'", True),
    ("day < '2024-03-01'", True),
    ("at > TIMESTAMP '2024-03-01T11:59:59Z'", True),
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
    ],
)
def test_what_is_not_known_is_refused_and_never_guessed(text):
    with pytest.raises(Undecidable):
        evaluate(text, ROW)
