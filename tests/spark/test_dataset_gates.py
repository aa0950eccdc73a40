"""Gates between a release and whoever would read it: measured on its rows, and nothing is left of what they stop."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from byte_search import places
from delible.cli.main import main
from delible.decide.gates import Groups
from delible.lake.gates import _counted
from delible.lake.release_files import SUBJECTS
from delible.model.gate import Gates
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.workspace import Workspace, create_workspace
from policy_files import write_policies

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PEOPLE, CARD = 120, "4532015112830366"
KEPT_OUT = ("quillfeather", "canaryville", CARD, "697-555-01", "6975550", "219-09-99", "canary-note", "canary-key")
"""Every value of every column has one of these in it, in whatever type it comes."""

POLICIES = {
    "controller.yaml": """\
controller: Fennel & Co
contact: privacy@fennel.example
subject: id
identifiers:
  id: {distinctive: false}
  email: {normalise: lower}
""",
    "purposes/help.yaml": "purpose: help\ndescription: answers\nlegal_basis: contract\n",
    "tables/people.yaml": """\
table: people
path: warehouse/people
description: people
purposes: [help]
subject:
  - {column: id, identifies: id}
  - {column: email, identifies: email}
columns:
  id: user.unique_id
  email: {category: user.contact.email, reversible: true}
  name: user.name
  town: user.contact.address.city
  postcode: user.contact.address.postal_code
  born: user.demographic.date_of_birth
  sum: user.financial
  tags: user.contact.email
  doc: user.content.private
  raw: user.content.private
  note: {category: user.content.private, free_text: true}
""",
    "tables/visits.yaml": """\
table: visits
path: warehouse/visits
description: visits
purposes: [help]
subject:
  - {column: id, identifies: id}
columns:
  id: user.unique_id
  kind: system.operations
  topic: system.operations
  said: {category: user.content.private, free_text: true}
""",
}
RECIPE = """\
dataset: visits
description: visits
purpose: help
source: visits
columns:
  id: pseudonymise
  kind: keep
  topic: keep
  said: {said}
joins:
  - table: people
    keys: {{id: id}}
    columns:
      name: {{treatment: replace, value: somebody}}
      email: encrypt
      town: {{treatment: generalise, hierarchy: towns, to: land}}
      postcode: {{treatment: generalise, prefix: 2}}
      born: {{treatment: generalise, to: year}}
      sum: {{treatment: generalise, to: 1000000000000000000}}
      note: {{treatment: mask, name: remark}}
      tags: drop
      doc: drop
      raw: drop
hierarchies:
  towns: {{levels: [land], values: {{Canaryville0: [UK], Canaryville1: [DE]}}}}
label: kind
split: {{validation: 10, test: 10}}
gates: {gates}
"""


def said(n: int) -> str:
    return (
        f"Call 697-555-01{n % 100:02} or mail quillfeather.q{n}@fennel.example; card {CARD}, ssn 219-09-99{n % 100:02}."
    )


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    write_policies(made.root / "policies", POLICIES)
    numbers = list(range(1, PEOPLE + 1))
    people = {
        "id": numbers,
        "email": [f"quillfeather{n}@fennel.example" for n in numbers],
        "name": [f"Quillfeather {n}" for n in numbers],
        "town": [f"Canaryville{n % 2}" for n in numbers],
        "postcode": [f"{10 + n % 4} canary-key" for n in numbers],
        "born": pa.array([f"19{60 + n % 3}-03-0{1 + n % 9}" for n in numbers]).cast(pa.date32()),
        "sum": [int(f"69755501{n:03}") for n in numbers],
        "tags": [[f"quillfeather{n}@fennel.example"] for n in numbers],
        "doc": [{"mail": f"quillfeather{n}@fennel.example", "deep": {"card": CARD}} for n in numbers],
        "raw": [f"canary-note {n}".encode() for n in numbers],
        "note": [said(n) for n in numbers],
    }
    visits = {
        "id": [n for n in numbers for _ in range(3)],
        "kind": [("sale", "question", "thanks")[i] for _ in numbers for i in range(3)],
        "topic": [f"topic {i}" for _ in numbers for i in range(3)],
        "said": [said(n) for n in numbers for _ in range(3)],
    }
    write_deltalake(made.root / "warehouse" / "people", pa.table(people))
    write_deltalake(made.root / "warehouse" / "visits", pa.table(visits))
    return made


def recipe(shop: Workspace, gates: dict[str, Any], *, said: str = "{treatment: mask}") -> None:
    text = RECIPE.format(gates=json.dumps(gates), said=said)
    write_policies(shop.root / "policies", {"datasets/visits.yaml": text})


def build(shop: Workspace, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    code = main(["dataset", "build", "visits", *words, "--json", "--debug", "--workspace", str(shop.root)])
    told, err = capfd.readouterr()
    return code, json.loads(told), told + err


def left(shop: Workspace) -> list[str]:
    return sorted(entry.name for entry in (shop.path("releases") / "visits").iterdir())


def leaks(shop: Workspace, texts: list[str]) -> list[str]:
    """Return where a canary stands outside the tables: raw, encoded, compressed, in Parquet, or in a name of a file."""
    kept = [f"{n}: {c}" for n, text in enumerate(texts) for c in KEPT_OUT if c in text.lower()]
    folders = [shop.path(name) for name in ("releases", "store", "lineage", "reports") if shop.path(name).exists()]
    for folder in folders:
        for path in folder.rglob("*"):
            raw = path.read_bytes().decode("latin-1").lower() if path.is_file() else ""
            kept += [f"{path.name}: {c}" for c in KEPT_OUT if c in raw or c in path.name.lower()]
    whole = [f"{name}@fennel.example" for name in ("quillfeather1", f"quillfeather{PEOPLE}", "quillfeather.q9")]
    return kept + places(*folders, texts=[*whole, CARD, "Canaryville1", "697-555-0101", "canary-note 5"])


def test_no_canary_is_in_a_release_or_in_what_is_said_of_it(shop: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    gates = {"k_anonymity": 2, "residual": {"max_share": "1/20"}, "minimum": {"rows": 10}, "drift": {"rows": "1%"}}
    recipe(shop, gates)
    code, first, told = build(shop, capfd)
    assert code == 0, told
    assert {g["gate"] for g in first["gates"]} == {"k_anonymity", "residual", "rows", "columns_changed", "rows_changed"}
    assert first["rows_out"] == 3 * PEOPLE
    code, text, err = main(["dataset", "build", "visits", "--workspace", str(shop.root)]), *capfd.readouterr()
    assert code == 0
    assert "passed" in text
    one, two = (Manifests(shop).get("visits", version) for version in (1, 2))
    assert one is not None
    assert two is not None
    rows = [{f.path: f.sha256 for f in m.files if f.path.endswith(".parquet")} for m in (one, two)]
    assert rows[0] == rows[1], "built twice, the same bytes"
    assert len(rows[0]) == 4
    assert leaks(shop, [told, text, err]) == []


def test_a_release_that_a_gate_stops_leaves_nothing_to_read(shop: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    gates = {
        "residual": {},
        "k_anonymity": 1_000,
        "l_diversity": {"sensitive": "topic", "l": 3},
        "uniqueness": {"max_unique": 0, "max_risk": "1%"},
        "minimum": {"subjects": PEOPLE, "per_label": PEOPLE + 1},
    }
    recipe(shop, gates, said="keep")
    code, answer, told = build(shop, capfd)
    assert code == 3, told
    assert left(shop) == []
    assert Manifests(shop).latest("visits") is None
    measured = {g["gate"]: g for g in answer["gates"]}
    assert {name for name, g in measured.items() if not g["passed"]} == {
        "residual", "k_anonymity", "rows_per_label", "reidentification_risk",
    }  # fmt: skip
    assert (measured["residual"]["about"], measured["residual"]["measured"]) == ("said", 1)
    assert (measured["subjects"]["measured"], measured["rows_per_label"]["measured"]) == (PEOPLE, PEOPLE)
    groups = {(n % 2, n % 4, n % 3) for n in range(1, PEOPLE + 1)}
    assert measured["k_anonymity"]["measured"] == PEOPLE // len(groups), "people, of whom each has three rows"
    assert measured["reidentification_risk"]["measured"] == pytest.approx(len(groups) / PEOPLE, abs=1e-6)
    assert [e["code"].partition(".")[0] for e in answer["errors"]] == ["dataset"] * 4
    (record,) = Ledger(shop, load_keys(shop)).records(action_prefix="dataset.")
    assert (record.outcome, record.counts) == ("stopped", {"gates": 7, "failed": 4})
    assert any("k_anonymity" in told and "at least 1000" in told for told in record.detail.values())
    assert main(["dataset", "build", "visits", "--workspace", str(shop.root)]) == 3
    text, err = capfd.readouterr()
    assert "STOPS" in text
    assert "was not released" in text
    assert leaks(shop, [told, text, err]) == []


def test_a_dry_run_decides_and_writes_nothing(shop: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    recipe(shop, {"k_anonymity": 1_000})
    code, answer, told = build(shop, capfd, "--dry-run")
    assert code == 0, told
    assert (answer["rows_in"], answer["rows_out"], answer["members"]) == (3 * PEOPLE, 3 * PEOPLE, PEOPLE)
    assert answer["gates"] == {"k_anonymity": {"k": 1_000}}
    assert not (shop.path("releases") / "visits").exists() or left(shop) == []
    assert Ledger(shop, load_keys(shop)).records(action_prefix="dataset.") == []


@pytest.mark.parametrize(
    ("law", "rows", "people", "risk"),
    [
        ("one person with many rows", [("a", ["p"])] * 8, 1, 1.0),
        ("as many rows as people", [("a", ["p"]), ("a", ["q"]), ("a", ["r"]), ("a", ["s"])], 4, 1 / 4),
        ("a row about two people is one row", [("a", ["p", "q"])], 1, 1.0),
        ("rows about the same two, in any order", [("a", ["p", "q"]), ("a", ["q", "p"])], 1, 1.0),
        ("two rows about two each", [("a", ["p", "q"]), ("a", ["r", "s"])], 2, 1 / 2),
        ("one person alone, and with another", [("a", ["p"]), ("a", ["p", "q"])], 2, 1 / 2),
        ("one person in three sets of two", [("a", ["p", "q"]), ("a", ["q", "r"]), ("a", ["p", "r"])], 3, 1 / 3),
        ("rows about nobody count for themselves", [("a", []), ("a", None), ("a", ["p", "q"])], 3, 1 / 3),
        ("the mean of all rows", [("a", ["p"])] * 3 + [("b", ["q"]), ("b", ["r"])], 1, (3 * 1 + 2 / 2) / 5),
    ],
)
def test_groups_count_people_and_not_rows(
    spark: SparkSession, law: str, rows: list[tuple[str, list[str] | None]], people: int, risk: float
) -> None:
    frame = spark.createDataFrame(rows, f"town string, {SUBJECTS} array<string>")
    gates = Gates.model_validate({"k_anonymity": 2, "uniqueness": {"max_risk": "1%"}})
    plan = SimpleNamespace(gates=gates, quasi=("town",))
    found = _counted(frame, plan)  # type: ignore[arg-type]
    assert isinstance(found, Groups)
    assert (found.rows, found.smallest) == (len(rows), people), law
    assert found.unique == sum(1 for town, _ in rows if town == "a" and people == 1)
    assert found.risk == pytest.approx(risk), law
