"""The steps of `delible request` between receipt and fulfilment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit
from delible.cli.request_lines import Id, line, table
from delible.errors import InputError
from delible.model.identity import Verification
from delible.model.request import RefusalGround

if TYPE_CHECKING:
    from rich.console import RenderableType

    from delible.model.request import Request


def verify(  # noqa: PLR0917 - options are named on the command line
    ctx: typer.Context,
    request_id: Id,
    ask: Annotated[
        bool, typer.Option("--ask", help="The data subject was asked who they are; a GDPR clock stands still.")
    ] = False,
    level: Annotated[
        Verification | None, typer.Option(help="How surely they are known now (11 CCR 7062); settles a doubt.")
    ] = None,
    declaration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their signed declaration; its digest is recorded.")
    ] = None,
    account: Annotated[
        bool, typer.Option("--account", help="They have authenticated themselves anew in their account.")
    ] = False,
    permission: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The signed permission of an agent; its digest is recorded.")
    ] = None,
    agent_proof: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What shows who the agent is; its digest is recorded.")
    ] = None,
    power_of_attorney: Annotated[
        bool, typer.Option("--power-of-attorney", help="The permission is a power of attorney.")
    ] = False,
) -> None:
    """Record that the data subject was asked who they are, how surely they are known, or what an agent has shown.

    Nobody at all found for what they gave is `request refuse --ground cannot_identify` (GDPR Art. 11(2)).

    Example:

        delible request verify R-20260131-ABC234 --level reasonable
    """
    from delible.workflows.lifecycle import doubt_identity, prove_agent, verify_identity

    chosen = [ask, level is not None, permission is not None]
    lone = ((declaration is not None or account) and level is None) or (
        (agent_proof is not None or power_of_attorney) and permission is None
    )
    if not any(chosen) or (ask and (level is not None or permission is not None)) or lone:
        raise InputError(
            "request.verify",
            "give --ask, or --level (with --declaration or --account), or --permission (with --agent-proof or "
            "--power-of-attorney).",
        )
    call = current(ctx)
    if ask:
        done = doubt_identity(call.workspace, request_id, actor=call.actor, now=call.now)
    if permission is not None:
        done = prove_agent(
            call.workspace,
            request_id,
            permission=permission,
            proof=agent_proof,
            power_of_attorney=power_of_attorney,
            actor=call.actor,
            now=call.now,
        )
    if level is not None:
        done = verify_identity(
            call.workspace,
            request_id,
            level=level,
            declaration=declaration,
            account=account,
            actor=call.actor,
            now=call.now,
        )
    answer(ctx, done)


def confirm(ctx: typer.Context, request_id: Id) -> None:
    """Record that receipt of a request was confirmed, and print a text for it (11 CCR 7021(a)).

    Example:

        delible request confirm R-20260131-ABC234
    """
    from delible.workflows.lifecycle import confirm_request

    call = current(ctx)
    done = confirm_request(call.workspace, request_id, actor=call.actor, now=call.now)
    answer(ctx, done.request, notice=done.notice)


def extend(
    ctx: typer.Context,
    request_id: Id,
    reason: Annotated[str, typer.Option(help="Why more time is needed, naming no person; the data subject is told.")],
    notice: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The text that was sent, if not the one that this prints.")
    ] = None,
) -> None:
    """Prolong a request's period once, and print the notice to its data subject.

    GDPR: by two months, within the first (Art. 12(3)). CCPA: by 45 days, within the first 45.

    Example:

        delible request extend R-20260131-ABC234 --reason "many systems have to be searched"
    """
    from delible.workflows.lifecycle import extend_request

    call = current(ctx)
    done = extend_request(call.workspace, request_id, reason=reason, notice=notice, actor=call.actor, now=call.now)
    answer(ctx, done.request, notice=done.notice)


def refuse(
    ctx: typer.Context,
    request_id: Id,
    reason: Annotated[str, typer.Option(help="The ground in words, naming no person (Art. 12(4)).")],
    ground: Annotated[RefusalGround, typer.Option(help="The ground as the law names it.")] = RefusalGround.OTHER,
) -> None:
    """Refuse a request, with the reason.

    Example:

        delible request refuse R-20260131-ABC234 --ground cannot_identify --reason "no identifier matches"
    """
    from delible.workflows.lifecycle import refuse_request

    call = current(ctx)
    done = refuse_request(call.workspace, request_id, reason=reason, ground=ground, actor=call.actor, now=call.now)
    answer(ctx, done.request, notice=done.notice)


def withdraw(
    ctx: typer.Context,
    request_id: Id,
    reason: Annotated[str | None, typer.Option(help="What was said, naming no person.")] = None,
    prompted: Annotated[
        bool, typer.Option("--prompted", help="They were asked to; not within 12 months of an opt-out or limit.")
    ] = False,
) -> None:
    """Record that the data subject takes a request back, or an objection, opt-out or limit that stands.

    Other requests cannot be taken back once they are being carried out.

    Example:

        delible request withdraw R-20260131-ABC234
    """
    from delible.workflows.lifecycle import withdraw_request

    call = current(ctx)
    done = withdraw_request(
        call.workspace, request_id, reason=reason, prompted=prompted, actor=call.actor, now=call.now
    )
    answer(ctx, done)


def expire(
    ctx: typer.Context,
    request_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="All that have waited long enough if none.")
    ] = None,
) -> None:
    """Expire requests whose data subjects did not say who they are in time (identity_days of the controller).

    Example:

        delible request expire
    """
    from delible.workflows.lifecycle import expire_requests, standings_of

    call = current(ctx)
    done = expire_requests(call.workspace, request_ids or (), actor=call.actor, now=call.now)
    found = standings_of(call.workspace, done, call.now)
    emit(ctx, {"requests": [line(s) for s in found]}, text=table(found))


def lift(
    ctx: typer.Context,
    request_id: Id,
    reason: Annotated[
        str | None, typer.Option(help="Why, naming no person: writes the letter that tells the data subject.")
    ] = None,
    informed: Annotated[
        bool, typer.Option("--informed", help="The letter was sent: lift the restriction now (Art. 18(3)).")
    ] = False,
) -> None:
    """Lift a restriction of processing: write the letter with --reason, and with --informed lift it once it was sent.

    Example:

        delible request lift R-20260131-ABC234 --reason "the address was corrected"
        delible request lift R-20260131-ABC234 --informed
    """
    from delible.workflows.restriction import lift_restriction

    call = current(ctx)
    done = lift_restriction(
        call.workspace, request_id, reason=reason, informed=informed, actor=call.actor, now=call.now
    )
    answer(ctx, done.request, notice=done.notice)


def answer(ctx: typer.Context, *requests: Request, notice: str = "") -> None:
    """Answer with requests as they are now, and with the text for the data subject of one, if there is one."""
    from delible.workflows.lifecycle import standings_of

    call = current(ctx)
    standings = standings_of(call.workspace, list(requests), call.now)
    lines = [line(each) for each in standings]
    document: dict[str, object] = {"request": lines[0]} if len(lines) == 1 else {"requests": lines}
    document |= {"notice": notice} if notice else {}
    text: RenderableType = table(standings)
    if notice and not call.json:
        from rich.console import Group
        from rich.text import Text

        # The letter has lines of its own, and goes into somebody's mail as it stands.
        text = Group(text, "", Text(notice, no_wrap=True, overflow="ignore"))
    emit(ctx, document, text=text)
