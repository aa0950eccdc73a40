"""Is this person in that release? Answered in well under a second: nothing is imported here that is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.errors import InputError, TamperError
from delible.model.record import Manifest
from delible.store.keys import load_keys
from delible.store.manifests import Manifests
from delible.store.members import members
from delible.store.policies import load_controller, load_workspace_policies
from delible.store.releases import Releases, Standing, check_signature, standing
from delible.store.retirements import retirements
from delible.store.submissions import refs_of
from delible.store.workspace import Workspace
from delible.workflows.identifiers import read_identifiers


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


def dataset_members(workspace: Workspace, reference: str, source: str, *, actor: str, now: datetime) -> Membership:
    """Return whether people are in a release, by its subject index: exact, and without a JVM.

    A release that a killed run has shown is registered first.

    Args:
        reference: `NAME@vN`, or `NAME` for the latest version.
        source: The identifiers file, or `-`.

    Raises:
        InputError: `dataset.unknown_version`, or for identifiers that cannot be read.
        SetupError: `dataset.index_missing` or `dataset.key_version`.
        TamperError: `dataset.changed` when the release's manifest is not by this workspace's key.
    """
    keys, dataset = load_keys(workspace), reference.partition("@")[0]
    if Releases(workspace, dataset).unregistered({m.version for m in Manifests(workspace).of(dataset)}):
        from delible.workflows.dataset_publish import register_shown

        register_shown(workspace, keys, dataset, actor=actor, now=now)
    controller = load_controller(workspace) or load_workspace_policies(workspace).controller
    manifest = find_manifest(workspace, reference)
    if standing(workspace, manifest) is Standing.HERE and (forged := check_signature(workspace, manifest, keys)):
        raise TamperError(
            "dataset.changed",
            "the manifest that says what the subject index is was not signed here.",
            where=f"dataset:{manifest.release}",
            problems=forged,
        )
    people = [refs_of(given, controller.identifiers, keys) for given in read_identifiers(source, controller)]
    found = members(workspace, manifest, {ref for refs in people for ref in refs}, key_version=keys.version).keys()
    return Membership(manifest.dataset, manifest.version, tuple(not found.isdisjoint(refs) for refs in people))


def find_manifest(workspace: Workspace, reference: str) -> Manifest:
    """Return the manifest that `NAME@vN` or `NAME` means; `NAME@N` was documented once, and stays allowed.

    `NAME` is the latest that was not retired.

    Raises:
        InputError: `dataset.unknown_version`.
    """
    name, _, version = reference.partition("@")
    of_name = {m.version: m for m in Manifests(workspace).of(name)}
    digits = version.removeprefix("v")
    if "@" not in reference and of_name:
        retired = retirements(workspace)
        return of_name[max([v for v in of_name if (name, v) not in retired], default=max(of_name))]
    if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) in of_name:  # noqa: PLR2004
        return of_name[int(digits)]
    fix = f"Build one with: delible dataset build {name}"
    if of_name:
        fix = f"Releases: {', '.join(m.release for _, m in sorted(of_name.items()))}."
    raise InputError("dataset.unknown_version", "there is no such release.", fix=fix)
