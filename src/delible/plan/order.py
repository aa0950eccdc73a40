"""The order in which tables must be treated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from delible.errors import PolicyError
from delible.model.policy import TablePolicy


def erasure_order(tables: Mapping[str, TablePolicy], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names with upstream tables first, or a derived table's next refresh would bring the rows back.

    Raises:
        PolicyError: `policy.cycle` when tables are upstream of each other.
    """
    wanted = sorted(set(names))
    graph = {name: sorted(set(tables[name].upstream) & set(tables)) for name in sorted(tables)}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as cycle:
        raise PolicyError(
            "policy.cycle",
            f"tables are upstream of each other: {' -> '.join(cycle.args[1])}.",
            fix="Remove one 'upstream' entry.",
        ) from None
    return tuple(name for name in order if name in wanted)
