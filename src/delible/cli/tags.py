"""`delible tags`: find personal data in tables, and review the verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress
from delible.errors import BlockedError, InputError

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from delible.decide.sampling import Reach
    from delible.model.record import TagFinding
    from delible.model.uniqueness import Combination

app = typer.Typer(help="Find personal data in tables, and review the verdicts.")


@app.command()
def scan(
    ctx: typer.Context,
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Tables; all that are there when none is named.")
    ] = None,
    *,
    confidence: Annotated[float, typer.Option(help="How sure it is that no more is missed, such as 0.99.")] = 0.95,
    max_prevalence: Annotated[
        str, typer.Option(metavar="SHARE", help="Share of rows that personal data may stand in unseen, as 1/50000.")
    ] = "1/1000",
    sample: Annotated[
        int | None, typer.Option(help="Distinct values per column at most, instead of enough rows for a bound.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Read every row of the files to read, instead of a draw.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Read files again that former scans have read.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every row of every file: --all --anew.")] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Run plain Presidio on whole texts: the same findings, slower. Its recognizers, but for Email, "
            "CreditCard, Iban, Ip, UsSsn and Phone: in their place stand delible's, made of Presidio's parts.",
        ),
    ] = False,
    names_only: Annotated[bool, typer.Option("--names-only", help="Judge by names and types; read no row.")] = False,
) -> None:
    """Look at the values, names and types of all columns, and record what each holds.

    As many rows are drawn from each file as it takes to say, of a column without a hit, that fewer rows than the given
    share hold any of what detection recognises; nothing is said of what it does not. How much is read is said in one
    way: a bound, --sample, --all or --names-only. Files that former scans have read are not read again. A column that
    came or changed since, or was clean and is so no more, and that no policy maps, is a gap: exit code 3. So is a
    decision that no longer fits.

    Example:

        delible tags scan customers --confidence 0.99 --max-prevalence 1/50000
    """
    from delible.cli.wishes import only_one
    from delible.decide.sampling import bound_of
    from delible.report.combinations import combination_line
    from delible.report.tag_list import tag_line
    from delible.workflows.scanning import Extent
    from delible.workflows.tagging import scan_names, scan_tables

    only_one(
        ctx,
        {"confidence": "--confidence", "max_prevalence": "--max-prevalence"},
        {"sample": "--sample"},
        {"every": "--all", "full": "--full"},
        {"names_only": "--names-only"},
    )
    only_one(ctx, {"anew": "--anew", "full": "--full", "exact": "--exact"}, {"names_only": "--names-only"})
    call = current(ctx)
    bound = bound_of(confidence, max_prevalence)
    extent = Extent(bound) if sample is None else Extent(values=sample)
    if every or full:
        extent = Extent()
    if names_only:
        found = scan_names(call.workspace, tables or (), actor=call.actor, now=call.now)
    else:
        found = scan_tables(
            call.workspace,
            tables or (),
            extent=extent,
            anew=anew or full,
            exact=exact,
            actor=call.actor,
            now=call.now,
            progress=progress,
        )
    document = {
        "tables": found.tables,
        "values": found.values,
        "personal": found.personal,
        "columns": [tag_line(finding, found.reaches) for finding in found.findings],
        "returned": [{"table": table, "rows": rows} for table, rows in found.returned.items()],
        "read": found.read,
        "gaps": [gap.as_json() for gap in found.gaps],
        "combinations": [combination_line(each) for each in found.combinations],
    }
    for table, rows in found.returned.items():
        progress(f"finding: {rows} row(s) of erased people are in {table} again; see: delible guard {table}")
    failure = BlockedError.of(found.gaps) if found.gaps else None
    text = _with_combinations(_table(found.findings, found.reaches), found.combinations)
    emit(ctx, document, text=text, failure=failure)


@app.command("list")
def list_(
    ctx: typer.Context,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only columns that a person has to look at.")] = False,
) -> None:
    """List the verdict on each column that was ever scanned, and how unique quasi-identifiers make the rows.

    Example:

        delible tags list --waiting
    """
    from delible.report.combinations import combination_line
    from delible.report.tag_list import is_waiting, tag_line
    from delible.workflows.tag_review import contradictions, gone_columns, list_tags, reaches_of
    from delible.workflows.verdicts import list_combinations

    workspace = current(ctx).workspace
    known = list_tags(workspace)
    contradicted, gone = contradictions(workspace), gone_columns(workspace, known)
    findings = [f for f in known if not waiting or is_waiting(f, contradicted)]
    reaches = reaches_of(workspace)
    combinations = () if waiting else list_combinations(workspace)
    nothing = "No column is waiting for a review." if known else "No column has been scanned. Run: delible tags scan"
    document = {
        "columns": [
            tag_line(f, reaches, contradicted=contradicted.get((f.table, f.column)), gone=(f.table, f.column) in gone)
            for f in findings
        ],
        "combinations": [combination_line(each) for each in combinations],
    }
    shown = _table(findings, reaches, contradicted, gone)
    emit(ctx, document, text=_with_combinations(shown, combinations) if findings else nothing)


@app.command()
def review(
    ctx: typer.Context,
    column: Annotated[str, typer.Argument(metavar="TABLE.COLUMN", help="The column that was judged.")],
    accept: Annotated[bool | None, typer.Option("--accept/--reject", help="Whether the verdict is right.")] = None,
    reason: Annotated[str, typer.Option(help="Why; name no person.")] = "",
    category: Annotated[str | None, typer.Option(help="With --accept: what the column really holds.")] = None,
    special: Annotated[
        bool, typer.Option("--special", help="With --accept: it is a special category (Art. 9), as union membership.")
    ] = False,
    reopen: Annotated[bool, typer.Option("--reopen", help="Take an earlier decision back instead.")] = False,
) -> None:
    """Accept or reject a verdict. It stays as it is then, whatever later scans find, until somebody reopens it.

    Where the column's type, its table or what scans find changes since, it waits to be decided again.

    Example:

        delible tags review orders.delivery_note --accept --reason "Customers write names and codes there."
    """
    from delible.report.tag_list import tag_line
    from delible.workflows.tag_review import review_tag
    from delible.workflows.verdicts import reopen_tag

    call = current(ctx)
    if reopen:
        if accept is not None or category is not None or special:
            raise InputError("tags.decision", "--reopen takes a decision back, and makes none.", where="--reopen")
        found = reopen_tag(call.workspace, column, reason=reason, actor=call.actor, now=call.now)
        emit(ctx, {"column": tag_line(found, {})}, text=f"{column}: open again; the next scan judges anew.")
        return
    if accept is None:
        raise InputError("tags.decision", "a review accepts or rejects.", fix="Give --accept or --reject.")
    pinned = review_tag(
        call.workspace,
        column,
        accept=accept,
        reason=reason,
        category=category,
        special=special,
        actor=call.actor,
        now=call.now,
    )
    held = f"{pinned.category or 'not personal'}{' (special)' if pinned.special else ''}"
    emit(ctx, {"column": tag_line(pinned, {})}, text=f"{column}: {pinned.state} as {held}.")


@app.command()
def uniqueness(
    ctx: typer.Context,
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Tables; all that are there when none is named.")
    ] = None,
) -> None:
    """Count how many rows are unique by combinations of quasi-identifiers, such as birth date and postal code.

    A scan does it by itself for tables of up to a million rows. Only counts are kept.

    Example:

        delible tags uniqueness customers
    """
    from delible.report.combinations import combination_line
    from delible.workflows.verdicts import measure_uniqueness

    call = current(ctx)
    found = measure_uniqueness(call.workspace, tables or (), actor=call.actor, now=call.now, progress=progress)
    text = _with_combinations("", found) if found else "No table has two quasi-identifiers. Run: delible tags scan"
    emit(ctx, {"combinations": [combination_line(each) for each in found]}, text=text)


@app.command()
def evaluate(
    ctx: typer.Context,
    labelled: Annotated[
        Path, typer.Option(metavar="FILE", help="Labelled texts or columns as JSON lines, or columns as CSV.")
    ],
    min_recall: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=SHARE", help="Least recall of a type; may be repeated.")
    ] = None,
    min_precision: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=SHARE", help="Least precision of a type; may be repeated.")
    ] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="A country whose identifiers are looked for, too; may be repeated.")
    ] = None,
) -> None:
    """Score detection on data that people have labelled; mistakes are shown as line numbers, never as text.

    A line is {"text": "...", "spans": \\[{"start": 0, "end": 3, "type": "PERSON"}]}, with "register" and "language" if
    you like; or {"column": "...", "values": \\["..."], "category": "user.name"}, with "table" and "kind" (a Spark type)
    if you like, and null for a column with nothing personal. All texts, or all columns. A file that ends in .csv has
    columns, with the head table,column,category,value and one value in each line; kind if you like; without value,
    names alone are judged. A finding is right when it and the label share at least half of the longer one. A share
    below its least one ends the command with exit code 3.

    In a workspace, what its scans look for is measured: its model, countries, recognizers and dictionaries. Elsewhere,
    what a workspace without policies looks for.

    Example:

        delible tags evaluate --labelled texts.jsonl --min-recall EMAIL_ADDRESS=0.99
    """
    from delible.cli.scores import scores_document, scores_shown, shares_of
    from delible.workflows.evaluation import evaluate as evaluated
    from delible.workflows.evaluation import unmet

    least = shares_of(min_recall or (), "--min-recall")
    precise = shares_of(min_precision or (), "--min-precision")
    call = current(ctx)
    here = call.workspace_or_none
    found = evaluated(labelled, now=call.now, workspace=here, countries=country or (), progress=progress)
    failure = unmet(found, min_recall=least, min_precision=precise)
    of = "workspace" if here is not None else "default"
    emit(ctx, scores_document(found, of=of), text=scores_shown(found, of=of), failure=failure)


@app.command()
def publish(
    ctx: typer.Context,
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Tables; all that were scanned when none is named.")
    ] = None,
    catalog_table: Annotated[
        str | None,
        typer.Option(metavar="CATALOG.SCHEMA.TABLE", help="Write the catalog's own tags, too, of the one named table."),
    ] = None,
) -> None:
    """Write category, state and confidence of each verdict into the tables' own column metadata.

    No data file is touched; each change is a commit, so plans that were made before must be made anew. Neither values
    nor reasons are written.

    Example:

        delible tags publish customers
    """
    from delible.workflows.tag_publish import publish_tags

    call = current(ctx)
    done = publish_tags(call.workspace, tables or (), catalog_table=catalog_table, actor=call.actor, now=call.now)
    document = {"tables": [asdict(each) for each in done]}
    lines = [f"{p.table}: {len(p.columns)} column(s) labelled in {p.way}, {p.catalog} in the catalog." for p in done]
    emit(ctx, document, text="\n".join(lines) or "No column has been scanned. Run: delible tags scan")


def _with_combinations(text: RenderableType, combinations: Sequence[Combination]) -> Group:
    from rich.console import Group

    from delible.report.combinations import combination_words

    return Group(text, *(["", *combination_words(combinations)] if combinations else []))


def _table(
    findings: Sequence[TagFinding],
    reaches: Mapping[tuple[str, str], Reach],
    contradicted: Mapping[tuple[str, str], str] | None = None,
    gone: frozenset[tuple[str, str]] = frozenset(),
) -> Group:
    from rich.console import Group
    from rich.table import Table

    from delible.cli.tables import BREAKABLE
    from delible.report.tag_list import LEGEND, category_words, ruled_out_words, waiting_words

    table = Table(box=None, pad_edge=False)
    for head in ("column", "category", "entity", "sure", "hits", "state"):
        table.add_column(head, overflow=BREAKABLE if head in ("column", "category") else "ellipsis")
    last = None
    for finding in findings:
        if finding.table != last:
            table.add_row(finding.table)
            last = finding.table
        away = ", gone" if (finding.table, finding.column) in gone else ""
        table.add_row(
            f"  {finding.column}",
            category_words(finding),
            finding.entity or "",
            f"{finding.confidence:.0%}" if finding.category else "",
            f"{finding.hits}/{finding.sampled}",
            f"{finding.state.value}{away}",
        )
    legend = Table(box=None, pad_edge=False, show_header=False)
    for word, meaning in LEGEND:
        legend.add_row(word, meaning)
    waiting = waiting_words(findings, contradicted or {})
    return Group(table, "", *([*waiting, ""] if waiting else []), *ruled_out_words(findings, reaches), "", legend)
