"""Row conditions of policies: one Spark SQL expression on a table's own columns, checked before anything runs."""

from __future__ import annotations

import re

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.errors import InputError

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_STRINGS = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAMED = re.compile(r"`([^`]*)`")
"""Where no column has the name, Spark takes `current_date` in backticks for the function."""
_SIGNS = tuple(
    (re.compile(sign), name)
    for sign, name in (
        (";", "a semicolon"),
        ("--", "a comment"),
        (r"/\*", "a comment"),
        ("->", "a lambda"),
        (r"`\s*\(", "a function whose name stands in backticks"),  # Spark calls `rand`(), too
    )
)
_WORD = re.compile(r"\b([a-z_][a-z0-9_]*)\b(\s*\()?", re.IGNORECASE)
_OPERATORS = "all and any between case else ilike in is like not or regexp rlike some then when"
_FUNCTIONS = """
abs add_months array_contains bigint boolean btrim cast ceil ceiling char_length coalesce concat contains date date_add
date_diff date_sub date_trunc datediff day dayofmonth dayofweek decimal double element_at endswith floor
get_json_object greatest hour if ifnull instr int isnan isnotnull isnull least left length locate lower ltrim make_date
minute mod month months_between nullif nvl nvl2 pmod quarter regexp_like replace right round rtrim second sign size
smallint split_part startswith string substr substring timestamp to_date to_timestamp trim trunc try_cast
try_to_timestamp upper weekofyear year
"""
_STATEMENTS = "from over select table values with"
_CLOCKS = """
current_catalog current_database current_date current_schema current_time current_timestamp current_user localtimestamp
session_user user
"""
_CALLED = frozenset(f"{_OPERATORS} {_FUNCTIONS}".split())
"""An allow-list, since Spark has functions that run Java code, read the clock, or differ from row to row."""
_NEVER = frozenset(_STATEMENTS.split())
_NAMELESS = frozenset(_CLOCKS.split())
"""Functions that Spark also calls without parentheses."""


def condition(frame: DataFrame, text: str, *, where: str) -> Column:
    """Return a policy's row condition as a column that is true, false or NULL.

    Args:
        frame: The table's rows, whose columns it may name.
        where: The policy that it stands in, for messages.

    Raises:
        InputError: `condition.forbidden` for subqueries, windows, escapes, comments and functions that are not pure;
            `condition.invalid` when Spark cannot analyse it as a boolean on the table's own columns.
    """
    wrong = _forbidden(text, {name.lower() for name in frame.columns})
    if wrong is not None:
        raise InputError("condition.forbidden", f"a row condition may not hold {wrong}.", where=where)
    try:
        column = F.expr(text)
        kind = frame.select(column.alias("condition")).schema["condition"].dataType
    except (AnalysisException, ParseException):
        kind = None
    if not isinstance(kind, T.BooleanType):
        raise InputError(
            "condition.invalid",
            "the row condition is not a true-or-false Spark SQL expression on the table's own columns.",
            where=where,
            fix="Check the names and types of the columns.",
        )
    return column


def _forbidden(text: str, columns: set[str]) -> str | None:
    if "\\" in text:
        return "a backslash"
    named = {name.lower() for name in _NAMED.findall(_STRINGS.sub("", text))}
    bare = _QUOTED.sub(lambda quoted: "``" if quoted[0].startswith("`") else " '' ", text)
    for sign, name in _SIGNS:
        if sign.search(bare):
            return name
    for word, opened in _WORD.findall(bare):
        lower = word.lower()
        if lower in _NEVER and (opened or lower not in columns):
            return f"'{lower.upper()}'"
        if opened and lower not in _CALLED:
            return "a function that is not on the list of pure ones"
        if not opened:
            named.add(lower)
    return "the present time or account" if named & (_NAMELESS - columns) else None
