"""Rows past their period go, all others stay; months are counted as the law counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from byte_search import places
from delible.errors import BlockedError, StalePlanError
from delible.lake.retention import past_period
from delible.model.duration import Duration, after
from delible.model.retention import RetentionRule
from delible.model.terms import Regime, Right
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.holds import place_holds
from delible.workflows.requests import submit_requests
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from delta_rows import delta_rows
from policy_files import write_policies
from small_shop import NOW, ONE_TABLE, PEOPLE, email, make_workspace, people_file, phone, state, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

RULE = "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"
HELD, CURIOUS, TIMELESS = 12, 14, PEOPLE
"""Made 480, 560 and 1,200 days ago; all others from the tenth on are more than a year old, too."""
PAST = set(range(10, PEOPLE)) - {HELD, CURIOUS}

CASES = [
    ("2026-01-31T00:30:00", "P1M"),
    ("2024-01-31T00:30:00", "P1M"),
    ("2024-02-29T12:00:00", "P1Y"),
    ("2024-02-29T12:00:00", "P4Y"),
    ("2025-11-30T23:59:59.999999", "P3M"),
    ("2025-08-31T23:59:59", "P13M"),
    ("2025-12-31T00:00:00", "P2M"),
    ("2026-01-31T00:00:00", "P1M1D"),
    ("2026-03-29T00:30:00", "P2W"),
    ("2026-10-25T01:30:00", "P1D"),
    ("2026-11-01T05:30:00", "P1M"),
    ("1969-12-31T23:59:59.000001", "P70Y"),
]


@pytest.fixture
def workspace(spark: SparkSession, tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "shop", ONE_TABLE)
    write_policies(made.root / "policies", {"retention/accounts.yaml": RULE})
    write_tables(spark, made, ["customers"])
    spark.sql(f"UPDATE delta.`{made.root}/warehouse/customers` SET made_at = NULL WHERE customer_id = {TIMELESS}")
    return made


def rows(workspace: Workspace) -> dict[int, tuple[object, ...]]:
    return {row["customer_id"]: tuple(row.values()) for row in delta_rows(workspace.root / "warehouse" / "customers")}


def test_what_is_past_its_period_goes_and_what_is_held_stays(
    workspace: Workspace, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delible.workflows.removal.WRITERS_HOURS", 0)  # others write between plan and run
    held = str(people_file(tmp_path, {"phone": phone(HELD)}))
    place_holds(workspace, identifiers=held, reason="claim 7", owner="legal", actor="tests", now=NOW)
    curious = str(people_file(tmp_path, {"email": email(CURIOUS).upper()}))
    submit_requests(workspace, right=Right.ACCESS, regime=Regime.GDPR, identifiers=curious, actor="tests", now=NOW)
    unchanged = state(workspace.root)
    plan = plan_due_retention(workspace, now=NOW, immediate=True)
    assert state(workspace.root) == unchanged
    [step] = plan.tables
    assert (step.rule, step.rows, step.held_rows) == ("accounts", len(PAST), 2)
    others_write(spark, workspace)
    before = rows(workspace)
    assert len(before) == PEOPLE + 1
    told: list[str] = []
    done = apply_retention(workspace, plan, actor="tests", now=NOW, progress=told.append)
    assert "counting again: others have written to customers" in told
    assert [(t.rows, t.state) for t in done.tables] == [(len(PAST), "erased")]
    assert rows(workspace) == {n: row for n, row in before.items() if n not in PAST}
    assert places(workspace.root, texts=[email(n) for n in PAST], keys={"customer_id": PAST}) == []
    merged = [r for r in Control(workspace).ledger.records() if r.action == "retention.merge" and r.outcome == "done"]
    assert [(r.counts["rows"], r.counts["held_rows"]) for r in merged] == [(len(PAST), 2)]
    again = apply_retention(workspace, plan, actor="tests", now=NOW + timedelta(days=400))
    assert [t.rows for t in again.tables] == [len(PAST)]
    assert len(rows(workspace)) == PEOPLE + 1 - len(PAST)


def others_write(spark: SparkSession, workspace: Workspace) -> None:
    """Append a row that is not due, and compact the table."""
    table = f"delta.`{workspace.root}/warehouse/customers`"
    spark.sql(f"INSERT INTO {table} SELECT 99, 'new@people.example', NULL, now()")
    spark.sql(f"OPTIMIZE {table}")


PHONES = """\
retention: phones
table: customers
clock: made_at
keep: P6M
action: treat_columns
columns: {phone: null}
reason: Nobody is called after half a year.
"""


def test_two_rules_on_one_table_share_what_acts_on_the_whole_of_it(workspace: Workspace) -> None:
    write_policies(workspace.root / "policies", {"retention/phones.yaml": PHONES})
    plan = plan_due_retention(workspace, now=NOW, immediate=True)
    assert plan.estimate is not None
    assert [s.rule for s in plan.tables if s.rows] == ["accounts", "phones"]
    assert [bool(c.removal_seconds.high) for c in plan.estimate.tables] == [True, False]
    done = apply_retention(workspace, plan, actor="tests", now=NOW)
    assert {(t.state, t.version) for t in done.tables} == {("erased", done.tables[0].version)}
    assert [each.far for each in done.compared] == [(), ()]
    records = [r for r in Control(workspace).ledger.records(action_prefix="retention.") if r.outcome == "done"]
    for stage in ("purge", "vacuum", "expire_log"):
        assert [r.detail.get("with") for r in records if r.action == f"retention.{stage}"] == [
            None,
            "customers/accounts",
        ]
    left = rows(workspace)
    gone = set(range(10, PEOPLE))
    assert set(left) == set(range(1, PEOPLE + 1)) - gone
    silent = {n for n, row in left.items() if row[2] is None}
    assert silent == set(range(5, 10)), "made more than half a year ago"
    assert places(workspace.root, texts=[*map(email, gone), *map(phone, silent)], keys={"customer_id": gone}) == []


def test_a_plan_is_stale_after_its_table_moved(workspace: Workspace, spark: SparkSession) -> None:
    plan = plan_due_retention(workspace, now=NOW, immediate=True)
    spark.sql(f"UPDATE delta.`{workspace.root}/warehouse/customers` SET made_at = now() WHERE customer_id = 11")
    unchanged = state(workspace.root)
    with pytest.raises(StalePlanError):
        apply_retention(workspace, plan, actor="tests", now=NOW)
    assert state(workspace.root) == unchanged


def test_windows_of_a_table_with_other_readers_are_not_closed(workspace: Workspace) -> None:
    policy = workspace.root / "policies/tables/customers.yaml"
    policy.write_text(policy.read_text().replace("readers: exclusive", "readers: shared"))
    with pytest.raises(BlockedError) as caught:
        plan_due_retention(workspace, now=NOW, immediate=True)
    assert (caught.value.code, caught.value.where) == ("readers.shared", "table:customers")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamp_ntz"])
def test_periods_end_as_the_law_counts_them_in_any_time_zone(zone: str, kind: str, spark: SparkSession) -> None:
    clocks = [datetime.fromisoformat(clock).replace(tzinfo=UTC) for clock, _ in CASES]
    suffix = "Z" if kind == "timestamp" else ""
    stored = [F.lit(f"{clock}{suffix}").cast(kind).alias(f"c{i}") for i, (clock, _) in enumerate(CASES)]
    frame = spark.range(1).select(*stored)
    assert frame.schema["c0"].dataType.simpleString() == kind
    past = []
    for i, (clock, (_, period)) in enumerate(zip(clocks, CASES, strict=True)):
        rule = RetentionRule(retention="r", table="t", clock=f"c{i}", keep=Duration(period), reason="Law.")
        ends = after(clock, rule.keep)
        past += [past_period(frame, rule, ends), past_period(frame, rule, ends - timedelta(microseconds=1))]
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        answer = list(frame.select(*[p.alias(str(i)) for i, p in enumerate(past)]).collect()[0])
    finally:
        spark.conf.set("spark.sql.session.timeZone", str(before))
    assert answer == [True, False] * len(CASES)


def test_a_date_ends_with_its_last_hour_and_no_clock_never(spark: SparkSession) -> None:
    frame = spark.createDataFrame(pa.table({"day": pa.array([datetime(2026, 1, 31, tzinfo=UTC).date(), None])}))
    rule = RetentionRule(retention="r", table="t", clock="day", keep=Duration("P1M"), reason="Law.")
    ends = datetime(2026, 3, 1, tzinfo=UTC)
    for as_of, count in ((ends, 1), (ends - timedelta(microseconds=1), 0), (datetime(9999, 1, 1, tzinfo=UTC), 1)):
        assert frame.where(past_period(frame, rule, as_of)).count() == count
        assert frame.where(~F.coalesce(past_period(frame, rule, as_of), F.lit(True))).count() == 2 - count
