"""Corrections: what a data subject asks for (Art. 16, §1798.106), and what it was found to mean in the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from delible.model.base import canonical
from delible.model.subject import KeyRole, KeyRow


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction as it was asked for. Its values are masked in `repr`, and encrypted at rest.

    Args:
        table, column: Where.
        new: What is right; None empties the column.
        old: What is wrong, where it was said.
        named: Whether it was said. Otherwise whatever stands there is wrong, as long as it is one thing.
    """

    table: str
    column: str
    new: str | None = field(repr=False)
    old: str | None = field(default=None, repr=False)
    named: bool = False

    @property
    def kind(self) -> str:
        """The name under which it is kept, `table.column`."""
        return f"{self.table}.{self.column}"

    def sealable(self) -> str:
        """Return its values as one text to encrypt; `corrections_of` reads it."""
        return canonical({"new": self.new, "old": self.old, "named": self.named}).decode()


@dataclass(frozen=True, slots=True)
class Change:
    """One value that becomes another in one person's rows of one column.

    Args:
        request: Whose.
        old: The spelling as it stands in the table, as Spark writes it as text; None for an empty column.
        new: What it becomes, as text that Spark reads as the column's type.
        asked: It was asked for here; otherwise it follows a correction elsewhere.
        proof: How a search may recognise the old value: `bytes` in raw bytes, `column` as a whole value of its own
            column, `rows` only in the person's own rows.
    """

    request: str
    table: str
    column: str
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)
    asked: bool = True
    proof: str = "rows"

    @property
    def kind(self) -> str:
        """The name under which it is kept, `table.column`."""
        return f"{self.table}.{self.column}"

    def key(self) -> KeyRow:
        """Return the row of the vault that keeps it."""
        said = {"new": self.new, "old": self.old, "asked": self.asked, "proof": self.proof}
        return KeyRow(self.request, self.kind, canonical(said).decode(), KeyRole.CHANGE)


def corrections_of(rows: list[KeyRow]) -> dict[str, list[Correction]]:
    """Return the corrections among the vault's rows, by request."""
    found: dict[str, list[Correction]] = {}
    for row in rows:
        if row.role is KeyRole.CORRECTION:
            table, _, column = row.kind.partition(".")
            found.setdefault(row.request, []).append(Correction(table, column, **json.loads(row.value)))
    return found


def changes_of(rows: list[KeyRow]) -> list[Change]:
    """Return the changes among the vault's rows."""
    found: dict[tuple[str, str, str | None], Change] = {}
    for row in rows:
        if row.role is KeyRole.CHANGE:
            table, _, column = row.kind.partition(".")
            change = Change(row.request, table, column, **json.loads(row.value))
            # A plan that was overtaken may have found the same, with another proof.
            found[change.request, change.kind, change.old] = change
    return list(found.values())
