"""What a row condition of a policy may not hold: nothing in it may differ from run to run, or reach out of the row."""

from __future__ import annotations

import pytest

from delible.lake.conditions import _forbidden

COLUMNS = {"at", "stars", "values", "odd name"}


@pytest.mark.parametrize(
    "text",
    [
        "stars > 3 AND at < TIMESTAMP '2026-01-01'",
        "`odd name` IN ('a', 'b') OR `stars` IS NULL",
        "`values` = '`rand`()'",
        "coalesce(`stars`, 0) = 1",
        "values = 1",
        "stars = 1 OR `odd name` = '`current_date`'",
    ],
)
def test_pure_conditions_on_columns_pass(text: str) -> None:
    assert _forbidden(text, COLUMNS) is None


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("`rand`() < 0.5", "backticks"),
        ("`rand` () < 0.5", "backticks"),
        ("stars = 1 OR `reflect`('java.lang.System', 'nanoTime') = ''", "backticks"),
        ("at < `system`.`builtin`.`current_timestamp`()", "backticks"),
        ("`a``b`() = 1", "backticks"),
        ("at < `current_timestamp`", "present time"),
        ("stars = 1 AND `Current_User` = 'x'", "present time"),
        ("rand() < 0.5", "not on the list"),
        ("at < current_timestamp", "present time"),
        ("stars IN (SELECT 1)", "SELECT"),
        ("stars > 1 -- and", "comment"),
    ],
)
def test_what_is_not_pure_is_named(text: str, held: str) -> None:
    assert held in str(_forbidden(text, COLUMNS))
