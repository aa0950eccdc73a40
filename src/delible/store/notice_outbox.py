"""The outbox: one file per notice in a folder per recipient, for a mail gateway or a person to take away."""

from __future__ import annotations

from pathlib import Path

from delible.store.delivery import Attempted
from delible.store.files import private_write


class Outbox:
    """A recipient's folder in the workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, notice_id: str, body: bytes) -> Attempted:
        """Write the notice whole or not at all; writing it again changes nothing."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            private_write(self._folder / f"{notice_id}.json", body + b"\n")
        except OSError as error:
            return Attempted(f"file: {error.strerror or type(error).__name__}", down=True)
        return Attempted()
