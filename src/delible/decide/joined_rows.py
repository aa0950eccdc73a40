"""Which rows a recipe makes of one row of its source, by given rows of the tables that it joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from delible.decide.expressions import Undecidable
from delible.model.dataset import DatasetRecipe, Join

Found = Mapping[str, int | None]
"""Table to the number of its row, from 1; None where a join found none."""

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def joined_rows(recipe: DatasetRecipe, rows: Rows, number: int) -> tuple[Found, ...]:
    """Return what one row of the source becomes: several rows where joins may find several.

    Args:
        rows: Table to its given rows; a table without any is an empty one.
        number: Of the source's row, from 1.

    Raises:
        Undecidable: When a join finds several and must not, which stops a build.
        KeyError: For a key that the row does not have.
    """
    made: list[dict[str, int | None]] = [{recipe.source: number}]
    for join in recipe.joins:
        longer: list[dict[str, int | None]] = []
        for found in made:
            theirs: list[int | None] = [*_matches(recipe.source, join, rows, found)]
            if len(theirs) > 1 and not join.many:
                raise Undecidable(f"the join to '{join.table}' finds several rows, which stops a build")
            longer += [{**found, join.table: match} for match in theirs or [None]]
        made = longer
    return tuple(made)


def _matches(source: str, join: Join, rows: Rows, found: Found) -> list[int]:
    wanted = {theirs: _value(source, ours, rows, found) for ours, theirs in join.keys.items()}
    return [
        number
        for number, row in enumerate(rows.get(join.table, ()), start=1)
        if all(value is not None and value == _text(row.get(theirs)) for theirs, value in wanted.items())
    ]


def _value(source: str, column: str, rows: Rows, found: Found) -> str | None:
    table, _, field = column.rpartition(".")
    if table not in found:
        table, field = source, column
    number = found[table]
    return None if number is None else _text(rows[table][number - 1].get(field))


def _text(value: Any) -> str | None:
    """Return a key as joins compare it; what is empty equals nothing."""
    return (str(value).strip() or None) if value is not None else None
