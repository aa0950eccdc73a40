"""`delible tags`: find personal data in tables, and review the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from delible.decide.quality import Score
    from delible.model.record import TagFinding
    from delible.workflows.evaluation import Evaluation

app = typer.Typer(help="Find personal data in tables, and review the verdicts.")


@app.command()
def scan(
    ctx: typer.Context,
    tables: Annotated[list[str] | None, typer.Argument(help="Tables; all that are there when none is named.")] = None,
    sample: Annotated[int, typer.Option(help="Distinct values to look at per column.")] = 1_000,
    full: Annotated[bool, typer.Option("--full", help="Look at every distinct value.")] = False,
) -> None:
    """Look at the values, names and types of all columns, and record what each holds.

    A sample proves that a column holds personal data, never that it does not: `bound` says what share of its values
    could still, at 95 % confidence.

    Example:

        delible tags scan customers --sample 2000
    """
    from delible.workflows.tagging import scan_tables

    call = current(ctx)
    found = scan_tables(
        call.workspace,
        tables or (),
        sample=None if full else sample,
        actor=call.actor,
        now=call.now,
        progress=progress,
    )
    document = {
        "tables": found.tables,
        "values": found.values,
        "personal": found.personal,
        "columns": [_line(finding) for finding in found.findings],
        "returned": [{"table": table, "rows": rows} for table, rows in found.returned.items()],
    }
    for table, rows in found.returned.items():
        progress(f"finding: {rows} row(s) of erased people are in {table} again; see: delible guard {table}")
    emit(ctx, document, text=_table(found.findings))


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the verdict on each column that was ever scanned.

    Example:

        delible tags list --json
    """
    from delible.workflows.tagging import list_tags

    findings = list_tags(current(ctx).workspace)
    text = _table(findings) if findings else "No column has been scanned. Run: delible tags scan"
    emit(ctx, {"columns": [_line(finding) for finding in findings]}, text=text)


@app.command()
def review(
    ctx: typer.Context,
    column: Annotated[str, typer.Argument(metavar="TABLE.COLUMN", help="The column that was judged.")],
    accept: Annotated[bool | None, typer.Option("--accept/--reject", help="Whether the verdict is right.")] = None,
    reason: Annotated[str, typer.Option(help="Why; name no person.")] = "",
    category: Annotated[str | None, typer.Option(help="With --accept: what the column really holds.")] = None,
) -> None:
    """Accept or reject a verdict. It stays as it is then, whatever later scans find.

    Example:

        delible tags review orders.delivery_note --accept --reason "Customers write names and codes there."
    """
    from delible.workflows.tagging import review_tag

    call = current(ctx)
    if accept is None:
        raise InputError("tags.decision", "a review accepts or rejects.", fix="Give --accept or --reject.")
    pinned = review_tag(
        call.workspace, column, accept=accept, reason=reason, category=category, actor=call.actor, now=call.now
    )
    emit(ctx, {"column": _line(pinned)}, text=f"{column}: {pinned.state} as {pinned.category or 'not personal'}.")


@app.command()
def evaluate(
    ctx: typer.Context,
    labelled: Annotated[Path, typer.Option(metavar="FILE", help="The labelled texts or columns, as JSON lines.")],
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
    if you like, and null for a column with nothing personal. All texts, or all columns. A finding is right when it and
    the label share at least half of the longer one. A share below its least one ends the command with exit code 3.

    Example:

        delible tags evaluate --labelled texts.jsonl --min-recall EMAIL_ADDRESS=0.99
    """
    from delible.workflows.evaluation import evaluate as evaluated
    from delible.workflows.evaluation import unmet

    least = _shares(min_recall or (), "--min-recall")
    precise = _shares(min_precision or (), "--min-precision")
    found = evaluated(labelled, now=current(ctx).now, countries=country or (), progress=progress)
    failure = unmet(found, min_recall=least, min_precision=precise)
    emit(ctx, _quality(found), text=_quality_table(found), failure=failure)


def _shares(given: Iterable[str], option: str) -> dict[str, float]:
    shares = {}
    for each in given:
        name, _, share = each.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            shares[name] = -1.0
        if not name or not 0 <= shares[name] <= 1:
            raise InputError("tags.share", "a least share is TYPE=SHARE, from 0 to 1.", where=option)
    return shares


def _quality(found: Evaluation) -> dict[str, Any]:
    from delible.report.quality import as_json

    document: dict[str, Any] = {}
    if found.texts is not None:
        document["entities"] = as_json(found.texts.entities)
        document["exact"] = as_json(found.texts.exact)
        document["registers"] = as_json(found.texts.registers)
        document["languages"] = as_json(found.texts.languages)
        document["unlabelled"] = found.unlabelled
        document["unknown"] = found.unknown
        document["texts"] = found.read
        document["texts_per_second"] = round(found.texts_per_second or 0.0, 1)
        mistakes = found.texts.misses
    if found.columns is not None:
        document["categories"] = as_json(found.columns.categories)
        document["confusions"] = [
            {"category": true, "verdict": verdict, "columns": n} for true, verdict, n in found.columns.confusions
        ]
        document["columns"] = found.read
        mistakes = found.columns.misses
    document["misses"] = [{"line": m.line, "type": m.entity, "missed": m.missed} for m in mistakes]
    return document


def _quality_table(found: Evaluation) -> Group:
    from rich.console import Group

    from delible.report.quality import misses

    parts: list[Any] = []
    if found.texts is not None:
        parts.append(_scores("type", found.texts.entities))
        for name, scores in (("register", found.texts.registers), ("language", found.texts.languages)):
            parts += ["", _scores(name, scores)] if scores else []
        parts += ["", *misses(found.texts.misses)]
        if found.unlabelled:
            parts.append("not judged, since nobody labelled any: " + _counts(found.unlabelled))
        if found.unknown:
            parts.append("labelled, but not looked for: " + ", ".join(found.unknown))
        parts.append(f"{found.read} texts, {found.texts_per_second or 0:,.0f} a second")
    if found.columns is not None:
        parts += [_scores("category", found.columns.categories), ""]
        for true, verdict, columns in found.columns.confusions[:_MOST_CONFUSIONS]:
            parts.append(f"{columns} x {true or 'nothing personal'} judged {verdict or 'nothing personal'}")
        parts += ["", *misses(found.columns.misses), f"{found.read} columns"]
    return Group(*parts)


_MOST_CONFUSIONS = 20


def _scores(name: str, scores: Mapping[str, Score]) -> Table:
    from rich.table import Table

    from delible.report.quality import HEAD, row

    table = Table(name, *HEAD, box=None, pad_edge=False)
    for each, score in scores.items():
        table.add_row(*row(each, score))
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items())


def _line(finding: TagFinding) -> dict[str, Any]:
    return finding.model_dump(mode="json")


def _table(findings: Sequence[TagFinding]) -> Group:
    from rich.console import Group
    from rich.table import Table

    table = Table("column", "category", "entity", "sure", "hits", "state", box=None, pad_edge=False)
    last = None
    for finding in findings:
        if finding.table != last:
            table.add_row(finding.table)
            last = finding.table
        table.add_row(
            f"  {finding.column}",
            finding.category or _clean(finding),
            finding.entity or "",
            f"{finding.confidence:.0%}" if finding.category else "",
            f"{finding.hits}/{finding.sampled}",
            finding.state.value,
        )
    legend = Table(box=None, pad_edge=False, show_header=False)
    for word, meaning in _LEGEND:
        legend.add_row(word, meaning)
    return Group(table, "", legend)


def _clean(finding: TagFinding) -> str:
    return "none" if finding.bound == 0 else f"none, below {finding.bound:.2%}"


_LEGEND = (
    ("category", "what the column holds; an entity is the kind of value by which that was seen"),
    ("none", "nothing personal was found in any value"),
    ("none, below N%", "at most a few values by chance; at 95 % confidence, fewer than N % could still be personal"),
    ("sure", "how sure the verdict is"),
    ("hits", "values that look so, of the distinct values looked at; 0/0: judged by name and type alone"),
    ("proposed", "nobody has reviewed it; then it is accepted or rejected, for good: delible tags review TABLE.COLUMN"),
)
"""What the columns of the list mean."""
