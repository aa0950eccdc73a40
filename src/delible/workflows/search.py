"""Find the people of requests in all tables: the part that planning and applying share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from delible.decide.holds import hold_on
from delible.model.plan import RowsDue, TableFacts
from delible.model.subject import KeyRow, SubjectRef
from delible.workflows.control import Control

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.lake.find import Found


@dataclass(frozen=True)
class Searched:
    """What was found.

    Args:
        due: Rows per table, mentions included.
        cost: Files and bytes per table.
        refs: All references of each request's data subject, found identifiers included.
        held: Requests whose data subject is under a hold by an identifier that only the search revealed.
    """

    found: Found
    due: Mapping[str, RowsDue]
    cost: Mapping[str, tuple[int, int]]
    locations: Mapping[str, str]
    versions: Mapping[str, int]
    refs: Mapping[str, tuple[SubjectRef, ...]]
    held: Mapping[str, str]

    def facts(self, spark: SparkSession, table: str) -> TableFacts:
        """Read one table's facts."""
        from delible.lake.facts import table_facts

        return table_facts(spark, self.locations[table], table=table)


def find_people(spark: SparkSession, control: Control, given: Sequence[KeyRow], *, erasing: bool = True) -> Searched:
    """Follow all links and paths from the given identifiers, and count rows and mentions.

    Args:
        erasing: Also collect evidence for the byte search, and look for mentions in other people's texts.

    Raises:
        InputError: `table.missing` when a policy's table does not exist: it might hold what must be erased.
    """
    from delible.lake.facts import read, version_of
    from delible.lake.find import find, keys_frame
    from delible.lake.mentions import count_mentions, telling_values

    policies, locations = control.policies, control.locations()
    frames, versions = {}, {}
    for name, location in locations.items():
        versions[name] = version_of(spark, location, table=name)
        frames[name] = read(spark, location, version=versions[name])
    found = find(spark, policies, frames, given, evidence=erasing)
    values = telling_values(found.keys, policies.controller)
    keys = keys_frame(spark, found.keys)
    due = {name: table.due for name, table in found.tables.items()}
    mentioned = count_mentions(spark, policies, frames, keys, values) if erasing else {}
    for name, mentions in mentioned.items():
        due[name] = due.get(name, RowsDue(table=name, rows=0)).model_copy(update={"mentions": mentions})
    refs = _refs(control, found.keys)
    active = control.holds.active()
    held = {request: hold.id for request, own in refs.items() if (hold := hold_on(own, active)) is not None}
    cost = {name: (table.files, table.bytes) for name, table in found.tables.items()}
    return Searched(found, due, cost, locations, versions, refs, held)


def _refs(control: Control, keys: Sequence[KeyRow]) -> dict[str, tuple[SubjectRef, ...]]:
    kinds = control.policies.controller.identifiers
    refs: dict[str, dict[SubjectRef, None]] = {}
    for key in keys:
        if key.kind in kinds:
            ref = control.keys.ref(key.kind, key.value, kinds[key.kind].normalise)
            refs.setdefault(key.request, {})[ref] = None
    return {request: tuple(own) for request, own in refs.items()}
