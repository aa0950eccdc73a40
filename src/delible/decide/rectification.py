"""What may be corrected, what a correct value of a type is, and which other columns follow (Art. 16, §1798.106)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from delible.errors import Problem, bounded
from delible.model.policy import PolicySet, TablePolicy
from delible.model.rectification import Change, Correction
from delible.model.subject import normalised

SHORTEST_TELLING = 5
"""As in `lake.mentions`: a shorter value would be found all over everybody's texts."""

_WHOLE = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_DIGITS = re.compile(r"[+-]?\d+")
_BOOLEANS = {"true": "true", "false": "false"}
_BINARY = {"float", "double"}


@dataclass(frozen=True)
class ColumnFacts:
    """A column as the table has it.

    Args:
        kind: Spark type, such as `decimal(10,2)`.
        nullable: Whether it may be empty.
        computed: Delta computes it, or numbers it.
        partition: Its values stand in names of folders.
    """

    kind: str
    nullable: bool = True
    computed: bool = False
    partition: bool = False


@dataclass(frozen=True)
class Follower:
    """A column elsewhere that must follow a correction.

    Args:
        kind: The identifier kind that both hold; None when it copies an upstream column.
    """

    table: str
    column: str
    kind: str | None = None


def refusals(policies: PolicySet, corrections: Iterable[Correction], where: str) -> Iterator[Problem]:
    """Yield why corrections cannot be made, as far as the policies tell; never with a value."""
    for c in corrections:
        code, message = _refusal(policies, c) or ("", "")
        if code:
            yield Problem(code, f"'{bounded(c.kind, 160)}': {message}", where)


def _refusal(policies: PolicySet, c: Correction) -> tuple[str, str] | None:
    table = policies.tables.get(c.table)
    if table is None:
        return "rectification.table", "no policy maps this table."
    if c.column not in table.columns or "." in c.column:
        return "rectification.column", "no policy maps this column, or it is a part of a nested one."
    if not table.subject or table.several_owners:
        return "rectification.owner", "a row of this table is about nobody, or can be about several people."
    return _identifier_refusal(policies, table, c)


def _identifier_refusal(policies: PolicySet, table: TablePolicy, c: Correction) -> tuple[str, str] | None:
    if is_path(policies, table, c.column):
        return "rectification.key", "the column ties tables together, and is no data of a person's own."
    kind = identified_by(table, c.column)
    if kind == policies.controller.subject:
        return "rectification.key", "the column says which rows are one person's; it is not corrected."
    says = kind is None or normalised(c.new or "", policies.controller.identifiers[kind].normalise).strip("+")
    return None if says else ("rectification.identifier", "an identifier is corrected to another one, not emptied.")


def is_path(policies: PolicySet, table: TablePolicy, column: str) -> bool:
    """Return whether a column leads from one table to another."""
    own = any(r.through is not None and r.column == column for r in table.subject)
    others = (r for t in policies.tables.values() for r in t.subject)
    return own or any(r.through == table.table and r.matches == column for r in others)


def identified_by(table: TablePolicy, column: str) -> str | None:
    """Return the identifier kind that a column holds, or None."""
    return next((r.identifies for r in table.direct if r.column == column), None)


def unfit(correction: Correction, facts: ColumnFacts | None) -> str | None:
    """Return why a value does not fit its column, or None; never with the value."""
    if facts is None:
        return "the table has no such column"
    if facts.computed:
        return "the column is computed by the table itself"
    if facts.partition:
        return "the table is partitioned by this column, so its values stand in names of folders"
    if correction.new is None and not facts.nullable:
        return "the column may not be empty"
    try:
        for value in (correction.new, correction.old):
            if value is not None:
                typed(value, facts.kind)
    except ValueError as error:
        return str(error)
    return None


def typed(text: str, kind: str) -> str:
    """Return a value as the text that Spark reads as this type, checked so that no cast of it can fail.

    Raises:
        ValueError: When it is none, or the type cannot be corrected; the message holds no value.
    """
    wrong = ValueError(f"the value is no {kind}")
    if kind == "string":
        if "\x00" in text:
            raise wrong
        return text
    said = text.strip()
    if kind in _WHOLE:
        if not _DIGITS.fullmatch(said, 0, 64) or not -(2 ** (_WHOLE[kind] - 1)) <= int(said) < 2 ** (_WHOLE[kind] - 1):
            raise wrong
        return str(int(said))
    if kind == "boolean":
        if said.lower() not in _BOOLEANS:
            raise wrong
        return said.lower()
    if kind in _BINARY:
        return _float(said, wrong)
    if found := _DECIMAL.fullmatch(kind):
        return _decimal(said, int(found[1]), int(found[2]), wrong)
    if kind in ("date", "timestamp", "timestamp_ntz"):
        return _time(said, kind, wrong)
    raise ValueError(f"columns of type {bounded(kind, 60)} cannot be corrected")


def followers(policies: PolicySet, correction: Correction) -> tuple[tuple[Follower, ...], dict[str, str]]:
    """Return the columns that follow a correction, and the derived tables that must be made anew, with the reason.

    An identifier changes wherever its kind stands, or the person's other rows would lose their owner. Of a derived
    table, a column follows that says so (`copy_of`), or that holds the same category; it is corrected where it held
    the old value.
    """
    source = policies.tables[correction.table]
    kind = identified_by(source, correction.column)
    found: dict[tuple[str, str], Follower] = {}
    if kind is not None:
        for table in policies.tables.values():
            for reach in table.direct:
                if reach.identifies == kind and (table.table, reach.column) != (source.table, correction.column):
                    found[table.table, reach.column] = Follower(table.table, reach.column, kind)
    rebuild = {}
    for name in derived_from(policies, correction.table):
        table = policies.tables[name]
        columns = _copies(policies, table, correction, source.columns[correction.column].category)
        for column in columns:
            found.setdefault((name, column), Follower(name, column))
        if not any(key[0] == name for key in found):
            rebuild[name] = f"no column of it copies '{correction.kind}', so what it was made to is not known"
        elif not table.subject:
            rebuild[name] = "its rows do not reach a person"
    return tuple(f for f in found.values() if policies.tables[f.table].subject), rebuild


def derived_from(policies: PolicySet, table: str) -> tuple[str, ...]:
    """Return the tables that are made from one, over any number of steps, sorted."""
    found: set[str] = set()
    waiting = [table]
    while waiting:
        name = waiting.pop()
        below = {t.table for t in policies.tables.values() if name in t.upstream} - found - {table}
        found |= below
        waiting += below
    return tuple(sorted(found))


def _copies(policies: PolicySet, table: TablePolicy, correction: Correction, category: str) -> list[str]:
    declared = [c for c, p in table.columns.items() if p.copy_of == correction.kind]
    if declared:
        return declared
    same = [c for c, p in table.columns.items() if p.category == category and p.copy_of is None and "." not in c]
    return [c for c in same if not is_path(policies, table, c) and identified_by(table, c) is None]


@dataclass(frozen=True)
class HeldValue:
    """A value that stands in a person's rows of a column, and in how many."""

    request: str
    table: str
    column: str
    value: str | None
    rows: int


def resolve(
    correction: Correction, request: str, held: Sequence[HeldValue], facts: ColumnFacts
) -> tuple[list[Change], str | None]:
    """Return what a correction changes in its own column, or why it cannot be told.

    Args:
        correction: What was asked for.
        request: For which request.
        held: What stands in the person's rows of the column.
        facts: The column.
    """
    new = None if correction.new is None else typed(correction.new, facts.kind)
    values = {h.value for h in held}
    if not values:
        return [], "the person has no row in this table"
    if correction.named:
        wrong = {v for v in values if same(v, correction.old, facts.kind)}
        if not wrong and not any(same(v, new, facts.kind) for v in values):
            return [], "the value that is said to be wrong stands in none of the person's rows"
    else:
        wrong = {v for v in values if not same(v, new, facts.kind)}
        if len(values) > 1 and wrong:
            return [], 'the person\'s rows differ in it; say which value is wrong, as {"from": …, "to": …}'
    return [
        Change(request, correction.table, correction.column, v, new) for v in wrong if not same(v, new, facts.kind)
    ], None


def chained(changes: Iterable[Change], kind: str) -> bool:
    """Return whether some change's new value is another one's old value, so that a second run would change it again.

    Args:
        changes: Changes of one column for one person.
        kind: The column's type.
    """
    changes = list(changes)
    return any(
        same(one.new, other.old, kind) or (one.old == other.old and not same(one.new, other.new, kind))
        for one in changes
        for other in changes
    )


def proof_of(change: Change, facts: ColumnFacts, *, elsewhere: bool, in_column: bool) -> str:
    """Return how a search may recognise the old value without taking somebody else's for it.

    Args:
        change: What changes.
        facts: The column.
        elsewhere: The old value stands in other cells of the tables that are searched.
        in_column: Among them, in its own column.
    """
    if change.old is None or in_column:
        return "rows"
    old, new = change.old.strip().lower(), (change.new or "").lower()
    if facts.kind == "string" and len(old) >= SHORTEST_TELLING and not elsewhere and old not in new:
        return "bytes"
    exact = facts.kind == "string" or facts.kind in _WHOLE
    return "column" if exact and old != new.strip() and change.old == change.old.strip() else "rows"


def same(value: str | None, said: str | None, kind: str) -> bool:
    """Return whether two texts are the same value of a type; None is an empty column."""
    if value is None or said is None:
        return value is said
    if value == said or kind == "string":
        return value == said
    try:
        return _comparable(value, kind) == _comparable(said, kind)
    except ValueError:
        return False


def _comparable(text: str, kind: str) -> object:
    said = typed(text, kind)
    if kind in _BINARY:
        return float(said)
    if _DECIMAL.fullmatch(kind):
        return Decimal(said)
    return said


def _float(said: str, wrong: ValueError) -> str:
    try:
        number = float(said)
    except ValueError:
        raise wrong from None
    if not math.isfinite(number):
        raise wrong
    return repr(number)


def _decimal(said: str, precision: int, scale: int, wrong: ValueError) -> str:
    try:
        number = Decimal(said)
    except InvalidOperation:
        raise wrong from None
    if not number.is_finite() or len(said) > 100 or abs(number.adjusted()) > 100:  # noqa: PLR2004
        raise wrong
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or max(0, -exponent) > scale or abs(number) >= Decimal(10) ** (precision - scale):
        raise wrong
    return f"{number:f}"


def _time(said: str, kind: str, wrong: ValueError) -> str:
    try:
        if kind == "date":
            return date.fromisoformat(said).isoformat()
        at = datetime.fromisoformat(said)
    except ValueError:
        raise wrong from None
    if kind == "timestamp_ntz":
        if at.tzinfo is not None:
            raise wrong
        return at.isoformat(sep=" ")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat(sep=" ")
