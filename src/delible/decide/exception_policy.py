"""What is wrong with exceptions: expired, unfounded, or keeping what nobody needs or could find again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from delible.decide.exception import erased_so, in_force, keeps_anything
from delible.decide.finding import Finding, gap, violation
from delible.errors import bounded, did_you_mean
from delible.model.exception import ARTICLES, ErasureException
from delible.model.policy import PolicySet, TablePolicy
from delible.model.taxonomy import is_identifying
from delible.model.terms import ErasureAction

Known = Callable[[TablePolicy], frozenset[str]]


def exception_findings(policies: PolicySet, known: Known, today: date | None) -> Iterator[Finding]:
    """Yield what is wrong with exceptions; what hangs on the day is left out when no day is given."""
    for name, each in policies.exceptions.items():
        yield from _ground(each)
        if today is not None and not in_force(each, today):
            message = (
                f"exception '{name}' ended on {each.until} and protects nothing. Prolong it with its reason, or take "
                "it out; what it kept is due."
            )
            yield violation("policy.exception_expired", message, "exceptions", name, "until")
        table = policies.tables.get(each.table)
        if table is not None:
            yield from _columns(each, table, known(table))


def _ground(each: ErasureException) -> Iterator[Finding]:
    name = each.exception
    knowing = [regime for regime, basis in ARTICLES if basis is each.basis]
    for index, regime in enumerate(each.regimes):
        if regime not in knowing:
            message = (
                f"{regime.upper()} does not know the ground '{each.basis}' of exception '{name}'; "
                f"{' and '.join(r.upper() for r in knowing)} does. Known to {regime.upper()}: "
                f"{', '.join(basis for law, basis in ARTICLES if law is regime)}."
            )
            yield violation("policy.exception_basis", message, "exceptions", name, "regimes", index)


def _columns(each: ErasureException, table: TablePolicy, known: frozenset[str]) -> Iterator[Finding]:
    name = each.exception
    for column in (c for c in table.erasure.columns if "." in c):
        message = (
            f"'{bounded(column, 80)}' lies inside a struct of '{table.table}'; where an exception keeps something, "
            "whole columns are treated. Name the struct."
        )
        yield violation("policy.nested_column", message, "tables", table.table, "erasure", "columns", column)
    for index, column in enumerate(each.columns):
        if "." in column:
            message = f"'{bounded(column, 80)}' lies inside a struct; exceptions keep whole columns. Name the struct."
            yield violation("policy.nested_column", message, "exceptions", name, "columns", index)
        elif column not in known:
            hint = did_you_mean(column, known)
            message = f"table '{table.table}' has no column '{bounded(column, 80)}'.{hint}"
            yield violation("policy.unknown_column", message, "exceptions", name, "columns", index)
    if not table.subject:
        message = f"rows of '{table.table}' reach nobody, so no erasure touches them: the exception keeps nothing."
        yield gap("policy.exception_idle", message, "exceptions", name, "table")
        return
    if table.erasure.action is ErasureAction.KEEP:
        message = f"table '{table.table}' keeps its rows without an end; give its erasure another action, or drop this."
        yield gap("policy.exception_idle", message, "exceptions", name, "table")
    elif not keeps_anything(each, table):
        message = f"an erasure of '{table.table}' takes none of the columns that exception '{name}' names."
        yield gap("policy.exception_idle", message, "exceptions", name, "columns")
    reach = {r.column for r in table.subject}
    left = set(table.columns) - set(erased_so(table, table.columns))
    if each.columns and reach.isdisjoint({*each.columns, *left}):
        message = (
            f"exception '{name}' keeps no column by which rows of '{table.table}' reach their people "
            f"({', '.join(sorted(reach))}): nobody could find them again when it ends."
        )
        yield violation("policy.exception_unreachable", message, "exceptions", name, "columns")
    if each.identifying is None:
        kept = each.columns or tuple(table.columns)
        telling = sorted(c for c in kept if c in table.columns and is_identifying(table.columns[c].category))
        only_way = {c for c in reach if c in kept}
        unneeded = [c for c in telling if only_way != {c}]
        if unneeded:
            message = (
                f"exception '{name}' keeps what tells who somebody is by itself: {bounded(', '.join(unneeded), 200)}. "
                "Leave it out of 'columns', or say in 'identifying' why it is needed (Art. 5(1)(c))."
            )
            yield violation("policy.exception_identifying", message, "exceptions", name, "columns")
