"""What masking makes of texts, wherever they stand: documents stay documents, and other people's identifiers stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from delible.lake.mentions import masked_texts, mentioning, needles_frame, needles_of
from delible.lake.texts import text_columns
from delible.model.policy import Controller, TablePolicy
from delible.model.subject import KeyRole, KeyRow

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

CONTROLLER = Controller.model_validate(
    {
        "controller": "x",
        "contact": "x",
        "subject": "id",
        "identifiers": {
            "id": {"distinctive": False},
            "email": {"normalise": "lower"},
            "phone": {"normalise": "digits"},
        },
    }
)
KEYS = [
    KeyRow("r", "id", "7", KeyRole.GIVEN),
    KeyRow("r", "email", "ann@x.example", KeyRole.FOUND),
    KeyRow("r", "phone", "+442079460001", KeyRole.FOUND),
    KeyRow("r", "people.name", "Jörg Öz", KeyRole.EVIDENCE),
]
TEXTS = {
    "Ask Ann@X.example or JÖRG ÖZ, not joann@x.example; 7.": "Ask [erased] or [erased], not joann@x.example; 7.",
    "call 020 7946 0001": "call 020 7946 0001",
    "call +44 (0)20-7946 0001, ok": "call [erased], ok",
    '<a who="ann@x.example"><![CDATA[Jörg Öz]]></a>': '<a who="[erased]"><![CDATA[[erased]]]></a>',
    "{no document, says ann@x.example": "{no document, says [erased]",
    "nobody": "nobody",
}
DOCUMENTS: dict[str, Any] = {
    '{"to": "ann@x.example", "n": 1.50}': {"to": "[erased]", "n": 1.5},
    '{"who": "J\\u00f6rg \\u00d6z", "at": "a\\/b"}': {"who": "[erased]", "at": "a/b"},
    '{"phone": 442079460001, "list": [442079460001, 5]}': {"phone": "[erased]", "list": ["[erased]", 5]},
    '{"said": "his number:442079460001, and 5"}': {"said": "his number:[erased], and 5"},
    '{"ann@x.example": 1, "b": 2}': {"[erased]": 1, "b": 2},
    '{"ann@x.example": 1, "jörg öz": 2}': "[erased]",
    '[{"deep": {"er": ["x ann@x.example y"]}}, null, true]': [{"deep": {"er": ["x [erased] y"]}}, None, True],
    '{"other": "joann@x.example", "n": 7}': {"other": "joann@x.example", "n": 7},
}


def _policy(**columns: Any) -> TablePolicy:
    text = {"category": "user.content.private", "free_text": True}
    given = {name: text if flag else "system.operations" for name, flag in columns.items()}
    return TablePolicy.model_validate(
        {"table": "t", "path": "t", "description": "t", "no_subject": "texts", "columns": given}
    )


def _masked(spark: SparkSession, table: pa.Table, policy: TablePolicy) -> tuple[list[bool], list[dict[str, Any]]]:
    frame = spark.createDataFrame(table).alias("t")
    texts = text_columns(frame.schema, policy)
    joined = frame.crossJoin(needles_frame(spark, needles_of(KEYS, CONTROLLER)).alias("s"))
    changed = masked_texts(texts, target="t.", values="s.__values")
    kept = [F.col(f"t.`{c}`") for c in table.column_names if f"`{c}`" not in changed]
    columns = [*kept, *(column.alias(name.strip("`")) for name, column in changed.items())]
    found = (
        joined.select(mentioning(texts, target="t.", values="s.__values").alias("__m"), *columns).toArrow().to_pylist()
    )
    return [row.pop("__m") for row in found], found


def test_texts_and_documents(spark: SparkSession) -> None:
    given = [*TEXTS, *DOCUMENTS, None]
    mentions, rows = _masked(spark, pa.table({"body": pa.array(given, pa.string())}), _policy(body=True))
    after = [row["body"] for row in rows]
    assert after[: len(TEXTS)] == list(TEXTS.values())
    assert [json.loads(text) for text in after[len(TEXTS) : -1]] == list(DOCUMENTS.values())
    assert after[-1] is None
    assert mentions == [old != new for old, new in zip(given, after, strict=True)]


def test_structs_arrays_and_maps(spark: SparkSession) -> None:
    """What the policy does not call free text stays, and of two keys that become one neither entry is lost."""
    ann, jo = "ann@x.example", "joann@x.example"
    inner = pa.struct([("said", pa.list_(pa.string())), ("code", pa.string())])
    table = pa.table(
        {
            "who": pa.array([{"said": [ann, None, jo], "code": ann}, None], inner),
            "notes": pa.array([[(ann, "x"), ("Jörg Öz", ann), (jo, None)], None], pa.map_(pa.string(), pa.string())),
            "lists": pa.array([[[f"a {ann}"], None], []], pa.list_(pa.list_(pa.string()))),
            "code": pa.array([ann, ann]),
        }
    )
    named = {"who.said.element": True, "who.code": False, "notes": True, "lists.element.element": True, "code": False}
    mentions, rows = _masked(spark, table, _policy(**named))
    assert mentions == [True, False]
    assert rows[0] == {
        "who": {"said": ["[erased]", None, jo], "code": ann},
        "notes": [("[erased]", "x"), ("[erased] 2", "[erased]"), (jo, None)],
        "lists": [["a [erased]"], None],
        "code": ann,
    }
    assert rows[1] == {"who": None, "notes": None, "lists": [], "code": ann}
