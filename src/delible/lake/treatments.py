"""What a recipe does to columns, as column expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.errors import InputError
from delible.lake.columns import INNER, OUTER, keyed, normalised, with_pads
from delible.lake.facts import quoted
from delible.lake.masking import mask_column
from delible.model.detection import Detection
from delible.model.masking import DEFAULT_MASKING
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
        where = f"table:{plan.source}.{step.column}"
        if step.column not in types:
            raise InputError(
                "dataset.column_missing",
                f"the recipe '{plan.dataset}' names a column that the table does not have.",
                where=where,
                fix="Correct the recipe, or the table's policy.",
            )
        if not _bears(types[step.column], step):
            raise InputError(
                "dataset.column_type",
                f"a column of type {types[step.column].simpleString()} cannot be treated with '{step.treatment}'"
                f"{'' if step.to is None else f' to {step.to}'}.",
                where=where,
                fix="Masks need text, years, months and days need times, bucket widths need numbers.",
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
    known = F.array(*(F.col(quoted(c)).cast("string") for c in plan.known)) if plan.known else None
    for domain, pads in domains.items():
        here = {names[s.column]: _keyed(s, known, detection) for s in plan.columns if s.domain == domain}
        frame = with_pads(frame, pads).withColumns(here).drop(INNER, OUTER)
    columns = []
    for step in plan.columns:
        if step.domain is not None:
            column = F.col(names[step.column])
        else:
            column = _plain(F.col(quoted(step.column)), step, types[step.column], known, detection)
        columns.append(column.alias(step.column))
    return frame.select(*columns, *also)


def _bears(kind: T.DataType, step: ColumnStep) -> bool:
    match step.treatment:
        case Treatment.MASK:
            return isinstance(kind, T.StringType)
        case Treatment.PSEUDONYMISE:
            return not isinstance(kind, (*_NESTED, T.BinaryType))
        case Treatment.GENERALISE if isinstance(step.to, int):
            return isinstance(kind, T.NumericType)
        case Treatment.GENERALISE:
            return isinstance(kind, (T.DateType, *_INSTANTS))
        case _:
            return True


def _keyed(step: ColumnStep, known: Column | None, detection: Detection) -> Column:
    """Return the keyed pseudonym, or the text under a keyed mask; NULL stays NULL."""
    if step.treatment is Treatment.MASK:
        return _masked(F.col(quoted(step.column)), step, known, detection, key=F.col(INNER))
    return keyed(F.concat(F.lit(f"{step.scope}\x1f"), normalised(F.col(quoted(step.column)), step.normalise)))


def _masked(
    column: Column, step: ColumnStep, known: Column | None, detection: Detection, key: Column | None = None
) -> Column:
    masking = step.masking or DEFAULT_MASKING
    return mask_column(column, known=known, key=key, detection=detection, masking=masking)


def _plain(column: Column, step: ColumnStep, kind: T.DataType, known: Column | None, detection: Detection) -> Column:
    match step.treatment:
        case Treatment.MASK:
            return _masked(column, step, known, detection)
        case Treatment.GENERALISE:
            return _generalised(column, step.to, kind)
        case _:
            return column


def _generalised(column: Column, to: str | int | None, kind: T.DataType) -> Column:
    if isinstance(to, str):
        return F.date_trunc(to, column).cast(kind)
    width = F.lit(to)
    if isinstance(kind, T.IntegralType):
        whole = column.cast("bigint")
        return F.try_subtract(whole, F.pmod(whole, width))
    return (column - F.pmod(column, width)).cast(kind)
