"""Can a request be answered in time? The statutory clock against the job's cadence and each table's own windows.

An erasure of a table with other readers takes two runs of the job: one deletes and purges, and one, when the window
has passed, removes old files and log entries and searches the bytes. A request may just have missed the first run, and
the window the second, so it is answered after two cadences and one window at the latest. The window is the longer one
of `delta.deletedFileRetentionDuration` and `delta.logRetentionDuration`: both run from the same commit. Where nothing
else reads a table, `--immediate` closes its window, and one run is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta

from delible.decide.deadline import clock_for, last_day
from delible.decide.finding import Finding, gap, violation
from delible.model.duration import Duration
from delible.model.layout import DELETED_FILES, LOG, Layout, interval_hours
from delible.model.policy import PolicySet
from delible.model.terms import ErasureAction, Readers, Regime, Right

_LONGEST_MONTH, _DAY = 31, 24


def shortest_clock(regimes: Collection[Regime]) -> tuple[int, Regime]:
    """Return the fewest days in which an erasure request must be answered, and the law that says so.

    Args:
        regimes: The laws that the controller says it answers under, at least one. Where it sits says nothing: the GDPR
            follows whom it serves (Art. 3(2)), and so does the CCPA (Cal. Civ. Code 1798.140(d), (i)).
    """
    days = {regime: _fewest_days(regime) for regime in regimes}
    regime = min(days, key=lambda r: days[r])
    return days[regime], regime


def unmet_deadlines(policies: PolicySet, layouts: Mapping[str, Layout | None]) -> Iterator[Finding]:
    """Yield the deadlines that cannot be met, each with the number that must change.

    Args:
        policies: The policies; `controller.job_cadence` is how often the job runs.
        layouts: Tables by name, as their logs describe them.
    """
    cadence = policies.controller.job_cadence
    limit, regime = shortest_clock(policies.controller.regimes)
    windows = dict(_windows(policies, layouts))
    if cadence is None:
        if windows:
            late = [name for name, hours in windows.items() if _whole_days(max(hours.values())) > limit]
            also = f" However often they run: too late for {', '.join(sorted(late))}." if late else ""
            message = (
                f"no job_cadence says how often requests are fulfilled, so nobody can tell whether {limit} days "
                f"({regime}) are kept.{also} Give job_cadence: P1D, for example."
            )
            yield gap("policy.no_job_cadence", message, "controller")
        return
    days = cadence.months * _LONGEST_MONTH + cadence.days
    room = limit - 2 * days
    if days > limit or (windows and room < 1):
        yield violation(
            "policy.deadline",
            f"jobs run every {cadence}, but an erasure request must be answered in {limit} days ({regime}), and takes "
            f"two runs. Give job_cadence: P{max(1, (limit - _DAY // 3) // 2)}D or less.",
            *("controller", "job_cadence"),
        )
        return
    for name, hours in windows.items():
        yield from _too_long(name, hours, room, cadence=cadence, limit=limit, regime=regime)


def _too_long(
    name: str, hours: Mapping[str, int], room: int, *, cadence: Duration, limit: int, regime: Regime
) -> Iterator[Finding]:
    longest = _whole_days(max(hours.values()))
    if longest <= room:
        return
    change = [f"'{key}' = 'interval {room} days'" for key, value in hours.items() if _whole_days(value) > room]
    stated = ", ".join(f"{key} is {_whole_days(value)} days" for key, value in hours.items())
    total = limit - room + longest
    yield violation(
        "policy.deadline",
        f"an erasure in '{name}' takes up to {total} days, and the law ({regime}) gives {limit}: "
        f"two runs every {cadence}, and a window of {longest} days ({stated}). Set on the table: {', '.join(change)}; "
        "or let the jobs run more often, or say readers: exclusive where nothing else reads it.",
        *("tables", name, "path"),
    )


def _windows(policies: PolicySet, layouts: Mapping[str, Layout | None]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Yield the windows in hours of tables in which an erasure must wait for other readers."""
    for name, table in policies.tables.items():
        layout = layouts.get(name)
        waits = table.subject and table.readers is Readers.SHARED and table.erasure.action is not ErasureAction.KEEP
        if not waits or layout is None:
            continue
        try:
            yield name, {key: interval_hours(layout.property_of(key)) for key in (DELETED_FILES, LOG)}
        except ValueError:
            continue


def _whole_days(hours: int) -> int:
    return -(-hours // _DAY)


def _fewest_days(regime: Regime) -> int:
    clock = clock_for(Right.ERASURE, regime)
    year = [date(2023, 1, 1) + timedelta(days=n) for n in range(365)]
    return min((last_day(clock, day, is_working_day=lambda _: True) - day).days for day in year)
