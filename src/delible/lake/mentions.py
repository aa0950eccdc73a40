"""Free text of other people in which a due person's identifier stands: found, and masked in place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial, reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.facts import quoted
from delible.lake.reach import reach_values, same_combination, split_rows
from delible.lake.texts import TextColumn, changed_texts, some_text, text_columns
from delible.model.numbers import SEPARATORS, always_together, is_number, number_pattern
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.spelling import always_spelled_so, value_pattern
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Normalise

MASK = "[erased]"
SHORTEST_TELLING = 5
_VALUES = "__values"
NEEDLES = f"s.{_VALUES}"
"""The needles in the source of a MERGE."""

_BEFORE = r"(?:(?<![\p{L}\p{N}._%+\-@])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"
_AFTER = r"(?:(?![\p{L}\p{N}_%+\-@])(?!\.[\p{L}\p{N}])|(?=%[0-9a-fA-F]{2}))"
"""ann@x.example is not joann@x.example, and 555-0142 is not a part of a longer number: those are other people. The
letter of an escape, in JSON or a URL that is kept as text, is no word: the byte search sees it the same way."""

_BEFORE_NUMBER = rf"(?:{_BEFORE}|(?<=[a-zA-Z]\.)|(?<=[a-zA-Z])(?=\+))"
"""`tel.020…` and `T+44…` are no longer words, as `lake.search.numbers` has it for bytes."""

_SEPARATORS = f"[{re.escape(SEPARATORS)}]"
_BARE, _BARE_END = r"(?<=[:,\[]\s{0,8})-?", r"(?=\s*[,}\]])"
"""Around a number that stands in a JSON document by itself: a mask is a text, and needs quotation marks there."""

_NEEDLE = pa.struct([("find", pa.string()), ("pattern", pa.string()), ("number", pa.bool_())])


@dataclass(frozen=True)
class Needle:
    """One value as it is looked for in texts.

    Args:
        find: What a text must contain, in lower case and for numbers without separators; a quick first look.
        pattern: Java regular expression of exactly what is masked.
    """

    find: str = field(repr=False)
    pattern: str = field(repr=False)
    number: bool


def telling_values(keys: Sequence[KeyRow], controller: Controller) -> tuple[str, ...]:
    """Return the values whose appearance in a text can only mean the due person.

    A shorter value, such as a login `sam`, would be found all over everybody's texts: it is compared in its own column.
    """
    kinds = controller.identifiers
    telling = {k.value for k in keys if k.role is KeyRole.EVIDENCE or (k.kind in kinds and kinds[k.kind].distinctive)}
    return tuple(sorted(v for v in telling if len(v) >= SHORTEST_TELLING))


def telling_numbers(keys: Sequence[KeyRow], controller: Controller) -> tuple[str, ...]:
    """Return those of the telling values that are digits and may stand in any spelling."""
    kinds = controller.identifiers
    numbers = {k.value for k in keys if k.kind in kinds and kinds[k.kind].normalise is Normalise.DIGITS}
    return tuple(v for v in telling_values(keys, controller) if v in numbers and is_number(v))


def needles_of(keys: Sequence[KeyRow], controller: Controller) -> tuple[Needle, ...]:
    """Return what is looked for in other people's texts, numbers in any spelling first."""
    numbers = [
        Needle(always_together(v), f"{_BEFORE_NUMBER}{number_pattern(v)}{_AFTER}", number=True)
        for v in telling_numbers(keys, controller)
    ]
    values = [
        Needle(always_spelled_so(v), f"(?iu){_BEFORE}{value_pattern(v)}{_AFTER}", number=False)
        for v in telling_values(keys, controller)
    ]
    return (*numbers, *values)


def with_mentions(
    spark: SparkSession,
    frame: DataFrame,
    policy: TablePolicy,
    controller: Controller,
    keys: DataFrame,
    needles: Sequence[Needle],
) -> DataFrame:
    """Return the NOT-due rows of a table that mention a due person, with the needles in one array column.

    They travel as a one-row table that is joined in: as literals they would stand in plans and event logs.
    """
    carried = needles_frame(spark, needles)
    kept = split_rows(frame, policy, controller, keys, due=False) if policy.subject else frame
    joined = kept.crossJoin(F.broadcast(carried))
    return joined.where(mentioning(text_columns(frame.schema, policy)))


def mentioning(texts: Sequence[TextColumn], *, target: str = "", values: str = _VALUES) -> Column:
    """Return whether a row mentions a due person in one of its texts.

    Args:
        target: Prefix of the table's columns, such as `t.` in a MERGE.
        values: The array column with the needles.
    """
    needles = F.col(values)
    test = partial(_mentions, needles)
    found = (some_text(F.col(target + quoted(c.name)), c.kind, c.shape, test) for c in texts)
    return reduce(lambda one, other: one | other, found, F.lit(False))


def masked_texts(texts: Sequence[TextColumn], *, target: str, values: str) -> dict[str, Column]:
    """Return each column that holds texts with the mentions in it masked, for the SET of a MERGE."""
    mask = partial(_masked, F.col(values))
    return {quoted(c.name): changed_texts(F.col(target + quoted(c.name)), c.kind, c.shape, mask) for c in texts}


def mentioning_rows(rows: DataFrame, policy: TablePolicy) -> DataFrame:
    """Return the values of the reach columns of rows that mention somebody; one row where a table has none.

    Whose a row is hangs on these columns alone, so no row that is held, or due itself, has the same ones.
    """
    return rows.select(*reach_values(policy), F.lit(True).alias("__mentioning")).distinct()


def needles_frame(spark: SparkSession, needles: Sequence[Needle]) -> DataFrame:
    """Return the needles as one row with an array."""
    column = pa.array([[asdict(n) for n in needles]], pa.list_(_NEEDLE))
    return spark.createDataFrame(pa.table({_VALUES: column}))


def without_held(frame: DataFrame, policy: TablePolicy, held: DataFrame | None) -> DataFrame:
    """Return the rows of people who are under no hold.

    Args:
        held: Reach values of the rows of people under a hold.
    """
    if held is None:
        return frame
    return frame.alias("__t").join(held.alias("__h"), F.expr(same_combination(policy, "__t", "__h")), "left_anti")


def count_mentions(  # what the find step has, and what is looked for
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: DataFrame,
    needles: Sequence[Needle],
    held: Mapping[str, DataFrame],
) -> dict[str, tuple[int, int]]:
    """Count the rows of other people that mention a due person, per table with free text, in one job.

    Args:
        held: Reach values of the rows of people under a hold, by table.

    Returns:
        Per table, rows to mask, and rows that stay as they are because of a hold.
    """
    parts = []
    for name, policy in policies.tables.items():
        if not policy.free_text or not needles:
            continue
        mentioning = with_mentions(spark, frames[name], policy, policies.controller, keys, needles)
        free = without_held(mentioning, policy, held.get(name))
        parts.append(free.select(F.lit(name).alias("table"), F.lit(True).alias("free")))
        if name in held:
            parts.append(mentioning.select(F.lit(name).alias("table"), F.lit(False).alias("free")))
    if not parts:
        return {}
    sums = reduce(DataFrame.unionByName, parts).groupBy("table", "free").count().collect()
    counts = {(row["table"], row["free"]): int(row["count"]) for row in sums}
    found = {}
    for name in {table for table, _ in counts}:
        unheld = counts.get((name, True), 0)
        found[name] = (unheld, counts.get((name, False), unheld) - unheld)
    return found


def _mentions(needles: Column, text: Column) -> Column:
    text = _spelled_out(text)
    lower, digits = F.lower(text), F.regexp_replace(text, _SEPARATORS, "")
    return F.exists(needles, lambda n: _stands_in(n, lower, digits) & F.regexp_like(text, n["pattern"]))


def _masked(needles: Column, text: Column) -> Column:
    """Return a text with mentions masked: a JSON document stays one, whatever stood where in it."""
    plain = _spelled_out(text)
    whole = _replaced(needles, plain, in_document=True)
    loose = _replaced(needles, plain, in_document=False)
    document = F.when(_is_document(whole), whole).when(_is_document(loose), loose).otherwise(F.lit(f'"{MASK}"'))
    changed = F.when(_is_document(plain), document).otherwise(loose)
    return F.when(_mentions(needles, text), changed).otherwise(text)


def _replaced(needles: Column, text: Column, *, in_document: bool) -> Column:
    def without(done: Column, n: Column) -> Column:
        pattern = n["pattern"]
        masked = F.regexp_replace(done, pattern, F.lit(MASK))
        if in_document:
            bare = F.concat(F.lit(_BARE), pattern, F.lit(_BARE_END))
            masked = F.regexp_replace(F.regexp_replace(done, bare, F.lit(f'"{MASK}"')), pattern, F.lit(MASK))
        there = _stands_in(n, F.lower(done), F.regexp_replace(done, _SEPARATORS, ""))
        return F.when(there, masked).otherwise(done)

    return F.aggregate(needles, text, without)


def _spelled_out(text: Column) -> Column:
    r"""Return a JSON document without escapes such as `\u00f6`, behind which no name is recognised."""
    escaped = F.contains(text, F.lit("\\u")) | F.contains(text, F.lit("\\/"))
    return F.when(escaped & _is_document(text), F.to_json(F.try_parse_json(text))).otherwise(text)


def _is_document(text: Column) -> Column:
    begins = F.regexp_like(text, F.lit(r"^\s*[{\[]"))
    return F.when(begins, F.try_parse_json(text).isNotNull()).otherwise(F.lit(False))


def _stands_in(needle: Column, lower: Column, digits: Column) -> Column:
    return F.when(needle["number"], F.contains(digits, needle["find"])).otherwise(F.contains(lower, needle["find"]))
