"""Several tables in one release: everybody in a row has to agree, no row is lost, and columns are treated as one."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_world import T0, World, rows, shop, table, tickets
from delible.detect.anonymise import unmask_text
from delible.errors import InputError
from delible.model.policy import PolicySet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEAR = {"places": {"levels": ["land"], "values": {"Leeds": ["UK"], "Essen": ["DE"]}}}


@pytest.fixture
def world(spark: SparkSession, tmp_path: Path) -> World:
    made = World(spark, tmp_path)
    made.types |= {"agent_id": pa.int64(), "age": pa.int32(), "born": pa.date32()}
    return made


def joined(join: dict[str, Any], **recipe: Any) -> PolicySet:
    """Return the shop with tickets that people answer: `agents` are data subjects, too, and `goods` nobody's."""
    made = shop(columns={"ticket_id": {"treatment": "keep"}}, joins=[join], **recipe).model_dump(mode="json")
    made["tables"]["tickets"]["columns"] |= {key: {"category": "user.unique_id"} for key in ("agent_id", "sku")}
    made["tables"]["agents"] = table("agents", [("customer_id", "customer_id")], "agent_id", "town", "age", "born")
    made["tables"]["goods"] = {**table("goods", [], "sku", "kind"), "no_subject": "things"}
    del made["tables"]["cards"], made["tables"]["customer_cards"], made["tables"]["newsletter"]
    return PolicySet.model_validate(made)


AGENTS = {"table": "agents", "keys": {"agent_id": "agent_id"}, "columns": {"town": {"treatment": "keep"}}}


def staffed(world: World, owners: list[int | None], agents: list[int | None]) -> None:
    """Fill tickets of customers, each answered by an agent; agent 7 is customer 107 where anybody asks."""
    tickets(world, owners)
    world.tables["tickets"] |= {"agent_id": agents, "sku": ["a" if n % 2 else " a " for n in range(len(owners))]}
    known = sorted({a for a in agents if a is not None and a < 90})
    world.tables["agents"] = {
        "agent_id": known,
        "customer_id": [100 + a if a else None for a in known],
        "town": [f"town {a}" for a in known],
        "age": [20 + a for a in known],
        "born": [(T0 - timedelta(days=900 * a)).date() for a in known],
    }
    world.tables["goods"] = {"sku": ["a", "b"], "kind": ["shoe", "hat"]}


def agree(world: World, *people: int) -> None:
    world.consents += [("customer_id", str(n), "training", "given", 1) for n in people]


def out(folder: Path) -> list[dict[str, Any]]:
    return [row for part in rows(folder).values() for row in part]


def test_everybody_in_a_row_has_to_agree(world: World) -> None:
    staffed(world, [1, 2, 3, 4, 5, None], [7, 7, 8, None, 99, 7])
    agree(world, 1, 3, 4, 5, 107)
    found, folder = world.cut(joined(AGENTS, split={}))
    assert [(r["ticket_id"], r["town"]) for r in sorted(out(folder), key=str)] == [
        (0, "town 7"),
        (3, None),
        (4, None),
    ]
    assert found.excluded == {"no_subject": 1, "no_consent": 2}, "2 said nothing, nor did agent 8, whom 3 wrote to"
    assert found.members == 4
    assert found.rows_in == 6 == found.rows_out + sum(found.excluded.values())


def test_an_agent_who_reaches_nobody_keeps_the_row_in(world: World) -> None:
    staffed(world, [1, 1], [0, 7])
    agree(world, 1, 107)
    found, folder = world.cut(joined(AGENTS, split={}))
    assert [r["ticket_id"] for r in out(folder)] == [1]
    assert found.excluded == {"no_subject": 1}


def test_a_join_can_exclude_what_it_does_not_find(world: World) -> None:
    staffed(world, [1, 1, 2], [7, None, None])
    agree(world, 1, 107)
    found, folder = world.cut(joined({**AGENTS, "unmatched": "exclude"}, split={}))
    assert [r["ticket_id"] for r in out(folder)] == [0]
    assert found.excluded == {"no_match": 2}


def test_things_need_nobodys_consent_and_keys_are_compared_as_paths_are(world: World) -> None:
    staffed(world, [1, 2], [7, 7])
    agree(world, 1)
    goods = {"table": "goods", "keys": {"sku": "sku"}, "columns": {"kind": {"treatment": "keep", "name": "what"}}}
    found, folder = world.cut(joined(goods, split={}))
    assert out(folder) == [{"ticket_id": 0, "what": "shoe"}]
    assert found.excluded == {"no_consent": 1}


def test_a_join_that_finds_several_stops_unless_it_may(world: World) -> None:
    staffed(world, [1, 2], [7, 8])
    for column, values in world.tables["agents"].items():
        values.append(7 if column == "agent_id" else values[0])
    agree(world, 1, 2, 107, 108)
    with pytest.raises(InputError) as caught:
        world.cut(joined(AGENTS, split={}))
    assert caught.value.code == "dataset.join_many"
    found, _ = world.cut(joined({**AGENTS, "many": True}, split={}), "many")
    assert (found.rows_in, found.rows_out) == (3, 3)


def test_rows_past_a_period_stay_out_and_names_that_a_joined_table_knows_are_masked(world: World) -> None:
    """One cut shows both: 0 is past its period, the agent of 3 is, and of 2 no rule says so."""
    staffed(world, [1, 1, 2, 1], [7, 7, 7, 8])
    agree(world, 1, 107, 108)
    world.tables["tickets"] |= {"subject": ["oshin says 0", "Oshin: hi", "2", "3"], "stars": [1, 2, None, 2]}
    world.tables["tickets"]["at"] = [T0, T0 + timedelta(days=70), T0, T0 + timedelta(days=70)]
    world.tables["agents"] |= {"town": ["Oshin Vanterpool", "x"], "born": [None, T0.date()]}
    made = joined(AGENTS, split={}).model_dump(mode="json")
    made["tables"]["agents"]["columns"]["town"] = {"category": "user.name"}
    made["datasets"]["set"]["columns"]["subject"] = {"treatment": "mask"}
    made["retention"] = {
        name: {"retention": name, "table": name, "keep": "P300D", "reason": "x", "clock": clock, "where": where}
        for name, clock, where in (("tickets", "at", "stars > 0"), ("agents", "born", None))
    }
    found, folder = world.cut(PolicySet.model_validate(made))
    assert [(r["ticket_id"], r["subject"]) for r in out(folder)] == [(1, "<PERSON_1>: hi")]
    assert found.excluded == {"past_period": 2, "no_consent": 1}, "who says nothing is no reason where a period ended"
    assert found.members == 2, "108 answered only a row that stays out"


def test_a_join_by_a_column_that_is_not_there_is_refused(world: World) -> None:
    staffed(world, [1], [7])
    with pytest.raises(InputError) as caught:
        world.cut(joined({**AGENTS, "keys": {"agent": "agent_id"}}))
    assert caught.value.code == "dataset.join_column"
    assert list((world.folder / "out").iterdir()) == []


def test_the_law_rows_add_up_and_only_who_agreed_is_in(world: World) -> None:
    draw = random.Random(8)
    owners = [draw.choice([None, *range(1, 30)]) for _ in range(400)]
    agents = [draw.choice([None, 99, *range(12)]) for _ in range(400)]
    staffed(world, owners, agents)
    willing = {n for n in [*range(1, 30), *range(100, 112)] if draw.random() < 0.7}
    agree(world, *willing)
    found, folder = world.cut(joined({**AGENTS, "unmatched": "exclude"}, where="ticket_id % 10 < 9"))

    def reason(ticket: int, owner: int | None, agent: int | None) -> str:
        if ticket % 10 == 9:
            return "condition"
        if agent in (None, 99):
            return "no_match"
        if owner is None or agent == 0:
            return "no_subject"
        return "kept" if owner in willing and 100 + agent in willing else "no_consent"

    expected = Counter(reason(n, o, a) for n, (o, a) in enumerate(zip(owners, agents, strict=True)))
    apart = found.excluded.pop("split_conflict", 0)
    assert apart > 0
    assert found.excluded == {k: v for k, v in expected.items() if k != "kept"}
    assert found.rows_out == expected["kept"] - apart
    kept = {n for n, (o, a) in enumerate(zip(owners, agents, strict=True)) if reason(n, o, a) == "kept"}
    assert {r["ticket_id"] for r in out(folder)} <= kept
    index = set(pq.read_table(folder / "subject_index.parquet")["subject"].to_pylist())
    assert index <= {world.ref("customer_id", str(n)) for n in willing}
    assert len(index) == found.members


def test_what_treatments_leave(world: World) -> None:
    staffed(world, [1, 2, 3], [7, 7, 8])
    world.tables["agents"] |= {"town": ["Leeds", " Nowhere"], "age": [93, None]}
    agree(world, 1, 2, 3, 107, 108)
    columns = {
        "town": {"treatment": "generalise", "hierarchy": "places", "to": "land"},
        "age": {"treatment": "generalise", "to": 5, "highest": 80},
        "born": {"treatment": "generalise", "to": "quarter"},
        "customer_id": {"treatment": "replace", "value": 0},
        "agent_id": {"treatment": "encrypt", "name": "sealed"},
    }
    policies = joined({**AGENTS, "columns": columns}, hierarchies=NEAR, split={})
    made = policies.model_dump(mode="json")
    made["tables"]["agents"]["columns"]["agent_id"]["reversible"] = True
    made["datasets"]["set"]["columns"]["subject"] = {"treatment": "generalise", "prefix": 3}
    _, folder = world.cut(PolicySet.model_validate(made))
    found = {r["ticket_id"]: r for r in out(folder)}
    assert (found[0]["town"], found[2]["town"]) == ("UK", None), "what no hierarchy knows does not leave"
    assert (found[0]["age"], found[2]["age"]) == (80, None)
    assert found[0]["born"].month in (1, 4, 7, 10)
    assert found[0]["born"].day == 1
    assert {r["customer_id"] for r in found.values()} == {0}
    assert {r["subject"] for r in found.values()} == {"sub"}
    key = world.keys.domain_key("dataset:set")
    assert [unmask_text(found[n]["sealed"], key) for n in range(3)] == ["7", "7", "8"]
    assert found[0]["sealed"] == found[1]["sealed"] != found[2]["sealed"]


def test_joined_rows_are_the_same_bytes_whatever_the_layout(world: World) -> None:
    staffed(world, [n % 20 for n in range(300)], [n % 9 for n in range(300)])
    agree(world, *range(20), *range(100, 109))
    first, _ = world.cut(joined(AGENTS), "first")
    world.partitions = 4
    world.tables["tickets"] = {c: v[::-1] for c, v in world.tables["tickets"].items()}
    world.tables["agents"] = {c: v[::-1] for c, v in world.tables["agents"].items()}
    second, _ = world.cut(joined(AGENTS), "second")
    assert first == second
    assert first.rows_out > 0
