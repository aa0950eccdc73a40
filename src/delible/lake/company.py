"""A synthetic company for the demo: eight tables of people who do not exist, on `.example` domains, with traps.

Everything is computed from a number by column expressions, so any size is made in Spark, and always the same.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

_FIRST = [
    *("Ada", "Ben", "Cleo", "Dan", "Edith", "Finn", "Gwen", "Hugo", "Iris", "Jonas"),
    *("Kira", "Leo", "Mina", "Nils", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tilda"),
]
_LAST = [
    *("Abel", "Brandt", "Costa", "Dahl", "Egger", "Falk", "Greco", "Holm"),
    *("Ivers", "Janssen", "Kern", "Lund", "Moreau", "Novak", "Ortega", "Petit", "Roth"),
]
_CITIES = [
    *("Bergen", "Cork", "Ghent", "Graz", "Linz"),
    *("Lyon", "Porto", "Siena", "Tartu", "Turku"),
]
_STORIES = (
    "The parcel came two days late and one jar was broken.",
    "Please change the delivery address of my next order.",
    "I was charged twice for the same basket.",
    "How do I cancel the spice subscription?",
    "The saffron was excellent, thank you.",
)
_VECTORS = {"delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true"}


def make_company(spark: SparkSession, warehouse: Path, *, people: int, now: datetime) -> dict[str, int]:
    """Write the eight tables into a warehouse folder; return rows per table.

    Traps: an address that is part of another's, a card that two people share, an upper-case newsletter address, other
    people's tickets that name a customer, deletion vectors and change data, an old version of the customers full of
    addresses, and the leftover of a write that failed.
    """
    frames = _frames(spark, people, F.lit(now).cast("timestamp"))
    for name, frame in frames.items():
        vectors = _VECTORS if name in ("events", "tickets", "customers") else {}
        frame.coalesce(2).write.format("delta").options(**vectors).save(str(warehouse / name))
    customers = DeltaTable.forPath(spark, str(warehouse / "customers"))
    customers.update(F.col("country") == "EU", {"country": F.lit("EEA")})
    leftover = frames["customers"].where(F.col("customer_id") < 50)  # noqa: PLR2004
    leftover.coalesce(1).write.mode("append").parquet(str(warehouse / "customers"))
    (warehouse / "customers" / "_SUCCESS").unlink(missing_ok=True)
    return {name: spark.read.format("delta").load(str(warehouse / name)).count() for name in frames}


def email_of(number: Column) -> Column:
    """Return the address of customer `number`."""
    return F.concat(F.lower(_pick(_FIRST, number, 7)), F.lit("."), number.cast("string"), F.lit("@mailbox.example"))


def _frames(spark: SparkSession, people: int, now: Column) -> dict[str, DataFrame]:
    number = F.col("id")
    customers = spark.range(1, people + 1).select(
        number.alias("customer_id"),
        email_of(number).alias("email"),
        F.concat_ws(" ", _pick(_FIRST, number, 7), _pick(_LAST, number, 11)).alias("name"),
        F.concat(F.lit("+44 20 7946 "), F.lpad(number.cast("string"), 5, "0")).alias("phone"),
        _pick(_CITIES, number, 13).alias("city"),
        F.lit("EU").alias("country"),
        F.date_sub(F.lit("2004-06-30").cast("date"), (number * 37 % 20_000).cast("int")).alias("birth_date"),
        _ago(now, number * 29 % 1_500).alias("created_at"),
    )
    owner = (number * 7 % people) + 1
    orders = spark.range(1, 2 * people + 1).select(
        (number + 100_000).alias("order_id"),
        owner.alias("customer_id"),
        (number % 9_000 / 100 + 5).cast("decimal(10,2)").alias("amount"),
        _ago(now, number * 17 % 1_400).alias("ordered_at"),
        F.when(number % 5 == 0, F.concat(F.lit("Leave it with "), _pick(_FIRST, number, 3))).alias("delivery_note"),
    )
    return {
        "customers": customers,
        "orders": orders,
        "tickets": _tickets(spark, people, now),
        "events": spark.range(1, 3 * people + 1).select(
            F.concat(F.lit("ev-"), F.lpad(number.cast("string"), 8, "0")).alias("event_id"),
            owner.alias("customer_id"),
            F.concat(F.lit("198.51.100."), (number % 254 + 1).cast("string")).alias("ip"),
            F.element_at(F.array(F.lit("login"), F.lit("view"), F.lit("basket")), (number % 3 + 1).cast("int")).alias(
                "kind"
            ),
            _ago(now, number * 5 % 480).alias("at"),
        ),
        "payment_cards": spark.range(1, people // 2 + 1).select(
            (number + 700_000).alias("card_id"), _card(number).alias("card_number"), F.lit("12/29").alias("expiry")
        ),
        "customer_cards": spark.range(1, people // 2 + 1)
        .select(number.alias("customer_id"), (number + 700_000).alias("card_id"))
        .unionByName(spark.createDataFrame([(23, 700_024), (people, 700_017)], "customer_id long, card_id long")),
        "newsletter": spark.range(1, people // 3 + 1).select(
            F.when(number % 2 == 1, F.upper(email_of(number))).otherwise(email_of(number)).alias("email"),
            _ago(now, number * 3 % 800).alias("signed_up_at"),
        ),
        "customer_stats": orders.groupBy("customer_id")
        .agg(F.count("*").alias("orders_count"), F.sum("amount").alias("total"))
        .withColumn("email", email_of(F.col("customer_id"))),
    }


def _tickets(spark: SparkSession, people: int, now: Column) -> DataFrame:
    number = F.col("id")
    own = (number * 11 % people) + 1
    mentioned = F.lit(17)
    story = _pick(list(_STORIES), number, 5)
    body = (
        F.when(
            number % 400 == 3,  # noqa: PLR2004
            F.concat(
                story,
                F.lit(" My neighbour "),
                email_of(mentioned),
                F.lit(" (+44 20 7946 00017) has the same trouble; so has anna."),
                email_of(mentioned),
                F.lit("."),
            ),
        )
        .when(number % 4 == 0, F.concat(story, F.lit(" Write to "), email_of(own), F.lit(".")))
        .otherwise(story)
    )
    return spark.range(1, people + 1).select(
        (number + 500_000).alias("ticket_id"),
        own.alias("customer_id"),
        F.concat(F.lit("Question about order "), (number + 100_000).cast("string")).alias("subject"),
        body.alias("body"),
        _ago(now, number * 13 % 1_300).alias("created_at"),
    )


def _card(number: Column) -> Column:
    return F.concat(F.lit("4000"), F.lpad((number * 999_983).cast("string"), 12, "0"))


def _pick(words: list[str], number: Column, factor: int) -> Column:
    return F.element_at(F.array(*map(F.lit, words)), (number * factor % len(words) + 1).cast("int"))


def _ago(now: Column, days: Column) -> Column:
    return now - F.make_dt_interval(days=days.cast("int"))
