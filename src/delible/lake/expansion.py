"""From the identifiers that were given to all identifiers of the same person, and never to somebody else's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.reach import due_rows, keys_frame, spelled
from delible.model.policy import Controller, PolicySet, Reach
from delible.model.subject import KeyRole, KeyRow

_Key = tuple[str, str, str]
"""Request, kind and value."""


@dataclass(frozen=True)
class Expanded:
    """What the links lead to.

    Args:
        keys: All identifiers of the requests' data subjects.
        shared: Identifiers that a data subject has in common with somebody else, such as a family's telephone: they
            reach no row by themselves, and nothing is followed through them.
        ambiguous: Requests whose identifiers reach more than one person: never guessed, always asked.
    """

    keys: tuple[KeyRow, ...]
    shared: tuple[KeyRow, ...]
    ambiguous: frozenset[str]


def expand(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], given: Sequence[KeyRow]
) -> Expanded:
    """Follow the tables that link two kinds of identifiers, to a fixed point.

    Where a request names its subject key, it says who the data subject is: a row of another subject key is somebody
    else's, and what led there is shared. Where it names none, two subject keys are two people, and the request is
    ambiguous.
    """
    subject = policies.controller.subject
    named: dict[str, set[str]] = defaultdict(set)
    for key in given:
        if key.kind == subject:
            named[key.request].add(key.value)
    shared: set[_Key] = set()
    while True:
        known, met = _closure(spark, policies, frames, given, named, shared)
        if met <= shared:
            break
        # What was reached through a shared value before it was known to be shared may be somebody else's.
        shared |= met
    ambiguous = _ambiguous(policies.controller, known)
    return Expanded(
        tuple(k for k in known if k.request not in ambiguous),
        tuple(KeyRow(*key, KeyRole.SHARED) for key in sorted(shared) if key[0] not in ambiguous),
        ambiguous,
    )


def _closure(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    given: Sequence[KeyRow],
    named: Mapping[str, set[str]],
    left: Set[_Key],
) -> tuple[list[KeyRow], set[_Key]]:
    """Return all keys that the links lead to, and those by which somebody else's row was met.

    Args:
        left: Identifiers that are not followed.
    """
    known = {_key(k): k for k in given if _key(k) not in left}
    shared: set[_Key] = set()
    frontier: list[KeyRow] = list(known.values())
    while frontier:
        keys = keys_frame(spark, frontier)
        frontier = []
        linked = [_linked(policies, frames[name], name, reaches, keys) for name, reaches in policies.links()]
        if not linked:
            break
        for owner, key in _collected(reduce(DataFrame.unionByName, linked).distinct()):
            theirs = owner and named.get(key.request) and owner not in named[key.request]
            if theirs and _key(key) in known:
                shared.add(_key(key))
            elif not theirs and _key(key) not in known and _key(key) not in left:
                known[_key(key)] = key
                frontier.append(key)
    return list(known.values()), shared


def _linked(policies: PolicySet, frame: DataFrame, table: str, reaches: Sequence[Reach], keys: DataFrame) -> DataFrame:
    """Return the identifiers that stand in one row with a key, beside the subject key of that row."""
    controller = policies.controller
    entries = [F.struct(F.lit(r.identifies).alias("kind"), spelled(r, controller).alias("value")) for r in reaches]
    owner = next((spelled(r, controller) for r in reaches if r.identifies == controller.subject), F.lit(""))
    return (
        due_rows(frame, policies.tables[table], controller, keys)
        .select(
            F.col("__request").alias("request"),
            F.coalesce(owner, F.lit("")).alias("owner"),
            F.explode(F.array(*entries)).alias("entry"),
        )
        .select("request", "owner", "entry.kind", "entry.value")
        .where("value != ''")
    )


def _collected(frame: DataFrame) -> list[tuple[str, KeyRow]]:
    table = frame.toArrow()
    columns = (table.column(n).to_pylist() for n in ("request", "owner", "kind", "value"))
    return [(owner, KeyRow(r, k, v, KeyRole.FOUND)) for r, owner, k, v in zip(*columns, strict=True)]


def _key(row: KeyRow) -> _Key:
    return row.request, row.kind, row.value


def _ambiguous(controller: Controller, keys: Sequence[KeyRow]) -> frozenset[str]:
    """Return requests that reach two people, unless the data subject named all of the keys as their own.

    Two people are two values of the controller's subject kind; where a request reaches none, two values of any kind:
    whoever is only an e-mail address may share a telephone with somebody who is only another one.
    """
    found: dict[str, dict[str, set[str]]] = {}
    named: dict[tuple[str, str], set[str]] = {}
    for key in keys:
        found.setdefault(key.request, {}).setdefault(key.kind, set()).add(key.value)
        if key.role is KeyRole.GIVEN:
            named.setdefault((key.request, key.kind), set()).add(key.value)
    ambiguous = set()
    for request, kinds in found.items():
        judged = [controller.subject] if controller.subject in kinds else list(kinds)
        if any(len(kinds[kind]) > 1 and not kinds[kind] <= named.get((request, kind), set()) for kind in judged):
            ambiguous.add(request)
    return frozenset(ambiguous)
