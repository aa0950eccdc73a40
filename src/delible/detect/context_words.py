"""Words that make a finding near them surer, in the spellings in which people type them.

Presidio's enhancer compares a context word with one word of the text at a time, in lower case and letter by letter:
a phrase matches nothing, and `sécurité` does not match `securite`. So each word is given in each spelling.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import combining, normalize

_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe"})
_NO_ACCENT = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "\u0131": "i", "ß": "ss"})


def context_words(words: Iterable[str]) -> list[str]:
    """Return words in small letters: as given, without accents, with umlauts as two letters, and decomposed."""
    found: dict[str, None] = {}
    for given in words:
        word = normalize("NFC", given.lower())
        bare = "".join(c for c in normalize("NFD", word) if not combining(c)).translate(_NO_ACCENT)
        found |= dict.fromkeys((word, bare, word.translate(_TWO_LETTERS), normalize("NFD", word)))
    return list(found)
