"""`delible dataset impact`, `used`, `recut`, `retire`, `log`: after a release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress

if TYPE_CHECKING:
    from rich.console import Group

    from delible.workflows.dataset_impact import Impacts
    from delible.workflows.dataset_recut import RecutDone

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

Reference = Annotated[str, typer.Argument(metavar="NAME@vN", help="The release; NAME alone is the latest.")]
Links = Annotated[
    bool,
    typer.Option("--links", help="Follow the links of today's tables, for people with new identifiers; starts Spark."),
]
Owner = Annotated[str | None, typer.Option(help="Who answers for it: a team, a role or its account; no address.")]


def used(
    ctx: typer.Context,
    reference: Reference,
    by: Annotated[str, typer.Option(metavar="KIND:NAME", help="What was made with it: model:NAME or run:ID.")],
    owner: Owner = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="The training run that made it.")] = None,
    ended: Annotated[
        bool,
        typer.Option(
            "--ended", help="Nothing is left of it, in any copy: its duties end, and the ledger has who said so."
        ),
    ] = False,
) -> None:
    """Register a model or run that was made with a release, so that its owner learns who has withdrawn since.

    With --ended it is no more. With the last of them a retired release loses its subject index: nobody needs to know
    any longer who was in it.

    Example:

        delible dataset used support_training@v1 --by model:triage-7 --owner ml-support --run 4f2a

        delible dataset used support_training@v1 --by model:triage-7 --ended
    """
    from delible.workflows.dataset_used import end_use, register_use

    call = current(ctx)
    if ended:
        over, gone = end_use(call.workspace, reference, by, run=run, actor=call.actor, now=call.now)
        document = {"by": by, "ended": [use.run for use in over], "index_removed": gone}
        text = f"{by}: ended." + (" The subject index of the retired release is removed." if gone else "")
        return emit(ctx, document, text=text)
    use, new = register_use(call.workspace, reference, by, owner=owner, run=run, actor=call.actor, now=call.now)
    document = {
        "dataset": use.dataset,
        "version": use.version,
        "by": use.by,
        "owner": use.owner,
        "run": use.run,
        "new": new,
    }
    said = "registered" if new else "known already"
    return emit(ctx, document, text=f"{use.by}, made with {use.dataset}@v{use.version}: {said}.")


def impact(
    ctx: typer.Context,
    request: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this request; may be given several times.")
    ] = None,
    consents_since: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=_TIMES,
            help="Only what the consent ledger received, and what lapsed, after this (UTC).",
        ),
    ] = None,
    links: Links = False,
) -> None:
    """Say which releases, models and runs somebody's request or withdrawal reaches, and who has to do what by when.

    Without an option: every request, and every consent that was withdrawn or ended since each release was cut. People
    are known by the references that releases were cut with; --links adds those that were linked to them since.

    Example:

        delible dataset impact --request R-20260601-4f2a
        delible dataset impact --consents-since 2026-06-01
    """
    from delible.errors import InputError
    from delible.workflows.dataset_impact import dataset_impact

    call = current(ctx)
    if request and consents_since is not None:
        raise InputError(
            "cli.contradiction",
            "--request and --consents-since ask for different things.",
            where="--consents-since",
            fix="Give one of them.",
        )
    since = consents_since
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    found = dataset_impact(
        call.workspace, now=call.now, requests=request or (), consents_since=since, links=links, actor=call.actor
    )
    document = {
        "releases": found.releases,
        "unknown": found.unknown,
        "impact": [{"release": f"{i.dataset}@v{i.version}", **i.model_dump(mode="json")} for i in found.found],
    }
    emit(ctx, document, text=_impacts(found))


def recut(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="NAME", help="The dataset, or NAME@vN for one version of it.")],
) -> None:
    """Release a dataset again without the people who may no longer be used; every other row stays as it is.

    Rows keep their splits, files with nobody leaving are the old ones, and when nobody has to leave there is no new
    version. No value changes: whose released values a limit or a correction has overtaken leaves too, and comes back
    with the next build. The recipe's gates are measured anew, but for drift: when one stops what is left, nothing of it
    stays (exit code 3).

    Example:

        delible dataset recut support_training
    """
    from delible.cli.dataset_build import stopped_answer
    from delible.workflows.dataset_gates import GatesError
    from delible.workflows.dataset_recut import recut_dataset

    call = current(ctx)
    try:
        done = recut_dataset(call.workspace, reference, actor=call.actor, now=call.now, progress=progress)
    except GatesError as stopped:
        document, text = stopped_answer(reference.partition("@")[0], stopped)
        emit(ctx, document, text=text, failure=stopped)
        return
    new = done.new or done.old
    document = {
        "dataset": new.dataset,
        "version": new.version,
        "from": done.old.version,
        "changed": done.new is not None,
        "rows_before": done.old.rows_out,
        "rows_out": new.rows_out,
        "left": new.left if done.new is not None else {},
        "members": new.members,
        "gates": [gate.as_json() for gate in new.gates],
        "files_rewritten": done.rewritten,
        "files_reused": done.reused,
        "path": call.workspace.path(new.path),
    }
    emit(ctx, document, text=_recut(done))


def retire(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="NAME@vN", help="The release; its version has to be named.")],
) -> None:
    """Remove a release's rows and row index from the workspace; who was in it stays known for what was made with it.

    Its subject index, which holds keyed references only, is kept while something that was made with it is in use, so
    that `impact` goes on naming duties for models and runs; `dataset used --ended` says that one is no more. When
    nothing is registered, the index goes as well: register models first. The ledger has who retired it. Copies
    elsewhere are not found: who has one has to delete it.

    Example:

        delible dataset retire support_training@v1
    """
    from delible.workflows.dataset_retire import retire_release

    call = current(ctx)
    done = retire_release(call.workspace, reference, actor=call.actor, now=call.now)
    document = {
        "dataset": done.manifest.dataset,
        "version": done.manifest.version,
        "retired_at": done.retirement.at,
        "index_kept": done.index_kept,
        "uses": list(dict.fromkeys(use.by for use in done.uses)),
        "new": done.new,
    }
    said = "retired" if done.new else f"retired already, at {done.retirement.at.isoformat()}"
    kept = "its subject index is kept" if done.index_kept else "and so is its subject index"
    used_by = ", ".join(dict.fromkeys(use.by for use in done.uses))
    after = f"\nDuties go on for what was made with it: {used_by}." if used_by else ""
    emit(ctx, document, text=f"{done.manifest.release}: {said}; its rows are gone, {kept}.{after}")


def log(
    ctx: typer.Context,
    reference: Reference,
    tracking_uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="MLflow's tracking server, folder or database; its own when left out."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="The experiment; the dataset's name when left out.")
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="An existing run; a new one when left out.")] = None,
    owner: Owner = None,
) -> None:
    """Log a release as the dataset of an MLflow run, and register the run as made with it; needs the extra `mlflow`.

    MLflow gets the release's name, place, digest, purpose and counts; no row, no reference.

    Example:

        delible dataset log support_training@v1 --tracking-uri http://mlflow.example:5000 --owner ml-support
    """
    from delible.workflows.dataset_log import log_release

    call = current(ctx)
    logged = log_release(
        call.workspace,
        reference,
        tracking_uri=tracking_uri,
        experiment=experiment,
        run=run,
        owner=owner,
        actor=call.actor,
        now=call.now,
    )
    document = {
        "dataset": logged.manifest.dataset,
        "version": logged.manifest.version,
        "run": logged.run,
        "experiment": logged.experiment,
        "digest": logged.digest,
    }
    emit(ctx, document, text=f"{logged.manifest.release} is a dataset of run {logged.run}.")


def _impacts(found: Impacts) -> Group:
    from rich.console import Group
    from rich.table import Table

    lines: list[str | Table] = []
    for each in found.found:
        why = ", ".join(f"{cause} {people:,}" for cause, people in each.causes.items())
        without = f"; v{each.newest_without} holds none of them" if each.newest_without is not None else ""
        retired = ", retired" if each.retired else ""
        lines.append(f"{each.dataset}@v{each.version}{retired}: {each.people:,} data subject(s) ({why}){without}")
        table = Table("what", "duty", "owner", "due", "rule", "article", box=None, pad_edge=False)
        for duty in each.duties:
            table.add_row(duty.what, duty.duty, duty.owner, f"{duty.due}", duty.rule, duty.article)
        lines += [table, ""]
    if found.unknown:
        lines.append(f"Cannot tell who is in them: {', '.join(found.unknown)}.")
    if not found.found:
        lines.append(f"None of {found.releases:,} release(s) holds anybody concerned.")
    return Group(*lines)


def _recut(done: RecutDone) -> Group | str:
    from rich.console import Group

    from delible.cli.dataset_build import shown_gates

    if done.new is None:
        return f"{done.old.release}: nobody has to leave; there is no new version."
    left = ", ".join(f"{reason} {rows:,}" for reason, rows in done.new.left.items())
    told = (
        f"{done.new.release} in {done.new.path}: {done.new.rows_out:,} of {done.old.rows_out:,} rows of "
        f"{done.old.release} (left: {left}); {done.rewritten} file(s) written again, {done.reused} as they were."
    )
    after = f"The rows of {done.old.release} are still there: delible dataset retire {done.old.release}"
    return Group(told, *shown_gates(done.new.gates), "", after)
