"""Whether a retention plan still fits: policies, tables, clocks and who is held, as they are now.

It fits while the same rows would go: other rows may come, of which none is due at the plan's instant, and files may be
others, or a table under a stream could never be kept to its periods. A plan of rows that nobody has read is stale.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from delible.errors import StalePlanError
from delible.model.base import canonical
from delible.model.plan import RetentionPlan, RetentionStep, Stage
from delible.workflows.control import Control
from delible.workflows.held import Held, held_digest
from delible.workflows.journal import Journal
from delible.workflows.retention_rows import frames_of, judging_of, versions_of
from delible.workflows.spark import session_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from delible.lake.retention import Counted

_AGAIN = "Make a new plan with: delible retention plan"


def fitting(control: Control, journal: Journal, plan: RetentionPlan, progress: Callable[[str], None]) -> RetentionPlan:
    """Return the plan, or where policies or tables have overtaken it, the steps whose rows were rewritten already.

    Their old bytes have to go whatever came since. Under other policies a step that was cut short is not gone on with.

    Raises:
        StalePlanError: `plan.stale` when there are none.
    """
    steps = [s for s in plan.tables if s.stages]
    started, done = (
        [s for s in steps if journal.record(f"table:{s.table}/{s.rule}", Stage.MERGE, outcome) is not None]
        for outcome in ("started", "done")
    )
    if plan.policy_fingerprint != control.policies.fingerprint and len(done) < len(steps):
        begun = done
        stale = StalePlanError(
            "plan.stale", "the policies have changed since the plan was made.", where=f"plan {plan.id}", fix=_AGAIN
        )
    elif overtaken := moved(control, plan, [s for s in steps if s not in started], progress):
        begun, stale = started, overtaken
    else:
        return plan
    if not begun:
        raise stale
    left = sorted({s.table for s in steps if s not in begun})
    progress(f"plan {plan.id}: {', '.join(left)} changed since it was made, and is for a new plan; the rest goes on")
    return plan.model_copy(update={"tables": tuple(begun)})


def moved(
    control: Control, plan: RetentionPlan, steps: Sequence[RetentionStep], progress: Callable[[str], None]
) -> StalePlanError | None:
    """Return what stands against steps: other columns, or other rows that would go than those that were planned.

    Rows are only counted again when the log tells of others' rows, or cannot tell, or when other people are held. What
    moves bytes and no row, such as OPTIMIZE, does not count.
    """
    from delible.lake.commits import current_version, mark_of
    from delible.lake.others import has_same_columns, others_since

    if not steps:
        return None
    places = {**control.locations(), **{s.table: s.location for s in plan.tables}}
    seen = {**{s.table: s.version for s in steps}, **plan.seen}
    others = {name: others_since(places[name], mark_of(plan.id), version) for name, version in seen.items()}
    for step in steps:
        own, version = others[step.table], seen[step.table]
        same = not own.described or (
            own.whole and has_same_columns(session_for(control.workspace), step.location, version)
        )
        if not same or (own.rows and not step.due):  # a plan of an earlier version does not say which rows go
            return _stale(
                step,
                f"table '{step.table}' was planned at version {version} and is now at "
                f"{current_version(step.location)}.",
            )
    steps = [s for s in steps if s.due]
    written = sorted(name for name, other in others.items() if other.may_have_rows)
    if not steps or not (written or plan.held != held_digest(control, claims=True, accessing=True)):
        return None
    why = f"others have written to {', '.join(written)}" if written else "other people are held"
    progress(f"counting again: {why}")
    now = due_now(control, {s.table for s in steps}, plan.created)
    return next((_stale(s, _other_rows(s)) for s in steps if now.get((s.table, s.rule)) != s.due), None)


def due_now(control: Control, tables: Collection[str], as_of: datetime) -> dict[tuple[str, str], str]:
    """Return, by table and rule, which rows a rule acts on: by today's rows, clocks and holds, at a plan's instant."""
    spark = session_for(control.workspace)
    frames = frames_of(spark, control, versions_of(spark, control))
    people = Held.of(spark, control, frames, claims=True, accessing=True)
    return {
        (table, rule): due_digest(control, found)
        for table in sorted(tables)
        for rule, found in counted(control, table, as_of, frames, people).items()
    }


def counted(
    control: Control, table: str, as_of: datetime, frames: Mapping[str, DataFrame], people: Held
) -> dict[str, Counted]:
    """Count what a table's rules find at an instant."""
    from delible.lake.retention import count_rules

    return count_rules(frames[table], judging_of(control, table, as_of, people.combinations(table), frames))


def due_digest(control: Control, found: Counted) -> str:
    """Return which rows a rule acts on as a plan says it: keyed, or a guessed row could be looked up in it."""
    return hmac.digest(control.keys.domain_key("retention plan"), canonical([found.rows, found.due]), "sha256").hex()


def _other_rows(step: RetentionStep) -> str:
    return f"what rule '{step.rule}' acts on in table '{step.table}' is no longer what was planned."


def _stale(step: RetentionStep, message: str) -> StalePlanError:
    return StalePlanError("plan.stale", message, where=f"table:{step.table}", fix=_AGAIN)
