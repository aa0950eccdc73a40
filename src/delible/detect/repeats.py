"""Where a name that was read once stands again in its text: in any case, in part, with a hyphen or a possessive.

A model reads one place better than another. What it has read as a name is a name wherever it stands in the document.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from unicodedata import normalize

import regex

from delible.detect.entities import FROM_MODEL
from delible.detect.findings import Finding
from delible.detect.plain import plain

_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_BETWEEN = regex.compile(r"\s*[.'\u2019`_-]?\s*")
"""What may stand between two words of a name."""
_APOSTROPHES, _HYPHENS = frozenset("'\u2019"), frozenset("-\u2010\u2011")
_JOINED = _APOSTROPHES | _HYPHENS
"""What joins words to one: O'Brien, Lopez-Garcia."""
_ACCENTS = regex.compile("[\u0300-\u036f]+")
_FEWEST_LETTERS, _FEWEST_JOINED = 3, 6

_TITLES = (
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "lord", "lady", "rev", "herr", "frau", "monsieur",
    "madame", "mme", "mlle", "senor", "senora", "sr", "sra", "sig", "signor", "signora", "pan", "pani", "mevrouw",
    "meneer",
)  # fmt: skip
_COMMON = (
    "von", "van", "der", "den", "des", "del", "della", "dos", "das", "bin", "ibn", "les", "los", "las", "che", "the",
    "und", "april", "august", "bill", "chase", "dawn", "dear", "faith", "frank", "grace", "grant", "gene", "hope",
    "joy", "june", "mark", "may", "pat", "penny", "rich", "rose", "summer", "sue", "sun", "will", "young", "best",
    "brown", "black", "white", "green", "gray", "grey", "king", "park", "street", "road", "north", "south", "east",
    "west", "new", "san", "saint", "city", "hello", "thank", "thanks", "please", "regards", "sincerely", "customer",
    "client", "patient", "order", "invoice", "account", "service", "support", "team", "manager", "doctor", "today",
    "tomorrow", "yesterday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "march", "july", "september", "october", "november", "december",
)  # fmt: skip


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Return parts of names that are words, too: by themselves they are left to the model."""
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset((*STOP_WORDS, *_TITLES, *_COMMON))


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    key: str
    written: str


@dataclass(frozen=True, slots=True)
class _Name:
    """A sequence of words to look for.

    Args:
        whole: It is a full name, which counts in any case.
        capital: It counts with a capital letter only.
    """

    keys: tuple[str, ...]
    entity: str
    whole: bool
    capital: bool


class _Cover:
    """Tells whether a span lies inside of one of some findings, or is the same."""

    def __init__(self, found: Sequence[Finding]) -> None:
        ordered = sorted(found)
        self._starts = [f.start for f in ordered]
        self._ends = list(accumulate((f.end for f in ordered), max))

    def __contains__(self, f: Finding) -> bool:
        place = bisect_right(self._starts, f.start)
        return place > 0 and f.end <= self._ends[place - 1]


def folded(word: str) -> str:
    """Return the form in which spellings of a word are equal: without case and accents, with one kind of i."""
    if word.isascii():
        return word.lower()
    apart = normalize("NFKD", normalize("NFKD", word).casefold())
    return normalize("NFC", _ACCENTS.sub("", apart)).replace("\u0131", "i")


def parts_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, folded; what hyphens and apostrophes join counts apart, and a possessive not."""
    return tuple(word.key for word in _name_words(name))


def canonical(name: str) -> str:
    """Return one spelling of a name for all: folded words, a hyphen within each that is joined, a blank between them.

    It is empty where the name has no words.
    """
    spelled, end = "", 0
    for word in _name_words(name):
        between = ("-" if name[end : word.start] in _JOINED else " ") if spelled else ""
        spelled, end = f"{spelled}{between}{word.key}", word.end
    return spelled


def is_name(value: str) -> bool:
    """Return whether a value can be somebody's name: words only, none of them with a digit or a sign of an address."""
    return "@" not in value and not any(map(str.isdigit, value))


def named(text: str, found: Sequence[Finding], own: Sequence[str] = ()) -> list[Finding]:
    """Return findings with each name that a model read masked in full wherever it stands.

    A name of several words is known again in any case. Of a person's, each word of three letters that is no common one
    is known again by itself, with a capital letter where the name was read with one. A person's name goes on over a
    hyphen to the end of the word. Names of one word are left to the model: too often they are no names.

    Args:
        text: In which the findings are.
        found: In order.
        own: Names that the reader may see; they are found whole, so that nothing is taken out of them.
    """
    read = [f for f in found if f.entity in FROM_MODEL]
    if not read:
        return list(found)
    others = [f for f in found if f.entity not in FROM_MODEL]
    words = list(_words(text))
    again = list(_again(words, text, _wanted(text, read, own), max(f.score for f in read)))
    whole = [f for f, name in again if name.whole]
    longer = _Cover(whole)
    read = [f for f in read if f not in longer]
    theirs = _Cover(read)
    whole = [f for f in whole if f not in theirs]
    parts = [f for f, name in again if not name.whole and f not in theirs]
    return [*others, *_over_hyphens([*read, *whole, *parts], words, text)]


def own_names(text: str, names: Sequence[str], found: Sequence[Finding]) -> list[Finding]:
    """Return where people whose names are known are named, as a model would have found them.

    A whole name counts in any case, and so does each of its words; what is a common word, too, or has two letters,
    counts with a capital letter only. Nobody is known by a single letter.

    Args:
        text: In which to look.
        names: As a table has them.
        found: What was found already; a person who stands there in full is not taken apart.
    """
    wanted: dict[tuple[str, ...], _Name] = {}
    for name in names:
        words = _name_words(name)
        keys = tuple(word.key for word in words)
        for spelled in (keys, ("".join(keys),)) if keys[1:] else ():
            wanted[spelled] = _Name(spelled, "PERSON", whole=True, capital=False)
        for key in keys:
            if len(key) > 1:
                weak = len(key) < _FEWEST_LETTERS or key in common_words()
                wanted.setdefault((key,), _Name((key,), "PERSON", whole=False, capital=weak))
    if not wanted:
        return []
    there = _Cover([f for f in found if f.entity == "PERSON"])
    again = _again(list(_words(text)), text, _by_first(wanted), 1.0)
    return [f for f, _ in again if f not in there]


def names_in(text: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the names of which a word may stand in a text: a quick look, which misses none."""
    read = folded(plain(text).text)
    return (name for name in names if any(part in read for part in parts_of(name)))


def _wanted(text: str, read: Sequence[Finding], own: Sequence[str]) -> dict[str, list[_Name]]:
    """Return what to look for by its first word, the longest first."""
    wanted: dict[tuple[str, ...], _Name] = {}
    mine = {parts_of(each) for each in own}

    def want(name: _Name) -> None:
        known = wanted.setdefault(name.keys, name)
        wanted[name.keys] = _Name(
            name.keys,
            max(name.entity, known.entity),  # a person before a place
            name.whole or known.whole,
            name.capital and known.capital,
        )

    for keys in mine:
        if len(keys) > 1:
            want(_Name(keys, "PERSON", whole=True, capital=False))
    for name, entity in dict.fromkeys((text[f.start : f.end], f.entity) for f in read):
        words = _name_words(name)
        keys = tuple(word.key for word in words)
        if not keys[1:] or keys in mine or common_words().issuperset(keys):
            continue
        without = tuple(word.replace("-", "") for word in canonical(name).split())
        for spelled in (keys, without, ("".join(keys),)):
            if sum(map(len, spelled)) >= _FEWEST_JOINED or len(spelled) > 1:
                want(_Name(spelled, entity, whole=True, capital=False))
        if entity == "PERSON":
            capital = any(word.written[0].isupper() for word in words)
            for part in _single(words, name):
                want(_Name(part, entity, whole=False, capital=capital))
    return _by_first(wanted)


def _by_first(wanted: dict[tuple[str, ...], _Name]) -> dict[str, list[_Name]]:
    by_first: dict[str, list[_Name]] = defaultdict(list)
    for keys, each in wanted.items():
        by_first[keys[0]].append(each)
    for some in by_first.values():
        some.sort(key=lambda each: -len(each.keys))
    return by_first


def _single(words: Sequence[_Word], name: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a name that are known by themselves, each alone and with what is joined to it."""
    compound: list[_Word] = []
    for word in words:
        if compound and name[compound[-1].end : word.start] not in _JOINED:
            compound = []
        compound.append(word)
        if len(compound) > 1:
            keys = tuple(each.key for each in compound)
            yield from (keys, ("".join(keys),))
        if len(word.key) >= _FEWEST_LETTERS and word.key not in common_words():
            yield (word.key,)


def _again(
    words: Sequence[_Word], text: str, wanted: dict[str, list[_Name]], score: float
) -> Iterator[tuple[Finding, _Name]]:
    """Yield each place where something wanted stands, of several the longest."""
    place = 0
    while place < len(words):
        for each in wanted.get(words[place].key, ()):
            there = words[place : place + len(each.keys)]
            if _is_there(each, there, text):
                yield Finding(there[0].start, there[-1].end, each.entity, score), each
                place += len(there) - 1
                break
        place += 1


def _is_there(name: _Name, there: Sequence[_Word], text: str) -> bool:
    if tuple(word.key for word in there) != name.keys:
        return False
    if name.capital and there[0].written[0].islower() and there[-1].written[0].islower():
        return False
    return all(_BETWEEN.fullmatch(text, a.end, b.start) for a, b in pairwise(there))


def _over_hyphens(found: Sequence[Finding], words: Sequence[_Word], text: str) -> Iterator[Finding]:
    """Yield findings, those of people to the end of the last capitalised word that a hyphen joins to them."""
    starts, ends = [word.start for word in words], [word.end for word in words]
    for f in found:
        start, end = f.start, f.end
        if f.entity == "PERSON":
            place = bisect_right(starts, end)
            while place < len(words) and text[end : starts[place]] in _HYPHENS and _is_capitalised(words[place]):
                end, place = ends[place], place + 1
            place = bisect_right(ends, start) - 1
            while place >= 0 and text[ends[place] : start] in _HYPHENS and _is_capitalised(words[place]):
                start, place = starts[place], place - 1
        yield replace(f, start=start, end=end)


def _is_capitalised(word: _Word) -> bool:
    return word.written[0].isupper() and not any(map(str.isdigit, word.written))


def _words(text: str) -> Iterator[_Word]:
    read, keys = plain(text), dict[str, str]()
    for match in _WORDS.finditer(read.text):
        written = match.group()
        key = keys.get(written)
        if key is None:
            key = keys[written] = folded(written)
        if key:
            yield _Word(*read.original(*match.span()), key, written)


def _name_words(name: str) -> list[_Word]:
    """Return the words of a name without numbers, without titles before it and a possessive behind it."""
    words = [word for word in _words(name) if not any(map(str.isdigit, word.written))]
    while len(words) > 1 and words[0].key in _TITLES:
        words = words[1:]
    if len(words) > 1 and words[-1].key == "s" and name[words[-2].end : words[-1].start] in _APOSTROPHES:
        words = words[:-1]
    return words
