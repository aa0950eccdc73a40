"""What a retention rule leaves has to be what its table can hold, before anything is rewritten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from delible.errors import BlockedError
from delible.model.plan import TableFacts
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.retention import RetentionRule
from delible.plan.retention import PastPeriod, plan_retention

CONTROLLER = {"controller": "C", "contact": "c@c.example", "subject": "customer_id", "identifiers": {"customer_id": {}}}
TABLE = {
    "table": "t",
    "path": "warehouse/t",
    "description": "T.",
    "subject": [{"column": "who", "identifies": "customer_id"}],
    "columns": {"who": "user.unique_id", "at": "user.behavior", "mail": "user.contact.email"},
    "readers": "exclusive",
}


def planned(rule: dict[str, Any], **facts: Any) -> Any:
    made = RetentionRule.model_validate(
        {"retention": "r", "table": "t", "clock": "at", "keep": "P1Y", "reason": "Law.", **rule}
    )
    policies = PolicySet(
        controller=Controller.model_validate(CONTROLLER),
        tables={"t": TablePolicy.model_validate(TABLE)},
        retention={"r": made},
    )
    columns = {"who": "bigint", "at": "timestamp", "mail": "string"}
    fact = TableFacts(
        table="t", location="/t", version=1, rows=9, files=1, bytes=1, columns=columns,
        deleted_file_retention_hours=168, log_retention_hours=720, **facts,
    )  # fmt: skip
    now = datetime(2026, 1, 31, tzinfo=UTC)
    past = [PastPeriod(made, 3, 0, 1, 1)]
    return plan_retention(policies, {"t": fact}, past, plan_id="T-1", now=now, immediate=True)


def treats(how: Any) -> dict[str, Any]:
    return {"action": "treat_columns", "columns": {"mail": how}}


SUMS = {"action": "aggregate", "aggregate": {"by": {"at": {"generalise": "month"}}}}


@pytest.mark.parametrize(
    ("rule", "facts", "code"),
    [
        (treats(None), {"required": ("mail",)}, "erasure.not_null"),
        (treats("pseudonymise"), {"required": ("mail",)}, None),
        (treats("pseudonymise"), {"computed": ("mail",)}, "erasure.computed_column"),
        (treats("pseudonymise"), {"lengths": {"mail": 73}}, "erasure.too_long"),
        (treats("pseudonymise"), {"lengths": {"mail": 74}}, None),
        (treats({"generalise": 3}), {"lengths": {"mail": 3}, "required": ("mail",)}, None),
        (SUMS, {"required": ("mail",)}, "erasure.not_null"),
        (SUMS, {"required": ("at",), "computed": ("at",)}, None),
        ({}, {"required": ("mail",), "computed": ("mail",), "lengths": {"mail": 1}}, None),
    ],
)
def test_what_delta_would_refuse_half_way_is_refused_before(
    rule: dict[str, Any], facts: dict[str, Any], code: str | None
) -> None:
    if code is None:
        assert planned(rule, **facts).tables
        return
    with pytest.raises(BlockedError, match="column 'mail' of table 't'") as refused:
        planned(rule, **facts)
    assert refused.value.code == code
