"""What the controller's own rules say of a column's name."""

from __future__ import annotations

from functools import lru_cache

import regex

from delible.decide.tagging import NameEvidence
from delible.detect.columns import names_on, words
from delible.detect.own import SECONDS
from delible.errors import DelibleError
from delible.model.detection import Detection
from delible.model.recognizer import ColumnType

_LONGEST = 255
_FAMILIES = {
    ColumnType.TEXT: ("string", "char", "varchar"),
    ColumnType.WHOLE: ("tinyint", "smallint", "int", "bigint"),
    ColumnType.FRACTION: ("float", "double"),
    ColumnType.DATE: ("date", "timestamp", "timestamp_ntz"),
    ColumnType.BOOLEAN: ("boolean",),
    ColumnType.BINARY: ("binary",),
}
_FAMILY = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds}


@lru_cache(maxsize=4096)
def own_named(detection: Detection, column: str, kind: str) -> NameEvidence | None:
    """Return what the first of the controller's rules says that matches a column's name, or None.

    Args:
        column: Dotted path; array elements and map values speak by the field that holds them.
        kind: Spark type of the leaf, such as `string` or `decimal(10,2)`.
    """
    parts = names_on(column)
    name = words(parts[-1])[:_LONGEST] if parts else ""
    base, family = kind.partition("(")[0], _family(kind)
    for recognizer in detection.recognizers:
        for rule in recognizer.columns:
            if recognizer.category is None or (rule.types and family not in rule.types):
                continue
            if _is_named(rule.name, name, recognizer.recognizer):
                types = frozenset({base})
                return NameEvidence(recognizer.category, float(rule.strength), recognizer.type, types=types)
    return None


def _is_named(pattern: str, name: str, recognizer: str) -> bool:
    try:
        return regex.fullmatch(pattern, name, timeout=SECONDS) is not None
    except TimeoutError:
        raise DelibleError(
            "detect.recognizer_slow",
            f"a pattern took more than {SECONDS} seconds for the name of a column.",
            where=f"detection:{recognizer}",
            fix="Simplify the names of its columns, or take it out of policies/detection.",
        ) from None


def _family(kind: str) -> ColumnType | None:
    base, _, rest = kind.partition("(")
    if base == "decimal":
        return ColumnType.WHOLE if rest.endswith(",0)") else ColumnType.FRACTION
    return _FAMILY.get(base)
