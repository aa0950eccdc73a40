"""Recut: the smallest new version of a release, without the rows of people who may no longer be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.decide.detection import detection_of
from delible.decide.impact import asked_of, overtaken
from delible.errors import BlockedError
from delible.model.base import digest
from delible.model.lineage import LineageRun
from delible.model.record import AuditEntry, Manifest
from delible.model.release import RowIndex
from delible.store.consents import Consents
from delible.store.lineage import LineageLog
from delible.store.members import members
from delible.store.releases import Releases
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.consent import standing_flags, standing_requests
from delible.workflows.control import Control
from delible.workflows.dataset import verify_dataset
from delible.workflows.dataset_asks import refused_today
from delible.workflows.dataset_gates import GatesError, check_gates, gates_of_recut, stopped_entry
from delible.workflows.dataset_lineage import describe_recut
from delible.workflows.dataset_publish import publish, register, register_shown
from delible.workflows.spark import alone


@dataclass(frozen=True)
class RecutDone:
    """A new version, or the old one when nobody had to leave.

    Args:
        old: What was cut again.
        new: What came of it; None when nobody had to leave.
        rewritten, reused: Files of rows that were written again, and that stay the files they were.
    """

    old: Manifest
    new: Manifest | None
    rewritten: int = 0
    reused: int = 0


def recut_dataset(
    workspace: Workspace,
    reference: str,
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> RecutDone:
    """Release a version again without the people who would not be let in today; every other row is as it was.

    Whose values a limit or a correction has overtaken (`decide.impact.overtaken`) leaves, too.

    Rows keep their splits and values, and files with nobody leaving are reused as they are. When nobody has to leave
    there is no new version.

    Args:
        reference: `NAME` for the latest version, or `NAME@vN`.

    Raises:
        InputError: `dataset.unknown_version`.
        SetupError: `dataset.key_version` when its subject index was made with another key.
        TamperError: `dataset.changed` when the old version is not what was built.
        BlockedError: `dataset.no_row_index`, `dataset.purpose_unknown` or `dataset.no_legal_basis`; what stops a build
            by its policies, or would leave a column out of it, since a recut changes no column; `dataset.gates` when
            what is left does not pass the recipe's gates: it then has to be built anew, with coarser columns.
        ConflictError: `workspace.busy` while an erasure or retention run rewrites tables.
    """
    control = Control(workspace)
    name = reference.partition("@")[0]
    if Releases(workspace, name).folder.is_dir():
        register_shown(workspace, control.keys, name, actor=actor, now=now)
    old = verify_dataset(workspace, reference)
    _recuttable(workspace, control, old, now)
    log = LineageLog(workspace, clock=Clock(now))
    releases = Releases(workspace, old.dataset)
    with alone(workspace, reading=True), releases.staging() as folder:
        progress(f"Looking who has to leave {old.release}...")
        with log.run("dataset.recut") as run:
            try:
                done = _cut_again(control, releases, old, folder, now, run)
            except GatesError as stopped:
                entry = stopped_entry("dataset.recut", old.dataset, stopped, actor, {"from": old.release})
                control.ledger.append([entry], now)
                raise
        if done.new is not None:
            register(workspace, control.keys, done.new, _entry(done, actor), now)
    return done


def _recuttable(workspace: Workspace, control: Control, old: Manifest, now: datetime) -> None:
    if old.row_index is None or not workspace.path(old.row_index.path).is_dir():
        raise BlockedError(
            "dataset.no_row_index",
            "nobody can tell which rows of this release are about whom.",
            where=f"dataset:{old.release}",
            fix=f"Build it anew: delible dataset build {old.dataset}",
        )
    purpose = control.policies.purposes.get(old.purpose)
    if purpose is None or purpose.legal_basis is None:
        raise BlockedError(
            "dataset.no_legal_basis",
            f"the purpose '{old.purpose}' has no legal basis (Art. 6) any more, so nothing of it may be released.",
            where=f"purpose:{old.purpose}",
            fix=f"Give it a 'legal_basis', or retire the release: delible dataset retire {old.release}",
        )
    members(workspace, old, (), key_version=control.keys.version)  # references of another key lead to nobody
    problems = refused_today(workspace, control.policies, old, now=now)
    if problems:
        raise BlockedError.of(problems)


def _cut_again(
    control: Control, releases: Releases, old: Manifest, folder: Path, now: datetime, run: LineageRun
) -> RecutDone:
    from delible.lake.consent import Question, flags_frame
    from delible.lake.facts import read
    from delible.lake.identity import RefKey
    from delible.lake.recut import Released, recut
    from delible.workflows.spark import session_for

    workspace, policies, keys = control.workspace, control.policies, control.keys
    purpose = policies.purposes[old.purpose]
    asked = [(r, why) for r in standing_requests(workspace, keys, until=now) if (why := overtaken(r, old)) is not None]
    changed = [(ref, why) for request, why in asked for ref in request.refs]
    assert purpose.legal_basis is not None and old.row_index is not None  # noqa: S101, PT018 - `_recuttable` has looked
    spark = session_for(workspace)
    rows = tuple(f for f in old.files if f.path.startswith("data/"))
    row_index = folder.parent / "rows"
    consents_version = Consents(workspace).version()
    found = recut(
        Released(workspace.path(old.path), workspace.path(old.row_index.path), rows),
        policies,
        read=lambda name: read(spark, workspace.location(policies.tables[name])),
        key=RefKey(keys.version, keys.pads()),
        records=read(spark, Consents(workspace).location, version=consents_version),
        flags=flags_frame(spark, [*standing_flags(workspace, keys, until=now, purpose=purpose), *changed]),
        question=Question.of(purpose, purpose.legal_basis, as_of=now, known_at=now),
        folder=folder,
        row_index=row_index,
    )
    if found is None:
        return RecutDone(old, None, reused=len(rows))
    rows_out = sum(f.rows or 0 for f in found.files if f.path.startswith("data/"))
    gates = gates_of_recut(
        spark,
        policies,
        old,
        found,
        folder=folder,
        row_index=row_index,
        detection=detection_of(policies, workspace.nlp),
    )
    check_gates(old.dataset, gates)
    draft = old.model_copy(
        update={
            "files": found.files,
            "rows_out": rows_out,
            "excluded": _added(old.excluded, found.left),
            "members": found.members,
            "known_at": now,
            "consents_version": consents_version,
            "created_at": now,
            "policy_fingerprint": policies.fingerprint,
            "row_index": RowIndex(path=releases.keep_rows(folder, row_index), rows=rows_out),
            "recut_of": old.version,
            "left": found.left,
            "gates": gates,
            # The rows' values are those that they were; whom a limit or a correction has overtaken since is gone.
            "treated_at": old.treated_at if old.recut_of is not None else old.treated_at or old.known_at,
            "basis": purpose.legal_basis,
            "purpose_fingerprint": asked_of(purpose),
        }
    )
    new = publish(workspace, keys, folder, draft, contact=policies.controller.contact)
    describe_recut(run, workspace, old, new, key_version=keys.version)
    return RecutDone(old, new, found.rewritten, len(rows) - found.rewritten)


def _added(excluded: dict[str, int], left: dict[str, int]) -> dict[str, int]:
    """Return all rows that went in and are not out, by reason: those of the first build, and those that left since."""
    return {reason: excluded.get(reason, 0) + left.get(reason, 0) for reason in (*excluded, *(left.keys() - excluded))}


def _entry(done: RecutDone, actor: str) -> AuditEntry:
    new = done.new or done.old
    counts = {"rows_before": done.old.rows_out, "rows_out": new.rows_out, "members": new.members}
    counts |= {"rewritten": done.rewritten, "reused": done.reused}
    return AuditEntry(
        actor=actor,
        action="dataset.recut",
        object=f"dataset:{new.release}",
        outcome="done",
        counts=counts | {f"left.{reason}": rows for reason, rows in new.left.items()},
        detail={"from": done.old.release, "manifest": digest(new.model_dump(mode="json"))},
    )
