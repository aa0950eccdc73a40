"""Lineage of runs that are over, as a workspace has it from before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from delible.model.lineage import DatasetUse, Facets, LineageRun
from delible.store.lineage import LineageLog
from delible.store.workspace import Workspace


def emit_run(
    workspace: Workspace,
    *,
    job: str,
    inputs: Sequence[DatasetUse] = (),
    outputs: Sequence[DatasetUse] = (),
    facets: Facets | None = None,
    started: datetime,
    ended: datetime,
    failed: bool = False,
) -> str:
    """Emit START and COMPLETE, or FAIL, of a run, offered to the consumer once, and return the run's id."""
    log = LineageLog(workspace)
    run = LineageRun(str(uuid4()), job, inputs, outputs, facets or {}, started)
    log._write(run, "START", started, None)
    log.emit(run, "FAIL" if failed else "COMPLETE", ended, error="failed" if failed else None)
    return run.id
