"""Free text wherever it stands in a table: in columns, and in the structs, arrays and maps that columns hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.facts import quoted
from delible.lake.nested import Shape, shape_of
from delible.model.policy import TablePolicy

Change = Callable[[Column], Column]


class TextColumn(NamedTuple):
    """A column that holds free text, or has a part that does."""

    name: str
    kind: T.DataType
    shape: Shape


def text_columns(schema: T.StructType, policy: TablePolicy) -> tuple[TextColumn, ...]:
    """Return the columns of a table in which its policy says that people are mentioned."""
    if not policy.free_text:
        return ()
    found = (TextColumn(f.name, f.dataType, shape_of(f, policy.columns)) for f in schema.fields)
    return tuple(c for c in found if any(_texts(c.kind, c.shape)))


def some_text(value: Column, kind: T.DataType, shape: Shape, test: Change) -> Column:
    """Return whether a test is true of any free text in a value; false where there is none."""
    match kind:
        case T.StructType():
            below = [
                some_text(value.getField(name), kind[name].dataType, part, test)
                for name, part in shape.fields or ()
                if any(_texts(kind[name].dataType, part))
            ]
            return reduce(lambda one, other: one | other, below, F.lit(False))
        case T.ArrayType() if shape.element is not None:
            part, inner = shape.element, kind.elementType
            return _so(F.exists(value, lambda each: some_text(each, inner, part, test)))
        case T.MapType() if shape.entry is not None:
            key, item = shape.entry
            found = F.lit(False)
            for whole, inner, part in ((F.map_keys, kind.keyType, key), (F.map_values, kind.valueType, item)):
                if any(_texts(inner, part)):
                    found = found | _so(F.exists(whole(value), _tested(inner, part, test)))
            return found
    return _so(test(value)) if any(_texts(kind, shape)) else F.lit(False)


def changed_texts(value: Column, kind: T.DataType, shape: Shape, change: Change) -> Column:
    """Return a value with every free text in it changed, and all else as it is; keys of a map stay different."""
    match kind:
        case T.StructType():
            for name, part in shape.fields or ():
                if any(_texts(kind[name].dataType, part)):
                    inner = changed_texts(value.getField(name), kind[name].dataType, part, change)
                    value = value.withField(quoted(name), inner)
            return value
        case T.ArrayType() if shape.element is not None:
            return F.transform(value, _changing(kind.elementType, shape.element, change))
        case T.MapType() if shape.entry is not None:
            key, item = shape.entry
            if any(_texts(kind.valueType, item)):
                within = _changing(kind.valueType, item, change)
                value = F.transform_values(value, lambda _, each: within(each))
            if any(_texts(kind.keyType, key)):
                changed = F.transform(F.map_keys(value), _changing(kind.keyType, key, change))
                value = F.map_from_arrays(_different(changed), F.map_values(value))
            return value
    return change(value)


def _changing(kind: T.DataType, shape: Shape, change: Change) -> Change:
    return lambda each: changed_texts(each, kind, shape, change) if any(_texts(kind, shape)) else each


def _tested(kind: T.DataType, shape: Shape, test: Change) -> Change:
    return lambda each: some_text(each, kind, shape, test)


def _different(keys: Column) -> Column:
    """Number the keys that masking has made equal: of two entries of a map neither may be lost."""
    return F.transform(
        keys,
        lambda key, at: F.when(F.array_position(keys, key) == at + 1, key).otherwise(
            F.concat(key, F.lit(" "), (at + 1).cast("string"))
        ),
    )


def _texts(kind: T.DataType, shape: Shape) -> Iterator[Shape]:
    """Yield the free texts in a value of a type."""
    match kind:
        case T.StructType():
            for name, part in shape.fields or ():
                yield from _texts(kind[name].dataType, part)
        case T.ArrayType() if shape.element is not None:
            yield from _texts(kind.elementType, shape.element)
        case T.MapType() if shape.entry is not None:
            yield from _texts(kind.keyType, shape.entry[0])
            yield from _texts(kind.valueType, shape.entry[1])
        case T.StringType():
            if shape.free_text:
                yield shape


def _so(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(False))
