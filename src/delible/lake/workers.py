"""What a recognizer says in a worker process, told on the driver as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import PySparkException

from delible.errors import DelibleError

_SLOW = re.compile(r"DelibleError: detection:([a-z][a-z0-9_]{0,70}): a pattern took more than")


@contextmanager
def recognizers_told() -> Iterator[None]:
    """Name the recognizer that was too slow for a text; everything else passes as it is.

    Of Spark's own message, which may hold anything, only the recognizer's name is taken.

    Raises:
        DelibleError: `detect.recognizer_slow`.
    """
    try:
        yield
    except PySparkException as error:
        found = _SLOW.search(str(error))
        if found is None:
            raise
        raise DelibleError(
            "detect.recognizer_slow",
            "a pattern took too long for a text; nothing of this run counts.",
            where=f"detection:{found[1]}",
            fix="Simplify its patterns, or take it out of policies/detection.",
        ) from None
