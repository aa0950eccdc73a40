"""The rules on tables that they were not made for: precision and recall over columns, every miss by name."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from column_evidence import counted, judged, kind_of, typed
from delible.decide.intervals import wilson
from delible.model.record import TagFinding

sys.path.append(str(Path(__file__).parent / "truth"))
from industries import TABLES
from industries_unseen import UNSEEN

ROWS, SAMPLE = 160, 120


def verdicts(tables) -> dict[tuple[str, str], TagFinding]:
    random = Random(20_261_127)
    found = {}
    for table, columns in tables.items():
        facts = []
        for column, (_, make) in columns.items():
            values = [str(make(random, i)) for i in range(ROWS)]
            kind = "boolean" if set(values) <= {"true", "false"} else kind_of(values)
            facts.append(typed(counted(column, values, SAMPLE), kind))
        found |= {(table, column): finding for column, finding in judged(table, facts).items()}
    return found


def scored(tables) -> tuple[float, float, str]:
    """Return precision, recall, and both with their intervals and every miss in words."""
    right, false, missed, words = 0, 0, 0, []
    for (table, column), finding in verdicts(tables).items():
        truth = tables[table][column][0]
        if finding.category == truth:
            right += truth is not None
            continue
        false += finding.category is not None
        missed += truth is not None
        words.append(f"{table}.{column}: {finding.category}, is {truth}; {finding.reason or 'no doubt'}")
    said, there = right + false, right + missed
    shares = [f"{name} {right}/{n}, 95 % {wilson(right, n)}" for name, n in (("precision", said), ("recall", there))]
    return right / said, right / there, "\n".join([*shares, *words])


@pytest.mark.parametrize(
    ("tables", "precision", "recall"),
    [
        pytest.param(TABLES, 0.97, 0.97, id="tables that the rules were corrected on"),
        pytest.param(UNSEEN, 0.85, 0.80, id="tables written after the rules, which nothing was corrected on"),
    ],
)
def test_precision_and_recall_over_columns(tables, precision, recall):
    found = scored(tables)
    assert found[0] >= precision, found[2]
    assert found[1] >= recall, found[2]


def test_it_is_tried_on_enough():
    assert len({*TABLES, *UNSEEN}) >= 12
    assert sum(map(len, TABLES.values())) >= 150
