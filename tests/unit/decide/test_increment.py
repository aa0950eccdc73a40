"""No row that was never drawn is taken for read, whatever happens to its file; nothing is read twice for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.increment import (
    Reading,
    Rewrite,
    ScanRecord,
    combined,
    continues,
    drifted,
    mostly_gone,
    reach,
    reading,
)
from delible.decide.tagging import ColumnFacts

RECORD = ScanRecord(
    table="t",
    source="s",
    version=3,
    rate=0.1,
    most=None,
    confidence=0.95,
    prevalence="1/1000",
    rows=100_000,
    detector="1",
    files=frozenset({b"a"}),
    schema={"c": "string"},
    drift=(),
    facts={},
    at=datetime(2026, 1, 1, tzinfo=UTC),
)

steps = st.lists(
    st.tuples(st.sampled_from(["append", "rewrite", "delete", "hide", "restore", "scan"]), st.integers(0, 10**6)),
    max_size=30,
)


@given(steps=steps)
def test_every_row_of_a_file_that_is_not_read_was_drawn_before(steps: list[tuple[str, int]]) -> None:
    live: dict[bytes, frozenset[int]] = {}
    hidden: dict[bytes, frozenset[int]] = {}
    known: frozenset[bytes] = frozenset()
    drawn: set[int] = set()
    log: list[Rewrite] = []
    news = False

    def shown(file: bytes) -> bytes | None:
        return b"%b-%b" % (file, repr(sorted(hidden[file])).encode()) if hidden.get(file) else None

    for made, (step, n) in enumerate(steps):
        names = sorted(live)
        name = made.to_bytes(8)
        if step == "append":
            live[name], news = frozenset({2 * made, 2 * made + 1}), True
        elif step == "rewrite" and names:
            taken = names[: 1 + n % len(names)] if n % 2 else names[n % len(names) :]
            news = news or any(each in hidden for each in taken)  # only what it showed was drawn: it is read anew
            live[name] = frozenset().union(*(live.pop(each) - hidden.pop(each, frozenset()) for each in taken))
            log.append(Rewrite(frozenset({name}), frozenset(taken)))
        elif step == "delete" and names:
            del live[names[n % len(names)]]
        elif step == "hide" and names:
            file = names[n % len(names)]
            hidden[file] = frozenset(row for row in live[file] if row % 2 == n % 2)
            news = True
        elif step == "restore" and hidden:
            del hidden[sorted(hidden)[n % len(hidden)]]
            news = True
        elif step == "scan":
            found = reading({file: shown(file) for file in live}, known, log)
            for file, rows in live.items():
                seen = rows - hidden.get(file, frozenset())
                if file in found.files:
                    drawn |= seen
                assert seen <= drawn
            assert news or not found.files
            partly = {f: s for f in live if (s := shown(f)) is not None and (f in found.files or s in known)}
            known, log, news = frozenset(partly.get(file, file) for file in live), [], False


def test_a_rewrite_that_mixes_in_a_new_file_is_read() -> None:
    mixed = Rewrite(frozenset({b"c"}), frozenset({b"a", b"new"}))
    assert reading({b"c": None}, {b"a"}, [mixed]) == Reading(frozenset({b"c"}), 1.0)
    plain = Rewrite(frozenset({b"c"}), frozenset({b"a"}))
    assert reading({b"c": None}, {b"a"}, [plain]) == Reading(frozenset(), 0.0)
    assert mostly_gone(reading({b"x": None}, {b"x", b"y", b"z"}, []))
    assert not mostly_gone(reading({b"x": None}, {b"x", b"y"}, []))


def test_a_file_that_showed_a_part_of_its_rows_is_read_again_when_it_shows_another() -> None:
    assert reading({b"a": b"part"}, {b"part"}, []) == Reading(frozenset(), 0.0)
    assert reading({b"a": b"other"}, {b"part"}, []).files == {b"a"}
    assert reading({b"a": None}, {b"part"}, []).files == {b"a"}, "after RESTORE it shows all"
    assert reading({b"a": b"part"}, {b"a"}, []) == Reading(frozenset(), 0.0), "all of it was drawn before"


@pytest.mark.parametrize(
    "facts",
    [
        ColumnFacts("c", "string", 8, True, rows=8, cut=1),
        ColumnFacts("c", "binary", 8, True, rows=8, shapes={"opaque": 1}),
    ],
    ids=["a value that was too long to be read", "bytes that nobody can look into"],
)
def test_of_what_was_not_read_to_its_end_nothing_is_ruled_out(facts: ColumnFacts) -> None:
    for record in (replace(RECORD, rate=1.0, rows=8), replace(RECORD, rows=80)):
        for each in (facts, replace(facts, complete=False)):
            assert (reach(record, each).missed, reach(record, each).share) == (None, None)


def test_rows_that_were_left_out_are_no_clean_ones() -> None:
    facts = ColumnFacts("c", "string", values=8, complete=False, rows=8)
    withheld = replace(RECORD, rate=1.0, rows=10, withheld=frozenset({"x"}), withheld_rows=2)
    assert (reach(withheld, facts).missed, reach(replace(withheld, withheld_rows=0), facts).missed) == (2, 0)
    gone = replace(facts, rows=90)
    assert reach(withheld, gone).missed == 2, "rows of files that are gone since hide none of those left out"
    drawn = replace(withheld, rate=0.1)
    assert (reach(drawn, facts).missed or 0) - (reach(replace(drawn, withheld_rows=0), facts).missed or 0) == 2


@pytest.mark.parametrize(
    ("asked", "goes_on"),
    [
        ({}, True),
        ({"rate": 0.05}, True),
        ({"rate": 0.2}, False),
        ({"source": "other"}, False),
        ({"detector": "2"}, False),
        ({"most": 10}, True),
    ],
)
def test_a_scan_goes_on_from_evidence_that_is_as_strong(asked: dict[str, object], goes_on: bool) -> None:
    usual: dict[str, object] = {"source": "s", "detector": "1", "rate": 0.1, "most": None}
    assert continues(RECORD, **(usual | asked)) is goes_on  # type: ignore[arg-type]
    assert not continues(None, **usual)  # type: ignore[arg-type]


def test_chosen_values_are_no_evidence_for_all() -> None:
    capped = replace(RECORD, most=100)
    usual = {"source": "s", "detector": "1", "rate": 0.1}
    assert not continues(capped, most=None, **usual)  # type: ignore[arg-type]
    assert not continues(capped, most=101, **usual)  # type: ignore[arg-type]
    assert continues(capped, most=100, **usual)  # type: ignore[arg-type]
    facts = ColumnFacts("c", "string", values=100, rows=5_000)
    assert reach(capped, facts).missed is None
    assert reach(capped, replace(facts, complete=True)).missed == 0
    assert reach(RECORD, facts).missed == 28


def test_evidence_is_added_up_and_never_more_complete_than_its_parts() -> None:
    one = ColumnFacts("c", "string", 3, True, {"EMAIL_ADDRESS": 1}, {}, {"word": 3}, 30, {"EMAIL_ADDRESS": 9})
    two = ColumnFacts("c", "string", 2, False, {"EMAIL_ADDRESS": 1, "URL": 1}, {"URL": 1}, {}, 20, {"URL": 4})
    both = combined(one, two)
    assert both == ColumnFacts(
        "c",
        "string",
        5,
        False,
        {"EMAIL_ADDRESS": 2, "URL": 1},
        {"URL": 1},
        {"word": 3},
        50,
        {"EMAIL_ADDRESS": 9, "URL": 4},
    )
    assert combined(None, one) is one
    assert combined(replace(one, kind="int"), two) is two


def test_a_new_column_and_one_of_another_type_have_drifted() -> None:
    assert drifted({"a": "int", "b": "string"}, {"b": "string", "a": "bigint", "c": "date"}) == ("a", "c")
    assert drifted({"a": "int"}, {}) == ()


@pytest.mark.parametrize(
    ("rows", "of", "missed"), [(100, 100, 0), (0, 100, None), (0, 0, 0)], ids=["read", "unreadable", "an empty table"]
)
def test_where_no_row_was_looked_at_nothing_is_ruled_out(rows: int, of: int, missed: int | None) -> None:
    record = replace(RECORD, rows=of, rate=1.0)
    assert reach(record, ColumnFacts("c", "string", complete=True, rows=rows)).missed == missed
    assert reach(record, ColumnFacts("c", "binary", rows=rows)).missed == missed


def test_of_names_nothing_is_ruled_out_where_nobody_looked_for_them() -> None:
    whole = replace(RECORD, rows=100, rate=1.0)
    facts = ColumnFacts("c", "string", values=90, complete=True, rows=100, shapes={"unread_text": 7})
    for record in (whole, RECORD):
        found = reach(record, facts)
        assert (found.missed, found.share, found.unread) == (None, None, 7)
        assert "names were not looked for in 7 values" in found.words()
        assert "ruled out" not in found.words()
    assert reach(whole, replace(facts, shapes={})).missed == 0
