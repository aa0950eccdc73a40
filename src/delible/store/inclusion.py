"""How many values of one table's column are keys of another table, counted without a JVM and without showing any."""

from __future__ import annotations

from pathlib import Path

_MOST_VALUES = 200_000


def included(folder: Path, column: str, other: Path, key: str) -> tuple[int, int] | None:
    """Return the distinct values of a column, at most 200,000, and how many of them are among another table's.

    Values are compared trimmed and in lower case, as text. None where delta-rs cannot read one of the tables.
    """
    from deltalake import DeltaTable, QueryBuilder
    from deltalake.exceptions import DeltaError

    try:
        asked = QueryBuilder().register("a", DeltaTable(folder)).register("b", DeltaTable(other))
        answer = asked.execute(
            f"SELECT count(*), count(b.v) FROM ({_values('a', column)} LIMIT {_MOST_VALUES}) a "  # noqa: S608  # quoted
            f"LEFT JOIN ({_values('b', key)}) b ON a.v = b.v"
        ).read_all()
    except (DeltaError, OSError, ValueError, RuntimeError):
        return None
    values, found = (int(answer.column(i)[0].as_py()) for i in (0, 1))
    return values, found


def _values(table: str, column: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    return f"SELECT DISTINCT lower(trim(CAST({name} AS VARCHAR))) AS v FROM {table} WHERE {name} IS NOT NULL"  # noqa: S608
