"""What Delta would refuse half-way, with the row's values in its message: known from the table's schema before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from delible.errors import BlockedError, Problem, bounded
from delible.model.plan import TableFacts
from delible.model.retention import RetentionRule
from delible.model.terms import ColumnErasure


class Left(NamedTuple):
    """What a rule leaves in a column of a row that stays.

    Args:
        empties: It leaves nothing.
        letters: As many characters as it writes into a text; 0 when no more than were there.
    """

    column: str
    empties: bool = False
    letters: int = 0


_LEFT = {
    ColumnErasure.NULL: (True, 0),
    ColumnErasure.MASK: (False, len("[erased]")),
    ColumnErasure.PSEUDONYMISE: (False, 64),
}
_PSEUDONYM_OF_RULE = len("pseudonym:") + 64


def left_by_erasure(columns: Mapping[str, ColumnErasure]) -> Iterator[Left]:
    """Yield what an erasure leaves of columns."""
    yield from (Left(column, *_LEFT[how]) for column, how in columns.items())


def left_by_rule(rule: RetentionRule, facts: TableFacts) -> Iterator[Left]:
    """Yield what a retention rule leaves of columns; of sums those that are neither a group nor a measure."""
    for column, how in rule.columns.items():
        yield Left(column, how == "null", _PSEUDONYM_OF_RULE if how == "pseudonymise" else 0)
    if rule.aggregate is not None:
        named = {*rule.aggregate.by, *rule.aggregate.measures}
        yield from (Left(column, empties=True) for column in facts.columns if column not in named)


def refuse_untreatable(each: Iterable[tuple[TableFacts, Iterable[Left]]]) -> None:
    """Refuse to write what a column cannot hold.

    Raises:
        BlockedError: `erasure.not_null`, `erasure.computed_column`, `erasure.too_long`, with one problem per column.
    """
    problems = tuple(problem for facts, every in each for left in every for problem in _untreatable(facts, left))
    if problems:
        raise BlockedError.of(problems)


def _untreatable(facts: TableFacts, left: Left) -> Iterator[Problem]:
    where, shown = f"table:{facts.table}", bounded(left.column, 80)
    if left.empties and left.column in facts.required:
        yield Problem(
            "erasure.not_null",
            f"column '{shown}' of table '{facts.table}' is NOT NULL, and its rule empties it. Treat it otherwise "
            f"instead, such as by a pseudonym, or ALTER TABLE … ALTER COLUMN {shown} DROP NOT NULL.",
            where,
        )
    if left.column in facts.computed:
        yield Problem(
            "erasure.computed_column",
            f"column '{shown}' of table '{facts.table}' is computed by Delta (a generated column or an identity), so "
            "nothing else can be written there. Treat the columns that it is computed from, or delete the row.",
            where,
        )
    most = facts.lengths.get(left.column)
    if most is not None and left.letters > most:
        yield Problem(
            "erasure.too_long",
            f"column '{shown}' of table '{facts.table}' takes {most} characters at most, and its rule writes "
            f"{left.letters}. Empty it instead, or ALTER TABLE … ALTER COLUMN {shown} TYPE STRING.",
            where,
        )
