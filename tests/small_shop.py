"""A shop of thirty people in two tables, and a workspace around it, for tests that rewrite tables."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from delible.lake.session import SMALL
from delible.model.terms import Regime, Right
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows.init import init_workspace
from delible.workflows.requests import approve_request, submit_requests
from policy_files import write_policies

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime.now(UTC).replace(microsecond=0)
PEOPLE = 30
LOWEST, HIGHEST = 1, PEOPLE
"""Their keys and addresses are the least and the greatest: they stand in statistics."""

ONE_COMPILER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
"""In the minutes that a JVM of the tests lives, its second compiler takes as much of two busy cores as Spark itself."""

SHORT_RUN: Mapping[str, str] = {SMALL: "true", "spark.driver.extraJavaOptions": ONE_COMPILER}
CONTROLLER = """\
controller: Small Shop
contact: privacy@small.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
  phone: {normalise: digits}
"""
PURPOSE = "purpose: support\ndescription: Answer questions.\nlegal_basis: contract\n"
CUSTOMERS = """\
table: customers
path: warehouse/customers
description: Customers.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: email, identifies: email}
  - {column: phone, identifies: phone}
columns:
  customer_id: user.unique_id
  email: {category: user.contact.email, searched: true}
  phone: {category: user.contact.phone_number, searched: true}
  made_at: user.account
readers: exclusive
"""
TICKETS = """\
table: tickets
path: warehouse/tickets
description: Tickets.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  ticket_id: system.operations
  customer_id: user.unique_id
  body: {category: user.content.private, free_text: true}
erasure:
  action: treat_columns
  columns: {customer_id: pseudonymise, body: null}
  reason: The number of tickets is kept for the statistics of the service.
readers: exclusive
"""
POLICIES: Mapping[str, str] = {
    "controller.yaml": CONTROLLER,
    "purposes/support.yaml": PURPOSE,
    "tables/customers.yaml": CUSTOMERS,
    "tables/tickets.yaml": TICKETS,
}
ONE_TABLE: Mapping[str, str] = {name: text for name, text in POLICIES.items() if "tickets" not in name}


def email(number: int) -> str:
    return f"p{number:03d}@people.example"


def phone(number: int) -> str:
    """Return a telephone number of one's own; the last but one and the one before share theirs."""
    shared = number - 1 if number == PEOPLE - 1 else number
    return f"+44 20 7946 {shared:05d}"


def customers() -> pa.Table:
    numbers = range(1, PEOPLE + 1)
    return pa.table(
        {
            "customer_id": pa.array(numbers, pa.int64()),
            "email": [email(n) for n in numbers],
            "phone": [phone(n) for n in numbers],
            "made_at": pa.array([NOW - timedelta(days=40 * n) for n in numbers], pa.timestamp("us", "UTC")),
        }
    )


def tickets() -> pa.Table:
    """Return two tickets per person; every fifth mentions the first person, and somebody with a longer address."""
    numbers = range(1, 2 * PEOPLE + 1)
    mention = f"My neighbour {email(1).upper()} says so, and x{email(1)} too; call {phone(1)}."
    return pa.table(
        {
            "ticket_id": pa.array([900 + n for n in numbers], pa.int64()),
            "customer_id": pa.array([(n - 1) % PEOPLE + 1 for n in numbers], pa.int64()),
            "body": [mention if n % 5 == 0 else f"Where is parcel {n}?" for n in numbers],
        }
    )


def make_workspace(folder: Path, policies: Mapping[str, str] = POLICIES) -> Workspace:
    init_workspace(folder, actor="tests", now=NOW)
    write_policies(folder / "policies", policies)
    set_spark(folder, SHORT_RUN)
    return open_workspace(folder)


def set_spark(folder: Path, conf: Mapping[str, str]) -> None:
    """Write Spark settings into a new workspace."""
    file = folder / CONFIG_FILE
    assert "spark: {}" in file.read_text()
    file.write_text(file.read_text().replace("spark: {}", f"spark: {json.dumps(dict(conf))}"))


def write_tables(spark: SparkSession, workspace: Workspace, names: Iterable[str] = ("customers", "tickets")) -> None:
    """Lay down the tables in two files each, with deletion vectors, change data, and properties of their own.

    Spark writes each once per session; after that a copy is as good, and a hundred times quicker.
    """
    made = {"customers": customers, "tickets": tickets}
    written = Path(str(spark.conf.get("spark.sql.warehouse.dir")).removeprefix("file:")).parent / "small-shop"
    for name in names:
        if not (written / name).exists():
            options = {
                "delta.enableDeletionVectors": "true",
                "delta.enableChangeDataFeed": "true",
                "delta.checkpointInterval": "11",
            }
            frame = spark.createDataFrame(made[name]()).repartitionByRange(2, made[name]().column_names[0])
            frame.write.format("delta").options(**options).save(str(written / name))
        # Not copy2: the files of a new table are as young as the table.
        shutil.copytree(written / name, workspace.root / "warehouse" / name, copy_function=shutil.copy)


def forget_logs(spark: SparkSession) -> None:
    """Empty Delta's cache of logs by path: a folder has been replaced by another at the same path."""
    jvm: Any = spark._jvm
    jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def approved(
    workspace: Workspace, folder: Path, *people: Mapping[str, object], right: Right = Right.ERASURE
) -> list[str]:
    """Submit and approve one request per person; the identifiers' file lies outside of the workspace."""
    file = people_file(folder, *people)
    made = submit_requests(workspace, right=right, regime=Regime.GDPR, identifiers=str(file), actor="desk", now=NOW)
    file.unlink()
    for request in made:
        approve_request(workspace, request.id, actor="officer", now=NOW)
    return [request.id for request in made]


def people_file(folder: Path, *people: Mapping[str, object]) -> Path:
    file = folder / "people.jsonl"
    file.write_text("".join(json.dumps(person) + "\n" for person in people))
    return file


def state(folder: Path) -> dict[str, str]:
    """Return the digest of every file of a workspace, but for locks, Spark's scratch, and lineage of what was tried."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "apply.lock" and not {"scratch", "lineage"} & set(path.parts)
    }
