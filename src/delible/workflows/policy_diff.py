"""Compare two sets of policies on the real tables: what the new one would newly delete, keep and release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.holds import free_rules
from delible.errors import BlockedError, InputError, Problem
from delible.model.policy import PolicySet
from delible.model.retention import EventClock
from delible.plan.dataset import DatasetPlan, plan_dataset
from delible.plan.detection_diff import detection_change, only_detection
from delible.plan.gate_diff import loosened
from delible.plan.policy_diff import (
    DatasetChange,
    PolicyDiff,
    TableChange,
    changed_things,
    dataset_change,
    erasure_changes,
    retention_of,
    table_change,
)
from delible.store.consents import COLUMNS, Consents
from delible.store.policies import load_policy_folder
from delible.store.workspace import Workspace
from delible.workflows.consent import standing_flags
from delible.workflows.control import Control
from delible.workflows.held import Held, held_refs
from delible.workflows.spark import session_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.policy_diff import Acting

_SPLIT_DOMAIN = "delible:split"


def compare_policies(
    workspace: Workspace,
    old: Path,
    new: Path,
    *,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> PolicyDiff:
    """Return what the policies in NEW would do that those in OLD do not; nothing is written.

    Raises:
        PolicyError: When one of the folders cannot be read as policies.
    """
    before, after = (load_policy_folder(workspace, folder) for folder in (old, new))
    things = changed_things(before, after)
    detection = detection_change(before, after)
    if only_detection(things):
        return PolicyDiff(old=before.fingerprint, new=after.fingerprint, things=things, detection=detection)
    spark = session_for(workspace)
    first = _Side.of(workspace, before, spark, now)
    sides = (first, _Side.of(workspace, after, spark, now, like=first))
    tables, missing = [], {name for side in sides for name in side.missing}
    for name in sorted({r.table for p in (before, after) for r in p.retention.values()}):
        if {name, *(table for p in (before, after) for table in _clocks(p, name))} & missing:
            continue
        if retention_of(before, name, now.date()) == retention_of(after, name, now.date()):
            continue
        progress(f"{name}: judging under both sets")
        change = _table(name, sides)
        if change.due or change.kept:
            tables.append(change)
    datasets = []
    for name in sorted({*before.datasets, *after.datasets}):
        if _releasing(before, name) == _releasing(after, name):
            continue
        old_plan, new_plan = (_plan(side.policies, name) for side in sides)
        if {table for plan in (old_plan, new_plan) if plan is not None for table in plan.tables} & missing:
            released = DatasetChange(dataset=name, loosened=loosened(old_plan, new_plan))
        else:
            progress(f"dataset {name}: judging under both sets")
            released = _dataset(workspace, name, sides, (old_plan, new_plan), now)
        if released.released or released.withheld or released.loosened:
            datasets.append(released)
    return PolicyDiff(
        old=before.fingerprint,
        new=after.fingerprint,
        things=things,
        tables=tuple(tables),
        datasets=tuple(datasets),
        erasure=erasure_changes(before, after),
        detection=detection,
        missing=tuple(sorted(missing)),
    )


def irreversible(diff: PolicyDiff) -> BlockedError | None:
    """Return the error that a diff ends with when something could not be undone."""
    if not diff.irreversible:
        return None
    problems = tuple(Problem("policy.irreversible", f"{each}.") for each in diff.irreversible)
    return BlockedError("policy.irreversible", "the change would do what cannot be undone.", problems=problems)


@dataclass(frozen=True)
class _Side:
    """One set of policies, and the rows of the tables that it describes."""

    policies: PolicySet
    frames: Mapping[str, DataFrame]
    missing: frozenset[str]
    people: Held
    now: datetime

    @staticmethod
    def of(
        workspace: Workspace, policies: PolicySet, spark: SparkSession, now: datetime, *, like: _Side | None = None
    ) -> _Side:
        """Open the tables, and look for people whose rows are held.

        Args:
            like: The other side: where it describes all tables alike, its rows and people are this one's, too.
        """
        from delible.lake.facts import read, refuse_missing

        control = Control(workspace).under(policies)
        if like is not None and _describing(like.policies) == _describing(policies):
            return replace(like, policies=policies, people=replace(like.people, control=control))
        frames: dict[str, DataFrame] = {}
        missing = set()
        for name, table in policies.tables.items():
            place = workspace.location(table)
            try:
                refuse_missing(spark, place, table=name)
            except InputError:
                missing.add(name)
                continue
            frames[name] = read(spark, place)
        people = Held(spark, control, {}, frames)
        if held_refs(control, claims=True, accessing=True) and not missing:
            people = Held.of(spark, control, frames, claims=True, accessing=True)
        return _Side(policies, frames, frozenset(missing), people, now)

    def acting(self, table: str) -> Acting | None:
        """Return the table's rules that no hold stops, and what they are judged by; None when there are none.

        They are judged by all rules, as retention does it: a rule that a hold stops may still bind another.
        """
        from delible.lake.policy_diff import Acting
        from delible.lake.retention import Judging

        free = free_rules(self.policies, table, self.now.date())
        if not free:
            return None
        rules = tuple(r for r in self.policies.retention.values() if r.table == table)
        events = {r.clock.table: self.frames[r.clock.table] for r in rules if isinstance(r.clock, EventClock)}
        judging = Judging(self.policies.tables[table], rules, self.now, events, self.people.combinations(table))
        return Acting(judging, free)


def _describing(policies: PolicySet) -> object:
    """Return what says which rows there are and whose they are."""
    return policies.controller, policies.tables


def _releasing(policies: PolicySet, dataset: str) -> object:
    """Return all that a release hangs on, apart from rows, requests and consents; equal when nothing changed."""
    return policies.datasets.get(dataset), policies.purposes, _describing(policies)


def _clocks(policies: PolicySet, table: str) -> set[str]:
    """Return the tables by whose events a table's rules count."""
    clocks = (r.clock for r in policies.retention.values() if r.table == table)
    return {clock.table for clock in clocks if isinstance(clock, EventClock)}


def _table(name: str, sides: tuple[_Side, ...]) -> TableChange:
    from delible.lake.policy_diff import fates

    old, new = (side.acting(name) for side in sides)
    frame = next(side.frames[name] for side in reversed(sides) if name in side.frames)
    return table_change(name, _categories(name, sides), fates(frame, old, new))


def _dataset(
    workspace: Workspace,
    name: str,
    sides: tuple[_Side, ...],
    plans: tuple[DatasetPlan | None, DatasetPlan | None],
    now: datetime,
) -> DatasetChange:
    from delible.lake.policy_diff import compared

    makers = [
        partial(_kept, workspace, side, plan, now) if plan is not None else None
        for side, plan in zip(sides, plans, strict=True)
    ]
    only_old, only_new, both = compared(makers[0], makers[1])
    tables = {table for plan in plans if plan is not None for table in plan.sources}
    return dataset_change(
        name,
        plans,
        {(table, column): held for table in tables for column, held in _categories(table, sides).items()},
        only_old=only_old,
        only_new=only_new,
        both=both,
    )


def _plan(policies: PolicySet, name: str) -> DatasetPlan | None:
    """Return what a set lets out; None where the recipe is not there or nothing of it may leave."""
    if name not in policies.datasets:
        return None
    try:
        return plan_dataset(policies, name).plan
    except BlockedError:
        return None


def _kept(workspace: Workspace, side: _Side, plan: DatasetPlan, now: datetime) -> DataFrame:
    from delible.lake.consent import Question, flags_frame
    from delible.lake.dataset import Grounds, Secrets, kept_rows
    from delible.lake.facts import empty, read
    from delible.lake.identity import RefKey
    from delible.lake.policy_diff import placed
    from delible.store.keys import load_keys

    keys, spark, consents = load_keys(workspace), session_for(workspace), Consents(workspace)

    def rows(name: str) -> DataFrame:
        frame = side.frames[name]
        return placed(frame) if name in plan.sources else frame

    by = Grounds(
        read=rows,
        records=read(spark, consents.location) if consents.written else empty(spark, COLUMNS),
        flags=flags_frame(
            spark, standing_flags(workspace, keys, until=now, purpose=side.policies.purposes[plan.purpose])
        ),
        question=Question.of(side.policies.purposes[plan.purpose], plan.basis, as_of=now, known_at=now),
        secrets=Secrets(RefKey(keys.version, keys.pads()), keys.domain_pads(_SPLIT_DOMAIN), {}),
    )
    return kept_rows(plan, side.policies, by)


def _categories(table: str, sides: tuple[_Side, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for side in sides:
        policy = side.policies.tables.get(table)
        if policy is not None:
            found |= {column: entry.category for column, entry in policy.columns.items()}
    return found
