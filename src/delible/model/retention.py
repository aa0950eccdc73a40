"""How long rows stay: retention periods, and the legal holds that stop every deletion."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.duration import Duration


class RetentionRule(Frozen):
    """How long a table's rows may be kept (Art. 5(1)(e)).

    Args:
        clock: The time column that starts the period.
        keep: ISO 8601 duration, such as `P2Y`; calendar months and years, not numbers of days.
        where: Spark SQL expression on the table's own columns that limits the rule to some rows.
        reason: Why this long: the law or the purpose.
    """

    retention: Name
    table: Name
    clock: ColumnName
    keep: Duration
    action: Literal["delete_row"] = "delete_row"
    where: str | None = None
    reason: Text


class LegalHold(Frozen):
    """Rows that nothing may delete while the hold lasts (Art. 17(3)(e)).

    Args:
        tables: The tables it covers, with all their rows.
        starts, ends: First and last day, inclusive; open-ended without `ends`.
        owner: Who placed it and can release it.
    """

    hold: Name
    reason: Text
    owner: Text
    tables: tuple[Name, ...] = Field(min_length=1)
    starts: date
    ends: date | None = None
