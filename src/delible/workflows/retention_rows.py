"""What retention rules are judged by: rows, events that start clocks, and people who are held."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from delible.model.retention import EventClock, RetentionRule
from delible.workflows.control import Control
from delible.workflows.held import held_refs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.retention import Judging


def event_tables(control: Control) -> set[str]:
    """Return the tables whose events start clocks."""
    return {r.clock.table for r in control.policies.retention.values() if isinstance(r.clock, EventClock)}


def events_of(spark: SparkSession, control: Control, changing: Collection[str]) -> dict[str, DataFrame]:
    """Return the rows that start clocks; keys and times of tables that are about to change are set aside."""
    from delible.lake.facts import read
    from delible.lake.session import computed

    found = {name: read(spark, control.locations()[name]) for name in event_tables(control)}
    for name in found.keys() & set(changing):
        clocks = [r.clock for r in control.policies.retention.values() if isinstance(r.clock, EventClock)]
        needed = {c for clock in clocks if clock.table == name for c in (clock.target, clock.column)}
        found[name] = computed(found[name].select(*sorted(needed)))
    return found


def by_table(control: Control) -> dict[str, list[RetentionRule]]:
    """Return all rules, by the table that they are on."""
    rules: dict[str, list[RetentionRule]] = {}
    for rule in control.policies.retention.values():
        rules.setdefault(rule.table, []).append(rule)
    return rules


def judging_of(
    control: Control, table: str, as_of: datetime, held: DataFrame | None, events: Mapping[str, DataFrame]
) -> Judging:
    """Return what a table's rules are judged by: all of them, since one may bind another."""
    from delible.lake.retention import Judging

    rules = tuple(r for r in control.policies.retention.values() if r.table == table)
    return Judging(control.policies.tables[table], rules, as_of, events, held)


def versions_of(spark: SparkSession, control: Control) -> dict[str, int]:
    """Return the newest versions of tables that rules and clocks name; of all when somebody is held, to follow links.

    Raises:
        InputError: `table.missing`.
    """
    from delible.lake.facts import version_of

    locations = control.locations()
    needed = [*[rule.table for rule in control.policies.retention.values()], *sorted(event_tables(control))]
    if held_refs(control, claims=True, accessing=True):
        needed = list(control.policies.tables)
    return {name: version_of(spark, locations[name], table=name) for name in dict.fromkeys(needed)}


def frames_of(spark: SparkSession, control: Control, versions: Mapping[str, int]) -> dict[str, DataFrame]:
    """Return the rows of tables at versions: what is counted is what a plan says that it has seen."""
    from delible.lake.facts import read

    locations = control.locations()
    return {name: read(spark, locations[name], version=version) for name, version in versions.items()}
