"""Rows that keys reach: the joins between a table's reach columns and the keys of due people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised
from delible.lake.facts import at_path, quoted
from delible.model.policy import Controller, Reach, TablePolicy
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Normalise

_VALUE = "__value"


def kind_of(policy: TablePolicy, reach: Reach) -> str:
    """Return the kind under which a reach's keys are stored."""
    return reach.identifies or f"{policy.table}.{reach.column}"


def spelled(reach: Reach, controller: Controller, *, at: str = "") -> Column:
    """Return a reach column in the spelling that its keys have.

    Args:
        at: Prefix of the table's columns, such as `t.` in a MERGE.
    """
    how = controller.identifiers[reach.identifies].normalise if reach.identifies else Normalise.EXACT
    return normalised(F.col(at + at_path(reach.column)), how)


def reach_columns(policy: TablePolicy) -> tuple[str, ...]:
    """Return the distinct columns by which a table's rows reach people."""
    return tuple(dict.fromkeys(reach.column for reach in policy.subject))


def reach_values(policy: TablePolicy) -> list[Column]:
    """Return the reach columns of a table's rows, each as a column of its policy's name, also from within a struct."""
    return [F.col(at_path(c)).alias(c) for c in reach_columns(policy)]


def keys_frame(
    spark: SparkSession,
    keys: Iterable[KeyRow],
    *,
    owners: str | None = None,
    under: Mapping[str, str] | None = None,
) -> DataFrame:
    """Return keys as a frame of request, kind and value; evidence and shared identifiers reach nothing.

    Args:
        owners: The kind of the subject key. Each key then says in `own` which ones its request has, and `due_rows`
            takes no row of another.
        under: What stands for each request, such as its law.
    """
    rows = [k for k in keys if k.role in (KeyRole.GIVEN, KeyRole.FOUND)]
    columns = {
        "request": pa.array([k.request if under is None else under[k.request] for k in rows], pa.string()),
        "kind": pa.array([k.kind for k in rows], pa.string()),
        "value": pa.array([k.value for k in rows], pa.string()),
    }
    if owners is not None:
        named: dict[str, list[str]] = defaultdict(list)
        for key in rows:
            if key.kind == owners:
                named[key.request].append(key.value)
        columns["own"] = pa.array([named.get(k.request) for k in rows], pa.list_(pa.string()))
    return spark.createDataFrame(pa.table(columns))


def owners_of(policy: TablePolicy, controller: Controller) -> str | None:
    """Return the kind of the subject key, if a table's rows can name another one than what reached them."""
    kinds = {reach.identifies for reach in policy.subject}
    return controller.subject if controller.subject in kinds and len(kinds) > 1 else None


def collected(frame: DataFrame) -> list[KeyRow]:
    """Return keys that a frame of request, kind and value holds: identifiers of the due people, never rows."""
    table = frame.toArrow()
    columns = (table.column(n).to_pylist() for n in ("request", "kind", "value"))
    return [KeyRow(r, k, v, KeyRole.FOUND) for r, k, v in zip(*columns, strict=True)]


def due_rows(frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame) -> DataFrame:
    """Return the due rows, once per request and way that reaches them, with the request's id in `__request`.

    All ways are tried in one scan: each row offers one pair of kind and spelling per way, and one join takes them.

    Args:
        keys: Of `keys_frame`. Where they say which subject keys their requests have, a row that names another one is
            not due: between finding and rewriting somebody may have opened an account with the same telephone, and
            links would have taken it for another person's.
    """
    if len(policy.subject) == 1:
        # Exploding an array for each row of a table took as long as all the rest of a search.
        return frame.join(_values_for(policy, keys, request=True), _reached(policy, controller), "inner").drop(_VALUE)
    offered = [
        F.struct(F.lit(kind_of(policy, reach)).alias("kind"), spelled(reach, controller).alias("value"))
        for reach in policy.subject
    ]
    wanted = keys.select(*[F.col(name).alias(f"__{name}") for name in keys.columns])
    condition = (F.col("__key.kind") == F.col("__kind")) & (F.col("__key.value") == F.col("__value"))
    if "own" in keys.columns:
        subjects = [spelled(reach, controller) for reach in policy.subject if reach.identifies == controller.subject]
        for owner in subjects:
            stranger = (owner != "") & ~F.array_contains("__own", owner)
            condition &= ~F.coalesce(stranger, F.lit(False))
    joined = frame.withColumn("__key", F.explode(F.array(*offered))).join(wanted, condition, "inner")
    return joined.drop("__key", "__kind", "__value", "__own")


def due_source(
    frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame
) -> tuple[DataFrame, Column]:
    """Return the source of a MERGE over all due rows, and its condition, between `t` and `s`; each row matches once.

    Where one way leads to a person, it is the condition itself, and the table need not be read to make the source.
    """
    if len(policy.subject) == 1:
        return _values_for(policy, keys).distinct(), _reached(policy, controller, at="t.")
    return due_combinations(frame, policy, controller, keys), F.expr(same_combination(policy, "t", "s"))


def _values_for(policy: TablePolicy, keys: DataFrame, *, request: bool = False) -> DataFrame:
    """Return the keys of the one way that leads to a table, as its MERGE and joins want them."""
    of = keys.where(F.col("kind") == kind_of(policy, policy.subject[0]))
    more = [F.col("request").alias("__request")] if request else []
    return of.select(F.col("value").alias(_VALUE), *more)


def _reached(policy: TablePolicy, controller: Controller, *, at: str = "") -> Column:
    """Return whether a row is reached by a table's only way."""
    return spelled(policy.subject[0], controller, at=at) == F.col(_VALUE)


def due_combinations(frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame) -> DataFrame:
    """Return the distinct values of the reach columns that due rows have.

    Whether a row is due depends on nothing but these columns, so an equality on all of them is the whole condition of
    one MERGE, however many ways lead from the table to a person.
    """
    return due_rows(frame, policy, controller, keys).select(*reach_values(policy)).distinct()


def same_combination(policy: TablePolicy, left: str, right: str) -> str:
    """Return the null-safe equality of all reach columns as SQL; column names only, never a value.

    Args:
        left: The table's own rows, in which a reach column may lie in a struct.
        right: What `reach_values` made.
    """
    return " AND ".join(f"{left}.{at_path(c)} <=> {right}.{quoted(c)}" for c in reach_columns(policy))


def split_rows(
    frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame, *, due: bool
) -> DataFrame:
    """Return the rows that are due, each once, or with `due` False the rows that are NOT."""
    how = "left_semi" if due else "left_anti"
    if len(policy.subject) == 1:
        return frame.join(_values_for(policy, keys), _reached(policy, controller), how)
    combinations = due_combinations(frame, policy, controller, keys)
    return frame.alias("__t").join(combinations.alias("__d"), F.expr(same_combination(policy, "__t", "__d")), how)
