"""Legal holds on people: placed, released, listed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from delible.errors import InputError, did_you_mean
from delible.model.record import AuditEntry, SubjectHold
from delible.model.taxonomy import CATEGORIES, Category
from delible.store.requests import refs_of
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.identifiers import read_identifiers
from delible.workflows.resumption import settle_holds


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
    """Place one hold per person in an identifiers file; only references are kept.

    Args:
        categories: Data categories that the holds are limited to, with all below them.

    Raises:
        InputError: `hold.category`, `identifiers.*`.
    """
    covered = tuple(dict.fromkeys(_category(c) for c in categories))
    control = Control(workspace)
    controller = control.policies.controller
    placed = []
    for person in read_identifiers(identifiers, controller):
        hold = SubjectHold(
            id=f"H-{now:%Y%m%d}-{secrets.token_hex(3).upper()}",
            refs=refs_of(person, controller.identifiers, control.keys),
            reason=reason,
            owner=owner,
            categories=covered,
            placed=now,
        )
        control.holds.place(hold)
        control.ledger.append([_entry("hold.place", hold, actor)], now)
        placed.append(hold)
    settle_holds(control, actor=actor, now=now)
    return placed


def release_hold(workspace: Workspace, hold_id: str, *, actor: str, now: datetime) -> SubjectHold:
    """Release a hold; requests that only it held go on by themselves.

    Raises:
        InputError: `hold.unknown`.
    """
    control = Control(workspace)
    hold = control.holds.release(hold_id, now)
    control.ledger.append([_entry("hold.release", hold, actor)], now)
    settle_holds(control, actor=actor, now=now)
    return hold


def list_holds(workspace: Workspace) -> list[SubjectHold]:
    """Return all holds on people, released ones included."""
    return Control(workspace).holds.all()


def _category(given: str) -> str:
    try:
        category: str = TypeAdapter(Category).validate_python(given)
    except ValidationError:
        hint = did_you_mean(given, CATEGORIES).strip()
        raise InputError("hold.category", "this is no data category.", where="--category", fix=hint or None) from None
    return category


def _entry(action: str, hold: SubjectHold, actor: str) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        action=action,
        object=f"hold:{hold.id}",
        outcome="done",
        counts={"refs": len(hold.refs)},
        detail={"categories": " ".join(hold.categories)} if hold.categories else {},
    )
