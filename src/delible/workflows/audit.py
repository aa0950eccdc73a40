"""The ledger, checked and handed over."""

from __future__ import annotations

import re
from pathlib import Path

from delible.errors import InputError, TamperError
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.ledger_check import LedgerCheck
from delible.store.workspace import Workspace

_KNOWN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def verify_ledger(workspace: Workspace, *, known: str | None = None) -> LedgerCheck:
    """Return whether every record of the ledger is what was written, and none is missing.

    Args:
        known: `SEQUENCE:HASH` of a record as noted elsewhere, such as on a certificate.

    Raises:
        InputError: `audit.known` when `known` has another form.
    """
    noted = None if known is None else _noted(known)
    return Ledger(workspace, load_keys(workspace)).verify(known=noted)


def broken(check: LedgerCheck) -> TamperError | None:
    """Return the error that names every place where the ledger is not what was written; None when it is intact."""
    if check.intact:
        return None
    return TamperError("ledger.broken", "the audit ledger is not what was written.", problems=check.problems)


def export_ledger(workspace: Workspace, *, out: Path) -> int:
    """Write all records as JSON lines to a new file, and return their number.

    The file lies where the caller says, inside the workspace or not: it holds no personal data.

    Raises:
        InputError: `output.exists` when there is such a file; `output.unwritable` when it cannot be made.
    """
    try:
        if out.exists():
            raise InputError("output.exists", "there is a file already.", where=str(out), fix="Choose another name.")
        return Ledger(workspace, load_keys(workspace)).export(out)
    except OSError as error:
        raise InputError("output.unwritable", f"cannot be written: {error.strerror}.", where=str(out)) from None


def _noted(known: str) -> tuple[int, str]:
    found = _KNOWN.fullmatch(known)
    if found is None:
        raise InputError(
            "audit.known", "this is not SEQUENCE:HASH.", where="--known", fix="A certificate names both, as 12:3f0c…"
        )
    return int(found[1]), found[2]
