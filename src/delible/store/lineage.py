"""Lineage: what every run read and wrote, as OpenLineage run events in the workspace's lineage folder.

Events hold names, versions, counts and fingerprints; never values, never subject references. Each run has its own
file with START and exactly one COMPLETE or FAIL, so that concurrent runs never mix their lines. When `delible.yaml` or
the environment configures OpenLineage (`OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG`, `OPENLINEAGE__TRANSPORT…`), the same
events also go there; a consumer that cannot be reached costs a warning and a few seconds, and never the run: its events
wait (`store.lineage_delivery`).
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from delible.errors import DelibleError, InputError
from delible.model.lineage import DatasetUse, Delivered, Facets, LineageRun
from delible.store.workspace import Workspace

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from delible.store.lineage_delivery import Consumer

Phase = Literal["START", "COMPLETE", "FAIL", "ABORT"]

_CONFIGURED = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
_CONFIGURED_PREFIX = "OPENLINEAGE__TRANSPORT"
_FILE = "openlineage.yml"
_log = logging.getLogger(__name__)


class LineageLog:
    """Writes run events of one workspace, and reads them back."""

    def __init__(self, workspace: Workspace, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = workspace.path(workspace.config.lineage)
        self._configured = workspace.config.openlineage
        self._clock = clock
        self._down = False

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
            with suppress(DelibleError):  # What went wrong is the error that is to be told, not its event.
                self.emit(run, "FAIL", self._clock(), error=_code(error))
            raise
        self.emit(run, "COMPLETE", self._clock())

    def end_killed(self, job: str) -> int:
        """Emit ABORT for runs of a job that began and never ended, and return their number.

        Only for whoever knows that none of them is under way, such as by holding the workspace's lock.
        """
        ended = 0
        for path in sorted(self.folder.glob(f"*-{_safe(job)}-*.jsonl")):
            with suppress(AttributeError, KeyError, RecursionError, TypeError, ValueError):
                [line] = path.read_bytes().splitlines()
                begun = json.loads(line)
                if begun["eventType"] == "START":
                    self._abort(path, begun)
                    ended += 1
        return ended

    def _abort(self, path: Path, begun: Mapping[str, Any]) -> None:
        from delible.store.lineage_events import aborted

        self._append(path, aborted(begun, self._clock()))

    def emit(self, run: LineageRun, phase: Phase, at: datetime, *, error: str | None = None) -> None:
        """Write one event of a run, and offer it to the consumer that is configured.

        Raises:
            DelibleError: `lineage.unwritable` when the workspace's lineage folder cannot be written.
        """
        self._write(run, phase, at, error)
        self._offer()

    def _write(self, run: LineageRun, phase: Phase, at: datetime, error: str | None) -> None:
        from delible.store.lineage_events import run_event

        path = self.folder / f"{_stamp(run.started)}-{_safe(run.job)}-{run.id}.jsonl"
        self._append(path, run_event(run, phase, at, error=error))

    def _append(self, path: Path, event: RunEvent) -> None:
        from openlineage.client.transport.file import FileConfig, FileTransport

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if is_configured(self._configured):
                self._expect(path)
            FileTransport(FileConfig(log_file_path=str(path), append=True)).emit(event)
        except (OSError, RuntimeError) as failure:
            raise DelibleError(
                "lineage.unwritable",
                f"the lineage event cannot be written ({type(failure).__name__}).",
                where=str(path),
            ) from None

    def _expect(self, path: Path) -> None:
        """Write down that a run's events wait, before there is one: a run that is killed then still has them sent."""
        from delible.store.lineage_delivery import keep, pending

        if not pending(self.folder, path.name).exists():
            keep(self.folder, path.name, sent=len(path.read_bytes().splitlines()) if path.exists() else 0)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events in the order of the runs' starts; a line that a crash cut short is passed over.

        So is one that is nested too deeply to be read or written again.
        """
        for path in sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else ():
            for line in path.read_bytes().splitlines() if path.is_file() else ():
                try:
                    event = json.loads(line)
                    json.dumps(event)
                except (RecursionError, ValueError):
                    continue
                if isinstance(event, dict):
                    yield event

    def deliver_all(self, *, anew: bool = False) -> Delivered:
        """Deliver what waits, with all patience, also what the consumer refused before.

        Args:
            anew: Deliver the events of all runs, whatever has arrived.

        Raises:
            InputError: `lineage.no_consumer`.
        """
        from delible.store.lineage_delivery import PATIENT, keep

        if not is_configured(self._configured):
            raise InputError(
                "lineage.no_consumer",
                "no consumer of lineage events is configured.",
                fix="Set OPENLINEAGE_URL, or 'openlineage' in delible.yaml.",
            )
        for path in sorted(self.folder.glob("*.jsonl")) if anew else ():
            keep(self.folder, path.name)
        return self._consumer.deliver(PATIENT, again=True)

    def _offer(self) -> None:
        """Deliver what waits, unless this run has found the consumer out of reach."""
        if self._down or not is_configured(self._configured):
            return
        try:
            done = self._consumer.deliver()
        except Exception as failure:
            _log.warning("lineage events were not delivered (%s); they are kept", type(failure).__name__)
            self._down = True
            return
        if done.failure is not None:
            self._down = done.refused == 0
            _log.warning(
                "%d lineage event(s) not delivered (%s); they are kept: delible lineage resend",
                done.waiting,
                done.failure,
            )

    @cached_property
    def _consumer(self) -> Consumer:
        from delible.store.lineage_delivery import Consumer

        return Consumer(self.folder, self._configured)


def is_configured(configured: Mapping[str, Any]) -> bool:
    """Return whether a consumer is named, in `delible.yaml` or in one of the ways that the client documents."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if configured or any(os.environ.get(name) for name in _CONFIGURED):
        return True
    return any(k.startswith(_CONFIGURED_PREFIX) for k in os.environ) or any(p.is_file() for p in _files())


def _files() -> tuple[Path, ...]:
    """Return where the client looks for its configuration by itself."""
    return (Path.cwd() / _FILE, Path.home() / ".openlineage" / _FILE)


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, DelibleError) else type(error).__name__


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
