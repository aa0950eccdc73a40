"""What requests and withdrawals mean for releases, models and runs: one pass over all releases for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.decide.impact import duties
from delible.errors import InputError, SetupError
from delible.model.record import Manifest
from delible.model.release import Impact, Use
from delible.store.manifests import Manifests
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.control import Control
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
) -> Impacts:
    """Return every release that holds somebody concerned, with duties for it and for what was made with it.

    Args:
        workspace: Where.
        now: Today.
        requests: Ids of requests, and nothing else is looked at; without any, all requests and all that the consent
            ledger learned since each release was cut.
        consents_since: Only what the consent ledger received, and what lapsed, after this, and no requests.
        links: Follow the links of today's tables, too; starts a JVM.

    Raises:
        InputError: `request.unknown`.
    """
    control = Control(workspace)
    if requests:
        control.requests.named(list(dict.fromkeys(requests)))
    manifests = Manifests(workspace).all()
    knowledge = known_today(control, manifests, now=now, since=consents_since)
    if requests:
        knowledge = only_requests(knowledge, set(requests))
    elif consents_since is not None:
        knowledge = only_consent(knowledge)
    knowledge = linked(knowledge) if links and manifests else knowledge
    inside: dict[str, dict[str, Against]] = {}
    unknown = []
    for manifest in manifests:
        try:
            inside[manifest.release] = knowledge.against(manifest)
        except (SetupError, InputError):
            unknown.append(manifest.release)
    uses: dict[tuple[str, int], list[Use]] = {}
    for use in Uses(workspace, control.ledger).all():
        uses.setdefault((use.dataset, use.version), []).append(use)
    contact = control.policies.controller.contact
    found = tuple(
        _impact(m, inside, manifests, uses.get((m.dataset, m.version), []), contact)
        for m in manifests
        if inside.get(m.release)
    )
    return Impacts(found, len(manifests), tuple(unknown))


def _impact(
    manifest: Manifest,
    inside: Mapping[str, Mapping[str, Against]],
    manifests: Sequence[Manifest],
    uses: Collection[Use],
    contact: str,
) -> Impact:
    people = inside[manifest.release]
    reasons = {against.reason for against in people.values()}
    later = [m for m in manifests if m.dataset == manifest.dataset and m.version > manifest.version]
    without = [m.version for m in later if m.release in inside and people.keys().isdisjoint(inside[m.release])]
    return Impact(
        dataset=manifest.dataset,
        version=manifest.version,
        people=len(people),
        causes=dict(sorted(Counter(a.reason.cause for a in people.values()).items())),
        requests=tuple(sorted({r.request for r in reasons if r.request is not None})),
        duties=duties(manifest, reasons, list(uses), contact=contact),
        newest_without=max(without, default=None),
    )
