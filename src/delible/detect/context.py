"""Presidio's context words for a pipeline without a model: the same words around a finding, without spaCy's documents.

spaCy cuts a text at white space and tokenizes each piece by itself, so pieces are tokenized once and remembered. What
it does across pieces, namely to join signs into emoticons and the like, is recognised beforehand and left to it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import contains, eq
from typing import Any

from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

from delible.detect.memory import forgetting
from delible.detect.tokens import Splitter

_PIECES = re.compile(r"\s+|\S+").findall
_REMEMBERED, _LONGEST_REMEMBERED = 50_000, 40


@dataclass(frozen=True)
class Reading:
    """The tokens of a text.

    Args:
        ends: Where each token ends.
        words: Each token in lower case.
        keywords: The words that count; stop words and punctuation do not.
    """

    ends: Sequence[int]
    words: Sequence[str]
    keywords: frozenset[str] | set[str]


@dataclass(frozen=True, slots=True)
class _Piece:
    ends: tuple[int, ...]
    words: tuple[str, ...]
    keywords: tuple[str, ...]
    tails: tuple[str, ...]
    heads: tuple[str, ...]


class Words:
    """Reads texts as a blank spaCy pipeline does; remembers a bounded number of short pieces."""

    def __init__(self, nlp_engine: Any, language: str) -> None:
        self._engine, self._language = nlp_engine, language
        tokenizer = nlp_engine.nlp[language].tokenizer
        self._pieces: dict[str, _Piece] = {}
        self._splitter = Splitter(tokenizer)
        self.readable = not any(len(rule) > 1 and re.search(r"\s", rule) for rule in tokenizer.rules)

    def read(self, text: str) -> Reading | None:
        """Return a text's tokens, or None where pieces may be joined."""
        ends: list[int] = []
        words: list[str] = []
        keywords: set[str] = set()
        tails: tuple[str, ...] = ()
        for start, span in _spans(text):
            piece = self._pieces.get(span) or self._piece(span)
            if tails and piece.heads and any((a, b) in self._splitter.pairs for a in tails for b in piece.heads):
                return None
            ends += [start + end for end in piece.ends] if start else piece.ends
            words += piece.words
            keywords.update(piece.keywords)
            tails = piece.tails
        return Reading(ends, words, keywords)

    def _piece(self, span: str) -> _Piece:
        tokens = None if span[0].isspace() else self._splitter.split(span)
        if tokens is not None:
            words = tuple(token.lower() for token in tokens)
            keywords = self._splitter.keywords(words)
            ends = tuple(accumulate(map(len, tokens)))
            tails, heads = self._splitter.first_of_a_pair(tokens[-1:]), self._splitter.second_of_a_pair(tokens[:1])
            piece = _Piece(ends, tuple(word.lower() for word in words), keywords, tails, heads)
        else:
            piece = self._by_spacy(span)
        if len(span) <= _LONGEST_REMEMBERED:
            if len(self._pieces) >= _REMEMBERED:
                self._pieces.clear()
            self._pieces[span] = piece
        return piece

    def _by_spacy(self, span: str) -> _Piece:
        tails, heads = self._splitter.tails(span), self._splitter.heads(span)
        with forgetting(self._engine, self._language):
            read = self._engine.process_text(span, self._language)
            ends = tuple(token.idx + len(token) for token in read.tokens)
            return _Piece(ends, tuple(word.lower() for word in read.lemmas), tuple(read.keywords), tails, heads)


def _spans(text: str) -> Iterator[tuple[int, str]]:
    """Yield runs of white space and of other characters; the blank that begins a run after words is no token."""
    start = 0
    for span in _PIECES(text):
        rest = span[1:] if start and span[0] == " " else span
        if rest:
            yield start + len(span) - len(rest), rest
        start += len(span)


class Boost:
    """Adds to the score of findings that have a context word near them, as Presidio's enhancer does."""

    def __init__(self, enhancer: Any, words: Words) -> None:
        self._enhancer, self._words = enhancer, words
        self._matches = eq if enhancer.context_matching_mode == "whole_word" else contains

    def possible(self, context: Sequence[str] | None, lowered: str) -> bool:
        """Return whether a context word may stand in a text; it must be part of one token.

        A sigma is written in two ways in lower case, by its neighbours.
        """
        return any(word in lowered or "\u03c3" in word for word in _lowered(tuple(context or ())))

    def scores(self, text: str, found: Sequence[tuple[int, float, Sequence[str]]]) -> list[float] | None:
        """Return the scores of findings, given by start, score and context words; None where spaCy has to be asked."""
        reading = self._words.read(text)
        if reading is None or (reading.ends and any(start >= reading.ends[-1] for start, _, _ in found)):
            return None
        return [self._score(reading, start, score, context) for start, score, context in found]

    def _score(self, reading: Reading, start: int, score: float, context: Sequence[str]) -> float:
        around = {keyword.lower() for keyword in self._around(reading, start)} if context else ()
        if not any(self._matches(keyword, word) for word in _lowered(tuple(context)) for keyword in around):
            return score
        enhancer = self._enhancer
        lifted = max(score + enhancer.context_similarity_factor, enhancer.min_score_with_context_similarity)
        return float(min(lifted, enhancer.MAX_SCORE))

    def _around(self, reading: Reading, start: int) -> list[str]:
        if not reading.ends:
            return [""]
        place = bisect_right(reading.ends, start)
        before = range(place, -1, -1), self._enhancer.context_prefix_count
        after = range(place, len(reading.words)), self._enhancer.context_suffix_count
        around: list[str] = []
        for places, count in (before, after):
            left = count + 1
            for i in places:
                if left <= 0:
                    break
                if reading.words[i] in reading.keywords:
                    around.append(reading.words[i])
                    left -= 1
        return around


@lru_cache(maxsize=1_000)
def _lowered(context: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in context))


def is_read(enhancer: Any) -> bool:
    """Return whether the enhancer is the one of Presidio's that is followed here."""
    return type(enhancer) is LemmaContextAwareEnhancer
