"""How good detection is, as rows of a table and as JSON: counts, shares and line numbers, never a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from delible.decide.quality import Miss, Score

_LONGEST_NAME = 31
"""Characters that a row of a table of 100 columns has for a name."""

HEAD = ("labelled", "found", "precision", "95%", "recall", "95%", "F")
_DOTTED = re.compile(r"[a-z_]+(?:\.[a-z0-9_]+)+")


def row(name: str, score: Score) -> tuple[str, ...]:
    """Return a score as cells beneath a name and `HEAD`; of a long category the last part, behind an ellipsis."""
    last = name.rpartition(".")[2]
    return (
        name if len(name) <= _LONGEST_NAME or not _DOTTED.fullmatch(name) else f"….{last}",
        str(score.labelled),
        str(score.found),
        _share(score.precision),
        _interval(score.precision_interval) if score.found else "",
        _share(score.recall),
        _interval(score.recall_interval) if score.labelled else "",
        _share(score.f1),
    )


def as_json(scores: Mapping[str, Score]) -> dict[str, dict[str, Any]]:
    """Return scores with their intervals; a share of nothing is null."""
    return {
        name: {
            "precision": _rounded(score.precision),
            "recall": _rounded(score.recall),
            "f1": _rounded(score.f1),
            "tp": score.tp,
            "fp": score.fp,
            "fn": score.fn,
            "precision_interval": [round(limit, 4) for limit in score.precision_interval],
            "recall_interval": [round(limit, 4) for limit in score.recall_interval],
            "f1_interval": [round(limit, 4) for limit in score.f1_interval],
        }
        for name, score in scores.items()
    }


def misses(found: Iterable[Miss], *, most: int = 12) -> list[str]:
    """Return a line per type and kind of mistake, with the numbers of the first lines of the labelled file."""
    lines: dict[tuple[str, bool], list[int]] = {}
    for miss in found:
        lines.setdefault((miss.entity, not miss.missed), []).append(miss.line)
    return [
        f"{entity} {'wrongly found' if wrong else 'missed'} {len(numbers)}: line {_numbers(numbers, most)}"
        for (entity, wrong), numbers in sorted(lines.items())
    ]


def _numbers(numbers: Sequence[int], most: int) -> str:
    shown = ", ".join(map(str, list(dict.fromkeys(numbers))[:most]))
    return f"{shown}, ..." if len(set(numbers)) > most else shown


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _interval(limits: tuple[float, float]) -> str:
    return f"{limits[0]:.3f}-{limits[1]:.3f}"
