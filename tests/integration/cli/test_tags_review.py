"""What waits for a person is listed with its reason, decided, and taken back."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from delible.cli import main
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.model.uniqueness import Combination
from delible.store.combinations import Combinations
from delible.store.tags import Tags
from delible.store.workspace import Workspace

REASON = "the name says e-mail address; 3 of 1,000 values look like one."


def finding(column: str, category: str | None, now: datetime, **more: object) -> TagFinding:
    said: dict[str, object] = {
        "table": "people",
        "column": column,
        "category": category,
        "entity": None,
        "confidence": 0.4,
        "sampled": 1_000,
        "hits": 3,
        "bound": 0.01,
        "evidence": ("values",),
        "version": 0,
        "at": now,
    }
    return TagFinding.model_validate(said | more)


@pytest.fixture
def scanned(workspace: Workspace, now: datetime) -> Workspace:
    Tags(workspace).put(
        [
            finding("email", "user.contact.email", now, state=TagState.REVIEW, reason=REASON),
            finding("dob", "user.demographic.date_of_birth", now),
            finding("zip", "user.contact.address.postal_code", now),
            finding("religion", "user.demographic.religious_belief", now),
            finding("code", None, now, hits=0),
        ]
    )
    more = {"rows": 200, "unique": 150, "groups": 170, "smallest": 1, "version": 0, "at": now}
    Combinations(workspace).put([Combination(table="people", columns=("dob", "zip"), **more)])
    return workspace


def run(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main.main(["tags", *words, "--workspace", str(workspace.root)])
    return code, capsys.readouterr().out


def columns(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, object]]:
    _, out = run(workspace, capsys, "list", "--json", *words)
    return {line["column"]: line for line in json.loads(out)["columns"]}


def test_what_waits_is_listed_with_its_reason(scanned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(scanned, capsys, "list", "--waiting")
    assert code == 0
    assert f"people.email: {REASON}" in " ".join(out.split())
    assert "religion" not in out
    assert list(columns(scanned, capsys, "--waiting")) == ["email"]


def test_special_categories_quasi_identifiers_and_shares_stand_in_the_list(
    scanned: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = columns(scanned, capsys)
    assert {c: (line["special"], line["quasi"]) for c, line in found.items()} == {
        "email": (False, False),
        "dob": (False, True),
        "zip": (False, True),
        "religion": (True, True),
        "code": (False, False),
    }
    assert found["email"]["share"] == {"low": 0.001, "high": 0.0088}
    _, out = run(scanned, capsys, "list", "--json")
    (combination,) = json.loads(out)["combinations"]
    assert (combination["columns"], combination["unique"], combination["share"]) == (["dob", "zip"], 150, 0.75)
    _, out = run(scanned, capsys, "list")
    assert "dob + zip: 150 of 200 rows are unique (75.0%); the smallest group has 1 row(s)." in " ".join(out.split())


def test_a_decision_is_made_and_taken_back(scanned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(scanned, capsys, "review", "people.email", "--reject", "--reason", "codes")[0] == 0
    assert columns(scanned, capsys, "--waiting") == {}
    assert run(scanned, capsys, "review", "people.email", "--reopen", "--reason", "they are not")[0] == 0
    found = columns(scanned, capsys, "--waiting")["email"]
    assert (found["state"], found["category"], found["reason"]) == ("reopened", "user.contact.email", "they are not")


@pytest.mark.parametrize("length", [0, 500, 501])
@pytest.mark.parametrize("decision", ["--reject", "--reopen"])
def test_reasons_of_both_have_the_same_length(
    scanned: Workspace, capsys: pytest.CaptureFixture[str], decision: str, length: int
) -> None:
    if decision == "--reopen":
        assert run(scanned, capsys, "review", "people.email", "--accept", "--reason", "right")[0] == 0
    code, out = run(scanned, capsys, "review", "people.email", decision, "--reason", "x" * length, "--json")
    assert (code, [e["code"] for e in json.loads(out).get("errors", [])]) == (
        (0, []) if length == 500 else (2, ["tags.reason"])
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["people.email", "--reopen", "--accept", "--reason", "x"], "tags.decision"),
        (["people.email", "--reopen", "--reason", "x"], "tags.not_pinned"),
        (["people.email", "--reopen"], "tags.reason"),
        (["people", "--reopen", "--reason", "x"], "tags.column"),
        (["people.nobody", "--reopen", "--reason", "x"], "tags.unknown"),
    ],
)
def test_what_cannot_be_taken_back_is_said(
    scanned: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    exit_code, out = run(scanned, capsys, "review", *words, "--json")
    assert (exit_code, json.loads(out)["errors"][0]["code"]) == (2, code)


def test_values_that_were_disregarded_wait_for_a_person(
    scanned: Workspace, capsys: pytest.CaptureFixture[str], now: datetime
) -> None:
    Tags(scanned).put([finding("memo", None, now, hits=2)])
    found = columns(scanned, capsys, "--waiting")
    assert list(found) == ["email", "memo"]
    assert (found["memo"]["disregarded"], found["email"]["disregarded"]) == (True, False)
    _, out = run(scanned, capsys, "list")
    assert "looks personal, disregarded: 2 of 1,000" in out
    assert run(scanned, capsys, "review", "people.memo", "--reject", "--reason", "part numbers")[0] == 0
    assert list(columns(scanned, capsys, "--waiting")) == ["email"]


def test_a_category_that_a_person_gives_takes_nothing_of_the_old_one_along(
    scanned: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("review", "people.religion", "--accept", "--reason", "x", "--category", "user.social")
    assert run(scanned, capsys, *words)[0] == 0
    found = columns(scanned, capsys)["religion"]
    assert (found["special"], found["entity"], found["hits"], found["confidence"]) == (False, None, 0, 1.0)
    assert run(scanned, capsys, *words, "--special")[0] == 0
    assert columns(scanned, capsys)["religion"]["special"] is True
    code, out = run(scanned, capsys, "review", "people.email", "--reject", "--special", "--reason", "x", "--json")
    assert (code, json.loads(out)["errors"][0]["code"]) == (2, "tags.special")


def test_a_decision_that_fits_no_more_waits_and_tables_that_are_gone_are_told(
    scanned: Workspace, capsys: pytest.CaptureFixture[str], now: datetime
) -> None:
    run(scanned, capsys, "review", "people.code", "--reject", "--reason", "codes")
    assert "code" not in columns(scanned, capsys, "--waiting")
    Tags(scanned).put([finding("code", "user.contact.email", now, hits=900)])
    found = columns(scanned, capsys, "--waiting")["code"]
    assert (found["state"], found["gone"]) == ("rejected", True)
    assert "a scan since then says e-mail address" in str(found["contradicted"])
    _, out = run(scanned, capsys, "list", "--waiting")
    assert "people.code: somebody decided on it" in " ".join(out.split())
    assert "rejected, gone" in out


def test_a_rejected_column_takes_its_combinations_with_it(
    scanned: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run(scanned, capsys, "review", "people.zip", "--reject", "--reason", "codes")
    _, out = run(scanned, capsys, "list", "--json")
    assert json.loads(out)["combinations"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [(["publish", "nobody"], "table.unknown"), (["publish", "--catalog-table", "a.b.c"], "tags.catalog_name")],
)
def test_what_cannot_be_published_is_said(
    scanned: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    exit_code, out = run(scanned, capsys, *words, "--json")
    assert (exit_code, json.loads(out)["errors"][0]["code"]) == (2, code)
