"""From the identifiers that were given to all identifiers of the same person, and never to somebody else's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple, Protocol

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.reach import due_rows, keys_frame, spelled
from delible.model.policy import Controller, PolicySet, Reach
from delible.model.subject import KeyRole, KeyRow

Key = tuple[str, str, str]
"""Request, kind and value."""


class Step(NamedTuple):
    """One step over a link table, in places and without values.

    Args:
        kind: Of the identifier that was known.
        here: The column that it stands in, as `table.column`.
        there: The column of the identifier that it led to.
    """

    kind: str
    here: str
    there: str

    def __str__(self) -> str:
        """Return the step as it is shown."""
        return f"{self.here} = … → {self.there}"


@dataclass(frozen=True)
class Expanded:
    """What the links lead to.

    Args:
        keys: All identifiers of the requests' data subjects.
        shared: Identifiers that a data subject has in common with somebody else, such as a family's telephone: they
            reach no row by themselves, and nothing is followed through them.
        ambiguous: Requests whose identifiers reach more than one person: never guessed, always asked.
        paths: How each identifier was reached, shortest first; of several ways of one length the first by name.
        merging: Per ambiguous request the links that would make one person of two, such as `phone (customers.phone)`.
    """

    keys: tuple[KeyRow, ...]
    shared: tuple[KeyRow, ...]
    ambiguous: frozenset[str]
    paths: Mapping[Key, tuple[Step, ...]] = field(default_factory=dict)
    merging: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def expand(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], given: Sequence[KeyRow]
) -> Expanded:
    """Follow the tables that link two kinds of identifiers, to a fixed point.

    Where a request names its subject key, it says who the data subject is: a row of another subject key is somebody
    else's, and what led there is shared. Where it names none, two subject keys are two people, and the request is
    ambiguous. A row without a subject key counts as the data subject's as long as it brings no second value of a kind,
    such as a guest's address beside a family's telephone; with one, it is treated like a row of somebody else.
    """
    return settled(policies.controller, given, _Links(spark, policies, frames))


def settled(controller: Controller, given: Sequence[KeyRow], links: Links) -> Expanded:
    """Return what links lead to; see `expand`."""
    given = [k for k in given if k.role in (KeyRole.GIVEN, KeyRole.FOUND)]
    subject = controller.subject
    named: dict[str, set[str]] = defaultdict(set)
    for key in given:
        if key.kind == subject:
            named[key.request].add(key.value)
    shared: set[Key] = set()
    foreign: set[Key] = set()
    while True:
        closure = _Closure(given, named, shared | foreign)
        closure.run(links)
        more_shared, more_foreign, asked = closure.conflicts(foreign, subject)
        if more_shared <= shared and more_foreign <= foreign:
            break
        # What was reached through such a value before it was known to be shared may be somebody else's.
        shared |= more_shared
        foreign |= more_foreign
    known = list(closure.known.values())
    merged = _ambiguous(controller, known, {_key(k) for k in given}, closure.paths)
    ambiguous = frozenset(merged) | frozenset(asked)
    return Expanded(
        tuple(k for k in known if k.request not in ambiguous),
        tuple(KeyRow(*key, KeyRole.SHARED) for key in sorted(shared) if key[0] not in ambiguous),
        ambiguous,
        closure.paths,
        {r: tuple(sorted(merged.get(r, set()) | asked.get(r, set()))) for r in ambiguous},
    )


class Links(Protocol):
    """Tables whose rows tie identifiers to each other."""

    def rows(self, keys: Sequence[KeyRow]) -> list[tuple[str, LinkRow]]:
        """Return the distinct rows that keys reach, each with the request that it was reached for."""
        ...


@dataclass(frozen=True)
class LinkRow:
    """One row of a link table: whose subject key it has, and the identifiers that stand in it.

    Args:
        places: The column of each entry, as `table.column`.
    """

    owner: str
    entries: tuple[Key, ...]
    places: tuple[str, ...] = ()

    def place(self, key: Key) -> str:
        """Return the column that an identifier stands in."""
        return next((p for k, p in zip(self.entries, self.places, strict=False) if k == key), key[1])


class _Closure:
    """All keys that the links lead to, and the rows that led there.

    Args:
        left: Identifiers that are not followed.
    """

    def __init__(self, given: Sequence[KeyRow], named: Mapping[str, set[str]], left: Set[Key]) -> None:
        self.known = {_key(k): k for k in given if _key(k) not in left}
        self.paths: dict[Key, tuple[Step, ...]] = dict.fromkeys(self.known, ())
        self._solid = {_key(k) for k in given}
        self._named = named
        self._left = left
        self._rows: list[tuple[str, LinkRow]] = []

    def run(self, links: Links) -> None:
        """Follow the links until nothing is found."""
        frontier = list(self.known.values())
        while frontier:
            reached: dict[Key, tuple[Step, ...]] = {}
            before = {_key(k) for k in frontier}
            for request, row in links.rows(frontier):
                self._rows.append((request, row))
                if self._is_of_another(request, row):
                    continue
                if row.owner:
                    self._solid.update(row.entries)
                for key in row.entries:
                    if key not in self.known and key not in self._left:
                        way = self._way(row, key, before)
                        reached[key] = min(reached.get(key, way), way)
            self.paths |= reached
            self.known |= {key: KeyRow(*key, KeyRole.FOUND) for key in reached}
            frontier = [self.known[key] for key in reached]

    def _way(self, row: LinkRow, key: Key, before: Set[Key]) -> tuple[Step, ...]:
        """Return the first by name of the ways on which a row leads to a key, whatever the order of rows."""
        known = [k for k in row.entries if k in before]
        return min((*self.paths[k], Step(k[1], row.place(k), row.place(key))) for k in known)

    def conflicts(self, foreign: Set[Key], subject: str) -> tuple[set[Key], set[Key], dict[str, set[str]]]:
        """Return shared identifiers, identifiers of others, and requests that must be asked, each with the links."""
        shared: set[Key] = set()
        others: set[Key] = set()
        asked: dict[str, set[str]] = {}
        values: dict[tuple[str, str], set[str]] = defaultdict(set)
        for request, kind, value in self.known:
            values[request, kind].add(value)
        for request, row in self._rows:
            second = not row.owner and any(
                key not in self._solid and key in self.known and len(values[key[0], key[1]]) > 1 for key in row.entries
            )
            theirs = self._is_of_another(request, row) or (not row.owner and not foreign.isdisjoint(row.entries))
            if second and not self._named.get(request):
                one = [k for k in row.entries if len(values[k[0], k[1]]) == 1] or list(row.entries)
                asked.setdefault(request, set()).update(_link(k[1], row.place(k)) for k in one)
            elif second or theirs:
                for key in row.entries:
                    if key in self.known and key[1] != subject:
                        (shared if key in self._solid else others).add(key)
        return shared, others, asked

    def _is_of_another(self, request: str, row: LinkRow) -> bool:
        own = self._named.get(request)
        return bool(row.owner and own and row.owner not in own)


@dataclass(frozen=True)
class _Links:
    """The link tables."""

    spark: SparkSession
    policies: PolicySet
    frames: Mapping[str, DataFrame]

    def rows(self, keys: Sequence[KeyRow]) -> list[tuple[str, LinkRow]]:
        """Return the distinct rows that keys reach, each with the request that it was reached for."""
        reaching = keys_frame(self.spark, keys)
        parts = [self._of(name, reaches, reaching) for name, reaches in self.policies.links()]
        if not parts:
            return []
        table = reduce(DataFrame.unionByName, parts).distinct().toArrow()
        columns = (table.column(n).to_pylist() for n in ("request", "owner", "entries"))
        return [
            (
                request,
                LinkRow(
                    owner, tuple((request, e["kind"], e["value"]) for e in entries), tuple(e["place"] for e in entries)
                ),
            )
            for request, owner, entries in zip(*columns, strict=True)
        ]

    def _of(self, table: str, reaches: Sequence[Reach], keys: DataFrame) -> DataFrame:
        controller = self.policies.controller
        entries = [
            F.struct(
                F.lit(r.identifies).alias("kind"),
                spelled(r, controller).alias("value"),
                F.lit(f"{table}.{r.column}").alias("place"),
            )
            for r in reaches
        ]
        owner = next((spelled(r, controller) for r in reaches if r.identifies == controller.subject), F.lit(""))
        return due_rows(self.frames[table], self.policies.tables[table], controller, keys).select(
            F.col("__request").alias("request"),
            F.coalesce(owner, F.lit("")).alias("owner"),
            F.filter(F.array(*entries), lambda e: e["value"].isNotNull() & ~e["value"].isin("", "+")).alias("entries"),
        )


def _key(row: KeyRow) -> Key:
    return row.request, row.kind, row.value


def _link(kind: str, place: str) -> str:
    return f"{kind} ({place})"


def _ambiguous(
    controller: Controller, keys: Sequence[KeyRow], given: Set[Key], paths: Mapping[Key, tuple[Step, ...]]
) -> dict[str, set[str]]:
    """Return requests that reach two people, unless the data subject named all of the keys as their own.

    With each, the links that would make one person of two: the last steps on the longest ways to one of them.

    Two people are two values of the controller's subject kind; where a request reaches none, two values of any kind:
    whoever is only an e-mail address may share a telephone with somebody who is only another one.
    """
    found: dict[str, dict[str, set[Key]]] = {}
    for key in keys:
        if key.kind in controller.identifiers:
            found.setdefault(key.request, {}).setdefault(key.kind, set()).add(_key(key))
    ambiguous: dict[str, set[str]] = {}
    for request, kinds in found.items():
        judged = [controller.subject] if controller.subject in kinds else list(kinds)
        for kind in judged:
            if len(kinds[kind]) > 1 and not kinds[kind] <= given:
                ways = [paths[key] for key in kinds[kind] if paths.get(key)]
                longest = max(map(len, ways), default=0)
                last = [way[-1] for way in ways if len(way) == longest]
                ambiguous.setdefault(request, set()).update(_link(step.kind, step.here) for step in last)
    return ambiguous
