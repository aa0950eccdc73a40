"""How unique quasi-identifiers make the rows of a table, in plain words and counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from delible.model.uniqueness import Combination


def combination_line(each: Combination) -> dict[str, Any]:
    """Return a combination as one JSON object."""
    return each.model_dump(mode="json") | {"share": round(each.share, 6)}


def combination_words(combinations: Iterable[Combination]) -> list[str]:
    """Return one sentence per combination: how many rows are unique, and the smallest group."""
    return [_words(each) for each in combinations]


def _words(each: Combination) -> str:
    drawn = f", in every {each.one_in:,}th group" if each.one_in > 1 else ""
    smallest = "at most " if each.one_in > 1 else ""
    return (
        f"{each.table}: {' + '.join(each.columns)}: {each.unique:,} of {each.rows:,} rows are unique "
        f"({each.share:.1%}){drawn}; the smallest group has {smallest}{each.smallest:,} row(s)."
    )
