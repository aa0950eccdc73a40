"""The byte search for values that an exception keeps: allowed in the kept columns of live files, and nowhere else.

A value that stays in `invoices.email` stands in the column's data pages and statistics, so its raw bytes prove nothing
there. Live data files are therefore searched column by column, and the log's entries once what they say of the kept
columns is taken out of them. Every other file is searched as if nothing were kept: what is no part of the newest
version, change data, other tables, the workspace.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from delible.lake.search.arrow import in_array, leaves, log_column, textual
from delible.lake.search.file import in_footer
from delible.lake.search.forms import Needles

_BOUNDS = ("minValues", "maxValues", "nullCount", "partitionValues")
_BATCH = 64 * 1024

Hits = Counter[tuple[str, str]]


@dataclass(frozen=True)
class KeptValues:
    """Values that exceptions keep in one table.

    Args:
        values: Telling values of the people whose rows are kept.
        numbers: Those of them that are digits.
        columns: Where they may stand, in lower case; every column when None.
    """

    values: frozenset[str]
    numbers: frozenset[str]
    columns: frozenset[str] | None

    @cached_property
    def needles(self) -> Needles:
        """The values, ready to be searched for."""
        return Needles(self.values, self.numbers)

    def allows(self, column: str) -> bool:
        """Return whether the values may stand in a column, or in a part of it."""
        return self.columns is None or column.lower() in self.columns or column.lower().split(".")[0] in self.columns

    def in_data(self, source: IO[bytes]) -> Hits:
        """Search a live data file outside of the kept columns: its values, its footer's statistics and metadata."""
        found: Hits = Counter()
        if self.columns is None:
            return found
        file = pq.ParquetFile(source)
        for batch in file.iter_batches(batch_size=_BATCH):
            for name, array in leaves(pa.Table.from_batches([batch])):
                if not self.allows(name):
                    for form, count in in_array(array, self.needles).items():
                        found[name, form] += count
        return found + in_footer(file.metadata, self.needles, passed=self.allows)

    def in_log(self, source: IO[bytes], *, parquet: bool) -> Hits:
        """Search a file of the log, but for what it says of the kept columns."""
        if parquet:
            return self._in_checkpoint(source)
        found: Hits = Counter()
        for line in source.read().splitlines():
            for form, count in self.needles.search(self._stripped(line)).items():
                found["", form] += count
        return found

    def _in_checkpoint(self, source: IO[bytes]) -> Hits:
        found: Hits = Counter()
        for batch in pq.ParquetFile(source).iter_batches(batch_size=_BATCH):
            for name, array in leaves(pa.Table.from_batches([batch])):
                column = log_column(name)
                if column != name and self.allows(column):
                    continue
                if name.endswith("stats") and textual(array.type):
                    texts = [t.encode() if isinstance(t, str) else t or b"" for t in array.to_pylist()]
                    hits: Counter[str] = sum((self.needles.search(self._stripped(t)) for t in texts), Counter())
                else:
                    hits = in_array(array, self.needles)
                for form, count in hits.items():
                    found[name, form] += count
        return found

    def _stripped(self, line: bytes) -> bytes:
        """Return a line of the log without what it says of the kept columns; as it is, when it is no JSON."""
        try:
            document = json.loads(line)
        except ValueError:
            return line
        return json.dumps(self._without(document), ensure_ascii=False).encode()

    def _without(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._without(item) for item in node]
        if not isinstance(node, dict):
            return node
        return dict(self._entries(node))

    def _entries(self, node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in node.items():
            if key in _BOUNDS and isinstance(value, dict):
                yield key, {c: v for c, v in value.items() if not self.allows(c)}
            elif key == "stats" and isinstance(value, str):
                yield key, self._stripped(value.encode()).decode()
            else:
                yield key, self._without(value)
