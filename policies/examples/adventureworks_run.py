"""Run the chain on Microsoft's AdventureWorks sample: `make example DATA=folder` with its ten tables as CSV.

The folder holds one CSV file for each table in `adventureworks/tables`, named after it, in UTF-8 with a header line.
Three people are erased: an employee with a résumé, a customer whose card is two tables away, and one known only by the
e-mail address of a product review. Who they are is read from the files; nobody is named here.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from delible.cli.main import main

POLICIES = Path(__file__).parent / "adventureworks"
TABLES = tuple(sorted(path.stem for path in (POLICIES / "tables").glob("*.yaml")))
Person = dict[str, str]


def rows(data: Path, table: str) -> Iterator[dict[str, str]]:
    """Read one CSV file."""
    with (data / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def chosen(data: Path) -> list[Person]:
    """Return the three people to erase."""
    employees = {row["BusinessEntityID"] for row in rows(data, "employee")}
    with_resume = next(r["BusinessEntityID"] for r in rows(data, "job_candidate") if r["BusinessEntityID"] in employees)
    customers = {row["PersonID"] for row in rows(data, "customer")} - employees
    with_card = next(
        r["BusinessEntityID"] for r in rows(data, "person_credit_card") if r["BusinessEntityID"] in customers
    )
    email = next(r["EmailAddress"] for r in rows(data, "email_address") if r["BusinessEntityID"] == with_card)
    reviewer = list(rows(data, "product_review"))[1]["EmailAddress"]
    return [{"person": with_resume}, {"email": email}, {"email": reviewer}]


def consents(data: Path, erased: Iterable[Person]) -> Iterator[dict[str, object]]:
    """Let every reviewer agree to the review model, as a preference centre would report it."""
    gone = {person.get("email") for person in erased}
    for row in rows(data, "product_review"):
        if row["EmailAddress"] not in gone:
            yield {
                "subject": {"email": row["EmailAddress"]},
                "purpose": "review_model",
                "status": "given",
                "notice_version": "1",
                "valid_from": "2026-01-01T00:00:00Z",
            }


@contextmanager
def lines(documents: Iterable[object]) -> Iterator[str]:
    """Write JSON lines to a file outside the workspace, for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.jsonl"
        path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
        yield str(path)


def delible(workspace: Path, *words: str) -> dict[str, Any]:
    """Run one command line, in this process so that one Spark session serves all; stop here when it fails."""
    sys.stderr.write(f"delible {' '.join(words[:3])}\n")
    said = io.StringIO()
    with redirect_stdout(said):
        code = main(["--workspace", str(workspace), "--json", *words])
    if code:
        sys.stderr.write(said.getvalue())
        raise SystemExit(code)
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


def run(data: Path, workspace: Path) -> None:
    """Load, scan, erase three people, build a dataset, search every byte, report."""
    missing = [table for table in TABLES if not (data / f"{table}.csv").is_file()]
    if missing:
        raise SystemExit(f"{data} lacks {', '.join(f'{table}.csv' for table in missing)}.")
    people = chosen(data)
    delible(workspace, "init", str(workspace))
    shutil.copytree(POLICIES, workspace / "policies", dirs_exist_ok=True)
    config = workspace / "delible.yaml"
    config.write_text(config.read_text().replace("spark: {}  ", 'spark: {spark.delible.small: "true"}  '))
    loaded = {t: delible(workspace, "table", "load", t, str(data / f"{t}.csv"))["rows"] for t in TABLES}
    check = delible(workspace, "policy", "check")
    found = delible(workspace, "tags", "scan", "--sample", "200")
    with lines(consents(data, people)) as file:
        delible(workspace, "consent", "import", file, "--format", "native")
    with lines(people) as file:
        made = delible(workspace, "request", "submit", "--right", "erasure", "--regime", "ccpa", "--identifiers", file)[
            "requests"
        ]
        for request in made:
            delible(workspace, "request", "approve", request["id"])
        done = delible(workspace, "request", "fulfil", "--immediate")
        proof = delible(workspace, "erasure", "verify", "--identifiers", file)
    built = delible(workspace, "dataset", "build", "review_training")
    ledger = delible(workspace, "audit", "verify")
    report = workspace / "audit.html"
    delible(workspace, "report", "audit", "--format", "html", "--out", str(report))
    erased = ", ".join(f"{t['table']} {t['rows']}" for t in done["tables"])
    print(f"loaded      {sum(loaded.values()):,} rows in {len(loaded)} tables")
    print(f"policies    {len(check['gaps'])} gaps, {len(check['violations'])} violations")
    print(f"scan        {sum(c['category'] is not None for c in found['columns'])} columns hold personal data")
    print(f"erased      rows of 3 people: {erased}")
    print(f"byte proof  {proof['files_searched']:,} files searched, {len(proof['matches'])} matches")
    print(f"dataset     {built['rows_out']} of {built['rows_in']} reviews")
    print(f"ledger      {ledger['records']} records, {'intact' if ledger['intact'] else 'NOT INTACT'}")
    print(f"report      {report}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the ten CSV files")
    parser.add_argument("workspace", type=Path, nargs="?", default=Path("example"), help="new workspace to make")
    given = parser.parse_args()
    run(given.data, given.workspace)
