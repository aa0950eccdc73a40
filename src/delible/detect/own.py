"""Presidio recognizers of the recognizers that policies describe, with their time bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from typing import Any

import regex
from presidio_analyzer import Pattern, PatternRecognizer

from delible.decide.check_digits import fulfils
from delible.detect.context_words import context_words
from delible.detect.entities import sought
from delible.errors import DelibleError
from delible.model.detection import Detection
from delible.model.recognizer import Recognizer
from delible.model.terms import CheckDigit

SECONDS = 5
"""What one expression may take for one window of a text, in time of the processor."""


class Bounded:
    """A compiled expression that ends with an error where Presidio would go on without its findings.

    Presidio waits a minute, writes a warning, and returns what it has: a mask would let the rest through.

    Args:
        recognizer: Its name.
        own: It is one that policies describe.
    """

    def __init__(self, compiled: Any, recognizer: str, *, own: bool = True) -> None:
        self._compiled, self._recognizer, self._own = compiled, recognizer, own

    def finditer(self, text: str, *_: Any, **__: Any) -> Iterator[Any]:
        """Yield the matches.

        Raises:
            DelibleError: `detect.recognizer_slow`, or `detect.slow` of one of Presidio's, naming the recognizer and
                nothing of the text.
        """
        try:
            yield from self._compiled.finditer(text, timeout=SECONDS)
        except TimeoutError:
            raise DelibleError(
                "detect.recognizer_slow" if self._own else "detect.slow",
                f"a pattern took more than {SECONDS} seconds for a text of {len(text)} characters.",
                where=f"{'detection' if self._own else 'recognizer'}:{self._recognizer}",
                fix="Simplify its patterns, or take it out of policies/detection." if self._own else None,
            ) from None


class OwnRecognizer(PatternRecognizer):
    """Finds matches of patterns that fulfil a policy's rule, and that nobody has allowed.

    Args:
        policy: Whose type, context, flags and allowed words count.
        check: What a match must fulfil; then it has the policy's score `checked`.
    """

    def __init__(
        self, policy: Recognizer, name: str, patterns: list[Pattern], language: str, *, check: CheckDigit | None
    ) -> None:
        self._check, self._sure = check, policy.checked == 1
        self._allowed = frozenset(word.casefold() for word in policy.allow)
        flags = policy.search_flags
        if check is not None and not self._sure:
            patterns = [Pattern(p.name, p.regex, float(policy.checked)) for p in patterns]
        for pattern in patterns:
            compiled = {
                "compiled_regex": Bounded(regex.compile(pattern.regex, flags), name),
                "compiled_with_flags": flags,
            }
            vars(pattern).update(compiled)
        super().__init__(
            supported_entity=sought(policy.type),
            name=name,
            supported_language=language,
            patterns=patterns,
            context=context_words(policy.context),
            global_regex_flags=flags,
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Return whether a match is one; None when nothing but the pattern speaks for it."""
        if self._check is None:
            return None
        if not fulfils(self._check, pattern_text):
            return False
        return True if self._sure else None

    def invalidate_result(self, pattern_text: str) -> bool:
        """Return whether somebody allowed the match."""
        return pattern_text.strip().casefold() in self._allowed


def bound(recognizers: Iterable[Any]) -> None:
    """Give Presidio's own recognizers patterns with bounded time, where plain Presidio searches with them."""
    found: list[Any] = [each for each in recognizers if isinstance(each, PatternRecognizer)]
    for recognizer in found:
        recognizer.patterns = [_bounded(pattern, recognizer) for pattern in recognizer.patterns]


def _bounded(pattern: Any, recognizer: Any) -> Any:
    if isinstance(vars(pattern).get("compiled_regex"), Bounded):
        return pattern
    flags, made = recognizer.global_regex_flags, copy(pattern)  # a class's recognizers share its patterns
    compiled = Bounded(regex.compile(pattern.regex, flags), recognizer.name, own=False)
    vars(made).update(compiled_regex=compiled, compiled_with_flags=flags)
    return made


def own_recognizers(detection: Detection, language: str) -> Iterator[PatternRecognizer]:
    """Yield what looks at values and texts of the recognizers that policies describe."""
    for recognizer in detection.recognizers:
        words = [*recognizer.words]
        if recognizer.dictionary is not None:
            words += detection.dictionaries[recognizer.dictionary].words
        yield from made(recognizer, words, language)


def made(recognizer: Recognizer, words: Iterable[str], language: str) -> Iterator[PatternRecognizer]:
    """Yield one Presidio recognizer for the patterns, and one for the words, which no check digit is asked of."""
    name = recognizer.recognizer
    if recognizer.patterns:
        patterns = [Pattern(f"{name}_{n}", p.regex, float(p.score)) for n, p in enumerate(recognizer.patterns)]
        yield OwnRecognizer(recognizer, name, patterns, language, check=recognizer.check)
    if source := words_pattern(words):
        patterns = [Pattern(f"{name}_words", source, 1.0)]
        yield OwnRecognizer(recognizer, f"{name}_words", patterns, language, check=None)


def words_pattern(words: Iterable[str]) -> str | None:
    """Return one expression for words of their own, or None without any.

    Common beginnings are shared, so that the time for a place of a text hangs on the longest word and not on their
    number, and no word is tried twice.
    """
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for character in " ".join(word.split()):
            node = node.setdefault(character, {})
        node[""] = {}
    return rf"(?<!\w){_spelled(tree)}(?!\w)" if tree else None


def _spelled(tree: Mapping[str, Any]) -> str:
    """Return an expression for the ends of words that a node of the tree holds; longer ones first."""
    head = []
    while len(tree) == 1 and "" not in tree:
        [(character, tree)] = tree.items()
        head.append(r"\s+" if character == " " else regex.escape(character))
    further = {character: below for character, below in tree.items() if character}
    if not further:
        return "".join(head)
    choices = [_spelled({character: below}) for character, below in sorted(further.items())]
    optional = "?" if "" in tree else ""
    return f"{''.join(head)}(?:{'|'.join(choices)}){optional}"
