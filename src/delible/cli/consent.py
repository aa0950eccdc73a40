"""`delible consent`: take consent records in, show what a person consented to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit

if TYPE_CHECKING:
    from rich.table import Table

    from delible.workflows.consent import PersonAnswer

app = typer.Typer(help="Import consent records, and show what a person consented to.")

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="The records, or - for standard input.")],
    form: Annotated[str, typer.Option("--format", help="How the records are written: native.")] = "native",
) -> None:
    """Take in all records of a file, or none when one is broken.

    A native line: {"subject": {"email": "x@y.example"}, "purpose": "model_training", "status": "given",
    "notice_version": "3", "valid_from": "2026-01-01T00:00:00Z"}; also valid_until, recorded_at, source, legal_basis.

    Example:

        delible consent import consents.jsonl --format native
    """
    from delible.workflows.consent import import_consents

    call = current(ctx)
    done = import_consents(call.workspace, file, form=form, actor=call.actor, now=call.now)
    document = {"lines": done.lines, "records": done.records, "subjects": done.subjects, "purposes": done.purposes}
    emit(ctx, document, text=f"{done.records} consent records from {done.lines} lines taken in.")


@app.command()
def show(
    ctx: typer.Context,
    identifiers: Annotated[str, typer.Option(help="JSON lines of identifiers, one person a line, or -.")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="The instant to decide for, as it was known then.")
    ] = None,
    known_at: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="Decide with what was known at this instant instead.")
    ] = None,
) -> None:
    """Show per purpose whether rows of these people may be used, why not, and the records that say so.

    Only records under the given identifiers count; a dataset build follows links to the others, too.

    Example:

        delible consent show --identifiers person.jsonl --as-of 2026-01-31
    """
    from delible.workflows.consent import show_consents

    call = current(ctx)
    at = _utc(as_of) or call.now
    known = _utc(known_at) or at
    people = show_consents(call.workspace, identifiers, as_of=at, known_at=known)
    emit(ctx, {"as_of": at, "known_at": known, "people": people}, text=_table(people))


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _table(people: tuple[PersonAnswer, ...]) -> Table:
    from rich.table import Table

    table = Table("line", "purpose", "legal basis", "may be used", "decided by", box=None, pad_edge=False)
    for person in people:
        for answer in person.purposes:
            by = f"{answer.by.status} from {answer.by.valid_from:%Y-%m-%d %H:%M}" if answer.by else ""
            word = "yes" if answer.keep else f"no: {answer.reason}"
            table.add_row(str(person.line), answer.purpose, answer.legal_basis or "none", word, by)
    return table
