"""Register what was made with a release, so that its owner can be told when somebody in it withdraws."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from delible.errors import InputError
from delible.model.release import Use
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest


def register_use(
    workspace: Workspace,
    reference: str,
    by: str,
    *,
    owner: str | None = None,
    run: str | None = None,
    actor: str,
    now: datetime,
) -> tuple[Use, bool]:
    """Record that something was made with a release, and return it with whether that is new.

    Args:
        reference: `NAME@vN`, or `NAME` for the latest version.
        by: `model:NAME` or `run:ID`.
        owner: Who answers for it, as a team or an account.
        run: The training run that made it.

    Raises:
        InputError: `dataset.unknown_version`, or `dataset.use` for a name that is none.
    """
    manifest = find_manifest(workspace, reference)
    try:
        use = Use(dataset=manifest.dataset, version=manifest.version, by=by, owner=owner, run=run, at=now, actor=actor)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = str(first["ctx"]["error"]) if "ctx" in first else "is not allowed"
        raise InputError("dataset.use", f"{reason}.", where=f"--{first['loc'][0]}") from None
    return use, Uses(workspace, Ledger(workspace, load_keys(workspace))).put(use)
