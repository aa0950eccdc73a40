"""The audit report's bar charts. Each stands beside the table with the same numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from delible.model.terms import words
from delible.report.bars import Amount, Chart, chart
from delible.report.consent import PurposeConsents
from delible.report.datasets import Release
from delible.report.requests import RequestGroup, TimeUsed
from delible.report.tags import CategoryUse
from delible.report.wording import count, number

_MOST_BARS = 12


def audit_charts(
    groups: Sequence[RequestGroup],
    consents: Sequence[PurposeConsents],
    releases: Sequence[Release],
    uses: Sequence[CategoryUse],
) -> dict[str, Chart | None]:
    """Return the charts by the section they belong to; None where there is nothing to draw."""
    return {
        "requests": _requests(groups),
        "answers": _answers(groups),
        "times": _used(groups),
        "consents": _consents(consents),
        "releases": _releases(releases),
        "pii": _categories(uses),
    }


def _label(group: RequestGroup) -> str:
    return f"{words(group.right)}, {group.regime.upper()}"


def _requests(groups: Sequence[RequestGroup]) -> Chart | None:
    amounts = [
        Amount(
            label=_label(g),
            value=_times(g),
            parts=(("ok", g.in_time), ("late", g.late), ("plain", g.open), ("bad", g.overdue)),
        )
        for g in groups
    ]
    legend = (("ok", "answered in time"), ("late", "answered late"), ("plain", "open"), ("bad", "overdue"))
    return chart("Requests against their deadlines", amounts, legend=legend)


def _times(group: RequestGroup) -> str:
    times = {"in time": group.in_time, "late": group.late, "open": group.open, "overdue": group.overdue}
    return ", ".join(f"{number(n)} {said}" for said, n in times.items() if n)


def _answers(groups: Sequence[RequestGroup]) -> Chart | None:
    amounts = [
        Amount(
            label=_label(g),
            value=f"longest {count(g.longest_days, 'day')} of {g.longest_allowed} allowed",
            parts=(("bad" if g.longest_days > g.longest_allowed else "plain", g.longest_days),),
            mark=g.longest_allowed,
        )
        for g in groups
        if g.longest_days is not None and g.longest_allowed is not None
    ]
    legend = (("plain", "longest time to an answer"), ("bad", "longer than allowed"), ("tick", "time allowed"))
    return chart("Longest time to an answer, in days", amounts, legend=legend)


def _used(groups: Sequence[RequestGroup]) -> Chart | None:
    """Return how much of the time allowed answers took, over all rights: the steps on one scale."""
    answers = {used: sum(g.used.get(used, 0) for g in groups) for used in TimeUsed}
    every = sum(answers.values())
    amounts = [
        Amount(
            label=used.value,
            value=f"{number(n)} of {number(every)} answers",
            parts=(("late" if used is TimeUsed.LATE else "ok", n),),
        )
        for used, n in answers.items()
    ]
    return chart("Answers by the share of the time allowed that they took", amounts) if every else None


def _consents(consents: Sequence[PurposeConsents]) -> Chart | None:
    amounts = [
        Amount(
            label=words(c.purpose),
            value=f"{number(c.in_force)} of {number(c.asked)} in force, {number(c.permitted)} permitted",
            parts=(("ok", c.in_force), ("late", c.withdrawn + c.expired), ("faint", c.refused + c.pending)),
        )
        for c in consents
    ]
    legend = (("ok", "in force"), ("late", "withdrawn or expired"), ("faint", "refused or pending"))
    return chart("Where consents stand", amounts, legend=legend)


def _releases(releases: Sequence[Release]) -> Chart | None:
    amounts = [
        Amount(
            label=r.name,
            value=f"{number(r.rows_out)} of {number(r.rows_in)} rows released",
            parts=(("ok", r.rows_out), ("faint", max(0, r.rows_in - r.rows_out))),
        )
        for r in releases[-_MOST_BARS:]
    ]
    return chart("Rows released", amounts, legend=(("ok", "released"), ("faint", "left out")))


def _categories(uses: Sequence[CategoryUse]) -> Chart | None:
    columns: dict[str, int] = defaultdict(int)
    for use in uses:
        columns[use.category] += len({*use.declared, *use.found})
    largest = sorted(columns.items(), key=lambda item: (-item[1], item[0]))[:_MOST_BARS]
    amounts = [Amount(label=name, value=number(n), parts=(("plain", n),)) for name, n in largest]
    rest = len(columns) - len(largest)
    title = "Columns per data category"
    return chart(f"{title}; {count(rest, 'rarer category', 'rarer categories')} not drawn" if rest else title, amounts)
