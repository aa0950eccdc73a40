"""Which combinations of quasi-identifiers are measured, and which of them are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from delible.model.record import TagFinding
from delible.model.taxonomy import is_within
from delible.model.terms import TagState
from delible.model.uniqueness import Combination

MOST_COLUMNS, MOST_TOLD = 7, 5
_LARGEST_SMALL = 3
_TELLING = (
    "user.demographic.date_of_birth",
    "user.location.precise",
    "user.contact.address.postal_code",
    "user.demographic.age_range",
    "user.job_title",
    "user.contact.address.city",
    "user.demographic.gender",
    "user.demographic",
)
"""Those that tell most come first where a table has more than are measured."""


def quasi_columns(findings: Iterable[TagFinding]) -> tuple[str, ...]:
    """Return the columns of one table whose values together may tell who somebody is, at most `MOST_COLUMNS`.

    Elements of arrays and maps, and what stands in documents, must be left out before: a row has many of them.
    """
    found = [f for f in findings if f.quasi and f.state is not TagState.REJECTED]
    chosen = sorted(range(len(found)), key=lambda i: (_rank(found[i]), i))[:MOST_COLUMNS]
    return tuple(found[i].column for i in sorted(chosen))


def to_measure(columns: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return all of the columns together, then each pair and triple; nothing for fewer than two columns."""
    everything = tuple(columns)
    small = [c for size in range(2, _LARGEST_SMALL + 1) for c in combinations(everything, size) if c != everything]
    return (everything, *small) if len(everything) > 1 else ()


def told(measured: Iterable[Combination]) -> tuple[Combination, ...]:
    """Return the combination of all columns and the small ones by which most rows are unique, of one table.

    A triple is left out when a pair inside of it tells as many rows apart: its third column adds nothing.
    """
    ordered = sorted(measured, key=lambda c: -len(c.columns))
    if not ordered:
        return ()
    small = sorted(ordered[1:], key=lambda c: (-c.unique, c.smallest, len(c.columns), c.columns))
    kept: list[Combination] = []
    for each in small:
        if not any(set(other.columns) < set(each.columns) and other.unique >= each.unique for other in ordered[1:]):
            kept.append(each)
    return (ordered[0], *kept[:MOST_TOLD])


def _rank(finding: TagFinding) -> int:
    category = finding.category or ""
    return next((i for i, telling in enumerate(_TELLING) if is_within(category, (telling,))), len(_TELLING))
