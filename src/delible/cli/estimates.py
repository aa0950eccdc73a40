"""What a plan will cost, and what it did cost beside that, as a person and as a program read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from delible.model.cost import Advice, Basis, Estimate, Gathering, Range, Risk, TableComparison
from delible.model.terms import words
from delible.report.page import count, size

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Group, RenderableType
    from rich.table import Table

_MOST_REQUESTS = 20
"""So many requests are listed, those that may be late first; all of them are in the JSON."""
_MINUTE, _HOUR = 60, 3600


def estimate_text(estimate: Estimate) -> Group:
    """Return the whole estimate for a person."""
    from rich.console import Group

    parts: list[RenderableType] = [_cost_table(estimate), "", *_notes(estimate)]
    if estimate.windows:
        parts += ["", _window_table(estimate)]
    if estimate.risks:
        parts += ["", _risk_table(estimate), *_last_start(estimate), *_changes(estimate)]
    if estimate.gathering is not None:
        parts += ["", _gathering(estimate, estimate.gathering)]
    return Group(*parts)


def brief_text(estimate: Estimate) -> list[RenderableType]:
    """Return the lines that a plan ends with: the time, whoever may be late, and whether waiting pays."""
    lines = [f"Time: {_seconds(estimate.seconds)}, {_learnt(estimate)}.", *_last_start(estimate)]
    lines += _changes(estimate)
    if estimate.gathering is not None and estimate.gathering.advice is Advice.WAIT:
        lines.append(_gathering(estimate, estimate.gathering))
    return [*lines, "See all of it with --dry-run."]


def _gathering(estimate: Estimate, pays: Gathering) -> str:
    """Return whether more requests should be gathered, as one sentence with its numbers, and the law's own limit."""
    most = "" if all(c.files.exact for c in estimate.tables) else "up to "
    now = f"Run now: {most}{count(pays.files, 'file')}, {size(pays.bytes)}"
    came = f"{count(pays.received, 'erasure request')} in {count(pays.days, 'day')}"
    if pays.until is None:
        return f"{now}. Waiting is out of the question: no later run of the job would end in time."
    last = f"{_when(pays.until)} (the last safe run for {pays.first_due})"
    if not pays.further:
        return f"{now}. No further request is expected until {last}: {came} came in."
    one, two = (f"{x:.1f}" for x in pays.times)
    said = (
        f"{now}; if you wait until {last}, about {count(pays.further, 'more request')} "
        f"{'shares' if pays.further == 1 else 'share'} the same rewrite: {one} instead of {two} times the bytes "
        f"({came} came in)."
    )
    if pays.advice is Advice.RUN_NOW:
        return f"{said} That is not worth waiting for."
    return f"{said} The law asks for no undue delay (GDPR Art. 12(3)): that day is a limit, not a goal."


def compared_lines(compared: Sequence[TableComparison]) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Return each number of each step beside its estimate, as JSON answers say it."""
    return {
        (each.table, each.rule): {
            n.what: {**n.estimate.model_dump(), "actual": n.actual, "percent": n.percent, "far": n.far}
            for n in each.numbers
        }
        for each in compared
    }


def compared_text(compared: Sequence[TableComparison]) -> list[RenderableType]:
    """Return the same for a person: what a run did of what was expected, and what was far off."""
    from rich.table import Table

    if not compared:
        return []
    names = ("rows", "files", "bytes", "rewrite_seconds", "removal_seconds")
    table = _plain(Table)
    table.add_column("table")
    for heading in ("rows", "files", "size", "rewriting", "removing"):
        table.add_column(heading, justify="right")
    far = []
    for each in compared:
        numbers = {n.what: n for n in each.numbers}
        cells = []
        for name in names:
            number, show = numbers.get(name), _shower(name)
            cells.append(f"{show(number.actual)} of {_range(number.estimate, show)}" if number is not None else "")
        table.add_row(_step(each.table, each.rule), *cells)
        far += [
            f"FAR OFF: {_step(each.table, each.rule)}: {words(n.what)} {_shower(n.what)(n.actual)}, expected "
            f"{_range(n.estimate, _shower(n.what))}."
            for n in each.numbers
            if n.far
        ]
    return ["", "What was done, of what was expected:", table, *far]


def _cost_table(estimate: Estimate) -> Table:
    from rich.table import Table

    table = _plain(Table)
    table.add_column("wave")
    table.add_column("table")
    for name in ("rows", "files", "candidates", "of", "to rewrite", "rewriting", "removing"):
        table.add_column(name, justify="right")
    for cost in estimate.tables:
        table.add_row(
            f"{cost.wave}",
            _step(cost.table, cost.rule),
            _range(cost.rows, _number) if cost.rows is not None else "?",
            _range(cost.files, _number),
            f"{cost.candidates:,}",
            f"{cost.total_files:,}",
            _range(cost.bytes, size),
            _seconds(cost.rewrite_seconds),
            _seconds(cost.removal_seconds),
        )
    return table


def _notes(estimate: Estimate) -> list[str]:
    read = "rows were counted" if estimate.basis is Basis.ROWS else "from the tables' logs alone, no row was read"
    lines = [f"Estimate: {read}; a span is a bound. Candidates can hold due rows by the log's statistics."]
    untested = sum(c.untested for c in estimate.tables)
    if untested:
        lines.append(f"Of {count(untested, 'candidate')} the log says too little to tell.")
    change = sum(c.change_bytes.high for c in estimate.tables)
    if change:
        lines.append(f"Change data of up to {size(change)} are written beside them, and removed with the old files.")
    unnamed = sum(c.unnamed for c in estimate.tables)
    if unnamed:
        weight = size(sum(c.unnamed_bytes for c in estimate.tables))
        lines.append(
            f"No log entry names {count(unnamed, 'file')} of {weight} in the tables' folders: of failed writes, or of "
            "writes under way. Those that are older than the window are removed with the old files."
        )
    search = f", the byte search of {size(estimate.verify_bytes)} included" if estimate.verify_bytes else ""
    lines.append(f"Time: {_seconds(estimate.seconds)}{search}, {_learnt(estimate)}.")
    return [*lines, *estimate.open]


def _learnt(estimate: Estimate) -> str:
    runs = min((estimate.measured.get(k, 0) for k in ("rewrite", "removal")), default=0)
    return f"learnt from {count(runs, 'earlier step')}" if runs else "a rough default, since no run was measured yet"


def _window_table(estimate: Estimate) -> Table:
    from rich.table import Table

    table = _plain(Table)
    for name in ("table", "rewritten by", "old files from", "log from", "removed by"):
        table.add_column(name)
    for each in estimate.windows:
        times = (each.rewritten, each.vacuum_from, each.log_from, each.done)
        table.add_row(each.table, *map(_when, times))
    return table


def _risk_table(estimate: Estimate) -> Table:
    from rich.table import Table

    order = [Risk.LATE, Risk.AT_RISK, Risk.SAFE]
    table = _plain(Table)
    for name in ("request", "due", "last start", "answered from", "by", "in time"):
        table.add_column(name)
    for risk in sorted(estimate.risks, key=lambda r: (order.index(r.risk), r.due, r.request))[:_MOST_REQUESTS]:
        said = {Risk.SAFE: "safe", Risk.AT_RISK: "AT RISK", Risk.LATE: "WILL BE LATE"}[risk.risk]
        start = _when(risk.start_by) if risk.start_by is not None else "none"
        table.add_row(risk.request, risk.due, start, _when(risk.earliest), _when(risk.latest), said)
    return table


def _last_start(estimate: Estimate) -> list[str]:
    """Return by when the plan has to be carried out, for the request whose windows leave the least room."""
    safe = [(r.start_by, r.request, r.due) for r in estimate.risks if r.start_by is not None]
    if not safe:
        return []
    start, request, due = min(safe)
    every = "hour" if estimate.cadence_hours == 1 else f"{estimate.cadence_hours:,} hours"
    runs = f"the last run of a job that runs every {every}"
    runs += " (assumed: no job_cadence says it)" if estimate.cadence_assumed else ""
    return [f"Start by {_when(start)} at the latest, {runs}: the windows then end before {request} is due on {due}."]


def _changes(estimate: Estimate) -> list[str]:
    """Return who may be late, and what would have to change; requests with one answer are told together."""
    lines = []
    if len(estimate.risks) > _MOST_REQUESTS:
        lines.append(f"and {count(len(estimate.risks) - _MOST_REQUESTS, 'more request')}.")
    by_change: dict[str, list[str]] = {}
    for risk in estimate.risks:
        if risk.change is not None:
            by_change.setdefault(risk.change, []).append(risk.request)
    for change, requests in by_change.items():
        who = requests[0] if len(requests) == 1 else count(len(requests), "request")
        lines.append(f"{who} may not be answered in time: {change}.")
    if by_change and estimate.cadence_assumed:
        lines.append("No job_cadence says how often the job runs; once a day is assumed.")
    return lines


def _step(table: str, rule: str | None) -> str:
    return table if rule is None else f"{table}/{rule}"


def _plain(kind: type[Table]) -> Table:
    return kind(box=None, pad_edge=False)


def _shower(what: str) -> Callable[[int], str]:
    if what == "bytes":
        return size
    return _time if what.endswith("seconds") else _number


def _number(value: int) -> str:
    return f"{value:,}"


def _range(span: Range, show: Callable[[int], str]) -> str:
    """Return a span; what two ends share of a unit is said once."""
    if span.exact:
        return show(span.low)
    low, high = show(span.low), show(span.high)
    if low == high:
        return high
    number, _, unit = low.partition(" ")
    return f"{number}-{high}" if not span.low or unit == high.partition(" ")[2] else f"{low}-{high}"


def _seconds(span: Range) -> str:
    return _range(span, _time)


def _time(seconds: int) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    return f"{-(-seconds // _MINUTE)} min" if seconds < 2 * _HOUR else f"{-(-seconds // _HOUR)} h"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
