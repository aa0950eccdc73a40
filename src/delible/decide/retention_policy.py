"""Checks of retention rules against the tables that they are about: clocks, columns, what they leave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from delible.decide.finding import Finding, violation
from delible.errors import bounded, did_you_mean
from delible.model.layout import Columns
from delible.model.policy import PolicySet, TablePolicy
from delible.model.retention import Aggregate, EventClock, Generalise, RetentionRule
from delible.model.taxonomy import CATEGORIES, is_identifying

_TIMES = ("date", "timestamp", "timestamp_ntz")
_TEXT = ("string",)
_WHOLE = ("byte", "short", "integer", "long", "tinyint", "smallint", "int", "bigint")
_WIDE = ("integer", "long", "int", "bigint")
_NUMBERS = (*_WHOLE, "decimal", "float", "double")

ColumnsOf = Callable[[TablePolicy], Columns | None]
Known = Callable[[TablePolicy], frozenset[str]]


def retention_findings(policies: PolicySet, columns: ColumnsOf, known: Known) -> Iterator[Finding]:
    """Yield what is wrong with retention rules.

    Args:
        policies: The policies; names that dangle are somebody else's finding.
        columns: A table's real columns, or None where they are not known.
        known: The columns that a policy may name.
    """
    for name, rule in policies.retention.items():
        table = policies.tables.get(rule.table)
        if table is None:
            continue
        yield from _clock(rule, table, policies, columns, known)
        yield from _columns(rule, table, columns(table), known(table))
        if rule.aggregate is not None:
            yield from _aggregate(rule, rule.aggregate, table)
        for index, column in enumerate(rule.duty.columns if rule.duty is not None else ()):
            if column not in known(table):
                yield _unknown(column, table, known(table), "retention", name, "duty", "columns", index)


def ends(table: TablePolicy, policies: PolicySet) -> bool:
    """Return whether some rule ends the storage of a table's people: removes rows, or all that identifies in them."""
    for rule in policies.retention.values():
        if rule.table == table.table and (rule.removes_rows or not list(left_identifying(table, rule.columns))):
            return True
    return False


def covers(treated: Collection[str], column: str) -> bool:
    """Return whether a column, or one that it lies in, is treated."""
    parts = column.split(".")
    return any(".".join(parts[:n]) in treated for n in range(1, len(parts) + 1))


def left_identifying(table: TablePolicy, treated: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the untreated columns by which a row that stays could be told to be somebody's (Art. 4(1)), and why."""
    reasons = {
        reach.column: f"holds the {reach.identifies}"
        if reach.identifies
        else f"leads to a person through {reach.through}"
        for reach in table.subject
    }
    for column, policy in table.columns.items():
        if policy.searched:
            reasons.setdefault(column, "its values tell one person from another")
        elif policy.free_text:
            reasons.setdefault(column, "free text")
        elif is_identifying(policy.category):
            reasons.setdefault(column, CATEGORIES[policy.category])
    for column, why in reasons.items():
        if not covers(treated, column):
            yield column, why


def _clock(
    rule: RetentionRule, table: TablePolicy, policies: PolicySet, columns: ColumnsOf, known: Known
) -> Iterator[Finding]:
    path, clock = ("retention", rule.retention, "clock"), rule.clock
    if not isinstance(clock, EventClock):
        yield from _time(clock, table, columns, known, *path)
        return
    if clock.key not in known(table):
        yield _unknown(clock.key, table, known(table), *path, "key")
    if clock.otherwise is not None:
        yield from _time(clock.otherwise, table, columns, known, *path, "otherwise")
    source = policies.tables.get(clock.table)
    if source is None:
        return
    yield from _time(clock.column, source, columns, known, *path, "column")
    if clock.target not in known(source):
        yield _unknown(clock.target, source, known(source), *path, "matches" if clock.matches else "key")


def _time(column: str, table: TablePolicy, columns: ColumnsOf, known: Known, *path: str | int) -> Iterator[Finding]:
    if column not in known(table):
        hint = did_you_mean(column, known(table))
        message = f"the clock '{bounded(column, 80)}' is no column of '{table.table}'.{hint}"
        yield violation("policy.clock_column", message, *path)
        return
    kind = (columns(table) or {}).get(column, "timestamp")
    if kind not in _TIMES:
        message = f"the clock '{bounded(column, 80)}' is of type {bounded(kind, 40)}, not a date or timestamp."
        yield violation("policy.clock_column", message, *path)


def _columns(rule: RetentionRule, table: TablePolicy, real: Columns | None, known: frozenset[str]) -> Iterator[Finding]:
    named = dict(rule.columns)
    path: tuple[str | int, ...] = ("retention", rule.retention, "columns")
    for column, how in named.items():
        if column not in known:
            yield _unknown(column, table, known, *path, column)
            continue
        yield from _fits(column, how, (real or {}).get(column), *path, column)


def _fits(column: str, how: str | Generalise, kind: str | None, *path: str | int) -> Iterator[Finding]:
    if kind is None or how == "null":
        return
    # Fewer bits would give different people one pseudonym.
    allowed: tuple[str, ...] = (*_TEXT, *_WIDE)
    if isinstance(how, Generalise):
        allowed = _TIMES if isinstance(how.generalise, str) else (*_TEXT, *_NUMBERS)
    if not kind.startswith(allowed):
        done = "generalise" if isinstance(how, Generalise) else how
        message = f"'{done}' cannot treat '{bounded(column, 80)}' of type {bounded(kind, 40)} so; use null."
        yield violation("policy.retention_type", message, *path)


def _aggregate(rule: RetentionRule, aggregate: Aggregate, table: TablePolicy) -> Iterator[Finding]:
    """Yield columns that would make a sum be about somebody: it must be about nobody."""
    told = {column for column, _ in left_identifying(table, ())}
    for part, columns in (("by", aggregate.by), ("measures", aggregate.measures)):
        for column in columns:
            if column in told:
                message = f"sums of '{rule.table}' would still tell whose they are by '{bounded(column, 80)}'."
                yield violation(
                    "policy.aggregate_identifies", message, "retention", rule.retention, "aggregate", part, column
                )


def _unknown(column: str, table: TablePolicy, known: frozenset[str], *path: str | int) -> Finding:
    hint = did_you_mean(column, known)
    message = f"table '{table.table}' has no column '{bounded(column, 80)}'.{hint}"
    return violation("policy.unknown_column", message, *path)
