"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def private_write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only (mode 0600), and flush it to the disk."""
    staging = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        staging.replace(path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
