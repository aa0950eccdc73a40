"""Free-text columns with personal data replaced, by the same rules as `detect.anonymise`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.model.detection import SHIPPED, NlpModel

_REMEMBERED = 2_000
"""Texts per worker process; canned answers and subjects repeat, and one analysis costs milliseconds."""


def mask_column(
    text: Column, *, known: Column | None = None, keep: Column | None = None, nlp: NlpModel = SHIPPED
) -> Column:
    """Return a text column with everything that is found replaced by numbered placeholders; NULL stays NULL.

    Every text is read in full, whatever a scan's sample said about the column.

    Args:
        known: Array of strings that identify the row's data subject, masked as well.
        keep: Array of strings that are left in place, such as the addressee's own in an access package.
        nlp: The model that finds people and places.

    The first two are columns, not values: a literal would stand in query plans and event logs.
    """
    nothing = F.lit(None).cast("array<string>")
    # Made anew each time: a finished function remembers the session it was first used in, and outlives it.
    mask = F.udf(partial(masked, nlp=nlp), returnType=T.StringType(), useArrow=True)
    return mask(text, nothing if known is None else known, nothing if keep is None else keep)


def masked(
    text: str | None, known: Iterable[Any] | None, keep: Iterable[Any] | None, *, nlp: NlpModel = SHIPPED
) -> str | None:
    """Return one text masked, the same way; texts that repeat are analysed once per worker."""
    if text is None:
        return None
    return _remembered(text, _strings(known), _strings(keep), nlp)


def _strings(values: Iterable[Any] | None) -> tuple[str, ...]:
    return () if values is None else tuple(str(value) for value in values if value is not None)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str, known: tuple[str, ...], keep: tuple[str, ...], nlp: NlpModel) -> str:
    from delible.detect.anonymise import mask_text

    return mask_text(text, known=known, keep=keep, nlp=nlp)
