"""Plan retention: which rules have rows past their period, and what the stages will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from delible.decide.retention import Standing, precedence
from delible.model.plan import RetentionPlan, RetentionStep, Stage, TableFacts
from delible.model.policy import PolicySet
from delible.model.retention import RetentionRule
from delible.plan.erasure import refuse_unsafe
from delible.plan.order import erasure_order
from delible.plan.untreatable import left_by_rule, refuse_untreatable

STAGES = (Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG)


@dataclass(frozen=True)
class PastPeriod:
    """What one rule found.

    Args:
        rows: Rows past their period that may go.
        held: Rows past their period that are KEPT for a hold or an open access request.
        standings: All rows that the rule covers, by where it stands on them.
        due: Keyed digest of which rows may go.
    """

    rule: RetentionRule
    rows: int
    held: int
    files: int
    bytes: int
    standings: Mapping[str, int] = field(default_factory=dict)
    due: str = ""


def plan_retention(
    policies: PolicySet,
    facts: Mapping[str, TableFacts],
    past: Sequence[PastPeriod],
    *,
    plan_id: str,
    now: datetime,
    immediate: bool,
    seen: Mapping[str, int] | None = None,
    held: str = "",
) -> RetentionPlan:
    """Return one step per rule that found rows past their period, upstream tables first, stricter rules first.

    Args:
        seen: Versions of the tables that rows were judged by.
        held: Digest of who was held.

    Raises:
        BlockedError: `erasure.feature`, `erasure.not_null`, `erasure.computed_column`, `erasure.too_long`,
            `readers.shared`.
    """
    with_rows = [p for p in past if p.rows or p.held or p.standings.get(Standing.DUTY)]
    touched = sorted({p.rule.table for p in with_rows if p.rows})
    refuse_unsafe(policies, facts, touched, immediate=immediate)
    refuse_untreatable((facts[p.rule.table], left_by_rule(p.rule, facts[p.rule.table])) for p in past if p.rows)
    order = erasure_order(policies.tables, {p.rule.table for p in with_rows})
    steps = sorted(with_rows, key=lambda p: (order.index(p.rule.table), precedence(p.rule)))
    return RetentionPlan(
        id=plan_id,
        created=now,
        policy_fingerprint=policies.fingerprint,
        immediate=immediate,
        seen=dict(seen or {}),
        held=held,
        tables=tuple(_step(p, facts[p.rule.table], now, immediate) for p in steps),
    )


def _step(past: PastPeriod, facts: TableFacts, now: datetime, immediate: bool) -> RetentionStep:
    return RetentionStep(
        table=past.rule.table,
        location=facts.location,
        version=facts.version,
        action=past.rule.action,
        rows=past.rows,
        files=past.files,
        bytes=past.bytes,
        stages=STAGES if past.rows else (),
        wait_hours=0 if immediate else max(facts.deleted_file_retention_hours, facts.log_retention_hours),
        reason=past.rule.reason,
        rule=past.rule.retention,
        held_rows=past.held,
        standings=dict(past.standings),
        as_of=now,
        due=past.due,
    )
