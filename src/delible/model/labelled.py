"""Data that people have labelled: texts with spans, and columns with their true category."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A part of a text, `start` inclusive and `end` exclusive, in characters, and the entity type that it is."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with all that it holds.

    Args:
        line: Where it stands in its file, from 1.
        register: Kind of text, such as `chat`; empty when it was not said.
        language: Such as `en`; empty when it was not said.
    """

    line: int
    text: str
    spans: tuple[Span, ...]
    register: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class LabelledColumn:
    """A column with some of its values and what it really holds.

    Args:
        line: Where it stands in its file, from 1.
        kind: Spark type of the column.
        category: Key of the data-category taxonomy; None when the column holds nothing personal.
    """

    line: int
    table: str
    column: str
    kind: str
    values: tuple[str, ...]
    category: str | None
