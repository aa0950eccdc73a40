"""Runs that are killed, and what a workspace holds when all is over: the same as if nobody had."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byte_search import places
from delible.cli.main import main
from delible.model.record import AuditRecord
from delible.store.workspace import open_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delta_rows import delta_rows
from small_shop import forget_logs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER = Path(__file__).with_name("kill_driver.py")
PHYSICAL = re.compile(r"(?:estimated_)?(?:bytes|files|log_files)(?:_\w+)?")
"""Counts of files and bytes: a run that dies has written some more, and rows lie in files by chance. That there were
some is compared, and not how many."""

PATIENCE = 1200
"""Seconds that a run may take on a busy machine."""

_DRAWN = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4,})*|\d{4,}|\.[0-9a-z]{6,}$|-[a-z0-9-]{6,}")
"""What is drawn anew in each run, in the names of files."""


@dataclass(frozen=True)
class Boundary:
    """What is left on the disk by a death just before an effect."""

    number: int
    effect: str
    left: Path


def telling(boundaries: Sequence[Boundary]) -> list[Boundary]:
    """Return the boundaries, but of each row of deletions only the first, the middle and the last one."""
    chosen = []
    for kind, group in groupby(boundaries, key=lambda b: b.effect.split()[0]):
        same = list(group)
        chosen += same if kind != "delete_file" else [same[i] for i in sorted({0, len(same) // 2, len(same) - 1})]
    return chosen


@dataclass(frozen=True)
class Prepared:
    """A workspace that is prepared once, and copied to the path that its plan names for each run.

    Args:
        folder: Holds `template`, and `shop` while a run lasts.
        words: The command, which ends with 0.
        spark: The session whose JVM runs use that do not have their own; None for a lake without one (`fake_lake`).
    """

    folder: Path
    words: tuple[str, ...]
    spark: SparkSession | None

    @contextmanager
    def fresh(self, source: Path | None = None) -> Iterator[Path]:
        """Lay the workspace at its place, as it was prepared, or as a copy has it."""
        root = self.folder / "shop"
        shutil.copytree(source or self.folder / "template", root)
        try:
            yield root
        finally:
            shutil.rmtree(root)

    def start(self, root: Path, at: int = 0, *, jvm: bool = False) -> subprocess.Popen[str]:
        """Start the command in a process of its own that dies before its effect number `at`.

        Args:
            jvm: Give it a JVM of its own, which dies, too, and takes ten seconds to start.
        """
        environment = {**os.environ, "KILL_AT": str(at), "KILL_LOG": str(self.folder / "effects.log")}
        if not at and not jvm:
            environment["KILL_COPIES"] = str(self.folder / "copies")
        if self.spark is None:
            environment["KILL_JVM"] = "none"
        elif not jvm:
            gateway: Any = self.spark.sparkContext._gateway
            settings = gateway.gateway_parameters
            environment["KILL_JVM"] = f"{settings.port} {settings.auth_token}"
        (self.folder / "effects.log").unlink(missing_ok=True)
        return subprocess.Popen(
            [sys.executable, str(DRIVER), *self.words],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def killed(self, root: Path, at: int, *, jvm: bool = False) -> str:
        """Run the command until it dies, and return the name of the effect that it did not have."""
        with self.start(root, at, jvm=jvm) as process:
            said = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode == -signal.SIGKILL, f"ended with {process.returncode}: {said}"
        return self.effects()[-1]

    def killed_after(self, root: Path, seconds: float) -> dict[str, Any] | None:
        """Run the command with a JVM of its own, and kill both at once so long after the first effect.

        Returns:
            What it said when it was quicker; None when it died.
        """
        with self.start(root, jvm=True) as process:
            self.begun(process)
            try:
                said = process.communicate(timeout=seconds)[0]
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None
        assert process.returncode == 0, said
        return spoken(said)

    def begun(self, process: subprocess.Popen[str]) -> None:
        """Wait until a run has its first effect on the workspace, or has ended.

        What goes with a JVM's start and with a dead run's scratch files is none.
        """
        until = time.monotonic() + PATIENCE
        while process.poll() is None and all(e.startswith(("rmtree", "rmdir")) for e in self.effects()):
            assert time.monotonic() < until, "the run never began"
            time.sleep(0.02)

    def boundaries(self) -> list[Boundary]:
        """Run the command once, and return what a death before each of its effects leaves."""
        with self.fresh() as root, self.start(root) as process:
            said = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode == 0, said
        copies = self.folder / "copies"
        return [Boundary(n, name, copies / str(n)) for n, name in enumerate(self.effects(), 1)]

    def effects(self) -> list[str]:
        """Return the names of the effects of the last run so far."""
        log = self.folder / "effects.log"
        return log.read_text().splitlines() if log.exists() else []

    def apply(self, root: Path) -> dict[str, Any]:
        """Run the command in this process, whose JVM is warm; it knows no more of the killed one than another would."""
        if self.spark is not None:
            forget_logs(self.spark)
        said = io.StringIO()
        with redirect_stdout(said):
            code = main([*self.words, "--workspace", str(root)])
        assert code == 0, said.getvalue()
        document: dict[str, Any] = json.loads(said.getvalue())
        return document

    def finished(self, root: Path) -> dict[str, Any]:
        """Run the command, and return what the workspace then holds."""
        return end(root, self.apply(root))

    def undisturbed(self, texts: Sequence[str], keys: Mapping[str, set[int]]) -> dict[str, Any]:
        """Return what an erasure of two people leaves that nobody kills; nothing of theirs is in it."""
        with self.fresh() as root:
            found = self.finished(root)
            assert places(root, texts=texts, keys=keys) == []
        ended = {"intact": True, "order": [], "identifiers": {}, "plans": []}
        assert {name: found[name] for name in ended} == ended
        assert len(found["certificates"]) == len(found["notices"]) == 2
        return found


def spoken(text: str) -> dict[str, Any]:
    """Return the document that a run with `--json` printed, between what went to standard error."""
    document: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("\n{") :].lstrip())[0]
    return document


def end(root: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a run is to leave behind, without times, and without what is counted in files.

    A file that was written and never put in its place is litter: it says nothing, and stays.
    """
    control = Control(open_workspace(root))
    records = control.ledger.records()
    folder = root / "reports" / "certificates"
    return {
        "said": {
            "requests": said.get("requests"),
            "tables": [(t["table"], t["rows"], t.get("mentions"), t["state"]) for t in said["tables"]],
        },
        "rows": rows(root),
        "records": sorted(recorded(r) for r in records),
        "order": ordered(records),
        "intact": verify_ledger(control.workspace).intact,
        "certificates": {p.stem: certificate(json.loads(p.read_bytes())) for p in sorted(folder.glob("R-*.json"))},
        "states": {r.id: r.state.value for r in control.requests.all()},
        "suppressed": sorted(ref for ref, *_ in control.suppression.rows()),
        "identifiers": control.requests.vault.requests(),
        "notices": sorted((n.recipient, n.request, n.state.value) for n in control.notices.all()),
        "plans": sorted(p.name for p in (root / ".delible" / "plans").glob("[!.]*")),
        "properties": {p.name: properties(p) for p in sorted((root / "warehouse").iterdir())},
    }


def rows(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table's rows in order; pseudonyms are drawn anew in each run, so only that they are is compared."""
    found = {}
    for path in sorted((root / "warehouse").iterdir()):
        table = [tuple(row.values()) for row in delta_rows(path)]
        found[path.name] = sorted(
            (tuple("pseudonym" if isinstance(v, int) and v < 0 else v for v in r) for r in table), key=str
        )
    return found


def recorded(record: AuditRecord) -> tuple[str, ...]:
    """Return what a record says, but for its place in the ledger, its time, and how long something took."""
    counts = {k: v for k, v in coarse(record.counts).items() if k != "milliseconds"}
    detail = {k: v for k, v in record.detail.items() if k != "version"}
    return (
        record.object,
        record.action,
        record.outcome,
        record.actor,
        json.dumps(counts, sort_keys=True),
        json.dumps(detail, sort_keys=True),
    )


def coarse(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts, those of files and bytes only as whether there are any.

    Log files are left out: of those that a run removed and did not come to record, the next one knows nothing.
    """
    known = {k: v for k, v in counts.items() if k != "log_files_removed"}
    return {k: bool(v) if PHYSICAL.fullmatch(k) else v for k, v in known.items()}


def ordered(records: Sequence[AuditRecord]) -> list[str]:
    """Return the steps that are recorded as done twice, or before they had begun."""
    wrong, begun, done = [], set(), set()
    for record in records:
        step = (record.object, record.action)
        if record.outcome == "started":
            wrong += [f"begun twice: {step}"] if step in begun else []
            begun.add(step)
        elif record.outcome == "done":
            wrong += [f"done twice: {step}"] if step in done and step in begun else []
            done.add(step)
    return wrong + [f"begun and never done: {step}" for step in sorted(begun - done)]


def certificate(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a certificate says, but for its times, its place in the ledger, and digests of files' names."""
    left_out = ("completed", "ledger_sequence", "ledger_hash", "signature", "manifest")
    said = {k: v for k, v in document.items() if k not in left_out}
    searched = {k: v for k, v in coarse(said["verification"]).items() if k != "at"}
    tables = [{k: v for k, v in coarse(table).items() if k != "version_after"} for table in said["tables"]]
    return {**said, "verification": searched, "tables": tables}


def properties(table: Path) -> dict[str, str]:
    """Return a table's own properties."""
    from deltalake import DeltaTable

    return dict(DeltaTable(str(table)).metadata().configuration)


def differences(undisturbed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return what one workspace holds and the other does not."""
    wrong = []
    for name, whole in undisturbed.items():
        if whole == found[name]:
            continue
        if isinstance(whole, list):
            wrong += [f"{name}: lost {each}" for each in whole if each not in found[name]]
            wrong += [f"{name}: more {each}" for each in found[name] if each not in whole]
            wrong += [] if len(whole) == len(found[name]) else [f"{name}: {len(found[name])} instead of {len(whole)}"]
        else:
            wrong.append(f"{name}: {json.dumps(found[name], default=str)} instead of {json.dumps(whole, default=str)}")
    return wrong


def layout(root: Path) -> list[str]:
    """Return the names of a workspace's files, without what is drawn anew in each run."""
    names = (str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and "scratch" not in p.parts)
    return sorted(_DRAWN.sub("?", name) for name in names)
