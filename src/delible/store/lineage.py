"""Lineage: what every run read and wrote, as OpenLineage run events in the workspace's lineage folder.

Events hold names, versions, counts and fingerprints; never values, never subject references. Each run has its own
file with START and exactly one COMPLETE or FAIL, so that concurrent runs never mix their lines. When the environment
configures OpenLineage (`OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG`, `OPENLINEAGE__TRANSPORT…`), the same events also go
there; a consumer that cannot be reached costs a warning and never the run.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from delible.errors import DelibleError
from delible.model.lineage import DatasetUse, Facets, LineageRun
from delible.store.workspace import Workspace

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

Phase = Literal["START", "COMPLETE", "FAIL"]

_CONFIGURED = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
_CONFIGURED_PREFIX = "OPENLINEAGE__TRANSPORT"
_log = logging.getLogger(__name__)


class LineageLog:
    """Writes run events of one workspace, and reads them back."""

    def __init__(self, workspace: Workspace, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = workspace.path(workspace.config.lineage)
        self._clock = clock

    @contextmanager
    def run(
        self,
        job: str,
        *,
        inputs: Sequence[DatasetUse] = (),
        outputs: Sequence[DatasetUse] = (),
        facets: Facets | None = None,
        run_id: UUID | None = None,
    ) -> Iterator[LineageRun]:
        """Emit START, let the body run, and emit COMPLETE, or FAIL with the error's code when it raises.

        Args:
            job: Dotted name, such as `dataset.build`.
            facets: Facets of the run, and facets that hold for each of its outputs.
        """
        run = LineageRun(str(run_id or uuid4()), job, inputs, outputs, facets or {}, self._clock())
        self.emit(run, "START", run.started)
        try:
            yield run
        except BaseException as error:
            self.emit(run, "FAIL", self._clock(), error=_code(error))
            raise
        self.emit(run, "COMPLETE", self._clock())

    def emit(self, run: LineageRun, phase: Phase, at: datetime, *, error: str | None = None) -> None:
        """Write one event of a run.

        Raises:
            DelibleError: `lineage.unwritable` when the workspace's lineage folder cannot be written.
        """
        from openlineage.client.transport.file import FileConfig, FileTransport

        from delible.store.lineage_events import run_event

        path = self.folder / f"{_stamp(run.started)}-{_safe(run.job)}-{run.id}.jsonl"
        event = run_event(run, phase, at, error=error)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            FileTransport(FileConfig(log_file_path=str(path), append=True)).emit(event)
        except (OSError, RuntimeError) as failure:
            raise DelibleError(
                "lineage.unwritable",
                f"the lineage event cannot be written ({type(failure).__name__}).",
                where=str(path),
            ) from None
        self._deliver(event)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events in the order of the runs' starts; a line that a crash cut short is passed over."""
        for path in sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else ():
            for line in path.read_bytes().splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event

    def _deliver(self, event: RunEvent) -> None:
        if not _configured():
            return
        try:
            self._client.emit(event)
            self._client.close(5)
        except Exception as failure:
            _log.warning(
                "the lineage event was not delivered (%s); it is kept in the workspace", type(failure).__name__
            )

    @cached_property
    def _client(self) -> Any:
        from openlineage.client import OpenLineageClient

        return OpenLineageClient()


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
    """Emit START and COMPLETE, or FAIL, of a run that is over, and return the run's id."""
    log = LineageLog(workspace)
    run = LineageRun(str(uuid4()), job, inputs, outputs, facets or {}, started)
    log.emit(run, "START", started)
    log.emit(run, "FAIL" if failed else "COMPLETE", ended, error="failed" if failed else None)
    return run.id


def _configured() -> bool:
    return any(os.environ.get(name) for name in _CONFIGURED) or any(
        k.startswith(_CONFIGURED_PREFIX) for k in os.environ
    )


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, DelibleError) else type(error).__name__


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
