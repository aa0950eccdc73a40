"""Plan files: written once, sealed, and refused when they were edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from delible.errors import InputError, PlanError
from delible.model.plan import ErasurePlan, RectificationPlan, RetentionPlan
from delible.store.files import named_write
from delible.store.keys import Keys

Plan = TypeVar("Plan", ErasurePlan, RetentionPlan, RectificationPlan)
AnyPlan = ErasurePlan | RetentionPlan | RectificationPlan

_KINDS: dict[str, type[ErasurePlan] | type[RetentionPlan] | type[RectificationPlan]] = {
    "erasure": ErasurePlan,
    "retention": RetentionPlan,
    "rectification": RectificationPlan,
}
_LARGEST = 256 << 20
_AGAIN = "Make a new plan."


def seal(plan: Plan, keys: Keys) -> Plan:
    """Return the plan with its seal: an Ed25519 signature over the digest of everything else, each key said."""
    whole = type(plan).model_validate_json(plan.model_dump_json())
    return whole.model_copy(update={"seal": keys.sign(_message(whole))})


def check_seal(plan: AnyPlan, keys: Keys, *, where: str | None = None) -> None:
    """Refuse a plan that was edited or that another workspace wrote.

    Raises:
        PlanError: `plan.edited`.
    """
    if not keys.verify(_message(plan), plan.seal):
        raise PlanError(
            "plan.edited",
            "the plan is not as this workspace wrote it.",
            where=where or f"plan {plan.id}",
            fix=_AGAIN,
        )


def plan_bytes(plan: AnyPlan) -> bytes:
    """Return a plan as its file holds it."""
    return json.dumps(plan.model_dump(mode="json"), indent=2, ensure_ascii=False).encode() + b"\n"


def write_plan(plan: AnyPlan, path: Path) -> None:
    """Write a plan file, whole or not at all, with mode 0600.

    Raises:
        InputError: `plan.unwritable`.
    """
    try:
        named_write(path, plan_bytes(plan))
    except OSError as error:
        raise InputError("plan.unwritable", f"the plan cannot be written: {error.strerror}.", where=str(path)) from None


def read_plan(path: Path) -> AnyPlan:
    """Return the plan in a file; `check_seal` tells whether it is genuine.

    Raises:
        PlanError: `plan.missing`, `plan.unreadable` for what is not JSON, `plan.kind` for what is not one of the
            known kinds, `plan.edited` when the content does not fit its kind.
    """
    where = str(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise PlanError("plan.unreadable", f"the file is larger than {_LARGEST} bytes.", where=where)
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanError("plan.missing", f"the plan cannot be read: {error.strerror}.", where=where) from None
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise PlanError("plan.unreadable", "the file is not JSON.", where=f"{where}{line}", fix=_AGAIN) from None
    kind = document.get("kind") if isinstance(document, dict) else None
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise PlanError(
            "plan.kind", "the file is not a plan.", where=where, fix=f"Kinds of plans: {', '.join(_KINDS)}."
        )
    try:
        return model.model_validate_json(json.dumps(document))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise PlanError("plan.edited", f"key '{key}' does not fit a plan.", where=where, fix=_AGAIN) from None


def _message(plan: AnyPlan) -> bytes:
    return f"delible/plan/{plan.body_digest()}".encode()
