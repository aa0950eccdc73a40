"""Recognizers of the controller's own, as data: patterns, words, check digits, names of columns.

Loading is `store.policies`, and `detect.own` makes Presidio recognizers of them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from delible.model.base import Frozen, Name, Text
from delible.model.taxonomy import Category, category_of
from delible.model.terms import CheckDigit

Regex = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
ContextWord = Annotated[str, StringConstraints(max_length=100, pattern="^\\w+(?:[.'\u2019&]\\w+)*$")]
"""Presidio compares context with a text word by word, and cuts words at hyphens, slashes and other signs: a phrase, or
`e-mail`, would never match."""
_ENTITY = re.compile(r"^[A-Z]{2,20}(_[A-Z]{2,20}){0,4}$")
Entity = Annotated[str, StringConstraints(pattern=_ENTITY.pattern)]
"""A type of finding as Presidio spells it, and as placeholders in masked texts do."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""An ISO 3166 code, such as `DE`."""
Score = Annotated[Decimal, Field(ge=0, le=1, decimal_places=2), AfterValidator(lambda score: score.normalize() + 0)]
"""Between 0 and 1 with at most two decimals; equal numbers are spelled alike, as fingerprints are taken over them."""

DEFAULT_SCORE, DEFAULT_THRESHOLD, SURE = Decimal("0.6"), Decimal("0.5"), Decimal(1)


class PatternFlag(StrEnum):
    """How a recognizer's patterns are read."""

    IGNORE_CASE = "ignore_case"
    MULTILINE = "multiline"
    DOT_ALL = "dot_all"


_FLAGS = {PatternFlag.IGNORE_CASE: re.I, PatternFlag.MULTILINE: re.M, PatternFlag.DOT_ALL: re.S}


class ColumnType(StrEnum):
    """Families of Spark types to which a rule on columns' names can be restricted."""

    TEXT = "text"
    WHOLE = "whole"
    FRACTION = "fraction"
    DATE = "date"
    BOOLEAN = "boolean"
    BINARY = "binary"


class RecognizerPattern(Frozen):
    """One regular expression, in the part of the language that Python's `re` and Presidio's `regex` read alike."""

    regex: Regex
    score: Score = DEFAULT_SCORE


class ColumnRule(Frozen):
    """What a column's name says.

    Args:
        name: A regular expression for the whole last part of the name, as lower-case words: `EmployeeNo` is
            `employee_no`.
        types: Only for columns of these types; of any type when left out.
        strength: How sure the name alone is.
    """

    name: Regex
    types: tuple[ColumnType, ...] = ()
    strength: Score = Decimal("0.9")


class Recognizer(Frozen):
    """What to look for, and what it is.

    Args:
        entity: The type of its findings; the name in capital letters when left out.
        category: What is found; left out together with `harmless`.
        harmless: What it matches is about nobody: findings of other recognizers inside of it are dropped.
        check: What a match must fulfil. A match that does not is none; one that does has the score `checked`.
        words: Matched as they stand, as words of their own.
        dictionary: A file beside this one with a word or phrase in each line; its words are never shown.
        allow: Matches that are none, whatever their case.
        context: Single words that, near a match, make it surer by 0.35; in any case, with or without
            their accents.
        threshold: The score from which on a finding is believed.
        jurisdictions: Only for controllers who look for the identifiers of one of these countries.
        columns: What names of columns say.
    """

    recognizer: Name
    description: Text
    entity: Entity | None = None
    category: Category | None = None
    harmless: bool = False
    patterns: tuple[RecognizerPattern, ...] = ()
    flags: tuple[PatternFlag, ...] = tuple(PatternFlag)
    check: CheckDigit | None = None
    checked: Score = SURE
    words: tuple[Word, ...] = ()
    dictionary: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.txt$")] | None = None
    allow: tuple[Word, ...] = ()
    context: tuple[ContextWord, ...] = ()
    threshold: Score = DEFAULT_THRESHOLD
    jurisdictions: tuple[Country, ...] = ()
    columns: tuple[ColumnRule, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, given: Any) -> Any:
        """Name the type after the recognizer where that spells one."""
        name = given.get("recognizer") if isinstance(given, dict) else None
        if isinstance(name, str) and given.get("entity") is None and _ENTITY.fullmatch(name.upper()):
            return given | {"entity": name.upper()}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Recognizer:
        if self.entity is None:
            raise ValueError(
                "the name has digits or too many parts for a type of findings; give 'entity' in letters and _"
            )
        if self.harmless == (self.category is not None):
            raise ValueError("give either 'category', or 'harmless: true' for what is about nobody")
        if not (self.patterns or self.words or self.dictionary or self.columns):
            raise ValueError("give at least one of 'patterns', 'words', 'dictionary' and 'columns'")
        if self.harmless and self.columns:
            raise ValueError("'columns' say what columns hold, so they need a 'category'")
        if self.check is not None and not self.patterns:
            raise ValueError("'check' is about matches of 'patterns', and there are none")
        known = category_of(self.type)
        if known is not None and known != self.category:
            raise ValueError(f"the type {self.type} is known as '{known}'; give that category, or another 'entity'")
        return self

    @property
    def type(self) -> str:
        """The type of its findings."""
        return str(self.entity)

    @property
    def search_flags(self) -> int:
        """The flags that its patterns and words are searched with; `re` and `regex` give them the same numbers."""
        return int(sum(_FLAGS[flag] for flag in dict.fromkeys(self.flags)))

    @property
    def reads_values(self) -> bool:
        """Whether it looks at values, not only at names of columns."""
        return bool(self.patterns or self.words or self.dictionary)


class WordList(Frozen):
    """The words of a dictionary file.

    Args:
        sha256: Of the words, sorted; what fingerprints know of them.
        words: Not part of any document that is written or shown.
    """

    sha256: str
    words: tuple[str, ...] = Field(exclude=True, repr=False)
