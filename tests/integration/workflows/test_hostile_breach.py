"""Lost files that hide what they hold: what was not read is told as such, and no number is made up for it."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest

from delible.report.breach import BreachFacts
from delible.store.workspace import Workspace, create_workspace
from delible.workflows import strange_file
from delible.workflows.breach import breach_report

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
PEOPLE = 40
TABLE = pa.table({"email": [f"p{n}@person.example" for n in range(PEOPLE)]})
TEXT = "email\n" + "\n".join(TABLE["email"].to_pylist()) + "\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    shutil.copytree(ROOT / "policies" / "shop", made.path("policies"), dirs_exist_ok=True)
    return made


def told(workspace: Workspace, path: Path) -> BreachFacts:
    return breach_report(workspace, [path], now=NOW).facts


def zipped(text: str) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("rows.csv", text)
    return kept.getvalue()


def arrow() -> bytes:
    kept = io.BytesIO()
    with pa.ipc.new_file(kept, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return kept.getvalue()


def orc() -> bytes:
    kept = io.BytesIO()
    pa.orc.write_table(TABLE, kept)
    return kept.getvalue()


def sqlite() -> bytes:
    with sqlite3.connect(":memory:") as made:
        made.execute("CREATE TABLE people (email TEXT)")
        return made.serialize()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.csv.gz", lambda: gzip.compress(TEXT.encode())),
        ("rows.csv", lambda: gzip.compress(TEXT.encode())),
        ("rows.zip", lambda: zipped(TEXT)),
        ("rows.arrow", arrow),
        ("rows.orc", orc),
        ("rows.sqlite", sqlite),
        ("rows.csv", lambda: TEXT.encode("utf-16")),
        ("rows.txt", lambda: TEXT.encode("utf-16-be")),
        ("rows.txt", lambda: TEXT.encode() + b"\0"),
        ("rows.txt", lambda: TEXT.encode() + b"\xe4"),
        ("rows.csv", lambda: TEXT.encode() + b"\xe4"),
        ("rows.json", lambda: json.dumps({"people": [{"email": "a@person.example"}] * 2}).encode()),
        ("rows.jsonl", lambda: json.dumps({"emails": ["a@person.example", "b@person.example"]}).encode()),
        ("rows.json", lambda: b"[" * 100_000),
    ],
)
def test_what_is_no_table_and_no_text_is_unread(
    workspace: Workspace, tmp_path: Path, name: str, data: Callable[[], bytes]
) -> None:
    (tmp_path / name).write_bytes(data())
    facts = told(workspace, tmp_path / name)
    assert (facts.unread, facts.exposures) == (1, ())


def test_a_json_array_and_parquet_under_another_name_are_read(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(TABLE.to_pylist()))
    (tmp_path / "bare").write_text(json.dumps(TABLE.to_pylist(), indent=1))
    (tmp_path / "lines.json").write_text("".join(json.dumps(row) + "\n" for row in TABLE.to_pylist()))
    pa.parquet.write_table(TABLE, tmp_path / "rows.bin")
    for name in ("rows.json", "bare", "lines.json", "rows.bin"):
        facts = told(workspace, tmp_path / name)
        assert (facts.unread, facts.at_most, facts.rows) == (0, PEOPLE, PEOPLE), name


def test_of_a_text_that_was_cut_there_is_no_bound(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.txt").write_text(TEXT)
    monkeypatch.setattr(strange_file, "_LONGEST", 200)
    facts = told(workspace, tmp_path / "rows.txt")
    (found,) = facts.exposures
    assert (facts.unread, found.most) == (1, None)
    assert facts.files[0].unread == "only its beginning was read"
    assert [c.category for c in found.categories] == ["user.contact.email"]


@pytest.mark.parametrize("footer", [True, False])
def test_a_small_file_of_too_many_values_is_unread(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, footer: bool
) -> None:
    """One by its footer, and one whose footer says nothing of it: the same value many times."""
    values = [f"{n:0100}" for n in range(20_000)] if footer else ["x" * 100] * 20_000
    pa.parquet.write_table(pa.table({"words": values}), tmp_path / "rows.parquet")
    monkeypatch.setattr(strange_file, "_LARGEST", 200_000)
    facts = told(workspace, tmp_path / "rows.parquet")
    assert (facts.unread, facts.exposures) == (1, ())


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError, TypeError])
def test_no_file_ends_the_report(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise error("canary-51c7")

    (tmp_path / "rows.txt").write_text(TEXT)
    monkeypatch.setattr("delible.workflows.breach.look_into", raises)
    facts = told(workspace, tmp_path / "rows.txt")
    assert facts.files[0].unread == f"not readable as such ({error.__name__})"
