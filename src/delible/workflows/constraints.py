"""Refuse an erasure or retention that a table's own constraints forbid, before anything is rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from delible.errors import BlockedError, Problem, bounded
from delible.model.plan import TableFacts
from delible.model.retention import RetentionRule
from delible.model.terms import ErasureAction
from delible.plan.retention import PastPeriod
from delible.workflows.control import Control
from delible.workflows.held import Held
from delible.workflows.retention_rows import judging_of
from delible.workflows.search import Searched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


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
            problems.append(_problem("erasure rule", name, constraint))
    if problems:
        raise BlockedError.of(tuple(problems))


def refuse_broken_by_rules(
    control: Control,
    facts: Mapping[str, TableFacts],
    past: Sequence[PastPeriod],
    frames: Mapping[str, DataFrame],
    people: Held,
    as_of: datetime,
) -> None:
    """Refuse retention rules that leave what breaks a CHECK constraint.

    Args:
        frames: The rows of each table.
        people: Who is held.
        as_of: The instant at which rows were judged.

    Raises:
        BlockedError: `erasure.constraint`, with one problem per constraint.
    """
    from delible.lake.constraints import broken_by_rule

    def broken(rule: RetentionRule) -> list[str]:
        held = people.combinations(rule.table)
        judging = judging_of(control, rule.table, as_of, held, frames)
        return broken_by_rule(frames[rule.table], rule, judging, facts[rule.table].constraints)

    problems = tuple(
        _problem(f"retention rule '{found.rule.retention}'", found.rule.table, constraint)
        for found in past
        if found.rows and facts[found.rule.table].constraints
        for constraint in broken(found.rule)
    )
    if problems:
        raise BlockedError.of(problems)


def _problem(rule: str, table: str, constraint: str) -> Problem:
    message = (
        f"what the {rule} of table '{table}' leaves of a due row would break its constraint "
        f"'{bounded(constraint, 80)}'. Treat the columns that it names otherwise, delete the row, or ALTER "
        f"TABLE … DROP CONSTRAINT {bounded(constraint, 80)}."
    )
    return Problem("erasure.constraint", message, f"table:{table}")
