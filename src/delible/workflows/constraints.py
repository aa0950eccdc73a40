"""Refuse an erasure that a table's own constraints forbid, before anything is rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from delible.errors import BlockedError, Problem, bounded
from delible.model.plan import TableFacts
from delible.model.terms import ErasureAction
from delible.workflows.control import Control
from delible.workflows.search import Searched

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def refuse_broken_constraints(
    spark: SparkSession, control: Control, searched: Searched, facts: Mapping[str, TableFacts]
) -> None:
    """Refuse tables with due rows that would break a CHECK constraint once they are treated.

    Raises:
        BlockedError: `erasure.constraint`, with one problem per constraint.
    """
    from delible.lake.constraints import broken_constraints
    from delible.lake.facts import read

    problems = []
    for name, fact in facts.items():
        policy = control.policies.tables[name]
        treats = policy.erasure.action is ErasureAction.TREAT_COLUMNS and searched.due[name].rows
        if not treats or not fact.constraints:
            continue
        frame = read(spark, fact.location, version=searched.versions[name])
        keys, controller = searched.found.keys, control.policies.controller
        for constraint in broken_constraints(spark, frame, policy, controller, keys, fact.constraints):
            message = (
                f"what the erasure rule of table '{name}' leaves of a due row would break its constraint "
                f"'{bounded(constraint, 80)}'. Treat the columns that it names otherwise, delete the row, or ALTER "
                f"TABLE … DROP CONSTRAINT {bounded(constraint, 80)}."
            )
            problems.append(Problem("erasure.constraint", message, f"table:{name}"))
    if problems:
        raise BlockedError.of(tuple(problems))
