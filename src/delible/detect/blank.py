"""Presidio's NLP engine without a model: tokens for context words, and nothing that is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import spacy
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from spacy.tokenizer import Tokenizer

LANGUAGE = "en"
"""Whose words context is told by."""
_RULES = ("rules", "prefix_search", "suffix_search", "infix_finditer", "token_match", "url_match", "faster_heuristics")


class BlankNlpEngine(NlpEngine):
    """Tokens for Presidio's context words, from a spaCy pipeline without a model."""

    engine_name = "blank"
    is_available = True
    is_blank = True
    """It names nothing, so a recognizer that repeats what a model named need not run."""

    def __init__(self, rules: Tokenizer | None = None) -> None:
        self._nlp: spacy.language.Language | None = None
        self._rules = rules

    def load(self) -> None:
        """Build the tokenizer, by the rules of another one if there is one; nothing is read from disk or fetched."""
        self._nlp = spacy.blank(LANGUAGE)
        self._nlp.max_length = 10_000_000
        if self._rules is not None:
            rules = {name: getattr(self._rules, name) for name in _RULES}
            self._nlp.tokenizer = Tokenizer(self._nlp.vocab, **rules)

    def is_loaded(self) -> bool:
        """Return whether `load` has run."""
        return self._nlp is not None

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Return the tokens, with their lower-case form in place of the lemma.

        A blank pipeline has empty lemmas, with which Presidio would never see a context word such as "ssn".
        """
        doc = self._loaded(text)
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
            scores=[],
        )

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,
        batch_size: int = 1,  # noqa: ARG002 -- Presidio's signature
        n_process: int = 1,  # noqa: ARG002
        **_: Any,
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Yield each text with its tokens."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:  # noqa: ARG002 -- Presidio's signature
        """Return whether the language counts the word among its stop words."""
        return bool(self._loaded.vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002 -- Presidio's signature
        """Return whether the token is punctuation."""
        return bool(self._loaded.vocab[word].is_punct)

    def get_supported_entities(self) -> list[str]:
        """Return no entities: there is no model that would know any."""
        return []

    def get_supported_languages(self) -> list[str]:
        """Return the one language whose tokenizer is used."""
        return [LANGUAGE]

    @property
    def nlp(self) -> dict[str, spacy.language.Language]:
        """The pipeline by language, as Presidio's own engines have it."""
        return {LANGUAGE: self._loaded}

    @property
    def _loaded(self) -> spacy.language.Language:
        if self._nlp is None:
            self.load()
        assert self._nlp is not None  # noqa: S101 -- for the type checker; load() has just set it
        return self._nlp
