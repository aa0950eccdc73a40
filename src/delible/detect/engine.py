"""One Presidio analyzer per process, built from what is installed: no download, no network."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from delible.detect.database import kept
from delible.detect.entities import ALWAYS, MODEL_THRESHOLD, NATIONAL_THRESHOLD, THRESHOLDS, believed
from delible.detect.memory import forgetting
from delible.detect.national import national
from delible.detect.nlp import reader
from delible.detect.own import own_recognizers
from delible.detect.patterns import Expression
from delible.detect.scanner import Scanner, Spotted, expressions_of
from delible.detect.spellings import REPLACED, recognizers
from delible.model.detection import DEFAULT_DETECTION, Detection

LANGUAGE = "en"


class BlankNlpEngine(NlpEngine):
    """Tokens for Presidio's context words, from a spaCy pipeline without a model."""

    engine_name = "blank"
    is_available = True
    is_blank = True
    """It names nothing, so a recognizer that repeats what a model named need not run."""

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
    def nlp(self) -> dict[str, spacy.language.Language]:
        """The pipeline by language, as Presidio's own engines have it."""
        return {LANGUAGE: self._loaded}

    @property
    def _loaded(self) -> spacy.language.Language:
        if self._nlp is None:
            self.load()
        assert self._nlp is not None  # noqa: S101 -- for the type checker; load() has just set it
        return self._nlp


class Engine:
    """A loaded analyzer with the types it looks for and their thresholds."""

    def __init__(self, detection: Detection = DEFAULT_DETECTION) -> None:
        for name in ("presidio-analyzer", "presidio-anonymizer"):
            logging.getLogger(name).setLevel(logging.WARNING)  # at DEBUG it writes words of the text into the log
        # Whoever imported tldextract before this package did got one that asks the network.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
        read = reader(detection.nlp)
        registry = RecognizerRegistry(supported_languages=[LANGUAGE])
        registry.load_predefined_recognizers(languages=[LANGUAGE], nlp_engine=read.engine, countries=list(ALWAYS))
        for name in REPLACED:
            registry.remove_recognizer(name)
        for own in recognizers(LANGUAGE):
            registry.add_recognizer(own)
        self.thresholds = dict(THRESHOLDS)
        for recognizer in national(detection.countries, THRESHOLDS, LANGUAGE):
            registry.recognizers = [r for r in registry.recognizers if type(r).__name__ != type(recognizer).__name__]
            registry.add_recognizer(recognizer)
            self.thresholds |= dict.fromkeys(recognizer.supported_entities, NATIONAL_THRESHOLD)
        for recognizer in own_recognizers(detection, LANGUAGE):
            registry.add_recognizer(recognizer)
        self.thresholds |= {r.type: float(r.threshold) for r in detection.recognizers if r.reads_values}
        for reading in read.recognizers:
            registry.add_recognizer(reading)
        self.thresholds |= dict.fromkeys(read.entities, MODEL_THRESHOLD)
        self._scanner: Scanner | None = None
        self._has_database = False
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=read.engine, supported_languages=[LANGUAGE])

    @property
    def expressions(self) -> list[Expression]:
        """The expressions that a gate can be built for, in an order that does not change."""
        return expressions_of(self._analyzer, LANGUAGE, list(self.thresholds))

    def use(self, database: bytes | None) -> None:
        """Look for patterns with a database of Hyperscan's that was compiled elsewhere for the same expressions."""
        if self._scanner is None or (database is not None and not self._has_database):
            self._has_database = database is not None
            self._scanner = Scanner(self._analyzer, LANGUAGE, list(self.thresholds), database=database)

    def analyze(self, text: str) -> list[Spotted]:
        """Return type, start, end and score of what passes its type's threshold, in Presidio's order.

        This is plain Presidio, against which `analyze_all` is judged.
        """
        with forgetting(self._analyzer.nlp_engine, LANGUAGE):
            found = self._analyzer.analyze(text, LANGUAGE, entities=list(self.thresholds), score_threshold=0.0)
        return self._believed(text, ((f.entity_type, f.start, f.end, f.score) for f in found))

    def analyze_all(self, texts: Iterable[str]) -> Iterator[tuple[str, list[Spotted]]]:
        """Yield each distinct text with what `analyze` returns for it, many times faster."""
        if self._scanner is None:
            self.use(kept(self.expressions))
        assert self._scanner is not None  # noqa: S101 -- for the type checker; use() has just set it
        for text, found in self._scanner.analyze_all(texts):
            yield text, self._believed(text, found)

    def _believed(self, text: str, found: Iterable[Spotted]) -> list[Spotted]:
        return [f for f in found if believed(f[0], text[f[1] : f[2]], f[3], self.thresholds)]


@lru_cache(maxsize=8)
def engine(detection: Detection = DEFAULT_DETECTION) -> Engine:
    """Return this process's engine. Spark reuses its Python workers, so each builds it once (0.3 s).

    Raises:
        InputError: `detect.model_missing`, `detect.model_unfit` when the configured model cannot be used.
    """
    return Engine(detection)
