"""Of which tables the history can be kept, and what the plan says then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from delible.errors import BlockedError
from delible.model.plan import ErasurePlan, History, RowsDue, Stage, TableFacts
from delible.model.policy import PolicySet
from delible.plan.erasure import ERASABLE_FEATURES, plan_erasure
from delible.plan.history import TRANSLATABLE_FEATURES, UNTRANSLATABLE_FEATURES

CONTROLLER = {
    "controller": "Fennel & Co",
    "contact": "privacy@fennel.example",
    "subject": "customer_id",
    "identifiers": {"customer_id": {"distinctive": False}},
}
TREATED = {"action": "treat_columns", "columns": {"customer_id": "null"}, "reason": "Statistics."}
FACTS = TableFacts(
    table="t",
    location="/t",
    version=3,
    rows=9,
    files=1,
    bytes=9,
    columns={"customer_id": "bigint"},
    deleted_file_retention_hours=168,
    log_retention_hours=720,
)
PAST = History(first=1, last=3, rows=4, files=2, bytes=8)


def planned(
    *, facts: dict[str, Any] | None = None, due: dict[str, Any] | None = None, past: History = PAST, **policy: Any
) -> ErasurePlan:
    table = {
        "table": "t",
        "path": "t",
        "description": "t",
        "subject": [{"column": "customer_id", "identifies": "customer_id"}],
        "columns": {"customer_id": "user.unique_id"},
        "readers": "exclusive",
        **policy,
    }
    return plan_erasure(
        PolicySet.model_validate({"controller": CONTROLLER, "tables": {"t": table}}),
        {"t": FACTS.model_copy(update=facts or {})},
        {"t": RowsDue(table="t", rows=1).model_copy(update=due or {})},
        {"t": (1, 9)},
        [],
        seen={"t": 3},
        plan_id="E-1",
        now=datetime(2026, 11, 27, tzinfo=UTC),
        immediate=False,
        history={"t": past},
    )


def test_the_plan_says_which_versions_are_kept_and_nobody_waits_for_a_window() -> None:
    [step] = planned().tables
    assert step.history == PAST
    assert (step.files, step.bytes, step.wait_hours) == (2, 8, 0)
    assert step.stages[:2] == (Stage.TRANSLATE, Stage.COMPARE)
    assert Stage.PURGE not in step.stages


def test_a_table_that_holds_somebody_in_old_versions_only_is_rewritten() -> None:
    [step] = planned(due={"rows": 0}).tables
    assert (step.rows, step.history) == (0, PAST)
    assert step.stages


def test_a_table_in_which_nobody_due_ever_was_is_left_alone() -> None:
    assert planned(due={"rows": 0}, past=History(first=0, last=3)).tables == ()


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("history.action", {"erasure": TREATED}),
        ("history.mentions", {"due": {"mentions": 1}}),
        ("history.mentions", {"due": {"held_mentions": 1}}),
        ("history.exceptions", {"due": {"exceptions": ("tax",)}}),
        ("history.store", {"facts": {"location": "s3://bucket/t"}}),
        ("readers.shared", {"readers": "shared"}),
        ("erasure.feature", {"facts": {"features": ("icebergCompatV2",)}}),
    ],
)
def test_what_cannot_be_done_to_old_versions_is_refused_by_name(code: str, how: dict[str, Any]) -> None:
    with pytest.raises(BlockedError) as refused:
        planned(**how)
    assert code in {problem.code for problem in refused.value.problems}


def test_every_feature_that_can_be_erased_is_judged_for_translation() -> None:
    """A feature that becomes erasable must be looked at here, too: it is refused until then."""
    assert ERASABLE_FEATURES <= TRANSLATABLE_FEATURES | UNTRANSLATABLE_FEATURES
    assert not TRANSLATABLE_FEATURES & UNTRANSLATABLE_FEATURES
