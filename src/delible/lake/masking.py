"""Free-text columns with personal data replaced, by the same rules as `detect.anonymise`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.columns import key_of
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.masking import DEFAULT_MASKING, Masking

_REMEMBERED = 2_000
"""Texts per worker process; canned answers and subjects repeat, and one analysis costs milliseconds."""
_LONGEST_REMEMBERED = 5_000
"""Characters: long texts seldom repeat, and what is remembered must fit into a worker's memory (20 MB)."""


def mask_column(
    text: Column,
    *,
    known: Column | None = None,
    names: Column | None = None,
    keep: Column | None = None,
    key: Column | None = None,
    detection: Detection = DEFAULT_DETECTION,
    masking: Masking = DEFAULT_MASKING,
) -> Column:
    """Return a text column with everything that is found replaced, as `masking` says; NULL stays NULL.

    Every text is read in full, whatever a scan's sample said about the column.

    Args:
        known: Array of strings that identify the row's data subject, masked as well.
        names: Array of names of people whom the row is about, masked as people are.
        keep: Array of strings that are left in place, such as the addressee's own in an access package.
        key: The inner HMAC pad of the key for operators that need one, as `lake.columns.with_pads` adds it.

    They are columns, not values: a literal would stand in query plans and event logs.
    """
    nothing = F.lit(None).cast("array<string>")
    rules = masking.model_dump_json()

    def work(text: str | None, known: Any, names: Any, keep: Any, key: bytes | None) -> str | None:
        return masked(text, known, keep, names=names, detection=detection, rules=rules, pad=key)

    # Made anew each time: a finished function remembers the session it was first used in, and outlives it.
    mask = F.udf(work, returnType=T.StringType(), useArrow=True)
    pad = F.lit(None).cast("binary") if key is None else key
    given = (nothing if each is None else each for each in (known, names, keep))
    return mask(text, *given, pad)


def masked(
    text: str | None,
    known: Iterable[Any] | None,
    keep: Iterable[Any] | None,
    *,
    names: Iterable[Any] | None = None,
    detection: Detection = DEFAULT_DETECTION,
    rules: str | None = None,
    pad: bytes | None = None,
) -> str | None:
    """Return one text masked, the same way; texts that repeat are analysed once per worker."""
    if text is None:
        return None
    work = _remembered if len(text) <= _LONGEST_REMEMBERED else _remembered.__wrapped__
    return work(
        text,
        _strings(known),
        _named(text, names),
        _strings(keep),
        detection,
        rules,
        None if pad is None else bytes(pad),
    )


def _strings(values: Iterable[Any] | None) -> tuple[str, ...]:
    return () if values is None else tuple(str(value) for value in values if value is not None)


def _named(text: str, names: Iterable[Any] | None) -> tuple[str, ...]:
    """Return the names that may stand in a text; without the others, canned answers are one text whoever gets them."""
    if names is None:
        return ()
    from delible.detect.repeats import names_in

    return tuple(names_in(text, _strings(names)))


@lru_cache(maxsize=_REMEMBERED)
def _remembered(
    text: str,
    known: tuple[str, ...],
    names: tuple[str, ...],
    keep: tuple[str, ...],
    detection: Detection,
    rules: str | None,
    pad: bytes | None,
) -> str:
    from delible.detect.anonymise import mask_text

    key = None if pad is None else key_of(pad)
    return mask_text(text, known=known, names=names, keep=keep, detection=detection, masking=_masking(rules), key=key)


@lru_cache(maxsize=20)
def _masking(rules: str | None) -> Masking:
    return DEFAULT_MASKING if rules is None else Masking.model_validate_json(rules)
