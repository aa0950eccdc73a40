"""What of a verdict is written beside a table's columns: category, state, confidence; never a reason, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from delible.model.record import TagFinding
from delible.model.terms import TagState

CATEGORY = "category"
NONE = "none"
"""The category of a column that was labelled once, and is personal no more."""

Labels = Mapping[str, Mapping[str, str]]
"""Column to label to word."""


def labels(findings: Iterable[TagFinding]) -> Labels:
    """Return the labels of one table's columns; a rejected verdict, or a clean one, is labelled as none."""
    return {f.column: _of(f) for f in findings}


def personal(wanted: Labels) -> Labels:
    """Return the labels of the columns that hold personal data."""
    return {column: words for column, words in wanted.items() if words[CATEGORY] != NONE}


def flat(wanted: Labels, prefix: str) -> dict[str, str]:
    """Return the categories as table properties, one per column, for where a column has no place for labels."""
    return {f"{prefix}{column}": words[CATEGORY] for column, words in wanted.items()}


def _of(finding: TagFinding) -> dict[str, str]:
    if finding.category is None or finding.state is TagState.REJECTED:
        return {CATEGORY: NONE, "state": finding.state.value}
    words = {CATEGORY: finding.category, "state": finding.state.value, "confidence": f"{finding.confidence:.2f}"}
    return words | {name: "true" for name, holds in (("special", finding.special), ("quasi", finding.quasi)) if holds}
