"""Which tables an erasure refuses before it touches anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from delible.errors import BlockedError
from delible.model.plan import ErasurePlan, RowsDue, TableFacts
from delible.model.policy import PolicySet
from delible.plan.erasure import plan_erasure

CONTROLLER = {
    "controller": "Fennel & Co",
    "contact": "privacy@fennel.example",
    "subject": "customer_id",
    "identifiers": {"customer_id": {"distinctive": False}, "email": {"normalise": "lower"}},
}


def policies(subject: list[dict[str, str]], **more: Any) -> PolicySet:
    columns = {r["column"]: "user.unique_id" for r in subject}
    table = {"table": "t", "path": "t", "description": "t", "subject": subject, "columns": columns} | more
    return PolicySet.model_validate({"controller": CONTROLLER, "tables": {"t": table}})


def planned(of: PolicySet, *, features: tuple[str, ...] = (), immediate: bool = True, **more: Any) -> ErasurePlan:
    facts = TableFacts(
        table="t",
        location="/t",
        version=3,
        rows=9,
        files=1,
        bytes=9,
        features=features,
        deleted_file_retention_hours=168,
        log_retention_hours=720,
        **more,
    )
    return plan_erasure(
        of,
        {"t": facts},
        {"t": RowsDue(table="t", rows=1)},
        {"t": (1, 9)},
        [],
        seen={"t": 3},
        plan_id="E-1",
        now=datetime(2026, 11, 24, tzinfo=UTC),
        immediate=immediate,
    )


DIRECT = [{"column": "customer_id", "identifies": "customer_id"}]


def test_a_table_without_other_readers_may_be_erased_at_once_and_others_wait() -> None:
    assert planned(policies(DIRECT, readers="exclusive")).tables[0].wait_hours == 0
    assert planned(policies(DIRECT), immediate=False).tables[0].wait_hours == 720
    with pytest.raises(BlockedError) as refused:
        planned(policies(DIRECT))
    assert refused.value.code == "readers.shared"


def test_a_feature_that_is_not_known_to_be_safe_is_named() -> None:
    with pytest.raises(BlockedError, match=r"'icebergCompatV2'.* manifests") as refused:
        planned(policies(DIRECT, readers="exclusive"), features=("deletionVectors", "icebergCompatV2"))
    assert refused.value.code == "erasure.feature"
    with pytest.raises(BlockedError, match="DROP FEATURE oneOfTomorrow"):
        planned(policies(DIRECT, readers="exclusive"), features=("oneOfTomorrow",))


def test_a_table_that_only_grows_is_named() -> None:
    with pytest.raises(BlockedError, match=r"table 't' takes new rows only.*'delta.appendOnly'") as refused:
        planned(policies(DIRECT, readers="exclusive"), append_only=True)
    assert refused.value.code == "erasure.append_only"


@pytest.mark.parametrize(
    ("how", "facts", "code"),
    [
        ("null", {"required": ("customer_id",)}, "erasure.not_null"),
        ("pseudonymise", {"required": ("customer_id",)}, None),
        ("null", {"required": ("other",), "computed": ("other",)}, None),
        ("pseudonymise", {"computed": ("customer_id",)}, "erasure.computed_column"),
        ("pseudonymise", {"lengths": {"customer_id": 63}}, "erasure.too_long"),
        ("pseudonymise", {"lengths": {"customer_id": 64}}, None),
        ("mask", {"lengths": {"customer_id": 7}}, "erasure.too_long"),
        ("null", {"lengths": {"customer_id": 1}}, None),
    ],
)
def test_what_delta_would_refuse_half_way_is_refused_before(how: str, facts: dict[str, Any], code: str | None) -> None:
    treating = {"action": "treat_columns", "columns": {"customer_id": how}, "reason": "r"}
    of = policies(DIRECT, readers="exclusive", erasure=treating)
    if code is None:
        assert planned(of, **facts).tables
        return
    with pytest.raises(BlockedError, match="'customer_id' of table 't'") as refused:
        planned(of, **facts)
    assert refused.value.code == code


def test_no_field_of_a_struct_stays_that_no_policy_says_anything_of() -> None:
    contact = [{"column": "contact.email", "identifies": "email"}]
    treating = {"action": "treat_columns", "columns": {"contact.email": "null"}, "reason": "r"}
    of = policies(contact, readers="exclusive", erasure=treating)
    assert planned(of, leaves=("contact.email",)).tables
    with pytest.raises(BlockedError, match=r"no policy says what its column 'contact.full_name' holds") as refused:
        planned(of, leaves=("contact.email", "contact.full_name"))
    assert refused.value.code == "erasure.unmapped_column"
    whole = {"columns": {"contact": "user.contact"}}
    assert planned(
        policies(contact, readers="exclusive", erasure=treating, **whole), leaves=("contact.email", "contact.full_name")
    ).tables


@pytest.mark.parametrize(
    "subject",
    [
        [{"column": "sender", "identifies": "email"}, {"column": "receiver", "identifies": "email"}],
        [*DIRECT, {"column": "address_id", "through": "homes", "matches": "address_id"}],
    ],
    ids=["sender and receiver", "a path beside a direct key"],
)
def test_a_row_that_may_be_somebody_elses_is_never_destroyed_with_the_first(subject: list[dict[str, str]]) -> None:
    with pytest.raises(BlockedError) as refused:
        planned(policies(subject, readers="exclusive"))
    assert refused.value.code == "erasure.several_owners"


def test_a_table_that_ties_people_to_each_other_links_no_identifiers() -> None:
    sender = [{"column": "sender", "identifies": "email"}, {"column": "receiver", "identifies": "email"}]
    assert policies(sender).links() == ()
    both = [*DIRECT, {"column": "email", "identifies": "email"}]
    assert [name for name, _ in policies(both).links()] == ["t"]
