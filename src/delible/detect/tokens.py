"""spaCy's tokenizer for one piece of text without white space, by spaCy's own rules, without its documents.

A document costs many times what the rules cost, since each new word gets an entry of its own in the vocabulary. What
special cases touch, such as contractions and emoticons, is left to spaCy: `split` says None.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from spacy.attrs import IS_PUNCT, IS_STOP
from spacy.tokenizer import Tokenizer


class Splitter:
    """Splits as a tokenizer does.

    Attributes:
        pairs: Neighbouring tokens of all special cases, as they are before spaCy joins them.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._rules = frozenset(tokenizer.rules)
        self._prefix, self._suffix = tokenizer.prefix_search, tokenizer.suffix_search
        self._infixes, self._url = tokenizer.infix_finditer, tokenizer.url_match
        self._usable = tokenizer.token_match is None and None not in (
            self._prefix,
            self._suffix,
            self._infixes,
            self._url,
        )
        self._is_stop = tokenizer.vocab.lex_attr_getters[IS_STOP]
        self._is_punct = tokenizer.vocab.lex_attr_getters[IS_PUNCT]
        self.pairs = _pairs(tokenizer)
        self._firsts, self._seconds = {first for first, _ in self.pairs}, {second for _, second in self.pairs}
        self._tails, self._heads = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for first, second in self.pairs:
            self._tails[first[-1]].add(first)
            self._heads[second[0]].add(second)

    def tails(self, piece: str) -> tuple[str, ...]:
        """Return the tokens at the end of a piece that a special case could join to the next piece's beginning."""
        return tuple(each for each in self._tails.get(piece[-1], ()) if piece.endswith(each))

    def heads(self, piece: str) -> tuple[str, ...]:
        """Return the tokens at the beginning of a piece that a special case could join to what is before it."""
        return tuple(each for each in self._heads.get(piece[0], ()) if piece.startswith(each))

    def first_of_a_pair(self, tokens: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the tokens that begin one of the `pairs`."""
        return tuple(token for token in tokens if token in self._firsts)

    def second_of_a_pair(self, tokens: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the tokens that end one of the `pairs`."""
        return tuple(token for token in tokens if token in self._seconds)

    def keywords(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the parts of words that count, as Presidio's `NlpArtifacts` chooses them."""
        counted = (w for w in words if not (self._is_stop(w) or self._is_punct(w) or w in ("-PRON-", "be")))
        return tuple(part for word in counted for part in word.lower().split(":"))

    def split(self, piece: str) -> tuple[str, ...] | None:
        """Return the tokens of a piece without white space, or None where a special case may be among them."""
        if not self._usable or piece in self._rules:
            return None
        before: list[str] = []
        after: list[str] = []
        rest, length = piece, 0
        while rest and len(rest) != length:
            if rest in self._rules:
                return None
            length = len(rest)
            prefix, suffix = _length(self._prefix(rest)), 0
            if prefix and rest[prefix:] in self._rules:
                return None
            suffix = _length(self._suffix(rest[prefix:]))
            if suffix and rest[:-suffix] in self._rules:
                return None
            before += [rest[:prefix]] if prefix else []
            after += [rest[-suffix:]] if suffix else []
            rest = rest[prefix : len(rest) - suffix]
        tokens = (*before, *self._inside(rest), *reversed(after))
        if any(each in self._rules for each in tokens) or any(pair in self.pairs for pair in pairwise(tokens)):
            return None
        return tokens if "".join(tokens) == piece else None

    def _inside(self, rest: str) -> list[str]:
        if not rest or self._url(rest):
            return [rest] if rest else []
        parts, start = [], 0
        for match in self._infixes(rest):
            if match.start() != 0:
                parts += [rest[start : match.start()], match.group()]
                start = match.end()
        return [part for part in (*parts, rest[start:]) if part]


def _length(match: Any) -> int:
    return match.end() - match.start() if match is not None else 0


def _pairs(tokenizer: Any) -> frozenset[tuple[str, str]]:
    without = Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )
    tokens = [[token.text for token in without(rule)] for rule in tokenizer.rules]
    return frozenset(pair for each in tokens for pair in pairwise(each))
