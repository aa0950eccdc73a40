"""What a recognizer says in a worker process, told on the driver as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyspark.errors import PySparkException

from delible.errors import DelibleError

_SLOW = re.compile(r"DelibleError: detection:([a-z][a-z0-9_]{0,70}): a pattern took more than")
_OF_COLUMN = re.compile(
    r"DelibleError: leaf (?P<leaf>\d{1,6}), (?P<code>detect\.[a-z_]{1,40})"
    r"(?:, (?P<by>(?:detection|recognizer):[A-Za-z][\w \-]{0,99}))?: "
)
_WORDS = {
    "detect.recognizer_slow": "a pattern took too long for a text",
    "detect.slow": "the recognizers took too long for a text",
    "detect.failed": "a recognizer failed on a text",
}
_SIMPLER = "Simplify its patterns, or take it out of policies/detection."


def of_column(error: DelibleError, leaf: int) -> DelibleError:
    """Return an error for the driver to read: in which column, and of which recognizer."""
    by = f", {error.where}" if error.where else ""
    return DelibleError(error.code, error.message, where=f"leaf {leaf}, {error.code}{by}")


@contextmanager
def recognizers_told(columns: Sequence[str] = ()) -> Iterator[None]:
    """Name the recognizer that failed or was too slow for a text; everything else passes as it is.

    Of Spark's own message, which may hold anything, only the recognizer's name and the column's number are taken.

    Args:
        columns: By the number that `of_column` was given.

    Raises:
        DelibleError: `detect.recognizer_slow`; of a column `detect.slow` and `detect.failed`, too.
    """
    try:
        yield
    except PySparkException as error:
        text = str(error)
        found = _OF_COLUMN.search(text)
        if found is not None and int(found["leaf"]) < len(columns) and found["code"] in _WORDS:
            code, by = found["code"], found["by"]
            where = ", ".join(filter(None, (columns[int(found["leaf"])], by)))
        elif (slow := _SLOW.search(text)) is not None:
            code, by = "detect.recognizer_slow", f"detection:{slow[1]}"
            where = by
        else:
            raise
        own = by is not None and by.startswith("detection:")
        raise DelibleError(
            code, f"{_WORDS[code]}; nothing of this run counts.", where=where, fix=_SIMPLER if own else None
        ) from None
