"""What becomes of a row that retention rules cover: each rule's standing on it, by rules that are stated here.

`lake.retention` is the same decision for all rows at once in Spark; a test holds the two together.

The rules, in the order in which they decide whether a rule acts on a row that it covers:

1. NO_CLOCK: the clock is empty. A missing time is a gap, never a reason to erase.
2. NOT_YET: the rule's period has not run out: calendar months first, then days, in UTC; a date counts as its whole day.
3. DUTY: a law asks for keeping, by this rule or any other that covers the row. Of several duties the longest counts. A
   duty whose clock is empty, or of which it is not known whether it covers the row, has not ended. It forbids removing
   the row, and changing the columns that it names (all of them when it names none). It stands above a legal hold only
   in what is given as the reason: both keep.
4. HELD: a legal hold on the person or the table, a restriction, or an open access request. How long the period has run
   out does not matter.
5. COVERED: a stricter rule acts on the row already: deleting before summing up before treating columns; of two that do
   the same, the first by name. So of several periods without a duty the SHORTEST decides: each says how long rows may
   be kept at most (Art. 5(1)(e)).
6. DONE: the columns are as the rule leaves them.
7. DUE: the rule acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from delible.model.duration import Duration, after
from delible.model.retention import Duty, EventClock, RetentionRule
from delible.model.terms import RetentionAction


class Standing(StrEnum):
    """Where a rule stands on a row, in the order in which the reasons are tried."""

    NO_CLOCK = "no_clock"
    NOT_YET = "not_yet"
    DUTY = "duty"
    HELD = "held"
    COVERED = "covered"
    DONE = "done"
    DUE = "due"


@dataclass(frozen=True)
class Covering:
    """A rule of a row's table, and what is known of it on that row.

    Args:
        covers: The rule's condition; None when it cannot be told (SQL's NULL). Then the rule does not act, but its
            duty counts.
        start: When its clock started, in UTC; None when that is not known.
        done: The row is as the rule leaves it already.
        by_day: The clock is a date without a time: the period ends with the last hour of its last day (Regulation
            1182/71 Art. 3(2)(c)).
    """

    rule: RetentionRule
    start: datetime | None
    covers: bool | None = True
    done: bool = False
    by_day: bool = False

    def ends(self, period: Duration) -> datetime | None:
        """Return when a period from this clock has run out; None without a clock."""
        if self.start is None:
            return None
        return after(self.start, period) + timedelta(days=1 if self.by_day else 0)


@dataclass(frozen=True)
class Decision:
    """What becomes of a row.

    Args:
        action: None when the row stays as it is.
        rule: The rule that acts; or, where none does, the one that came nearest.
        standing: `due` when something happens, otherwise why not; None when no rule covers the row.
        until: When the duty that keeps the row, or the rule's period, runs out, where that is known.
        treating: All rules that treat columns of the row, in the order in which they are applied.
    """

    action: RetentionAction | None = None
    rule: str | None = None
    standing: Standing | None = None
    until: datetime | None = None
    treating: tuple[str, ...] = ()


def precedence(rule: RetentionRule) -> tuple[int, str]:
    """Return the order in which rules of a table are tried, the strictest first (rule 5)."""
    return list(RetentionAction).index(rule.action), rule.retention


def forbids(duty: Duty, rule: RetentionRule) -> bool:
    """Return whether a duty, while it lasts, forbids what a rule does (rule 3)."""
    return rule.removes_rows or not duty.columns or not set(duty.columns).isdisjoint(rule.changed)


def stricter(rule: RetentionRule, rules: Sequence[RetentionRule]) -> tuple[RetentionRule, ...]:
    """Return the rules of the same table that leave nothing for a rule to do where they act (rule 5)."""
    return tuple(r for r in rules if r.removes_rows and precedence(r) < precedence(rule))


def ends_use(rule: RetentionRule) -> bool:
    """Return whether rows past a rule's period enter no dataset: it removes them, by a clock of their own.

    A hold or a duty keeps such rows for itself alone, and not for training (Art. 5(1)(b), (e)). Clocks of events are
    not read by builds, and rules that treat columns leave the rows.
    """
    return rule.removes_rows and not isinstance(rule.clock, EventClock)


def standing(each: Covering, covering: Sequence[Covering], *, held: bool, now: datetime) -> Standing:
    """Return where a rule that covers a row stands on it, by the rules of this module.

    Stricter rules are asked without those that are stricter still: where one of these acts, it is stricter than the
    rule in question, too. Asked with them, each rule more would double the work.

    Args:
        each: The rule in question; one of `covering`.
        covering: All rules of the row's table.
        held: Whether somebody or something holds the row.
        now: The instant of the judgement.
    """
    found = _alone(each, covering, held=held, now=now)
    if found not in (Standing.DONE, Standing.DUE):
        return found
    strict = {r.retention for r in stricter(each.rule, [c.rule for c in covering])}
    rivals = [c for c in covering if c.rule.retention in strict and c.covers]
    covered = any(_alone(c, covering, held=held, now=now) is Standing.DUE for c in rivals)
    return Standing.COVERED if covered else found


def _alone(each: Covering, covering: Sequence[Covering], *, held: bool, now: datetime) -> Standing:
    """Return where a rule stands on a row that it covers, stricter rules left aside."""
    ends = each.ends(each.rule.keep)
    if ends is None:
        return Standing.NO_CLOCK
    if ends > now:
        return Standing.NOT_YET
    if any(_binds(other, each.rule, now) for other in covering):
        return Standing.DUTY
    if held:
        return Standing.HELD
    return Standing.DONE if each.done else Standing.DUE


def decide_row(covering: Sequence[Covering], *, held: bool, now: datetime) -> Decision:
    """Decide what becomes of one row.

    Args:
        covering: All rules of the row's table, whether they cover the row or not.
        held: Whether a hold, a restriction or an open access request keeps the row.
        now: The instant of the judgement.
    """
    acting = sorted((c for c in covering if c.covers), key=lambda c: precedence(c.rule))
    stands = [(c, standing(c, covering, held=held, now=now)) for c in acting]
    due = [c for c, found in stands if found is Standing.DUE]
    if due:
        first = due[0].rule
        treating = tuple(c.rule.retention for c in due) if not first.removes_rows else ()
        return Decision(first.action, first.retention, Standing.DUE, treating=treating)
    if not stands:
        return Decision()
    nearest, found = max(stands, key=lambda pair: list(Standing).index(pair[1]))
    return Decision(None, nearest.rule.retention, found, _until(nearest, found, covering))


def _binds(other: Covering, rule: RetentionRule, now: datetime) -> bool:
    duty = other.rule.duty
    if duty is None or other.covers is False or not forbids(duty, rule):
        return False
    ends = other.ends(duty.at_least)
    return ends is None or ends > now


def _until(each: Covering, found: Standing, covering: Sequence[Covering]) -> datetime | None:
    if found is Standing.NOT_YET:
        return each.ends(each.rule.keep)
    if found is not Standing.DUTY:
        return None
    duties = [(c, c.rule.duty) for c in covering if c.rule.duty is not None and c.covers is not False]
    ends = [c.ends(duty.at_least) for c, duty in duties if forbids(duty, each.rule)]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None
