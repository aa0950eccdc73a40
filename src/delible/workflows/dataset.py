"""Training datasets: build a release, ask who is in it, list, verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.deadline import day_of
from delible.decide.detection import detection_of
from delible.decide.impact import asked_of
from delible.decide.objection import limits, unsaid
from delible.errors import BlockedError, Problem, TamperError
from delible.model.base import digest
from delible.model.lineage import LineageRun
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry, Manifest
from delible.model.release import RowIndex
from delible.plan.dataset import DatasetPlan, Planned, plan_dataset
from delible.plan.release import released_columns
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.lineage import LineageLog
from delible.store.manifests import Manifests
from delible.store.policies import load_workspace_policies
from delible.store.releases import Releases, check_files, check_signature
from delible.store.retirements import retirements
from delible.store.workspace import Workspace
from delible.workflows.calendars import zone_of
from delible.workflows.clock import Clock
from delible.workflows.consent import standing_flags, standing_requests
from delible.workflows.consent_quarantine import quarantine_gaps
from delible.workflows.dataset_asks import purpose_ended
from delible.workflows.dataset_gates import GatesError, check_gates, gates_told, measured_gates, stopped_entry
from delible.workflows.dataset_lineage import CONSENTS_AT, describe
from delible.workflows.dataset_members import find_manifest
from delible.workflows.dataset_publish import publish, register, register_shown
from delible.workflows.policies import refuse_violations
from delible.workflows.spark import alone

if TYPE_CHECKING:
    from delible.lake.dataset import Grounds, Tally

_SPLIT_DOMAIN = "delible:split"
"""No recipe can name this domain: a colon is not allowed in names."""


@dataclass(frozen=True)
class Built:
    """A finished build."""

    manifest: Manifest
    gaps: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True)
class Foreseen:
    """What a build would decide now.

    Args:
        sources: The Delta version of each table that was read.
    """

    planned: Planned
    sources: Mapping[str, int]
    tally: Tally


@dataclass(frozen=True)
class _Build:
    """What a build works on."""

    workspace: Workspace
    policies: PolicySet
    plan: DatasetPlan
    keys: Keys
    now: datetime
    consents_version: int

    @property
    def releases(self) -> Releases:
        """The dataset's release folders."""
        return Releases(self.workspace, self.plan.dataset)


def build_dataset(
    workspace: Workspace,
    recipe: str,
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Built:
    """Cut a new version of a dataset, with consent as it is known now.

    Raises:
        InputError: For a recipe that is unknown or does not fit its table.
        BlockedError: `dataset.*` when the purpose has no legal basis or has ended, or `policy.violations` when the
            policies break rules where the recipe depends on them; `dataset.gates`, with each gate, when one stops the
            release.
        ConflictError: `workspace.busy` while an erasure or retention run rewrites tables: what it erases must not be
            published after it was certified as gone.
    """
    build, planned = _prepared(workspace, recipe, now, progress)
    log = LineageLog(workspace, clock=Clock(now))
    register_shown(workspace, build.keys, build.plan.dataset, actor=actor, now=now)
    with alone(workspace, reading=True), log.run("dataset.build") as run, build.releases.staging() as folder:
        progress(f"Cutting {recipe} from {', '.join(build.plan.sources)}...")
        try:
            manifest = _released(build, folder, run, progress)
        except GatesError as stopped:
            Ledger(workspace, build.keys).append([_stopped(build.plan, stopped, actor)], now)
            raise
        register(workspace, build.keys, manifest, _entry(manifest, planned, actor), now)
    return Built(manifest, planned.gaps, planned.warnings)


def foresee_dataset(
    workspace: Workspace, recipe: str, *, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> Foreseen:
    """Return what `build_dataset` would decide of all rows; nothing is treated, measured, written or recorded.

    Raises:
        InputError: As `build_dataset`.
        BlockedError: As `build_dataset`, but for the gates.
        ConflictError: As `build_dataset`.
    """
    from delible.lake.dataset import tally

    build, planned = _prepared(workspace, recipe, now, progress)
    with alone(workspace, reading=True):
        progress(f"Judging the rows of {', '.join(build.plan.sources)}...")
        by, versions, _ = _grounds(build)
        return Foreseen(planned, versions, tally(build.plan, build.policies, by))


def _prepared(
    workspace: Workspace, recipe: str, now: datetime, progress: Callable[[str], None]
) -> tuple[_Build, Planned]:
    """Plan a build, refuse what may not begin, and say what was noticed."""
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    planned = plan_dataset(policies, recipe)
    plan = planned.plan
    against = unsaid(standing_requests(workspace, keys, until=now), policies.purposes[plan.purpose])
    waiting = quarantine_gaps(workspace, keys, now=now)
    planned = planned.model_copy(update={"gaps": (*planned.gaps, *against, *waiting)})
    parts = [("datasets", plan.dataset), ("purposes", plan.purpose), *(("tables", table) for table in plan.tables)]
    parts += [("retention", rule.retention) for rule in plan.periods]
    refuse_violations(workspace, parts)
    ended = purpose_ended(policies.purposes[plan.purpose], day_of(now, zone_of(policies.controller)))
    if ended is not None:
        raise BlockedError.of([ended])
    for problem in planned.gaps:
        progress(f"gap: {problem.message}")
    for problem in planned.warnings:
        progress(f"warning: {problem.message}")
    return _Build(workspace, policies, plan, keys, now, Consents(workspace).version()), planned


def list_datasets(workspace: Workspace) -> list[Manifest]:
    """Return the manifests of all releases by dataset and version."""
    return sorted(Manifests(workspace).all(), key=lambda m: (m.dataset, m.version))


def verify_dataset(workspace: Workspace, reference: str) -> Manifest:
    """Return the manifest of a release whose every file has the digest that was registered, and whose seal is ours.

    Raises:
        BlockedError: `dataset.retired`.
        TamperError: `dataset.changed` with everything that is not as it was released.
    """
    manifest = find_manifest(workspace, reference)
    retired = retirements(workspace).get((manifest.dataset, manifest.version))
    if retired is not None:
        raise BlockedError(
            "dataset.retired",
            f"the release was retired at {retired.at.isoformat()}; its rows are gone.",
            where=f"dataset:{manifest.release}",
            fix="See the releases that are there with: delible dataset list",
        )
    problems = (*check_files(workspace, manifest), *check_signature(workspace, manifest, load_keys(workspace)))
    if problems:
        raise TamperError(
            "dataset.changed",
            "the release is not what was built.",
            where=f"dataset:{manifest.release}",
            problems=problems,
        )
    return manifest


def _grounds(build: _Build) -> tuple[Grounds, dict[str, int], dict[str, str]]:
    """Return what rows are judged by, the version of each table that is read throughout, and where they are."""
    from delible.lake.consent import Question, flags_frame, refs_frame
    from delible.lake.dataset import Grounds, Secrets
    from delible.lake.facts import read
    from delible.lake.identity import RefKey
    from delible.lake.release import pinned
    from delible.workflows.spark import session_for

    workspace, plan, keys, now = build.workspace, build.plan, build.keys, build.now
    purpose = build.policies.purposes[plan.purpose]
    flags = standing_flags(workspace, keys, until=now, purpose=purpose)
    limiting = {ref for r in standing_requests(workspace, keys, until=now) if limits(r) for ref in r.refs}
    spark = session_for(workspace)
    locations = {name: workspace.location(build.policies.tables[name]) for name in plan.tables}
    versions = pinned(spark, locations, plan.versions)
    by = Grounds(
        read=lambda name: read(spark, locations[name], version=versions[name]),
        records=read(spark, Consents(workspace).location, version=build.consents_version),
        flags=flags_frame(spark, flags),
        question=Question.of(purpose, plan.basis, as_of=now, known_at=now),
        secrets=Secrets(
            RefKey(keys.version, keys.pads()),
            keys.domain_pads(_SPLIT_DOMAIN),
            {domain: keys.domain_pads(domain) for domain in plan.domains},
        ),
        limited=refs_frame(spark, limiting) if limiting else None,
    )
    return by, versions, locations


def _released(build: _Build, folder: Path, run: LineageRun, progress: Callable[[str], None]) -> Manifest:
    """Cut into the staging folder, and show the result under the next version if every gate lets it out."""
    from delible.detect.model_files import check_installed
    from delible.lake.dataset import cut
    from delible.lake.session import watched

    workspace, plan, keys, now = build.workspace, build.plan, build.keys, build.now
    check_installed(workspace.nlp)
    row_index = folder.parent / "rows"
    by, versions, locations = _grounds(build)
    detection = detection_of(build.policies, workspace.nlp)

    def tell(share: float) -> None:
        progress(f"Cutting {plan.dataset}: {share:.0%} of the step under way")

    with watched(by.records.sparkSession, tell, every=10.0, steps=True):
        found = cut(plan, build.policies, by, detection=detection, folder=folder, row_index=row_index)
    latest = Manifests(workspace).latest(plan.dataset)
    gates = measured_gates(plan, build.policies, found, latest)
    check_gates(plan.dataset, gates)

    manifest = publish(
        workspace,
        keys,
        folder,
        Manifest(
            dataset=plan.dataset,
            version=0,
            purpose=plan.purpose,
            recipe_fingerprint=plan.recipe_fingerprint,
            policy_fingerprint=plan.policy_fingerprint,
            sources=versions,
            known_at=now,
            consents_version=build.consents_version,
            created_at=now,
            rows_in=found.rows_in,
            rows_out=found.rows_out,
            excluded=found.excluded,
            members=found.members,
            limited=found.limited,
            gates=gates,
            files=found.files,
            path="",
            description=plan.description,
            basis=plan.basis,
            treated_at=now,
            purpose_fingerprint=asked_of(build.policies.purposes[plan.purpose]),
            columns=released_columns(plan, build.policies, found.columns),
            row_index=RowIndex(path=build.releases.keep_rows(folder, row_index), rows=found.rows_out),
        ),
        contact=build.policies.controller.contact,
    )
    describe(
        run,
        plan,
        build.policies,
        manifest,
        locations={**locations, CONSENTS_AT: Consents(workspace).location},
        types=found.columns,
        folder=workspace.path(manifest.path),
        key_version=keys.version,
    )
    return manifest


def _stopped(plan: DatasetPlan, stopped: GatesError, actor: str) -> AuditEntry:
    made_by = {"purpose": plan.purpose, "recipe": plan.recipe_fingerprint}
    return stopped_entry("dataset.build", plan.dataset, stopped, actor, made_by)


def _entry(manifest: Manifest, planned: Planned, actor: str) -> AuditEntry:
    counts = {"rows_in": manifest.rows_in, "rows_out": manifest.rows_out, "members": manifest.members}
    counts |= {"limited": manifest.limited} if manifest.limited else {}
    counts |= {"gaps": len(planned.gaps), "warnings": len(planned.warnings)}
    return AuditEntry(
        actor=actor,
        action="dataset.build",
        object=f"dataset:{manifest.release}",
        outcome="done",
        counts=counts | {f"excluded.{reason}": rows for reason, rows in manifest.excluded.items()},
        detail={
            "purpose": manifest.purpose,
            "recipe": manifest.recipe_fingerprint,
            "policy": manifest.policy_fingerprint,
            "manifest": digest(manifest.model_dump(mode="json")),
            **gates_told(manifest.gates),
        },
    )
