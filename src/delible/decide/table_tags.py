"""The verdicts on all columns of one table, each in the light of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.decide.column_paths import path_parts
from delible.decide.tagging import About, Around, ColumnFacts, NameEvidence
from delible.decide.verdict import tag
from delible.model.record import TagFinding
from delible.model.taxonomy import is_within
from delible.model.terms import TagState

_PEOPLES_OWN = (
    "user.account.username",
    "user.contact.email",
    "user.demographic.date_of_birth",
    "user.government_id.national_identification_number",
    "user.name",
)
_PEOPLES_OWN_AMONG_THINGS = ("user.government_id.national_identification_number", "user.name.last")
"""Only people have these; an animal has a birth date, a supplier an e-mail address, a book the name of its author."""
_WAYS = ("user.contact.email", "user.contact.phone_number")
_AGREEING = {
    "user.name": ("full_name",),
    "user.name.first": ("first_name",),
    "user.demographic.race_ethnicity": ("ethnicity_word",),
    "user.demographic.religious_belief": ("religion",),
    "user.demographic.political_opinion": ("politics",),
    "user.demographic.sexual_orientation": ("orientation",),
    "user.health_and_medical": ("condition", "diagnosis_dotted"),
}
_AGREES, _FEWEST = 0.3, 3


@dataclass(frozen=True)
class Column:
    """What is known of one column: what was counted, what its name says, and whether it names a thing or a code."""

    facts: ColumnFacts
    named: NameEvidence | None
    thing: bool = False
    code: bool = False


def tag_table(columns: Sequence[Column], *, about: About, table: str, version: int, at: datetime) -> list[TagFinding]:
    """Return one verdict per column, in order.

    Args:
        about: What the table's name says; a column that only people have says so, too.
    """
    beside = [
        frozenset(c.named.category for c in columns if c.named is not None and _others(c, own)) for own in columns
    ]

    def verdicts(rows: About, reached: bool = False) -> list[TagFinding]:
        return [
            tag(
                c.facts,
                c.named,
                table=table,
                version=version,
                at=at,
                around=Around(rows, c.thing, c.code, others, reached),
            )
            for c, others in zip(columns, beside, strict=True)
        ]

    first = verdicts(About.UNKNOWN)
    if about is About.UNKNOWN and _of_people(first, columns, _PEOPLES_OWN):
        return verdicts(About.PEOPLE)
    if about is About.THINGS:
        if _of_people(first, columns, _PEOPLES_OWN_AMONG_THINGS) or any(map(_agrees, columns)):
            return verdicts(About.PEOPLE)
        return verdicts(about, _of_people(first, columns, _WAYS))
    return first if about is About.UNKNOWN else verdicts(about)


def _agrees(column: Column) -> bool:
    """Return whether a column is named for what people have, and its values are known words for it."""
    forms = _AGREEING.get(column.named.category, ()) if column.named is not None and not column.thing else ()
    hits = max((column.facts.shapes.get(form, 0) for form in forms), default=0)
    return hits >= max(_FEWEST, _AGREES * column.facts.values)


def _others(other: Column, own: Column) -> bool:
    if other is own or other.named is None:
        return False
    same_field = path_parts(other.facts.column)[-1:] == path_parts(own.facts.column)[-1:]
    weak = other.named.beside and own.named is not None and own.named.beside != other.named.category
    return not same_field and not weak


def _of_people(findings: Sequence[TagFinding], columns: Sequence[Column], own: tuple[str, ...]) -> bool:
    return any(
        f.category is not None and is_within(f.category, own) and f.state is not TagState.REVIEW and not c.thing
        for f, c in zip(findings, columns, strict=True)
    )
