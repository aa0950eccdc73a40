"""What belongs to other people stays: a shared telephone, a text under a hold; and a run goes on when the hold ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_search import places
from delible.errors import ResidueError
from delible.model.terms import RequestState
from delible.workflows.certificates import read_certificate
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.holds import place_holds, release_hold
from delta_rows import delta_rows
from small_shop import LOWEST, NOW, ONE_TABLE, PEOPLE, approved, email, make_workspace, people_file, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = pytest.mark.spark

SHARING, FLATMATE, HELD = PEOPLE - 1, PEOPLE - 2, 5
OTHER_SPELLING = "0044 (20) 7946-" + phone(LOWEST)[-5:]


def rows(workspace: Workspace, table: str, key: str) -> dict[int, tuple[object, ...]]:
    return {row[key]: tuple(row.values()) for row in delta_rows(workspace.root / "warehouse" / table)}


def test_with_the_subject_key_given_a_shared_telephone_reaches_nobody_else(spark: SparkSession, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "shop", ONE_TABLE)
    write_tables(spark, workspace, ["customers"])
    assert phone(SHARING) == phone(FLATMATE)
    before = rows(workspace, "customers", "customer_id")
    [request] = approved(workspace, tmp_path, {"customer_id": SHARING, "phone": phone(SHARING)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    assert [r.shared for r in planned.plan.requests] == [1]
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    after = rows(workspace, "customers", "customer_id")
    assert after == {n: row for n, row in before.items() if n != SHARING}
    certificate, _ = read_certificate(workspace, request)
    assert certificate.shared_identifiers == 1
    control = Control(workspace)
    telephone = control.keys.ref("phone", phone(FLATMATE), control.policies.controller.identifiers["phone"].normalise)
    assert control.suppression.refs()
    assert telephone not in control.suppression.refs()


def test_a_text_under_a_hold_stays_and_the_run_goes_on_when_the_hold_ends(spark: SparkSession, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "shop")
    write_tables(spark, workspace)
    tickets = f"delta.`{workspace.root}/warehouse/tickets`"
    spark.sql(f"UPDATE {tickets} SET body = 'Call {OTHER_SPELLING}, or (020) 7946 00001.' WHERE ticket_id = 907")
    before = rows(workspace, "tickets", "ticket_id")
    mentioning = {n for n, row in before.items() if phone(LOWEST) in str(row[2])} | {907}
    under_hold = {n for n in mentioning if before[n][1] == HELD}
    assert under_hold
    hold = place_holds(
        workspace,
        identifiers=str(people_file(tmp_path, {"email": email(HELD)})),
        reason="claim 7",
        owner="legal",
        actor="tests",
        now=NOW,
    )[0].id
    [request] = approved(workspace, tmp_path, {"email": email(LOWEST)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    step = next(s for s in planned.plan.tables if s.table == "tickets")
    assert (step.mentions, step.held_mentions) == (len(mentioning - under_hold), len(under_hold))
    with pytest.raises(ResidueError):
        apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    halfway = rows(workspace, "tickets", "ticket_id")
    assert {n: halfway[n] for n in under_hold} == {n: before[n] for n in under_hold}
    assert halfway[907][2] == "Call [erased], or (020) 7946 00001."
    assert Control(workspace).requests.get(request).state is RequestState.PARTLY_COMPLETED

    release_hold(workspace, hold, actor="tests", now=NOW)
    done = fulfil_requests(workspace, immediate=True, actor="tests", now=NOW)
    assert (done.failure, [r.state for r in done.requests]) == (None, [RequestState.COMPLETED])
    certificate, _ = read_certificate(workspace, request)
    proofs = {t.table: t for t in certificate.tables}
    assert certificate.earlier_plans == (planned.plan.id,)
    assert (proofs["customers"].rows_erased, proofs["tickets"].rows_erased) == (1, 2)
    assert proofs["tickets"].mentions_masked == len(mentioning)
    assert all(p.version_after > p.version_before for p in proofs.values() if p.rows_erased)
    assert places(workspace.root, texts=(email(LOWEST), phone(LOWEST), OTHER_SPELLING)) == []
    assert not list((workspace.root / ".delible" / "plans").iterdir())
