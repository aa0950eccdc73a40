"""Lineage, shown for one dataset and handed over whole."""

from __future__ import annotations

import json
from pathlib import Path

from delible.errors import InputError
from delible.report.lineage import LineageView, lineage_view
from delible.store.files import private_write
from delible.store.lineage import LineageLog
from delible.store.workspace import Workspace


def show_lineage(workspace: Workspace, dataset: str) -> LineageView:
    """Return what made a dataset and what used it.

    Args:
        dataset: Name in the policies, or location.

    Raises:
        InputError: `lineage.unknown_dataset` when no run has read or written it.
    """
    view = lineage_view(LineageLog(workspace).events(), dataset)
    if view is None:
        raise InputError("lineage.unknown_dataset", "no recorded run has read or written it.", where=dataset)
    return view


def export_lineage(workspace: Workspace, *, out: Path) -> int:
    """Write all events as JSON lines to a new file, and return their number.

    Raises:
        InputError: `output.exists` when there is such a file; `output.unwritable` when it cannot be made.
    """
    try:
        if out.exists():
            raise InputError("output.exists", "there is a file already.", where=str(out), fix="Choose another name.")
        lines = [json.dumps(event, sort_keys=True).encode() + b"\n" for event in LineageLog(workspace).events()]
        private_write(out, b"".join(lines))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file's name"
        raise InputError("output.unwritable", f"cannot be written: {reason}.", where=str(out)) from None
    return len(lines)
