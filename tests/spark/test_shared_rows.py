"""Rows that the due people share with others: counted by each path's own values, and each row once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from delible.lake.find import find
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.subject import IdentifierKind, KeyRole, KeyRow

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONTROLLER = Controller(
    controller="Test & Co",
    contact="x@test.example",
    subject="id",
    identifiers={"id": IdentifierKind(distinctive=False)},
)
ANN, BEN = 1, 2
ROWS = {
    "addresses": {"id": [ANN, BEN, BEN], "address": [10, 10, 20]},
    "cards": {"id": [ANN, BEN, BEN, ANN], "card": [20, 20, 10, 30]},
    "parcels": {
        "address": [10, None, 10, 20, None, None],
        "card": [None, 20, 20, None, 10, 30],
        "of": ["both", "both", "both, by two ways", "Ben", "Ben", "Ann"],
    },
}
"""Address 10 and card 20 are shared. Address 20 and card 10 are Ben's: as values of the other path, they mislead."""


def table(name: str, *subject: dict[str, str]) -> TablePolicy:
    columns = dict.fromkeys(ROWS[name], "user.unique_id")
    given = {"table": name, "path": f"warehouse/{name}", "description": name, "subject": subject, "columns": columns}
    return TablePolicy.model_validate(given)


def test_each_path_counts_its_own_values_and_each_row_once(spark: SparkSession, tmp_path: Path) -> None:
    own = {"column": "id", "identifies": "id"}
    paths = [{"column": c, "through": t, "matches": c} for c, t in (("address", "addresses"), ("card", "cards"))]
    tables = [table("addresses", own), table("cards", own), table("parcels", *paths)]
    frames = {}
    for name, columns in ROWS.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        frames[name] = spark.read.parquet(str(tmp_path / f"{name}.parquet"))
    policies = PolicySet(controller=CONTROLLER, tables={t.table: t for t in tables})
    found = find(spark, policies, frames, [KeyRow("R-1", "id", str(ANN), KeyRole.GIVEN)], evidence=False)
    due = found.tables["parcels"].due
    assert (due.rows, due.shared_rows) == (1, 3)
