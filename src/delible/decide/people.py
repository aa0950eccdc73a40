"""Whose given rows are, without Spark: identifiers tied together by link tables, and paths of any number of hops.

The same reading as `lake.identity`, for the few rows of a policy test. Two values of the controller's subject kind
never become one person; an identifier that leads to two people is shared, and reaches nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from delible.model.policy import PolicySet, Reach, TablePolicy
from delible.model.subject import normalised
from delible.model.terms import Normalise

Key = tuple[str, str]
"""Identifier kind and normalised value."""

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


class People:
    """The people in given rows."""

    def __init__(self, policies: PolicySet, rows: Rows) -> None:
        self._policies = policies
        self._rows = rows
        self._known: dict[Key, set[Key]] = {}
        self._tie()

    def of(self, key: Key) -> frozenset[Key]:
        """Return the people whom an identifier leads to; more than one when it is shared."""
        return frozenset(self._known.get(key, {key}))

    def person(self, who: Mapping[str, Any]) -> frozenset[Key]:
        """Return the people whom a request's identifiers lead to, shared ones left out."""
        found = [self.of(self.key(kind, value)) for kind, value in who.items()]
        return frozenset(p for people in found if len(people) == 1 for p in people)

    def keys_of(self, people: frozenset[Key]) -> frozenset[Key]:
        """Return all identifiers that lead to any of the people."""
        return people | {key for key, known in self._known.items() if known & people}

    def linked(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Return all identifiers that link tables lead to from some, shared ones included, to a fixed point.

        This is how far a hold reaches: to keep somebody else's row too long is safe, to erase it too early is not.
        """
        rows = [
            frozenset(self._direct(reaches, row))
            for table, reaches in self._policies.links()
            for row in self._rows.get(table, ())
        ]
        known = keys
        while True:
            further = known.union(*(row for row in rows if row & known))
            if further == known:
                return known
            known = further

    def key(self, kind: str, value: Any) -> Key:
        """Return an identifier in the spelling under which two are equal."""
        return kind, normalised(str(value), self._policies.controller.identifiers[kind].normalise)

    def keys_in(self, table: str, row: Mapping[str, Any]) -> frozenset[Key]:
        """Return all identifiers that a row reaches, over any number of hops."""
        return self._reached(self._policies.tables[table], row, ())

    def owners(self, table: str, row: Mapping[str, Any]) -> frozenset[Key]:
        """Return the people whom a row reaches by identifiers that are theirs alone."""
        found = [self.of(key) for key in self.keys_in(table, row)]
        return frozenset(p for people in found if len(people) == 1 for p in people)

    def _tie(self) -> None:
        subject = self._policies.controller.subject
        loose: list[frozenset[Key]] = []
        for table, reaches in self._policies.links():
            for row in self._rows.get(table, ()):
                keys = frozenset(self._direct(reaches, row))
                named = {key for key in keys if key[0] == subject}
                for key in keys - named if named else ():
                    self._known.setdefault(key, set()).update(named)
                if not named and len(keys) > 1:
                    loose.append(keys)
        changed = True
        while changed:
            changed = False
            for keys in loose:
                people = set().union(*(self._known.get(key, set()) for key in keys))
                for key in keys:
                    before = self._known.get(key, set())
                    if not people <= before:
                        self._known[key] = before | people
                        changed = True
        self._name_the_rest(loose)

    def _name_the_rest(self, loose: Sequence[frozenset[Key]]) -> None:
        """Give identifiers that lead to no subject the least identifier that they are tied to."""
        groups: list[set[Key]] = []
        for keys in loose:
            fresh = {key for key in keys if key not in self._known}
            if not fresh:
                continue
            touching = [g for g in groups if g & fresh]
            groups = [g for g in groups if not g & fresh] + [fresh.union(*touching)]
        for group in groups:
            for key in group:
                self._known[key] = {min(group)}

    def _direct(self, reaches: Sequence[Reach], row: Mapping[str, Any]) -> list[Key]:
        found = []
        for reach in reaches:
            value = row.get(reach.column)
            if reach.identifies is not None and value is not None and str(value).strip():
                found.append(self.key(reach.identifies, value))
        return found

    def _reached(self, table: TablePolicy, row: Mapping[str, Any], passed: tuple[str, ...]) -> frozenset[Key]:
        found = set(self._direct(table.subject, row))
        for reach in table.subject:
            value = row.get(reach.column)
            if reach.through is None or reach.through in passed or value is None:
                continue
            through = self._policies.tables[reach.through]
            for other in self._rows.get(reach.through, ()):
                pointed = other.get(reach.matches or "")
                if pointed is not None and _exact(pointed) == _exact(value):
                    found |= self._reached(through, other, (*passed, table.table))
        return frozenset(found)


def _exact(value: Any) -> str:
    return normalised(str(value), Normalise.EXACT)
