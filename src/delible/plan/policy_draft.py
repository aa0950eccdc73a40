"""Draft a table's policy from what was seen of it: verdicts, keys, and measured ways to a person.

A draft permits nothing. What is not known stays out and is asked, so that it is a gap, and an erasure leaves the rows
alone until somebody says what it means. Comments tell counts, never a value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from delible.decide.clock_columns import Clock, clock
from delible.decide.key_domains import Domain
from delible.decide.key_links import WHOLE, Link, chosen
from delible.decide.key_names import says_key
from delible.decide.subject_ways import Seen, Step, Way, domain_of
from delible.model.policy import NOT_YET_SAID
from delible.model.profile import At, ColumnProfile, Form
from delible.model.record import TagFinding
from delible.model.taxonomy import is_identifying, is_personal, is_special, is_within
from delible.model.terms import TagState

Place = tuple[str | int, ...]
"""Where a comment stands: the keys and list places that lead to it."""

FREE_TEXT = "user.content"
_SHARED = ("user.contact.address", "user.name")
"""Identifying, and other people's as often as not: a search for one person's would find their neighbours."""
_QUASI = (
    "user.contact.address.city",
    "user.contact.address.postal_code",
    "user.contact.address.state",
    "user.demographic",
    "user.job_title",
    "user.location.imprecise",
)
_KEY, _OPERATIONS = "user.unique_id", "system.operations"
_TELLING = 8
"""Characters from which on a key tells by itself whose it is, wherever it is found."""
_COPIES = 20
"""Values that must be another column's before a whole table is asked about as a copy."""


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


@dataclass(frozen=True)
class Draft:
    """A drafted table policy.

    Args:
        policy: The keys and values of a table policy.
        notes: Comments at the end of a line.
        asked: Comments on lines of their own, before a key.
        questions: What somebody has to answer.
    """

    table: str
    policy: Mapping[str, Any]
    notes: Mapping[Place, str] = field(default_factory=dict)
    asked: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    questions: tuple[str, ...] = ()


def draft(facts: Facts, way: Way, seen: Seen, ways: Mapping[str, Way]) -> Draft:
    """Return a table policy that permits nothing, with every open question as a comment beside its place."""
    made = _Drafting(facts, way, seen, ways)
    return made.draft()


def quasi_identifiers(tags: Mapping[str, TagFinding]) -> list[str]:
    """Return the columns whose values together may single somebody out, although none does alone."""
    return [c for c, tag in tags.items() if (found := column_category(tag)) and is_within(found, _QUASI)]


def column_category(tag: TagFinding | None) -> str | None:
    """Return the category that a verdict gives; None without one, or where somebody rejected it."""
    return None if tag is None or tag.state is TagState.REJECTED else tag.category


class _Drafting:
    """One draft in the making."""

    def __init__(self, facts: Facts, way: Way, seen: Seen, ways: Mapping[str, Way]) -> None:
        self._facts, self._way, self._seen, self._ways = facts, way, seen, ways
        self._best = chosen(seen.links, seen.profiles)
        self._notes: dict[Place, str] = {}
        self._asked: dict[Place, list[str]] = defaultdict(list)
        self._questions: list[str] = []

    def draft(self) -> Draft:
        facts, way = self._facts, self._way
        rows = self._seen.tables[facts.table]
        policy: dict[str, Any] = {
            "table": facts.table,
            "path": facts.path,
            "description": f"{NOT_YET_SAID} What is one row? {rows:,} rows at version {facts.version}.",
        }
        self._questions.append(f"what is one row of '{facts.table}'?")
        policy |= self._subject() if way.steps else self._nobody()
        policy["columns"] = self._columns()
        reason = f"{NOT_YET_SAID} What does an erasure do to these rows?"
        policy["erasure"] = {"action": "keep", "reason": reason}
        self._questions.append(f"what does an erasure do to rows of '{facts.table}'?")
        self._combined()
        self._upstream()
        self._retention()
        asked = {place: tuple(lines) for place, lines in self._asked.items()}
        return Draft(facts.table, policy, self._notes, asked, tuple(self._questions))

    def _ask(self, place: Place, words: str, question: str) -> None:
        self._asked[place].append(f"open: {words}")
        self._questions.append(question)

    def _subject(self) -> dict[str, Any]:
        table = self._facts.table
        self._ask(
            ("subject",),
            "purposes: [...]: what are the rows used for, and on which legal basis?",
            f"for which purposes is '{table}' used?",
        )
        for place, step in enumerate(self._way.steps):
            self._notes["subject", place, "column"] = step.seen
        columns = [step.column for step in self._way.steps if step.identifies]
        if len(columns) > len(self._way.kinds):
            words = f"{' and '.join(columns)} lead to people of one kind: are rows about both of them?"
            self._ask(("subject",), words, f"are rows of '{table}' about all of {', '.join(columns)}?")
        return {"subject": [_step(step) for step in self._way.steps]}

    def _nobody(self) -> dict[str, Any]:
        """Return why no row is about a person; where some seem to be, only that the way to them is not known."""
        table = self._facts.table
        if not self._way.reason:
            held = [c for c, tag in self._facts.tags.items() if is_personal(column_category(tag) or "")]
            words = f"{', '.join(held)} may hold personal data, and no way to a person was found"
            question = f"by which column do rows of '{table}' reach a person, if they do? {words}."
            self._ask(("no_subject",), f"subject: by which column do rows reach a person? {words}.", question)
            return {"no_subject": f"{NOT_YET_SAID} No way to a person was found."}
        self._ask(
            ("no_subject",),
            "subject: is this right? Then say so without the words in parentheses.",
            f"is '{table}' about nobody? Seen: {self._way.reason}.",
        )
        return {"no_subject": f"{NOT_YET_SAID} Proposed: {self._way.reason}."}

    def _columns(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        waiting: list[str] = []
        for column, kind in self._facts.columns.items():
            entry, note = self._entry(column, kind)
            doubt = self._way.doubts.get(column)
            if doubt is not None:
                waiting.append(f"open: {column}: {doubt}")
                self._questions.append(f"'{self._facts.table}.{column}': {doubt}")
            if entry is None:
                if doubt is None:
                    waiting.append(f"open: {column}: {note}")
                    self._questions.append(f"what does '{self._facts.table}.{column}' hold ({note})?")
                continue
            place: Place = ("columns", column) if isinstance(entry, str) else ("columns", column, "category")
            self._notes[place] = note
            self._asked["columns", column] += waiting
            waiting = []
            entries[column] = entry
        self._asked["erasure",] += waiting
        return entries

    def _entry(self, column: str, kind: str) -> tuple[str | dict[str, Any] | None, str]:
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
            entry = category if "." in column else _entry(category, tag, kind)  # flags are for whole columns
            return entry, "; ".join(filter(None, (seen, _quasi(category), remark)))
        when = clock(profile) if profile is not None else None
        if when is Clock.LOAD:
            return _OPERATIONS, "load time, by its name or by few moments for many rows"
        seen = f"nothing found in {tag.sampled:,} values" if tag is not None and tag.sampled else "no value looked at"
        return None, "; ".join(filter(None, (kind, seen, _counted(profile), remark)))

    def _key(self, at: At, category: str | None) -> tuple[str | dict[str, Any] | None, str] | None:
        """Return the entry of a column that is a key or refers to one; None where it is neither, or more than that."""
        domain = domain_of(at, self._seen, self._best)
        if domain is None or (category is not None and category != _KEY):
            return None
        words = self._role(at, domain)
        if domain.kind is not None:
            return _KEY, f"{words}; a person's ({domain.kind})"
        profile = self._seen.profiles[at]
        if profile.is_key and self._one_person_each(at.table):
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

    def _combined(self) -> None:
        found = quasi_identifiers(self._facts.tags)
        if self._facts.combinations is not None:
            rows = self._seen.tables[self._facts.table]
            line = f"{', '.join(found)} together: about {self._facts.combinations:,} combinations in {rows:,} rows"
            self._asked["columns",].append(f"quasi-identifiers: {line}")

    def _upstream(self) -> None:
        copies: dict[str, list[Link]] = defaultdict(list)
        for link in self._seen.links:
            whole = link.measured.share >= WHOLE and link.measured.values >= _COPIES
            way = link.source.column in {step.column for step in self._way.steps}
            if link.source.table == self._facts.table and link.pair.copied and whole and not way:
                copies[link.target.table].append(link)
        for table, links in sorted(copies.items()):
            shown = "; ".join(f"{link.source.column} is {link}" for link in links)
            words = f"upstream: [{table}]? Copies: {shown}"
            self._ask(("erasure",), words, f"is '{self._facts.table}' derived from '{table}'? {shown}.")

    def _retention(self) -> None:
        found = list(self._clocks())
        words = f"candidates for the clock: {'; '.join(found)}" if found else "no time column can start a clock"
        self._ask(
            ("erasure",),
            f"retention: how long may rows stay, from which time on? {words[0].upper()}{words[1:]}",
            f"how long may rows of '{self._facts.table}' stay? {words[0].upper()}{words[1:]}.",
        )

    def _clocks(self) -> Iterator[str]:
        for column in self._facts.columns:
            profile = self._seen.profiles.get(At(self._facts.table, column))
            when = clock(profile) if profile is not None else None
            personal = column_category(self._facts.tags.get(column)) is not None  # such as a date of birth
            if profile is not None and when is not None and not personal:
                yield f"{column} ({when} time, about {profile.distinct:,} different in {profile.filled:,} rows)"


def _step(step: Step) -> dict[str, str]:
    if step.identifies is not None:
        return {"column": step.column, "identifies": step.identifies}
    return {"column": step.column, "through": step.through or "", "matches": step.matches or ""}


def _entry(category: str, tag: TagFinding, kind: str) -> str | dict[str, Any]:
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
    elif kind == "string" and is_identifying(category) and not is_within(category, _SHARED):
        entry["searched"] = True
    return entry if len(entry) > 1 else category


def _quasi(category: str) -> str | None:
    return "quasi-identifier" if is_within(category, _QUASI) else None


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
