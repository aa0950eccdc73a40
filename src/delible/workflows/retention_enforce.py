"""Retention on a schedule: what waits goes on, what is past its period is planned and removed, beside other runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from delible.errors import DelibleError, concerns_all
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.retention import Applied, apply_retention, go_on_retention
from delible.workflows.retention_plan import plan_due_retention
from delible.workflows.spark import alone

_BUSY, _STALE = "workspace.busy", "plan.stale"
_PLANS = 3
"""So often a plan is made anew because a table moved between the plan and its run."""


def enforce_retention(
    workspace: Workspace,
    *,
    actor: str,
    now: datetime,
    immediate: bool = False,
    wait: timedelta = timedelta(),
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Applied, ...]:
    """Go on with plans that were begun, then plan all rules and carry the plan out.

    It may run late, twice, or while an erasure works on the same tables: one run at a time rewrites a workspace's
    tables, so this one waits for the other, and plans what that left. A plan that is stopped, such as for a hold, keeps
    the rules from nothing else.

    Args:
        wait: How long to wait for another run to end.

    Raises:
        ConflictError: `workspace.busy` when it has not ended by then.
        DelibleError: As `plan_due_retention` and `apply_retention`; what stopped an older plan, after all others.
    """
    clock = Clock(now)
    done: list[Applied] = []
    stopped: list[DelibleError] = []

    def told(state: RetryCallState) -> None:
        progress("waiting for another run to end" if _code(state) == _BUSY else "a table has moved: planning anew")

    def given_up(state: RetryCallState) -> bool:
        if _code(state) == _BUSY:
            return clock() - now >= wait
        return state.attempt_number >= _PLANS

    for attempt in Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, DelibleError) and e.code in (_BUSY, _STALE)),
        stop=given_up,
        wait=wait_random_exponential(multiplier=1, max=30),
        before_sleep=told,
        reraise=True,
    ):
        with attempt:
            with alone(workspace):
                pass  # whoever works on the tables now would only overtake the plan
            stopped.clear()
            try:
                done += go_on_retention(workspace, actor=actor, now=clock(), progress=progress)
            except DelibleError as error:
                if concerns_all(error) or error.code == _BUSY:
                    raise
                stopped.append(error)
            plan = plan_due_retention(workspace, now=clock(), immediate=immediate, progress=progress)
            if any(step.stages for step in plan.tables):
                done.append(apply_retention(workspace, plan, actor=actor, now=clock(), progress=progress))
    if stopped:
        raise stopped[0]
    return tuple(done)


def _code(state: RetryCallState) -> str | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error.code if isinstance(error, DelibleError) else None
