"""What an erasure or a retention run may cost, told from the tables' logs alone: no row is read, no JVM started.

Nothing is planned here: who is reached, and whether a table can be erased at all, is for the plan to find out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delible.decide.holds import hold_on_rule
from delible.errors import InputError, Problem
from delible.model.cost import Estimate
from delible.model.plan import PlannedRequest, RetentionStep, TableFacts, TableStep
from delible.model.policy import TablePolicy
from delible.model.statistics import TableStatistics
from delible.model.subject import own_keys
from delible.model.terms import ErasureAction
from delible.plan.candidates import candidate_files, given_columns, kind_of, linked_kinds
from delible.plan.erasure import ALL_STAGES
from delible.plan.estimate import erasure_estimate, retention_estimate
from delible.plan.order import erasure_order
from delible.plan.retention import STAGES
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure_plan import chosen_requests, nothing_due, without_held
from delible.workflows.estimates import arriving, facts_by_log, grounds_of, statistics_of
from delible.workflows.policies import refuse_violations


@dataclass(frozen=True)
class Forecast:
    """An estimate without a plan.

    Args:
        requests: Ids of the requests that it is for.
        left_out: Requests that cannot be planned now, each with the reason.
    """

    estimate: Estimate
    requests: tuple[str, ...] = ()
    left_out: tuple[Problem, ...] = ()


def forecast_erasures(workspace: Workspace, *, now: datetime, immediate: bool = False) -> Forecast:
    """Return what erasing for all approved requests may cost.

    Raises:
        BlockedError: `erasure.nothing_due`, `policy.violations`; the first reason when every request is left out.
        InputError: `table.unreadable`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables", "exceptions"))
    chosen, left_out = chosen_requests(control, (), now)
    chosen, held = without_held(control, chosen)
    if not chosen:
        raise nothing_due([*left_out, *held])
    policies = control.policies
    names = [n for n, t in policies.tables.items() if t.erasure.action is not ErasureAction.KEEP and _personal(t)]
    statistics, facts = _read(control, list(policies.tables))
    keys = own_keys(control.requests.vault.get([r.id for r in chosen]))
    wanted = {n: given_columns(policies.tables[n], policies.controller, keys, len(chosen)) for n in names}
    candidates = {n: candidate_files(statistics[n], wanted[n]) for n in names}
    linked = linked_kinds(policies)
    reasons = {n: _reasons(policies.tables[n], linked) for n in names}
    estimate = erasure_estimate(
        [
            _step(policies.tables[n], facts[n], touched=bool(candidates[n].files or reasons[n]))
            for n in erasure_order(policies.tables, names)
        ],
        [PlannedRequest(id=r.id, due=r.due.isoformat(), matched=False) for r in chosen],
        grounds_of(control, facts, now, immediate=immediate, statistics=statistics),
        candidates=candidates,
        arriving=arriving(control, now),
        anywhere=[n for n in names if reasons[n]],
        unknown=[f"Any file of '{n}' may be hit: {', and '.join(reasons[n])}." for n in names if reasons[n]],
    )
    return Forecast(estimate, tuple(r.id for r in chosen), (*left_out, *held))


def forecast_retention(
    workspace: Workspace,
    *,
    now: datetime,
    immediate: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Forecast:
    """Return what the retention rules may have removed now.

    Raises:
        BlockedError: `policy.violations`.
        InputError: `table.unreadable`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables", "retention", "legal_holds"))
    policies = control.policies
    rules = []
    for rule in policies.retention.values():
        hold = hold_on_rule(policies, rule, now.date())
        if hold is None:
            rules.append(rule)
        else:
            progress(f"{rule.retention} on {rule.table} is stopped by legal hold {hold}")
    statistics, facts = _read(control, sorted({r.table for r in rules}))
    order = erasure_order(policies.tables, facts)
    steps = [
        RetentionStep(
            **_shared(facts[rule.table]),
            action=rule.action,
            stages=STAGES,
            rule=rule.retention,
            as_of=now,
        )
        for rule in sorted(rules, key=lambda r: (order.index(r.table), r.retention))
    ]
    grounds = grounds_of(control, facts, now, immediate=immediate, statistics=statistics)
    unknown = ("Which rows are held, or covered by another rule or a duty, is known once rows are read.",)
    return Forecast(retention_estimate(steps, grounds, read=False, unknown=unknown))


def _read(control: Control, names: Sequence[str]) -> tuple[Mapping[str, TableStatistics], Mapping[str, TableFacts]]:
    """Return what the logs say.

    Raises:
        InputError: `table.unreadable`.
    """
    found, locations = statistics_of(control, names), control.locations()
    statistics = {name: table for name, table in found.items() if table is not None}
    for name in names:
        if name not in statistics:
            raise InputError(
                "table.unreadable",
                f"the log of table '{name}' cannot be read without Spark, or there is no table at its path.",
                where=f"table:{name}",
                fix="Leave out --no-read, or correct 'path' in its policy.",
            )
    return statistics, {n: facts_by_log(n, locations[n], table) for n, table in statistics.items()}


def _personal(policy: TablePolicy) -> bool:
    return bool(policy.subject or policy.free_text)


def _step(policy: TablePolicy, facts: TableFacts, *, touched: bool) -> TableStep:
    stages = ALL_STAGES if touched else ()
    return TableStep(**_shared(facts), action=policy.erasure.action, stages=stages)


def _shared(facts: TableFacts) -> dict[str, Any]:
    return {
        "table": facts.table,
        "location": facts.location,
        "version": facts.version,
        "rows": 0,
        "files": 0,
        "bytes": 0,
        "wait_hours": max(facts.deleted_file_retention_hours, facts.log_retention_hours),
    }


def _reasons(policy: TablePolicy, linked: frozenset[str]) -> list[str]:
    """Return why any file of a table may hold more than the identifiers as they were given lead to."""
    more = sorted({kind_of(policy, r) for r in policy.subject if r.identifies in linked or r.through is not None})
    reasons = [f"more of {', '.join(more)} may be found by links and paths"] if more else []
    return [*reasons, "free text may mention anybody"] if policy.free_text else reasons
