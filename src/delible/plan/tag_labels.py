"""What of a verdict is written beside a table's columns: category, state, confidence; never a reason, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from delible.decide.column_paths import path_parts
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


def at_the_top(wanted: Labels) -> Labels:
    """Return labels for columns of the top level only, for where their parts have no place for any.

    A column with parts has the labels of the first of them that is special, else of the first that is personal.
    """
    by_column: dict[str, list[Mapping[str, str]]] = {}
    for path, words in wanted.items():
        by_column.setdefault(path_parts(path)[0], []).append(words)
    return {column: max(every, key=_weight) for column, every in by_column.items()}


def column_at(path: str) -> str | None:
    """Return the name of the column that a path is, without the backticks of odd names; None for a part of one."""
    names = path_parts(path)
    return names[0] if len(names) == 1 else None


def _weight(words: Mapping[str, str]) -> tuple[bool, bool]:
    return words.get("special") == "true", words[CATEGORY] != NONE


def flat(wanted: Labels, prefix: str) -> dict[str, str]:
    """Return the categories as table properties, one per column, for where a column has no place for labels."""
    return {f"{prefix}{column}": words[CATEGORY] for column, words in wanted.items()}


def _of(finding: TagFinding) -> dict[str, str]:
    if finding.category is None or finding.state is TagState.REJECTED:
        return {CATEGORY: NONE, "state": finding.state.value}
    words = {CATEGORY: finding.category, "state": finding.state.value, "confidence": f"{finding.confidence:.2f}"}
    return words | {name: "true" for name, holds in (("special", finding.special), ("quasi", finding.quasi)) if holds}
