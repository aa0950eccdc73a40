"""One Presidio analyzer per process, built from what is installed: no download, no network."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from delible.detect.blank import LANGUAGE
from delible.detect.database import kept
from delible.detect.entities import ALWAYS, MODEL_THRESHOLD, NATIONAL_THRESHOLD, THRESHOLDS, believed, sought
from delible.detect.memory import forgetting
from delible.detect.national import national
from delible.detect.nlp import reader
from delible.detect.own import bound, own_recognizers
from delible.detect.patterns import Expression
from delible.detect.scanner import Scanner, Spotted, expressions_of
from delible.detect.spellings import REPLACED, recognizers
from delible.model.detection import DEFAULT_DETECTION, Detection


class Engine:
    """A loaded analyzer with the types it looks for and their thresholds."""

    def __init__(self, detection: Detection = DEFAULT_DETECTION) -> None:
        for name in ("presidio-analyzer", "presidio-anonymizer"):
            logging.getLogger(name).setLevel(logging.WARNING)  # at DEBUG it writes words of the text into the log
        # Whoever imported tldextract before this package did got one that asks the network.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
        read = reader(detection.nlp)
        patterns = _patterns(detection.unread)
        registry = RecognizerRegistry(recognizers=list(patterns.recognizers), supported_languages=[LANGUAGE])
        registry.add_nlp_recognizer(read.engine)
        for reading in read.recognizers:
            registry.add_recognizer(reading)
        self.thresholds = {**patterns.thresholds, **dict.fromkeys(read.entities, MODEL_THRESHOLD)}
        self._scanner: Scanner | None = None
        self._has_database = self._is_bounded = False
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=read.engine, supported_languages=[LANGUAGE])

    @property
    def analyzer(self) -> AnalyzerEngine:
        """Presidio's own engine, which judges."""
        return self._analyzer

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

        This is plain Presidio, against which `analyze_all` is judged; but a pattern that it would give up is an error.

        Raises:
            DelibleError: `detect.slow`, `detect.recognizer_slow`, naming the recognizer.
        """
        with forgetting(self._analyzer.nlp_engine, LANGUAGE):
            return self._plainly(text)

    def analyze_each(self, texts: Sequence[str]) -> Iterator[tuple[str, list[Spotted]]]:
        """Yield each text with what plain Presidio finds, its model reading several at once (BatchAnalyzerEngine)."""
        nlp_engine = self._analyzer.nlp_engine
        with forgetting(nlp_engine, LANGUAGE):
            for text, artifacts in nlp_engine.process_batch(texts, LANGUAGE):
                yield text, self._plainly(text, artifacts)

    def _plainly(self, text: str, artifacts: NlpArtifacts | None = None) -> list[Spotted]:
        if not self._is_bounded:
            bound(self._analyzer.registry.recognizers)
            self._is_bounded = True
        types = list(self.thresholds)
        found = self._analyzer.analyze(text, LANGUAGE, entities=types, score_threshold=0.0, nlp_artifacts=artifacts)
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


@dataclass(frozen=True)
class _Patterns:
    """Recognizers that need no model, and the thresholds of what they find."""

    recognizers: tuple[EntityRecognizer, ...]
    thresholds: Mapping[str, float]


@lru_cache(maxsize=8)
def _patterns(detection: Detection) -> _Patterns:
    """Build the recognizers once: they keep nothing of a text, so engines with and without a model share them.

    Args:
        detection: Without a model.
    """
    registry = RecognizerRegistry(supported_languages=[LANGUAGE])
    registry.load_predefined_recognizers(languages=[LANGUAGE], countries=list(ALWAYS))
    registry.recognizers = [r for r in registry.recognizers if not isinstance(r, SpacyRecognizer)]  # no model's
    for name in REPLACED:
        registry.remove_recognizer(name)
    for own in recognizers(LANGUAGE):
        registry.add_recognizer(own)
    thresholds = dict(THRESHOLDS)
    for recognizer in national(detection.countries, THRESHOLDS, LANGUAGE):
        registry.recognizers = [r for r in registry.recognizers if type(r).__name__ != type(recognizer).__name__]
        registry.add_recognizer(recognizer)
        thresholds |= dict.fromkeys(recognizer.supported_entities, NATIONAL_THRESHOLD)
    for recognizer in own_recognizers(detection, LANGUAGE):
        registry.add_recognizer(recognizer)
    thresholds |= {sought(r.type): float(r.threshold) for r in detection.recognizers if r.reads_values}
    return _Patterns(tuple(registry.recognizers), thresholds)


@lru_cache(maxsize=8)
def engine(detection: Detection = DEFAULT_DETECTION) -> Engine:
    """Return this process's engine. Spark reuses its Python workers, so each builds it once (0.3 s).

    Raises:
        InputError: `detect.model_missing`, `detect.model_unfit` when the configured model cannot be used.
    """
    return Engine(detection)
