"""What every way of telling a recipient has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Attempted:
    """What an attempt came to.

    Args:
        failure: Why the notice did not arrive, as a status code or a short word, never words of the other side; None
            when it arrived.
        down: Nothing can be sent there now, so the recipient's other notices need not try.
    """

    failure: str | None = None
    down: bool = False


class Adapter(Protocol):
    """One way of telling one recipient."""

    def send(self, notice_id: str, body: bytes) -> Attempted:
        """Deliver a notice; calling it again for the same notice must do no harm."""
