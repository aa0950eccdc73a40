"""How data categories travel along column lineage, and where a derived column does not say what it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from delible.errors import Problem
from delible.model.taxonomy import is_personal

Column = tuple[str, str]
"""Name of a table or dataset, and of a column of it."""

PSEUDONYMOUS = "user.unique_id.pseudonymous"
REMOVING = frozenset({"drop", "replace", "null"})
"""Treatments that leave nothing of a value."""
KEEPING = frozenset({"keep", "generalise", "mask", "encrypt"})
"""Treatments after which the category stands as it was.

A coarser value is still that person's. A mask takes out what it found in a text, and no detection finds all; the text
is still somebody's. Who has the key reads what was encrypted (Art. 4(5)).
"""


@dataclass(frozen=True)
class ColumnEdge:
    """One step of column lineage.

    Args:
        treatment: What was done on the way.
        declared: Somebody or some run says so; otherwise the columns only have the same name.
    """

    source: Column
    target: Column
    treatment: str = "keep"
    declared: bool = True


@dataclass(frozen=True, order=True)
class Inherited:
    """A data category that came along lineage.

    Args:
        source: The tagged column at its beginning.
        hops: Number of steps from there.
    """

    category: str
    source: Column
    hops: int


def inherited(category: str, treatment: str) -> str | None:
    """Return the category of a column that is made from one of `category`; None when nothing of its values is left.

    A pseudonym is personal data: whoever has the key can tell whose it is (Art. 4(5)). A treatment that is not known
    here removes nothing.
    """
    if treatment in REMOVING:
        return None
    return PSEUDONYMOUS if treatment == "pseudonymise" and is_personal(category) else category


def travelled(known: Mapping[Column, str], edges: Iterable[ColumnEdge]) -> dict[Column, tuple[Inherited, ...]]:
    """Return what reaches each column along all steps, nearest first.

    What a column is tagged with itself goes on from there, and what it inherits does so only while it has no tag of its
    own: a tag is somebody's or a scan's word on exactly these values.

    Args:
        known: Columns with a tag of their own.
        edges: Circles are allowed: a table that is rewritten in place is made from itself.
    """
    onward: dict[Column, list[ColumnEdge]] = {}
    for edge in edges:
        if edge.source != edge.target:
            onward.setdefault(edge.source, []).append(edge)
    reached: dict[Column, dict[tuple[str, Column], Inherited]] = {}
    waiting = deque((column, Inherited(category, column, 0)) for column, category in sorted(known.items()))
    while waiting:
        # In the order of hops, so that the first that comes is the nearest.
        here, coming = waiting.popleft()
        for edge in onward.get(here, ()):
            category = inherited(coming.category, edge.treatment)
            if category is None or edge.target == coming.source:
                continue
            there = reached.setdefault(edge.target, {})
            if (category, coming.source) not in there:
                there[category, coming.source] = found = Inherited(category, coming.source, coming.hops + 1)
                if edge.target not in known:
                    waiting.append((edge.target, found))
    return {
        column: tuple(sorted(every.values(), key=lambda i: (i.hops, i.category, i.source)))
        for column, every in reached.items()
    }


def lineage_gaps(
    known: Mapping[Column, str],
    edges: Iterable[ColumnEdge],
    derived: Iterable[Column],
    settled: Iterable[Column] = (),
) -> list[Problem]:
    """Return a gap for every derived column that does not say what it holds, or says less than it is made from.

    Args:
        known: Columns with a category of their own, about people or not.
        edges: Column lineage.
        derived: Columns of derived tables.
        settled: Columns of which a person has said that they hold no personal data.
    """
    every = list(edges)
    reached, people = travelled(known, every), set(settled)
    declared = {(e.source, e.target) for e in every if e.declared}
    behind: dict[Column, list[Column]] = {}
    for edge in every:
        behind.setdefault(edge.target, []).append(edge.source)
    problems = []
    for column in sorted({*derived} - people):
        personal = [i for i in reached.get(column, ()) if is_personal(i.category)]
        own, where = known.get(column), f"table:{column[0]}.{column[1]}"
        if own is None and personal:
            nearest = personal[0]
            told = (
                f"the column is made from '{_name(nearest.source)}' and has no tag: it is taken to hold "
                f"{nearest.category} like it. Map it in the table's policy, or review its tag."
            )
            problems.append(Problem("lineage.untagged", told, where))
        elif own is None and column not in reached:
            sources = ", ".join(f"'{_name(s)}'" for s in sorted(behind.get(column, ()))[:3])
            says = f"made from {sources}, which has none either" if sources else "of a derived table, and from nowhere"
            told = f"the column has no tag; it is {says}. Map it, name its origin with 'copy_of', or scan the table."
            problems.append(Problem("lineage.unknown", told, where))
        elif own is not None and not is_personal(own):
            stated = [i for i in personal if i.hops > 1 or (i.source, column) in declared]
            if stated:
                told = (
                    f"the column is mapped as {own}, and made from '{_name(stated[0].source)}', whose values are "
                    f"{stated[0].category}; nothing on the way removes them."
                )
                problems.append(Problem("lineage.contradicted", told, where))
    return problems


def _name(column: Column) -> str:
    return f"{column[0]}.{column[1]}"
