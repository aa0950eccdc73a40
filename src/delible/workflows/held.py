"""People whose rows nothing may change now: under a hold, with a restriction, or with an open access request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from delible.decide.consent import flag
from delible.model.request import ENDED
from delible.model.terms import Exclusion, Right
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
        refs: References over all linked identifiers.
        frames: Rows of every policy table when there are any references.
    """

    spark: SparkSession
    control: Control
    refs: frozenset[str]
    frames: Mapping[str, DataFrame]

    @staticmethod
    def of(spark: SparkSession, control: Control, frames: Mapping[str, DataFrame], *, accessing: bool) -> Held:
        """Collect the held references.

        Args:
            accessing: Whether an open access request holds, too.
        """
        from delible.lake.held import expanded_refs

        refs = held_refs(control, accessing=accessing)
        found = expanded_refs(spark, control.policies, frames, refs, _key(control)) if refs else frozenset()
        return Held(spark, control, found, frames)

    def combinations(self, table: str) -> DataFrame | None:
        """Return the reach values of a table's held rows; None when it has none."""
        from delible.lake.held import held_combinations

        if not self.refs:
            return None
        return held_combinations(self.spark, self.control.policies, self.frames, table, self.refs, _key(self.control))

    def computed(self, tables: Iterable[str]) -> dict[str, DataFrame]:
        """Return the reach values of the held rows of those tables that have any, computed now."""
        return {name: rows.localCheckpoint() for name in tables if (rows := self.combinations(name)) is not None}


def held_refs(control: Control, *, accessing: bool = False) -> frozenset[str]:
    """Return the references that holds, restrictions and, if asked, open access requests name."""
    refs = set(control.holds.refs())
    for request in control.requests.all():
        open_access = accessing and request.right in _FREEZING and request.state not in ENDED
        if open_access or flag(request) is Exclusion.RESTRICTED:
            refs.update(request.refs)
    return frozenset(refs)


def _key(control: Control) -> RefKey:
    from delible.lake.identity import RefKey

    return RefKey(control.keys.version, control.keys.pads())
