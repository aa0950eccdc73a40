"""Names that ship, names that a model has not seen, and how both are scored."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

import pytest

from delible.decide import quality
from delible.detect.known_names import FILE

TRAINING = Path(__file__).parents[3] / "training"
OWN = ("known_names", "lists", "unseen", "vocabulary", "score", "rough", "fill")


@pytest.fixture(autouse=True)
def _training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(TRAINING))
    yield
    for name in OWN:
        sys.modules.pop(name, None)


def test_the_file_is_what_the_script_makes_of_the_lists() -> None:
    import known_names

    assert lzma.decompress(FILE.read_bytes()).decode() == known_names.content()
    assert FILE.stat().st_size < 150_000


def test_unseen_names_are_in_no_list_of_the_training() -> None:
    import vocabulary
    from lists import people
    from unseen import names_of, unseen

    seen = {name.lower() for lists in people().values() for each in lists for name in each}
    other = unseen()
    for names in other["unseen"]:
        assert len(names) > 1_000
        assert not {name.lower() for name in names} & seen
    before = vocabulary.people
    with names_of(other):
        assert vocabulary.people() is other
    assert vocabulary.people is before


def test_half_is_the_same_half_everywhere() -> None:
    import score

    assert score.half is quality.half
    assert score.counts([(0, 10, "PERSON")], [(0, 5, "PERSON")], "PERSON") == (1, 1, 1, 1)
    assert score.counts([(0, 10, "PERSON")], [(0, 4, "PERSON")], "PERSON") == (0, 1, 0, 1)
    assert score.counts([(0, 4, "PERSON")], [(0, 10, "PERSON")], "PERSON") == (0, 1, 0, 1), (
        "no finding is right by length"
    )
    assert score.counts([(0, 4, "LOCATION")], [(0, 4, "PERSON")], "PERSON") == (0, 1, 0, 0)
