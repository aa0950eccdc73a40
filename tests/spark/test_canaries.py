"""Canaries in every column, and every command of detection run over them: none may say, write or keep one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from delible.cli.main import main
from delible.store.workspace import Workspace, create_workspace
from policy_files import write_policies

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE = 60
CARD = "4532015112830366"
CANARIES = ("quillfeather", "canaryson", "canaryville", CARD, "697-555-01", "6975550", "219-09-99")
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
    "tables/tickets.yaml": """\
table: tickets
path: warehouse/tickets
description: tickets
purposes: [help]
subject:
  - {column: id, identifies: id}
columns:
  id: {category: user.unique_id}
  body: {category: user.content.private, free_text: true, reversible: true}
""",
    "datasets/letters.yaml": """\
dataset: letters
description: letters
purpose: help
source: tickets
columns:
  id: {treatment: pseudonymise}
  body: {treatment: mask, masking: {default: encrypt, entities: {EMAIL_ADDRESS: surrogate, US_SSN: hash}}}
""",
}


def body(n: int) -> str:
    return (
        f"Quillfeather Canaryson wrote on Monday about the late parcel: call 697-555-01{n % 100:02}, or mail "
        f"quillfeather.canaryson{n}@fennel.example, card {CARD}, ssn 219-09-99{n % 100:02}."
    )


def document(n: int) -> str:
    key = f"quillfeather{n}@fennel.example"
    return json.dumps({"mail": key, "by": {key: n}, "who": {"name": "Quillfeather Canaryson"}})


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    write_policies(made.root / "policies", POLICIES)
    numbers = list(range(1, PEOPLE + 1))
    people = {
        "id": numbers,
        "email": [f"quillfeather{n}@fennel.example" for n in numbers],
        "name": ["Quillfeather Canaryson"] * PEOPLE,
        "town": [f"Canaryville{'abc'[n % 3]}" for n in numbers],
        "note": [body(n) for n in numbers],
        "doc": [document(n) for n in numbers],
        "tags": [[f"quillfeather{n}@fennel.example"] for n in numbers],
    }
    write_deltalake(made.root / "warehouse" / "people", pa.table(people), partition_by=["town"])
    write_deltalake(made.root / "warehouse" / "tickets", pa.table({"id": numbers, "body": [body(n) for n in numbers]}))
    return made


def test_no_command_of_detection_shows_or_keeps_what_it_read(
    spark: SparkSession, shop: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    labelled, broken, texts, opened = (tmp_path / name for name in ("l.jsonl", "b.jsonl", "t.txt", "o.txt"))
    spans = [{"start": 0, "end": 22, "type": "PERSON"}, {"start": 2, "end": 9, "type": "US_SSN"}]
    labelled.write_text("\n".join(json.dumps({"text": body(n), "spans": spans}) for n in range(5)))
    broken.write_text(
        json.dumps({"text": body(1), "spans": [{"start": body(2), "end": 900}], "x": body(3)}) + "\n{" + body(4)
    )
    other = tmp_path / "other"
    write_policies(
        other, POLICIES | {"purposes/help.yaml": "purpose: help\ndescription: answers\nlegal_basis: consent\n"}
    )
    said: dict[str, str] = {}

    def run(*words: str, code: int | None = 0) -> str:
        for form in ((), ("--json",)) if words[:2] != ("dataset", "unmask") else ((),):
            done = main([*words, *form, "--debug", "--workspace", str(shop.root)])
            out, err = capfd.readouterr()
            said[" ".join((*words, *form))] = out + err
            assert code is None or done == code, out + err
        return out

    run("tags", "scan", "--names-only")
    run("tags", "scan", "--all")
    run("tags", "scan", "--max-prevalence", "1/50", "--anew")
    run("tags", "list")
    run("tags", "review", "people.note", "--accept", "--reason", "free text")
    run("tags", "uniqueness")
    run("tags", "publish", "people")
    run("tags", "evaluate", "--labelled", str(labelled))
    run("tags", "evaluate", "--labelled", str(broken), code=2)
    run("policy", "draft", "people", code=None)
    run("policy", "check", code=None)
    run("policy", "diff", str(shop.root / "policies"), str(other), code=None)
    run("dataset", "build", "letters")
    (release,) = shop.path("releases").glob("letters/v1")
    tables = [pq.ParquetFile(file).read() for file in sorted(release.rglob("*.parquet"))]
    bodies = [text for table in tables if "body" in table.column_names for text in table["body"].to_pylist()]
    assert len(bodies) == PEOPLE
    texts.write_text("\n".join(bodies))
    run("dataset", "unmask", "letters@v1", "--texts", str(texts), "--out", str(opened))
    assert "Quillfeather" in opened.read_text(), "the way back is there, or this test shows nothing"
    texts.write_text(bodies[0].replace("=", "=AAAA", 1))
    run("dataset", "unmask", "letters@v1", "--texts", str(texts), "--out", str(tmp_path / "o2.txt"), code=None)
    run("doctor", code=None)

    leaked = [f"{command}: {canary}" for command, text in said.items() for canary in CANARIES if canary in text.lower()]
    for path in shop.root.rglob("*"):
        below = path.relative_to(shop.root).as_posix()
        log = "/_delta_log/" in below and not below.endswith("00000000000000000000.json")
        if not path.is_file() or (below.startswith("warehouse/") and not log):
            continue
        held = path.read_bytes().decode("latin-1").lower() + below.lower()
        if path.suffix == ".parquet":
            held += str(pq.ParquetFile(path).read().to_pydict()).lower()
        # Which names a model finds in released texts is its quality; numbers and addresses have to be gone.
        sought = CANARIES[3:] if below.startswith("releases/") and "/data/" in below else CANARIES
        leaked += [f"{below}: {canary}" for canary in sought if canary in held]
    assert leaked == []
