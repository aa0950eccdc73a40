"""Identifiers are taken in under the one spelling that tables are searched for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from delible.errors import InputError
from delible.model.subject import Identifier
from delible.model.terms import Regime, Right
from delible.store.submissions import refs_of
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.identifiers import read_identifiers
from delible.workflows.requests import submit_requests
from policy_files import write_policies
from small_shop import CONTROLLER, NOW, make_workspace, people_file


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def submit(workspace: Workspace, person: dict[str, object]) -> list[tuple[str, str]]:
    file = workspace.root.parent / "people.jsonl"
    file.write_text(json.dumps(person))
    [request] = submit_requests(
        workspace, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(file), actor="tests", now=NOW
    )
    return [(key.kind, key.value) for key in Control(workspace).requests.vault.get([request.id])]


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("email", " Tilda.17@Mailbox.Example ", "tilda.17@mailbox.example"),
        ("phone", "+44 20 7946-00017", "+4420794600017"),
        ("customer_id", 17, "17"),
        ("customer_id", " 17 ", "17"),
    ],
)
def test_an_identifier_is_kept_as_tables_are_searched(
    kind: str, given: object, kept: str, workspace: Workspace
) -> None:
    assert submit(workspace, {kind: given}) == [(kind, kept)]


def test_two_spellings_are_one_person(workspace: Workspace) -> None:
    assert submit(workspace, {"email": "Ann@Shop.example"})
    assert submit(workspace, {"email": "ann@shop.EXAMPLE"})
    assert [r.state for r in Control(workspace).requests.all()] == ["awaiting_approval", "duplicate"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "rosa"),
        ("email", 17),
        ("email", "@shop.example"),
        ("email", "rosa@"),
        ("email", "rosa@shop .example"),
        ("email", "Rosa <rosa@shop.example>"),
        ("email", "rosa@shop.example, ann@shop.example"),
        ("phone", "none"),
        ("phone", "+"),
        ("phone", "rosa.11@shop.example"),
    ],
)
def test_a_value_that_evidently_is_not_of_its_kind_is_refused_and_not_repeated(
    kind: str, value: object, workspace: Workspace
) -> None:
    with pytest.raises(InputError) as caught:
        submit(workspace, {kind: value})
    assert caught.value.code == "identifiers.shape"
    assert (caught.value.where or "").endswith("people.jsonl:1")
    assert kind in caught.value.message
    assert str(value) not in caught.value.message or value == "+"
    assert Control(workspace).requests.all() == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", '"Rosa Lee"@shop.example'),
        ("email", '"a@b"@shop.example'),
        ("email", "rosa@localhost"),
        ("email", "o'hara+news@[192.0.2.1]"),
        ("email", "röschen@müller.example"),
        ("email", "\u00a0rosa@shop.example "),
        ("phone", "1-800-FLOWERS"),
        ("phone", "112"),
        ("phone", "tel. 020 7946 0017, ext. 5"),
        ("customer_id", "A/17"),
    ],
)
def test_an_odd_value_that_is_lawful_is_taken(kind: str, value: object, workspace: Workspace) -> None:
    assert submit(workspace, {kind: value})


@pytest.mark.parametrize("named", [None, (Regime.GDPR,), (Regime.CCPA,), (Regime.CCPA, Regime.GDPR)])
@pytest.mark.parametrize("regime", Regime)
def test_a_request_is_taken_in_under_the_controllers_laws_only(
    workspace: Workspace, regime: Regime, named: tuple[Regime, ...] | None
) -> None:
    """Without `regimes` under all: that nobody said which must turn no person down."""
    said = f"regimes: [{', '.join(named)}]\n" if named else ""
    write_policies(workspace.root / "policies", {"controller.yaml": CONTROLLER + said})
    file = people_file(workspace.root.parent, {"email": "ann@shop.example"})
    how: dict[str, Any] = {"right": Right.ERASURE, "identifiers": str(file), "actor": "tests", "now": NOW}
    if named is None or regime in named:
        assert submit_requests(workspace, regime=regime, **how)[0].regime is regime
        return
    with pytest.raises(InputError) as caught:
        submit_requests(workspace, regime=regime, **how)
    assert (caught.value.code, caught.value.exit_code) == ("request.regime", 2)
    assert f"Allowed: {named[0]} " in str(caught.value)
    assert Control(workspace).requests.all() == []


def test_without_a_controllers_file_nothing_is_taken_in_and_the_message_says_why(workspace: Workspace) -> None:
    (workspace.root / "policies" / "controller.yaml").unlink()
    with pytest.raises(InputError) as caught:
        submit(workspace, {"email": "ann@shop.example"})
    assert (caught.value.code, caught.value.exit_code) == ("policy.missing_file", 2)
    assert "controller.yaml" in str(caught.value)


def test_an_identifier_of_which_nothing_is_left_is_refused_wherever_it_comes_from(workspace: Workspace) -> None:
    control = Control(workspace)
    with pytest.raises(InputError) as caught:
        refs_of(
            [Identifier(kind="phone", value=SecretStr("none"))], control.policies.controller.identifiers, control.keys
        )
    assert caught.value.code == "request.identifier_empty"


def test_an_address_in_place_of_a_file_does_not_come_back(workspace: Workspace) -> None:
    with pytest.raises(InputError) as caught:
        read_identifiers("ann@people.example", Control(workspace).policies.controller)
    assert caught.value.code == "identifiers.missing"
    assert "ann@" not in str(caught.value)


def test_a_kind_that_stands_twice_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text('{"email": "ann@people.example", "email": "bob@people.example"}')
    with pytest.raises(InputError) as caught:
        read_identifiers(str(file), Control(workspace).policies.controller)
    assert caught.value.code == "identifiers.line"
    assert "people.example" not in str(caught.value)
