"""Every column of the AdventureWorks files gets the verdict that a person wrote down for it."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.csv as pc
import pytest
from ruamel.yaml import YAML

from column_evidence import counted, judged, kind_of, typed, unread
from delible.model.record import TagFinding
from delible.model.terms import TagState

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
DATA = Path(os.environ.get("DELIBLE_EXAMPLE_DATA") or PROJECT.parent / "shared/data/adventureworks")
TRUTH: dict[str, dict[str, str | None]] = YAML(typ="safe").load(HERE / "truth/adventureworks.yaml")
SAMPLE = 150

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the AdventureWorks files are not there: {DATA}"),
]


@pytest.fixture(scope="module")
def evidence():
    """Return table to its columns' counts with the type that a loader would give."""
    read = pc.ReadOptions(block_size=1 << 24)
    parse = pc.ParseOptions(newlines_in_values=True)
    found = {}
    for table in TRUTH:
        path = DATA / f"{table}.csv"
        names = pc.open_csv(path, read, parse).schema.names
        convert = pc.ConvertOptions(column_types=dict.fromkeys(names, "string"), strings_can_be_null=False)
        rows = pc.read_csv(path, read, parse, convert)
        columns = {name: [v for v in rows[name].unique().to_pylist() if v] for name in names}
        found[table] = [(counted(name, values, SAMPLE), kind_of(values)) for name, values in columns.items()]
    return found


def all_judged(evidence, as_kind) -> dict[tuple[str, str], TagFinding]:
    return {
        (table, column): finding
        for table, columns in evidence.items()
        for column, finding in judged(table, [as_kind(facts, kind) for facts, kind in columns]).items()
    }


def test_the_truth_names_every_column_and_only_those(evidence):
    assert {t: [f.column for f, _ in columns] for t, columns in evidence.items()} == {
        t: list(c) for t, c in TRUTH.items()
    }
    assert sum(map(len, TRUTH.values())) == 61


@pytest.mark.parametrize("as_kind", [typed, lambda facts, _: facts], ids=["typed", "all text"])
def test_every_column_gets_its_verdict(evidence, as_kind):
    found = all_judged(evidence, as_kind)
    wrong = {
        key: (f.category, TRUTH[key[0]][key[1]]) for key, f in found.items() if f.category != TRUTH[key[0]][key[1]]
    }
    assert wrong == {}
    assert {key: f.reason for key, f in found.items() if f.state is not TagState.PROPOSED} == {}


def test_cards_that_fail_luhn_are_cards_by_name_and_digits(evidence):
    card = all_judged(evidence, typed)["credit_card", "CardNumber"]
    assert (card.entity, card.hits, "name" in card.evidence) == ("CREDIT_CARD", card.sampled, True)


def test_names_and_types_alone_find_the_same_and_say_that_nothing_was_read(evidence):
    read, by_name = all_judged(evidence, typed), all_judged(evidence, unread)
    personal = {key: f.category for key, f in read.items() if f.category}
    assert {key: by_name[key].category for key in personal} == personal
    for key in personal:
        assert by_name[key].confidence <= read[key].confidence
        assert by_name[key].sampled == 0
    beyond = {key for key, f in by_name.items() if f.category and key not in personal}
    assert beyond == {("customer", "AccountNumber")}, "a bank's account by its name; only values tell"
