"""Rows of people who are held now, back into the tables that have lost them, so that nobody else's old bytes wait.

A hold that comes between the rewriting of rows and the end of old files leaves the held person's rows in old files
only, where no query finds them, and with them those of everybody who was erased beside. Put back, the person is as if
the erasure had not begun, and whatever is planned next leaves them out. It is for people to ask for: it writes to a
table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.errors import BlockedError, Problem
from delible.model.plan import TableStep
from delible.model.record import AuditRecord
from delible.model.terms import ErasureAction, RetentionAction
from delible.store.plans import AnyPlan
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.held_bytes import (
    before_own_commits,
    lost_before,
    records_of_plans,
    rows_of_held,
    steps_with_old_rows,
)
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run
from delible.workflows.unfinished import begun_plans, unusable_plans

_PUT_BACK = "put_back"
_WRITTEN = "numOutputRows"
_DELETES = (ErasureAction.DELETE_ROW, RetentionAction.DELETE_ROW)


@dataclass(frozen=True)
class PutBack:
    """Rows of one table that were put back.

    Args:
        version: The table's version that they stood in.
    """

    table: str
    version: int
    rows: int


def put_back_held(
    workspace: Workspace, *, actor: str, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> tuple[PutBack, ...]:
    """Append to each table the rows of held people that only its old files hold.

    Raises:
        BlockedError: `hold.treated`, `hold.changed`, `hold.columns` for tables in which somebody has to do it by hand,
            once all others are done; `plan.unusable`.
        ConflictError: `workspace.busy`.
    """
    control = Control(workspace)
    unusable = unusable_plans(workspace)
    if unusable:
        raise BlockedError.of(unusable)
    done, problems = list[PutBack](), list[Problem]()
    with (
        alone(workspace),
        recorded(workspace, "hold.put_back", now=now, facets=duty(control.policies, "hold")) as lineage,
    ):
        records, clock = records_of_plans(control), Clock(now)
        spark = session_for(workspace)
        for plan in begun_plans(workspace):
            journal = Journal(
                control.ledger,
                run=f"plan:{plan.id}",
                verb="hold",
                actor=actor,
                policy=control.policies.fingerprint,
                clock=clock,
            )
            run = Run(spark, journal, clock, plan.id, False, progress)
            for table in dict.fromkeys(step.table for step in plan.tables):
                steps = steps_with_old_rows(records, plan, table)
                if not steps:
                    continue
                try:
                    rows = _put_back(control, run, plan, steps, records)
                except BlockedError as error:
                    problems += error.problems
                    continue
                done += [PutBack(table, steps[0].version, rows)] if rows else []
        places = {name: at for name, at in control.locations().items() if name in {each.table for each in done}}
        lineage.outputs = table_uses(control.policies, places)
    if problems:
        raise BlockedError.of(problems)
    return tuple(done)


def _put_back(
    control: Control, run: Run, plan: AnyPlan, steps: Sequence[TableStep], records: Sequence[AuditRecord]
) -> int:
    """Put the rows of one table back; return how many.

    Args:
        steps: What the plan did to the table, such as those of several rules.
        records: Those of all plans.

    Raises:
        BlockedError: `hold.treated` where rows stay in another form, `hold.changed` where others have written rows of
            the person since: the two would stand beside each other.
    """
    from delible.lake.commits import MARK, mark_of
    from delible.lake.erase import marked
    from delible.lake.lost import came_since, put_back
    from delible.lake.others import others_since

    table, thing = steps[0].table, f"table:{steps[0].table}"
    mark = mark_of("hold", f"{table}/{plan.id}")
    before = before_own_commits(plan, steps[0])
    if not before:  # nothing was committed, so nothing is lost: what differs now, others have changed
        return 0
    others = others_since(steps[0].location, MARK, before[0].version + 1).may_have_rows
    rows, problems = _untold(run, steps[0], mark, records), list[Problem]()
    for chosen in rows_of_held(control, run, plan, before[0]):
        lost = lost_before(run, before, chosen)
        if lost == 0:
            continue
        versions = [step.version for step in before]
        if any(s.action not in _DELETES or s.kept_rows for s in steps):
            message = (
                f"rows of table '{table}' stay in another form, so that those of version {versions[0]} have to be put "
                "back by hand, in their place."
            )
            problems.append(Problem("hold.treated", message, thing))
            continue
        if lost is not None and others and came_since(run.spark, steps[0].location, versions, chosen):
            message = (
                f"others have written rows of a held person to table '{table}' since version {versions[0]}, beside "
                "which its old ones would be stale. Compare the two, and write by hand what has to stand there."
            )
            problems.append(Problem("hold.changed", message, thing))
            continue
        for step in before:
            run.progress(f"{table}: putting rows of version {step.version} back")
            run.journal.note(thing, _PUT_BACK, "started", Step({}, {"version": str(step.version)}))
            with marked(run.spark, mark):
                found = put_back(run.spark, step.location, step.version, chosen)
            run.journal.note(thing, _PUT_BACK, "done", Step({"rows": found}, {"version": str(step.version)}))
            rows += found
    if problems:
        raise BlockedError.of(problems)
    return rows


def _untold(run: Run, step: TableStep, mark: str, records: Sequence[AuditRecord]) -> int:
    """Record the rows that a killed run has put back and not come to record; return how many."""
    from delible.lake.commits import commits

    thing = f"table:{step.table}"
    own = [r for r in records if r.action == f"hold.{_PUT_BACK}" and r.object == f"plan:{run.plan}/{thing}"]
    if not own or own[-1].outcome != "started":
        return 0
    written = sum(c.metrics.get(_WRITTEN, 0) for c in commits(step.location, since=step.version) if c.mark == mark)
    rows = max(0, written - sum(r.counts.get("rows", 0) for r in own))
    run.journal.note(thing, _PUT_BACK, "done", Step({"rows": rows}, {"version": own[-1].detail["version"]}))
    return rows
