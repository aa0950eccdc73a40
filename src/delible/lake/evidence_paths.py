"""By which links each identifier of a request was reached: places in tables and counts, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from delible.lake.expansion import Expanded
from delible.lake.reach import kind_of
from delible.model.identity import EvidencePath
from delible.model.policy import PolicySet
from delible.model.subject import KeyRole, KeyRow


def evidence_paths(
    policies: PolicySet, given: Sequence[KeyRow], expanded: Expanded, on_paths: Sequence[KeyRow]
) -> Mapping[str, tuple[EvidencePath, ...]]:
    """Return the ways per request, the shortest first.

    A request that an earlier run has searched for is left out: what led to its keys is known from then, and the rows
    that did may be gone.

    Args:
        policies: The tables with their paths.
        given: Keys that the search began with.
        expanded: What links led to.
        on_paths: Keys that paths of tables led to.
    """
    kinds = policies.controller.identifiers
    known = {k.request for k in given if k.role is KeyRole.FOUND and k.kind in kinds}
    hops = {
        kind_of(table, reach): f"{reach.through}.{reach.matches} = … → {name}.{reach.column}"
        for name, table in policies.tables.items()
        for reach in table.subject
        if reach.through is not None
    }
    found: Counter[tuple[str, str, str, tuple[str, ...]]] = Counter()
    for row in (*expanded.keys, *expanded.shared):
        if row.kind in kinds:
            way = tuple(map(str, expanded.paths.get((row.request, row.kind, row.value), ())))
            found[row.request, row.kind, row.role.value, way] += 1
    for row in on_paths:
        if row.kind in hops:
            found[row.request, row.kind, row.role.value, (hops[row.kind],)] += 1
    ways: dict[str, list[EvidencePath]] = {}
    for (request, kind, role, steps), count in sorted(found.items(), key=lambda x: (len(x[0][3]), x[0])):
        if request not in known:
            ways.setdefault(request, []).append(EvidencePath(kind=kind, role=role, steps=steps, identifiers=count))
    return {request: tuple(own) for request, own in ways.items()}
