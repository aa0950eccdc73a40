"""A masked column is what `detect.anonymise` makes of each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from delible.detect.anonymise import mask_text
from delible.lake.masking import mask_column

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TEXTS = [
    None,
    "",
    "nothing here",
    "ann@fennel.example wrote to bob@fennel.example and again to ann@fennel.example",
    "call 697-555-0142, card 4111 1111 1111 1111",
    "\u202e ünï ann@fennel.example",
]


def test_every_row_is_masked_as_text_is(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(i, t) for i, t in enumerate(TEXTS)], "i int, body string")
    masked = frame.select("i", mask_column(F.col("body")).alias("body")).orderBy("i").collect()
    assert [row["body"] for row in masked] == [None if t is None else mask_text(t) for t in TEXTS]


def test_known_and_kept_strings_come_from_columns_not_from_the_plan(spark: SparkSession) -> None:
    frame = spark.createDataFrame(
        [("Ann Lee, ann@fennel.example, bob@fennel.example", ["ann lee", None], ["bob@fennel.example"])],
        "body string, known array<string>, own array<string>",
    )
    masked = frame.select(mask_column(F.col("body"), known=F.col("known"), keep=F.col("own")).alias("body"))
    assert masked.first()["body"] == "<SUBJECT_1>, <EMAIL_ADDRESS_1>, bob@fennel.example"
    assert "ann lee" not in masked._jdf.queryExecution().toString().lower().replace("localtablescan", "")
