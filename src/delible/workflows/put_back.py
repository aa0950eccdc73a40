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
from delible.model.terms import ErasureAction, RetentionAction
from delible.store.plans import AnyPlan
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.held_bytes import records_of_plans, rows_of_held, steps_with_old_rows
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run
from delible.workflows.unfinished import begun_plans, unusable_plans

_PUT_BACK = "put_back"
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
        BlockedError: `hold.treated`, `hold.columns` for tables in which somebody has to do it by hand, once all others
            are done; `plan.unusable`.
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
                    rows = _put_back(control, run, plan, steps)
                except BlockedError as error:
                    problems += error.problems
                    continue
                done += [PutBack(table, steps[0].version, rows)] if rows else []
        places = {name: at for name, at in control.locations().items() if name in {each.table for each in done}}
        lineage.outputs = table_uses(control.policies, places)
    if problems:
        raise BlockedError.of(problems)
    return tuple(done)


def _put_back(control: Control, run: Run, plan: AnyPlan, steps: Sequence[TableStep]) -> int:
    """Put the rows of one table back; return how many.

    Args:
        steps: What the plan did to the table, such as those of several rules.

    Raises:
        BlockedError: `hold.treated` where rows stay in another form: the two would stand beside each other.
    """
    from delible.lake.commits import mark_of
    from delible.lake.erase import marked
    from delible.lake.lost import put_back

    step, rows, thing = steps[0], 0, f"table:{steps[0].table}"
    for chosen in rows_of_held(control, run, plan, step):
        if any(s.action not in _DELETES or s.kept_rows for s in steps):
            raise BlockedError(
                "hold.treated",
                f"rows of table '{step.table}' stay in another form, so that those of version {step.version} have to "
                "be put back by hand, in their place.",
                where=thing,
            )
        run.progress(f"{step.table}: putting rows of version {step.version} back")
        run.journal.note(thing, _PUT_BACK, "started", Step({}, {"version": str(step.version)}))
        with marked(run.spark, mark_of("hold", step.table)):
            found = put_back(run.spark, step.location, step.version, chosen)
        run.journal.note(thing, _PUT_BACK, "done", Step({"rows": found}, {"version": str(step.version)}))
        rows += found
    return rows
