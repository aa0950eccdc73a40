"""Documents that somebody has shown: what is recorded of them, and what cannot be one.

A program cannot tell whether a paper is signed, or by whom. It can refuse what evidently is no paper, and note how this
one can be recognised later.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

from delible.errors import InputError
from delible.model.identity import Document, DocumentForm
from delible.model.policy import Controller
from delible.workflows.identifiers import RECEIVED

_LARGEST = 64 * 1024 * 1024
_FORMS = (
    (b"%PDF-", DocumentForm.PDF),
    (b"\x89PNG\r\n\x1a\n", DocumentForm.IMAGE),
    (b"\xff\xd8\xff", DocumentForm.IMAGE),
    (b"II*\x00", DocumentForm.IMAGE),
    (b"MM\x00*", DocumentForm.IMAGE),
)


def shown_document(path: Path, controller: Controller) -> Document:
    """Return what is recorded of a document that was seen: its digest, its size and its form, never what it says.

    Args:
        controller: Whose identifier kinds a file of identifiers is recognised by.

    Raises:
        InputError: `document.unreadable`; `document.identifiers` for a file of data subjects' identifiers.
    """
    data = read_document(path)
    if _holds_identifiers(data, controller):
        raise InputError(
            "document.identifiers",
            "the file holds identifiers, as a request is submitted with, and is no document of a data subject's.",
            where=str(path),
            fix="Give the paper that was shown.",
        )
    return Document(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), form=_form(data))


def read_document(path: Path) -> bytes:
    """Return a document's bytes.

    Raises:
        InputError: `document.unreadable` when it is no regular file, empty, or too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, and a device never ends
            raise InputError("document.unreadable", "this is no regular file.", where=str(path))
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        raise InputError("document.unreadable", "the document cannot be read.", where=str(path)) from None
    if not data or len(data) > _LARGEST:
        message = f"the document is empty, or larger than {_LARGEST} bytes."
        raise InputError("document.unreadable", message, where=str(path))
    return data


def _holds_identifiers(data: bytes, controller: Controller) -> bool:
    """Return whether every line is one person, as files of identifiers have it."""
    try:
        lines = [line for line in data.decode("utf-8-sig").split("\n") if line.strip()]
        return bool(lines) and all(_is_person(json.loads(line), controller) for line in lines)
    except (ValueError, RecursionError):
        return False


def _is_person(line: object, controller: Controller) -> bool:
    return isinstance(line, dict) and bool(line) and {*line} <= {*controller.identifiers, RECEIVED}


def _form(data: bytes) -> DocumentForm:
    for beginning, form in _FORMS:
        if data.startswith(beginning):
            return form
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return DocumentForm.OTHER
    return DocumentForm.OTHER if "\x00" in text else DocumentForm.TEXT
