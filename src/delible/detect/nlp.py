"""Presidio's NLP engine for the configured model: the shipped one, another that is installed, or none.

A model that is configured and missing is an error. Nothing is downloaded: what a scan finds must not hang on a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from presidio_analyzer import EntityRecognizer
from presidio_analyzer.nlp_engine import (
    NerModelConfiguration,
    NlpArtifacts,
    NlpEngine,
    SpacyNlpEngine,
    TransformersNlpEngine,
)
from presidio_analyzer.predefined_recognizers import GLiNERRecognizer
from spacy.lang.en import English
from spacy.tokenizer import Tokenizer

from delible.detect.blank import LANGUAGE, BlankNlpEngine
from delible.detect.model_files import SHIPPED_FOLDER, check_installed, unfit
from delible.model.nlp_model import NlpModel

_LONGEST = 10_000_000
_AT_ONCE = 64
_NAMING = frozenset({"tok2vec", "ner"})
"""Parts of a pipeline that name spans, and leave tokens and their lemmas as they are."""
_OFFLINE = "HF_HUB_OFFLINE"


@dataclass(frozen=True)
class Reader:
    """What reads texts before Presidio's recognizers do.

    Args:
        engine: Tokens, and the people and places of a spaCy or transformer model.
        recognizers: Recognizers that have a model of their own.
        entities: The types that are found by the model.
    """

    engine: NlpEngine
    recognizers: tuple[EntityRecognizer, ...] = ()
    entities: frozenset[str] = frozenset()


class _Artifacts(NlpArtifacts):
    """What a pipeline read; the lists for context words are made once somebody asks for them, which is rarely."""

    def __init__(self, doc: Any, entities: Any, scores: Any, nlp_engine: NlpEngine, language: str) -> None:
        self.tokens, self.entities, self.scores = doc, entities, scores
        self.nlp_engine, self._language = nlp_engine, language

    def __getattr__(self, name: str) -> Any:
        """Make one of the lists."""
        makers: dict[str, Callable[[], list[Any]]] = {
            "tokens_indices": lambda: [token.idx for token in self.tokens],
            "lemmas": lambda: [token.lemma_ or token.lower_ for token in self.tokens],
            "keywords": lambda: self.set_keywords(self.nlp_engine, self.lemmas, self._language),
        }
        if name not in makers:
            raise AttributeError(name)
        made = makers[name]()
        setattr(self, name, made)
        return made


class _Words:
    """Makes Presidio's engines keep what counts of a model: context words without a lemmatizer, mapped labels only."""

    def _doc_to_nlp_artifact(self: Any, doc: Any, language: str) -> NlpArtifacts:
        known = self.ner_model_configuration.model_to_presidio_entity_mapping
        pairs = zip(self._get_entities(doc), self._get_scores_for_entities(doc), strict=True)
        named = [(span, score) for span, score in pairs if _can_be(known.get(span.label_), span.text)]
        entities, scores = self._get_updated_entities([span for span, _ in named], [score for _, score in named])
        return _Artifacts(doc, entities, scores, self, language)

    def process_batch(
        self: Any, texts: Iterable[str], language: str, batch_size: int = _AT_ONCE, n_process: int = 1, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Yield each text with its artifacts; models read several texts at once faster than one by one.

        Presidio's own puts every text together anew from its tokens.
        """
        texts = list(texts)
        read = self.get_nlp(language).pipe(texts, batch_size=max(batch_size, _AT_ONCE), n_process=n_process)
        for text, doc in zip(texts, read, strict=True):
            yield text, self._doc_to_nlp_artifact(doc, language)


class ModelNlpEngine(_Words, SpacyNlpEngine):  # type: ignore[misc] # Presidio is untyped
    """A spaCy pipeline, by package or folder."""

    @cached_property
    def words(self) -> BlankNlpEngine | None:
        """An engine without a model that reads the same words, or None where more than the tokenizer makes them."""
        pipeline = self.get_nlp(LANGUAGE)
        factories = {pipeline.get_pipe_meta(name).factory for name in pipeline.pipe_names}
        if type(pipeline) is not English or type(pipeline.tokenizer) is not Tokenizer or not factories <= _NAMING:
            return None
        return BlankNlpEngine(pipeline.tokenizer)


class _TransformersEngine(_Words, TransformersNlpEngine):  # type: ignore[misc] # Presidio is untyped
    """A transformer from the local cache or a folder, on the shipped model's tokens."""

    def load(self) -> None:
        """Load it, and let no text pass unread: Presidio's own logs a failure and goes on without the text's names."""
        super().load()
        loaded: dict[str, Any] = self.nlp or {}
        for pipeline in loaded.values():
            for _, pipe in pipeline.pipeline:
                if hasattr(pipe, "_predict_one"):
                    pipe._predict_one = lambda doc, pipe=pipe: pipe._validate_predictions(pipe.pipeline(doc.text))


def _can_be(entity: str | None, text: str) -> bool:
    """Return whether a span can be what a model takes it for: a name has a letter, a place a letter or a digit."""
    return entity is not None and any(map(str.isalpha if entity == "PERSON" else str.isalnum, text))


def _mapped(choice: NlpModel) -> NerModelConfiguration:
    return NerModelConfiguration(model_to_presidio_entity_mapping=choice.labels, labels_to_ignore=[])


def _loaded(choice: NlpModel, engine: SpacyNlpEngine) -> SpacyNlpEngine:
    try:
        engine.load()
    except Exception as error:
        raise unfit(choice, f"does not load ({type(error).__name__})") from error
    engine.get_nlp(LANGUAGE).max_length = _LONGEST
    return engine


class _PeopleAndPlaces(GLiNERRecognizer):
    """GLiNER without the types that it is asked for beside its own, which patterns find."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> Any:
        """Return findings of the mapped types."""
        return super().analyze(text, [each for each in entities if each in self.supported_entities], nlp_artifacts)


def reader(choice: NlpModel) -> Reader:
    """Load the configured model.

    Raises:
        InputError: `detect.model_missing` when it is not installed; `detect.model_unfit` when it does not load, or
            knows neither people nor places.
    """
    check_installed(choice)
    return _READERS[choice.engine](choice)


def _blank(_: NlpModel) -> Reader:
    engine = BlankNlpEngine()
    engine.load()
    return Reader(engine)


def _spacy(choice: NlpModel) -> Reader:
    folder = str(SHIPPED_FOLDER) if choice.engine == "shipped" else str(choice.model)
    engine = _loaded(choice, ModelNlpEngine([{"lang_code": LANGUAGE, "model_name": folder}], _mapped(choice)))
    pipeline = engine.get_nlp(LANGUAGE)
    labels = {label for _, pipe in pipeline.pipeline for label in getattr(pipe, "labels", ())}
    entities = frozenset(entity for label, entity in choice.labels.items() if label in labels)
    if not entities:
        raise unfit(choice, "has no label for people or places")
    return Reader(engine, (), entities)


def _transformers(choice: NlpModel) -> Reader:
    os.environ[_OFFLINE] = "1"
    names = {"spacy": str(SHIPPED_FOLDER), "transformers": choice.model}
    engine = _loaded(choice, _TransformersEngine([{"lang_code": LANGUAGE, "model_name": names}], _mapped(choice)))
    return Reader(engine, (), frozenset(choice.labels.values()))


def _gliner(choice: NlpModel) -> Reader:
    asked = choice.labels if choice.people or choice.places else {"person": "PERSON", "location": "LOCATION"}
    os.environ[_OFFLINE] = "1"
    try:
        recognizer = _PeopleAndPlaces(entity_mapping=asked, model_name=str(choice.model), map_location="cpu")
        recognizer.load()
    except Exception as error:
        raise unfit(choice, f"does not load ({type(error).__name__})") from error
    return Reader(_blank(choice).engine, (recognizer,), frozenset(asked.values()))


_READERS: dict[str, Callable[[NlpModel], Reader]] = {
    "none": _blank,
    "shipped": _spacy,
    "spacy": _spacy,
    "transformers": _transformers,
    "gliner": _gliner,
}
