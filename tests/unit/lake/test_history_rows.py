"""Whose rows are in a file, and the hashes by which versions are compared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.history.due import Due, keys_in
from delible.lake.history.hash import rows_sum
from delible.lake.search.typed_keys import TypedKeys
from delible.model.subject import BLANKS
from delible.model.terms import Normalise

TEXTS = st.text(st.sampled_from("aAbB1\u0130\u0131\u00df" + BLANKS), max_size=4) | st.sampled_from(
    ["a", " A ", "1", "b\n"]
)
NUMBERS = st.integers(-130, 130)


@given(values=st.lists(st.none() | TEXTS), keys=st.frozensets(TEXTS), how=st.sampled_from(Normalise))
def test_the_fast_way_finds_the_same_texts(values: list[str | None], keys: frozenset[str], how: Normalise) -> None:
    array, wanted = pa.array(values, pa.string()), TypedKeys(keys, how)
    assert keys_in(array, wanted).to_pylist() == pc.fill_null(wanted.mask(array), False).to_pylist()


@given(values=st.lists(st.none() | NUMBERS), keys=st.frozensets(NUMBERS), how=st.sampled_from(Normalise))
@pytest.mark.parametrize("kind", [pa.int8(), pa.int64()])
def test_the_fast_way_finds_the_same_numbers(
    kind: pa.DataType, values: list[int | None], keys: frozenset[int], how: Normalise
) -> None:
    fitting = [v if v is None or -128 <= v <= 127 else None for v in values]
    array, wanted = pa.array(fitting, kind), TypedKeys(frozenset(f" {k}"[k % 2 :] for k in keys) | {"x", "007"}, how)
    assert keys_in(array, wanted).to_pylist() == pc.fill_null(wanted.mask(array), False).to_pylist()


def test_a_row_is_due_by_any_of_its_columns_and_by_its_partition() -> None:
    by = (
        ("id", TypedKeys(frozenset({"1"}), Normalise.EXACT)),
        ("mail", TypedKeys(frozenset({"a@x"}), Normalise.LOWER)),
    )
    due = Due(by)
    table = pa.table({"ID": [1, 2, 3, None], "mail": ["b@x", "A@x ", "c@x", None]})
    assert due.mask(table, {}).to_pylist() == [True, True, False, False]
    assert due.mask(table.select(["mail"]), {"id": "1"}).to_pylist() == [True] * 4
    assert due.mask(table.select(["mail"]), {"id": None}).to_pylist() == [False, True, False, False]


STRANGERS = [
    (None, None, True),
    (None, "2", False),
    (None, " ", True),
    ("1", None, True),
    ("2", None, False),
]
"""The row's owner in the file or as its partition's value, and whether its address makes it due."""


@pytest.mark.parametrize(("inside", "partition", "is_due"), STRANGERS)
def test_a_row_that_names_somebody_else_is_not_due(inside: str | None, partition: str | None, is_due: bool) -> None:
    mail = ("mail", TypedKeys(frozenset({"a@x"}), Normalise.LOWER))
    due = Due((("Id", TypedKeys(frozenset({"1"}), Normalise.EXACT)), mail), frozenset({"id"}))
    table = pa.table({"mail": ["a@x", "b@x"]})
    if inside is not None:
        table = table.append_column("ID", pa.array([inside, "2"]))
    values = {"id": partition} if partition is not None else {}
    mine, others = due.split(table, values)
    assert mine.tolist() == [is_due, False]
    assert others.tolist() == [not is_due, False]
    whole = Due(due.keys, due.owners, ownerless=(mail,))
    assert whole.mask(table, values).to_pylist() == [True, False], "of a request of whom no name is known"


ROW: dict[str, tuple[pa.DataType, Any, Any]] = {
    "text": (pa.string(), "a", "b"),
    "number": (pa.int32(), 1, 2),
    "amount": (pa.decimal128(9, 2), Decimal("1.10"), Decimal("1.11")),
    "double": (pa.float64(), 0.5, -0.5),
    "flag": (pa.bool_(), True, False),
    "bytes": (pa.binary(), b"\xff", b"\xfe"),
    "list": (pa.list_(pa.string()), ["a", "b"], ["b", "a"]),
    "nested list": (pa.list_(pa.list_(pa.int64())), [[1], []], [[], [1]]),
    "empty": (pa.list_(pa.string()), [], [""]),
    "struct": (pa.struct({"x": pa.int64(), "y": pa.int64()}), {"x": 1, "y": 2}, {"x": 2, "y": 1}),
    "map": (pa.map_(pa.string(), pa.int64()), [("a", 1)], [("a", 2)]),
    "missing": (pa.int64(), None, 0),
    "missing list": (pa.list_(pa.string()), None, []),
}


@pytest.mark.parametrize("kind", ROW)
def test_another_value_is_another_hash_and_order_is_none(kind: str) -> None:
    typed, one, other = ROW[kind]

    def hashed(*values: Any) -> int:
        return rows_sum(pa.table({"k": pa.array(values, typed)}), {})

    assert hashed(one) != hashed(other)
    assert hashed(one, other, one) == hashed(other, one, one)
    assert hashed(one, one) != hashed(other, other)
    assert hashed(one, one, other) != hashed(one, other, other)


def test_null_is_a_column_that_is_not_there_and_columns_have_names() -> None:
    table = pa.table({"a": [1, 2]})
    assert rows_sum(table, {}) == rows_sum(table.append_column("b", pa.nulls(2, pa.string())), {})
    assert rows_sum(table, {}) != rows_sum(table.rename_columns(["b"]), {})
    assert rows_sum(table, {"p": "x"}) != rows_sum(table, {"p": "y"}) != rows_sum(table, {"p": None})
    swapped = pa.table({"a": [1, 2], "b": [2, 1]}), pa.table({"a": [1, 2], "b": [1, 2]})
    assert rows_sum(swapped[0], {}) != rows_sum(swapped[1], {}), "values belong to their rows"
