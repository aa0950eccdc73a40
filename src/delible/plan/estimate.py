"""What a plan is expected to cost: its steps, their windows, its requests' due dates, and whether waiting pays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from delible.model.cost import Basis, Estimate, Range, TableCost
from delible.model.plan import PlannedRequest, RetentionStep, TableFacts, TableStep
from delible.model.policy import PolicySet
from delible.model.retention import EventClock, RetentionRule
from delible.model.statistics import TableStatistics
from delible.model.terms import ErasureAction, RetentionAction
from delible.plan.candidates import Candidates, files_before
from delible.plan.cost import Case, Found, in_waves, shared, step_cost
from delible.plan.gathering import Arrivals, gathering
from delible.plan.order import erasure_waves
from delible.plan.rates import Effort, Timed, expected_seconds
from delible.plan.windows import Schedule, cadence_of, due_risks, last_safe_start, table_windows


@dataclass(frozen=True)
class Grounds:
    """What an estimate is made from.

    Args:
        statistics: Of each policy table, as its log says; None where the log cannot be read.
        facts: Of each table of the plan.
        seen: What earlier runs took.
        zone: The controller's time zone.
        every: Tables of which a purge may rewrite any file: those with a dropped column, or with columns of change data
            among their own.
        more: Number and bytes of files with such columns, where the log tells.
    """

    policies: PolicySet
    statistics: Mapping[str, TableStatistics | None]
    facts: Mapping[str, TableFacts]
    seen: Mapping[Effort, Sequence[Timed]]
    zone: tzinfo
    now: datetime
    immediate: bool
    waves: Mapping[str, int] = field(default_factory=dict)
    every: Collection[str] = ()
    more: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def rows(self, table: str, *, read: bool) -> int | None:
        """Return how many rows a table has; None where they were not read and its log does not count them."""
        known = self.statistics.get(table)
        return self.facts[table].rows if read or known is None else known.rows

    def wave(self, table: str) -> int:
        """Return a table's wave, from 1."""
        return self.waves.get(table, 1)


def waves_of(policies: PolicySet, tables: Iterable[str]) -> dict[str, int]:
    """Return each table's place in the order: upstream tables come in earlier waves."""
    waves = erasure_waves(policies.tables, tables)
    return {name: number for number, wave in enumerate(waves, 1) for name in wave}


def erasure_estimate(
    steps: Sequence[TableStep],
    requests: Sequence[PlannedRequest],
    grounds: Grounds,
    *,
    candidates: Mapping[str, Candidates],
    arriving: Arrivals,
    anywhere: Iterable[str] | None = None,
    unknown: Sequence[str] = (),
) -> Estimate:
    """Return what an erasure is expected to cost.

    Args:
        candidates: Per table, the files that can hold due rows by its log.
        anywhere: Where no row was read, the tables of which any file may hold what is due; None where rows were
            counted.
        unknown: What cannot be told without reading rows.
    """
    costs = tuple(
        step_cost(
            Case(
                table=step.table,
                rule=None,
                wave=grounds.wave(step.table),
                statistics=grounds.statistics.get(step.table),
                rows=grounds.rows(step.table, read=anywhere is None),
                files=grounds.facts[step.table].files,
                bytes=grounds.facts[step.table].bytes,
                found=None if anywhere is not None else _found(step),
                candidates=candidates[step.table],
                anywhere=step.table in (anywhere or ()),
                updates=step.action is not ErasureAction.DELETE_ROW or bool(step.mentions),
                works=bool(step.stages),
                every=step.table in grounds.every,
                more=grounds.more.get(step.table, (0, 0)),
                texts=max(1, len(grounds.policies.tables[step.table].free_text)),
            ),
            grounds.seen,
        )
        for step in steps
    )
    return _estimate(costs, steps, grounds, read=anywhere is None, unknown=unknown, ending=(requests, arriving))


def retention_estimate(
    steps: Sequence[RetentionStep], grounds: Grounds, *, read: bool = True, unknown: Sequence[str] = ()
) -> Estimate:
    """Return what a retention run is expected to cost; nothing of it has a due date, and no byte search follows."""
    costs = []
    removed = set[str]()
    for step in steps:
        table, facts = grounds.statistics.get(step.table), grounds.facts[step.table]
        rule = grounds.policies.retention[step.rule]
        case = Case(
            table=step.table,
            rule=step.rule,
            wave=grounds.wave(step.table),
            statistics=table,
            rows=grounds.rows(step.table, read=read),
            files=facts.files,
            bytes=facts.bytes,
            found=_found(step) if read else None,
            candidates=_past(table, facts, rule, step.as_of),
            anywhere=False,
            updates=step.action is not RetentionAction.DELETE_ROW,
            works=bool(step.stages),
            removes=step.table not in removed,
            every=step.table in grounds.every or rule.aggregate is not None,
            more=grounds.more.get(step.table, (0, 0)),
        )
        removed |= {step.table} if step.stages else set()
        costs.append(step_cost(case, grounds.seen))
    return _estimate(shared(costs), steps, grounds, read=read, unknown=unknown)


def clock_columns(rule: RetentionRule) -> tuple[str, ...]:
    """Return the table's own columns that start a rule's clock; none where an event elsewhere may."""
    return () if isinstance(rule.clock, EventClock) else (rule.clock,)


def every_file(facts: TableFacts) -> Candidates:
    """Return all files of a table of whose values the log tells nothing."""
    return Candidates(facts.files, facts.bytes, facts.files)


def _past(table: TableStatistics | None, facts: TableFacts, rule: RetentionRule, as_of: datetime) -> Candidates:
    return every_file(facts) if table is None else files_before(table, clock_columns(rule), rule.keep, as_of)


def _found(step: TableStep) -> Found:
    return Found(step.rows, step.mentions, step.files, step.bytes, step.kept_rows)


def _estimate(
    costs: Sequence[TableCost],
    steps: Sequence[TableStep],
    grounds: Grounds,
    *,
    read: bool,
    unknown: Sequence[str],
    ending: tuple[Sequence[PlannedRequest], Arrivals] | None = None,
) -> Estimate:
    cadence, assumed = cadence_of(grounds.policies.controller.job_cadence)
    searched = _searched_bytes(grounds) if ending is not None and any(s.stages for s in steps) else 0
    verify = expected_seconds(Effort.VERIFY, searched, grounds.seen.get(Effort.VERIFY, ()))
    verify = verify if searched else Range.exactly(0)
    removing = Range(low=0, high=sum(c.removal_seconds.high for c in costs)) + verify
    rewriting = Range(low=0, high=sum(c.rewrite_seconds.high for c in costs))
    schedule = Schedule(grounds.now, grounds.immediate, grounds.facts, cadence, rewriting, removing)
    estimate = Estimate(
        basis=Basis.ROWS if read else Basis.STATISTICS,
        tables=tuple(costs),
        windows=table_windows(steps, schedule),
        cadence_hours=int(cadence.total_seconds() // 3600),
        cadence_assumed=assumed,
        verify_bytes=searched,
        verify_seconds=verify,
        seconds=in_waves(costs) + verify,
        measured={effort.value: len(grounds.seen.get(effort, ())) for effort in Effort},
        open=tuple(unknown),
    )
    if ending is None:
        return estimate
    requests, arriving = ending
    risks = due_risks(requests, steps, schedule, grounds.zone)
    first = min(risks, key=lambda r: (r.ends, r.request), default=None)
    safe = last_safe_start(first.ends, [s.table for s in steps if s.stages], schedule) if first is not None else None
    pays = gathering(
        costs,
        len(requests),
        now=grounds.now,
        last_safe=safe,
        first_due=first.request if first is not None else None,
        arriving=arriving,
    )
    return estimate.model_copy(update={"risks": risks, "gathering": pays})


def _searched_bytes(grounds: Grounds) -> int:
    """Return what the byte search reads: all files of all tables but those whose rule is to keep."""
    tables = grounds.policies.tables
    return sum(
        table.bytes
        for name, table in grounds.statistics.items()
        if table is not None and tables[name].erasure.action is not ErasureAction.KEEP
    )
