"""The one exception tree: what went wrong, where, and the way out.

Every error carries a stable `code` (for machines), a message (for people), and the exit code that the command line
and the jobs return. Messages never hold personal data: they name files, lines, keys, tables and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

_LONGEST_MESSAGE = 600
"""A message is bounded, so that a hostile 10 MB key in a policy file cannot flood a terminal or a log."""
_LONGEST_WORD = 100


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, ready for `{"errors": [...]}`."""

    code: str
    message: str
    where: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return the three keys that the JSON contract promises."""
        return {"code": self.code, "message": bounded(self.message), "where": self.where and bounded(self.where)}


class DelibleError(Exception):
    """Root of every error that delible raises on purpose.

    Args:
        code: Stable dotted name, such as `plan.stale`.
        message: What happened, in one sentence without personal data.
        where: File and line, key, table or request that it happened at.
        fix: What to do about it.
        problems: The single findings, when one run finds several.
    """

    exit_code = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.fix = fix
        self._problems = problems

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Return one error for several findings; the first one speaks for all."""
        first = problems[0]
        return cls(first.code, first.message, where=first.where, problems=tuple(problems))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All findings; a lone error is its own single finding."""
        if self._problems:
            return self._problems
        text = self.message if self.fix is None else f"{self.message} {self.fix}"
        return (Problem(self.code, text, self.where),)

    def __str__(self) -> str:
        parts = [f"{self.where}: " if self.where else "", self.message, f" {self.fix}" if self.fix else ""]
        return bounded("".join(parts))


class InputError(DelibleError):
    """Raised when a file, option or identifier that was handed in cannot be used; nothing has changed."""

    exit_code = 2


class PolicyError(InputError):
    """Raised when policy files do not load or contradict each other."""


class PlanError(InputError):
    """Raised when a plan file is not one that this workspace wrote, or was edited since."""


class BlockedError(DelibleError):
    """Raised when a policy, a hold, a gap or a request's state forbids the step."""

    exit_code = 3


class StalePlanError(BlockedError):
    """Raised when the tables, policies or requests have moved since the plan was made."""


class ResidueError(DelibleError):
    """Raised when bytes that should be gone are still there."""

    exit_code = 4


class TamperError(DelibleError):
    """Raised when the audit ledger, a certificate or a release no longer matches its own signatures."""

    exit_code = 4


class SetupError(DelibleError):
    """Raised when this machine lacks something: a JDK, the Delta JARs, an extra."""


class KeysError(SetupError):
    """Raised when the key ring cannot be read, before anything else is done; nothing has changed."""

    exit_code = InputError.exit_code


class ConflictError(DelibleError):
    """Raised when another writer kept winning; running the command again is safe."""


_GRAVEST_FIRST: tuple[type[DelibleError], ...] = (ResidueError, TamperError, DelibleError)


def gravity(error: DelibleError) -> int:
    """Return the place of an error among several that one command ends with; the gravest has the lowest.

    A block comes last: it says only that somebody has to decide something.
    """
    if isinstance(error, BlockedError):
        return len(_GRAVEST_FIRST)
    return next(n for n, kind in enumerate(_GRAVEST_FIRST) if isinstance(error, kind))


def concerns_all(error: DelibleError) -> bool:
    """Return whether an error in one piece of work would meet every other one, too.

    The machine lacks something, another process is in the way, or the ledger, without which nothing may be done,
    cannot be continued. Everything else is the trouble of one request, plan or table, also a table that is too busy.
    """
    if error.code == "table.busy":
        return False
    return isinstance(error, SetupError | ConflictError) or error.code == "ledger.broken"


def bounded(text: str, limit: int = _LONGEST_MESSAGE) -> str:
    """Return the text made printable and at most `limit` characters long.

    Control and bidirectional characters are shown as escapes: a policy key or file name must not be able to move the
    cursor or reverse the words of a message.
    """
    shown = "".join(c if c.isprintable() or c == " " else f"\\u{ord(c):04x}" for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest allowed word, or nothing when none is near.

    A word that is the last part of a dotted key counts as near: `email` for `user.contact.email`.
    """
    from difflib import get_close_matches

    if not 0 < len(word) <= _LONGEST_WORD:
        return ""
    names = list(allowed)
    tails = [name for name in names if f".{name}".endswith(f".{word}")]
    near = tails or get_close_matches(word, names, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
