"""Policies that speak against each other, or against a law that they themselves name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import combinations

from delible.decide.finding import Finding, note, violation
from delible.decide.holds import held_by
from delible.model.duration import Duration, after
from delible.model.policy import PolicySet, Purpose
from delible.model.retention import EventClock, RetentionRule
from delible.model.taxonomy import is_special
from delible.model.terms import ErasureAction, SpecialCondition, Treatment

_STARTS = tuple(datetime(2023, 1, 1) + timedelta(days=n) for n in range(1461))  # noqa: DTZ001  # days, not instants
"""Every day of four years: months and leap years make two periods differ on some days only."""


def contradictions(policies: PolicySet, today: date | None) -> list[Finding]:
    """Return what contradicts itself; what hangs on the day is left out when no day is given."""
    return [
        *_duties(policies),
        *_rule_against_rule(policies),
        *_clocks(policies),
        *_special(policies),
        *(_ended(policies, today) if today is not None else ()),
        *(_holds(policies, today) if today is not None else ()),
    ]


def shorter(one: Duration, other: Duration) -> bool:
    """Return whether a period ends before another one for at least one day that both may start on."""
    if one == other:
        return False
    return any(after(start, one) < after(start, other) for start in _STARTS)


def same_rows(one: RetentionRule, other: RetentionRule) -> bool:
    """Return whether two rules surely cover the same rows; conditions are compared as text."""
    return one.table == other.table and _spelled(one.where) == _spelled(other.where)


def _spelled(where: str | None) -> str:
    return " ".join((where or "").split()).lower()


def _duties(policies: PolicySet) -> Iterator[Finding]:
    for name, rule in policies.retention.items():
        if rule.duty is not None and shorter(rule.keep, rule.duty.at_least):
            yield violation(
                "policy.shorter_than_duty",
                f"'{name}' keeps rows for {rule.keep}, but {rule.duty.law} asks for {rule.duty.at_least} at least. "
                f"Give keep: {rule.duty.at_least} or longer.",
                *("retention", name, "keep"),
            )


def _rule_against_rule(policies: PolicySet) -> Iterator[Finding]:
    removing = [rule for rule in policies.retention.values() if rule.removes_rows]
    for one, other in combinations(sorted(removing, key=lambda r: r.retention), 2):
        if one.table != other.table:
            continue
        if same_rows(one, other):
            yield _conflict(one, other)
            continue
        for general, special in ((one, other), (other, one)):
            idle = general.where is None and general.clock == special.clock and special.duty is None
            if idle and not shorter(special.keep, general.keep):
                yield violation(
                    "policy.retention_conflict",
                    f"'{special.retention}' never acts: '{general.retention}' covers all rows of '{general.table}' and "
                    f"removes them after {general.keep} already. Limit '{general.retention}' by 'where', or name the "
                    "duty that asks for the longer period.",
                    *("retention", special.retention, "keep"),
                )


def _conflict(one: RetentionRule, other: RetentionRule) -> Finding:
    first, second = sorted((one, other), key=lambda r: r.duty is not None)
    if second.duty is not None and first.duty is None:
        decides = f"the duty of '{second.retention}' ({second.duty.law}) stands above '{first.retention}'"
    else:
        decides = "of the two periods the shorter decides"
    return violation(
        "policy.retention_conflict",
        f"'{one.retention}' ({one.keep}) and '{other.retention}' ({other.keep}) cover the same rows of '{one.table}'; "
        f"{decides}. Keep one of them, or limit them by 'where'.",
        *("retention", first.retention, "keep"),
    )


def _clocks(policies: PolicySet) -> Iterator[Finding]:
    """Yield what takes the time away that a rule counts from: without it rows are kept for ever, or go too early."""
    for name, rule in policies.retention.items():
        clock = rule.clock
        own = {clock} if isinstance(clock, str) else {clock.key, *({clock.otherwise} if clock.otherwise else ())}
        for other in policies.retention.values():
            if other is rule:
                continue
            taken = sorted(own & set(other.changed)) if other.table == rule.table else []
            if isinstance(clock, EventClock) and other.table == clock.table:
                taken += sorted({clock.column, clock.target} & set(other.changed))
            if taken:
                yield violation(
                    "policy.clock_treated",
                    f"'{other.retention}' changes '{taken[0]}', from which '{name}' counts. Leave the column out.",
                    *("retention", other.retention, "columns", taken[0]),
                )
        if isinstance(clock, EventClock):
            yield from _events_erased(policies, rule, clock)


def _events_erased(policies: PolicySet, rule: RetentionRule, clock: EventClock) -> Iterator[Finding]:
    for other in policies.retention.values():
        if other.table != clock.table or not other.removes_rows:
            continue
        if other.clock != clock.column or shorter(other.keep, rule.keep):
            yield violation(
                "policy.clock_erased",
                f"'{rule.retention}' counts {rule.keep} from {clock}, but '{other.retention}' may remove those rows "
                f"sooner. Give it clock: {clock.column} and keep: {rule.keep} or longer.",
                *("retention", other.retention, "keep"),
            )


def _special(policies: PolicySet) -> Iterator[Finding]:
    """Yield purposes for which special categories are processed without a condition of Art. 9(2)."""
    found: dict[str, str] = {}
    for name, table in policies.tables.items():
        column = next((c for c, p in table.columns.items() if p.special or is_special(p.category)), None)
        if column is not None:
            found |= {p: f"column '{column}' of '{name}'" for p in table.purposes if p not in found}
    for name, recipe in policies.datasets.items():
        for read, columns in recipe.by_table.items():
            source = policies.tables.get(read)
            for column, how in columns.items():
                policy = source.columns.get(column) if source is not None else None
                if policy is None or how.treatment in (Treatment.DROP, Treatment.REPLACE):
                    continue
                if policy.special or is_special(policy.category):
                    found.setdefault(recipe.purpose, f"column '{column}' of the dataset '{name}'")
    for purpose, where in found.items():
        known = policies.purposes.get(purpose)
        if known is not None and known.special_condition is None:
            choices = ", ".join(SpecialCondition)
            yield violation(
                "policy.no_special_condition",
                f"purpose '{purpose}' uses a special category ({where}), but names no condition of GDPR Art. 9(2). "
                f"Give special_condition: one of {choices}.",
                *("purposes", purpose),
            )


def _ended(policies: PolicySet, today: date) -> Iterator[Finding]:
    def over(name: str | None) -> Purpose | None:
        purpose = policies.purposes.get(name or "")
        return purpose if purpose is not None and purpose.ends is not None and purpose.ends < today else None

    for name, rule in policies.retention.items():
        purpose = over(rule.purpose)
        if purpose is not None and rule.duty is None:
            yield violation(
                "policy.purpose_ended",
                f"'{name}' keeps rows for '{purpose.purpose}', which ended on {purpose.ends} (Art. 5(1)(e)). Shorten "
                "the rule, or name the duty that asks for keeping.",
                *("purposes", purpose.purpose, "ends"),
            )
    for name, table in policies.tables.items():
        ends = [over(p) for p in table.purposes]
        if not ends or None in ends:
            continue
        last = next(p for p in ends if p is not None)
        how = "keeps rows even on erasure" if table.erasure.action is ErasureAction.KEEP else "still has rows"
        yield violation(
            "policy.purpose_ended",
            f"every purpose of '{name}' has ended, '{last.purpose}' on {last.ends}, but the table {how}. Take the "
            "rows out, or name the purpose that they serve now.",
            *("purposes", last.purpose, "ends"),
        )
    for name, recipe in policies.datasets.items():
        purpose = over(recipe.purpose)
        if purpose is not None:
            message = f"dataset '{name}' is cut for '{purpose.purpose}', which ended on {purpose.ends}."
            yield violation("policy.purpose_ended", message, "datasets", name, "purpose")


def _holds(policies: PolicySet, today: date) -> Iterator[Finding]:
    """Yield holds that keep rows longer than a retention rule says; the hold decides."""
    for name, hold in policies.legal_holds.items():
        if hold.ends is not None and hold.ends < today:
            continue
        begins = datetime.combine(hold.starts, datetime.min.time())
        for rule in policies.retention.values():
            ends = after(begins, rule.keep).date()
            if rule.table in held_by(hold, policies) and (hold.ends is None or ends < hold.ends):
                where = ("tables", hold.tables.index(rule.table)) if rule.table in hold.tables else ("categories",)
                yield note(
                    "policy.hold_over_retention",
                    f"while hold '{name}' lasts, '{rule.retention}' ({rule.keep}) does nothing: the hold stands above "
                    "it, and rows stay past their period.",
                    *("legal_holds", name, *where),
                )
