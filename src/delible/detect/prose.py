"""Which values people may have written, and so are worth the time of a model that reads; and which it cannot read."""

from __future__ import annotations

import re
from typing import NamedTuple

from delible.model.nlp_model import NlpModel

_WORDS = re.compile(r"(?<!\S)[\"'(]*[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,;:!?)\"']*(?!\S)")
_FEWEST_WORDS, _MOSTLY, _FEWEST_LOWER = 4, 0.6, 2

_LETTERS = r"(?:[^\W\d_]{2,}(?:['\u2019.-][^\W\d_]+)*|[^\W\d_](?=\.))"
_WORD = rf"(?<![^\s,;|\"'(\[{{<>&*!?~\u2013\u2014]){_LETTERS}(?![^\s,;:=|\"')\]}}<>&*!?.~\u2013\u2014]|://|\.\w)"
_TWO_WORDS = re.compile(rf"{_WORD}.*?{_WORD}", re.DOTALL)
"""Two words of letters only, each between blanks, punctuation or the signs of forms and logs: none of `urn:isbn:x`,
`com.acme.Pool`, `C:\\Program Files\\x`, `ANNA-LOPEZ-0042`, `a@b.example`, `https://a.example/b`."""
_JOINS = re.compile(r"[\s,;|\"<>]")
_PRODUCT = re.compile(r"[A-Za-z]+/\d[\d.]*(?=[\s(]|$)")
"""A browser as it names itself: `Mozilla/5.0 (X11; Linux)`."""

_FOREIGN = re.compile(
    r"[\u0370-\u1dff\u1f00-\u1fff\u2c00-\u2c5f\u2c80-\ua6ff\uaa80-\uab2f\uabc0-\ufaff\ufb13-\ufdff\ufe70-\ufeff"
    r"\uff66-\uffdc\U00010280-\U0001bfff\U0001e100-\U0001e9ff\U00020000-\U000323af]"
)
"""Letters, and signs among them, of other scripts than Latin."""
_FEWEST_FOREIGN, _SOME_FOREIGN = 2, 0.1
_LATIN_ONLY = frozenset({"shipped", "spacy"})


class Text(NamedTuple):
    """What a model makes of a value.

    Args:
        read: It is asked about it.
        running: The value is running text, in which the model errs less than in titles and names of products.
        unread: There may be names in it that the model cannot read.
    """

    read: bool
    running: bool
    unread: bool


def text_of(value: str, nlp: NlpModel) -> Text:
    """Return whether the model is asked about a value, and whether names in it may go unseen.

    Whatever has two words of letters is read, in capitals, in forms, lists and logs as well. Keys, codes, single words,
    dates, numbers, paths, links and what browsers call themselves are not. Nothing is read without a model, and no
    spaCy pipeline for English reads another script; what a transformer or GLiNER reads is for its maker to say.
    """
    if _PRODUCT.match(value) is not None:
        return Text(read=False, running=False, unread=False)
    running = looks_like_prose(value)
    if nlp.engine == "none":
        return Text(read=False, running=running, unread=running or is_foreign(value))
    foreign = is_foreign(value)
    unread = foreign and nlp.engine in _LATIN_ONLY
    return Text(read=running or has_words(value) or (foreign and not unread), running=running, unread=unread)


def looks_like_prose(value: str) -> bool:
    """Return whether people may have written the value as running text.

    At least four words of letters only, two of them in lower case, and most of what stands between blanks are such
    words.
    """
    if value.count(" ") + value.count("\n") < _FEWEST_WORDS - 1:
        return False
    words = _WORDS.findall(value)
    lower = sum(word[:1].islower() for word in words)
    return len(words) >= max(_FEWEST_WORDS, _MOSTLY * len(value.split())) and lower >= _FEWEST_LOWER


def has_words(value: str) -> bool:
    """Return whether two words stand in a value, which no key, code, path and link has."""
    return _JOINS.search(value) is not None and _TWO_WORDS.search(value) is not None


def is_foreign(value: str) -> bool:
    """Return whether a tenth of a value's letters, and two at least, are of another script than Latin."""
    if value.isascii():
        return False
    foreign = sum(map(str.isalpha, _FOREIGN.findall(value)))
    return foreign >= max(_FEWEST_FOREIGN, _SOME_FOREIGN * sum(map(str.isalpha, value)))
