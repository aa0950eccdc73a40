"""What exceptions make of an erasure: which parts of a due row stay, on which ground, until when (Art. 17(3)).

`lake.exceptions` is the same decision for all rows at once in Spark; a test holds the two together.

The rules:

1. An exception protects up to its last day, that day included (UTC), and nothing from then on.
2. It protects a row only when every request that reaches the row falls under a law for which the exception is made:
   what another law has to be erased under is not kept on this one's ground.
3. A row of which it is not known whether `where` is true is protected: erasing cannot be undone.
4. Of several exceptions each keeps its columns, so all of them together are kept; one without columns keeps the row.
5. What nobody keeps goes: where the table's rows would be deleted, all other columns become empty; where they would be
   treated, all other columns are treated as the table says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from delible.model.exception import ARTICLES, ErasureException, KeptPart
from delible.model.policy import TablePolicy
from delible.model.request import Request
from delible.model.terms import ColumnErasure, ErasureAction, Regime, RequestState


@dataclass(frozen=True)
class Covering:
    """An exception of a row's table, and whether its condition is true of the row; None when that is not known."""

    exception: ErasureException
    covers: bool | None = True


@dataclass(frozen=True)
class Fate:
    """What an erasure does to one due row.

    Args:
        columns: For `treat_columns`, what happens to each column; all others stay.
        by: The exceptions that keep something.
    """

    action: ErasureAction
    columns: Mapping[str, ColumnErasure] = field(default_factory=dict)
    by: tuple[str, ...] = ()

    def erases(self, column: str) -> bool:
        """Return whether the row loses a column's value."""
        return self.action is ErasureAction.DELETE_ROW or column in self.columns


def in_force(exception: ErasureException, today: date) -> bool:
    """Return whether an exception protects anything on a day (rule 1)."""
    return today <= exception.until


def protects(exception: ErasureException, regimes: Collection[Regime], today: date) -> bool:
    """Return whether an exception may protect a row that requests under these laws reach (rules 1 and 2)."""
    return in_force(exception, today) and exception.laws.issuperset(regimes)


def keeps_anything(exception: ErasureException, table: TablePolicy) -> bool:
    """Return whether an exception names something that an erasure of the table would take."""
    rule = table.erasure
    if exception.table != table.table or rule.action is ErasureAction.KEEP:
        return False
    taken = rule.action is ErasureAction.DELETE_ROW or not rule.columns.keys().isdisjoint(exception.columns)
    return taken or not exception.columns


def acting(exceptions: Mapping[str, ErasureException], table: TablePolicy, today: date) -> tuple[ErasureException, ...]:
    """Return the exceptions that may protect rows of a table on a day, by name."""
    return tuple(e for _, e in sorted(exceptions.items()) if keeps_anything(e, table) and in_force(e, today))


def fate(
    table: TablePolicy,
    covering: Sequence[Covering],
    *,
    regimes: Collection[Regime],
    today: date,
    columns: Collection[str],
) -> Fate:
    """Decide what an erasure does to one row, by the rules of this module.

    Args:
        table: The row's table.
        covering: Its exceptions, whether they cover the row or not.
        regimes: The laws of all requests that reach the row.
        today: The day of the erasure.
        columns: All columns of the row.
    """
    rule = table.erasure
    keeping = [
        c.exception
        for c in covering
        if c.covers is not False and keeps_anything(c.exception, table) and protects(c.exception, regimes, today)
    ]
    by = tuple(sorted(e.exception for e in keeping))
    if rule.action is ErasureAction.KEEP or any(not e.columns for e in keeping):
        return Fate(ErasureAction.KEEP, by=by)
    if not keeping:
        return Fate(rule.action, rule.columns)
    kept = {column for e in keeping for column in e.columns}
    gone = {c: how for c, how in erased_so(table, columns).items() if c not in kept}
    return Fate(ErasureAction.TREAT_COLUMNS if gone else ErasureAction.KEEP, gone, by)


def erased_so(table: TablePolicy, columns: Collection[str]) -> dict[str, ColumnErasure]:
    """Return what becomes of each column of a row that stays under an exception and that nobody keeps (rule 5)."""
    if table.erasure.action is ErasureAction.DELETE_ROW:
        return dict.fromkeys(columns, ColumnErasure.NULL)
    return dict(table.erasure.columns)


def article(exception: ErasureException, regime: Regime) -> str:
    """Return where a law has an exception's ground."""
    return ARTICLES.get((regime, exception.basis), str(exception.basis))


def kept_part(exception: ErasureException, regime: Regime, rows: int) -> KeptPart:
    """Return what an exception keeps, as plans and certificates name it."""
    return KeptPart(
        exception=exception.exception,
        table=exception.table,
        columns=exception.columns,
        basis=exception.basis,
        article=article(exception, regime),
        until=exception.until,
        rows=rows,
        owner=exception.owner,
        reason=exception.reason,
    )


def kept_until(kept: Sequence[KeptPart]) -> date | None:
    """Return the last day on which all that is kept is still protected; None when nothing is kept."""
    return min((part.until for part in kept), default=None)


def due_again(request: Request) -> date | None:
    """Return the day on which a partly completed request becomes due by itself; None for any other."""
    last = kept_until(request.kept) if request.state is RequestState.PARTLY_COMPLETED else None
    return last + timedelta(days=1) if last is not None and last < date.max else None


def still_kept(request: Request, exceptions: Mapping[str, ErasureException], today: date) -> bool:
    """Return whether everything that a request left is protected on a day, by the policies as they are now.

    An exception that was taken out or shortened protects nothing any more, one that was prolonged still does.
    """
    if request.state is not RequestState.PARTLY_COMPLETED or not request.kept:
        return False
    return all(
        (known := exceptions.get(part.exception)) is not None
        and known.table == part.table
        and protects(known, (request.regime,), today)
        for part in request.kept
    )
