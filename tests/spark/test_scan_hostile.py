"""Values, names and recognizers that are made to do harm: a scan ends in bounded time, and says what it did not see."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from delible.errors import DelibleError
from delible.lake.scan import scan
from delible.model.detection import Detection
from delible.model.recognizer import Recognizer
from delible.store.tags import Tags
from delible.store.workspace import create_workspace
from delible.workflows.scanning import EVERYTHING
from delible.workflows.tagging import scan_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("a.b", "tick`ed", "two words", 'it\'s "so"', "\U0001f600", " lead", "trail ", "`", ".", "a,b;{c}(d)=e")
POISON = {"recognizer": "poison", "description": "x", "category": "user", "patterns": [{"regex": "(?:a|a|aa)+(?=!)x"}]}
EMAIL = b"ann@fennel.example"
TEN_MB = 10_000_000


def test_columns_of_odd_names_are_read_and_none_is_taken_for_clean(spark: SparkSession, tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    place = workspace.path(workspace.config.warehouse) / "odd"
    columns = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in NAMES)
    spark.sql(f"CREATE TABLE delta.`{place}` ({columns}) USING delta TBLPROPERTIES('delta.columnMapping.mode'='name')")
    values = ", ".join(f"CONCAT('p', id, '_{i}@fennel.example')" for i in range(len(NAMES)))
    spark.sql(f"INSERT INTO delta.`{place}` SELECT {values} FROM RANGE(30)")
    found = scan_tables(workspace, ["odd"], extent=EVERYTHING, actor="test", now=NOW).findings
    assert [finding.category for finding in found] == ["user.contact.email"] * len(NAMES)
    assert len({finding.column for finding in Tags(workspace).latest()}) == len(NAMES)


def test_a_value_of_ten_megabytes_is_read_as_far_as_is_said(spark: SparkSession) -> None:
    long = F.repeat(F.lit("word and "), TEN_MB // 9)
    frame = spark.range(1).select(
        F.concat(F.lit("ann@fennel.example "), long).alias("early"),
        F.concat(long, F.lit(" ann@fennel.example")).alias("late"),
        F.concat(F.lit('{"a": "'), long, F.lit('"}')).alias("document"),
        F.repeat(F.lit("a"), TEN_MB).alias("one"),
        F.lit("short").alias("short"),
    )
    facts = {each.column: each for each in scan(frame, sample=None)}
    assert facts["early"].hits == {"EMAIL_ADDRESS": 1}
    assert not facts["late"].hits
    assert {name: (each.cut, each.complete) for name, each in facts.items()} == dict.fromkeys(
        ("early", "late", "document", "one"), (1, False)
    ) | {"short": (0, True)}


@pytest.mark.parametrize(
    "around",
    [b"\x00", b"\xed\xa0\x80", b"\xff\xfe", b"\xf4\x90\x80\x80", "\u202e".encode(), b"\xc3"],
    ids=["NUL", "lone surrogate", "no UTF-8", "beyond Unicode", "right to left", "half a character"],
)
def test_bytes_that_are_no_text_hide_nothing(spark: SparkSession, around: bytes) -> None:
    value = around + b" " + EMAIL + b" " + around
    frame = spark.sql(f"SELECT CAST(X'{value.hex()}' AS STRING) AS c")
    (facts,) = scan(frame, sample=None)
    assert (facts.hits, facts.values) == ({"EMAIL_ADDRESS": 1}, 1)


def test_a_recognizer_without_end_is_named_with_its_column(spark: SparkSession) -> None:
    """Its pattern never matches, which Hyperscan does not see: it reads no lookahead."""
    frame = spark.createDataFrame([("fine", "canary " + "a" * 3_000 + "x")], "first string, second string")
    looked_for = Detection((), (Recognizer.model_validate(POISON),))
    with pytest.raises(DelibleError) as caught:
        scan(frame, sample=None, detection=looked_for)
    assert (caught.value.code, caught.value.where) == ("detect.recognizer_slow", "second, detection:poison")
    assert caught.value.exit_code == 1
    assert "canary" not in str(caught.value)
