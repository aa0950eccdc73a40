"""First and last names of many countries in Latin letters, by which a column of people's names is known.

`known_names.xz` is written by training/known_names.py from lists of Faker (MIT) and of delible's own; no list of real
people went in. Like the shorter vocabularies it says what a *column* holds, and finds no name in a text.
"""

from __future__ import annotations

import lzma
import re
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parent / "known_names.xz"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PINYIN_INITIALS = _words("b p m f d t n l g k h j q x zh ch sh r z c s y w")
_PINYIN_FINALS = _words(
    """a o e ai ei ao ou an en ang eng ong i ia ie iao iu ian in iang ing iong u ua uo uai ui uan un uang ue ve"""
)
_LONGEST_SYLLABLE, _SHORTEST_GIVEN, _LONGEST_GIVEN = 6, 4, 12
_CHINESE = _words(
    """bai cai cao chang chen cheng cui dai deng ding dong du duan fan fang feng fu gao gong gu guo han hao he hou
    hu huang jia jiang jin kong lai lei li liang liao lin liu long lu luo lyu ma mao meng mo pan peng qian qiao
    qin qiu ren shao shen shi song su sun tan tang tao tian wan wang wei wen wu xia xiang xiao xie xiong xu xue
    yan yang yao ye yi yin yu yuan zeng zhang zhao zheng zhong zhou zhu zou"""
)
_KOREAN = _words(
    """ahn an bae baek bang byun cha chang chae cho choe choi chu chung do eom gu gwak ha ham han heo hong huh
    hwang hyun im jang jeon jeong jin jo joo ju jun jung kang ki kim ko koo kwak kwon lee lim ma min moon na nam
    noh oh paik park pyo ra rhee ryu seo seok shim shin sim sin so son song sung tak u uhm um wi won woo yang yeo
    yi yoo yoon yu yun"""
)
_KOREAN_GIVEN = re.compile(r"[a-z]{2,6}-[a-z]{2,6}")
_TWO_FAMILIES = frozenset({"and", "&", "und", "et", "y", "+"})


@lru_cache(maxsize=1)
def known_names() -> tuple[frozenset[str], frozenset[str]]:
    """Return first and last names, folded as `vocabularies.folded` does."""
    first, _, last = lzma.decompress(FILE.read_bytes()).decode().partition("\n\n")
    return frozenset(first.split("\n")), frozenset(last.split("\n"))


def is_first_and_last(one: str, other: str, names: tuple[frozenset[str], frozenset[str]]) -> bool:
    """Return whether two words are a first and a last name of some lists, in either order."""
    first, last = names
    return (one in first and other in last) or (one in last and other in first)


def is_somebody(parts: list[str]) -> bool:
    """Return whether folded words are a known first name and a known last name, in either order.

    A Chinese or Korean given name is two syllables beside a family name: there are too many for any list. Two families
    with an `and` between them are a company.
    """
    if not _TWO_FAMILIES.isdisjoint(parts) or not all(part[0].isalpha() for part in parts):
        return False
    one, other = parts[0], parts[-1]
    if is_first_and_last(one, other, known_names()):
        return True
    two = len(parts) == 2  # noqa: PLR2004 -- a first and a last name
    return two and (_is_eastern(one, other) or _is_eastern(other, one))


def _is_eastern(family: str, given: str) -> bool:
    if family in _KOREAN and _KOREAN_GIVEN.fullmatch(given) is not None:
        return True
    return family in _CHINESE and is_pinyin(given)


@lru_cache(maxsize=20_000)
def is_pinyin(word: str) -> bool:
    """Return whether a word is two syllables of romanised Chinese, with a hyphen or not."""
    word = word.replace("-", "")
    if not _SHORTEST_GIVEN <= len(word) <= _LONGEST_GIVEN:
        return False
    return any(_is_syllable(word[:at]) and _is_syllable(word[at:]) for at in range(1, _LONGEST_SYLLABLE + 1))


def _is_syllable(text: str) -> bool:
    if text in ("a", "an", "ang", "ai", "ao", "e", "en", "er", "ou"):
        return True
    return any(text[:n] in _PINYIN_INITIALS and text[n:] in _PINYIN_FINALS for n in (1, 2))
