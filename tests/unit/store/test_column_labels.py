"""Verdicts beside the columns of a Delta table, written without Spark; no data file changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from delible.errors import SetupError
from delible.model.record import ARTICLE_9, TagFinding
from delible.model.terms import TagState
from delible.plan.tag_labels import labels
from delible.store.column_labels import write_labels

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REASON = "canary.quillfeather said so"


def finding(column: str, category: str | None, state: TagState = TagState.ACCEPTED, *evidence: str) -> TagFinding:
    return TagFinding(
        table="people", column=column, category=category, entity=None, confidence=0.98765, sampled=9, hits=9, bound=0.0,
        evidence=evidence, state=state, reason=REASON, version=0, at=NOW,
    )  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = pa.table({"email": ["a@fennel.example"], "odd `name'": ["x"], "s": [{"x": "y"}], "n": [1]})
    write_deltalake(tmp_path / "people", rows)
    DeltaTable(tmp_path / "people").alter.set_column_metadata("email", {"comment": "kept"})
    return tmp_path / "people"


def metadata(table: Path) -> dict[str, dict[str, str]]:
    fields = json.loads(DeltaTable(table).schema().to_json())["fields"]
    return {field["name"]: field["metadata"] for field in fields}


def test_labels_stand_in_the_columns_metadata_and_are_written_once(table: Path) -> None:
    wanted = labels(
        [
            finding("email", "user.contact.email"),
            finding("`odd ``name'`", "user.social", TagState.PROPOSED, ARTICLE_9),
            finding("s.x", "user.demographic.gender"),
            finding("n", None, TagState.PROPOSED),
        ]
    )
    files = {path: path.read_bytes() for path in table.glob("*.parquet")}
    assert write_labels(str(table), wanted, table="people") == ("email", "odd `name'", "s.x")
    found = metadata(table)
    assert found["email"] == {
        "comment": "kept",
        "delible.category": "user.contact.email",
        "delible.state": "accepted",
        "delible.confidence": "0.99",
        "delible.special": "",
        "delible.quasi": "",
    }
    assert found["odd `name'"]["delible.special"] == "true"
    assert found["n"] == {}
    assert DeltaTable(table).metadata().configuration["delible.tag.s.x"] == "user.demographic.gender"
    assert {path: path.read_bytes() for path in table.glob("*.parquet")} == files
    version = DeltaTable(table).version()
    assert write_labels(str(table), wanted, table="people") == ()
    assert DeltaTable(table).version() == version
    assert not any(REASON in log.read_text() for log in (table / "_delta_log").glob("*.json"))


def test_what_was_labelled_and_is_personal_no_more_is_labelled_as_none(table: Path) -> None:
    write_labels(str(table), labels([finding("email", "user.contact.email")]), table="people")
    rejected = labels([finding("email", "user.contact.email", TagState.REJECTED)])
    assert write_labels(str(table), rejected, table="people") == ("email",)
    assert metadata(table)["email"]["delible.category"] == "none"
    assert metadata(table)["email"]["delible.confidence"] == ""


def test_a_table_that_cannot_be_changed_is_said_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        write_labels(str(tmp_path / "nothing"), {}, table="people")
    assert caught.value.code == "tags.delta"
