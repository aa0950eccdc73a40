"""What a scan's new rows say by themselves: what came late is not outvoted by all the rows that came before it."""

from __future__ import annotations

from collections.abc import Mapping

from delible.decide.tagging import NOT_PERSONAL, ColumnFacts
from delible.model.record import TagFinding
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import TagState


def looks_personal(finding: TagFinding) -> bool:
    """Return whether a verdict names a category or waits for a person."""
    return finding.category is not None or finding.state is TagState.REVIEW


def worse(pooled: TagFinding, fresh: TagFinding) -> TagFinding:
    """Return the verdict that says more: on all rows that were ever read, or on those that were read now."""
    return fresh if _weight(fresh) > _weight(pooled) else pooled


def turned(finding: TagFinding, last: TagFinding | None) -> TagFinding:
    """Return the verdict given the one before: what has come out as personal does not go away by more clean rows.

    A column that was clean goes to review when it is so no more, so that it waits until somebody has looked.
    """
    if last is None or last.state.pinned or last.state is TagState.REOPENED:
        return finding
    if looks_personal(last) and not looks_personal(finding):
        return last.model_copy(update={"version": finding.version, "at": finding.at})
    if not has_turned(finding, last) or finding.state is TagState.REVIEW:
        return finding
    title = CATEGORIES[finding.category] if finding.category is not None else "nothing"
    reason = (
        f"clean until version {last.version}; since then {finding.hits:,} of {finding.sampled:,} values say {title}."
    )
    return finding.model_copy(update={"state": TagState.REVIEW, "reason": reason})


def has_turned(finding: TagFinding, last: TagFinding | None) -> bool:
    """Return whether a column that a scan had read and found clean is so no more."""
    if last is None or last.state is not TagState.PROPOSED or not last.sampled:
        return False
    return not looks_personal(last) and looks_personal(finding)


def new_types(before: ColumnFacts | None, now: ColumnFacts | None) -> tuple[str, ...]:
    """Return the personal types that values read now hold, and none that was read before did."""
    if before is None or now is None or not before.values:
        return ()
    held: Mapping[str, int] = before.hits
    return tuple(e for e, n in sorted(now.hits.items()) if n and not held.get(e) and e not in NOT_PERSONAL)


def _weight(finding: TagFinding) -> int:
    if finding.category is not None:
        return 2 if finding.state is TagState.REVIEW else 3
    return 1 if finding.state is TagState.REVIEW else 0
