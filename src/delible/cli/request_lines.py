"""How `delible request` shows requests: as JSON, as a table, one at length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.decide.exception import kept_until
from delible.decide.restriction import is_granted, restricts
from delible.model.restriction import ARTICLE
from delible.model.terms import Right, words

if TYPE_CHECKING:
    from rich.table import Table

    from delible.decide.danger import Standing
    from delible.model.exception import KeptPart
    from delible.model.request import Request

Id = Annotated[str, typer.Argument(metavar="ID", help="The request's id, such as R-20260131-ABC234.")]

_COLUMNS = ("request", "right", "regime", "state", "received", "due", "days left")
_MANY = 1_000
"""Beyond so many rows a table is laid out in plain columns, which takes a hundredth of the time."""
_WIDTHS = (24, 14, 7, 25, 11, 11, 9)


def line(standing: Standing) -> dict[str, Any]:
    """Return a request's line in JSON answers."""
    request = standing.request
    return {
        "id": request.id,
        "right": request.right,
        "regime": request.regime,
        "state": request.state,
        "received": request.received,
        "due": request.due,
        "days_left": standing.days_left,
        "duplicate_of": request.duplicate_of,
        "overdue": standing.overdue,
        "confirm_by": request.confirm_by,
        "confirmed": request.confirmed,
        "extended": request.extended,
        "paused_days": request.paused,
        "clock_stopped": request.stopped,
        "verification": request.verification,
        "agent": request.agent,
        "ground": request.ground,
        "held_by": request.held_by or standing.stopped_by,
        "kept_until": kept_until(request.kept),
        "due_again": standing.again,
        "restriction_ground": request.restriction,
        "lift_told": request.lift_told,
        "lifted": request.lifted,
        "taken_back": request.taken_back,
        "again": request.again,
    }


def at_length(request: Request) -> dict[str, Any]:
    """Return what `show` adds to a request's line."""
    return {
        "refs": list(request.refs),
        "evidence": [path.model_dump() for path in request.evidence],
        "kept": [part.model_dump(mode="json", exclude={"owner", "reason"}) for part in request.kept],
    }


def table(standings: Sequence[Standing], none: str = "No requests.") -> Table | str:
    """Return requests as a table, or as the sentence that there are none."""
    if not standings:
        return none
    if len(standings) > _MANY:
        return "\n".join(
            "".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()
            for cells in (_COLUMNS, *map(_cells, standings))
        )
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for name in _COLUMNS[:-1]:
        made.add_column(name)
    made.add_column(_COLUMNS[-1], justify="right")
    for standing in standings:
        made.add_row(*_cells(standing))
    return made


def shown(standing: Standing, history: Sequence[Mapping[str, Any]]) -> str:
    """Return one request with its history."""
    request = standing.request
    left = "" if standing.days_left is None else f" ({standing.days_left} days left)"
    lines = [
        f"{request.id}  {request.right} under {request.regime}, {words(request.state)}",
        f"received {request.received:%Y-%m-%d}, due {request.due}{left}",
    ]
    lines += [f"the clock stands still since {request.stopped:%Y-%m-%d}"] if request.stopped else []
    lines += ["prolonged once"] if request.extended else []
    lines += [_confirmation(standing)] if request.confirm_by else []
    lines += [f"identity verified: {words(request.verification)}"] if request.verification else []
    lines += [f"through an agent: {words(request.agent)}"] if request.agent else []
    lines += [f"held by {request.held_by}"] if request.held_by else []
    lines += [f"begun, and stopped by {standing.stopped_by}"] if standing.stopped_by else []
    lines += [_restriction(request)] if request.right is Right.RESTRICTION else []
    lines += [_kept(part) for part in request.kept]
    lines += [f"due again on {standing.again}"] if standing.again else []
    lines += [f"taken back {request.taken_back:%Y-%m-%d}"] if request.taken_back else []
    lines += [f"made by guard: the person of {request.again} came back"] if request.again else []
    lines += [f"duplicate of {request.duplicate_of}"] if request.duplicate_of else []
    lines += [f"ground: {words(request.ground)}"] if request.ground else []
    lines += [f"reason: {request.reason}"] if request.reason else []
    lines += ["", "identifiers and the links that led to them:", *_tree(request)] if request.evidence else []
    lines += ["", *(f"{h['at']:%Y-%m-%d %H:%M:%S}  {_what(h):<24} {h['actor']}" for h in history)]
    return "\n".join(lines)


def _restriction(request: Request) -> str:
    ground = f", {ARTICLE[request.restriction]}" if request.restriction else ""
    if request.lifted is not None:
        return f"restriction lifted {request.lifted:%Y-%m-%d}{ground}"
    if not restricts(request):
        return f"no restriction{ground}"
    told = f"; data subject told of the lifting {request.lift_told:%Y-%m-%d}" if request.lift_told else ""
    since = "" if is_granted(request) else " from its receipt, until somebody has decided"
    return f"processing is restricted{since}{ground}{told}"


def _kept(part: KeptPart) -> str:
    what = ", ".join(part.columns) if part.columns else "whole rows"
    where = f"{part.table} ({part.rows} row(s): {what})"
    return f"kept in {where} until {part.until} by exception {part.exception}, {part.article}"


def _tree(request: Request) -> list[str]:
    """Return the ways to identifiers, each step below the one before; places only."""
    lines: list[str] = []
    for path in request.evidence:
        many = f" ({path.identifiers})" if path.identifiers > 1 else ""
        lines.append(f"  {path.kind}{many}, {path.role}")
        lines += [f"  {'   ' * depth}└─ {step}" for depth, step in enumerate(path.steps)]
    return lines


def _cells(standing: Standing) -> tuple[str, ...]:
    request = standing.request
    return (
        request.id,
        request.right,
        request.regime,
        "held (begun)" if standing.stopped_by else words(request.state),
        f"{request.received:%Y-%m-%d}",
        request.due.isoformat(),
        _left(standing),
    )


def _left(standing: Standing) -> str:
    if standing.confirm_days is not None and standing.confirm_days == standing.nearest != standing.days_left:
        return f"confirm {standing.confirm_days}"
    return "" if standing.days_left is None else str(standing.days_left)


def _confirmation(standing: Standing) -> str:
    request = standing.request
    if request.confirmed is not None:
        return f"receipt confirmed {request.confirmed:%Y-%m-%d}"
    return f"receipt to be confirmed by {request.confirm_by}"


def _what(record: Mapping[str, Any]) -> str:
    """Return the state that a record brought, or what else it says, in words."""
    done = record["outcome"] == "done"
    said = words(str(record["action"]).rpartition(".")[2] if done else str(record["outcome"]))
    return f"{said} ({record['recipient']})" if record.get("recipient") else said
