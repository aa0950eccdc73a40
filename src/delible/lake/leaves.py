"""The leaf columns of a schema: through structs, arrays and maps, without a row being read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.decide.column_paths import path_part
from delible.lake.documents import FRACTION, MOST_EXACT
from delible.lake.facts import quoted

OPAQUE = "\ufffd"
"""Stands for bytes that are no text: an image, an archive, a form of somebody's own. Nobody has seen what they hold."""

_ELEMENTS, _KEYS, _VALUES = "element", "key", "value"


class Leaf(NamedTuple):
    """A column without parts.

    Args:
        path: Dotted, as people write it.
        kind: Its Spark type.
        column: The column of the table that it is in.
        steps: The way there from that column: a field's name, or which part of an array or map.
        read: Whether values of its type are looked at.
    """

    path: str
    kind: str
    column: str
    steps: tuple[tuple[str, str], ...]
    read: bool


def leaves(schema: T.StructType) -> Iterator[Leaf]:
    """Yield the leaves in the order of the schema."""
    for field in schema.fields:
        yield from _below(Leaf(path_part(field.name), "", field.name, (), False), field.dataType)


def schema_of(schema: str) -> T.StructType:
    """Return a schema as Delta's log spells it in JSON."""
    import json

    return T.StructType.fromJson(json.loads(schema))


def values_of(leaf: Leaf) -> Column:
    """Return the leaf's values of one row as an array of strings."""
    values = F.array(F.col(quoted(leaf.column)))
    for step, name in leaf.steps:
        if step == "field":
            values = _each(values, name)
        elif step == _ELEMENTS:
            values = F.flatten(_present(values))
        else:
            values = F.flatten(F.transform(_present(values), F.map_keys if step == _KEYS else F.map_values))
    return F.transform(values, _SPELLED.get(leaf.kind.partition("(")[0], _as_text))


def _below(at: Leaf, kind: T.DataType) -> Iterator[Leaf]:
    if isinstance(kind, T.StructType):
        for field in kind.fields:
            yield from _below(_at(at, path_part(field.name), ("field", field.name)), field.dataType)
    elif isinstance(kind, T.ArrayType):
        yield from _below(_at(at, _ELEMENTS, (_ELEMENTS, "")), kind.elementType)
    elif isinstance(kind, T.MapType):
        yield from _below(_at(at, _KEYS, (_KEYS, "")), kind.keyType)
        yield from _below(_at(at, _VALUES, (_VALUES, "")), kind.valueType)
    else:
        yield at._replace(kind=kind.simpleString(), read=is_read(kind))


def _at(leaf: Leaf, name: str, step: tuple[str, str]) -> Leaf:
    return leaf._replace(path=f"{leaf.path}.{name}", steps=(*leaf.steps, step))


def is_read(kind: T.DataType) -> bool:
    """Return whether values of a type are looked at: texts, what may be text, and numbers."""
    return isinstance(kind, (T.StringType, T.NumericType, T.BinaryType, T.VariantType))


def _as_text(value: Column) -> Column:
    return value.cast("string")


def _whole_number(value: Column) -> Column:
    """Spell a number that is whole by its digits: of whole numbers with NULLs among them, pandas makes doubles."""
    exact = (value == F.floor(value)) & (F.abs(value) < F.lit(float(MOST_EXACT)))
    return _digits(value, exact)


def _whole_decimal(value: Column) -> Column:
    return _digits(value, value == F.floor(value))


def _digits(value: Column, exact: Column) -> Column:
    whole = value.cast("decimal(38,0)").cast("string")
    return F.when(value.isNotNull(), F.when(exact, whole).otherwise(F.lit(FRACTION)))


def _decoded(value: Column) -> Column:
    """Return bytes that are text, such as those of a message from a queue; of others only that they are none."""
    return F.when(value.isNotNull(), F.when(F.is_valid_utf8(value), value.cast("string")).otherwise(F.lit(OPAQUE)))


def _as_json(value: Column) -> Column:
    return F.to_json(value)


_SPELLED: Mapping[str, Callable[[Column], Column]] = {
    "double": _whole_number,
    "float": _whole_number,
    "decimal": _whole_decimal,
    "binary": _decoded,
    "variant": _as_json,
}


def _each(values: Column, name: str) -> Column:
    return F.transform(values, lambda value: value.getField(name))


def _present(values: Column) -> Column:
    """Leave NULLs out: one of them would make `flatten` NULL, and hide its neighbours."""
    return F.filter(values, lambda value: value.isNotNull())
