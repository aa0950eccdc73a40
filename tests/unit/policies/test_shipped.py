"""The shipped policy sets load, check clean, and are what policies/README.md says of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from delible.decide.policy import check
from delible.errors import PolicyError
from delible.model.dataset import DatasetRecipe
from delible.plan.explain import explain, lines
from delible.store.policies import load_policies, policy_schemas, read_policies

POLICIES = Path(__file__).parents[3] / "policies"
SETS = ("shop", "examples/adventureworks")
README = (POLICIES / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the README, without its head."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines_ = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines_[2:]]


@pytest.mark.parametrize("name", SETS)
def test_shipped_set_has_no_violation_and_only_stated_gaps(name):
    loaded = read_policies(POLICIES / name)
    result = check(loaded.policies, sources=loaded.sources)
    assert result.violations == ()
    assert {gap.code for gap in result.gaps} <= {"policy.no_retention"}


@pytest.mark.parametrize("name", SETS)
def test_every_table_can_be_explained_within_100_columns(name):
    policies = load_policies(POLICIES / name)
    for table in policies.tables:
        assert explain(policies, table).paths
        assert max(map(len, lines(explain(policies, table)))) <= 100


def test_shop_tables_are_what_the_readme_says():
    policies = load_policies(POLICIES / "shop")
    stated = {row[0]: row[1:] for row in rows("What becomes of the shop's tables")}
    real = {}
    for name, table in policies.tables.items():
        e = explain(policies, name)
        reach = ", ".join(r.identifies or f"{r.through}, then customer_id" for r in table.subject)
        feeds = ", ".join((*e.derived, *(d["dataset"] for d in e.datasets)))
        real[name] = [reach, str(e.erasure), ", ".join(str(r["keep"]) for r in e.retention), feeds]
    assert real == stated


@pytest.mark.parametrize(("file", "this", "becomes", "exit_code", "code"), rows("What `policy check` says to a change"))
def test_changes_have_the_outcome_that_the_readme_says(tmp_path, file, this, becomes, exit_code, code):
    folder = shutil.copytree(POLICIES / "shop", tmp_path / "policies")
    path = folder / file
    before = path.read_text(encoding="utf-8")
    assert before.count(this) == 1 or before.startswith(this)
    path.write_text(before.replace(this, becomes, 1), encoding="utf-8")
    if exit_code == "2":
        with pytest.raises(PolicyError) as caught:
            read_policies(folder)
        assert code in {p.code for p in caught.value.problems}
        return
    loaded = read_policies(folder)
    result = check(loaded.policies, sources=loaded.sources)
    assert exit_code == ("3" if result.violations else "0")
    findings = result.violations or result.gaps
    assert code in {f.code for f in findings}
    if result.violations:
        assert re.match(rf"policies/{re.escape(file)}:\d+$", str(findings[0].where))


def test_the_readme_names_every_folder_kind():
    named = {row.split("`")[1].rstrip("/") for row in README.splitlines() if row.startswith("| `") and "/`" in row}
    assert set(policy_schemas()) - {"controller"} <= named


ADVENTUREWORKS = {
    "address": ["AddressID = business_entity_address.AddressID"],
    "credit_card": ["CreditCardID = person_credit_card.CreditCardID"],
    "product_review": ["EmailAddress → email"],
    "customer": ["PersonID → person"],
    "employee": ["BusinessEntityID → person", "NationalIDNumber → national_id", "LoginID → login"],
    "email_address": ["BusinessEntityID → person", "EmailAddress → email"],
}


def test_adventureworks_reaches_people_as_its_data_does():
    policies = load_policies(POLICIES / "examples/adventureworks")
    assert len(policies.tables) == 10
    for name, expected in ADVENTUREWORKS.items():
        paths = explain(policies, name).paths
        assert [f"{name}.{way}" for way in expected] == [" → ".join(p[: 1 if " = " in p[0] else 2]) for p in paths]
        assert all(p[-1] in policies.controller.identifiers for p in paths)


DATA = Path(__file__).parents[4] / "shared" / "data" / "adventureworks"


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the AdventureWorks files are not here")
def test_adventureworks_maps_every_column_of_the_files():
    policies = load_policies(POLICIES / "examples/adventureworks")
    headers = {f.stem: f.open(encoding="utf-8").readline().strip().split(",") for f in DATA.glob("*.csv")}
    assert {name: list(table.columns) for name, table in policies.tables.items()} == headers


def test_the_recipe_that_is_shown_is_one() -> None:
    _, _, section = README.partition("## Recipes of datasets\n")
    shown = YAML(typ="safe").load(section.partition("```yaml\n")[2].partition("```")[0])
    recipe = DatasetRecipe.model_validate(shown)
    assert recipe.gates.model_fields_set == set(type(recipe.gates).model_fields), "every gate is shown"
