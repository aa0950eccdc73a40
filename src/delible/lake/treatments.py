"""What a recipe does to columns, as column expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.errors import InputError
from delible.lake.columns import INNER, OUTER, keyed, normalised, with_pads
from delible.lake.facts import quoted
from delible.model.detection import SHIPPED, NlpModel
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
    also: Sequence[str] = (),
    nlp: NlpModel = SHIPPED,
) -> DataFrame:
    """Return the columns of the release, each treated, and `also` as they are; nothing else leaves.

    Args:
        nlp: The model that finds people and places in text that is masked.
    """
    types = {f.name: f.dataType for f in frame.schema.fields}
    names = {step.column: f"__pseudonym_{number}" for number, step in enumerate(plan.columns)}
    for domain, pads in domains.items():
        here = {names[s.column]: _pseudonym(s) for s in plan.columns if s.domain == domain}
        frame = with_pads(frame, pads).withColumns(here).drop(INNER, OUTER)
    known = F.array(*(F.col(quoted(c)).cast("string") for c in plan.known)) if plan.known else None
    columns = []
    for step in plan.columns:
        if step.treatment is Treatment.PSEUDONYMISE:
            column = F.col(names[step.column])
        else:
            column = _plain(F.col(quoted(step.column)), step, types[step.column], known, nlp)
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


def _pseudonym(step: ColumnStep) -> Column:
    """Return the keyed pseudonym; NULL stays NULL."""
    return keyed(F.concat(F.lit(f"{step.scope}\x1f"), normalised(F.col(quoted(step.column)), step.normalise)))


def _plain(column: Column, step: ColumnStep, kind: T.DataType, known: Column | None, nlp: NlpModel) -> Column:
    match step.treatment:
        case Treatment.MASK:
            from delible.lake.masking import mask_column

            return mask_column(column, known=known, nlp=nlp)
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
