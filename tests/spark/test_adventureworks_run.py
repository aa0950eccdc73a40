"""The chain on real input: everybody but three people is still there, and of the three no byte is left."""

from __future__ import annotations

import csv
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from byte_search import places
from small_shop import ONE_COMPILER

PROJECT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DELIBLE_EXAMPLE_DATA", PROJECT.parent / "shared" / "data" / "adventureworks"))
RUN = PROJECT / "policies" / "examples" / "adventureworks_run.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the AdventureWorks files are not here (DELIBLE_EXAMPLE_DATA)"),
]


def _rows(table: str) -> list[dict[str, str]]:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _people() -> tuple[set[str], set[str]]:
    """Return the keys and the e-mail addresses of the three, chosen as the run chooses them."""
    people = runpy.run_path(str(RUN))["chosen"](DATA)
    emails = {p["email"] for p in people if "email" in p}
    keys = {p["person"] for p in people if "person" in p}
    by_email = {r["EmailAddress"]: r["BusinessEntityID"] for r in _rows("email_address")}
    keys |= {by_email[e] for e in emails if e in by_email}
    emails |= {r["EmailAddress"] for r in _rows("email_address") if r["BusinessEntityID"] in keys}
    return keys, emails


def test_three_people_are_gone_and_everybody_else_is_still_there(tmp_path: Path) -> None:
    workspace, defaults = tmp_path / "example", tmp_path / "conf" / "spark-defaults.conf"
    defaults.parent.mkdir()
    defaults.write_text(f"spark.driver.extraJavaOptions {ONE_COMPILER}\n")
    done = subprocess.run(
        [sys.executable, str(RUN), str(DATA), str(workspace)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SPARK_CONF_DIR": str(defaults.parent)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    keys, emails = _people()
    cards = {r["CreditCardID"] for r in _rows("person_credit_card") if r["BusinessEntityID"] in keys}
    addresses = {r["AddressID"] for r in _rows("business_entity_address") if r["BusinessEntityID"] in keys}
    numbers = {r["CardNumber"] for r in _rows("credit_card") if r["CreditCardID"] in cards}
    logins = {r["LoginID"] for r in _rows("employee") if r["BusinessEntityID"] in keys}
    assert numbers
    assert logins
    assert len(emails) == 3
    gone = {
        "email_address": lambda r: r["BusinessEntityID"] in keys,
        "person_phone": lambda r: r["BusinessEntityID"] in keys,
        "business_entity_address": lambda r: r["BusinessEntityID"] in keys,
        "person_credit_card": lambda r: r["BusinessEntityID"] in keys,
        "employee": lambda r: r["BusinessEntityID"] in keys,
        "job_candidate": lambda r: r["BusinessEntityID"] in keys,
        "customer": lambda r: r["PersonID"] in keys,
        "credit_card": lambda r: r["CreditCardID"] in cards,
        "address": lambda r: r["AddressID"] in addresses,
        "product_review": lambda r: r["EmailAddress"] in emails,
    }
    for table, is_gone in gone.items():
        first = next(iter(_rows(table)[0]))
        expected = sorted(r[first] for r in _rows(table) if not is_gone(r))
        now = DeltaTable(str(workspace / "warehouse" / table)).to_pyarrow_table()
        assert sorted(map(str, now.column(first).to_pylist())) == expected, table
    assert places(workspace, texts=[*emails, *numbers, *logins]) == []
