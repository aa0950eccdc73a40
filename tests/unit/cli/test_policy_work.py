"""`delible policy test` and `draft` as a process would see them: no JVM, nothing overwritten, exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.cli.main import main
from delible.store.workspace import create_workspace
from policy_files import CONTROLLER, SOUND, write_policies

CASE = """\
test: two_years
now: 2026-01-01T00:00:00Z
rows:
  customers:
    - {id: 1, made_at: 2024-01-01T00:00:00Z}
    - {id: 2, made_at: 2024-01-01T00:00:01Z}
expect:
  retention:
    - {table: customers, row: 1, action: delete_row}
    - {table: customers, row: 2, action: stay}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    workspace = create_workspace(tmp_path / "shop")
    write_policies(workspace.root / "policies", {**SOUND, "tests/two_years.yaml": CASE})
    return workspace.root


def run(capsys, shop, *words):
    code = main(["policy", *words, "--workspace", str(shop), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_tests_pass(capsys, shop):
    code, document = run(capsys, shop, "test")
    assert (code, document["status"], document["passed"], document["failed"]) == (0, "ok", 1, 0)
    assert document["tests"][0]["checks"][0] == {
        "what": "retention customers 1", "expected": "delete_row", "found": "delete_row", "passed": True,
    }  # fmt: skip


def test_a_failure_ends_with_3_and_says_what_was_found(capsys, shop):
    write_policies(
        shop / "policies", {"retention/two_years.yaml": SOUND["retention/two_years.yaml"].replace("2Y", "3Y")}
    )
    code, document = run(capsys, shop, "test", "two_years")
    assert (code, document["failed"]) == (3, 1)
    [error] = document["errors"]
    assert error["code"] == "policy.test_failed"
    assert "two_years: retention customers 1: expected delete_row, found stay" in error["message"]
    assert error["where"] == "tests/two_years.yaml"


@pytest.mark.parametrize(
    ("files", "words", "code"),
    [
        ({}, ("nothing",), "policy.unknown_test"),
        ({"tests/two_years.yaml": CASE.replace("now:", "when:")}, (), "policy.missing_key"),
        ({"tests/two_years.yaml": CASE.replace("action: stay", "action: go")}, (), "policy.value"),
        ({"tests/again.yaml": CASE}, (), "policy.duplicate_name"),
        ({"tests/two_years.yaml": "- 1\n"}, (), "policy.type"),
        ({"tests/two_years.yaml": CASE.partition("expect")[0] + "expect: {}\n"}, (), "policy.test_failed"),
    ],
)
def test_tests_that_cannot_be_run(capsys, shop, files, words, code):
    write_policies(shop / "policies", files)
    exit_code, document = run(capsys, shop, "test", *words)
    assert exit_code == (3 if code == "policy.test_failed" else 2)
    assert code in {e["code"] for e in document["errors"]}


def test_no_test_at_all_is_no_success(capsys, shop):
    (shop / "policies/tests/two_years.yaml").unlink()
    assert run(capsys, shop, "test")[0] == 2


PEOPLE = pa.table(
    {
        "id": range(1, 101),
        "email": [f"p{n}@people.example" for n in range(1, 101)],
        "made_at": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 100),
    }
)
SIGNUPS = pa.table({"mail": [f"P{n}@People.example" for n in range(1, 51)], "n": range(50), "note": ["x"] * 50})


def test_a_draft_overwrites_nothing(capsys, shop):
    write_deltalake(shop / "warehouse" / "customers", PEOPLE)
    write_deltalake(shop / "warehouse" / "signups", SIGNUPS)
    other = SOUND["tables/customers.yaml"].replace("table: customers", "table: other").replace("/customers", "/other")
    write_policies(shop / "policies", {"tables/signups.yaml": other})
    code, document = run(capsys, shop, "draft", "signups")
    assert (code, document["errors"][0]["code"]) == (2, "policy.draft_exists")
    assert (shop / "policies/tables/signups.yaml").read_text() == other
    assert run(capsys, shop, "draft", "customers")[0] == 2
    code, document = run(capsys, shop, "draft")
    assert (code, document["drafts"][0]["file"]) == (0, None)
    assert "stays as it is" in document["drafts"][0]["questions"][0]


@pytest.mark.parametrize("words", [("nowhere",), ("--warehouse", "nowhere")])
def test_a_draft_of_what_is_not_there(capsys, shop, words):
    code, document = run(capsys, shop, "draft", *words)
    assert (code, document["errors"][0]["code"]) == (2, "policy.draft_unknown")


def test_a_deadline_that_cannot_be_met_names_the_line(capsys, shop):
    write_deltalake(shop / "warehouse" / "customers", PEOPLE)
    write_policies(shop / "policies", {"controller.yaml": CONTROLLER + "job_cadence: P1D\n"})
    code, document = run(capsys, shop, "check")
    assert code == 3
    [late] = document["violations"]
    assert (late["code"], late["where"]) == ("policy.deadline", "policies/tables/customers.yaml:2")
    assert "'delta.logRetentionDuration' = 'interval 26 days'" in late["message"]
    assert [n["code"] for n in document["notes"]] == ["policy.statistics"]
    write_policies(shop / "policies", {"controller.yaml": CONTROLLER + "job_cadence: P1M\n"})
    assert run(capsys, shop, "check")[1]["violations"][0]["where"] == "policies/controller.yaml:7"


def test_a_diff_of_recognizers_alone_names_them_without_a_jvm(capsys, shop, tmp_path):
    badge = "recognizer: badge\ndescription: x\ncategory: user.unique_id\nwords: [Canary]\n"
    changed = write_policies(tmp_path / "new" / "policies", {**SOUND, "detection/badge.yaml": badge})
    code, document = run(capsys, shop, "diff", str(shop / "policies"), str(changed))
    assert (code, document["things"]) == (0, ["detection/badge: added"])
    assert document["detection"]["recognizers_added"] == ["badge"]
    assert main(["policy", "diff", str(shop / "policies"), str(changed), "--workspace", str(shop)]) == 0
    shown = capsys.readouterr().out
    assert "detect   recognizers newly used: badge" in shown
    assert "Canary" not in shown + json.dumps(document)
