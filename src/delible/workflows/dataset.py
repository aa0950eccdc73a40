"""Training datasets: build a release, ask who is in it, list, verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.decide.detection import detection_of
from delible.decide.objection import limits, unsaid
from delible.errors import InputError, Problem, TamperError
from delible.model.base import digest
from delible.model.lineage import LineageRun
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry, Manifest
from delible.plan.dataset import DatasetPlan, Planned, plan_dataset
from delible.report.card import card
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.lineage import LineageLog
from delible.store.manifests import Manifests
from delible.store.policies import load_workspace_policies
from delible.store.releases import MANIFEST, Releases, check_files, manifest_text, members
from delible.store.requests import refs_of
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.consent import standing_flags, standing_requests
from delible.workflows.dataset_lineage import CONSENTS_AT, describe
from delible.workflows.identifiers import read_identifiers
from delible.workflows.policies import refuse_violations
from delible.workflows.spark import alone

_SPLIT_DOMAIN = "delible:split"
"""No recipe can name this domain: a colon is not allowed in names."""

CARD = "README.md"


@dataclass(frozen=True)
class Built:
    """A finished build."""

    manifest: Manifest
    gaps: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True)
class _Build:
    """What a build works on."""

    workspace: Workspace
    policies: PolicySet
    plan: DatasetPlan
    keys: Keys
    now: datetime

    @property
    def releases(self) -> Releases:
        """The dataset's release folders."""
        return Releases(self.workspace, self.plan.dataset)


@dataclass(frozen=True)
class Membership:
    """Whether people are in a release.

    Args:
        lines: Per line of the identifiers file, whether any of its identifiers is in the subject index.
    """

    dataset: str
    version: int
    lines: tuple[bool, ...]

    @property
    def member(self) -> bool:
        """Whether anybody who was asked for is in it."""
        return any(self.lines)


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
        BlockedError: `dataset.*` when the purpose has no legal basis, or `policy.violations` when the policies break
            rules where the recipe depends on them.
        ConflictError: `workspace.busy` while an erasure or retention run rewrites tables: what it erases must not be
            published after it was certified as gone.
    """
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    planned = plan_dataset(policies, recipe)
    plan = planned.plan
    against = unsaid(standing_requests(workspace, keys, until=now), policies.purposes[plan.purpose])
    planned = planned.model_copy(update={"gaps": (*planned.gaps, *against)})
    parts = [("datasets", plan.dataset), ("purposes", plan.purpose), *(("tables", table) for table in plan.tables)]
    refuse_violations(workspace, parts)
    for problem in planned.gaps:
        progress(f"gap: {problem.message}")
    for problem in planned.warnings:
        progress(f"warning: {problem.message}")
    build = _Build(workspace, policies, planned.plan, keys, now)
    log = LineageLog(workspace, clock=Clock(now))
    with alone(workspace, reading=True), log.run("dataset.build") as run, build.releases.staging() as folder:
        progress(f"Cutting {recipe} from {planned.plan.source}...")
        manifest = _released(build, folder, run)
        Manifests(workspace).put(manifest)
        Ledger(workspace, keys).append([_entry(manifest, planned, actor)], now)
    return Built(manifest, planned.gaps, planned.warnings)


def dataset_members(workspace: Workspace, reference: str, source: str) -> Membership:
    """Return whether people are in a release, by its subject index: exact, and without a JVM.

    Args:
        reference: `NAME@vN`, or `NAME` for the latest version.
        source: The identifiers file, or `-`.

    Raises:
        InputError: `dataset.unknown_version`, or for identifiers that cannot be read.
    """
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    manifest = find_manifest(workspace, reference)
    people = [
        refs_of(given, policies.controller.identifiers, keys) for given in read_identifiers(source, policies.controller)
    ]
    found = members(workspace, manifest, {ref for refs in people for ref in refs}, key_version=keys.version)
    return Membership(manifest.dataset, manifest.version, tuple(not found.isdisjoint(refs) for refs in people))


def list_datasets(workspace: Workspace) -> list[Manifest]:
    """Return the manifests of all releases by dataset and version."""
    return sorted(Manifests(workspace).all(), key=lambda m: (m.dataset, m.version))


def verify_dataset(workspace: Workspace, reference: str) -> Manifest:
    """Return the manifest of a release whose every file has the digest that was registered.

    Raises:
        TamperError: `dataset.changed` with everything that is not as it was released.
    """
    manifest = find_manifest(workspace, reference)
    problems = check_files(workspace, manifest)
    if problems:
        raise TamperError(
            "dataset.changed",
            "the release is not what was built.",
            where=f"dataset:{manifest.release}",
            problems=problems,
        )
    return manifest


def find_manifest(workspace: Workspace, reference: str) -> Manifest:
    """Return the manifest that `NAME@vN` or `NAME` means; `NAME@N` was documented once, and stays allowed.

    Raises:
        InputError: `dataset.unknown_version`.
    """
    name, _, version = reference.partition("@")
    of_name = {m.version: m for m in list_datasets(workspace) if m.dataset == name}
    digits = version.removeprefix("v")
    if "@" not in reference and of_name:
        return of_name[max(of_name)]
    if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) in of_name:  # noqa: PLR2004
        return of_name[int(digits)]
    known = ", ".join(m.release for _, m in sorted(of_name.items())) if of_name else "none of this name"
    raise InputError("dataset.unknown_version", "there is no such release.", fix=f"Releases: {known}.")


def _released(build: _Build, folder: Path, run: LineageRun) -> Manifest:
    """Cut into the staging folder, and show the result under the next version."""
    from delible.detect.model_files import check_installed
    from delible.lake.consent import Question, flags_frame, refs_frame
    from delible.lake.dataset import Secrets, cut
    from delible.lake.facts import read
    from delible.lake.identity import RefKey
    from delible.lake.release import described, pinned
    from delible.workflows.spark import session_for

    workspace, plan, keys, now = build.workspace, build.plan, build.keys, build.now
    check_installed(workspace.nlp)
    consents, purpose = Consents(workspace), build.policies.purposes[plan.purpose]
    flags = standing_flags(workspace, keys, until=now, purpose=purpose)
    limiting = {ref for r in standing_requests(workspace, keys, until=now) if limits(r) for ref in r.refs}
    spark = session_for(workspace)
    locations = {name: workspace.location(build.policies.tables[name]) for name in plan.tables}
    versions = pinned(spark, locations, {} if plan.version is None else {plan.source: plan.version})
    found = cut(
        plan,
        build.policies,
        read=lambda name: read(spark, locations[name], version=versions[name]),
        records=read(spark, consents.location),
        flags=flags_frame(spark, flags),
        question=Question(plan.purpose, plan.basis, as_of=now, known_at=now),
        secrets=Secrets(
            RefKey(keys.version, keys.pads()),
            keys.domain_pads(_SPLIT_DOMAIN),
            {domain: keys.domain_pads(domain) for domain in plan.domains},
        ),
        folder=folder,
        limited=refs_frame(spark, limiting) if limiting else None,
        detection=detection_of(build.policies, workspace.nlp),
    )

    def finish(version: int, target: Path) -> Manifest:
        manifest = Manifest(
            dataset=plan.dataset,
            version=version,
            purpose=plan.purpose,
            recipe_fingerprint=plan.recipe_fingerprint,
            policy_fingerprint=plan.policy_fingerprint,
            sources=versions,
            known_at=now,
            created_at=now,
            rows_in=found.rows_in,
            rows_out=found.rows_out,
            excluded=found.excluded,
            members=found.members,
            limited=found.limited,
            files=found.files,
            path=build.releases.relative(target),
        )
        (folder / CARD).write_text(card(plan, manifest), encoding="utf-8")
        manifest = manifest.model_copy(update={"files": (*found.files, described(folder / CARD, folder))})
        (folder / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
        return manifest

    latest = Manifests(workspace).latest(plan.dataset)
    manifest = build.releases.publish(folder, latest.version if latest is not None else 0, finish)
    describe(
        run,
        plan,
        build.policies,
        manifest,
        locations={**locations, CONSENTS_AT: consents.location},
        types=found.columns,
        folder=workspace.path(manifest.path),
        key_version=keys.version,
    )
    return manifest


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
        },
    )
