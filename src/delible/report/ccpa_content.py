"""Metrics of consumers' requests as people read them, and as a business posts them."""

from __future__ import annotations

from collections.abc import Iterator

from delible.report.ccpa_metrics import OBLIGED_FROM, CcpaFacts, Metric, YearMetrics, totals
from delible.report.content import Block, Column, Content, Figure, Section, Table, Text, Value, making
from delible.report.wording import count, day, number


def ccpa_content(facts: CcpaFacts) -> Content:
    """Return the metrics' content."""
    sections = [Section("duty", "Who has to compile and post them", tuple(_duty(facts)))]
    for year in facts.years:
        still = "" if year.complete else " (not over yet)"
        sections.append(Section(f"y{year.year}", f"Calendar year {year.year}{still}", tuple(_year(facts, year))))
    if not facts.years:
        sections.append(Section("none", "Requests", (Text("No request was received."),)))
    sections.append(Section("counted", "How these numbers are counted", tuple(_counted(facts))))
    return Content(
        title="Consumer request metrics (11 CCR 7102)",
        owner=facts.business,
        summary=_summary(facts),
        figures=tuple(Figure(f"received in {year}", n) for year, n in totals(facts.years[:4])),
        facts=(
            ("Contact", facts.contact),
            ("Counted", "requests of all individuals" if facts.everybody else "requests of consumers under the CCPA"),
            ("Calendar", facts.time_zone),
            *making(facts),
        ),
        sections=tuple(sections),
        made=facts.generated_at,
        software=facts.software,
        foot="Made from the register of requests and the audit ledger. It holds no personal data: consumers appear "
        "only as counts.",
    )


def _summary(facts: CcpaFacts) -> str:
    if not facts.years:
        return f"{facts.business} has received no request that counts here."
    said = "; ".join(f"{count(n, 'request')} in {year}" for year, n in totals(facts.years))
    return f"{facts.business} received {said}."


def _duty(facts: CcpaFacts) -> Iterator[Block]:
    least = number(OBLIGED_FROM)
    if facts.obliged is None:
        yield Text(
            f"A business that handles the personal information of {least} or more consumers in a calendar year has to "
            "compile these metrics for the year before and post them by July 1 (11 CCR 7102(a)). Whether this business "
            "does was not said: --consumers says it."
        )
    elif facts.obliged:
        yield Text(
            f"This business handles the personal information of {number(facts.consumers or 0)} consumers in a calendar "
            f"year, which is {least} or more: it has to post the metrics of each year by July 1 of the next, in its "
            "privacy policy or on a page that the policy links to (11 CCR 7102(a)(2))."
        )
    else:
        yield Text(
            f"This business handles the personal information of {number(facts.consumers or 0)} consumers in a calendar "
            f"year, fewer than {least}: it need not post these metrics (11 CCR 7102(a)). The records behind them are "
            "kept for 24 months all the same (11 CCR 7101)."
        )


def _year(facts: CcpaFacts, year: YearMetrics) -> Iterator[Block]:
    if not year.complete:
        yield Text("The year is not over: its numbers are provisional.", note=True)
    titles = ("Received", "Complied with in whole", "In part", "Denied", "Taken back", "Linked to another", "Open")
    columns = (Column("Kind"), *(Column(title, "number") for title in titles))
    yield Table(
        f"received-{year.year}",
        f"Requests received in {year.year}, and how they ended",
        columns,
        [_ends(m) for m in year.metrics],
    )
    days = (Column("Kind"), *(Column(title, "number") for title in ("Mean days", "Median days", "Longest")))
    yield Table(
        f"days-{year.year}",
        f"Days within which the business substantively responded to requests of {year.year}",
        days,
        [(m.asked.value, m.mean_days, m.median_days, m.longest_days) for m in year.metrics],
    )
    denied = [(m.asked.value, ground.value, n) for m in year.metrics for ground, n in m.denied_by.items()]
    if denied:
        grounds = (Column("Kind"), Column("Ground", "long"), Column("Denied", "number"))
        caption = f"Denied requests of {year.year} by ground, which may be posted, too"
        yield Table(f"denied-{year.year}", caption, grounds, denied, grouped=True)
    if facts.obliged:
        yield from _posted(facts, year)


def _ends(m: Metric) -> tuple[Value, ...]:
    return m.asked.value, m.received, m.complied, m.in_part, m.denied, m.withdrawn, m.linked, m.open


def _posted(facts: CcpaFacts, year: YearMetrics) -> Iterator[Block]:
    titles = (
        "Received",
        "Complied with in whole or in part",
        "Denied",
        "Median days to respond",
        "Mean days to respond",
    )
    whose = "all individuals" if facts.everybody else "California consumers"
    rows: list[tuple[Value, ...]] = [
        (m.asked.value, m.received, m.complied + m.in_part, m.denied, m.median_days, m.mean_days) for m in year.metrics
    ]
    caption = f"For posting by {day(year.post_by)}: requests of {whose} to {facts.business} in {year.year}"
    yield Table(f"posted-{year.year}", caption, (Column("Kind"), *(Column(t, "number") for t in titles)), rows)


def _counted(facts: CcpaFacts) -> Iterator[Block]:
    yield Text(
        "A request counts in the year in which it was received, with its state at the time of this report. Received is "
        "the sum of all columns to its right. Days are calendar days from receipt to the substantive response, over "
        "requests that were complied with or denied. A request that ended since nobody showed who asked counts as "
        "denied because it was not verifiable."
    )
    yield Text(
        "Requests for access and for a portable copy are requests to know. Objections and restrictions under the CCPA "
        "are counted as requests to opt out and to limit. Opt-outs that came as consent records, such as Global "
        "Privacy Control, are not requests in the register, and are not counted."
    )
    yield Text(
        "Not here: requests to access, and to opt out of, automated decision-making technology (ADMT, 11 CCR 7221, "
        "7222), which the metrics have to count, too, in the version of 2026-01-01 (11 CCR 7102(a)(1)(D), (G)). The "
        "register takes in none; a business that has to offer them adds its own count."
    )
    if facts.everybody:
        yield Text(
            "Requests of all individuals are counted, which has to be said where they are posted (11 CCR 7102(b))."
        )
