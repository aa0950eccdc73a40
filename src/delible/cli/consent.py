"""`delible consent`: take consent records in, show what a person consented to and why, give receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit

if TYPE_CHECKING:
    from rich.table import Table

    from delible.workflows.consent import PersonAnswer

app = typer.Typer(help="Import consent records, show what a person consented to and why, give receipts.")

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="JSON lines, a .csv file, a Delta table's folder, or - for stdin.")],
    form: Annotated[str, typer.Option("--format", help="What a row is: native, gpc, tcf, gpp or iso27560.")] = "native",
    strict: Annotated[bool, typer.Option("--strict", help="Take nothing in when a row is broken.")] = False,
) -> None:
    """Take consent records in; broken rows go into quarantine, and the exit code is 1.

    A native row: {"subject": {"email": "x@y.example"}, "purpose": "model_training", "status": "given",
    "notice_version": "3", "valid_from": "2026-01-01T00:00:00Z"}; also valid_until, recorded_at, source, legal_basis,
    jurisdiction, age or birth_date, given_by. In place of purpose, status and notice the others have gpc, tcf or gpp.

    A CSV file has these keys as columns, and subject.KIND for each identifier kind of controller.yaml, such as
    subject.email,purpose,status,notice_version,valid_from. An empty cell says nothing.

    Importing a file again adds only what is new: mend its broken rows, and import it once more. A file without any
    sound row changes nothing (exit code 2).

    Example:

        delible consent import consents.jsonl --format native
    """
    from delible.report.wording import count
    from delible.workflows.consent import import_consents

    call = current(ctx)
    done = import_consents(call.workspace, file, form=form, actor=call.actor, now=call.now, strict=strict)
    document = {
        "lines": done.lines,
        "records": done.records,
        "subjects": done.subjects,
        "purposes": done.purposes,
        "new": done.new,
        "without_effect": done.without_effect,
        "quarantined": done.quarantined,
        "mended": done.mended,
    }
    text = f"{count(done.records, 'consent record')} from {count(done.lines, 'line')} taken in."
    text += f" New: {done.new:,}." if done.new < done.records else ""
    text += f" In quarantine: {count(done.quarantined, 'row')}." if done.quarantined else ""
    emit(ctx, document, text=text, failure=done.failure)


@app.command()
def quarantine(
    ctx: typer.Context,
    out: Annotated[
        str | None, typer.Option(help="Write the rows as they stand into this new file, which you alone can read.")
    ] = None,
    forget: Annotated[list[str] | None, typer.Option(help="Remove the row of this id; may be repeated.")] = None,
) -> None:
    """List the broken rows of imports: file, line, reason, and no value. They are kept for 30 days.

    A row leaves when a later import of its file takes it in, mended on its line, or when it is forgotten.

    Example:

        delible consent quarantine --out broken.jsonl
    """
    from rich.table import Table

    from delible.workflows.consent import export_quarantine, forget_quarantine, list_quarantine

    call = current(ctx)
    written = export_quarantine(call.workspace, out, now=call.now) if out is not None else 0
    forgotten = forget_quarantine(call.workspace, tuple(forget), now=call.now) if forget else 0
    rows = list_quarantine(call.workspace, now=call.now)
    keys = ("id", "at", "file", "line", "form", "code", "key")
    document = {"rows": [{key: getattr(row, key) for key in keys} for row in rows], "written": written}
    table = Table("id", "file", "line", "format", "reason", "key", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.id, row.file, str(row.line), row.form, row.code, row.key)
    emit(ctx, document | {"forgotten": forgotten}, text=table if rows else "The quarantine is empty.")


@app.command()
def receipt(
    ctx: typer.Context,
    identifiers: Annotated[str, typer.Option(help="JSON lines of identifiers, one person a line, or -.")],
    form: Annotated[str, typer.Option("--format", help="Which receipts: iso27560 or kantara.")] = "iso27560",
    out: Annotated[
        str | None, typer.Option(help="Write the receipts into this new file, too, and their signature beside it.")
    ] = None,
) -> None:
    """Give receipts of all that people said, as ISO/IEC TS 27560 has them, with the terms of the W3C's DPV.

    People stand in them as keyed references. `consent import --format iso27560` takes them in again. Kantara's receipts
    are of consents that were given, and of nothing else, to the second. A file of them is signed: whoever has
    FILE, FILE.sig and the controller's published key (as FILE.pem) can check it with `openssl pkeyutl -verify -pubin
    -inkey FILE.pem -rawin -in FILE -sigfile FILE.sig`.

    Example:

        delible consent receipt --identifiers person.jsonl --out receipts.json
    """
    from delible.report.wording import count
    from delible.workflows.consent import consent_receipts, receipts_text

    call = current(ctx)
    made = consent_receipts(call.workspace, identifiers, form=form, out=out)
    text = receipts_text(made) if out is None else f"{count(len(made), 'receipt')} written, signed in {out}.sig."
    signature = f"{out}.sig" if out is not None else None
    emit(ctx, {"receipts": made, "signature": signature}, text=text, verbatim=out is None)


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
    """Show per purpose whether rows of these people may be used, by which rule, and what became of each record.

    Only records under the given identifiers count; a dataset build follows links to the others, too.

    Example:

        delible consent show --identifiers person.jsonl --as-of 2026-01-31 --known-at 2026-03-01
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
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise typer.BadParameter("this time is none in UTC; years go from 1 to 9999.") from None


def _table(people: tuple[PersonAnswer, ...]) -> Table:
    from rich.table import Table

    table = Table("line", "purpose", "legal basis", "may be used", "by", box=None, pad_edge=False)
    for person in people:
        for answer in person.purposes:
            word = "yes" if answer.keep else f"no: {answer.reason}"
            by = f"{answer.rule.rule} ({answer.rule.article})" if answer.rule is not None else ""
            table.add_row(str(person.line), answer.purpose, answer.legal_basis or "none", word, by)
            for considered in answer.considered:
                record = answer.records[considered.record]
                since = f"{record.valid_from:%Y-%m-%d %H:%M}, known {record.recorded_at:%Y-%m-%d %H:%M}"
                table.add_row("", "", "", "", f"{record.status} from {since}: {considered.why.rule}")
    return table
