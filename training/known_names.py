"""Write the first and last names by which columns of names are known: `python training/known_names.py`.

From Faker's lists of all its locales (MIT), names.txt and more_names.txt, in Latin letters without accents; Cyrillic,
Greek and Korean lists are romanised. Words that mostly mean something else are left out.
"""

from __future__ import annotations

import importlib
import lzma
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator

from lists import ordinary_words, paragraphs

from delible.detect.known_names import FILE
from delible.detect.vocabularies import folded


def _parts(text: str) -> list[str]:
    return text.split()


_LETTERS = {
    "абвгґдеєжзиіїйклмнопрстуфхцчшщъыьэюяё": (
        _parts("a b v h g d e ye zh z i i yi y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya yo")
    ),
    "αβγδεζηθικλμνξοπρσςτυφχψω": _parts("a v g d e z i th i k l m n x o p r s s t y f ch ps o"),
}
_ROMAN = {
    letter: "" if roman == "-" else roman for row, of in _LETTERS.items() for letter, roman in zip(row, of, strict=True)
}
_ROMAN["\u0433"] = "g"  # Ukrainian has it, too, as h
_INITIAL = _parts("g kk n d tt r m b pp s ss - j jj ch k t p h")
_MEDIAL = _parts("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_FINAL = _parts("- k k k n n n t l k m l l l p l m p p t t ng t t k t p t")
_HANGUL, _HANGUL_END = 0xAC00, 0xD7A3
_KINDS = {
    "first": r"first(_romanized)?_names(_fe?male)?(_est)?",
    "last": r"(male_|unisex_)?last(_romanized)?_names(_fe?male)?",
}
_FEWEST = 3
_OF_THINGS = """air alpha angel art autumn bar bay bear bell bird black blue bolt book bottle box brown car case chance
china city cloud coffee cross crystal dark day deep diamond earth east edge faith fire fish flower forest free front
garden gem general gold golden grace grand gray green grey hand happy hard head heart heaven high hill honey hope house
ice india ivory jade jewel joy key king lake lamp land lane large left light little long love lower market master mercy
mint moon mountain music new night north ocean old opal orange park paris pearl peace pink plain point price prince
princess pure purple queen rain red ring river road rock royal ruby sage sand sea short silver sky small snow song south
spring star steel stone storm street summer sun sweet table tall tower town tree trinity true upper velvet violet wall
water west white wild wind winter wolf wood world yellow young"""


def romanised(name: str) -> str:
    """Return a name in Latin letters without accents, as `folded` leaves it; other scripts stay."""
    return folded("".join(map(_roman, folded(name))))


def _roman(letter: str) -> str:
    if _HANGUL <= ord(letter) <= _HANGUL_END:
        rest, final = divmod(ord(letter) - _HANGUL, len(_FINAL))
        initial, medial = divmod(rest, len(_MEDIAL))
        return (_INITIAL[initial] + _MEDIAL[medial] + _FINAL[final]).replace("-", "")
    return _ROMAN.get(letter, letter)


def names(kind: str) -> frozenset[str]:
    """Return all names of a kind, `first` or `last`."""
    found = {romanised(name) for name in (*_of_faker(_KINDS[kind]), *_own(kind))}
    return frozenset(n for n in found if len(n) >= _FEWEST - (kind == "last") and _is_plain(n)) - _ordinary()


def _ordinary() -> frozenset[str]:
    """Return words of everyday texts, and those of titles and products."""
    return frozenset(map(folded, ordinary_words())) | frozenset(_OF_THINGS.split())


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z' -]*", name) is not None


def _own(kind: str) -> Iterator[str]:
    for file in ("names.txt", "more_names.txt"):
        for key, entries in paragraphs(file).items():
            if key.endswith(f" {kind}"):
                yield from entries


def _of_faker(pattern: str) -> Iterator[str]:
    root = importlib.import_module("faker.providers.person")
    for module in sorted(pkgutil.iter_modules(root.__path__), key=lambda m: m.name):
        provider = importlib.import_module(f"{root.__name__}.{module.name}").Provider
        for name in dir(provider):
            value = getattr(provider, name)
            if re.fullmatch(pattern, name) and isinstance(value, Iterable):
                yield from (w for w in value if isinstance(w, str) and "{" not in w)


def content() -> str:
    """Return the file's text: first names, an empty line, last names, each sorted."""
    return "\n\n".join("\n".join(sorted(names(kind))) for kind in _KINDS)


def main() -> int:
    """Write the file."""
    FILE.write_bytes(lzma.compress(content().encode(), preset=9))
    return 0


if __name__ == "__main__":
    sys.exit(main())
