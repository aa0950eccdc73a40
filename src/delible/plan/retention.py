"""Plan retention: which rules have rows past their period, and what the stages will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.errors import BlockedError, Problem
from delible.model.plan import RetentionPlan, RetentionStep, Stage, TableFacts
from delible.model.policy import PolicySet, RetentionRule
from delible.model.terms import ErasureAction, Readers
from delible.plan.erasure import ERASABLE_FEATURES
from delible.plan.order import erasure_order

STAGES = (Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG)


@dataclass(frozen=True)
class PastPeriod:
    """What one rule found.

    Args:
        rows: Rows past their period that may go.
        held: Rows past their period that are KEPT for a hold or an open access request.
    """

    rule: RetentionRule
    rows: int
    held: int
    files: int
    bytes: int


def plan_retention(
    policies: PolicySet,
    facts: Mapping[str, TableFacts],
    past: Sequence[PastPeriod],
    *,
    plan_id: str,
    now: datetime,
    immediate: bool,
) -> RetentionPlan:
    """Return one step per rule that found rows, upstream tables first.

    Raises:
        BlockedError: `retention.feature`, `retention.readers`.
    """
    with_rows = [p for p in past if p.rows or p.held]
    problems = [x for p in with_rows if p.rows for x in _refusals(policies, facts[p.rule.table], immediate)]
    if problems:
        raise BlockedError(problems[0].code, problems[0].message, where=problems[0].where, problems=tuple(problems))
    order = erasure_order(policies.tables, {p.rule.table for p in with_rows})
    steps = sorted(with_rows, key=lambda p: (order.index(p.rule.table), p.rule.retention))
    return RetentionPlan(
        id=plan_id,
        created=now,
        policy_fingerprint=policies.fingerprint,
        immediate=immediate,
        tables=tuple(_step(p, facts[p.rule.table], now, immediate) for p in steps),
    )


def _step(past: PastPeriod, facts: TableFacts, now: datetime, immediate: bool) -> RetentionStep:
    return RetentionStep(
        table=past.rule.table,
        location=facts.location,
        version=facts.version,
        action=ErasureAction.DELETE_ROW,
        rows=past.rows,
        files=past.files,
        bytes=past.bytes,
        stages=STAGES if past.rows else (),
        wait_hours=0 if immediate else max(facts.deleted_file_retention_hours, facts.log_retention_hours),
        reason=past.rule.reason,
        rule=past.rule.retention,
        held_rows=past.held,
        as_of=now,
    )


def _refusals(policies: PolicySet, facts: TableFacts, immediate: bool) -> list[Problem]:
    where = f"table:{facts.table}"
    problems = [
        Problem("retention.feature", f"table '{facts.table}' uses the Delta feature '{f}', which is not supported.", where)
        for f in facts.features
        if f not in ERASABLE_FEATURES
    ]
    if immediate and policies.tables[facts.table].readers is not Readers.EXCLUSIVE:
        problems.append(
            Problem(
                "retention.readers",
                f"table '{facts.table}' may have other readers; leave out --immediate, or declare "
                "'readers: exclusive' in its policy.",
                where,
            )
        )
    return problems
