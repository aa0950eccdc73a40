"""What people read after a release was stopped: each gate has something that can be done about it."""

from __future__ import annotations

import pytest
from rich.console import Console

from delible.cli.dataset_build import REMEDIES, stopped_answer
from delible.model.gate import Gate, GateResult
from delible.workflows.dataset_gates import GatesError


@pytest.mark.parametrize("gate", Gate)
def test_what_stops_a_release_can_be_changed(gate: Gate) -> None:
    passed = GateResult(gate=Gate.ROWS, measured="9", rule="at least", bound="1", passed=True)
    stopped = passed.model_copy(update={"gate": gate, "passed": False})
    console = Console(width=400)
    with console.capture() as captured:
        console.print(stopped_answer("set", GatesError("set", (passed, stopped)))[1])
    told = captured.get()
    assert REMEDIES[gate] in told
    assert [r for r in set(REMEDIES.values()) if r in told] == [REMEDIES[gate]], "of gates that passed nothing is said"
