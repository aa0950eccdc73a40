"""When a plan's stages may run, and whether its requests are answered in time: windows counted on, and due dates back.

Old files and log entries of a table wait for the longer of its two windows, which both run from the purge; the next run
of the job removes them and searches the bytes. All requests of a plan end together, with its last table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from delible.model.cost import DueRisk, Range, Risk, TableWindow
from delible.model.duration import Duration
from delible.model.layout import DELETED_FILES, LOG
from delible.model.plan import PlannedRequest, TableFacts, TableStep

_DAY = 24
_LONGEST_MONTH = 31
_IN_HOURS = 3 * _DAY
"""Windows shorter than so many hours are told in hours."""


@dataclass(frozen=True)
class Schedule:
    """What the windows of a plan hang on.

    Args:
        facts: The windows of the tables.
        cadence: How often the job runs.
        rewriting, removing: How long all tables' stages take before and after the windows, the byte search included.
    """

    now: datetime
    immediate: bool
    facts: Mapping[str, TableFacts]
    cadence: timedelta
    rewriting: Range
    removing: Range

    @property
    def first(self) -> timedelta:
        """The longest time before the windows."""
        return timedelta(seconds=self.rewriting.high)

    @property
    def last(self) -> timedelta:
        """The longest time after them."""
        return timedelta(seconds=self.removing.high)

    def window(self, tables: Iterable[str]) -> timedelta:
        """Return how long the last of the tables has to wait; nothing with `immediate`."""
        if self.immediate:
            return timedelta()
        facts = [self.facts[t] for t in tables]
        return timedelta(hours=max((max(_hours(f).values()) for f in facts), default=0))

    def takes(self, tables: Iterable[str]) -> timedelta:
        """Return the longest time from a run's beginning to its end: the run that comes next may just be missed."""
        window = self.window(tables)
        return self.first + window + self.last + (self.cadence if window else timedelta())


def cadence_of(duration: Duration | None) -> tuple[timedelta, bool]:
    """Return how often the job runs, and whether that had to be assumed: once a day."""
    if duration is None:
        return timedelta(days=1), True
    return timedelta(days=duration.months * _LONGEST_MONTH + duration.days), False


def table_windows(steps: Iterable[TableStep], schedule: Schedule) -> tuple[TableWindow, ...]:
    """Return when each table's stages may run, in the plan's order; tables in which nothing is done are left out."""
    windows: dict[str, TableWindow] = {}
    for step in steps:
        if not step.stages:
            continue
        hours = dict.fromkeys((DELETED_FILES, LOG), 0) if schedule.immediate else _hours(schedule.facts[step.table])
        purged = schedule.now + schedule.first
        opens = {key: purged + timedelta(hours=value) for key, value in hours.items()}
        removal = max(opens.values())
        windows[step.table] = TableWindow(
            table=step.table,
            rewritten=purged,
            vacuum_from=opens[DELETED_FILES],
            log_from=opens[LOG],
            removal_from=removal,
            done=removal + schedule.last + (schedule.cadence if removal > purged else timedelta()),
        )
    return tuple(windows.values())


def due_risks(
    requests: Sequence[PlannedRequest], steps: Sequence[TableStep], schedule: Schedule, zone: tzinfo
) -> tuple[DueRisk, ...]:
    """Return whether each request ends in time, and which number to change where it may not.

    Args:
        zone: The controller's time zone: a request may be answered on the whole of its last day there.
    """
    tables = [s.table for s in steps if s.stages]
    window = schedule.window(tables)
    quickest = timedelta(seconds=schedule.rewriting.low + schedule.removing.low)
    earliest, latest = schedule.now + quickest + window, schedule.now + schedule.takes(tables)
    risks = []
    for request in requests:
        ends = end_of(request.due, zone)
        risk = Risk.SAFE if latest <= ends else Risk.AT_RISK if earliest <= ends else Risk.LATE
        risks.append(
            DueRisk(
                request=request.id,
                due=request.due,
                ends=ends,
                earliest=earliest,
                latest=latest,
                start_by=last_safe_start(ends, tables, schedule),
                risk=risk,
                change=None if risk is Risk.SAFE else _change(ends, tables, schedule),
            )
        )
    return tuple(risks)


def last_safe_start(ends: datetime, tables: Sequence[str], schedule: Schedule) -> datetime | None:
    """Return the last run of the job, from now on, that everything still ends in time from; None when there is none."""
    limit = ends - schedule.takes(tables)
    if limit < schedule.now:
        return None
    runs = (limit - schedule.now) // schedule.cadence if schedule.cadence else 0
    return schedule.now + runs * schedule.cadence


def end_of(due: str, zone: tzinfo) -> datetime:
    """Return the instant at which a due date is over."""
    day = date.fromisoformat(due) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _hours(facts: TableFacts) -> dict[str, int]:
    return {DELETED_FILES: facts.deleted_file_retention_hours, LOG: facts.log_retention_hours}


def _change(ends: datetime, tables: Sequence[str], schedule: Schedule) -> str:
    """Return the numbers that would have to be others for a request to be safe."""
    rest = schedule.first + schedule.last
    room = ends - schedule.now - rest - schedule.cadence
    hours = int(room // timedelta(hours=1))
    if schedule.immediate or hours <= 0:
        if schedule.now + rest <= ends and not schedule.immediate:
            return (
                "no window is short enough: apply with --immediate where nothing else reads the tables (readers: "
                "exclusive), or extend the request"
            )
        return "extend the request, or answer it by hand: not even the stages themselves end in time for sure"
    said = f"interval {hours} hours" if hours < _IN_HOURS else f"interval {hours // _DAY} days"
    most = hours if hours < _IN_HOURS else hours // _DAY * _DAY
    parts = [
        f"{key} of '{name}' is {_said(value)}, and must be '{said}' or less"
        for name in dict.fromkeys(tables)
        for key, value in _hours(schedule.facts[name]).items()
        if value > most
    ]
    return "; ".join(parts) or "let the jobs run more often (job_cadence)"


def _said(hours: int) -> str:
    return f"{hours} hours" if hours < _IN_HOURS else f"{hours / _DAY:g} days"
