"""Draft a table's policy from what was seen of it: verdicts, keys, and measured ways to a person.

A draft permits nothing. What is not known stays out and is asked, so that it is a gap, and an erasure leaves the rows
alone until somebody says what it means. Comments tell counts, never a value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from delible.decide.clock_columns import clock
from delible.decide.key_links import WHOLE, Link
from delible.decide.subject_ways import Seen, Step, Way
from delible.model.policy import NOT_YET_SAID
from delible.model.profile import At
from delible.model.taxonomy import is_personal
from delible.plan.draft_columns import ColumnDrafts, Facts, column_category, quasi_identifiers, tag_doubt

Place = tuple[str | int, ...]
"""Where a comment stands: the keys and list places that lead to it."""

_COPIES = 20
"""Values that must be another column's before a whole table is asked about as a copy."""


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


class _Drafting:
    """One draft in the making."""

    def __init__(self, facts: Facts, way: Way, seen: Seen, ways: Mapping[str, Way]) -> None:
        self._facts, self._way, self._seen = facts, way, seen
        self._entries = ColumnDrafts(facts, way, seen, ways)
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
            entry, note = self._entries.entry(column, kind)
            doubt = self._way.doubts.get(column) or tag_doubt(self._facts.tags.get(column))
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
