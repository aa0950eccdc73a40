"""Hashes of rows that do not depend on their order: the sum of one number per row, from values and column names.

Columns are hashed as wholes with NumPy; NULL counts like a column that is not there, since Delta reads it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def rows_sum(table: pa.Table, constants: Mapping[str, str | None], *, without: frozenset[str] = frozenset()) -> int:
    """Return the sum of the hashes of all rows, modulo 2**64.

    Args:
        constants: Partition values, which every row of a file has.
        without: Columns that do not count.
    """
    total = np.zeros(table.num_rows, np.uint64)
    with np.errstate(over="ignore"):
        for name, value in constants.items():
            if value is not None:
                total += _mixed(np.full(table.num_rows, _of_text(value), np.uint64) ^ _of_text(name))
        for index, name in enumerate(table.column_names):
            if name not in without:
                column = table.column(index)
                for_column = np.concatenate([_values(chunk) for chunk in column.chunks] or [np.zeros(0, np.uint64)])
                total += np.where(for_column == 0, for_column, _mixed(for_column ^ _of_text(name)))
        return int(_mixed(total).sum(dtype=np.uint64))


def _mixed(numbers: Numbers) -> Numbers:
    """Return well-mixed numbers (the finaliser of SplitMix64)."""
    numbers = numbers + _GOLDEN
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _of_text(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"))


def _values(array: pa.Array) -> Numbers:
    """Return one number per value, 0 for NULL only."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if pa.types.is_null(kind):
        return np.zeros(len(array), np.uint64)
    if pa.types.is_struct(kind):
        found = np.ones(len(array), np.uint64)
        for index, field in enumerate(kind):
            inner = _values(pc.struct_field(array, index))
            found += np.where(inner == 0, inner, _mixed(inner ^ _of_text(field.name)))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        found = _of_lists(array)
    else:
        found = _of_plain(array)
    found = _mixed(found) | np.uint64(1)
    found[pc.is_null(array).to_numpy(zero_copy_only=False)] = 0
    return found


def _of_lists(array: Any) -> Numbers:
    kind = array.type
    parents = (
        pc.list_parent_indices(array.cast(pa.list_(pa.struct([kind.key_field, kind.item_field]))))
        if (pa.types.is_map(kind))
        else pc.list_parent_indices(array)
    )
    parents = parents.to_numpy(zero_copy_only=False)
    if pa.types.is_map(kind):
        starts = array.offsets[0].as_py()
        size = array.offsets[-1].as_py() - starts
        inner = _values(array.keys.slice(starts, size)) + _mixed(_values(array.items.slice(starts, size)))
    else:
        inner = _values(array.flatten())
    places = np.arange(len(parents), dtype=np.int64)
    firsts = np.searchsorted(parents, parents, side="left")
    elements = _mixed(inner ^ _mixed((places - firsts).astype(np.uint64)))
    found = np.ones(len(array), np.uint64)
    np.add.at(found, parents, elements)
    return found


def _of_plain(array: pa.Array) -> Numbers:
    kind = array.type
    if pa.types.is_timestamp(kind):
        # INT96 has no zone and its copy has one: what counts is the instant, in the unit that Spark has.
        array = array.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.string())
    elif pa.types.is_date32(kind):
        array = array.cast(pa.int32()).cast(pa.int64())
    elif pa.types.is_boolean(kind):
        array = array.cast(pa.int8()).cast(pa.int64())
    elif pa.types.is_integer(kind):
        array = array.cast(pa.int64(), safe=False)
    kind = array.type
    if pa.types.is_int64(kind):
        return np.asarray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False)).view(np.uint64).copy()
    if pa.types.is_floating(kind):
        plain = pc.fill_null(array, 0.0).cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.where(np.isnan(plain), np.nan, plain).view(np.uint64).copy()
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        # pandas hashes texts and bytes alike; latin-1 keeps every byte apart.
        texts = np.array([(b or b"").decode("latin-1") for b in array.to_pylist()], dtype=object)
        return np.asarray(pd.util.hash_array(texts), np.uint64)
    texts = pc.fill_null(array.cast(pa.string()), "").to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(texts), np.uint64)
