"""`delible policy`: check, explain, and the schemas for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.errors import InputError

app = typer.Typer(help="Check, explain, compare and draft policies.")


@app.command()
def check(ctx: typer.Context) -> None:
    """Find gaps and violations in the policies, compared with the tables that are there.

    Gaps are configuration that is missing: what they are about is kept and left out of datasets. Violations break a
    rule, or make a deadline impossible; any of them ends the command with exit code 3. Notes propose a safer layout.

    Example:

        delible policy check --workspace shop
    """
    from delible.workflows.policies import check_policies, violated

    call = current(ctx)
    result = check_policies(call.workspace, today=call.now.date())
    gaps = [finding.as_json() for finding in result.gaps]
    document: dict[str, Any] = {
        "gaps": gaps,
        "violations": [finding.as_json() for finding in result.violations],
        "notes": [finding.as_json() for finding in result.notes],
        "fingerprint": result.fingerprint,
    }
    shown = [f"gap  {g['where']}: {g['message']} [{g['code']}]" for g in gaps]
    shown += [f"note {n['where']}: {n['message']} [{n['code']}]" for n in document["notes"]]
    shown.append(f"gaps: {len(gaps)}, violations: {len(result.violations)}; policies {result.fingerprint[:16]}")
    emit(ctx, document, text="\n".join(shown), failure=violated(result))


@app.command()
def explain(
    ctx: typer.Context, table: Annotated[str, typer.Argument(metavar="TABLE", help="Name in the policies.")]
) -> None:
    """Say what the policies mean for one table: whose it is, how long it stays, what erasure does.

    Example:

        delible policy explain orders
    """
    from delible.plan.explain import as_json, lines
    from delible.workflows.policies import explain_table

    explanation = explain_table(current(ctx).workspace, table)
    emit(ctx, as_json(explanation), text="\n".join(lines(explanation)))


@app.command()
def schema(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file per kind into this folder instead.")
    ] = None,
) -> None:
    """Print the JSON Schema of every kind of policy file, for editors and other programs.

    Example:

        delible policy schema --out policies/schema
    """
    import json

    from delible.workflows.policies import export_schemas

    schemas = export_schemas(out)
    if out is None:
        emit(ctx, {"schemas": schemas}, text=json.dumps(schemas, indent=2), verbatim=True)
    else:
        files = [out / f"{kind}.json" for kind in schemas]
        emit(ctx, {"files": files}, text="\n".join(str(file) for file in files))


@app.command("test")
def run_tests(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TEST", help="Names of tests; all of them when left out.")
    ] = None,
) -> None:
    """Run the tests in policies/tests: given rows, and what retention, erasure and release must make of them.

    No table is read and no Spark started. A decision that is not as expected ends the command with exit code 3.

    Example:

        delible policy test tickets_after_three_years
    """
    from delible.workflows.policy_cases import failed, run_cases

    runs = run_cases(current(ctx).workspace, names or ())
    document = {
        "tests": [
            {
                "test": run.test,
                "file": run.file,
                "passed": run.passed,
                "checks": [
                    {"what": o.what, "expected": o.expected, "found": o.found, "passed": o.passed} for o in run.outcomes
                ],
            }
            for run in runs
        ],
        "passed": sum(run.passed for run in runs),
        "failed": sum(not run.passed for run in runs),
    }
    shown = [f"{'ok  ' if run.passed else 'FAIL'} {run.test} ({len(run.outcomes)} checks)" for run in runs]
    shown.append(f"{document['passed']} passed, {document['failed']} failed")
    emit(ctx, document, text="\n".join(shown), failure=failed(runs))


@app.command()
def diff(
    ctx: typer.Context,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder with the policies as they are.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Folder with the policies as they would be.")],
    form: Annotated[str, typer.Option("--format", metavar="text|md", help="Text, or Markdown.")] = "text",
) -> None:
    """Count on the real tables what a change of policies would newly delete, keep and release; change nothing.

    What cannot be undone, rows that would newly be removed, changed or released, ends the command with exit code 3.
    Recognizers and countries that would newly be looked for, or no longer, are named.

    Example:

        delible policy diff policies ../changed/policies --format md
    """
    from delible.report.policy_diff import markdown, text
    from delible.workflows.policy_diff import compare_policies, irreversible

    if form not in ("text", "md"):
        raise InputError("policy.format", "the format is text or md; JSON is the option --json.", where="--format")
    call = current(ctx)
    found = compare_policies(call.workspace, old, new, now=call.now, progress=progress)
    document = {**found.model_dump(mode="json"), "irreversible": found.irreversible}
    emit(ctx, document, text=markdown(found) if form == "md" else text(found), failure=irreversible(found))


@app.command("draft")
def draft_tables(
    ctx: typer.Context,
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE", help="Folder names of unmapped tables; all of them when left out."),
    ] = None,
    warehouse: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draft for the Delta tables in this folder instead.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write into this folder, not into the policies.")
    ] = None,
) -> None:
    """Write a policy for each table that no policy maps, from verdicts and from keys that are measured in the tables.

    Keys, and the ways from each table to the people it is about, come from the share of a column's values that are
    keys of another table. A draft permits nothing: open questions stay gaps, with a comment that says what was seen,
    and an erasure leaves the table alone until somebody says what it means. No file is overwritten; identifier kinds
    that are new are added to controller.yaml.

    Example:

        delible policy draft --out proposal
    """
    from delible.workflows.policy_draft import draft_policies

    call = current(ctx)
    made = draft_policies(call.workspace, tables or (), warehouse=warehouse, out=out, now=call.now, progress=progress)
    document = {
        "drafts": [{"table": each.table, "file": each.file, "questions": each.questions} for each in made.tables],
        "controller": made.controller,
        "kinds": sorted(made.kinds),
        "questions": made.questions,
    }
    shown = [f"{each.table}: {each.file or 'not drafted'}" for each in made.tables]
    if made.controller is not None:
        shown.append(f"kinds of identifiers added to {made.controller}: {', '.join(sorted(made.kinds)) or 'none'}")
    shown += [f"  open: {question}" for question in made.questions]
    shown += [f"  open: {question}" for each in made.tables for question in each.questions]
    emit(ctx, document, text="\n".join(shown) or "Every table is mapped.")
