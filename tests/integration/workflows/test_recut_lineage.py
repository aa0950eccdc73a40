"""A recut tells lineage what decided, and in which state its columns are: the event is valid and names the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from delible.model.policy import PolicySet, TablePolicy
from delible.model.release import ReleasedColumn
from delible.model.terms import LegalBasis
from delible.store.lineage import LineageLog
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.dataset_lineage import describe_recut
from delible.workflows.lineage_events import _output, table_uses
from openlineage_events import check_event, undrawn
from policy_files import CONTROLLER, write_policies
from release_folders import released_folder

CUT = datetime(2026, 6, 1, 12, tzinfo=UTC)
COLUMNS = (
    ReleasedColumn(name="who", type="string", treatment="pseudonymise", category="user.unique_id"),
    ReleasedColumn(name="words", type="string", treatment="mask (otherwise replace)", category="user.content.private"),
    ReleasedColumn(name="fixed", type="string", treatment="replace", category="user.contact.email"),
    ReleasedColumn(name="at", type="date", treatment="generalise to month", category="user.account"),
    ReleasedColumn(name="split", type="string", treatment="made by the recipe"),
)


def told(workspace: Workspace, basis: LegalBasis) -> dict[str, Any]:
    """Return the last event of a recut that leaves one of six out."""
    write_policies(workspace.path("policies"), {"controller.yaml": CONTROLLER})
    old = released_folder(workspace, {"train": range(6)}, CUT, basis=basis, columns=COLUMNS)
    new = released_folder(workspace, {"train": range(5)}, CUT + timedelta(days=1), basis=basis, columns=COLUMNS)
    log = LineageLog(workspace, clock=Clock(CUT))
    with log.run("dataset.recut") as run:
        describe_recut(run, workspace, old, new, key_version=1)
    events = list(log.events())
    for event in events:
        check_event(event)
        assert undrawn(event) == set()
    return dict(events[-1])


@pytest.mark.parametrize(("basis", "ledger"), [(LegalBasis.CONSENT, True), (LegalBasis.CONTRACT, False)])
def test_the_consent_ledger_is_among_the_inputs_where_consent_decided(
    workspace: Workspace, basis: LegalBasis, ledger: bool
) -> None:
    event = told(workspace, basis)
    names = {each["name"].rpartition("/")[2] for each in event["inputs"]}
    assert ("consents" in names) is ledger
    assert len(names) == 1 + ledger


def test_columns_are_told_as_they_were_treated(workspace: Workspace) -> None:
    event = told(workspace, LegalBasis.CONSENT)
    [made] = event["outputs"]
    facet = made["facets"].get("delible_deidentification") or event["run"]["facets"]["delible_deidentification"]
    assert facet["columns"] == {
        "who": "pseudonymise",
        "words": "mask",
        "fixed": "replace",
        "at": "generalise",
    }
    assert facet["keyVersion"] == 1
    assert {t["field"]: t["value"] for t in made["facets"]["tags"]["tags"]} == {
        "who": "user.unique_id.pseudonymous",
        "words": "user.content.private",
        "at": "user.account",
    }


def test_columns_of_a_table_that_is_rewritten_are_told_with_it(workspace: Workspace) -> None:
    """From its policy: a consumer draws lineage between columns of which a schema tells."""
    columns = {"id": {"category": "user.unique_id"}, "note": {"category": "user.content"}}
    table = {"table": "notes", "path": "n", "description": "Notes.", "no_subject": "none", "columns": columns}
    policy = TablePolicy.model_validate(table)
    step = SimpleNamespace(table="notes", location="/w/notes", action="delete_row")
    done: Any = SimpleNamespace(step=step, version=3, rows=1, bytes_rewritten=9, files_rewritten=1)
    policies = PolicySet.model_construct(tables={"notes": policy})
    log = LineageLog(workspace, clock=Clock(CUT))
    with log.run("erasure.apply", inputs=table_uses(policies, {"notes": "/w/notes"}, {"notes": 2})) as run:
        run.outputs = [_output(done, policy, {}, {"note": "null"})]
    event = list(log.events())[-1]
    assert set(event["outputs"][0]["facets"]["columnLineage"]["fields"]) == {"id", "note"}
    assert undrawn(event) == set()
    assert [f.get("type") for f in event["outputs"][0]["facets"]["schema"]["fields"]] == [None, None]
