"""National identifiers of a country: Presidio's recognizers, and those that it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer import predefined_recognizers as predefined

from delible.detect.context_words import context_words
from delible.detect.entities import WEAK
from delible.detect.own import made
from delible.model.recognizer import Recognizer

_PRESIDIO_CODES = {"GB": "uk"}

_SCORE_OF_WEAK = 0.2
"""With a context word (0.35 more) above the threshold, without one below it."""

_MORE_CONTEXT = {
    "AU_TFN": ("tax",),
    "CA_SIN": ("social", "assurance"),
    "DE_HEALTH_INSURANCE": ("versicherten", "versichertennr", "kvnr"),
    "DE_LANR": ("arzt",),
    "DE_TAX_ID": ("tax", "tin", "steuer", "idnr"),
    "DE_TAX_NUMBER": ("steuer", "stnr"),
    "IN_AADHAAR": ("aadhar", "adhaar", "आधार"),
    "IT_VAT_CODE": ("partita", "p.iva"),
    "PL_PESEL": ("ewidencyjny",),
    "UK_NHS": ("health",),
}
"""Words, beside Presidio's, with which people name an identifier that needs one, in the language of its country too.
Presidio's phrases ("tax file number", "partita iva") match nothing, as its enhancer looks at one word at a time."""

_LACKING: dict[str, tuple[Recognizer, ...]] = {
    "FR": (
        Recognizer.model_validate(
            {
                "recognizer": "fr_nir",
                "description": "The number of the French register of persons, with its key.",
                "category": "user.government_id.national_identification_number",
                "patterns": [
                    {
                        "regex": r"(?<!\w)[1-478]\s?\d{2}\s?(?:0[1-9]|[1-9]\d)\s?(?:\d{2}|2[AB])\s?\d{3}\s?\d{3}"
                        r"\s?\d{2}(?!\w)",
                        "score": "0.3",
                    }
                ],
                "check": "nir",
                "context": ("nir", "insee", "sécurité", "sociale"),
            }
        ),
    ),
    "NL": (
        Recognizer.model_validate(
            {
                "recognizer": "nl_bsn",
                "description": "The Dutch citizen service number.",
                "category": "user.government_id.national_identification_number",
                "patterns": [{"regex": r"(?<![\w.-])\d{4}[ .]?\d{2}[ .]?\d{3}(?![\w-])", "score": "0.2"}],
                "check": "bsn",
                "checked": "0.2",
                "context": ("bsn", "burgerservice", "sofi"),
            }
        ),
    ),
}
"""What Presidio has no recognizer for."""


def national(countries: Iterable[str], known: Collection[str], language: str) -> Iterator[PatternRecognizer]:
    """Yield the recognizers of countries, made to read texts of our one language.

    Presidio ties many of them to their country's language, in which a table's bare values are not written.

    Args:
        countries: ISO 3166 codes.
        known: Types that are looked for anyway, and whose recognizers are left out here.
    """
    wanted = sorted(countries)
    codes = {_PRESIDIO_CODES.get(code, code.lower()) for code in wanted}
    for name in sorted(dir(predefined)):
        make: Any = getattr(predefined, name)
        if not (isinstance(make, type) and issubclass(make, PatternRecognizer) and make.COUNTRY_CODE in codes):
            continue
        recognizer = make(supported_language=language)  # type: ignore[call-arg] # each names its own entity
        if not set(recognizer.supported_entities) & set(known):
            recognizer.context = context_words(recognizer.context or ())
            yield _in_context(recognizer) if WEAK & set(recognizer.supported_entities) else recognizer
    for code in wanted:
        for own in _LACKING.get(code, ()):
            yield from made(own, (), language)


def _in_context(recognizer: PatternRecognizer) -> PatternRecognizer:
    """Return a recognizer whose check digit can only speak against a match."""
    given = type(recognizer)

    def validate_result(self: PatternRecognizer, pattern_text: str) -> bool | None:
        return False if given.validate_result(self, pattern_text) is False else None

    recognizer.__class__ = type(given.__name__, (given,), {"validate_result": validate_result})
    more = {word for entity in recognizer.supported_entities for word in _MORE_CONTEXT.get(entity, ())}
    recognizer.context = sorted({*recognizer.context, *context_words(more)})
    patterns: list[Pattern] = vars(recognizer)["patterns"]
    vars(recognizer)["patterns"] = [Pattern(p.name, p.regex, _SCORE_OF_WEAK) for p in patterns]
    return recognizer
