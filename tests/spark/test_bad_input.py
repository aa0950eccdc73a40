"""Bad input ends with a code, a place and the right exit code, and changes nothing at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from delible.cli.main import main
from delible.model.terms import Right
from delible.store.workspace import open_workspace
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.plans import save_plan
from small_shop import (
    HIGHEST,
    LOWEST,
    NOW,
    PEOPLE,
    approved,
    customers,
    email,
    make_workspace,
    people_file,
    phone,
    state,
    write_tables,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

NOBODY = {"email": "nobody@nowhere.example"}
CONSENT = {
    "subject": {"email": email(3)},
    "purpose": "support",
    "status": "given",
    "notice_version": "1",
    "valid_from": "2026-01-01T00:00:00Z",
}
BROKEN_CONSENT = CONSENT | {"status": "perhaps", "subject": {"email": "broken@people.example"}}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    document: dict[str, Any]

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [(e["code"], e["where"]) for e in self.document["errors"]]


@dataclass(frozen=True)
class Shop:
    """A workspace of one's own, and the command line on it."""

    root: Path
    capture: pytest.CaptureFixture[str]

    @property
    def outside(self) -> Path:
        return self.root.parent

    def run(self, *words: str) -> Answer:
        self.capture.readouterr()
        code = main([*words, "--workspace", str(self.root), "--json"])
        said = self.capture.readouterr()
        assert "Traceback" not in said.out + said.err
        return Answer(code, json.loads(said.out))

    def approve(self, *people: Mapping[str, object], right: Right = Right.ERASURE) -> list[str]:
        return approved(open_workspace(self.root), self.outside, *people, right=right)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.root / "policies" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        before = state(self.root)
        yield
        assert state(self.root) == before


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = make_workspace(tmp_path_factory.mktemp("template") / "shop")
    write_tables(spark, workspace)
    return workspace.root


@pytest.fixture
def shop(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    shutil.copytree(template, tmp_path / "shop")
    return Shop(tmp_path / "shop", capsys)


@pytest.fixture(scope="module")
def planned(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a plan; tests of it leave it as it is, or put back what they change."""
    root = tmp_path_factory.mktemp("planned") / "shop"
    shutil.copytree(template, root)
    workspace = open_workspace(root)
    approved(workspace, root.parent, {"email": email(LOWEST)})
    save_plan(plan_due_erasures(workspace, now=NOW, immediate=True).plan, root.parent / "plan.json")
    return root


# --- what is wrong with a plan


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan["tables"][0].update(rows=0),
        lambda plan: plan["tables"].pop(),
        lambda plan: plan["seen"].update(customers=99),
        lambda plan: plan.update(immediate=False),
        lambda plan: plan.update(unknown=1),
    ],
    ids=["rows", "table", "seen", "immediate", "unknown key"],
)
def test_an_edited_plan_is_refused(
    edit: Callable[[dict[str, Any]], object], planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(planned, capsys)
    plan = json.loads((planned.parent / "plan.json").read_text())
    edit(plan)
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(plan))
    with shop.unchanged():
        answer = shop.run("erasure", "apply", str(file))
    assert (answer.code, answer.errors) == (2, [("plan.edited", str(file))])


@pytest.mark.parametrize(
    ("content", "code"), [(None, "plan.missing"), ("{", "plan.unreadable"), ("[]", "plan.kind"), ("{}", "plan.kind")]
)
def test_what_is_no_plan_is_refused(
    content: str | None, code: str, planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, file = Shop(planned, capsys), tmp_path / "plan.json"
    if content is not None:
        file.write_text(content)
    with shop.unchanged():
        answer = shop.run("erasure", "apply", str(file))
    assert (answer.code, answer.errors[0][0]) == (2, code)
    assert answer.errors[0][1].startswith(str(file))


def test_a_plan_is_stale_after_the_policies_changed(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(planned, capsys)
    shop.edit("purposes/support.yaml", "Answer questions.", "Answer all questions.")
    with shop.unchanged():
        answer = shop.run("erasure", "apply", str(planned.parent / "plan.json"))
    assert (answer.code, answer.errors[0][0]) == (3, "plan.stale")
    assert answer.errors[0][1].startswith("plan E-")
    shop.edit("purposes/support.yaml", "Answer all questions.", "Answer questions.")


def test_a_hold_that_came_after_the_plan_is_honoured(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(planned, capsys)
    person = people_file(planned.parent, {"phone": phone(LOWEST)})
    placed = shop.run("hold", "add", "--identifiers", str(person), "--reason", "claim 7", "--owner", "legal")
    with shop.unchanged():
        answer = shop.run("erasure", "apply", str(planned.parent / "plan.json"))
    assert (answer.code, answer.errors[0][0]) == (3, "request.held")
    assert answer.errors[0][1].startswith("request:R-")
    assert shop.run("hold", "release", placed.document["holds"][0]["id"]).code == 0


def test_a_plan_is_stale_after_a_table_moved(
    planned: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Last of those that share the workspace: the table stays where it moved to."""
    shop = Shop(planned, capsys)
    more = spark.createDataFrame(customers().slice(0, 1)).selectExpr(
        "customer_id + 99 AS customer_id", "* EXCEPT (customer_id)"
    )
    more.write.format("delta").mode("append").save(str(planned / "warehouse" / "customers"))
    with shop.unchanged():
        answer = shop.run("erasure", "apply", str(planned.parent / "plan.json"))
    assert (answer.code, answer.errors) == (3, [("plan.stale", "table:customers")])


# --- what is wrong with a request


def test_identifiers_that_match_nobody_change_nothing_and_complete_only_when_accepted(shop: Shop) -> None:
    [request] = shop.approve(NOBODY)
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (3, [("request.no_match", f"request:{request}")])
    tables = state(shop.root / "warehouse")
    assert shop.run("request", "fulfil", "--immediate", "--accept-no-match").code == 0
    certificate = shop.run("erasure", "certificate", request).document
    assert certificate["matched"] is False
    assert certificate["tables"] == []
    assert state(shop.root / "warehouse") == tables


def test_objections_and_access_that_match_nobody_are_asked_about_and_then_answered(shop: Shop) -> None:
    missing, found = shop.approve(NOBODY, {"email": email(4)}, right=Right.OBJECTION)
    [access] = shop.approve(NOBODY, right=Right.ACCESS)
    answer = shop.run("request", "fulfil")
    assert (answer.code, answer.errors) == (3, [("request.no_match", f"request:{r}") for r in (missing, access)])
    assert {r["id"]: r["state"] for r in answer.document["requests"]}[found] == "completed"
    answer = shop.run("request", "fulfil", "--accept-no-match")
    assert answer.code == 0
    page = Path(answer.document["packages"][access]) / "index.html"
    assert "holds no data that the identifiers in your request lead to." in page.read_text()


def test_a_shared_telephone_number_is_never_guessed(shop: Shop) -> None:
    [request] = shop.approve({"phone": phone(PEOPLE - 1)})
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (3, [("request.ambiguous", f"request:{request}")])


@pytest.mark.parametrize("held_by", [{"email": email(LOWEST)}, {"phone": phone(LOWEST)}], ids=["given", "found"])
def test_a_hold_on_a_person_blocks(held_by: dict[str, object], shop: Shop) -> None:
    [request] = shop.approve({"email": email(LOWEST)})
    person = people_file(shop.outside, held_by)
    assert shop.run("hold", "add", "--identifiers", str(person), "--reason", "claim 7", "--owner", "legal").code == 0
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (3, [("request.held", f"request:{request}")])


# --- what is wrong with a table


def test_windows_of_a_table_with_other_readers_are_not_closed(shop: Shop) -> None:
    shop.edit("tables/customers.yaml", "readers: exclusive", "readers: shared")
    shop.approve({"customer_id": HIGHEST})
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (3, [("readers.shared", "table:customers")])


def test_a_table_that_takes_appends_only_is_refused(shop: Shop, spark: SparkSession) -> None:
    spark.sql(f"ALTER TABLE delta.`{shop.root}/warehouse/customers` SET TBLPROPERTIES ('delta.appendOnly' = 'true')")
    shop.approve({"customer_id": HIGHEST})
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (3, [("erasure.append_only", "table:customers")])


def test_a_missing_table_is_bad_input(shop: Shop) -> None:
    shop.approve({"customer_id": HIGHEST})
    shutil.rmtree(shop.root / "warehouse" / "tickets")
    with shop.unchanged():
        answer = shop.run("erasure", "plan", "--immediate")
    assert (answer.code, answer.errors) == (2, [("table.missing", "table:tickets")])


# --- what is wrong with a file


@pytest.mark.parametrize(
    ("line", "code", "number"),
    [
        ("", "identifiers.empty", None),
        ("\n \n", "identifiers.empty", None),
        ('{"email": "a@b.example"}\n{"email": ""}\n', "identifiers.empty", 2),
        ('{"email": "a@b.example"}\n{"email": \n', "identifiers.line", 2),
        ('["a@b.example"]\n', "identifiers.line", 1),
        ("{}\n", "identifiers.line", 1),
        ('{"email": 1.5}\n', "identifiers.line", 1),
        ('{"passport": "X1"}\n', "identifiers.kind", 1),
    ],
)
def test_broken_identifiers_register_nobody(line: str, code: str, number: int | None, shop: Shop) -> None:
    file = shop.outside / "people.jsonl"
    file.write_text(line)
    with shop.unchanged():
        answer = shop.run("request", "submit", "--right", "erasure", "--regime", "gdpr", "--identifiers", str(file))
    where = f"{file}:{number}" if number else str(file)
    assert (answer.code, answer.errors) == (2, [(code, where)])
    assert "b.example" not in json.dumps(answer.document)


def test_a_consent_file_with_a_broken_row_imports_nothing_when_strict(shop: Shop) -> None:
    file = shop.outside / "consents.jsonl"
    file.write_text(json.dumps(CONSENT) + "\n" + json.dumps(BROKEN_CONSENT) + "\n")
    with shop.unchanged():
        answer = shop.run("consent", "import", str(file), "--format", "native", "--strict")
    assert (answer.code, answer.errors) == (2, [("consent.row", f"{file}:2")])
    assert "broken@" not in json.dumps(answer.document)


@pytest.mark.parametrize("words", [("policy", "check"), ("erasure", "plan")], ids=" ".join)
def test_an_unknown_policy_key_is_named_with_its_line(words: tuple[str, ...], shop: Shop) -> None:
    shop.approve({"email": email(LOWEST)})
    shop.edit("tables/tickets.yaml", "readers: exclusive", "reader: exclusive")
    with shop.unchanged():
        answer = shop.run(*words)
    lines = (shop.root / "policies/tables/tickets.yaml").read_text().splitlines()
    [(code, where)] = answer.errors
    assert (answer.code, code) == (2, "policy.unknown_key")
    assert where.endswith(f"tables/tickets.yaml:{lines.index('reader: exclusive') + 1}")
