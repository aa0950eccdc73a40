"""One table per Delta feature: erased without a byte left, with everybody else's rows as they were, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.errors import BlockedError
from delible.lake.description import physical_names
from delible.lake.facts import table_facts
from delible.model.terms import RequestState
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from small_shop import CONTROLLER, NOW, PURPOSE, approved, forget_logs, make_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = pytest.mark.spark

DUE, PEOPLE = 1, 6
EMAIL, OTHERS = "f1@feature.example", "xf1@feature.example"
CONTROLLER_HERE = CONTROLLER.replace("  phone: {normalise: digits}\n", "")
TREATED = "{customer_id: pseudonymise, email: null}"


@dataclass(frozen=True)
class Featured:
    """A table with a feature.

    Args:
        columns: Beside `customer_id` and `email`, as SQL declares them.
        values: What these hold, as SQL over `id` and `email`.
        after: Statements on the table once it has rows.
        erased: What `erasure.columns` says; nothing for deleted rows.
        meaning: Lines of `columns` for the other columns.
    """

    columns: str = ""
    values: str = ""
    properties: str = "'delta.checkpointInterval' = '3'"
    layout: str = ""
    key: str = "BIGINT"
    after: tuple[str, ...] = ()
    erased: str = ""
    meaning: tuple[str, ...] = ()
    conf: dict[str, str] = field(default_factory=dict)


MENTION = f"CASE WHEN id = 3 THEN 'so says F1@feature.example, not {OTHERS}' ELSE 'nothing' END"
TEXT = "{category: user.content.private, free_text: true}"
MAPPED_NOW = (
    "ALTER TABLE {t} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', "
    "'delta.minWriterVersion' = '5')"
)
TABLES = {
    "checked": Featured(
        columns="amount INT NOT NULL",
        values="CAST(id AS INT)",
        after=("ALTER TABLE {t} ADD CONSTRAINT c CHECK (amount > 0)",),
        erased=TREATED,
        meaning=("amount: system.operations",),
    ),
    "tracked": Featured(
        properties="'delta.enableRowTracking' = 'true', 'delta.enableDeletionVectors' = 'true'", erased=TREATED
    ),
    "sidecars": Featured(
        properties="'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '1'",
        conf={"spark.databricks.delta.checkpoint.partSize": "1"},
    ),
    "widened": Featured(
        properties="'delta.enableTypeWidening' = 'true'",
        key="INT",
        after=("ALTER TABLE {t} ALTER COLUMN customer_id TYPE BIGINT",),
        erased=TREATED,
    ),
    "defaults": Featured(
        columns="kind STRING",
        values="'web'",
        properties="'delta.feature.allowColumnDefaults' = 'supported'",
        after=("ALTER TABLE {t} ALTER COLUMN kind SET DEFAULT 'shop'",),
        meaning=("kind: system.operations",),
    ),
    "timed": Featured(
        columns="at TIMESTAMP_NTZ",
        values="TIMESTAMP_NTZ'2026-01-01'",
        properties="'delta.enableInCommitTimestamps' = 'true', 'delta.enableChangeDataFeed' = 'true'",
        erased=TREATED,
        meaning=("at: system.operations",),
    ),
    "variant": Featured(
        columns="v VARIANT",
        values="""parse_json(concat('{"mail": "', email, '", "n": ', id, '}'))""",
        properties="'delta.enableDeletionVectors' = 'true'",
        meaning=("v: system.operations",),
    ),
    "upgraded": Featured(
        columns="kind STRING",
        values="'web'",
        meaning=("kind: system.operations",),
        layout="PARTITIONED BY (customer_id, email)",
        after=(
            MAPPED_NOW,
            "ALTER TABLE {t} RENAME COLUMN email TO other",
            "ALTER TABLE {t} RENAME COLUMN other TO email",
        ),
        erased=TREATED,
    ),
    "numbered": Featured(properties="'delta.columnMapping.mode' = 'id'", layout="CLUSTER BY (email)"),
    "nested": Featured(
        columns="who STRUCT<customer_id: BIGINT, email: STRING, city: STRING>",
        values="named_struct('customer_id', id, 'email', email, 'city', 'Delft')",
        after=(MAPPED_NOW, "ALTER TABLE {t} DROP COLUMNS (customer_id, email)"),
        erased="{who.customer_id: pseudonymise, who.email: null}",
        meaning=(
            "who.customer_id: user.unique_id",
            "who.email: {category: user.contact.email, searched: true}",
            "who.city: system.operations",
        ),
    ),
    "texts": Featured(
        columns="told MAP<STRING, STRUCT<said: ARRAY<STRING>>>, page STRING, doc STRING",
        values=(
            f"map({MENTION}, named_struct('said', array({MENTION}, NULL)), 'k', NULL), "
            f"""concat('<a b="1"><c>', {MENTION}, '</c></a>'), """
            f"""concat('[{{"t": "', {MENTION}, '"}}, {{"who": "f1\\\\u0040feature.example", "n": 1}}]')"""
        ),
        meaning=(f"told: {TEXT}", f"page: {TEXT}", f"doc: {TEXT}"),
    ),
}
REFUSED = {
    "broken": Featured(
        after=("ALTER TABLE {t} ADD CONSTRAINT has_mail CHECK (email LIKE '%@%' OR customer_id = 2)",), erased=TREATED
    )
}


def _policy(name: str, table: Featured, erased: str) -> str:
    nested = name == "nested"
    lines = [
        f"table: {name}\npath: warehouse/{name}\ndescription: A feature.\npurposes: [support]\nreaders: exclusive",
        f"subject:\n  - {{column: {'who.' if nested else ''}customer_id, identifies: customer_id}}",
        "columns:",
    ]
    own = ("customer_id: user.unique_id", "email: {category: user.contact.email, searched: true}")
    lines += [f"  {each}" for each in (*(() if nested else own), *table.meaning)]
    if erased:
        lines.append(f"erasure:\n  action: treat_columns\n  reason: Counts.\n  columns: {erased}")
    return "\n".join(lines) + "\n"


def _policies() -> Iterator[tuple[str, str]]:
    yield "controller.yaml", CONTROLLER_HERE
    yield "purposes/support.yaml", PURPOSE
    for name, table in (TABLES | REFUSED).items():
        yield f"tables/{name}.yaml", _policy(name, table, table.erased)


def _make(spark: SparkSession, folder: Path, name: str, table: Featured) -> None:
    at = f"delta.`{folder / name}`"
    columns = f"customer_id {table.key}, email STRING{', ' + table.columns if table.columns else ''}"
    spark.sql(f"CREATE TABLE {at} ({columns}) USING delta {table.layout} TBLPROPERTIES ({table.properties})")
    chosen = f"CAST(id AS {table.key}), email{', ' + table.values if table.values else ''}"
    people = f"SELECT id, concat('f', id, '@feature.example') AS email FROM range(1, {PEOPLE + 1})"
    for part in (0, 1):
        spark.sql(f"INSERT INTO {at} SELECT {chosen} FROM ({people}) WHERE id % 2 = {part}")
    for statement in table.after:
        spark.sql(statement.format(t=at))


def _rows(spark: SparkSession, folder: Path, name: str) -> list[dict[str, Any]]:
    frame = spark.read.format("delta").load(str(folder / name))
    shown = frame.selectExpr(*("to_json(v) AS v" if c == "v" else f"`{c}`" for c in frame.columns))
    return sorted(shown.toArrow().to_pylist(), key=str)


def _is_due(row: dict[str, Any]) -> bool:
    return bool((row.get("who") or row)["customer_id"] == DUE)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(" F1@feature.example", " [erased]").replace("f1\\u0040feature.example", "[erased]")
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    return type(value)(map(_masked, value)) if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("features") / "shop", dict(_policies()))
    for name, table in (TABLES | REFUSED).items():
        for key, value in table.conf.items():
            spark.conf.set(key, value)
        _make(spark, workspace.root / "warehouse", name, table)
        for key in table.conf:
            spark.conf.unset(key)
    return workspace


def test_tables_with_features_are_erased_to_the_last_byte(spark: SparkSession, shop: Workspace, tmp_path: Path) -> None:
    warehouse = shop.root / "warehouse"
    assert list(warehouse.glob("sidecars/_delta_log/_sidecars/*.parquet"))
    assert len([c for c in (warehouse / "upgraded").iterdir() if c.name.startswith("customer_id=")]) == PEOPLE
    [request] = approved(shop, tmp_path, {"customer_id": DUE})
    with pytest.raises(BlockedError, match=r"of table 'broken'.* constraint 'has_mail'") as refused:
        plan_due_erasures(shop, now=NOW, immediate=True)
    assert refused.value.code == "erasure.constraint"
    (shop.root / "policies" / "tables" / "broken.yaml").write_text(_policy("broken", REFUSED["broken"], ""))

    before = {name: _rows(spark, warehouse, name) for name in TABLES | REFUSED}
    for name in before:
        assert places(warehouse / name, texts=[EMAIL]), name
    planned = plan_due_erasures(shop, now=NOW, immediate=True)
    apply_erasure(shop, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert Control(shop).requests.get(request).state is RequestState.COMPLETED
    assert places(shop.root, texts=[EMAIL]) == []
    forget_logs(spark)
    for name, old in before.items():
        stored = physical_names(str(warehouse / name))
        column = "who.customer_id" if name == "nested" else "customer_id"
        last = stored.get(column, column).rpartition(".")[2]
        assert places(warehouse / name, keys={"customer_id": {DUE}, last: {DUE}}) == [], name
        kept = sorted((_masked(row) for row in old if not _is_due(row)), key=str)
        new = _rows(spark, warehouse, name)
        treated = [row for row in new if (row.get("who") or row)["customer_id"] < 0]
        others = [row for row in new if row not in treated]
        assert [_shown(row) for row in others] == [_shown(row) for row in kept], name
        assert len(treated) == bool((TABLES | REFUSED)[name].erased and name != "broken"), name
        assert all((row.get("who") or row)["email"] is None for row in treated), name


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the layout of a JSON document: where it was escaped, masking spells it anew."""
    return row | {"doc": json.loads(row["doc"])} if "doc" in row else row


def test_facts_tell_of_constraints_and_computed_columns(spark: SparkSession, tmp_path: Path) -> None:
    from delta.tables import DeltaTable, IdentityGenerator

    location = str(tmp_path / "t")
    (
        DeltaTable.create(spark)
        .location(location)
        .addColumn("email", "STRING", nullable=False)
        .addColumn("domain", "STRING", generatedAlwaysAs="substring_index(email, '@', -1)")
        .addColumn("number", "BIGINT", generatedAlwaysAs=IdentityGenerator())
        .execute()
    )
    spark.sql(f"ALTER TABLE delta.`{location}` ADD CONSTRAINT c CHECK (email LIKE '%@%')")
    facts = table_facts(spark, location, table="t")
    assert (facts.required, facts.computed) == (("email",), ("domain", "number"))
    assert facts.constraints == {"c": "email LIKE '%@%'"}
