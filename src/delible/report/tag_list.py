"""The list of verdicts on columns, in words and as JSON: what each holds, and what can and cannot be ruled out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from delible.decide.intervals import wilson
from delible.decide.sampling import Reach
from delible.model.record import TagFinding
from delible.model.terms import TagState

Reaches = Mapping[tuple[str, str], Reach]
Words = Mapping[tuple[str, str], str]
"""By table and column."""

_TINY = 0.0005
"""Below it, two digits after the point would say too little of a share."""

LEGEND = (
    ("category", "what the column holds; an entity is the kind of value by which that was seen"),
    ("none", "nothing personal was found: in any value or, with 0/0 hits, in its name and type"),
    ("none, below N%", "nothing was found; what could still be there unseen, at the confidence of the scan"),
    ("none in N values", "nothing was found in those looked at, and nothing is ruled out for the others"),
    ("names not looked for", "the model does not read the script of some values, or there is no model; see the reason"),
    ("not looked at", "no row of it could be read, or none was; its name and type say nothing"),
    ("disregarded", "some values look personal, so few of all that it may be chance: a person should look"),
    ("special, quasi", "special category (Art. 9); quasi-identifier: tells who somebody is together with others"),
    ("sure", "how sure the verdict is"),
    ("hits", "values that look so, of the distinct values looked at; 0/0: judged by name and type alone"),
    ("review", "the evidence is in conflict, or new, so a person has to look; the reason stands below the list"),
    ("proposed", "nobody has reviewed it; to accept or reject it, whatever later scans find: delible tags review"),
    ("gone", "the column or its table is there no more; the verdict is kept"),
)
"""What the columns of the list mean."""


def tag_line(
    finding: TagFinding, reaches: Reaches, *, contradicted: str | None = None, gone: bool = False
) -> dict[str, Any]:
    """Return a verdict as one JSON object.

    Args:
        contradicted: Why a person has to look at a decision again.
        gone: The column is there no more.
    """
    low, high = wilson(finding.hits, finding.sampled)
    line: dict[str, Any] = finding.model_dump(mode="json") | {
        "share": {"low": round(low, 4), "high": round(high, 4)},
        "special": finding.special,
        "quasi": finding.quasi,
        "disregarded": finding.disregarded,
        "contradicted": contradicted,
        "gone": gone,
    }
    found = reaches.get((finding.table, finding.column))
    if found is None:
        return line
    line["reach"] = {
        "rows": found.rows,
        "of": found.of,
        "row_hits": found.row_hits,
        "withheld": found.withheld,
        "confidence": found.confidence,
        "fewer_than_one_in": found.fewer_than_one_in,
        "cannot_rule_out": found.missed,
        "words": reach_words(finding, found),
    }
    return line


def is_waiting(finding: TagFinding, contradicted: Collection[tuple[str, str]] = ()) -> bool:
    """Return whether a person has to look at a verdict, or at their own decision about it."""
    if finding.state in (TagState.REVIEW, TagState.REOPENED) or finding.disregarded:
        return True
    return (finding.table, finding.column) in contradicted


def reach_words(finding: TagFinding, found: Reach) -> str:
    """Return what a scan can and cannot rule out for a column."""
    return found.words() if finding.category is not None else found.beyond()


def category_words(finding: TagFinding) -> str:
    """Return what a column holds, in a few words."""
    if finding.category is not None:
        marks = [word for word, holds in (("special", finding.special), ("quasi", finding.quasi)) if holds]
        return " ".join([finding.category, *(f"({mark})" for mark in marks)])
    if finding.disregarded:
        return f"looks personal, disregarded: {finding.hits:,} of {finding.sampled:,}"
    if {"values", "unread"} <= {*finding.evidence}:
        return "none, names not looked for"
    if finding.bound == 0:
        return "none"
    if finding.bound == 1:
        return f"none in {finding.sampled:,} values" if finding.sampled else "not looked at"
    return f"none, below {100 * finding.bound:.2g}%" if finding.bound < _TINY else f"none, below {finding.bound:.2%}"


def waiting_words(findings: Iterable[TagFinding], contradicted: Words) -> list[str]:
    """Return a sentence for each column that a person has to look at."""
    said = []
    for finding in findings:
        words = contradicted.get((finding.table, finding.column))
        reason = words or (finding.reason if finding.state is TagState.REVIEW else None)
        if reason is None and finding.disregarded:
            reason = f"{finding.hits:,} of {finding.sampled:,} values look personal; so few that it may be chance."
        if reason:
            said.append(f"{finding.table}.{finding.column}: {reason}")
    return said


def ruled_out_words(findings: Iterable[TagFinding], reaches: Reaches) -> list[str]:
    """Return in plain words what can and cannot be ruled out; columns of which the same is said share a line."""
    alike: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        found = reaches.get((finding.table, finding.column))
        if found is not None and finding.category is None:
            alike.setdefault((finding.table, reach_words(finding, found)), []).append(finding.column)
    return [f"{table}: {', '.join(columns)}: {words}." for (table, words), columns in alike.items()]
