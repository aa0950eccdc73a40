import pytest

from delible.detect.known_names import is_pinyin, known_names
from delible.detect.vocabularies import vocabularies


@pytest.mark.parametrize(
    "name",
    [
        "Wang Xiaoming",
        "XIAOMING WANG",
        "Zhang Wei",
        "Tadashi Yamamoto",
        "Yamamoto, Tadashi",
        "Kim Min-jun",
        "Nguyễn Thị Hoa",
        "Priya Raghunathan",
        "Rohit Deshpande",
        "Khalid Al-Masri",
        "Chukwuemeka Okafor",
        "Thabo Nkosi",
        "Olga Shevchenko",
        "Łukasz Wójcik",
    ],
)
def test_names_of_many_countries_are_known(name: str) -> None:
    assert "full_name" in vocabularies(name)


@pytest.mark.parametrize(
    "words",
    [
        "Crown Race",
        "Mountain Bike",
        "Royal Blue",
        "Forest Green",
        "Quality Assurance",
        "In Progress",
        "Long Beach",
        "Wang and Li",
        "Miller & Schmidt",
        "SO 43659",
        "Chen 7 Xiaoming",
    ],
)
def test_things_places_and_companies_are_not(words: str) -> None:
    assert "full_name" not in vocabularies(words)


@pytest.mark.parametrize(
    ("word", "two"), [("xiaoming", True), ("yi-fei", True), ("ming", False), ("strong", False), ("bolt", False)]
)
def test_two_syllables_of_chinese(word: str, two: bool) -> None:
    assert is_pinyin(word) is two


def test_the_lists_are_folded_and_long() -> None:
    for names in known_names():
        assert len(names) > 20_000
        assert all(name == name.casefold() and name.isascii() for name in names)
