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


def named_write(path: Path, data: bytes) -> None:
    """Write a file that a person named: a link leads to what it points at, and what is no file is not replaced.

    A pipe or a device, such as `/dev/stdout`, is written to as it is.

    Raises:
        OSError: When the place cannot be written, such as a folder.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as out:
            out.write(data)
    else:
        private_write(path.resolve(), data)
