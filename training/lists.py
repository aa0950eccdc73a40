"""Lists of names, places and words: from the files beside this one, and from Faker; all of them in a fixed order."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
_LATIN_END = 0x250
_FEWEST = 8
"""Words that make a list; Faker's shorter ones are leftovers of another provider."""

_WORD_LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL")
_ENGLISH_WORDS = 10
"""How often an English word stands in the list of ordinary words for each one of another language."""


def _is_latin(text: str) -> bool:
    return all(ord(letter) < _LATIN_END or letter in "\u2019-" for letter in text)


@lru_cache(maxsize=8)
def paragraphs(name: str) -> dict[str, list[str]]:
    """Return the entries of a file by the heading in brackets that they stand under."""
    found: dict[str, list[str]] = defaultdict(list)
    kind = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]\n")
        elif line and not line.startswith("#"):
            found[kind] += [entry.strip() for entry in line.split("|")]
    return dict(found)


def _from_faker(package: str, pattern: str) -> dict[str, list[str]]:
    """Return Faker's lists by locale: the attributes of its providers whose name fits, in Latin letters."""
    root = importlib.import_module(f"faker.providers.{package}")
    found: dict[str, list[str]] = {}
    for module in sorted(pkgutil.iter_modules(root.__path__), key=lambda m: m.name):
        provider = importlib.import_module(f"{root.__name__}.{module.name}").Provider
        words: set[str] = set()
        for name in dir(provider):
            value = getattr(provider, name)
            if re.fullmatch(pattern, name) and isinstance(value, Iterable):
                words |= {w for w in value if isinstance(w, str) and "{" not in w and len(w) > 1 and _is_latin(w)}
        if len(words) >= _FEWEST:
            found[module.name] = sorted(words)
    return found


@lru_cache(maxsize=1)
def people() -> dict[str, tuple[list[str], list[str]]]:
    """Return first and last names by locale."""
    firsts = _from_faker("person", r"first(_romanized)?_names(_fe?male)?")
    lasts = _from_faker("person", r"(male_|unisex_)?last(_romanized)?_names(_fe?male)?")
    found = {locale: (firsts[locale], lasts[locale]) for locale in firsts if locale in lasts}
    own = paragraphs("names.txt")
    for locale in sorted({key.split()[0] for key in own} - {"nick"}):
        found[f"own_{locale}"] = (own[f"{locale} first"], own[f"{locale} last"])
    return found


@lru_cache(maxsize=1)
def places() -> dict[str, list[str]]:
    """Return places by kind; `town` are the smaller ones of many countries."""
    found = dict(paragraphs("places.txt"))
    towns = _from_faker("address", r"(real_)?cit(ies|y_names)|province_lgus")
    found["town"] = sorted({t for some in towns.values() for t in some[:400]})
    streets = _from_faker("address", r"streets|street_names|places")
    found["foreign_street"] = sorted({s for some in streets.values() for s in some[:300]})
    states = _from_faker("address", r"states|provinces|regions|distritos")
    found["foreign_region"] = sorted({s for some in states.values() for s in some if s.isalpha() and len(s) >= 5})
    return found


@lru_cache(maxsize=1)
def jobs() -> list[str]:
    """Return occupations, written in different ways."""
    from faker.providers.job.en_US import Provider

    return [*paragraphs("fillers.txt")["job"] * 10, *(each.split(",")[0] for each in Provider.jobs)]


@lru_cache(maxsize=1)
def ordinary_words() -> list[str]:
    """Return lower-case words that name nobody, most of them English."""
    found: list[str] = []
    for locale in _WORD_LOCALES:
        words = importlib.import_module(f"faker.providers.lorem.{locale}").Provider.word_list
        times = _ENGLISH_WORDS if locale == "en_US" else 1
        found += sorted({w for w in words if w.isalpha() and w.islower() and len(w) > 3 and _is_latin(w)}) * times
    return found


@lru_cache(maxsize=4)
def _chain(kind: str) -> dict[str, list[str]]:
    if kind == "word":
        source = ordinary_words()
    elif kind == "town":
        source = places()["town"] + places()["city"]
    else:
        source = [w for first, last in people().values() for w in (first if kind == "first" else last)]
    chain: dict[str, list[str]] = defaultdict(list)
    for word in sorted({w.lower() for w in source if w.isalpha()}):
        padded = f"^^{word}$"
        for i in range(len(padded) - 2):
            chain[padded[i : i + 2]].append(padded[i + 2])
    return dict(chain)


def invented(rng: random.Random, kind: str) -> str:
    """Return a word that sounds like one of its kind and is in no list, so that its surroundings must settle it.

    Args:
        kind: `first`, `last`, `town`, or `word` for an ordinary one in lower case.
    """
    chain = _chain(kind)
    while True:
        word, state = "", "^^"
        while len(word) < 14:
            letter = rng.choice(chain[state])
            if letter == "$":
                break
            word, state = word + letter, state[1] + letter
        if 3 <= len(word) <= 12:
            return word if kind == "word" else word.capitalize()
