"""How long rows stay: retention periods and their clocks, legal duties to keep, and the holds that stop every deletion.

A rule says how long rows MAY be kept, a duty how long they MUST. What becomes of a row that several rules cover is
decided by `decide.retention`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.duration import Duration
from delible.model.taxonomy import Category
from delible.model.terms import RetentionAction

Grain = Literal["year", "quarter", "month", "week", "day"]
"""What a time is cut down to."""


class EventClock(Frozen):
    """A clock that an event in another table starts: "24 months after the last order".

    Args:
        table, column: Where the event's time stands.
        key: The column of the rule's own table by which a row finds its events.
        matches: The column of `table` with the same values; `key` when left out.
        take: Which of several events counts.
        otherwise: Time column of the rule's own table that counts where there is no event. Without it such rows are
            KEPT: that nothing happened is not known to be the end.
    """

    table: Name
    column: ColumnName
    key: ColumnName
    matches: ColumnName | None = None
    take: Literal["first", "last"] = "last"
    otherwise: ColumnName | None = None

    @property
    def target(self) -> str:
        """The column of the event's table that `key` is compared with."""
        return self.matches or self.key

    def __str__(self) -> str:
        """Return the clock in words."""
        fallback = f", otherwise {self.otherwise}" if self.otherwise else ""
        return f"the {self.take} {self.table}.{self.column} of the same {self.key}{fallback}"


class Duty(Frozen):
    """A law that asks for keeping (Art. 17(3)(b)).

    Args:
        law: Which one, with its section.
        at_least: How long, from the rule's own clock.
        columns: The columns that it asks for; the whole row when empty.
    """

    law: Text
    at_least: Duration
    columns: tuple[ColumnName, ...] = ()


class Generalise(Frozen):
    """Cut a time down to a unit, a number to the bottom of its bucket, or a text to its first characters."""

    generalise: Grain | Annotated[int, Field(gt=0)]


def _null_as_written(given: Any) -> Any:
    return "null" if given is None else given


ColumnTreatment = Annotated[
    Literal["null", "pseudonymise"] | Generalise,
    BeforeValidator(_null_as_written, json_schema_input_type=Literal["null", "pseudonymise"] | Generalise | None),
]
"""What retention does to one column of a row that stays."""


class Aggregate(Frozen):
    """What rows past their period are summed up to: one row about nobody per group, in the same table.

    Args:
        by: The groups, each column kept as it is or generalised.
        measures: What is worked out of the rest; every column that is named nowhere becomes empty.
    """

    by: dict[ColumnName, Literal["keep"] | Generalise] = Field(min_length=1)
    measures: dict[ColumnName, Literal["sum", "min", "max"]] = {}

    @model_validator(mode="after")
    def _told_apart(self) -> Aggregate:
        both = sorted(set(self.by) & set(self.measures))
        if both:
            raise ValueError("a column is either a group or a measure")
        return self


class RetentionRule(Frozen):
    """How long a table's rows may be kept (Art. 5(1)(e)).

    Args:
        clock: The time column that starts the period, or the event in another table that does.
        keep: ISO 8601 duration, such as `P2Y`; calendar months and years, not numbers of days.
        action: `delete_row`; `treat_columns` takes out of the row what `columns` says; `aggregate` leaves sums.
        columns: For `treat_columns`, what happens to each column.
        aggregate: For `aggregate`, the groups and measures.
        where: Spark SQL expression on the table's own columns that limits the rule to some rows.
        duty: The law that asks for keeping the rows at least so long, whatever other rules say.
        purpose: What the rows are kept for; when the purpose ends, so must the rule.
        reason: Why this long: the law or the purpose.
    """

    retention: Name
    table: Name
    clock: ColumnName | EventClock
    keep: Duration
    action: RetentionAction = RetentionAction.DELETE_ROW
    columns: dict[ColumnName, ColumnTreatment] = {}
    aggregate: Aggregate | None = None
    where: str | None = None
    duty: Duty | None = None
    purpose: Name | None = None
    reason: Text

    @model_validator(mode="after")
    def _complete(self) -> RetentionRule:
        if (self.action is RetentionAction.TREAT_COLUMNS) != bool(self.columns):
            raise ValueError("'columns' and action 'treat_columns' belong together")
        if (self.action is RetentionAction.AGGREGATE) != (self.aggregate is not None):
            raise ValueError("'aggregate' and action 'aggregate' belong together")
        return self

    @property
    def removes_rows(self) -> bool:
        """Whether rows past their period are gone afterwards, if only into sums."""
        return self.action is not RetentionAction.TREAT_COLUMNS

    @property
    def changed(self) -> tuple[str, ...]:
        """The columns that the rule changes in rows that stay."""
        return tuple(self.columns)


class LegalHold(Frozen):
    """Rows that nothing may delete while the hold lasts (Art. 17(3)(e)).

    Args:
        tables: The tables it covers, with all their rows; all tables when only `categories` are given.
        categories: The data categories that it is limited to, with all below them: the columns that hold one.
        starts, ends: First and last day, inclusive; open-ended without `ends`.
        owner: Who placed it and can release it.
    """

    hold: Name
    reason: Text
    owner: Text
    tables: tuple[Name, ...] = ()
    categories: tuple[Category, ...] = ()
    starts: date
    ends: date | None = None

    @model_validator(mode="after")
    def _covers_something(self) -> LegalHold:
        if not self.tables and not self.categories:
            raise ValueError("give 'tables', or 'categories', or both")
        return self
