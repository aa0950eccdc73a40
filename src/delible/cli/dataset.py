"""`delible dataset`: build consent-filtered releases, list them, ask who is in them, verify them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress
from delible.cli.dataset_impact import Links, Reference, impact, log, recut, retire, used

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.table import Table

    from delible.model.record import Manifest

app = typer.Typer(help="Build consent-filtered training datasets, and ask who is in them.")
for command in (used, impact, recut, retire, log):
    app.command()(command)


@app.command()
def build(
    ctx: typer.Context,
    recipe: Annotated[str, typer.Argument(help="Name of the recipe.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be decided, and write nothing.")] = False,
) -> None:
    """Cut a new version: only rows of people who may be used, each column treated as the recipe says.

    Gates of the recipe are measured on the rows before anybody can read them; when one stops the release, nothing of it
    stays, and the exit code is 3.

    Example:

        delible dataset build support_training

        delible dataset build support_training --dry-run
    """
    from delible.cli.dataset_build import build_answer, foreseen_answer, stopped_answer
    from delible.workflows.dataset import build_dataset, foresee_dataset
    from delible.workflows.dataset_gates import GatesError

    call = current(ctx)
    if dry_run:
        document, text = foreseen_answer(foresee_dataset(call.workspace, recipe, now=call.now, progress=progress))
        return emit(ctx, document, text=text)
    try:
        built = build_dataset(call.workspace, recipe, actor=call.actor, now=call.now, progress=progress)
    except GatesError as stopped:
        document, text = stopped_answer(recipe, stopped)
        return emit(ctx, document, text=text, failure=stopped)
    document, text = build_answer(built, call.workspace.path(built.manifest.path))
    return emit(ctx, document, text=text)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List all releases.

    Example:

        delible dataset list
    """
    from delible.store.retirements import retirements
    from delible.workflows.dataset import list_datasets

    call = current(ctx)
    manifests, retired = list_datasets(call.workspace), retirements(call.workspace)
    document = {
        "datasets": [
            {
                "dataset": m.dataset,
                "version": m.version,
                "purpose": m.purpose,
                "created_at": m.created_at,
                "rows_out": m.rows_out,
                "members": m.members,
                "recut_of": m.recut_of,
                "retired": (m.dataset, m.version) in retired,
                "path": call.workspace.path(m.path),
            }
            for m in manifests
        ]
    }
    none = "No release yet. Build one with: delible dataset build RECIPE"
    emit(ctx, document, text=_listed(manifests, retired) if manifests else none)


@app.command()
def members(
    ctx: typer.Context,
    reference: Reference,
    identifiers: Annotated[str, typer.Option(help="JSON lines of identifiers, one person a line, or -.")],
) -> None:
    """Say whether people are in a release; any identifier of theirs will do.

    Example:

        delible dataset members support_training@v1 --identifiers person.jsonl
    """
    from delible.workflows.dataset_members import dataset_members

    call = current(ctx)
    found = dataset_members(call.workspace, reference, identifiers, actor=call.actor, now=call.now)
    lines = [{"line": n, "member": member} for n, member in enumerate(found.lines, start=1)]
    document = {"dataset": found.dataset, "version": found.version, "member": found.member, "lines": lines}
    text = "\n".join(f"line {line['line']}: {'member' if line['member'] else 'not a member'}" for line in lines)
    emit(ctx, document, text=text)


@app.command()
def verify(ctx: typer.Context, reference: Reference, links: Links = False) -> None:
    """Check a release's digests, signature and gates, and whether everybody in it would still be let in today.

    Exit code 4 when a file is not what was built. Exit code 3 when somebody would not be let in, by consent, requests
    and erasures as they are known today, under the references that the release was cut with; when today's policies stop
    a build of it, or leave one of its columns out; and when it does not pass a gate of today's recipe, by what was
    measured when it was cut, or that gate was not measured. Rows that retention has removed from its tables since are
    counted, and no failure: which of them it holds is not known.

    Example:

        delible dataset verify support_training@v1
    """
    from delible.errors import BlockedError
    from delible.workflows.dataset_verify import verify_release

    call = current(ctx)
    found = verify_release(call.workspace, reference, now=call.now, links=links)
    manifest = found.manifest
    size = sum(f.bytes for f in manifest.files)
    document = {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "intact": True,
        "signed": manifest.key_id is not None,
        "key_id": manifest.key_id,
        "files": len(manifest.files),
        "bytes": size,
        "gates": found.gates,
        "today": {"passes": found.passes, "people": found.people, "reasons": found.leaving},
        "retention_since": found.removed,
        "problems": [problem.as_json() for problem in found.problems],
    }
    failure = None
    if found.leaving:
        failure = BlockedError(
            "dataset.would_not_pass",
            f"{found.people:,} of {manifest.members:,} data subjects in it would not be let in today.",
            where=f"dataset:{manifest.release}",
            fix=f"Cut it without them: delible dataset recut {manifest.dataset}",
        )
    if found.problems:
        failure = BlockedError.of((*(failure.problems if failure else ()), *found.problems))
    why = ", ".join(f"{reason} {people:,}" for reason, people in found.leaving.items()) or "nobody would be left out"
    signed = f"signed with key {manifest.key_id}" if manifest.key_id is not None else "not signed"
    text = f"{manifest.release}: {len(manifest.files)} files, {size} bytes, intact, {signed}.\nToday: {why}."
    if found.removed:
        rows = ", ".join(f"{rows:,} row(s) of {table}" for table, rows in found.removed.items())
        text += f"\nRetention has removed or treated {rows} since it was cut; it may hold them. Build it anew."
    emit(ctx, document, text=text, failure=failure)


@app.command()
def unmask(
    ctx: typer.Context,
    reference: Reference,
    texts: Annotated[str, typer.Option(metavar="FILE", help="Texts of the release, one a line, or -.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new file for the texts in their old words (mode 0600).")],
) -> None:
    """Put back what masks with `encrypt` have encrypted in texts of a release; needs the workspace's keys.

    Only of columns whose policy says `reversible: true`. A text does not tell its column, so all that the recipe
    encrypts in one domain have to be.

    The old words go into the file and nowhere else. The ledger has who asked, for which release, and how many values
    were opened. Other marks, such as hashes and placeholders, have no way back and stay.

    Example:

        delible dataset unmask support_training@v1 --texts masked.txt --out opened.txt
    """
    from delible.workflows.unmasking import unmask_texts

    call = current(ctx)
    done = unmask_texts(call.workspace, reference, texts, out, actor=call.actor, now=call.now)
    dataset, _, version = done.release.rpartition("@v")
    document = {
        "dataset": dataset,
        "version": int(version),
        "texts": done.texts,
        "opened": done.opened,
        "path": done.path,
    }
    emit(ctx, document, text=f"{done.release}: {done.opened:,} value(s) opened in {done.texts:,} text(s): {done.path}")


def _listed(manifests: list[Manifest], retired: Collection[tuple[str, int]]) -> Table:
    from rich.table import Table

    table = Table("release", "purpose", "made", "rows", "data subjects", "", box=None, pad_edge=False)
    for m in manifests:
        made = f"{m.created_at:%Y-%m-%d %H:%M}"
        said = "retired" if (m.dataset, m.version) in retired else ""
        table.add_row(m.release, m.purpose, made, f"{m.rows_out:,}", f"{m.members:,}", said)
    return table
