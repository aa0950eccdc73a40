"""What is looked for in texts beside the types that always are: the one thing that engines, scans and masks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from delible.model.base import digest
from delible.model.nlp_model import NO_MODEL, SHIPPED, NlpModel
from delible.model.recognizer import Recognizer, WordList
from delible.model.taxonomy import category_of


@dataclass(frozen=True, eq=False)
class Detection:
    """Countries, recognizers and a model; two with the same content are equal, and cheap to compare and to hash.

    Args:
        countries: ISO 3166 codes of the countries whose national identifiers are looked for.
        recognizers: Those of the controller's own that count for these countries.
        dictionaries: The words of each file that they name.
        nlp: The model that finds people and places in free text.
    """

    countries: tuple[str, ...] = ()
    recognizers: tuple[Recognizer, ...] = ()
    dictionaries: Mapping[str, WordList] = field(default_factory=dict, repr=False)
    nlp: NlpModel = SHIPPED

    @cached_property
    def key(self) -> str:
        """SHA-256 over what is looked for."""
        files = {name: words.sha256 for name, words in self.dictionaries.items()}
        own = [r.model_dump(mode="json") for r in self.recognizers]
        return digest([list(self.countries), own, files, self.nlp.model_dump(mode="json")])

    @cached_property
    def unread(self) -> Detection:
        """The same without a model, for what nobody has written by hand."""
        return self if self.nlp == NO_MODEL else replace(self, nlp=NO_MODEL)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Detection) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def categories(self) -> dict[str, str]:
        """The data category of each type that the controller's own recognizers find."""
        return {r.type: r.category for r in self.recognizers if r.category is not None}

    @cached_property
    def harmless(self) -> frozenset[str]:
        """Types that are about nobody."""
        return frozenset(r.type for r in self.recognizers if r.harmless)

    def category_of(self, entity: str) -> str | None:
        """Return the data category of a type, or None for one that stands for none."""
        return self.categories.get(entity) or category_of(entity)


DEFAULT_DETECTION = Detection()
"""No country's identifiers beside those that are always looked for, and nothing of anybody's own; people and places
by the shipped model."""
