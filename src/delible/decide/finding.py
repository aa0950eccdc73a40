"""What a check finds: gaps and violations, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from delible.errors import Problem

Sources = Mapping[tuple[str | int, ...], str]
"""Where each key of a policy set stands: `("tables", "orders", "path")` to `policies/tables/orders.yaml:3`."""


class Severity(StrEnum):
    """How much a finding weighs.

    `gap`: configuration is missing, so nothing is permitted there. `violation`: what is configured breaks a rule.
    `note`: it holds, but there is a safer way.
    """

    GAP = "gap"
    VIOLATION = "violation"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One gap or violation.

    Args:
        path: The key of the policy set that it is about, such as `("tables", "orders", "columns", "email")`.
        where: File and line of that key, or of the nearest key around it.
    """

    code: str
    severity: Severity
    message: str
    path: tuple[str | int, ...]
    where: str | None = None

    def as_problem(self) -> Problem:
        """Return the finding as an error line."""
        return Problem(self.code, self.message, self.where)

    def as_json(self) -> dict[str, str | None]:
        """Return the keys of the JSON answer."""
        return {**self.as_problem().as_json(), "severity": str(self.severity)}


def gap(code: str, message: str, *path: str | int) -> Finding:
    """Return a gap; its place is added later."""
    return Finding(code, Severity.GAP, message, path)


def violation(code: str, message: str, *path: str | int) -> Finding:
    """Return a violation; its place is added later."""
    return Finding(code, Severity.VIOLATION, message, path)


def note(code: str, message: str, *path: str | int) -> Finding:
    """Return a note; its place is added later."""
    return Finding(code, Severity.NOTE, message, path)


def place(sources: Sources, path: tuple[str | int, ...]) -> str | None:
    """Return where a key stands, or the nearest key around it; the dotted path when no file is known."""
    for length in range(len(path), 0, -1):
        if path[:length] in sources:
            return sources[path[:length]]
    return ".".join(str(part) for part in path) or None
