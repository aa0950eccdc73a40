"""What a draft says of each column: its category and why, or that nobody knows yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delible.decide.clock_columns import Clock, clock
from delible.decide.key_domains import Domain
from delible.decide.key_links import WHOLE, chosen
from delible.decide.key_names import says_key
from delible.decide.subject_ways import Seen, Way, domain_of
from delible.decide.tagging import FREE_TEXT
from delible.model.profile import At, ColumnProfile, Form
from delible.model.record import TagFinding
from delible.model.taxonomy import is_identifying, is_personal, is_quasi_identifier, is_special, is_within
from delible.model.terms import TagState

_SHARED = ("user.contact.address", "user.name")
"""Identifying, and other people's as often as not: a search for one person's would find their neighbours."""
_WRITTEN = ("string", "long", "integer")
"""Types that identifiers are written in; the byte search looks for numbers in their own columns."""
_KEY, _OPERATIONS = "user.unique_id", "system.operations"
_TELLING = 8
"""Characters from which on a key tells by itself whose it is, wherever it is found."""

Entry = str | dict[str, Any]
"""A column's policy: its category alone, or with flags."""


@dataclass(frozen=True)
class Facts:
    """What is known of one table that is to be drafted.

    Args:
        path: The table's folder as the policy shall name it.
        version: The table's version that was read.
        columns: All leaf columns with their types, in the schema's order.
        tags: Column to verdict.
        combinations: Different combinations of the quasi-identifiers' values; None where there are fewer than two.
    """

    table: str
    path: str
    version: int
    columns: Mapping[str, str]
    tags: Mapping[str, TagFinding]
    combinations: int | None = None


def quasi_identifiers(tags: Mapping[str, TagFinding]) -> list[str]:
    """Return the columns whose values together may single somebody out, although none does alone."""
    return [c for c, tag in tags.items() if tag.quasi and column_category(tag)]


def tag_doubt(tag: TagFinding | None) -> str | None:
    """Return why a person has to look at a verdict, where one has to."""
    return tag.reason if tag is not None and tag.state in (TagState.REVIEW, TagState.REOPENED) else None


def column_category(tag: TagFinding | None) -> str | None:
    """Return the category that a verdict gives; None without one, or where somebody rejected it."""
    return None if tag is None or tag.state is TagState.REJECTED else tag.category


class ColumnDrafts:
    """The entries of one table's columns.

    Args:
        ways: The ways of all drafted tables.
    """

    def __init__(self, facts: Facts, way: Way, seen: Seen, ways: Mapping[str, Way]) -> None:
        self._facts, self._way, self._seen, self._ways = facts, way, seen, ways
        self._best = chosen(seen.links, seen.profiles)

    def entry(self, column: str, kind: str) -> tuple[Entry | None, str]:
        """Return a column's entry and what was seen of it; None as the entry leaves the question open."""
        tag = self._facts.tags.get(column)
        at = At(self._facts.table, column)
        profile, category = self._seen.profiles.get(at), column_category(tag)
        key = self._key(at, category)
        if key is not None:
            return key
        remark = self._way.remarks.get(column)
        if tag is not None and category is not None:
            seen = f"{tag.entity or 'by name'}, {tag.hits:,} of {tag.sampled:,} values, confidence {tag.confidence:.2f}"
            return _entry(category, tag, kind), "; ".join(filter(None, (seen, _quasi(category), remark)))
        when = clock(profile) if profile is not None else None
        if when is Clock.LOAD:
            return _OPERATIONS, "load time, by its name or by few moments for many rows"
        seen = _nothing(tag)
        return None, "; ".join(filter(None, (kind, seen, _counted(profile), remark)))

    def _key(self, at: At, category: str | None) -> tuple[Entry | None, str] | None:
        """Return the entry of a column that is a key or refers to one; None where it is neither, or more than that."""
        domain = domain_of(at, self._seen, self._best)
        if domain is None or (category is not None and category != _KEY):
            return None
        words = self._role(at, domain)
        if domain.kind is not None:
            return _KEY, f"{words}; a person's ({domain.kind})"
        profile = self._seen.profiles[at]
        if profile.is_key and at not in self._best and self._one_person_each(at.table):
            entry: dict[str, Any] = {"category": _KEY}
            if profile.form is Form.TEXT and profile.longest >= _TELLING:
                entry["searched"] = True
            return entry if len(entry) > 1 else _KEY, f"{words}, and rows are one person's each"
        if at in domain.members and not (profile.form is Form.NUMBER and says_key(at.column)):
            return None
        found = self._stands_for(domain)
        return None if found is None else (found, words)

    def _one_person_each(self, table: str) -> bool:
        """Return whether rows are one person's each: most have a key of people that no other row has."""
        profiles = self._seen.profiles
        return any(
            at.table == table and 2 * profiles[at].filled > profiles[at].rows
            for domain in self._seen.domains if domain.kind is not None
            for at in domain.members
        )  # fmt: skip

    def _role(self, at: At, domain: Domain) -> str:
        link = self._best.get(at)
        if link is not None and at != domain.root:
            return str(link)
        profile = self._seen.profiles[at]
        return f"a key: {profile.filled:,} of {profile.rows:,} rows, no value twice"

    def _stands_for(self, domain: Domain) -> str | None:
        """Return what a key of something else than people stands for: what all personal columns beside it are.

        A key that no other table has, and one of rows without personal data, numbers rows and nothing else.
        """
        table = domain.root.table
        held = [c for at, c in self._seen.categories.items() if at.table == table and at not in domain.members]
        way = self._ways.get(table)
        personal = [c for c in held if is_personal(c)]
        if not personal:
            return _OPERATIONS
        if way is not None and any(step.through for step in way.steps):
            shared = _common(personal)
            return shared if shared.count(".") else None
        return _OPERATIONS if len(domain.tables) == 1 else None


def _entry(category: str, tag: TagFinding, kind: str) -> Entry:
    whole = tag.sampled and tag.hits >= WHOLE * tag.sampled
    mentions = kind == "string" and is_within(category, ("user.name",)) and tag.hits and not whole
    # People whose names stand among other words: what others wrote about them.
    if mentions and "name" not in tag.evidence:
        return {"category": "user.content.private", "free_text": True}
    entry: dict[str, Any] = {"category": category}
    if is_special(category):
        entry["special"] = True
    if kind == "string" and is_within(category, (FREE_TEXT,)):
        entry["free_text"] = True
    elif kind in _WRITTEN and is_identifying(category) and not is_within(category, _SHARED):
        entry["searched"] = True
    return entry if len(entry) > 1 else category


def _nothing(tag: TagFinding | None) -> str:
    """Return what was seen of a column without a category; values that were taken for chance are a question, too."""
    if tag is None or not tag.sampled:
        return "no value looked at"
    if tag.disregarded:
        return f"{tag.hits:,} of {tag.sampled:,} values look personal, so few that it may be chance: look"
    return f"nothing found in {tag.sampled:,} values"


def _quasi(category: str) -> str | None:
    return "quasi-identifier" if is_quasi_identifier(category) else None


def _counted(profile: ColumnProfile | None) -> str | None:
    if profile is None or not profile.filled:
        return None if profile is None else "empty"
    about = "" if profile.counted else "about "
    return f"{about}{profile.distinct:,} different in {profile.filled:,} rows"


def _common(categories: list[str]) -> str:
    """Return the longest key that all categories lie below."""
    split = [c.split(".") for c in categories]
    same = []
    for level in zip(*split, strict=False):
        if len(set(level)) > 1:
            break
        same.append(level[0])
    return ".".join(same)
