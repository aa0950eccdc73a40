"""One Presidio analyzer per process, built from what is installed: no download, no network."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import spacy
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, PatternRecognizer, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as predefined
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from delible.detect.entities import DEFAULT_COUNTRIES, MODEL_THRESHOLD, NATIONAL_THRESHOLD, THRESHOLDS
from delible.detect.nlp import reader
from delible.model.detection import SHIPPED, NlpModel

LANGUAGE = "en"

_PRIVATE_DOMAINS = re.compile(
    r"\.(example|test|invalid|localhost|local|internal|intranet|private|corp|home|lan)$", re.IGNORECASE
)
"""Special-use domains (RFC 2606, RFC 6761, RFC 6762) and the usual private ones: in no public list of suffixes, and
yet the addresses that a company's own tables are full of."""


class BlankNlpEngine(NlpEngine):
    """Tokens for Presidio's context words, from a spaCy pipeline without a model."""

    engine_name = "blank"
    is_available = True

    def __init__(self) -> None:
        self._nlp: spacy.language.Language | None = None

    def load(self) -> None:
        """Build the tokenizer; nothing is read from disk or fetched."""
        self._nlp = spacy.blank(LANGUAGE)
        self._nlp.max_length = 10_000_000

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
    def _loaded(self) -> spacy.language.Language:
        if self._nlp is None:
            self.load()
        assert self._nlp is not None  # noqa: S101 -- for the type checker; load() has just set it
        return self._nlp


class EmailRecognizer(predefined.EmailRecognizer):
    """Presidio's e-mail recognizer, which also accepts addresses on private and special-use domains."""

    def validate_result(self, pattern_text: str) -> bool:
        """Return whether the domain ends in a public suffix or in a private one."""
        return bool(super().validate_result(pattern_text)) or _PRIVATE_DOMAINS.search(pattern_text) is not None


class Engine:
    """A loaded analyzer with the types it looks for and their thresholds."""

    def __init__(self, countries: tuple[str, ...] = DEFAULT_COUNTRIES, nlp: NlpModel = SHIPPED) -> None:
        for name in ("presidio-analyzer", "presidio-anonymizer"):
            logging.getLogger(name).setLevel(logging.WARNING)  # at DEBUG it writes words of the text into the log
        read = reader(nlp)
        registry = RecognizerRegistry(supported_languages=[LANGUAGE])
        registry.load_predefined_recognizers(
            languages=[LANGUAGE], nlp_engine=read.engine, countries=list(DEFAULT_COUNTRIES)
        )
        registry.remove_recognizer("EmailRecognizer")
        registry.add_recognizer(EmailRecognizer(supported_language=LANGUAGE))
        national = _national(set(countries) - set(DEFAULT_COUNTRIES))
        for recognizer in (*national, *read.recognizers):
            registry.add_recognizer(recognizer)
        self.thresholds = THRESHOLDS | {
            entity: NATIONAL_THRESHOLD for recognizer in national for entity in recognizer.supported_entities
        }
        self.thresholds |= dict.fromkeys(read.entities, MODEL_THRESHOLD)
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=read.engine, supported_languages=[LANGUAGE])

    def analyze(self, text: str) -> list[tuple[str, int, int, float]]:
        """Return type, start, end and score of what passes its type's threshold, in Presidio's order."""
        found = self._analyzer.analyze(text, LANGUAGE, entities=list(self.thresholds), score_threshold=0.0)
        return [(f.entity_type, f.start, f.end, f.score) for f in found if f.score >= self.thresholds[f.entity_type]]


def _national(countries: set[str]) -> list[EntityRecognizer]:
    """Return Presidio's recognizers of the given countries, made to read texts of our one language.

    Presidio ties many of them to their country's language, in which a table's bare values are not written.
    """
    found: list[EntityRecognizer] = []
    for name in sorted(dir(predefined)):
        make: Any = getattr(predefined, name)
        if isinstance(make, type) and issubclass(make, PatternRecognizer) and make.COUNTRY_CODE in countries:
            found.append(make(supported_language=LANGUAGE))  # type: ignore[call-arg] # each names its own entity
    return found


@lru_cache(maxsize=4)
def engine(countries: tuple[str, ...] = DEFAULT_COUNTRIES, nlp: NlpModel = SHIPPED) -> Engine:
    """Return this process's engine. Spark reuses its Python workers, so each builds it once (0.3 s).

    Raises:
        InputError: `detect.model_missing`, `detect.model_unfit` when the configured model cannot be used.
    """
    return Engine(countries, nlp)
