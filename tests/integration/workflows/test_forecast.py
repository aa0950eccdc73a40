"""What a plan may cost, told from the logs alone: bounds that say that they are, and no identifier anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.cli import main
from delible.model.terms import Regime, Right
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.control import Control
from delible.workflows.forecast import forecast_erasures, forecast_retention
from delible.workflows.requests import approve_request, submit_requests
from policy_files import write_policies

NOW = datetime.now(UTC)
FILES, EACH = 20, 10
CONTROLLER = """\
controller: Doors & Co
contact: privacy@doors.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
  badge: {normalise: lower}
job_cadence: P1D
"""
TABLE = """\
table: %s
path: warehouse/%s
description: x
purposes: [support]
subject:
%s
columns: {%s}
"""


def table(name: str, columns: Mapping[str, str], more: str = "", **reaches: str) -> str:
    subject = "\n".join(f"  - {{column: {column}, identifies: {kind}}}" for column, kind in reaches.items())
    held = ", ".join(f"{column}: {category}" for column, category in columns.items())
    return TABLE % (name, name, subject, held) + more


POLICIES = {
    "controller.yaml": CONTROLLER,
    "purposes/support.yaml": "purpose: support\ndescription: x\nlegal_basis: contract\n",
    "tables/passes.yaml": table(
        "passes", {"badge": "user.unique_id", "at": "user.account"}, "upstream: [people]\n", badge="badge"
    ),
    "tables/people.yaml": table(
        "people",
        {"customer_id": "user.unique_id", "email": "user.contact.email"},
        customer_id="customer_id",
        email="email",
    ),
    "tables/notes.yaml": table(
        "notes",
        {"badge": "user.unique_id", "body": "{category: user.content, free_text: true}"},
        badge="badge",
    ),
    "retention/passes_2y.yaml": "retention: passes_2y\ntable: passes\nclock: at\nkeep: P2Y\nreason: Law.\n",
}


def badge(number: int) -> str:
    return f"badge-{number:05d}-of-somebody"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with three tables of twenty files, and a request for two badges of one file."""
    folder = tmp_path_factory.mktemp("doors")
    workspace = create_workspace(folder / "w")
    write_policies(workspace.root / "policies", POLICIES)
    for n in range(FILES):
        numbers = range(n * EACH, (n + 1) * EACH)
        badges = [badge(i).upper() if n == 4 else badge(i) for i in numbers]
        rows = {
            "passes": {"badge": badges, "at": [NOW - timedelta(days=100 * n)] * EACH},
            "people": {"customer_id": list(numbers), "email": [f"p{i:03d}@people.example" for i in numbers]},
            "notes": {"badge": badges, "body": ["nothing"] * EACH},
        }
        for name, columns in rows.items():
            write_deltalake(workspace.root / "warehouse" / name, pa.table(columns), mode="append")
    people = folder / "people.jsonl"
    people.write_text("".join(json.dumps({"badge": badge(number)}) + "\n" for number in (43, 47)))
    for request in submit_requests(
        workspace, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(people), actor="desk", now=NOW
    ):
        approve_request(workspace, request.id, actor="officer", now=NOW)
    people.unlink()
    return workspace


def test_statistics_bound_what_is_hit_and_links_and_free_text_take_the_bound_away(shop: Workspace) -> None:
    estimate = forecast_erasures(shop, now=NOW).estimate
    passes, notes, people = (estimate.of(name) for name in ("passes", "notes", "people"))
    assert passes is not None
    assert notes is not None
    assert people is not None
    assert (passes.candidates, passes.files.low, passes.files.high) == (1, 0, 1)
    assert passes.rows.high == FILES * EACH
    assert 0 < passes.bytes.high == passes.candidate_bytes < passes.total_bytes
    assert (notes.candidates, notes.files.high) == (1, FILES)
    assert (people.candidates, people.files.high) == (FILES, FILES), "nobody gave an address, and links may reveal one"
    assert (people.wave, passes.wave) == (1, 2)
    assert [n for n in ("passes", "notes", "people") if any(f"'{n}'" in x for x in estimate.open)] == [
        "notes",
        "people",
    ]
    assert estimate.verify_bytes == sum(c.total_bytes for c in estimate.tables)
    assert len(estimate.risks) == 2
    assert estimate.gathering is not None
    assert estimate.measured == {"rewrite": 0, "removal": 0, "verify": 0}


def test_retention_is_told_from_the_clocks_bounds(shop: Workspace) -> None:
    (cost,) = forecast_retention(shop, now=NOW).estimate.tables
    old = sum(100 * n >= 2 * 365 for n in range(FILES))
    assert old <= cost.candidates <= old + 1
    assert (cost.rule, cost.total_files, cost.files.high) == ("passes_2y", FILES, cost.candidates)


def shown(shop: Workspace, capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    code = main.main(["--workspace", str(shop.root), *argv])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out + err


@pytest.mark.parametrize("noun", ["erasure", "retention"])
def test_a_dry_run_fits_the_terminal_and_shows_no_value(
    shop: Workspace, capsys: pytest.CaptureFixture[str], noun: str
) -> None:
    text = shown(shop, capsys, noun, "plan", "--no-read")
    told = shown(shop, capsys, noun, "plan", "--no-read", "--json")
    assert all(len(line) <= 100 for line in text.splitlines())
    document: dict[str, Any] = json.loads(told)
    assert document["status"] == "ok"
    assert document["estimate"]["basis"] == "statistics"
    assert {"low", "high"} == set(document["estimate"]["tables"][0]["files"])
    for value in ("badge-", "BADGE-", "people.example", "somebody"):
        assert value not in text + told
    before = {str(path) for path in shop.root.rglob("*") if path.is_file()}
    assert not [p for p in before if "plan" in Path(p).name]


def test_a_dry_run_writes_no_plan_and_says_so(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    out = shop.root.parent / "plan.json"
    assert main.main(["--workspace", str(shop.root), "erasure", "plan", "--dry-run", "--out", str(out)]) == 2
    assert "plan.dry_run" in capsys.readouterr().err
    assert not out.exists()


def test_a_log_that_cannot_be_read_is_named(shop: Workspace) -> None:
    from delible.errors import InputError

    log = shop.root / "warehouse" / "notes" / "_delta_log"
    log.rename(log.with_name("_gone"))
    try:
        with pytest.raises(InputError, match="'notes'") as refused:
            forecast_erasures(shop, now=NOW)
    finally:
        log.with_name("_gone").rename(log)
    assert refused.value.code == "table.unreadable"


def test_arrivals_count_requests_and_not_their_repetitions(shop: Workspace) -> None:
    from delible.workflows.estimates import arriving

    found = arriving(Control(shop), NOW)
    assert (found.received, found.days) == (2, 7)
