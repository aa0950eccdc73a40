"""What a plan will cost and what it did: the tables' logs, the ledger's times and the register's arrivals together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from delible.errors import InputError
from delible.model.cost import Estimate, TableComparison, TableCost
from delible.model.layout import DEFAULTS, DELETED_FILES, LOG, interval_hours
from delible.model.plan import ErasurePlan, RetentionPlan, RetentionStep, Stage, TableFacts, TableStep
from delible.model.statistics import TableStatistics
from delible.model.subject import KeyRow
from delible.model.terms import RequestState, Right
from delible.plan.candidates import candidate_files, wanted_columns
from delible.plan.comparison import Actual, compared
from delible.plan.cost import CHANGE_DATA
from delible.plan.estimate import Grounds, clock_columns, erasure_estimate, every_file, retention_estimate, waves_of
from delible.plan.gathering import Arrivals, arrivals
from delible.plan.rates import Effort, Timed, observations
from delible.store.statistics import table_statistics
from delible.workflows.calendars import zone_of
from delible.workflows.control import Control
from delible.workflows.treated import Treated

_LEARNT_FROM = timedelta(days=180)
"""Times of older runs say little about today's machines."""


def estimate_erasure(
    control: Control, plan: ErasurePlan, keys: Sequence[KeyRow], facts: Mapping[str, TableFacts], now: datetime
) -> Estimate:
    """Return what an erasure plan is expected to cost, after its rows were counted.

    Args:
        keys: All that were found: whatever is due, they reach it.
    """
    grounds = grounds_of(control, facts, now, immediate=plan.immediate, versions=plan.seen)
    policies = control.policies
    candidates = {}
    for name, fact in facts.items():
        table, policy = grounds.statistics.get(name), policies.tables[name]
        wanted = wanted_columns(policy, policies.controller, keys)
        candidates[name] = every_file(fact) if table is None else candidate_files(table, wanted)
    made = erasure_estimate(plan.tables, plan.requests, grounds, candidates=candidates, arriving=arriving(control, now))
    return _with_unnamed(made, plan)


def estimate_retention(
    control: Control, plan: RetentionPlan, facts: Mapping[str, TableFacts], now: datetime
) -> Estimate:
    """Return what a retention plan is expected to cost, after its rows were counted."""
    return _with_unnamed(
        retention_estimate(plan.tables, grounds_of(control, facts, now, immediate=plan.immediate)), plan
    )


def _with_unnamed(estimate: Estimate, plan: ErasurePlan | RetentionPlan) -> Estimate:
    """Add the files that no log entry names, where VACUUM is going to look at them."""
    from delible.lake.leftovers import Kind, leftovers

    places = {step.table: step.location for step in plan.tables if step.stages}
    costs = []
    for cost in estimate.tables:
        place = places.pop(cost.table, None) if cost.objects else None
        found = [f for f in leftovers(place) if f.kind is Kind.UNNAMED] if place is not None else []
        counts = {"unnamed": len(found), "unnamed_bytes": sum(f.bytes for f in found)}
        costs.append(cost.model_copy(update=counts))
    return estimate.model_copy(update={"tables": tuple(costs)})


def grounds_of(
    control: Control,
    facts: Mapping[str, TableFacts],
    now: datetime,
    *,
    immediate: bool,
    versions: Mapping[str, int] | None = None,
    statistics: Mapping[str, TableStatistics | None] | None = None,
) -> Grounds:
    """Gather what an estimate is made from.

    Args:
        versions: Versions that rows were counted at; the newest without one.
        statistics: What the logs say, where they were read already.
    """
    versions = versions or {name: fact.version for name, fact in facts.items()}
    known = statistics if statistics is not None else statistics_of(control, control.policies.tables, versions)
    beside = {name: _purged_besides(fact) for name, fact in facts.items()}
    return Grounds(
        policies=control.policies,
        statistics=known,
        facts=facts,
        seen=_seen(control, now),
        zone=zone_of(control.policies.controller),
        now=now,
        immediate=immediate,
        waves=waves_of(control.policies, facts),
        every={name for name, files in beside.items() if files is None},
        more={name: files for name, files in beside.items() if files is not None},
    )


def _purged_besides(facts: TableFacts) -> tuple[int, int] | None:
    """Return number and bytes of files that a purge may rewrite without a due or hidden row; None for any file."""
    from delible.lake.commits import beside_change_data
    from delible.lake.description import description, has_dropped_columns, settings_of

    described = description(facts.location)
    if has_dropped_columns(described):
        return None
    on = settings_of(described).get(CHANGE_DATA, "").lower() == "true" or "changeDataFeed" in facts.features
    return beside_change_data(facts.location) if on and "deletionVectors" in facts.features else (0, 0)


def statistics_of(
    control: Control, names: Collection[str], versions: Mapping[str, int] | None = None
) -> dict[str, TableStatistics | None]:
    """Return what the logs of tables say, with the bounds of the columns by which rows reach people or grow old."""
    locations, policies = control.locations(), control.policies
    clocks: dict[str, set[str]] = {}
    for rule in policies.retention.values():
        clocks.setdefault(rule.table, set()).update(clock_columns(rule))
    return {
        name: table_statistics(
            locations[name],
            {r.column for r in policies.tables[name].subject} | clocks.get(name, set()),
            version=(versions or {}).get(name),
        )
        for name in names
    }


def facts_by_log(table: str, location: str, statistics: TableStatistics) -> TableFacts:
    """Return a table's facts without Spark, as far as an estimate hangs on them.

    Raises:
        InputError: `table.interval` for a window that Delta itself would refuse.
    """

    def hours(key: str) -> int:
        try:
            return interval_hours(statistics.properties.get(key, DEFAULTS[key]))
        except ValueError as error:
            raise InputError("table.interval", f"{error}.", where=f"table:{table}") from None

    return TableFacts(
        table=table,
        location=location,
        version=statistics.version,
        rows=statistics.rows or 0,
        files=statistics.files,
        bytes=statistics.bytes,
        features=tuple(statistics.features),
        deleted_file_retention_hours=hours(DELETED_FILES),
        log_retention_hours=hours(LOG),
    )


def arriving(control: Control, now: datetime) -> Arrivals:
    """Return how many erasure requests have been coming in; those that repeat another one bring no work."""
    register = control.requests.all()
    asked = [r.received for r in register if r.right is Right.ERASURE and r.state is not RequestState.DUPLICATE]
    return arrivals(asked, now)


def expected(plan: ErasurePlan | RetentionPlan, step: TableStep) -> TableCost | None:
    """Return what a plan expects one of its steps to cost; plans of earlier versions expect nothing."""
    rule = step.rule if isinstance(step, RetentionStep) else None
    return plan.estimate.of(step.table, rule) if plan.estimate is not None else None


def comparisons(plan: ErasurePlan | RetentionPlan, tables: Sequence[Treated]) -> tuple[TableComparison, ...]:
    """Return what each step cost beside its estimate; steps that were not carried out are left out."""
    found = []
    for each in tables:
        cost = expected(plan, each.step)
        if cost is not None and each.step.stages:
            actual = Actual(
                rows=each.rows + each.mentions,
                files=max(each.files_rewritten, each.files_purged),
                bytes=each.bytes_replaced,
                rewriting=each.rewriting,
                removing=each.removing,
            )
            found.append(compared(cost, actual))
    return tuple(found)


def _seen(control: Control, now: datetime) -> dict[Effort, list[Timed]]:
    since = now - _LEARNT_FROM
    ledger = control.ledger
    stages = tuple(s.value for s in Stage)
    records = [
        record
        for verb in ("erasure", "retention")
        for record in ledger.records(action_prefix=f"{verb}.", since=since)
        if record.action.partition(".")[2] in stages
    ]
    return observations(records)
