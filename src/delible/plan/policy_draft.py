"""Draft a table's policy from what is known of it: schema, column verdicts, and keys that were measured.

A draft permits nothing: what is not known is left out and asked, so that it is a gap, and an erasure leaves the rows
alone until somebody says what it means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delible.model.layout import Layout
from delible.model.record import TagFinding
from delible.model.taxonomy import is_identifying
from delible.model.terms import TagState

ENOUGH = 0.99
"""Share of a column's values that must be keys of another table before it is taken to be one."""

_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True)
class Measured:
    """How many of a column's distinct values are keys of a table whose people are known.

    Args:
        kind: The identifier kind of those keys.
        named_alike: The two columns have the same name. Small whole numbers are in each other by chance, so for them
            the share alone proves nothing.
    """

    column: str
    table: str
    key: str
    kind: str
    values: int
    found: int
    named_alike: bool
    text: bool

    @property
    def is_key(self) -> bool:
        """Whether the column leads to those people."""
        return self.values > 0 and self.found >= ENOUGH * self.values and (self.named_alike or self.text)

    def __str__(self) -> str:
        """Return the measurement in words; counts only, never a value."""
        return f"{self.found:,} of {self.values:,} values are in {self.table}.{self.key}"


@dataclass(frozen=True)
class Draft:
    """A drafted policy file, or None with the questions that must be answered first."""

    table: str
    text: str | None
    questions: tuple[str, ...]


def draft(table: str, path: str, layout: Layout, tags: Mapping[str, TagFinding], measured: Sequence[Measured]) -> Draft:
    """Return a table policy as YAML, with every open question as a comment beside its place.

    Args:
        table: Name of the policy.
        path: The table's folder, relative to the workspace.
        layout: The table as its log describes it.
        tags: Column to verdict; rejected ones count as none.
        measured: What was measured of its columns.
    """
    keys = {m.column: m for m in sorted(measured, key=lambda m: m.found) if m.is_key}
    questions = []
    if not keys:
        near = [f"{m.column}: {m}" for m in measured if m.found]
        hint = f" Measured: {'; '.join(near[:5])}." if near else ""
        return Draft(table, None, (f"by which column do rows of '{table}' reach a person, if they do?{hint}",))
    lines = [
        "# Drafted from schema, tags and measured keys. It permits nothing: answer what is OPEN.",
        f"table: {table}",
        f"path: {_quoted(path)}",
        f'description: "OPEN: what is one row of {table}?"',
        "# OPEN: purposes: [...]   what are the rows used for, and on which legal basis?",
        "subject:",
    ]
    questions += [f"what is one row of '{table}'?", f"for which purposes is '{table}' used?"]
    for column, key in keys.items():
        lines += [f"  - column: {_quoted(column)}   # {key}", f"    identifies: {key.kind}"]
    lines.append("columns:")
    mapped = 0
    for column, kind in layout.columns.items():
        tag = tags.get(column)
        key_here = keys.get(column)
        if tag is not None and tag.category is not None and tag.state is not TagState.REJECTED:
            lines += _column(column, kind, tag)
            mapped += 1
        elif key_here is not None:
            lines.append(f"  {_quoted(column)}: user.unique_id   # a key: {key_here}")
            mapped += 1
        else:
            seen = f"nothing found in {tag.sampled:,} values" if tag is not None else "not scanned"
            lines.append(f"  # OPEN: {_quoted(column)}: ?   # {kind}, {seen}")
            questions.append(f"what does '{table}.{column}' hold ({kind}, {seen})?")
    lines += [
        "erasure:",
        "  action: keep",
        f'  reason: "OPEN: nobody has said yet what an erasure does to {table}."',
        "# OPEN: retention: how long may rows stay, from which time on?",
    ]
    questions += [f"what does an erasure do to rows of '{table}'?", f"how long may rows of '{table}' stay?"]
    return Draft(table, "\n".join(lines) + "\n", tuple(questions))


def _column(column: str, kind: str, tag: TagFinding) -> list[str]:
    category = tag.category or ""
    words = f"{tag.entity or 'by name'}, {tag.hits:,} of {tag.sampled:,} values, {tag.state}"
    whole = tag.sampled and tag.hits >= ENOUGH * tag.sampled
    if kind == "string" and category == "user.name" and not whole:
        return [f"  {_quoted(column)}: {{category: user.content.private, free_text: true}}   # mentions: {words}"]
    searched = ", searched: true" if is_identifying(category) and whole and kind == "string" else ""
    entry = f"{{category: {category}{searched}}}" if searched else category
    return [f"  {_quoted(column)}: {entry}   # {words}"]


def _quoted(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
    return name if plain or (re.fullmatch(r"[A-Za-z0-9_./-]+", name) and "/" in name) else json.dumps(name)
