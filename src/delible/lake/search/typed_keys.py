"""Keys that are no proof in raw bytes, such as small numbers: compared with whole values of their own column."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from delible.lake.search.plain_values import comparable, spelled
from delible.model.subject import normalised
from delible.model.terms import Normalise


@dataclass(frozen=True)
class TypedKeys:
    """Keys that are compared with a column's whole values."""

    values: frozenset[str]
    how: Normalise

    def hits(self, array: pa.Array) -> int:
        """Count the array's values that are one of the keys."""
        return pc.sum(self.mask(array)).as_py() or 0

    def mask(self, array: pa.Array) -> pa.Array:
        """Return which of the array's values are one of the keys."""
        if pa.types.is_null(array.type) or pa.types.is_interval(array.type):
            return pa.array([False] * len(array))
        array = comparable(array)
        kind = array.type
        if not (pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_large_binary(kind)):
            array = pc.cast(array, pa.string())
        unique = pc.unique(array).to_pylist()
        wanted = [v for v in unique if v is not None and normalised(spelled(v), self.how) in self.values]
        return pc.is_in(array, value_set=pa.array(wanted, array.type))
