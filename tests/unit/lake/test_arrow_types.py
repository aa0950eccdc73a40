"""Every type that Arrow has is searched, or its file is reported as unreadable; none passes in silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search.arrow import is_searchable, search_table
from delible.lake.search.forms import Needles
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification
from delible.model.terms import Normalise

ADDRESS, NUMBER, BIRTH, AT = "ann@shop.example", "+4000017983709", "1980-05-04", "1980-05-04 10:30:00"
VALUES = (ADDRESS, NUMBER, BIRTH, AT, "10:30:00", "1713", "12.25", "40000")
SOUGHT = Needles(VALUES)
TEXT = pa.array(["nobody@x.example"[:16], ADDRESS, None])
LENGTH = len(ADDRESS)
OFFSETS = [0, 1, 2, 2]


def searched(folder: Path, values: tuple[str, ...] = VALUES) -> Verification:
    return search([Folder("table:t", str(folder))], values, now=datetime.now(UTC))


def arrow(folder: Path, column: pa.Array) -> Path:
    table = pa.table({"c": column})
    with pa.ipc.new_file(folder / "x.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as file:
        file.write_table(table)
    return folder


def stored(kind: pa.DataType, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


class Named(pa.ExtensionType):  # type: ignore[misc]  # pyarrow is untyped
    def __init__(self) -> None:
        super().__init__(pa.string_view(), "delible.named")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, data: bytes) -> Named:
        return cls()


def union(mode: str) -> pa.Array:
    kinds = pa.array([0, 1, 0], pa.int8())
    children = [TEXT, pa.array([1, 2, 3])]
    if mode == "dense":
        return pa.UnionArray.from_dense(kinds, pa.array([0, 0, 1], pa.int32()), children)
    return pa.UnionArray.from_sparse(kinds, children)


def number(kind: pa.DataType, value: Any = int(NUMBER)) -> Callable[[], pa.Array]:
    return lambda: pa.array([value, None], kind)


EVERY: dict[str, Callable[[], pa.Array]] = {
    **{
        str(kind): lambda kind=kind: TEXT.cast(kind)  # type: ignore[misc]
        for kind in (
            *(pa.string(), pa.large_string(), pa.string_view()),
            *(pa.binary(), pa.large_binary(), pa.binary_view()),
        )
    },
    "fixed_size_binary": lambda: TEXT.cast(pa.binary()).cast(pa.binary(LENGTH)),
    "struct": lambda: pa.StructArray.from_arrays([TEXT.cast(pa.string_view())], ["v"]),
    "list": lambda: pa.ListArray.from_arrays(OFFSETS, TEXT),
    "large_list": lambda: pa.LargeListArray.from_arrays(OFFSETS, TEXT),
    "fixed_size_list": lambda: pa.FixedSizeListArray.from_arrays(TEXT, 3),
    "list_view": lambda: pa.ListViewArray.from_arrays([0, 1], [1, 1], TEXT),
    "large_list_view": lambda: pa.LargeListViewArray.from_arrays([0, 1], [1, 1], TEXT),
    "list_view of views": lambda: pa.ListViewArray.from_arrays([0, 1], [1, 1], TEXT.cast(pa.binary_view())),
    "map": lambda: pa.array([[("k", ADDRESS)]], pa.map_(pa.string(), pa.large_string())),
    "dictionary": TEXT.dictionary_encode,
    "dictionary of large_string": lambda: pa.DictionaryArray.from_arrays([0, 1], TEXT.cast(pa.large_string())),
    "dictionary of fixed_size_binary": lambda: pa.DictionaryArray.from_arrays(
        [0, 1], TEXT.cast(pa.binary()).cast(pa.binary(LENGTH))
    ),
    "dictionary of string_view": lambda: pa.DictionaryArray.from_arrays([0, 1], TEXT.cast(pa.string_view())),
    "dictionary of lists": lambda: pa.DictionaryArray.from_arrays([0, 1], pa.ListArray.from_arrays(OFFSETS, TEXT)),
    "dictionary of numbers": lambda: pa.DictionaryArray.from_arrays([0], pa.array([int(NUMBER)])),
    "dictionary with a value that no row has": lambda: pa.DictionaryArray.from_arrays([0], TEXT),
    "run_end_encoded": lambda: pa.RunEndEncodedArray.from_arrays([1, 2], TEXT.slice(0, 2)),
    "dense_union": lambda: union("dense"),
    "sparse_union": lambda: union("sparse"),
    "extension of our own": lambda: stored(Named(), TEXT.cast(pa.string_view())),
    "extension uuid": lambda: stored(pa.uuid(), TEXT.cast(pa.binary()).cast(pa.binary(16))),
    "extension json": lambda: stored(pa.json_(), TEXT),
    "extension opaque": lambda: stored(pa.opaque(pa.binary(), "t", "v"), TEXT.cast(pa.binary())),
    "extension tensor": lambda: stored(
        pa.fixed_shape_tensor(pa.int64(), [2]), pa.array([[1, int(NUMBER)]], pa.list_(pa.int64(), 2))
    ),
    "list whose null hides values": lambda: pa.ListArray.from_arrays(OFFSETS, TEXT, mask=pa.array([True] * 3)),
    **{str(kind): number(kind) for kind in (pa.int64(), pa.uint64(), pa.float64())},
    **{str(kind): number(kind, 40_000) for kind in (pa.int32(), pa.uint32(), pa.uint16(), pa.float32())},
    "int16": number(pa.int16(), 1713),
    "halffloat": number(pa.float16(), np.float16(12.25)),
    "decimal32": number(pa.decimal32(9, 2), Decimal("12.25")),
    "decimal64": number(pa.decimal64(18, 2)),
    "decimal128": number(pa.decimal128(20, 4)),
    "decimal128 of thousands": number(pa.decimal128(5, -3), Decimal(40_000)),
    "decimal256": number(pa.decimal256(60, 10)),
    "duration": number(pa.duration("s")),
    **{str(kind): number(kind, date(1980, 5, 4)) for kind in (pa.date32(), pa.date64())},
    **{
        str(kind): number(kind, datetime(1980, 5, 4, 10, 30, tzinfo=UTC if kind.tz else None))
        for kind in (
            *(pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")),
            *(pa.timestamp("us", "UTC"), pa.timestamp("ns", "Europe/Berlin")),
        )
    },
    **{
        str(kind): number(kind, time(10, 30))
        for kind in (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))
    },
}
TELL_NOTHING = {
    "null": lambda: pa.nulls(3),
    "bool": lambda: pa.array([True, None]),
    "int8": lambda: pa.array([17], pa.int8()),
    "uint8": lambda: pa.array([17], pa.uint8()),
    "extension bool8": lambda: stored(pa.bool8(), pa.array([1], pa.int8())),
}
NOT_SEARCHED = {
    "interval": lambda: pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "interval in a struct": lambda: pa.array([{"d": (1, 2, 3)}], pa.struct([("d", pa.month_day_nano_interval())])),
}


def test_the_table_of_types_is_whole() -> None:
    """Arrow has no type that is not walked here: a new one must be added, and thought of."""
    built = [make().type for make in (*EVERY.values(), *TELL_NOTHING.values(), *NOT_SEARCHED.values())]
    named = {getattr(kind, "id", None) for kind in built}
    never_made = {"INTERVAL_MONTHS", "INTERVAL_DAY_TIME", "Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME"}
    known = {name: number for name, number in vars(pa.lib).items() if name.startswith("Type_")}
    assert known
    assert {name for name, number in known.items() if number not in named and name not in never_made} == set()


@pytest.mark.parametrize("name", EVERY)
def test_values_are_found_in_columns_of_every_type(tmp_path: Path, name: str) -> None:
    column = EVERY[name]()
    assert is_searchable(column.type)
    assert search_table(pa.table({"c": column}), SOUGHT, {})
    try:
        arrow(tmp_path, column)
    except pa.ArrowNotImplementedError:
        return  # no such file can be
    found = searched(tmp_path)
    assert {m.form for m in found.matches if ":c" in m.place}
    assert not searched(tmp_path, ("somebody@else.example",)).matches


@pytest.mark.parametrize("name", TELL_NOTHING)
def test_columns_that_tell_nobody_are_searched_and_clean(tmp_path: Path, name: str) -> None:
    assert searched(arrow(tmp_path, TELL_NOTHING[name]())).clean


@pytest.mark.parametrize("name", NOT_SEARCHED)
def test_a_file_with_a_type_that_is_not_searched_is_unreadable(tmp_path: Path, name: str) -> None:
    assert searched(arrow(tmp_path, NOT_SEARCHED[name]())).unreadable == ("table:t/x.arrow",)


def test_other_columns_of_a_file_that_is_not_wholly_searched_are_searched(tmp_path: Path) -> None:
    column = pa.StructArray.from_arrays([NOT_SEARCHED["interval"](), TEXT.slice(1, 1)], ["a", "b"])
    found = searched(arrow(tmp_path, column))
    assert found.unreadable
    assert found.matches


@pytest.mark.parametrize(
    "name", ["string_view", "binary_view", "fixed_size_binary", "double", "decimal128", "extension uuid", "list_view"]
)
def test_values_are_found_in_parquet_columns_that_no_policy_maps(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"c": EVERY[name]()}), tmp_path / "x.parquet", compression="gzip", use_dictionary=False)
    assert any(m.form.startswith("parquet value") for m in searched(tmp_path).matches)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([17.0]), "00017"),
        (pa.array([12]), "12.00"),
        (pa.array([4000017983709.0], pa.float32()), "4000017983709"),
        (pa.array([np.float16("inf")], pa.float16()), "70000"),
        (pa.array([float("nan"), float("inf")]), "Infinity"),
        (pa.array([40000179837091]), "4000017983709"),
        (pa.array([1.5]), "1.2.3.4.5"),
        (pa.array([date(1980, 5, 4)]), "1980-05-99"),
    ],
)
def test_numbers_that_only_resemble_a_value_are_not_found(column: pa.Array, value: str) -> None:
    assert not search_table(pa.table({"c": column}), Needles([value]), {})


@pytest.mark.parametrize(
    "column",
    [
        pa.array([17.0, 4.0]),
        pa.array([Decimal("17.00")]),
        pa.array([Decimal("17.00")], pa.decimal32(6, 2)),
        pa.array([17.0], pa.float16()),
        pa.array([b"17"]),
        pa.array([b"17", b"\xff"], pa.binary_view()),
        pa.array(["17"], pa.string_view()),
        pa.array([b"17"], pa.binary(2)),
        pa.array(["17"]).dictionary_encode(),
    ],
    ids=lambda c: str(c.type),
)
def test_typed_keys_are_compared_in_columns_of_every_type(column: pa.Array) -> None:
    typed = {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}
    assert search_table(pa.table({"customer_id": column}), Needles([]), typed)


def test_a_large_typed_number_is_compared_as_it_is_written() -> None:
    typed = {"card": TypedKeys(frozenset({"4000017983709"}), Normalise.EXACT)}
    assert search_table(pa.table({"card": [4000017983709.0]}), Needles([]), typed)
