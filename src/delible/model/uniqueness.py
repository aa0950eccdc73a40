"""How well a combination of quasi-identifiers tells rows apart."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from delible.model.base import Frozen


class Combination(Frozen):
    """What was counted of one combination of columns; never a value.

    Args:
        columns: Two or more, in the table's order.
        rows: Rows that were counted.
        unique: Of these, the rows whose values no other row has.
        groups: Different combinations of values.
        smallest: Rows of the smallest group: the k of k-anonymity.
        one_in: 1 when every group was counted. Otherwise whole groups were drawn, one in so many by their hash, so that
            shares are those of the table, and `smallest` is an upper limit.
    """

    table: str
    columns: tuple[str, ...] = Field(min_length=2)
    rows: int
    unique: int
    groups: int
    smallest: int
    one_in: int = 1
    version: int
    at: datetime

    @property
    def share(self) -> float:
        """Share of the rows that are unique."""
        return self.unique / self.rows if self.rows else 0.0
