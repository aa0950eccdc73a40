"""Legal holds on people: placed, released, listed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from delible.errors import InputError, did_you_mean
from delible.model.record import SubjectHold
from delible.model.taxonomy import CATEGORIES, Category
from delible.store.requests import refs_of
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.identifiers import read_identifiers
from delible.workflows.resumption import settle_holds

_ID_BYTES = 5
"""With three bytes, two of some thousands of holds that are placed at once would more often than not share an id."""


def place_holds(
    workspace: Workspace,
    *,
    identifiers: str,
    reason: str,
    owner: str,
    categories: Sequence[str] = (),
    actor: str,
    now: datetime,
) -> list[SubjectHold]:
    """Place one hold per person in an identifiers file, all or none; only references are kept.

    Args:
        categories: Data categories that the holds are limited to, with all below them.

    Raises:
        InputError: `hold.category`, `identifiers.*`.
    """
    covered = tuple(dict.fromkeys(_category(c) for c in categories))
    control = Control(workspace)
    controller = control.policies.controller
    placed = [
        SubjectHold(
            id=f"H-{now:%Y%m%d}-{secrets.token_hex(_ID_BYTES).upper()}",
            refs=refs_of(person, controller.identifiers, control.keys),
            reason=reason,
            owner=owner,
            categories=covered,
            placed=now,
        )
        for person in read_identifiers(identifiers, controller)
    ]
    control.holds.place(placed, actor=actor, now=now)
    settle_holds(control, actor=actor, now=now)
    return placed


def release_hold(workspace: Workspace, hold_id: str, *, actor: str, now: datetime) -> SubjectHold:
    """Release a hold; requests that only it held go on by themselves.

    Raises:
        InputError: `hold.unknown`.
    """
    control = Control(workspace)
    hold = control.holds.release(hold_id, actor=actor, now=now)
    settle_holds(control, actor=actor, now=now)
    return hold


def list_holds(workspace: Workspace) -> list[SubjectHold]:
    """Return all holds on people, released ones included."""
    holds = Control(workspace).holds
    holds.reconcile()
    return holds.all()


def _category(given: str) -> str:
    try:
        category: str = TypeAdapter(Category).validate_python(given)
    except ValidationError:
        hint = did_you_mean(given, CATEGORIES).strip()
        raise InputError("hold.category", "this is no data category.", where="--category", fix=hint or None) from None
    return category
