"""The Spark filter decides thousands of random histories exactly as the pure function does."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from delible.decide.consent import FLAGS, decide
from delible.lake.consent import RANK, Question, decisions, flags_frame
from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = 3_000


def ref(number: int) -> SubjectRef:
    return SubjectRef(f"v1.{number:064x}")


def world(seed: int) -> tuple[dict[SubjectRef, set[SubjectRef]], list[ConsentRecord], dict[SubjectRef, set[Exclusion]]]:
    """Return who has which references, what everybody said, and what stands against whom."""
    draw = random.Random(seed)
    people = {ref(n): {ref(n), ref(PEOPLE + n), ref(2 * PEOPLE + n // 2)} for n in range(PEOPLE)}
    records = []
    for refs in people.values():
        for _ in range(draw.choice([0, 1, 1, 2, 3, 5])):
            records.append(
                ConsentRecord(
                    ref=draw.choice(sorted(refs)),
                    kind="email",
                    purpose=draw.choice(["training", "training", "training", "marketing"]),
                    status=draw.choice([*ConsentStatus, *[ConsentStatus.GIVEN] * 6]),
                    legal_basis=draw.choice([LegalBasis.CONSENT] * 5 + [LegalBasis.CONTRACT]),
                    notice_version="1",
                    valid_from=T0 + draw.randint(0, 6) * DAY,
                    valid_until=draw.choice([None, None, T0 + draw.randint(7, 9) * DAY]),
                    recorded_at=T0 + draw.randint(0, 6) * DAY,
                    source="form",
                )
            )
    flags: dict[SubjectRef, set[Exclusion]] = {}
    for _ in range(PEOPLE // 10):
        flags.setdefault(ref(draw.randrange(3 * PEOPLE)), set()).add(draw.choice(FLAGS))
    return people, records, flags


def records_frame(spark: SparkSession, records: list[ConsentRecord]) -> DataFrame:
    instant = pa.timestamp("us", "UTC")
    schema = pa.schema(
        [(n, pa.string()) for n in ("ref", "purpose", "status", "legal_basis")]
        + [(n, instant) for n in ("valid_from", "valid_until", "recorded_at")]
    )
    return spark.createDataFrame(pa.Table.from_pylist([r.model_dump() for r in records], schema=schema))


def test_spark_decides_as_the_rules_do(spark: SparkSession) -> None:
    people, records, flags = world(seed=20260101)
    owners: dict[SubjectRef, list[SubjectRef]] = {}
    for subject, refs in people.items():
        for each in refs:
            owners.setdefault(each, []).append(subject)
    shared = {each for each, subjects in owners.items() if len(subjects) > 1}
    identity = spark.createDataFrame(
        pd.DataFrame(
            [(r, s, r in shared) for r, ss in owners.items() for s in ss], columns=["ref", "subject", "shared"]
        )
    )
    standing = flags_frame(spark, [(r, f) for r, fs in flags.items() for f in fs])
    frame = records_frame(spark, records)
    consent, other = LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTERESTS
    questions = [
        Question("training", basis, T0 + as_of * DAY, T0 + known_at * DAY)
        for basis, as_of, known_at in ((consent, 4, 4), (consent, 8, 3), (other, 8, 6))
    ]
    asked = [
        decisions(frame, standing, identity, q).selectExpr(f"{n} AS question", "subject", "rank")
        for n, q in enumerate(questions)
    ]
    answer = reduce(lambda a, b: a.unionByName(b), asked).toArrow().to_pylist()
    decided = {(row["question"], row["subject"]): row["rank"] for row in answer}
    of_person: dict[SubjectRef, list[ConsentRecord]] = {subject: [] for subject in people}
    for each in records:
        for subject in owners[each.ref]:
            of_person[subject].append(each)
    seen = set()
    for number, question in enumerate(questions):
        for subject, refs in people.items():
            expected = decide(
                refs,
                of_person[subject],
                purpose=question.purpose,
                basis=question.basis,
                as_of=question.as_of,
                known_at=question.known_at,
                flags={f for r in refs for f in flags.get(r, ())},
                shared=shared,
            ).reason
            assert decided.get((number, subject), question.unheard) == (None if expected is None else RANK[expected])
            seen.add(expected)
    assert seen == {None, *FLAGS, Exclusion.NO_CONSENT, Exclusion.WITHDRAWN, Exclusion.EXPIRED}
