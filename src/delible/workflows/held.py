"""People whose rows nothing may change now: under a hold, with a restriction, or with an open access request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from delible.decide.holds import covers, stopping
from delible.decide.restriction import is_granted, restricts
from delible.model.base import digest
from delible.model.record import SubjectHold
from delible.model.request import ENDED
from delible.model.terms import Right
from delible.workflows.control import Control

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.identity import RefKey

_FREEZING = frozenset({Right.ACCESS, Right.PORTABILITY})
"""An open access request freezes retention on the rows that it asks for; a restriction does until it is lifted, since
Art. 18(1)(b) and (c) ask that the data be kept."""


@dataclass(frozen=True)
class Held:
    """People who are held, and the tables' rows in which they are looked for.

    Args:
        groups: References over all linked identifiers, by the data categories that they are held for; none is all.
        frames: Rows of every policy table when there are any references.
    """

    spark: SparkSession
    control: Control
    groups: Mapping[tuple[str, ...], frozenset[str]]
    frames: Mapping[str, DataFrame]

    @staticmethod
    def of(
        spark: SparkSession, control: Control, frames: Mapping[str, DataFrame], *, claims: bool, accessing: bool
    ) -> Held:
        """Collect the held references.

        Args:
            claims: Whether a restriction holds that was asked for and is not granted yet, too. Whatever may only be
                kept longer by it must say yes: refused, the claim has cost a little time; granted, what is gone stays
                gone (Art. 18(1)).
            accessing: Whether an open access request holds, too.
        """
        from delible.lake.held import expanded_refs

        groups = _groups(control, claims=claims, accessing=accessing)
        found = {
            categories: expanded_refs(spark, control.policies, frames, refs, ref_key(control))
            for categories, refs in groups.items()
        }
        return Held(spark, control, found, frames)

    def combinations(self, table: str, columns: Collection[str] | None = None) -> DataFrame | None:
        """Return the reach values of a table's held rows; None when it has none.

        Args:
            columns: The columns in question; rows that are held for others only do not count. All when None.
        """
        from delible.lake.held import held_combinations

        policy = self.control.policies.tables[table]
        parts = [refs for categories, refs in self.groups.items() if covers(categories, policy, columns)]
        refs = frozenset().union(*parts)
        if not refs:
            return None
        return held_combinations(self.spark, self.control.policies, self.frames, table, refs, ref_key(self.control))

    def computed(self, tables: Iterable[str], *, texts: bool = False) -> dict[str, DataFrame]:
        """Return the reach values of the held rows of those tables that have any, computed now.

        Args:
            texts: Only rows whose free text is held.
        """
        from delible.lake.session import computed

        found = {}
        for name in tables:
            rows = self.combinations(name, self.control.policies.tables[name].free_text if texts else None)
            if rows is not None:
                found[name] = computed(rows)
        return found


def held_refs(control: Control, *, claims: bool = False, accessing: bool = False) -> frozenset[str]:
    """Return the references that holds, restrictions and, if asked, open access requests name; see `Held.of`."""
    return frozenset().union(*_groups(control, claims=claims, accessing=accessing).values())


def held_digest(control: Control, *, claims: bool, accessing: bool) -> str:
    """Return a digest of who is held, and for what; it tells nobody without the key of references."""
    groups = _groups(control, claims=claims, accessing=accessing)
    return digest({",".join(categories): sorted(refs) for categories, refs in groups.items()})


def _groups(control: Control, *, claims: bool, accessing: bool) -> dict[tuple[str, ...], frozenset[str]]:
    groups: dict[tuple[str, ...], set[str]] = {}
    for hold in control.holds.active():
        groups.setdefault(hold.categories, set()).update(hold.refs)
    for request in control.requests.all():
        open_access = accessing and request.right in _FREEZING and request.state not in ENDED
        # To keep longer, a claim is enough; others' erasures it holds back only when it is granted.
        if open_access or (restricts(request) and (claims or is_granted(request))):
            groups.setdefault((), set()).update(request.refs)
    return {categories: frozenset(refs) for categories, refs in groups.items()}


def stopping_holds(control: Control) -> list[SubjectHold]:
    """Return the active holds on people that stop an erasure of theirs."""
    return stopping(control.holds.active(), control.policies)


def ref_key(control: Control) -> RefKey:
    """Return the key of references, for Spark."""
    from delible.lake.identity import RefKey

    return RefKey(control.keys.version, control.keys.pads())
