"""Search in decoded Arrow columns, whole buffers at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from delible.lake.search.forms import Needles, stands_alone
from delible.lake.search.log import search_statistics
from delible.lake.search.loosened import LOOSE
from delible.lake.search.payloads import unpacked_values
from delible.lake.search.plain_values import count_values, is_comparable
from delible.lake.search.typed_keys import TypedKeys

_PARTITION_VALUES = "partitionValues"
"""The map of a Delta log action whose keys are names of columns."""
_BETWEEN = b"\n\0\n"
"""Between values that are searched together: no form reads over it."""


def search_table(table: pa.Table, needles: Needles, typed: Mapping[str, TypedKeys]) -> Counter[tuple[str, str]]:
    """Count matches in a decoded table by column and form."""
    found: Counter[tuple[str, str]] = Counter()
    for name, array in leaves(table):
        for form, count in in_array(array, needles).items():
            found[(name, form)] += count
        keys = typed.get(log_column(name).lower())
        if keys is not None:
            hits = keys.hits(array)
            if hits:
                found[(name, "parquet value")] += hits
        if typed and name.endswith("stats") and textual(array.type):
            for text in array.to_pylist():
                document = text.encode() if isinstance(text, str) else text or b""
                for suffix, count in search_statistics(document, typed).items():
                    found[(name + suffix, "statistics")] += count
    return found


def log_column(name: str) -> str:
    """Return the table column behind a statistic of a checkpoint, such as `add.stats_parsed.minValues.id`."""
    for part in (".minValues.", ".maxValues.", ".partitionValues_parsed.", f".{_PARTITION_VALUES}."):
        if part in name:
            return name.split(part, 1)[1]
    return name


def leaves(table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    """Yield the columns without parts of a table by dotted name."""
    for name in table.column_names:
        for chunk in table.column(name).chunks:
            yield from _flattened(name, chunk)


def _flattened(name: str, array: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Yield the parts that have no parts, each with all that it keeps, also where a list is null or not used."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _flattened(name, array.storage)
    elif pa.types.is_struct(kind) or pa.types.is_union(kind):
        parts = array.flatten() if pa.types.is_struct(kind) else map(array.field, range(kind.num_fields))
        for index, child in enumerate(parts):
            yield from _flattened(f"{name}.{kind.field(index).name}", child)
    elif pa.types.is_map(kind):
        yield from _flattened(f"{name}.key", array.keys)
        if name.endswith(_PARTITION_VALUES):
            for column in pc.unique(array.keys).to_pylist():
                yield f"{name}.{column}", array.items.filter(pc.equal(array.keys, column))
        else:
            yield from _flattened(f"{name}.value", array.items)
    elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        yield from _flattened(name, array.dictionary if pa.types.is_dictionary(kind) else array.values)
    elif pa.types.is_nested(kind):
        yield from _flattened(f"{name}.element", _elements(array))
    else:
        yield name, array


def _elements(array: pa.Array) -> pa.Array:
    """Return what the lists of a column hold, those included that are null."""
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        return array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        first = array.offsets[0].as_py()
        return array.values.slice(first, array.offsets[-1].as_py() - first)
    return array.values


def is_searchable(kind: pa.DataType) -> bool:
    """Return whether every value of a column of this type is looked at; a file with another is not searched wholly."""
    if isinstance(kind, pa.BaseExtensionType):
        return is_searchable(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return is_searchable(kind.value_type)
    if pa.types.is_nested(kind):
        return all(is_searchable(kind.field(index).type) for index in range(kind.num_fields))
    return textual(kind) or is_comparable(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)


_TEXTUAL = (
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary),
)


def textual(kind: pa.DataType) -> bool:
    """Return whether a column holds text or bytes."""
    return any(test(kind) for test in _TEXTUAL)


def in_array(array: pa.Array, needles: Needles) -> Counter[str]:
    """Count matches in one column's values, by form."""
    kind = array.type
    if is_comparable(kind):
        hits = count_values(array, needles.values)
        return Counter({"parquet value, as its type": hits}) if hits else Counter()
    if not textual(kind):
        return Counter()
    binary = pc.cast(array, pa.large_binary())
    offsets = np.frombuffer(binary.buffers()[1], dtype=np.int64)[binary.offset : binary.offset + len(binary) + 1]
    data = binary.buffers()[2]
    if len(binary) == 0 or data is None:
        return Counter()
    text = bytes(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
    offsets = offsets - offsets[0]
    found = _per_value(text, offsets, needles)
    for content in unpacked_values(text, offsets, binary=not _is_text(kind)) if needles.count else ():
        for form, count in needles.search(content).items():
            found[f"compressed value, {form}"] += count
    return found


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _per_value(text: bytes, offsets: np.ndarray[tuple[int], np.dtype[np.int64]], needles: Needles) -> Counter[str]:
    """Count matches that lie within one value of a column whose values stand end to end in one buffer."""
    if not needles.count:
        return Counter()

    def row_of(start: int) -> tuple[int, int]:
        row = int(np.searchsorted(offsets, start, side="right")) - 1
        return int(offsets[row]), int(offsets[row + 1])

    certain: dict[tuple[int, int], set[tuple[str, int, int]]] = {}
    for form, start, end in needles.certain(text):
        low, high = row_of(start)
        # What is written in exactly these letters counts also where it goes on in the next value.
        if not form.folded or (end <= high and (not form.bounded or stands_alone(text, start, end, low, high))):
            certain.setdefault((low, high), set()).add((form.name, start - low, end - low))
    suspicious = {row for start, end in needles.rest_places(text) if end <= (row := row_of(start))[1]}
    found: Counter[str] = Counter()
    for row in suspicious | certain.keys():
        known = certain.get(row, set())
        found += needles.search_rest(text[slice(*row)], known) if row in suspicious else Counter(n for n, _, _ in known)
    for loose in LOOSE:
        rows = sorted({row_of(place) for place in loose.places(text)})
        if rows:
            plain = _BETWEEN.join(text[slice(*row)] for row in rows)
            more = needles.search_plain(_BETWEEN.join(loose.without(text[slice(*row)]) for row in rows))
            found[loose.name] += loose.more(more, needles.search_plain(plain))
    return Counter({f"parquet value, {form}": count for form, count in found.items() if count})
