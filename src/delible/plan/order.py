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
    return tuple(name for wave in erasure_waves(tables, names) for name in wave)


def erasure_waves(tables: Mapping[str, TablePolicy], names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the names in waves: no table of a wave is upstream of another, and all upstream tables came before.

    Raises:
        PolicyError: `policy.cycle` when tables are upstream of each other.
    """
    wanted = set(names)
    sorter = TopologicalSorter({name: set(tables[name].upstream) & set(tables) for name in tables})
    try:
        sorter.prepare()
    except CycleError as cycle:
        raise PolicyError(
            "policy.cycle",
            f"tables are upstream of each other: {' -> '.join(cycle.args[1])}.",
            fix="Remove one 'upstream' entry.",
        ) from None
    waves = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        sorter.done(*ready)
        waves.append(tuple(name for name in ready if name in wanted))
    return tuple(wave for wave in waves if wave)
