"""Pure Column expressions: equal spellings, subject references, pseudonyms."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.model.subject import BLANKS, LONGEST_IDENTIFIER
from delible.model.terms import Normalise

INNER, OUTER = "__inner_pad", "__outer_pad"
_BITS = {"int": 31, "bigint": 60}
"""Bits of a pseudonym that fit into a whole number's type."""


def normalised(column: Column, how: Normalise) -> Column:
    """Return the spelling under which two identifiers are equal; the same function as `model.subject.normalised`."""
    trimmed = F.trim(column.cast("string"), F.lit(BLANKS))
    match how:
        case Normalise.EXACT:
            return trimmed
        case Normalise.LOWER:
            return F.lower(trimmed)
        case Normalise.DIGITS:
            digits = F.regexp_replace(trimmed, "[^0-9]", "")
            return (
                F.when(digits.startswith("00"), F.concat(F.lit("+"), F.substring(digits, 3, LONGEST_IDENTIFIER)))
                .when(trimmed.startswith("+"), F.concat(F.lit("+"), digits))
                .otherwise(digits)
            )


def pads_of(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer HMAC-SHA-256 pads (64 bytes each) of a key of at most 64 bytes (RFC 2104)."""
    block = key.ljust(64, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def key_of(inner: bytes) -> bytes:
    """Return the key of an inner pad, filled up to 64 bytes, which HMAC takes for the same key."""
    return bytes(b ^ 0x36 for b in inner)


def with_pads(frame: DataFrame, pads: tuple[bytes, bytes]) -> DataFrame:
    """Add the two HMAC key pads as columns.

    They travel as data of a one-row table, never as literals: a literal would stand in query plans and event logs,
    and with it anybody could recompute every pseudonym.
    """
    # From Arrow: a Python list would start Python workers for one row.
    row = pa.table({INNER: pa.array([pads[0]], pa.binary()), OUTER: pa.array([pads[1]], pa.binary())})
    return frame.crossJoin(F.broadcast(SparkSession.active().createDataFrame(row)))


def keyed(message: Column) -> Column:
    """Return HMAC-SHA-256 of a message as 64 hex digits (RFC 2104); the frame must have passed `with_pads`."""
    inner = F.unhex(F.sha2(F.concat(F.col(INNER), F.encode(message, "UTF-8")), 256))
    return F.sha2(F.concat(F.col(OUTER), inner), 256)


def pseudonym(value: Column, kind: str) -> Column:
    """Return the keyed pseudonym of a text or whole number; NULL stays NULL. The frame must have passed `with_pads`.

    Args:
        value: The column.
        kind: Its type, as `simpleString` spells it.
    """
    code = keyed(value.cast("string"))
    if kind in _BITS:
        # Negative, so that a pseudonym can never be taken for somebody else's real key.
        number = F.conv(F.substring(code, 1, 15), 16, 10).cast("bigint")
        code = (-F.pmod(number, F.lit(2 ** _BITS[kind])) - 1).cast(kind)
    return F.when(value.isNotNull(), code)


def utc(clock: Column, kind: T.DataType) -> Column:
    """Return a time as a date and time in UTC: adding months to a TIMESTAMP goes by the session's calendar."""
    if isinstance(kind, T.DateType | T.TimestampNTZType):
        return clock.cast("timestamp_ntz")
    seconds = (F.unix_micros(clock.cast("timestamp")).cast("decimal(20,0)") / 1_000_000).cast("decimal(18,6)")
    return F.lit("1970-01-01 00:00:00").cast("timestamp_ntz") + F.make_dt_interval(secs=seconds)


def subject_ref(kind: str, value: Column, how: Normalise, key_version: int) -> Column:
    """Return the subject reference of an identifier column; NULL where there is no identifier.

    The same function as `store.keys.Keys.ref`; the frame must have passed `with_pads`.
    """
    spelled = normalised(value, how)
    ref = F.concat(F.lit(f"v{key_version}."), keyed(F.concat(F.lit(f"{kind}\x1f"), spelled)))
    return F.when(spelled.isNotNull() & (spelled != ""), ref)
