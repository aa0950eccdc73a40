"""Which legal holds stand in the way (Art. 17(3)(e); §1798.105(d)).

A hold covers people, whole tables, or data categories: all columns of a category and of those below it, in all tables
or in some, of everybody or of some people. An erasure is stopped as a whole where it would change what a hold covers;
retention leaves the rows that hold something covered as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import SubjectHold
from delible.model.retention import LegalHold, RetentionRule
from delible.model.subject import SubjectRef
from delible.model.taxonomy import is_within
from delible.model.terms import ErasureAction


def lasts(hold: LegalHold, today: date) -> bool:
    """Return whether a hold on tables or categories covers a day; first and last day count."""
    return hold.starts <= today and (hold.ends is None or today <= hold.ends)


def covered_columns(categories: Sequence[str], table: TablePolicy) -> frozenset[str]:
    """Return the columns of a table that hold one of the categories, or one below."""
    return frozenset(c for c, meaning in table.columns.items() if is_within(meaning.category, tuple(categories)))


def held_by(hold: LegalHold, policies: PolicySet, *, erasing: bool = False) -> tuple[str, ...]:
    """Return the tables that a hold covers.

    Args:
        erasing: Of those that it covers by category only such where an erasure would change a covered column.
    """
    if not hold.categories:
        return hold.tables
    tables = [policies.tables[n] for n in (hold.tables or policies.tables) if n in policies.tables]
    return tuple(t.table for t in tables if _touches(hold.categories, t, erasing=erasing))


def held_tables(policies: PolicySet, today: date, *, erasing: bool = False) -> dict[str, str]:
    """Return the tables under a hold, each with the hold's name.

    Args:
        erasing: See `held_by`.
    """
    lasting = [hold for hold in policies.legal_holds.values() if lasts(hold, today)]
    return {table: hold.hold for hold in lasting for table in held_by(hold, policies, erasing=erasing)}


def hold_on_rule(policies: PolicySet, rule: RetentionRule, today: date) -> str | None:
    """Return the hold on tables or categories that stops a retention rule on a day, or None.

    A hold on a category stops what removes rows that hold it, and what changes the columns themselves.
    """
    for hold in policies.legal_holds.values():
        if not lasts(hold, today) or rule.table not in held_by(hold, policies):
            continue
        columns = covered_columns(hold.categories, policies.tables[rule.table])
        if not hold.categories or rule.removes_rows or not columns.isdisjoint(rule.changed):
            return hold.hold
    return None


def free_rules(policies: PolicySet, table: str, today: date) -> tuple[RetentionRule, ...]:
    """Return a table's retention rules that no hold on tables or categories stops on a day."""
    rules = (r for r in policies.retention.values() if r.table == table and r.table in policies.tables)
    return tuple(r for r in rules if hold_on_rule(policies, r, today) is None)


def covers(categories: Sequence[str], table: TablePolicy, columns: Collection[str] | None = None) -> bool:
    """Return whether a hold on people that is limited to categories, or to nothing, covers something in a table.

    Args:
        categories: The hold's.
        table: The table.
        columns: Those in question; all when None.
    """
    found = covered_columns(categories, table)
    return not categories or bool(found if columns is None else found.intersection(columns))


def stopping(holds: Sequence[SubjectHold], policies: PolicySet) -> list[SubjectHold]:
    """Return the holds on people that stop an erasure of theirs: it would change something that they cover."""

    def stops(hold: SubjectHold) -> bool:
        return not hold.categories or any(_touches(hold.categories, t, erasing=True) for t in policies.tables.values())

    return [hold for hold in holds if stops(hold)]


def held_changes(policies: PolicySet, changed: Mapping[str, Collection[str]], today: date) -> dict[str, str]:
    """Return the tables in which a hold covers something that corrections change, each with the hold's name.

    What an erasure would do to the table does not count: a correction alters what an erasure would keep, too.

    Args:
        policies: With the holds.
        changed: Columns by table.
        today: The day.
    """
    held: dict[str, str] = {}
    for hold in policies.legal_holds.values():
        tables = set(held_by(hold, policies)).intersection(changed) if lasts(hold, today) else set()
        held |= {t: hold.hold for t in tables if covers(hold.categories, policies.tables[t], changed[t])}
    return held


def touching(
    holds: Sequence[SubjectHold], policies: PolicySet, changed: Mapping[str, Collection[str]]
) -> list[SubjectHold]:
    """Return the holds on people that stop a correction of theirs: it would alter something that they cover.

    To correct an identifier touches each of them, since a hold finds its person by it.

    Args:
        holds: Active ones.
        policies: The tables.
        changed: Columns by table.
    """
    tables = {t: columns for t, columns in changed.items() if t in policies.tables}
    if any(reach.column in columns for t, columns in tables.items() for reach in policies.tables[t].direct):
        return list(holds)
    return [
        hold
        for hold in holds
        if not hold.categories or any(covers(hold.categories, policies.tables[t], c) for t, c in tables.items())
    ]


def hold_on(refs: Collection[SubjectRef], holds: Sequence[SubjectHold]) -> SubjectHold | None:
    """Return an unreleased hold on one of the references, or None."""
    return next((h for h in holds if h.released is None and not set(h.refs).isdisjoint(refs)), None)


def _touches(categories: Sequence[str], table: TablePolicy, *, erasing: bool) -> bool:
    columns = covered_columns(categories, table)
    if not erasing or not columns:
        return bool(columns)
    match table.erasure.action:
        case ErasureAction.DELETE_ROW:
            return True
        case ErasureAction.TREAT_COLUMNS:
            return not columns.isdisjoint(table.erasure.columns)
        case ErasureAction.KEEP:
            # Somebody else's mention in a text that is held would still be masked.
            return not columns.isdisjoint(table.free_text)
