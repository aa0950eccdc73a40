"""Other writers of a table: which failures mean that one of them came first, and how to wait for a quiet moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeVar

from delta import exceptions as delta
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from delible.errors import ConflictError

T = TypeVar("T")

CONFLICTS = (
    delta.ConcurrentAppendException,
    delta.ConcurrentDeleteReadException,
    delta.ConcurrentDeleteDeleteException,
    delta.ConcurrentTransactionException,
    delta.ConcurrentWriteException,
    delta.MetadataChangedException,
    delta.ProtocolChangedException,
    delta.DeltaConcurrentModificationException,
)
"""What Delta raises when another commit came first. Nothing has changed then, and the work can be done anew."""


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Args:
        attempts: In all.
        first, longest: Seconds of the first pause and of the longest, at most: each is drawn at random below a bound
            that doubles, so that two runs do not meet again.
        sleep: How to wait.
    """

    attempts: int = 8
    first: float = 1.0
    longest: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep)


PATIENCE = Patience()


def is_conflict(error: BaseException) -> bool:
    """Return whether another writer of the table came first."""
    return isinstance(error, CONFLICTS)


def patiently(
    work: Callable[[], T],
    *,
    table: str,
    patience: Patience | None = None,
    again: Callable[[int, str], None] = lambda _attempt, _kind: None,
) -> T:
    """Do a table's work, anew whenever another writer of the table came first.

    Args:
        work: Reads the table afresh each time; it changes nothing when it fails so.
        again: Is told before each pause how many attempts failed, and the kind of the last conflict.

    Raises:
        ConflictError: `table.busy` when others kept coming first.
    """
    patience = patience or PATIENCE

    def told(state: RetryCallState) -> None:
        again(state.attempt_number, _kind(state))

    retrying = Retrying(
        retry=retry_if_exception(is_conflict),
        wait=wait_random_exponential(multiplier=patience.first, max=patience.longest),
        stop=stop_after_attempt(patience.attempts),
        sleep=patience.sleep,
        before_sleep=told,
        retry_error_callback=partial(_gave_up, table),
    )
    return retrying(work)


def _gave_up(table: str, state: RetryCallState) -> NoReturn:
    # Delta's own message quotes the other commit; the kind of the conflict is all that is passed on.
    raise ConflictError(
        "table.busy",
        f"table '{table}' is waiting for a quiet moment: {state.attempt_number} attempts in "
        f"{state.seconds_since_start or 0:.0f} seconds met another writer's commit ({_kind(state)}).",
        where=f"table:{table}",
        fix="Nothing is lost. Run the same command again, when the table is written to less.",
    ) from None


def _kind(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome is not None else None
    return type(error).__name__.removesuffix("Exception")
