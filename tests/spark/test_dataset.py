"""A release holds only the rows of people who may be used, treated, and the same bytes every time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_world import T0, World, rows, shop, tickets
from delible.errors import InputError
from delible.lake.identity import identity
from delible.model.policy import PolicySet
from delible.model.terms import Exclusion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def world(spark: SparkSession, tmp_path: Path) -> World:
    return World(spark, tmp_path)


def test_every_row_is_out_or_counted_under_one_reason(world: World) -> None:
    people = range(1, 11)
    world.tables["customers"] = {
        "customer_id": list(people),
        "email": [f"P{n}@Shop.example" for n in people],
        "phone": [f"+49 30 {n:03}" for n in people],
    }
    tickets(world, [*people, *people, None, 99, 1])
    for n in people:
        world.consents.append(("email", f"p{n}@shop.example", "training", "given", 1))
    world.consents += [
        ("phone", "+4930002", "training", "withdrawn", 2),
        ("customer_id", "3", "training", "withdrawn", 0),
        ("customer_id", "4", "other", "withdrawn", 2),
    ]
    world.flags += [
        ("email", "p5@shop.example", Exclusion.SUPPRESSED),
        ("customer_id", "6", Exclusion.ERASURE_REQUESTED),
        ("phone", "+4930007", Exclusion.RESTRICTED),
        ("email", "p8@shop.example", Exclusion.OBJECTED),
        ("email", "p9@shop.example", Exclusion.OPTED_OUT),
        ("email", "p9@shop.example", Exclusion.OBJECTED),
    ]
    found, folder = world.cut(shop(where="ticket_id < 22"))
    assert found.excluded == {
        "condition": 1,
        "no_subject": 1,
        "no_consent": 1,
        "withdrawn": 2,
        "suppressed": 2,
        "erasure_requested": 2,
        "restricted": 2,
        "objected": 4,
    }
    assert found.rows_in == 23 == found.rows_out + sum(found.excluded.values())
    out = [row for part in rows(folder).values() for row in part]
    kept = {1, 3, 4, 10}
    assert {row["subject"] for row in out} == {f"subject {n - 1 + 10 * k}" for n in kept for k in (0, 1)}
    assert found.members == len(kept)
    index = pq.read_table(folder / "subject_index.parquet").to_pydict()
    expected = {
        world.ref(kind, value): world.ref("customer_id", str(n))
        for n in kept
        for kind, value in [("customer_id", str(n)), ("email", f"p{n}@shop.example"), ("phone", f"+4930{n:03}")]
    }
    assert dict(zip(index["ref"], index["subject"], strict=True)) == expected
    assert index["ref"] == sorted(index["ref"])


def test_treatments(world: World) -> None:
    tickets(world, [1] * 30)
    world.consents.append(("customer_id", "1", "training", "given", 1))
    found, folder = world.cut(shop())
    assert [f.path for f in found.files][-1] == "subject_index.parquet"
    (out,) = rows(folder).values()
    assert set(out[0]) == {"ticket_id", "subject", "stars", "at"}
    by_subject = {row["subject"]: row for row in out}
    assert len({row["ticket_id"] for row in out}) == 30
    assert all(len(row["ticket_id"]) == 64 for row in out)
    assert by_subject["subject 7"]["stars"] is None
    assert by_subject["subject 1"]["stars"] == -20
    assert by_subject["subject 6"]["stars"] == -10
    assert by_subject["subject 15"]["stars"] == 0
    assert by_subject["subject 29"]["stars"] == 10
    assert {row["at"] for row in out} == {T0}
    assert pq.read_schema(next((folder / "data").iterdir())).field("at").type == pa.timestamp("us", "UTC")


def test_pseudonyms_join_in_one_domain_only_and_null_stays_null(world: World) -> None:
    tickets(world, [1, 1])
    world.tables["tickets"]["subject"] = [None, "x"]
    world.consents.append(("customer_id", "1", "training", "given", 1))

    def pseudonyms(name: str, domain: str) -> list[str | None]:
        column = {"treatment": "pseudonymise", "domain": domain}
        _, folder = world.cut(shop(columns={"subject": column, "stars": column}), name)
        return sorted((r["subject"] for part in rows(folder).values() for r in part), key=str)

    first, second = pseudonyms("a", "one"), pseudonyms("b", "two")
    assert first == pseudonyms("c", "one")
    assert first[1] is None or first[0] is None
    assert set(first) & set(second) == {None}


def test_masks_follow_the_policies_and_their_hashes_join_in_one_domain_only(world: World) -> None:
    tickets(world, [1, 1])
    world.tables["tickets"]["subject"] = [None, "staff 7 at ann@fennel.example, DNI 12345678Z"]
    world.consents.append(("customer_id", "1", "training", "given", 1))
    staff = {"recognizer": "staff", "description": "x", "category": "user.unique_id", "words": ["staff 7"]}

    def masked(name: str, domain: str) -> str:
        rule = {"treatment": "mask", "domain": domain, "masking": {"entities": {"EMAIL_ADDRESS": "hash"}}}
        policies = shop(columns={"subject": rule}).model_dump() | {"detection": {"staff": staff}}
        policies["controller"]["jurisdiction"] = "Spain"
        _, folder = world.cut(PolicySet.model_validate(policies), name)
        found = {row["subject"] for part in rows(folder).values() for row in part}
        assert len(found) == 2
        return max(filter(None, found))

    first = masked("a", "one")
    assert re.fullmatch(r"<STAFF_1> at <EMAIL_ADDRESS#[a-p]{24}\.[a-p]{24}>, DNI <ES_NIF_1>", first)
    assert first == masked("b", "one") != masked("c", "two")


def test_no_person_in_two_splits_and_the_same_split_next_time(world: World) -> None:
    people = list(range(200))
    tickets(world, people * 3)
    columns = {"customer_id": {"treatment": "keep"}, "ticket_id": {"treatment": "keep"}}
    for n in people:
        world.consents.append(("customer_id", str(n), "training", "given", 1))
    found, folder = world.cut(shop(columns=columns))
    splits = {name: {row["customer_id"] for row in part} for name, part in rows(folder).items()}
    assert set().union(*splits.values()) == set(people)
    assert sum(len(part) for part in splits.values()) == len(people) == found.members
    assert 20 <= len(splits["test"]) <= 60
    assert 20 <= len(splits["validation"]) <= 60
    world.consents = world.consents[50:]
    _, again = world.cut(shop(columns=columns), "again")
    for name, part in rows(again).items():
        assert {row["customer_id"] for row in part} == splits[name] - set(range(50))


def test_same_rows_same_bytes_whatever_the_layout(world: World) -> None:
    tickets(world, [n % 40 for n in range(400)])
    for n in range(40):
        world.consents.append(("customer_id", str(n), "training", "given", 1))
    first, folder = world.cut(shop(), "first")
    world.partitions = 5
    world.spark.conf.set("spark.sql.session.timeZone", "Pacific/Auckland")
    world.tables["tickets"] = {c: v[::-1] for c, v in world.tables["tickets"].items()}
    try:
        second, _ = world.cut(shop(), "second")
        assert world.spark.conf.get("spark.sql.session.timeZone") == "Pacific/Auckland"
    finally:
        world.spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert first == second
    makers = {pq.read_metadata(folder / file.path).created_by.partition(" ")[0] for file in first.files}
    assert makers == {"parquet-cpp-arrow"}, "a JVM lists what it has hashed in an order of its own"
    assert [f.path for f in first.files] == [
        "data/train-00000-of-00001.parquet",
        "data/validation-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet",
        "subject_index.parquet",
    ]


def test_one_key_in_a_workspace_without_links_decides_as_every_other_way(world: World) -> None:
    tickets(world, [1, 2, 3, None, 99, 1, 4, 5, 5])
    given = [("customer_id", str(n), "training", "given", 1) for n in (1, 2, 4, 5)]
    world.consents += [*given, ("customer_id", "2", "training", "withdrawn", 2)]
    world.flags.append(("customer_id", "4", Exclusion.SUPPRESSED))
    world.limiting.append(("customer_id", "5"))
    linked = shop()
    tables = {name: t for name, t in linked.model_dump()["tables"].items() if name not in ("customers", "leads")}
    plain = PolicySet.model_validate(linked.model_dump() | {"tables": tables})
    assert linked.links()
    assert not plain.links()
    found, folder = world.cut(plain, "plain")
    assert found.excluded == {"no_subject": 1, "no_consent": 2, "withdrawn": 1, "suppressed": 1}
    assert (found.rows_out, found.members, found.limited) == (4, 2, 2)
    assert found == world.cut(linked, "linked")[0]
    whose = [
        pq.read_table(folder.parent / f"{name}-rows", partitioning="hive").to_pylist() for name in ("plain", "linked")
    ]
    assert sorted(whose[0], key=str) == sorted(whose[1], key=str)


def test_nobody_left_is_an_empty_release_with_its_columns(world: World) -> None:
    tickets(world, [1, 2])
    found, folder = world.cut(shop())
    assert found.rows_out == 0
    assert found.members == 0
    assert found.excluded == {"no_consent": 2}
    assert pq.read_schema(folder / "data/train-00000-of-00001.parquet").names == ["ticket_id", "subject", "stars", "at"]


@pytest.mark.parametrize(
    ("rule", "consents", "kept"),
    [
        ("consent of the owner counts over two hops", [("customer_id", "1", "given")], {10}),
        ("a shared card needs both", [("customer_id", "1", "given"), ("customer_id", "2", "given")], {10, 20, 30}),
        (
            "a withdrawal of one of two",
            [("customer_id", "1", "given"), ("customer_id", "2", "given"), ("customer_id", "2", "withdrawn")],
            {10},
        ),
    ],
)
def test_rows_over_hops(world: World, rule: str, consents: list[tuple[str, str, str]], kept: set[int]) -> None:
    world.tables["customer_cards"] = {"customer_id": [1, 1, 2, 2], "card_id": [10, 20, 20, 30]}
    world.tables["cards"] = {"card_id": [10, 20, 30, 40], "expiry": ["a", "b", "c", "d"]}
    world.consents = [(k, v, "training", s, day) for day, (k, v, s) in enumerate(consents)]
    columns = {"card_id": {"treatment": "keep"}}
    found, folder = world.cut(shop(source="cards", columns=columns, split={}))
    assert {row["card_id"] for part in rows(folder).values() for row in part} == kept
    assert found.excluded["no_subject"] == 1


def test_two_people_of_different_splits_leave_in_no_split(world: World) -> None:
    pairs = [(n, n + 1) for n in range(0, 60, 2)]
    world.tables["customer_cards"] = {
        "customer_id": [c for pair in pairs for c in pair],
        "card_id": [n for n in range(len(pairs)) for _ in (0, 1)],
    }
    world.tables["cards"] = {"card_id": list(range(len(pairs))), "expiry": ["x"] * len(pairs)}
    world.consents = [("customer_id", str(n), "training", "given", 1) for n in range(60)]
    columns = {"card_id": {"treatment": "keep"}}
    found, folder = world.cut(shop(source="cards", columns=columns))
    assert found.excluded["split_conflict"] > 0
    assert found.rows_out > 0
    owners = dict(enumerate(pairs))
    seen: dict[int, str] = {}
    for split, part in rows(folder).items():
        for row in part:
            for owner in owners[row["card_id"]]:
                assert seen.setdefault(owner, split) == split
    assert found.members == len(seen)


def test_known_only_by_mail_stands_for_itself(world: World) -> None:
    world.tables["customers"] = {"customer_id": [1], "email": ["known@shop.example"], "phone": [None]}
    world.tables["newsletter"] = {
        "email": ["known@shop.example", "alone@shop.example", "silent@shop.example"],
        "topic": ["a", "b", "c"],
    }
    world.consents = [
        ("customer_id", "1", "training", "given", 1),
        ("email", "ALONE@shop.example", "training", "given", 1),
    ]
    _, folder = world.cut(shop(source="newsletter", columns={"topic": {"treatment": "keep"}}))
    assert {row["topic"] for part in rows(folder).values() for row in part} == {"a", "b"}


def test_other_basis_needs_no_consent_but_heeds_what_forbids(world: World) -> None:
    tickets(world, [1, 2, 3])
    world.consents = [("customer_id", "2", "support", "withdrawn", 1)]
    world.flags = [("customer_id", "3", Exclusion.OBJECTED)]
    found, _ = world.cut(shop(purpose="support"))
    assert found.excluded == {"withdrawn": 1, "objected": 1}


def test_1798_121_a_limit_empties_sensitive_columns_of_ones_own_rows_only(world: World) -> None:
    world.tables["customers"] = {"customer_id": [1], "email": ["a@x.example"], "phone": ["1"]}
    tickets(world, [1, 2, 1])
    policies = shop(purpose="support")
    health = policies.tables["tickets"].columns["subject"].model_copy(update={"category": "user.health_and_medical"})
    table = policies.tables["tickets"]
    table = table.model_copy(update={"columns": {**table.columns, "subject": health}})
    recipe = policies.datasets["set"]
    masked = {c: t for c, t in recipe.columns.items() if c not in ("subject", "at")}
    masked["subject"] = recipe.columns["ticket_id"]
    policies = policies.model_copy(
        update={
            "tables": {**policies.tables, "tickets": table},
            "datasets": {"set": recipe.model_copy(update={"columns": masked})},
        }
    )

    def subjects(name: str) -> tuple[int, list[bool], list[bool]]:
        found, folder = world.cut(policies, name)
        released = [row for part in rows(folder).values() for row in part]
        return found.limited, sorted(r["subject"] is None for r in released), [r["ticket_id"] is None for r in released]

    assert subjects("before") == (0, [False, False, False], [False, False, False])
    world.limiting = [("email", "A@x.example")]
    assert subjects("after") == (2, [False, True, True], [False, False, False])


def test_identity_follows_links_to_the_end_and_merges_nobody(world: World) -> None:
    world.tables["customers"] = {
        "customer_id": [1, 2, 3],
        "email": ["a@x.example", "b@x.example", None],
        "phone": ["1", "9", "9"],
    }
    world.tables["leads"] = {
        "email": ["a@x.example", "c@x.example", "d@x.example", "lone@x.example"],
        "phone": ["5", "5", "9", "77"],
    }
    found = identity(shop(), world.read, world.refkey()).toArrow().to_pylist()
    got = {(row["ref"], row["subject"], row["shared"]) for row in found}
    lone = sorted([world.ref("email", "lone@x.example"), world.ref("phone", "77")])
    expected = {
        (world.ref(kind, value), world.ref("customer_id", person), len(people) > 1)
        for kind, value, people in [
            ("email", "a@x.example", "1"),
            ("phone", "1", "1"),
            ("phone", "5", "1"),
            ("email", "c@x.example", "1"),
            ("email", "b@x.example", "2"),
            ("phone", "9", "23"),
            ("email", "d@x.example", "23"),
        ]
        for person in people
    }
    assert got == expected | {(ref, lone[0], False) for ref in lone}


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("dataset.column_type", {"columns": {"stars": {"treatment": "mask"}}}),
        ("dataset.column_type", {"columns": {"subject": {"treatment": "generalise", "to": "month"}}}),
        ("dataset.column_type", {"columns": {"at": {"treatment": "generalise", "to": 10}}}),
        ("condition.invalid", {"where": "nowhere = 1"}),
        ("condition.invalid", {"where": "stars + 1"}),
        ("condition.invalid", {"where": "stars >"}),
        ("condition.forbidden", {"where": "stars IN (SELECT 1)"}),
        ("condition.forbidden", {"where": "stars > rand()"}),
        ("condition.forbidden", {"where": "java_method('java.lang.System', 'nanoTime') = ''"}),
        ("condition.forbidden", {"where": "at < current_timestamp"}),
        ("condition.forbidden", {"where": r"subject = r'\' OR rand() > 0 OR subject = ''"}),
    ],
)
def test_refused_before_anything_is_written(world: World, code: str, change: dict[str, Any]) -> None:
    tickets(world, [1])
    with pytest.raises(InputError) as caught:
        world.cut(shop(**change))
    assert caught.value.code.startswith(code)
    assert list((world.folder / "out").iterdir()) == []


def test_column_that_the_table_lacks_is_refused(world: World) -> None:
    tickets(world, [1])
    del world.tables["tickets"]["stars"]
    with pytest.raises(InputError) as caught:
        world.cut(shop())
    assert caught.value.code == "dataset.column_missing"
