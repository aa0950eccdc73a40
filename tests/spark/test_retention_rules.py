"""Several rules on one table: clocks started by events elsewhere, duties, and what stays of a row."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byte_search import places
from delible.decide.expressions import evaluate
from delible.decide.retention import Covering, Standing, standing
from delible.errors import BlockedError
from delible.lake import retention as lake
from delible.lake.constraints import broken_by_rule
from delible.lake.facts import table_facts
from delible.lake.retention import Counted, Judging, count_rules, retain
from delible.model.policy import TablePolicy
from delible.model.retention import EventClock, RetentionRule
from delible.store.workspace import Workspace
from delible.workflows.holds import place_holds
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from delta_rows import delta_rows
from policy_files import write_policies
from small_shop import NOW, POLICIES, email, make_workspace, people_file, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

PADS = (b"\x36" * 64, b"\x5c" * 64)
AS_OF = datetime(2026, 6, 30, 12, tzinfo=UTC)
POLICY = TablePolicy.model_validate(
    {
        "table": "orders",
        "path": "warehouse/orders",
        "description": "Orders.",
        "subject": [{"column": "customer_id", "identifies": "customer_id"}],
        "columns": {"customer_id": "user.unique_id", "at": "user.behavior"},
    }
)


def rule(name: str, **changes: Any) -> RetentionRule:
    given = {"retention": name, "table": "orders", "clock": "at", "keep": "P2Y", "reason": "Law.", **changes}
    return RetentionRule.model_validate(given)


LAST_VISIT = {"table": "visits", "column": "seen", "key": "customer_id", "matches": "person"}
RULES = (
    rule("all", keep="P3Y"),
    rule("quiet", clock=LAST_VISIT, keep="P1Y"),
    rule("signed", clock={**LAST_VISIT, "take": "first", "otherwise": "at"}, keep="P2Y", where="kind = 'free'"),
    rule("tax", keep="P10Y", where="amount > 100", duty={
        "law": "Tax law", "at_least": "P8Y", "columns": ["at", "amount"]}),
    rule("notes", keep="P30D", action="treat_columns", columns={"note": None, "customer_id": "pseudonymise"}),
    rule("books", keep="P1Y", action="treat_columns", columns={"kind": None}, duty={
        "law": "Books", "at_least": "P2Y", "columns": ["kind"]}),
    rule("sums", keep="P2Y", action="aggregate", aggregate={
        "by": {"at": {"generalise": "month"}}, "measures": {"amount": "sum"}}, where="kind = 'paid'"),
)  # fmt: skip

SCHEMA = pa.schema(
    {
        "customer_id": pa.int64(),
        "at": pa.timestamp("us", "UTC"),
        "kind": pa.string(),
        "amount": pa.decimal128(10, 2),
        "note": pa.string(),
    }
)


def ago(days: int) -> datetime:
    return AS_OF - timedelta(days=days)


ROWS: list[dict[str, Any]] = [
    {"customer_id": person, "at": at, "kind": kind, "amount": amount, "note": note}
    for person in (1, 2, 3, -4, None)
    for at in (ago(10), ago(400), ago(800), ago(1200), ago(3700), None)
    for kind, amount, note in (
        ("free", Decimal("5.00"), "x"),
        ("paid", Decimal("500.00"), None),
        ("paid", Decimal("50.00"), "z"),
        (None, None, "y"),
    )
]
VISITS = [{"person": 1, "seen": ago(20)}, {"person": 1, "seen": ago(900)}, {"person": 2, "seen": ago(500)}]
HELD = {3}


def covering(row: dict[str, Any]) -> list[Covering]:
    """Return what the pure rules need to know of a row."""
    found = []
    for each in RULES:
        start = row["at"]
        if isinstance(each.clock, EventClock):
            seen = [v["seen"] for v in VISITS if v["person"] == row["customer_id"]]
            start = (max if each.clock.take == "last" else min)(seen) if seen else None
            if start is None and each.clock.otherwise:
                start = row["at"]
        covers = evaluate(each.where, row) if each.where else True
        done = {
            "notes": row["note"] is None and (row["customer_id"] is None or row["customer_id"] < 0),
            "books": row["kind"] is None,
        }.get(each.retention, False)
        found.append(Covering(each, start, covers, done))
    return found


@pytest.fixture(scope="module")
def judging(spark: SparkSession) -> Judging:
    visits = spark.createDataFrame(pa.Table.from_pylist(VISITS))
    held = spark.createDataFrame(pa.table({"customer_id": sorted(HELD)}))
    return Judging(POLICY, RULES, AS_OF, {"visits": visits}, held)


def test_spark_and_the_pure_rules_stand_alike_on_every_row(spark: SparkSession, judging: Judging) -> None:
    numbered = [{**row, "n": n} for n, row in enumerate(ROWS)]
    frame = spark.createDataFrame(pa.Table.from_pylist(numbered, schema=SCHEMA.append(pa.field("n", pa.int64()))))
    rows = lake.with_held(lake.with_events(frame, RULES, judging.events), judging)
    judged = rows.select("n", *[lake.standing(rows, r, judging, rows["__held"]).alias(r.retention) for r in RULES])
    answers = {row["n"]: row.asDict() for row in judged.collect()}
    seen = set()
    for n, row in enumerate(ROWS):
        known = covering(row)
        for each in known:
            expected = standing(each, known, held=row["customer_id"] in HELD, now=AS_OF) if each.covers else None
            assert answers[n][each.rule.retention] == expected, (row, each.rule.retention)
            seen.add(expected)
    assert len(seen) == 8  # every standing, and none


@pytest.fixture(scope="module")
def orders(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one table of all the rows, of which every rule gets a copy."""
    place = tmp_path_factory.mktemp("rules") / "orders"
    numbered = [{**row, "note": f"{row['note']}{n}" if row["note"] else None, "n": n} for n, row in enumerate(ROWS)]
    frame = spark.createDataFrame(pa.Table.from_pylist(numbered, schema=SCHEMA.append(pa.field("n", pa.int64()))))
    frame.repartitionByRange(2, "n").write.format("delta").save(str(place))
    return place


@pytest.fixture(scope="module")
def counts(spark: SparkSession, judging: Judging, orders: Path) -> Mapping[str, Counted]:
    return count_rules(spark.read.format("delta").load(str(orders)), judging)


@pytest.fixture(scope="module")
def before(spark: SparkSession, orders: Path) -> Mapping[int, dict[str, Any]]:
    return {row["n"]: row for row in delta_rows(orders)}


@pytest.mark.parametrize("each", RULES, ids=lambda r: r.retention)
def test_a_rule_touches_the_rows_that_it_was_counted_on_and_no_other(
    each: RetentionRule,
    spark: SparkSession,
    judging: Judging,
    orders: Path,
    counts: Mapping[str, Counted],
    before: Mapping[int, dict[str, Any]],
    tmp_path: Path,
) -> None:
    place = str(shutil.copytree(orders, tmp_path / "orders"))
    counted = counts[each.retention]
    due = {
        n for n, row in enumerate(ROWS)
        for known in [covering(row)] for c in known
        if c.rule == each and c.covers
        and standing(c, known, held=row["customer_id"] in HELD, now=AS_OF) == "due"
    }  # fmt: skip
    assert counted.rows == len(due)
    assert due or each.retention == "tax", "only this rule has a shorter one before it on every row"
    retain(spark, place, each, judging, PADS)
    after = delta_rows(place)
    stayed = {row["n"]: row for row in after if row["n"] is not None}
    assert {n: row for n, row in stayed.items() if n not in due} == {n: r for n, r in before.items() if n not in due}
    if each.removes_rows:
        assert set(stayed) == set(before) - due
    else:
        assert set(stayed) == set(before)
    if each.retention == "notes":
        people = {stayed[n]["customer_id"] for n in due}
        assert all(stayed[n]["note"] is None for n in due)
        assert all(p is None or p < 0 for p in people)
        by_person = {before[n]["customer_id"]: stayed[n]["customer_id"] for n in due}
        assert len(set(by_person.values())) == len(by_person)
        assert by_person.get(-4, -4) == -4
    if each.retention == "sums":
        sums = [row for row in after if row["n"] is None]
        assert sum(row["amount"] for row in sums) == sum(before[n]["amount"] for n in due)
        assert {row["at"].day for row in sums} == {1}
        assert all(row["customer_id"] is None and row["note"] is None for row in sums)
    rows = lake.with_events(spark.read.format("delta").load(place), RULES, judging.events)
    held = lake.with_held(rows, judging)
    due_again = held.where(lake.standing(held, each, judging, held["__held"]) == Standing.DUE.value)
    assert due_again.count() == 0, "the rule finds nothing more to do in its own result"


def test_what_a_constraint_forbids_is_known_before_and_no_row_is_printed(
    spark: SparkSession, judging: Judging, orders: Path, tmp_path: Path
) -> None:
    place = str(shutil.copytree(orders, tmp_path / "orders"))
    spark.sql(
        f"ALTER TABLE delta.`{place}` ADD CONSTRAINT noted CHECK (note IS NOT NULL OR amount > 400 OR kind IS NULL)"
    )
    spark.sql(f"ALTER TABLE delta.`{place}` ADD CONSTRAINT known CHECK (n >= 0)")
    constraints = table_facts(spark, place, table="orders").constraints
    frame = spark.read.format("delta").load(place)
    broken = {r.retention: broken_by_rule(frame, r, judging, constraints) for r in RULES}
    assert {name: each for name, each in broken.items() if each} == {"notes": ["noted"], "sums": ["known"]}

    jvm: Any = spark._jvm
    with open(f"/proc/{jvm.java.lang.ProcessHandle.current().pid()}/fd/2", "rb") as printed:
        assert stat.S_ISREG(os.fstat(printed.fileno()).st_mode), "pytest takes what is printed into a file"
        printed.seek(0, os.SEEK_END)
        for each in (r for r in RULES if broken[r.retention]):
            with pytest.raises(BlockedError, check=lambda e: e.code == "erasure.constraint"):
                retain(spark, place, each, judging, PADS)
        told = printed.read().decode()
    assert "violated" not in told
    assert "Exception" not in told


WHERE = [
    "n = 5",
    "n > 5 OR k IS NULL",
    "NOT (k = 'a')",
    "k IN ('a', NULL)",
    "k LIKE 'a%' AND n < 9",
    "n BETWEEN 2 AND 7",
    "coalesce(k, 'z') = 'z'",
    "k <=> NULL",
    "NOT (n > 3 AND k = 'a')",
    "lower(k) = 'a'",
    "n * 2 - 1 >= 9",
    "k NOT IN ('a', 'b')",
    "at < TIMESTAMP '2024-03-01T00:00:00Z'",
    "day = DATE '2024-02-29'",
    "day < '2024-03-01'",
    "year(day) = 2024",
]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_conditions_mean_the_same_without_spark(spark: SparkSession, zone: str, request: pytest.FixtureRequest) -> None:
    before = str(spark.conf.get("spark.sql.session.timeZone"))
    request.addfinalizer(lambda: spark.conf.set("spark.sql.session.timeZone", before))
    spark.conf.set("spark.sql.session.timeZone", zone)
    rows = [
        {"n": n, "k": k, "at": at, "day": at.date() if at else None}
        for n in (None, 1, 5, 8)
        for k in (None, "a", "A", "abc", "b")
        for at in (None, datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))
    ]
    schema = pa.schema({"n": pa.int64(), "k": pa.string(), "at": pa.timestamp("us", "UTC"), "day": pa.date32()})
    frame = spark.createDataFrame(pa.Table.from_pylist(rows, schema=schema)).coalesce(1)
    answers = frame.selectExpr(*[f"{text} AS c{i}" for i, text in enumerate(WHERE)]).collect()
    assert len(answers) == len(rows)
    for row, answer in zip(rows, answers, strict=True):
        assert [evaluate(text, row) for text in WHERE] == list(answer), row


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["year", "quarter", "month", "week", "day"]), st.sampled_from(["UTC", "Pacific/Auckland"]))
def test_times_are_generalised_by_utc_in_any_zone(spark: SparkSession, unit: str, zone: str) -> None:
    from pyspark.sql import functions as F

    from delible.lake.retained import generalised

    frame = spark.createDataFrame(pa.table({"at": pa.array([datetime(2026, 3, 31, 23, 30, tzinfo=UTC)])}))
    starts = {"year": (1, 1), "quarter": (1, 1), "month": (3, 1), "week": (3, 30), "day": (3, 31)}
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        made = frame.select(F.unix_seconds(generalised(F.col("at"), unit, frame.schema["at"].dataType))).first()
    finally:
        spark.conf.set("spark.sql.session.timeZone", str(before))
    assert made is not None
    assert made[0] == int(datetime(2026, *starts[unit], tzinfo=UTC).timestamp())


LEFT = """\
retention: quiet_accounts
table: customers
clock: {table: tickets, column: opened, key: customer_id, otherwise: made_at}
keep: P6M
reason: Accounts without a question for half a year.
"""
TEXTS = """\
retention: texts
table: tickets
clock: opened
keep: P9M
action: treat_columns
columns: {body: null, customer_id: pseudonymise}
reason: Texts are not needed after nine months.
"""


@pytest.fixture
def workspace(spark: SparkSession, tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "shop", POLICIES)
    tickets = POLICIES["tables/tickets.yaml"].replace("  body: {", "  opened: user.behavior\n  body: {")
    write_policies(
        made.root / "policies",
        {"retention/left.yaml": LEFT, "retention/texts.yaml": TEXTS, "tables/tickets.yaml": tickets},
    )
    write_tables(spark, made)
    place = f"{made.root}/warehouse/tickets"
    spark.sql(f"ALTER TABLE delta.`{place}` ADD COLUMN opened TIMESTAMP")
    # Ticket 900 + n is n * 10 days old, and the person's later ticket the older one.
    spark.sql(f"UPDATE delta.`{place}` SET opened = TIMESTAMP '{NOW.isoformat()}' - make_dt_interval("
              "CAST((ticket_id - 900) * 10 AS INT))")  # fmt: skip
    return made


def test_accounts_go_some_time_after_the_last_event_elsewhere(
    workspace: Workspace, spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(BlockedError, match="policies break") as caught:
        plan_due_retention(workspace, now=NOW, immediate=True)
    assert [p.code for p in caught.value.problems] == ["policy.clock_treated"]
    path = workspace.root / "policies/retention/texts.yaml"
    path.write_text(TEXTS.replace(", customer_id: pseudonymise", ""))
    place_holds(
        workspace, identifiers=str(people_file(tmp_path, {"email": email(30)})), reason="claim", owner="legal",
        actor="tests", now=NOW,
    )  # fmt: skip
    plan = plan_due_retention(workspace, now=NOW, immediate=True)
    steps = {step.rule: step for step in plan.tables}
    # The last ticket of person n is n * 10 days old: from the 19th on it is more than six months ago.
    assert (steps["quiet_accounts"].rows, steps["quiet_accounts"].held_rows) == (11, 1)
    assert steps["quiet_accounts"].standings == {"due": 11, "held": 1, "not_yet": 18}
    assert (steps["texts"].action, steps["texts"].standings["held"]) == ("treat_columns", 2)
    done = apply_retention(workspace, plan, actor="tests", now=NOW)
    assert {t.step.table: t.rows for t in done.tables} == {"customers": 11, "tickets": steps["texts"].rows}
    assert {r["customer_id"] for r in delta_rows(f"{workspace.root}/warehouse/customers")} == {*range(1, 19), 30}
    texts = {r["ticket_id"]: r["body"] for r in delta_rows(f"{workspace.root}/warehouse/tickets")}
    held = {930, 960}
    assert {n for n, body in texts.items() if body is None} == {n for n in texts if n > 927} - held
    assert places(workspace.root, texts=[email(n) for n in range(19, 30)], keys={}) == []
    assert plan_due_retention(workspace, now=NOW, immediate=True).tables[0].rows == 0
