"""What gates are given: which columns still hold their values, and which must hold nothing of them any more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from delible.decide.tagging import ColumnFacts
from delible.plan.dataset import plan_dataset
from delible.workflows.dataset_gates import measured_gates
from joined_recipe import people, policies


@pytest.mark.parametrize(
    ("how", "passed"),
    [("keep", True), ({"treatment": "generalise", "prefix": 40}, True), ("mask", False)],
    ids=["kept", "coarser", "masked"],
)
def test_an_address_in_a_column_of_addresses_is_residue_where_it_was_to_be_masked(how: Any, passed: bool) -> None:
    known = policies(**people(email=how), gates={"residual": {}})
    hits = {"EMAIL_ADDRESS": 9}
    facts = ColumnFacts("email", "string", values=9, complete=True, hits=hits, row_hits=hits, rows=9)
    found: Any = SimpleNamespace(
        files=(), rows_out=9, members=9, columns={"email": "string"}, labels=None, groups=None,
        rescan=SimpleNamespace(facts=[facts], drawn=1.0),
    )  # fmt: skip
    (gate,) = measured_gates(plan_dataset(known, "set").plan, known, found, None)
    assert gate.passed is passed
