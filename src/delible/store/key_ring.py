"""The key ring: four secrets per version, and where it is kept, apart from the data."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any, Protocol, TypedDict

from delible.errors import InputError, KeysError

FIRST_VERSION, _NEWEST_VERSION = 1, 255
_SECRETS = ("reference", "pseudonym", "vault", "signing")
SECRET_BYTES = 32


class KeyProvider(Protocol):
    """Where the secrets come from; a KMS is one more class with these two."""

    @property
    def name(self) -> str:
        """Where it is, for messages."""

    def read(self) -> bytes:
        """Return the key ring as JSON."""


class KeyFile:
    """A key ring in a file with mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def read(self) -> bytes:
        """Return the file's content.

        Raises:
            KeysError: `keys.missing`, or `keys.mode` when group or others may read it.
        """
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise KeysError(
                        "keys.mode",
                        f"the key file has mode {mode:04o}, so others can read it.",
                        where=self.name,
                        fix="Change it with: chmod 600",
                    )
                return file.read()
        except OSError as error:
            raise KeysError(
                "keys.missing",
                f"the key file cannot be read: {error.strerror}.",
                where=self.name,
                fix="Restore it from where it is kept safe; a new key makes all references unusable.",
            ) from None


class KeyVariable:
    """A key ring in an environment variable."""

    def __init__(self, variable: str) -> None:
        self.variable = variable

    @property
    def name(self) -> str:
        """The variable, as `delible.yaml` writes it."""
        return f"env:{self.variable}"

    def read(self) -> bytes:
        """Return the variable's value.

        Raises:
            KeysError: `keys.missing` when it is not set.
        """
        value = os.environ.get(self.variable)
        if not value:
            raise KeysError("keys.missing", "the variable with the keys is not set.", where=self.name)
        return value.encode("utf-8", "surrogateescape")


class Ring(TypedDict):
    """The secrets by version, and the version that signs and encrypts now."""

    version: int
    keys: dict[int, dict[str, bytes]]


def create_keys(path: Path) -> None:
    """Write a new random key ring, mode 0600.

    Raises:
        InputError: `keys.exists`; a key file is never overwritten, since that would orphan every reference.
    """
    secrets = {name: base64.b64encode(os.urandom(SECRET_BYTES)).decode() for name in _SECRETS}
    ring = {"version": FIRST_VERSION, "keys": {str(FIRST_VERSION): secrets}}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError("keys.exists", "there is a key file already.", where=str(path)) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(ring, out, indent=1)
        out.flush()
        os.fsync(out.fileno())


def parsed_ring(raw: bytes, name: str) -> Ring:
    """Return the checked ring; a message about it must never quote it.

    Raises:
        KeysError: `keys.invalid`.
    """
    try:
        document: Any = json.loads(raw)
        keys = {
            int(v): {s: base64.b64decode(k[s], validate=True) for s in _SECRETS} for v, k in document["keys"].items()
        }
        version = document["version"]
        usable = isinstance(version, int) and version in keys and all(0 < v <= _NEWEST_VERSION for v in keys)
        usable = usable and all(len(secret) == SECRET_BYTES for k in keys.values() for secret in k.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        usable = False
    if not usable:
        raise KeysError("keys.invalid", "this is not a key ring that delible wrote.", where=name) from None
    return {"version": version, "keys": keys}
