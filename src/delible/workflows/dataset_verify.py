"""Is a release what was built, and would everybody in it still be let in?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from delible.errors import Problem
from delible.model.record import Manifest
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.dataset import verify_dataset
from delible.workflows.dataset_asks import gates_today, refused_today
from delible.workflows.dataset_periods import removed_since
from delible.workflows.dataset_today import known_today, linked


@dataclass(frozen=True)
class Verified:
    """An intact release, judged by what is known today.

    Args:
        gates: The gates that it passed when it was cut, as its manifest has them.
        leaving: Data subjects who would not be let in today, by reason.
        removed: Rows that retention has removed or treated in its tables since it was cut, by table; it may hold them.
        problems: Why a build would not release the same today, whoever is in it: policies, columns, and gates of
            today's recipe that it does not pass or that were not measured.
    """

    manifest: Manifest
    gates: tuple[dict[str, Any], ...]
    leaving: dict[str, int]
    problems: tuple[Problem, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether it would be released today with the same people in it."""
        return not self.leaving and not self.problems

    @property
    def people(self) -> int:
        """How many would not be let in."""
        return sum(self.leaving.values())


def verify_release(workspace: Workspace, reference: str, *, now: datetime, links: bool = False) -> Verified:
    """Check a release's digests and signature, and ask what a build would: of policies, gates, and everybody in it.

    Args:
        links: Follow the links of today's tables, too; starts a JVM.

    Raises:
        InputError: `dataset.unknown_version`.
        TamperError: `dataset.changed` with everything that is not as it was released.
    """
    manifest = verify_dataset(workspace, reference)
    control = Control(workspace)
    knowledge = known_today(control, [manifest], now=now)
    against = (linked(knowledge) if links else knowledge).against(manifest)
    leaving = Counter(a.word for a in against.values() if a.leaves)
    gates = manifest.model_dump(mode="json").get("gates", ())
    problems = refused_today(workspace, control.policies, manifest, now=now)
    problems += gates_today(control.policies, manifest)
    return Verified(
        manifest, tuple(gates), dict(sorted(leaving.items())), problems, removed_since(control.ledger, manifest)
    )
