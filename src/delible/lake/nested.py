"""Structs, arrays and maps in an access package: what a policy says about their parts, and those parts redacted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.facts import quoted
from delible.lake.masking import masked
from delible.model.detection import SHIPPED, NlpModel
from delible.model.policy import ColumnPolicy
from delible.model.taxonomy import is_identifying

NESTED = (T.StructType, T.ArrayType, T.MapType)
TIMES = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"
JSON_OPTIONS = {"ignoreNullFields": "false", "timestampFormat": TIMES, "timestampNTZFormat": TIMES[:-3]}

OTHER = "<ANOTHER_PERSON_1>"
"""Stands for a value that identifies somebody else; spelled like the placeholders in free text, and counted with them.

The number says nothing here: giving each other person their own would tell which rows are about the same one.
"""


@dataclass(frozen=True)
class Shape:
    """One value or part of a value, and what is below it.

    Args:
        path: Where it is, as policies spell it: fields by name, parts of arrays and maps by `element`, `key`, `value`.
        mapped: Whether a policy maps it or any part of it; what is not mapped does not leave.
        free_text: Other people may be mentioned.
        identifying: One value tells who it is about.
        fields: Parts of a struct, by name.
        element: What an array holds.
        entry: Key and value of a map.
    """

    path: str
    mapped: bool
    free_text: bool = False
    identifying: bool = False
    fields: tuple[tuple[str, Shape], ...] | None = None
    element: Shape | None = None
    entry: tuple[Shape, Shape] | None = None

    @property
    def parts(self) -> tuple[Shape, ...]:
        """What is directly below."""
        below = [shape for _, shape in self.fields or ()]
        return (*below, *(self.entry or ()), *((self.element,) if self.element else ()))

    def leaves(self) -> Iterator[Shape]:
        """Yield the parts that have no parts."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def shape_of(field: T.StructField, columns: Mapping[str, ColumnPolicy]) -> Shape:
    """Return a column's shape; a policy for a struct, array or map covers every part without one of its own.

    Paths through arrays and maps may leave out `element` and `value`: `contacts.email` is the `email` of each contact.
    """
    names = tuple(dict.fromkeys((field.name, quoted(field.name))))
    return _shape(names, field.dataType, columns, None)


def _shape(
    paths: tuple[str, ...], kind: T.DataType, columns: Mapping[str, ColumnPolicy], around: ColumnPolicy | None
) -> Shape:
    own = next((columns[p] for p in paths if p in columns), around)
    shape = Shape(
        path=paths[0],
        mapped=own is not None,
        free_text=own is not None and own.free_text,
        identifying=own is not None and is_identifying(own.category),
    )
    match kind:
        case T.StructType():
            below = tuple((f.name, _shape(_field(paths, f.name), f.dataType, columns, own)) for f in kind.fields)
            shape = replace(shape, fields=below)
        case T.ArrayType():
            shape = replace(shape, element=_shape(_part(paths, "element"), kind.elementType, columns, own))
        case T.MapType():
            key = _shape(tuple(f"{p}.key" for p in paths), kind.keyType, columns, own)
            if key.parts:  # JSON has no such keys
                key = Shape(key.path, mapped=False)
            shape = replace(shape, entry=(key, _shape(_part(paths, "value"), kind.valueType, columns, own)))
    return replace(shape, mapped=any(p.mapped for p in shape.parts)) if shape.parts else shape


def _field(paths: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{p}.{spelled}" for p in paths for spelled in (name, quoted(name))))


def _part(paths: tuple[str, ...], name: str) -> tuple[str, ...]:
    return (*(f"{p}.{name}" for p in paths), *paths)


def redacted(
    value: Column, shape: Shape, *, keep: Column, names: Column, shared: Column, nlp: NlpModel = SHIPPED
) -> Column:
    """Return a nested column as JSON, all values as text, without unmapped parts, and with other people redacted.

    Args:
        keep: Array of strings that stay where free text holds them.
        names: Array of the person's own identifiers and names, folded.
        shared: Whether the row is somebody else's, too; then identifying parts stay only when they are the person's.
        nlp: The model that finds other people in free text.
    """

    # Made anew each time: a finished function remembers the session it was first used in, and outlives it.
    def work(text: str | None, keep: Any, names: Any, shared: bool | None) -> str | None:
        return redacted_json(text, shape, keep=keep, names=names, shared=bool(shared), nlp=nlp)

    redact = F.udf(work, returnType=T.StringType(), useArrow=True)
    return redact(F.to_json(value, JSON_OPTIONS), keep, names, shared)


def redacted_json(
    text: str | None,
    shape: Shape,
    *,
    keep: Iterable[str] | None,
    names: Iterable[str] | None,
    shared: bool,
    nlp: NlpModel = SHIPPED,
) -> str | None:
    """Return the JSON text of one nested value, redacted; numbers become text, since JSON readers round them."""
    if text is None:
        return None
    own, spared = frozenset(names if names is not None else ()), tuple(keep if keep is not None else ())

    def leaf(value: Any, part: Shape) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if part.free_text:
            return masked(str(value), None, spared, nlp=nlp)
        if shared and part.identifying and str(value).strip() and folded(str(value)) not in own:
            return OTHER
        return value

    parsed = json.loads(text, parse_float=str, parse_int=str)
    return json.dumps(_walked(parsed, shape, leaf), ensure_ascii=False)


def folded(value: str) -> str:
    """Return the spelling in which two names are the same; `lake.access` has the same as a column."""
    return value.strip(" ").lower()


def _walked(value: Any, shape: Shape, leaf: Callable[[Any, Shape], Any]) -> Any:
    if value is None:
        return None
    if shape.fields is not None:
        return {name: _walked(value.get(name), part, leaf) for name, part in shape.fields if part.mapped}
    if shape.element is not None:
        return [_walked(each, shape.element, leaf) for each in value]
    if shape.entry is not None:
        return _entries(value, *shape.entry, leaf)
    return leaf(value, shape)


def _entries(value: dict[str, Any], key: Shape, item: Shape, leaf: Callable[[Any, Shape], Any]) -> Any:
    """Return a map; as a list where its keys do not leave, or where redacted keys could fall together."""
    if not item.mapped:
        return [_walked(k, key, leaf) for k in value]
    if not key.mapped:
        return [_walked(v, item, leaf) for v in value.values()]
    pairs = [(_walked(k, key, leaf), _walked(v, item, leaf)) for k, v in value.items()]
    if key.free_text or key.identifying or key.parts:
        return [{"key": k, "value": v} for k, v in pairs]
    return dict(pairs)
