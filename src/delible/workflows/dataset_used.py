"""Register what was made with a release, so that its owner can be told when somebody in it withdraws."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from delible.errors import InputError
from delible.model.release import Use
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.releases import Standing, standing
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest

_KINDS = ("model", "run")


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
        owner: Who answers for it, as a team or an account; None keeps whoever was named before.
        run: The training run that made it.

    Raises:
        InputError: `dataset.unknown_version`, or `dataset.use` for a name that is none, and for an owner who is a
            person's address.
    """
    check_owner(owner)
    manifest = find_manifest(workspace, reference)
    uses = Uses(workspace, Ledger(workspace, load_keys(workspace)))
    owner = owner or uses.owner_of(manifest.dataset, manifest.version, by, run)
    try:
        use = Use(dataset=manifest.dataset, version=manifest.version, by=by, owner=owner, run=run, at=now, actor=actor)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = str(first["ctx"]["error"]) if "ctx" in first else "is not allowed"
        raise InputError("dataset.use", f"{reason}.", where=f"--{first['loc'][0]}") from None
    if use.kind not in _KINDS:
        raise InputError(
            "dataset.use",
            "what uses a release is a model or a run.",
            where="--by",
            fix="Give model:NAME or run:ID.",
        )
    return use, uses.put(use)


def end_use(
    workspace: Workspace, reference: str, by: str, *, run: str | None = None, actor: str, now: datetime
) -> tuple[tuple[Use, ...], bool]:
    """Record that nothing is left of what was made with a release, so that it has no duties any more.

    With the last, a retired release loses its subject index.

    Args:
        by: What was registered.
        run: Only what this run made; without it, whatever made it.

    Returns:
        What ended, and whether the subject index of a retired release went with it.

    Raises:
        InputError: `dataset.unknown_version`, or `dataset.use` when nothing of this name is in use.
    """
    from delible.workflows.dataset_retire import forget_unused

    manifest = find_manifest(workspace, reference)
    ledger = Ledger(workspace, load_keys(workspace))
    uses = Uses(workspace, ledger)
    release = (manifest.dataset, manifest.version)
    known = [u for u in uses.all() if (u.dataset, u.version, u.by) == (*release, by) and run in (None, u.run)]
    ended = tuple(use.model_copy(update={"ended": True, "at": now, "actor": actor}) for use in known)
    for use in ended:
        uses.put(use)
    # A run that was killed here has ended the last use, and left the index.
    gone = standing(workspace, manifest) is Standing.RETIRED and forget_unused(
        workspace, manifest, ledger, actor=actor, now=now
    )
    if not ended and not gone:
        raise InputError(
            "dataset.use",
            "nothing of this name is registered as made with this release and in use.",
            where="--by",
            fix=f"See what is: delible dataset impact, or the ledger's records of dataset:{manifest.release}.",
        )
    return ended, gone


def check_owner(owner: str | None) -> None:
    """Refuse a person's address for an owner: uses are in the ledger, which forgets nothing.

    Raises:
        InputError: `dataset.use`.
    """
    if owner is not None and "@" in owner:
        raise InputError(
            "dataset.use",
            "an address is a person's, and owners stay in the ledger for good.",
            where="--owner",
            fix="Name the team, the role or its account, such as ml-support.",
        )
