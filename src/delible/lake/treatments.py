"""What a recipe does to columns, as column expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.decide.column_paths import path_parts
from delible.errors import InputError
from delible.lake.columns import INNER, OUTER, keyed, normalised, with_pads
from delible.lake.facts import quoted
from delible.lake.judging import LIMITED
from delible.lake.masking import mask_column
from delible.model.detection import Detection
from delible.model.masking import DEFAULT_MASKING, SEALED_LETTERS, SEALED_USE
from delible.model.terms import Treatment
from delible.plan.dataset import ColumnStep, DatasetPlan

_NESTED = (T.ArrayType, T.MapType, T.StructType)
_INSTANTS = (T.TimestampType, T.TimestampNTZType)


def check_columns(frame: DataFrame, plan: DatasetPlan) -> None:
    """Refuse a plan that the table's own columns do not bear out.

    Raises:
        InputError: `dataset.column_missing` or `dataset.column_type`.
    """
    types = {f.name: f.dataType for f in frame.schema.fields}
    for step in plan.columns:
        where = f"table:{step.table}.{step.field}"
        if step.place not in types:
            raise InputError(
                "dataset.column_missing",
                f"the recipe '{plan.dataset}' names a column that the table does not have.",
                where=where,
                fix="Correct the recipe, or the table's policy.",
            )
        if not _bears(types[step.place], step):
            raise InputError(
                "dataset.column_type",
                f"a column of type {types[step.place].simpleString()} cannot be treated with '{step.treatment}'"
                f"{'' if step.to is None else f' to {step.to}'}.",
                where=where,
                fix="Masks, prefixes and hierarchies need text, years and months need times, widths and limits numbers,"
                " and a value must be one of the column's type.",
            )


def treated(
    frame: DataFrame,
    plan: DatasetPlan,
    domains: Mapping[str, tuple[bytes, bytes]],
    *,
    detection: Detection,
    also: Sequence[str] = (),
) -> DataFrame:
    """Return the columns of the release, each treated, and `also` as they are; nothing else leaves."""
    types = {f.name: f.dataType for f in frame.schema.fields}
    names = {step.column: f"__keyed_{number}" for number, step in enumerate(plan.columns)}
    known = _Known(_texts_at(plan.known, frame), _texts_at(_there(plan.names, frame), frame))
    for domain, pads in domains.items():
        here = {names[s.column]: _keyed(s, known, detection) for s in plan.columns if s.domain == domain}
        frame = with_pads(frame, pads).withColumns(here).drop(INNER, OUTER)
    columns = []
    for step in plan.columns:
        if step.domain is not None:
            column = F.col(names[step.column])
        else:
            column = _plain(F.col(quoted(step.place)), step, types[step.place], known, detection)
        columns.append(column.alias(step.column))
    return frame.select(*columns, *also)


@dataclass(frozen=True)
class _Known:
    """What a row's own columns say of its people, as arrays: identifiers, and names."""

    identifiers: Column | None
    names: Column | None


def _there(places: Sequence[str], frame: DataFrame) -> list[str]:
    """Return the columns that the tables have: a policy may be ahead of a table, and there is no name in no column."""
    heads = {".".join(path_parts(c)) for c in map(quoted, frame.columns)}
    parts = {place: path_parts(place) for place in places}
    return [p for p, each in parts.items() if any(".".join(each[:n]) in heads for n in range(1, len(each) + 1))]


def _texts_at(places: Sequence[str], frame: DataFrame) -> Column | None:
    found = [_at(place, frame.columns).cast("string") for place in places]
    return F.array(*found) if found else None


def _at(place: str, columns: Sequence[str]) -> Column:
    """Return a column or a field in one: a joined table's own columns have its name and a dot before theirs."""
    parts = path_parts(place)
    heads = (n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in columns)
    first = next(heads, 1)
    return F.col(".".join(map(quoted, (".".join(parts[:first]), *parts[first:]))))


def without_sensitive(release: DataFrame, plan: DatasetPlan) -> DataFrame:
    """Empty sensitive columns in the rows of people who limited their use, and drop the column that says whose.

    After the treatments, since masks look for what stands in the row's own columns.
    """
    emptied = {c: F.when(~F.col(LIMITED), F.col(quoted(c))) for c in plan.sensitive}
    return release.withColumns(emptied).drop(LIMITED)


def _bears(kind: T.DataType, step: ColumnStep) -> bool:
    match step.treatment:
        case Treatment.MASK:
            return isinstance(kind, T.StringType)
        case Treatment.PSEUDONYMISE | Treatment.ENCRYPT:
            return not isinstance(kind, (*_NESTED, T.BinaryType))
        case Treatment.REPLACE:
            wanted = {bool: T.BooleanType, int: T.NumericType, str: T.StringType}
            return isinstance(kind, wanted[type(step.value)])
        case Treatment.GENERALISE:
            return _bears_to(kind, step)
        case _:
            return True


def _bears_to(kind: T.DataType, step: ColumnStep) -> bool:
    if step.prefix is not None or step.mapping is not None:
        return isinstance(kind, T.StringType)
    if isinstance(step.to, str):
        return isinstance(kind, _INSTANTS) or (isinstance(kind, T.DateType) and step.to != "hour")
    return isinstance(kind, T.NumericType)


def _keyed(step: ColumnStep, known: _Known, detection: Detection) -> Column:
    """Return the keyed pseudonym or ciphertext, or the text under a keyed mask; NULL stays NULL."""
    column = F.col(quoted(step.place))
    if step.treatment is Treatment.MASK:
        return _masked(column, step, known, detection, key=F.col(INNER))
    if step.treatment is Treatment.ENCRYPT:
        return _sealed(column.cast("string"), step.scope)
    return keyed(F.concat(F.lit(f"{step.scope}\x1f"), normalised(column, step.normalise)))


def _sealed(text: Column, scope: str) -> Column:
    """Return a value encrypted, then signed, as masks do it and `dataset unmask` opens it (AES-256-CBC, HMAC).

    The beginning hangs on the value, so that the same rows give the same bytes; equal values are seen to be equal.
    """
    key = F.unhex(keyed(F.lit(f"{SEALED_USE}encrypt\x00")))
    begin = F.substring(F.unhex(keyed(F.concat(F.lit(f"{SEALED_USE}begin\x00{scope}\x1f"), text))), 1, 16)
    sealed = F.aes_encrypt(F.encode(text, "UTF-8"), key, F.lit("CBC"), F.lit("PKCS"), begin)
    cipher = F.translate(F.base64(sealed), "+/\r\n", "-_")
    tag = F.substring(keyed(F.concat(F.lit(f"{SEALED_USE}tag\x00"), cipher)), 1, 24)
    mark = F.concat(F.lit("<VALUE="), cipher, F.lit("."), F.translate(tag, "0123456789abcdef", SEALED_LETTERS))
    return F.when(text.isNotNull(), F.concat(mark, F.lit(">")))


def _masked(column: Column, step: ColumnStep, known: _Known, detection: Detection, key: Column | None = None) -> Column:
    masking = step.masking or DEFAULT_MASKING
    return mask_column(
        column, known=known.identifiers, names=known.names, key=key, detection=detection, masking=masking
    )


def _plain(column: Column, step: ColumnStep, kind: T.DataType, known: _Known, detection: Detection) -> Column:
    match step.treatment:
        case Treatment.MASK:
            return _masked(column, step, known, detection)
        case Treatment.GENERALISE:
            return _generalised(column, step, kind)
        case Treatment.REPLACE:
            return F.lit(step.value).cast(kind)
        case _:
            return column


def _generalised(column: Column, step: ColumnStep, kind: T.DataType) -> Column:
    if step.mapping is not None:
        pairs = F.map_from_arrays(*(F.array(*map(F.lit, each)) for each in zip(*step.mapping, strict=True)))
        return F.try_element_at(pairs, F.trim(column))
    if step.prefix is not None:
        return F.substring(F.regexp_replace(column, r"\s", ""), 1, step.prefix)
    if isinstance(step.to, str):
        return F.date_trunc(step.to, column).cast(kind)
    found = column if step.to is None else _bucket(column, step.to, kind)
    # NULL first: the greatest and least of NULL and a number are the number.
    if step.lowest is not None:
        found = F.when(column.isNotNull(), F.greatest(found, F.lit(step.lowest).cast(kind)))
    if step.highest is not None:
        found = F.when(column.isNotNull(), F.least(found, F.lit(step.highest).cast(kind)))
    return found


def _bucket(column: Column, to: int, kind: T.DataType) -> Column:
    width = F.lit(to)
    if isinstance(kind, T.IntegralType):
        whole = column.cast("bigint")
        return F.try_subtract(whole, F.pmod(whole, width))
    return (column - F.pmod(column, width)).cast(kind)
