"""A masked column is what `detect.anonymise` makes of each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from delible.detect.anonymise import mask_text
from delible.errors import DelibleError
from delible.lake.columns import INNER, pads_of, with_pads
from delible.lake.masking import mask_column
from delible.lake.workers import recognizers_told
from delible.model.detection import Detection
from delible.model.masking import Masking, MaskOperator
from delible.model.recognizer import Recognizer

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
        [
            (
                "Ann Lee, ann@fennel.example, bob@fennel.example, oshin",
                ["ann lee", None],
                ["Oshin Lee"],
                ["bob@fennel.example"],
            )
        ],
        "body string, known array<string>, names array<string>, own array<string>",
    )
    masked = frame.select(
        mask_column(F.col("body"), known=F.col("known"), names=F.col("names"), keep=F.col("own")).alias("body")
    )
    assert masked.first()["body"] == "<SUBJECT_1>, <EMAIL_ADDRESS_1>, bob@fennel.example, <PERSON_1>"
    assert "ann lee" not in masked._jdf.queryExecution().toString().lower().replace("localtablescan", "")


def test_a_poisonous_recognizer_is_named_and_its_text_is_not(spark: SparkSession) -> None:
    """Past the loader, which refuses the pattern; a worker takes its five seconds, and the job ends."""
    poison = {"recognizer": "poison", "description": "x", "category": "user", "patterns": [{"regex": "(?:a|a|aa)+!"}]}
    looked_for = Detection((), (Recognizer.model_validate(poison),))
    frame = spark.createDataFrame([("canary " + "a" * 3_000,)], "body string")
    with pytest.raises(DelibleError) as caught, recognizers_told():
        frame.select(mask_column(F.col("body"), detection=looked_for)).collect()
    assert (caught.value.code, caught.value.where) == ("detect.recognizer_slow", "detection:poison")
    assert "canary" not in str(caught.value)


STAFF = Recognizer.model_validate(
    {"recognizer": "staff", "description": "x", "category": "user.unique_id", "words": ["Blue Heron"]}
)
RULES = Masking.model_validate(
    {"default": "surrogate", "entities": {"EMAIL_ADDRESS": "hash", "STAFF": "encrypt", "FR_NIR": "redact"}}
)


def test_a_keyed_mask_is_what_the_text_function_makes_of_it_and_shows_no_key(spark: SparkSession) -> None:
    key, looked_for = b"canary-key-of-thirty-two-bytes-!", Detection(("FR",), (STAFF,))
    texts = ["ann@fennel.example is Blue Heron, 2 55 08 14 168 025 38", "since 2026-01-31, ANN@fennel.example", None]
    frame = with_pads(spark.createDataFrame(list(enumerate(texts)), "i int, body string"), pads_of(key))
    masked = frame.select(
        "i", mask_column(F.col("body"), key=F.col(INNER), detection=looked_for, masking=RULES).alias("body")
    )
    expected = [t and mask_text(t, detection=looked_for, masking=RULES, key=key.ljust(64, b"\0")) for t in texts]
    assert [row["body"] for row in masked.orderBy("i").collect()] == expected
    assert masked.filter(F.col("body").contains("canary")).count() == 0
    plan = masked._jdf.queryExecution().toString()
    assert "canary" not in plan
    assert key.hex() not in plan.lower()
    assert {rule.operator for rule in RULES.entities.values()} < set(MaskOperator)
