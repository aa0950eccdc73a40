"""What `AnalyzerEngine.analyze` finds, without running what cannot find anything.

Presidio stays the judge: its expressions, checks, scores, context and removal of duplicates decide. Left out are
recognizers, patterns, documents and regions of which is proven beforehand that they add nothing to this text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import regex
from presidio_analyzer import AnalysisExplanation, AnalyzerEngine, EntityRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from delible.detect import context, phone
from delible.detect.gates import Gate, gate
from delible.detect.memory import forgetting
from delible.detect.own import Bounded
from delible.detect.patterns import Expression, expressions, is_plain
from delible.errors import DelibleError

Spotted = tuple[str, int, int, float]
"""Type, start, end (exclusive), score."""

SECONDS_PER_PATTERN = 5
"""What one expression may take for one text. Presidio stops after 60 seconds, and goes on without its findings."""

_REMEMBERED, _LONGEST_REMEMBERED = 20_000, 200


class Scanner:
    """Finds what an analyzer finds.

    Args:
        analyzer: Its registry is read once: recognizers that are added later are not seen.
        entities: Types to look for.
        database: What `gates.compiled` made of `expressions_of` the same analyzer.
        allowed: Texts that are no findings, as Presidio's `allow_list`.
    """

    def __init__(
        self,
        analyzer: AnalyzerEngine,
        language: str,
        entities: Sequence[str],
        *,
        database: bytes | None = None,
        allowed: Sequence[str] = (),
    ) -> None:
        self._allowed = frozenset(allowed)
        self._analyzer, self._language, self._entities = analyzer, language, list(entities)
        self._blank = bool(getattr(analyzer.nlp_engine, "is_blank", False))
        self._recognizers = _recognizers(analyzer, language, entities)
        found = expressions_of(analyzer, language, entities)
        self._gate: Gate = gate(found, database)
        number = {expression: i for i, expression in enumerate(found)}
        self._plain: dict[int, list[tuple[Any, Any]]] = {}
        self._whole: dict[int, list[Any]] = {}
        self._phones: list[tuple[Any, phone.Phones]] = []
        self._always: list[Any] = []
        for recognizer in self._recognizers:
            if not recognizer.is_loaded:
                recognizer.load()
            self._place(recognizer, number)
        self._boost: context.Boost | None = None
        read_by = analyzer.nlp_engine if self._blank else getattr(analyzer.nlp_engine, "words", None)
        if read_by is not None and context.is_read(analyzer.context_aware_enhancer):
            words = context.Words(read_by, language)
            if words.readable:
                self._boost = context.Boost(analyzer.context_aware_enhancer, words)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._analyze)

    def _place(self, recognizer: Any, number: dict[Expression, int]) -> None:
        own = expressions(recognizer)
        if own is not None and all(number[expression] in self._gate.covered for expression in own):
            if is_plain(recognizer):
                for pattern, expression in zip(recognizer.patterns, own, strict=True):
                    self._plain.setdefault(number[expression], []).append((recognizer, pattern))
            else:
                for i in {number[expression] for expression in own}:
                    self._whole.setdefault(i, []).append(recognizer)
        elif phone.is_read(recognizer):
            self._phones.append((recognizer, phone.Phones(recognizer)))
        elif not (self._blank and type(recognizer) is SpacyRecognizer):  # which repeats what the model named
            self._always.append(recognizer)

    def analyze(self, text: str) -> tuple[Spotted, ...]:
        """Return what stands in a text, in Presidio's order; a short text that comes again is not looked at again."""
        if self._always or len(text) > _LONGEST_REMEMBERED:
            return self._analyze(text)
        return self._remembered(text)

    def analyze_all(self, texts: Iterable[str]) -> Iterator[tuple[str, tuple[Spotted, ...]]]:
        """Yield each distinct text with what stands in it.

        A model reads all of them in one stream, and what its pipeline learned of them is forgotten at the end.
        """
        distinct = dict.fromkeys(texts)
        if not self._always or self._blank:
            for text in distinct:
                yield text, self.analyze(text)
            return
        with forgetting(self._analyzer.nlp_engine, self._language):
            for text, artifacts in self._analyzer.nlp_engine.process_batch(list(distinct), self._language):
                yield text, self._judged(text, artifacts)

    def _analyze(self, text: str) -> tuple[Spotted, ...]:
        if not self._always:
            return self._judged(text, None)
        with forgetting(self._analyzer.nlp_engine, self._language):
            return self._judged(text, self._analyzer.nlp_engine.process_text(text, self._language))

    def _judged(self, text: str, artifacts: Any) -> tuple[Spotted, ...]:
        found: list[tuple[Any, RecognizerResult]] = []
        hits = self._gate.matching(text)
        if hits:
            found += self._by_patterns(text, hits)
            for recognizer in {r.id: r for i in hits for r in self._whole.get(i, ())}.values():
                found += [(recognizer, each) for each in self._asked(recognizer, text, artifacts)]
        for recognizer, phones in self._phones:
            entity, score = recognizer.supported_entities[0], recognizer.SCORE
            found += [(recognizer, RecognizerResult(entity, *span, score)) for span in phones.spans(text)]
        only_known = True
        for recognizer in self._always:
            named = [(recognizer, each) for each in self._asked(recognizer, text, artifacts)]
            found += named
            only_known = only_known and (not named or type(recognizer) is SpacyRecognizer)
        results = self._in_context(text, found, artifacts, only_known=only_known)
        if len(results) > 1 or any(each.score == 0 for each in results):
            results = EntityRecognizer.remove_duplicates(results)
        spotted = ((each.entity_type, each.start, each.end, each.score) for each in results)
        if self._allowed:
            return tuple(each for each in spotted if text[each[1] : each[2]] not in self._allowed)
        return tuple(spotted)

    def _asked(self, recognizer: Any, text: str, artifacts: Any) -> list[RecognizerResult]:
        try:
            return list(recognizer.analyze(text, self._entities, artifacts) or ())
        except DelibleError:
            raise
        except Exception as error:
            raise _failed(recognizer, error) from None

    def _by_patterns(self, text: str, hits: Iterable[int]) -> Iterator[tuple[Any, RecognizerResult]]:
        """Do what `PatternRecognizer.analyze` does, for the patterns that may match."""
        by_recognizer: dict[str, tuple[Any, list[RecognizerResult]]] = {}
        for i in hits:
            for recognizer, pattern in self._plain.get(i, ()):
                mine = by_recognizer.setdefault(recognizer.id, (recognizer, []))[1]
                mine += _matches(text, recognizer, pattern)
        for recognizer, results in by_recognizer.values():
            kept = EntityRecognizer.remove_duplicates(results) if len(results) > 1 else results
            yield from ((recognizer, each) for each in kept)

    def _in_context(
        self,
        text: str,
        found: Sequence[tuple[Any, RecognizerResult]],
        artifacts: Any,
        *,
        only_known: bool,
    ) -> list[RecognizerResult]:
        results = [each for _, each in found]
        if not results and not any(map(_enhances, self._always)):
            return results
        if self._boost is not None and only_known and not any(_enhances(each) for each in self._always):
            lowered = text.lower()
            near = {r.id: r.context for r, _ in found if self._boost.possible(r.context, lowered)}
            if not near and not text[-1:].isspace():
                return results
            scores = self._boost.scores(text, [(each.start, each.score, near.get(r.id, ())) for r, each in found])
            if scores is not None:
                for each, score in zip(results, scores, strict=True):
                    each.score = score
                return results
        elif not any(recognizer.context for recognizer, _ in found) and not any(map(_enhances, self._always)):
            return results
        return self._by_presidio(text, found, artifacts)

    def _by_presidio(
        self, text: str, found: Sequence[tuple[Any, RecognizerResult]], artifacts: Any
    ) -> list[RecognizerResult]:
        for recognizer, each in found:
            each.recognition_metadata = {
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
                RecognizerResult.RECOGNIZER_NAME_KEY: recognizer.name,
            } | (each.recognition_metadata or {})
            each.analysis_explanation = each.analysis_explanation or AnalysisExplanation(recognizer.name, each.score)
        with forgetting(self._analyzer.nlp_engine, self._language):
            if artifacts is None:
                artifacts = self._analyzer.nlp_engine.process_text(text, self._language)
            enhanced: list[RecognizerResult] = self._analyzer._enhance_using_context(
                text, [each for _, each in found], artifacts, self._recognizers
            )
        return enhanced


def expressions_of(analyzer: AnalyzerEngine, language: str, entities: Sequence[str]) -> list[Expression]:
    """Return the expressions of all proven recognizers, each once, in an order that does not change."""
    found = (expressions(recognizer) or () for recognizer in _recognizers(analyzer, language, entities))
    return sorted({each for some in found for each in some}, key=lambda each: (each.source, each.flags))


def _recognizers(analyzer: AnalyzerEngine, language: str, entities: Sequence[str]) -> list[Any]:
    found: list[Any] = analyzer.registry.get_recognizers(language=language, entities=list(entities))
    return sorted(found, key=lambda each: (each.name, each.id))


def _enhances(recognizer: EntityRecognizer) -> bool:
    return type(recognizer).enhance_using_context is not EntityRecognizer.enhance_using_context


_compiled = lru_cache(maxsize=1_000)(regex.compile)


def _matches(text: str, recognizer: Any, pattern: Any) -> Iterator[RecognizerResult]:
    compiled = vars(pattern).get("compiled_regex")
    if not isinstance(compiled, Bounded):
        compiled = _compiled(pattern.regex, recognizer.global_regex_flags)
    try:
        for match in compiled.finditer(text, timeout=SECONDS_PER_PATTERN):
            start, end = match.span()
            if start == end:
                continue
            valid, invalid = recognizer.validate_result(text[start:end]), recognizer.invalidate_result(text[start:end])
            score = pattern.score if valid is None else float(bool(valid))
            if score > 0 and not invalid:
                yield RecognizerResult(recognizer.supported_entities[0], start, end, score)
    except TimeoutError:
        raise DelibleError(
            "detect.slow",
            f"a pattern took more than {SECONDS_PER_PATTERN} seconds for one text.",
            where=f"recognizer:{recognizer.name}",
            fix="Simplify its pattern, or leave the recognizer out.",
        ) from None
    except DelibleError:
        raise
    except Exception as error:
        raise _failed(recognizer, error) from None


def _failed(recognizer: Any, error: Exception) -> DelibleError:
    """Return what is told of a recognizer's error, whose own words may hold the text."""
    return DelibleError(
        "detect.failed", f"it failed with {type(error).__name__}.", where=f"recognizer:{recognizer.name}"
    )
