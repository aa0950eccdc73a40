"""Pure Column expressions: equal spellings, subject references, pseudonyms."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.model.subject import BLANKS, LONGEST_IDENTIFIER
from delible.model.terms import Normalise

INNER, OUTER = "__inner_pad", "__outer_pad"


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


def subject_ref(kind: str, value: Column, how: Normalise, key_version: int) -> Column:
    """Return the subject reference of an identifier column; NULL where there is no identifier.

    The same function as `store.keys.Keys.ref`; the frame must have passed `with_pads`.
    """
    spelled = normalised(value, how)
    ref = F.concat(F.lit(f"v{key_version}."), keyed(F.concat(F.lit(f"{kind}\x1f"), spelled)))
    return F.when(spelled.isNotNull() & (spelled != ""), ref)
