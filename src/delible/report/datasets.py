"""Dataset releases with what was left out of each, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from delible.model.base import Frozen
from delible.model.gate import GateResult
from delible.model.record import Manifest, release_name
from delible.model.terms import Exclusion


class Release(Frozen):
    """One released version.

    Args:
        excluded: Reason to rows, in the order in which the reasons are tried; reasons without rows left out.
        recut_of: The version whose rows these are, without those of people who left.
        retired_at: When its rows were removed; None while they are there.
        adds_up: Whether rows out and all excluded rows make the rows in. Where not, rows are unaccounted for.
    """

    dataset: str
    version: int
    purpose: str
    created_at: datetime
    known_at: datetime
    sources: dict[str, int]
    rows_in: int
    rows_out: int
    members: int
    excluded: dict[str, int]
    adds_up: bool
    recipe_fingerprint: str
    policy_fingerprint: str
    gates: tuple[GateResult, ...] = ()
    recut_of: int | None = None
    retired_at: datetime | None = None

    @property
    def name(self) -> str:
        """The release's one name."""
        return release_name(self.dataset, self.version)


def releases(
    manifests: Iterable[Manifest], *, start: datetime, end: datetime, retired: Mapping[str, datetime]
) -> tuple[Release, ...]:
    """Return the releases of the period, oldest first."""
    chosen = [m for m in manifests if start <= m.created_at <= end]
    return tuple(release_of(m, retired) for m in sorted(chosen, key=lambda m: (m.created_at, m.dataset, m.version)))


def release_of(manifest: Manifest, retired: Mapping[str, datetime]) -> Release:
    """Return a release as reports show it; `retired` has when releases were retired, by `NAME@vN`."""
    order = {reason.value: index for index, reason in enumerate(Exclusion)}
    reasons = sorted(manifest.excluded.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
    return Release(
        dataset=manifest.dataset,
        version=manifest.version,
        purpose=manifest.purpose,
        created_at=manifest.created_at,
        known_at=manifest.known_at,
        sources=manifest.sources,
        rows_in=manifest.rows_in,
        rows_out=manifest.rows_out,
        members=manifest.members,
        excluded={reason: rows for reason, rows in reasons if rows},
        adds_up=manifest.rows_in == manifest.rows_out + sum(manifest.excluded.values()),
        recipe_fingerprint=manifest.recipe_fingerprint,
        policy_fingerprint=manifest.policy_fingerprint,
        gates=manifest.gates,
        recut_of=manifest.recut_of,
        retired_at=retired.get(manifest.release),
    )
