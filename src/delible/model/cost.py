"""What a plan will cost, when its stages may run, and what it cost in the end: counts, sizes and times, never a value.

All numbers are whole, since a plan is sealed over its digest (`model.base.canonical`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from delible.model.base import Frozen


class Range(Frozen):
    """A number that is known (`low` equals `high`), or the least and the most that it can be."""

    low: int
    high: int

    @staticmethod
    def exactly(number: int) -> Range:
        """Return a number that is known."""
        return Range(low=number, high=number)

    @property
    def exact(self) -> bool:
        """Whether the number is known."""
        return self.low == self.high

    def __add__(self, other: Range) -> Range:
        return Range(low=self.low + other.low, high=self.high + other.high)


class Basis(StrEnum):
    """What an estimate is made from: rows that were counted, or the tables' logs alone."""

    ROWS = "rows"
    STATISTICS = "statistics"


class TableCost(Frozen):
    """What one step of a plan costs.

    Args:
        rule: The retention rule, for retention plans.
        wave: Its place in the order: all tables of a wave come before those of the next.
        total_files, total_bytes: Size of the table's version.
        rows: Rows that are due, and rows of other people in which mentions are masked; None where no row was read and
            the table's log does not count them.
        candidates, candidate_bytes: Files that can hold due rows by the log's least and greatest values: never fewer
            than do. Mentions in free text may stand in any file, and are not counted here.
        untested: Those of them that the log says too little about: they count as candidates.
        files, bytes: Data files to rewrite, as they are now; one that is rewritten again for mentions counts again.
        change_bytes: Change data that is written beside them, and removed with the old files.
        objects: Objects that VACUUM has to list, at least: files of older versions come on top.
        unnamed, unnamed_bytes: Files in the table's folder that no log entry names: of failed writes, or of writes
            under way. VACUUM removes those that are older than the window. Not counted where no row was read.
        rewrite_seconds: MERGE and purge.
        removal_seconds: VACUUM and log expiry.
    """

    table: str
    rule: str | None = None
    wave: int
    total_files: int
    total_bytes: int
    rows: Range | None
    candidates: int
    candidate_bytes: int
    untested: int
    files: Range
    bytes: Range
    change_bytes: Range
    objects: int
    unnamed: int = 0
    unnamed_bytes: int = 0
    rewrite_seconds: Range
    removal_seconds: Range


class TableWindow(Frozen):
    """When the stages of one table may run, if the plan is carried out now.

    Args:
        rewritten: By when its rows are rewritten and purged.
        vacuum_from, log_from: When the table's own windows for old files and for the log end.
        removal_from: When both have ended: VACUUM and log expiry run together.
        done: By when a job that runs at least every cadence has removed them.
    """

    table: str
    rewritten: datetime
    vacuum_from: datetime
    log_from: datetime
    removal_from: datetime
    done: datetime


class Risk(StrEnum):
    """Whether a request is answered in time."""

    SAFE = "safe"
    AT_RISK = "at_risk"
    LATE = "late"


class DueRisk(Frozen):
    """Whether one request is answered by its due date, if the plan is carried out now.

    Args:
        ends: The end of its last day.
        earliest, latest: Between which instants it will have been answered.
        start_by: The last run of the job that everything ends in time from, its windows counted back from the due date;
            None where none is left, and in plans of earlier versions.
        change: The number to change where it is not safe.
    """

    request: str
    due: str
    ends: datetime
    earliest: datetime
    latest: datetime
    start_by: datetime | None = None
    risk: Risk
    change: str | None = None


class Advice(StrEnum):
    """Whether more requests should be gathered into the same run."""

    RUN_NOW = "run_now"
    WAIT = "wait"


class Gathering(Frozen):
    """One run now and one later for the requests that come meanwhile, against one run for all of them.

    Args:
        until: The last run of the job from which everything still ends in time; None when none is left.
        first_due: The request whose due date that is counted back from.
        received, days: Erasure requests that came in within so many days.
        further: Requests expected until then.
        files, bytes: To rewrite now.
        separate_bytes, together_bytes: To rewrite in two runs, and in one.
    """

    advice: Advice
    reason: str
    until: datetime | None
    first_due: str | None
    received: int
    days: int
    further: int
    files: int
    bytes: int
    separate_bytes: int
    together_bytes: int

    @property
    def times(self) -> tuple[float, float]:
        """How often the bytes of a run now are rewritten in one run, and in two."""
        once = max(1, self.bytes)
        return self.together_bytes / once, self.separate_bytes / once


class Estimate(Frozen):
    """What a plan is expected to cost.

    Args:
        cadence_hours: How often the job runs; `cadence_assumed` when no policy says it.
        verify_bytes: What the byte search reads afterwards; 0 where there is none.
        seconds: All stages together, without the start of Spark, the search for rows, and the windows.
        measured: Earlier runs of this workspace that each kind of time is learnt from; 0 where a default stands in.
        open: What cannot be told without reading rows.
    """

    basis: Basis
    tables: tuple[TableCost, ...]
    windows: tuple[TableWindow, ...] = ()
    risks: tuple[DueRisk, ...] = ()
    gathering: Gathering | None = None
    cadence_hours: int
    cadence_assumed: bool
    verify_bytes: int
    verify_seconds: Range
    seconds: Range
    measured: dict[str, int]
    open: tuple[str, ...] = ()

    def of(self, table: str, rule: str | None = None) -> TableCost | None:
        """Return what one step was expected to cost."""
        return next((c for c in self.tables if (c.table, c.rule) == (table, rule)), None)

    def immediate(self) -> Estimate:
        """Return the cost without what hangs on retention windows, for a plan that is made not to wait."""
        return self.model_copy(update={"windows": (), "risks": (), "gathering": None})


class Compared(Frozen):
    """One number of a run beside its estimate.

    Args:
        percent: The actual number in hundredths of the nearest end of the range: 100 within it. None where the
            estimate says nothing was to be done, and something was.
        far: It is less than half or more than twice that, and by more than a trifle.
    """

    what: str
    estimate: Range
    actual: int
    percent: int | None
    far: bool


class TableComparison(Frozen):
    """What one step cost beside what it was expected to cost."""

    table: str
    rule: str | None = None
    numbers: tuple[Compared, ...]

    @property
    def far(self) -> tuple[str, ...]:
        """What was far off."""
        return tuple(n.what for n in self.numbers if n.far)
