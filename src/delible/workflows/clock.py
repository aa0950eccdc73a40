"""The time of a long run: the instant that the command was given, and what has passed since."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class Clock:
    """Return instants that go on from `now`, so that records of a run of minutes carry their own times."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._started = time.monotonic()

    def __call__(self) -> datetime:
        """Return the instant now."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)
