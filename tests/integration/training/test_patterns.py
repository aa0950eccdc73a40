"""The corpus that the shipped model was trained on: every line can be filled, and no two are nearly the same."""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[3] / "training"
PEOPLE = "name first last last_first name_upper name_lower first_lower last_upper initials_last nick"
PLACES = "city city_lower city_upper country region street street_name postcode district place"
OTHERS = "company product brand job month weekday date time amount number code order email phone url ip year age"
LABELLED = re.compile(rf"\{{(?:{'|'.join((PEOPLE + ' ' + PLACES).split())})\}}|\[(?:PERSON|LOCATION):[^\[\]]+\]")
SLOT = re.compile(r"\{([^{}]*)\}")
LINES = [
    (f"{file.stem}:{number}", line)
    for file in sorted((TRAINING / "patterns").glob("*.txt"))
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    if line.strip() and not line.startswith("#")
]


def key(line: str) -> str:
    return re.sub(r"\W+", " ", re.sub(r"\{\w+\}", "S", line).lower()).strip()


def nearly_the_same(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pairs of lines of which one shares most of its runs of five words with the other."""
    pairs, at = [], defaultdict(list)
    for place, line in lines:
        words = key(line).split()
        runs = {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}
        shared = Counter(other for run in runs for other in at[run])
        pairs += [(other, place) for other, n in shared.items() if len(runs) > 2 and n > 0.6 * len(runs)]
        for run in runs:
            at[run].append(place)
    return pairs


def test_every_slot_and_mark_is_known() -> None:
    slots = {*PEOPLE.split(), *PLACES.split(), *OTHERS.split()}
    assert {slot for _, line in LINES for slot in SLOT.findall(line)} <= slots
    assert not [place for place, line in LINES if "{" in SLOT.sub("", line) or "}" in SLOT.sub("", line)]
    marks = re.compile(r"\[(?:PERSON|LOCATION)")
    broken = [
        p for p, line in LINES if len(marks.findall(line)) != len(re.findall(r"\[(?:PERSON|LOCATION):[^\[\]]+\]", line))
    ]
    assert not broken


def test_no_line_is_there_twice_or_nearly() -> None:
    same = Counter(key(line) for _, line in LINES)
    assert not [line for line, n in same.items() if n > 1]
    assert not nearly_the_same(LINES)


def test_nearly_the_same_is_noticed() -> None:
    first, other = (
        "we met the new plumber at the old mill in {month}",
        "we met the new plumber at the old mill in {city}",
    )
    assert nearly_the_same([("a", first), ("b", other)]) == [("a", "b")]


def test_the_corpus_is_as_large_and_as_mixed_as_the_card_says() -> None:
    registers = {place.split(":")[0] for place, _ in LINES}
    without = sum(LABELLED.search(line) is None for _, line in LINES)
    assert len(LINES) >= 5_000
    assert len(registers) >= 12
    assert without >= len(LINES) / 3


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("faker")
    monkeypatch.syspath_prepend(str(TRAINING))
    import fill

    yield fill
    for name in ("fill", "lists", "rough", "vocabulary"):
        sys.modules.pop(name, None)


def test_filled_texts_have_their_spans_where_the_slots_were(fill) -> None:
    from random import Random

    for seed in range(50):
        one = fill.filled(
            "{first} {last} wrote to [PERSON:Auntie Jo] in {city}, {country}; {company} did not.", Random(seed)
        )
        person, aunt, city, country, company = one.spans
        assert [label for *_, label in one.spans] == ["PERSON", "PERSON", "LOCATION", "LOCATION", "ORG"]
        assert one.text[: person[1]] + " wrote to Auntie Jo in " == one.text[: city[0]]
        assert one.text[aunt[0] : aunt[1]] == "Auntie Jo"
        assert one.text[city[1] : country[0]] == ", "
        assert one.text[company[1] :] == " did not."


def test_roughened_texts_keep_their_spans_on_the_same_words(fill) -> None:
    from random import Random

    from rough import BLANK, roughened

    changed = 0
    for seed in range(300):
        rng = Random(seed)
        one = fill.filled("Yesterday {name} moved from {street} in {city} to somewhere nobody has heard of", rng)
        wanted = [one.text[a:b].casefold() for a, b, _ in one.spans]
        rough = roughened(one, rng, unknown=True)
        changed += rough != one
        got = [rough.text[a:b].casefold() for a, b, _ in rough.spans]
        if BLANK not in rough.text:
            assert len(got) == len(wanted)
            assert all(len(g) == len(w) and sum(map(str.__ne__, g, w)) <= 3 for g, w in zip(got, wanted, strict=True))
    assert changed > 100


def test_the_same_seed_gives_the_same_texts_and_the_split_is_by_pattern(fill) -> None:
    def some(part: str) -> list[str]:
        found = fill.examples(part, copies=1, seed=7, rough=True, registers=frozenset({"logs"}), without=False)
        return [one.text for _, one in found]

    assert some("test") == some("test")
    parts = Counter(pattern.part for pattern in fill.patterns())
    assert set(parts) == {"train", "dev", "test"}
    assert parts["test"] > 450
