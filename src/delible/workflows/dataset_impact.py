"""What requests and withdrawals mean for releases, models and runs: one pass over all releases for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from delible.decide.impact import duties
from delible.errors import InputError, SetupError
from delible.model.record import Manifest
from delible.model.release import Impact, Use
from delible.model.subject import SubjectRef
from delible.store.manifests import Manifests
from delible.store.members import members, refs_of_subjects
from delible.store.releases import Standing, standing
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.dataset_publish import register_all_shown
from delible.workflows.dataset_today import Against, known_today, linked, only_consent, only_requests


@dataclass(frozen=True)
class Impacts:
    """What was asked about, and what it reaches.

    Args:
        releases: How many were looked at.
        unknown: Releases that cannot tell, for their index is gone or was made with another key.
    """

    found: tuple[Impact, ...]
    releases: int
    unknown: tuple[str, ...]


def dataset_impact(
    workspace: Workspace,
    *,
    now: datetime,
    requests: Sequence[str] = (),
    consents_since: datetime | None = None,
    links: bool = False,
    actor: str = "delible",
) -> Impacts:
    """Return every release that holds somebody concerned, with duties for it and for what was made with it.

    Args:
        workspace: Where.
        now: Today.
        requests: Ids of requests, and nothing else is looked at; without any, all requests and all that the consent
            ledger learned since each release was cut.
        consents_since: Only what the consent ledger received, and what lapsed, after this, and no requests.
        links: Follow the links of today's tables, too; starts a JVM.
        actor: Who asks; releases that a killed run has shown are registered first.

    Raises:
        InputError: `request.unknown`.
    """
    control = Control(workspace)
    if requests:
        control.requests.named(list(dict.fromkeys(requests)))
    register_all_shown(workspace, control.keys, actor=actor, now=now)
    manifests = Manifests(workspace).all()
    knowledge = known_today(control, manifests, now=now, since=consents_since)
    if requests:
        knowledge = only_requests(knowledge, set(requests))
    elif consents_since is not None:
        knowledge = only_consent(knowledge)
    knowledge = linked(knowledge) if links and manifests else knowledge
    inside: dict[str, dict[str, Against]] = {}
    gone: set[str] = set()
    unknown = []
    for manifest in manifests:
        try:
            gone |= {manifest.release} if standing(workspace, manifest) is not Standing.HERE else set()
            inside[manifest.release] = knowledge.against(manifest)
        except (SetupError, InputError):
            unknown.append(manifest.release)
    uses: dict[tuple[str, int], list[Use]] = {}
    for use in Uses(workspace, control.ledger).all():
        uses.setdefault((use.dataset, use.version), []).append(use)
    contact = control.policies.controller.contact
    found = []
    for manifest in manifests:
        people, made_with = inside.get(manifest.release, {}), uses.get((manifest.dataset, manifest.version), [])
        retired = manifest.release in gone
        # Of a release whose rows are gone, only what was made with it has duties.
        if people and (made_with or not retired):
            later = [m for m in manifests if m.dataset == manifest.dataset and m.version > manifest.version]
            # Whoever is concerned in a later version is in it: only of the others the index has to be asked.
            later = [
                m for m in later if m.release not in gone and people.keys().isdisjoint(inside.get(m.release, people))
            ]
            without = _newest_without(control, manifest, people, later)
            found.append(_impact(manifest, people, made_with, contact, retired=retired, newest_without=without))
    return Impacts(tuple(found), len(manifests), tuple(unknown))


def _newest_without(
    control: Control, manifest: Manifest, people: Collection[str], later: Sequence[Manifest]
) -> int | None:
    """Return the newest version whose subject index knows none of a release's people by any reference of theirs."""
    if not later:
        return None
    workspace, version = control.workspace, control.keys.version
    known, shared = refs_of_subjects(workspace, manifest, people, key_version=version)
    refs = {SubjectRef(subject) for subject in people}.union(*known.values()) - shared
    for each in sorted(later, key=lambda m: m.version, reverse=True):
        with suppress(SetupError, InputError):
            if not members(workspace, each, refs, key_version=version):
                return each.version
    return None


def _impact(
    manifest: Manifest,
    people: Mapping[str, Against],
    uses: Collection[Use],
    contact: str,
    *,
    retired: bool,
    newest_without: int | None,
) -> Impact:
    reasons = {against.reason for against in people.values()}
    return Impact(
        dataset=manifest.dataset,
        version=manifest.version,
        people=len(people),
        causes=dict(sorted(Counter(a.reason.cause for a in people.values()).items())),
        requests=tuple(sorted({r.request for r in reasons if r.request is not None})),
        duties=duties(manifest, reasons, uses, contact=contact, retired=retired, superseded=newest_without is not None),
        retired=retired,
        newest_without=newest_without,
    )
