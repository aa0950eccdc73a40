"""Corrections on real tables: the new value everywhere it belongs, the old one in no byte, everybody else as before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from byte_search import places
from delible.cli.main import main
from delible.decide.consent import flag
from delible.errors import BlockedError, ResidueError
from delible.lake import log_expiry, purge
from delible.model.consent import ConsentRecord
from delible.model.plan import RectificationPlan
from delible.model.proof import Verification
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, Normalise, Regime, RequestState, Right
from delible.store.consents import Consents
from delible.store.lineage import LineageLog
from delible.store.workspace import open_workspace
from delible.workflows import rectification
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.holds import place_holds
from delible.workflows.journal import Journal
from delible.workflows.plans import load_plan, save_plan
from delible.workflows.rectification import apply_rectification
from delible.workflows.rectification_plan import plan_rectifications
from delible.workflows.rectification_proof import search_old_values
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.unfinished import unfinished_rectifications
from delta_rows import delta_rows
from policy_files import write_policies
from small_shop import CONTROLLER, NOW, PURPOSE, approved, email, forget_logs, make_workspace, people_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = [pytest.mark.spark, pytest.mark.slow]

PEOPLE, WHO = 12, 1
OLD, NEW = email(WHO), "p001.married@people.example"
WRONG_NAME, RIGHT_NAME = "Zebulon Wrongspelt", "Zebulun Rightspelt"
POLICIES = {
    "controller.yaml": CONTROLLER,
    "purposes/support.yaml": PURPOSE,
    "recipients/mailer.yaml": "recipient: mailer\ndescription: Sends letters.\ncontact: m@mailer.example\n",
    "tables/customers.yaml": """\
table: customers
path: warehouse/customers
description: Customers.
purposes: [support]
recipients: [mailer]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: email, identifies: email}
columns:
  customer_id: user.unique_id
  email: {category: user.contact.email, searched: true}
  name: user.name
  city: user.contact.address.city
  born: user.demographic.date_of_birth
  credit: user.payment
readers: exclusive
""",
    "tables/newsletter.yaml": """\
table: newsletter
path: warehouse/newsletter
description: Newsletter.
purposes: [support]
subject: [{column: email, identifies: email}]
columns: {email: user.contact.email, topic: user.privacy_preferences}
readers: exclusive
""",
    "tables/profiles.yaml": """\
table: profiles
path: warehouse/profiles
description: Made from customers.
purposes: [support]
upstream: [customers]
subject: [{column: customer_id, identifies: customer_id}]
columns:
  customer_id: user.unique_id
  mail: user.contact.email
  label: {category: user.demographic.profile, copy_of: customers.name}
  town: user.contact.address.city
readers: exclusive
""",
    "tables/sums.yaml": """\
table: sums
path: warehouse/sums
description: Customers by city.
upstream: [customers]
no_subject: Sums over many people.
columns: {city: user.contact.address.city, customers: system.operations}
readers: exclusive
""",
}


def tables() -> dict[str, pa.Table]:
    numbers = list(range(1, PEOPLE + 1))
    mails = [email(n) for n in numbers]
    names = [WRONG_NAME if n == WHO else f"Person Number{n}" for n in numbers]
    cities = ["Paris" if n in (WHO, 2) else "Oslo" for n in numbers]
    born = [date(1990, 1, n) for n in numbers]
    credit = pa.array([str(n) for n in numbers]).cast(pa.decimal128(10, 2))
    return {
        "customers": pa.table(
            {"customer_id": numbers, "email": mails, "name": names, "city": cities, "born": born, "credit": credit}
        ),
        "newsletter": pa.table({"email": [m.upper() for m in mails], "topic": ["tea"] * PEOPLE}),
        "profiles": pa.table({"customer_id": numbers, "mail": mails, "label": names, "town": cities}),
        "sums": pa.table({"city": ["Paris", "Oslo"], "customers": [2, PEOPLE - 2]}),
    }


def requested(workspace: Workspace, folder: Path, person: dict[str, object], corrections: dict[str, object]) -> str:
    """Submit and approve a request; both files lie outside of the workspace."""
    people, file = people_file(folder, person), folder / "corrections.jsonl"
    file.write_text(json.dumps(corrections) + "\n")
    [made] = submit_requests(
        workspace,
        right=Right.RECTIFICATION,
        regime=Regime.GDPR,
        identifiers=str(people),
        corrections=str(file),
        actor="desk",
        now=NOW,
    )
    people.unlink()
    file.unlink()
    approve_request(workspace, made.id, actor="officer", now=NOW)
    return made.id


def ref(workspace: Workspace, address: str) -> SubjectRef:
    return Control(workspace).keys.ref("email", address, Normalise.LOWER)


CORRECTIONS = {
    "customers.email": NEW,
    "customers.name": {"from": WRONG_NAME, "to": RIGHT_NAME},
    "customers.city": "Lyon",
    "customers.born": "1991-07-14",
    "customers.credit": 99.5,
}


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a planned workspace in it, which every run gets as a fresh copy at the same path."""
    folder = tmp_path_factory.mktemp("rectification")
    workspace = make_workspace(folder / "shop", POLICIES)
    options = {"delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true"}
    for name, table in tables().items():
        frame = spark.createDataFrame(table).repartitionByRange(2, table.column_names[0])
        frame.write.format("delta").options(**options).save(str(workspace.root / "warehouse" / name))
    objected(workspace, folder)
    requested(workspace, folder, {"email": OLD}, CORRECTIONS)
    planned = plan_rectifications(workspace, now=NOW, immediate=True)
    assert planned.left_out == ()
    save_plan(planned.plan, workspace.root / "plan.json")
    (folder / "shop").rename(folder / "template")
    return folder


def objected(workspace: Workspace, folder: Path) -> None:
    """Record an objection that has been carried out, and a withdrawal, both under the wrong address."""
    people = people_file(folder, {"email": OLD})
    [made] = submit_requests(
        workspace, right=Right.OBJECTION, regime=Regime.GDPR, identifiers=str(people), actor="desk", now=NOW
    )
    approve_request(workspace, made.id, actor="officer", now=NOW)
    assert fulfil_requests(workspace, actor="desk", now=NOW).requests[0].state is RequestState.COMPLETED
    record = ConsentRecord(
        ref=ref(workspace, OLD),
        kind="email",
        purpose="support",
        status=ConsentStatus.WITHDRAWN,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=NOW,
        valid_until=None,
        recorded_at=NOW,
        source="tests",
    )
    Consents(workspace).append([record])


@contextmanager
def fresh(folder: Path) -> Iterator[Workspace]:
    root = folder / "shop"
    shutil.copytree(folder / "template", root)
    try:
        yield open_workspace(root)
    finally:
        shutil.rmtree(root)


def rows(spark: SparkSession, root: Path) -> dict[str, list[dict[str, Any]]]:
    forget_logs(spark)
    return {path.name: sorted(delta_rows(path), key=str) for path in sorted((root / "warehouse").iterdir())}


def expected(before: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows as they must be: written apart from the product's own rules."""
    after = {}
    for name, found in before.items():
        made = []
        for row in found:
            mine = row.get("customer_id") == WHO or str(row.get("email")).lower() == OLD
            right: dict[str, Any] = {}
            if mine and name == "customers":
                right = {"email": NEW, "name": RIGHT_NAME, "city": "Lyon", "born": date(1991, 7, 14)}
                right["credit"] = row["credit"] * 0 + pa.scalar("99.50").cast(pa.decimal128(10, 2)).as_py()
            elif mine and name == "newsletter":
                right = {"email": NEW}
            elif mine and name == "profiles":
                right = {"mail": NEW, "label": RIGHT_NAME, "town": "Lyon"}
            made.append(row | right)
        after[name] = sorted(made, key=str)
    return after


def old_rows(folder: Path) -> list[str]:
    """Return the Parquet files in which the person's rows still hold the wrong city, whatever the log says."""
    import pyarrow.parquet as pq

    found = []
    for path in folder.rglob("*.parquet"):
        if "_delta_log" not in path.parts:
            for row in pq.ParquetFile(path).read().to_pylist():
                if row.get("customer_id") == WHO and "Paris" in (row.get("city"), row.get("town")):
                    found.append(str(path))
    return found


def test_what_was_wrong_is_right_everywhere_and_in_no_byte(
    template: Path, spark: SparkSession, capfd: pytest.CaptureFixture[str]
) -> None:
    with fresh(template) as workspace:
        root, control = workspace.root, Control(workspace)
        before = rows(spark, root)
        [request] = [r for r in control.requests.all() if r.right is Right.RECTIFICATION]
        assert not any(ref(workspace, NEW) in r.refs for r in control.requests.all())
        assert places(root, texts=[OLD, WRONG_NAME])
        assert old_rows(root / "warehouse")
        plan = json.loads((root / "plan.json").read_text())
        assert {s["table"]: s["columns"] for s in plan["tables"]} == {
            "customers": ["born", "city", "credit", "email", "name"],
            "newsletter": ["email"],
            "profiles": ["label", "mail", "town"],
        }
        assert set(plan["rebuild"]) == {"profiles", "sums"}  # profiles: something may have been made of the date
        assert set(plan["untold"]) == {"customers.born", "customers.city", "customers.credit", "profiles.town"}
        assert main(["rectification", "apply", str(root / "plan.json"), "--workspace", str(root), "--json"]) == 0
        said = capfd.readouterr()
        answer = json.loads(said.out)
        assert [r["state"] for r in answer["requests"]] == ["completed"]
        assert {t["table"]: (t["rows"], t["state"]) for t in answer["tables"]} == {
            "customers": (1, "corrected"),
            "newsletter": (1, "corrected"),
            "profiles": (1, "corrected"),
        }
        assert rows(spark, root) == expected(before)
        assert places(root, texts=[OLD, WRONG_NAME]) == []
        assert old_rows(root / "warehouse") == []
        # Nothing but the tables holds the new values either: vault, ledger, plan and answers have none.
        texts = [OLD, WRONG_NAME, NEW, RIGHT_NAME, "1991-07-14"]
        assert not any(text in said.out + said.err for text in texts)
        assert places(*(p for p in root.iterdir() if p.is_dir() and p.name != "warehouse"), texts=texts) == []
        assert not any(text in (root / "plan.json").read_text() for text in texts)
        assert control.requests.vault.get([request.id]) == []
        assert verify_ledger(workspace).intact
        [closing] = control.ledger.records(object_prefix=f"request:{request.id}", action_prefix="rectification.close")
        assert closing.counts["matches"] == 0
        assert (closing.counts["proof.bytes"], closing.counts["proof.rows"]) == (5, 4)
        assert [x.recipient for x in control.notices.all()] == ["mailer"]
        # Objections and withdrawals go on under the corrected address.
        [objection] = [r for r in control.requests.all() if r.right is Right.OBJECTION]
        assert ref(workspace, NEW) in objection.refs
        assert flag(objection) is not None
        assert [c.status for c in Consents(workspace).for_refs([ref(workspace, NEW)])] == [ConsentStatus.WITHDRAWN]
        assert corrected_by_lineage(workspace) == {"customers": 1, "newsletter": 1, "profiles": 1}
        assert main(["rectification", "apply", str(root / "plan.json"), "--workspace", str(root), "--json"]) == 0
        assert rows(spark, root) == expected(before)
        assert corrected_by_lineage(workspace) == {"customers": 1, "newsletter": 1, "profiles": 1}


def corrected_by_lineage(workspace: Workspace) -> dict[str, int]:
    """Return the rows that the one finished run corrected in each table, as its event says."""
    events = [e for e in LineageLog(workspace).events() if e["job"]["name"] == "rectification.apply"]
    [end] = [e for e in events if e["eventType"] == "COMPLETE"]
    assert "people.example" not in json.dumps(events)
    facets = [out["facets"]["delible_rectification"] for out in end["outputs"]]
    assert all(f["requests"] and f["columns"] and f["matches"] == 0 for f in facets)
    return {i["name"].rpartition("/")[2]: f["rows"] for i, f in zip(end["outputs"], facets, strict=True)}


def test_a_correction_waits_for_an_erasure_that_only_the_old_address_reaches(
    template: Path, spark: SparkSession
) -> None:
    """The other way round the erasure would find nobody, and be completed with a certificate."""
    with fresh(template) as workspace:
        before = rows(spark, workspace.root)
        [erasure] = approved(workspace, template, {"email": OLD})
        with pytest.raises(BlockedError) as planning:
            plan_rectifications(workspace, now=NOW, immediate=True)
        plan = load_plan(workspace, workspace.root / "plan.json", RectificationPlan)
        with pytest.raises(BlockedError) as applying:
            apply_rectification(workspace, plan, actor="tests", now=NOW)
        assert {e.value.code for e in (planning, applying)} == {"rectification.open_request"}
        assert rows(spark, workspace.root) == before
        done = fulfil_requests(workspace, immediate=True, accept_no_match=True, actor="tests", now=NOW)
        assert [p.code for p in done.left_out] == ["rectification.open_request"]
        assert [(r.id, r.state) for e in done.erasures for r in e.requests] == [(erasure, RequestState.COMPLETED)]
        after = rows(spark, workspace.root)
        assert {name: len(found) - len(after[name]) for name, found in before.items()} == {
            "customers": 1,
            "newsletter": 1,
            "profiles": 1,
            "sums": 0,
        }


def test_a_hold_on_evidence_that_an_erasure_would_keep_stops_its_correction(
    template: Path, spark: SparkSession
) -> None:
    with fresh(template) as workspace:
        before, policies = rows(spark, workspace.root), workspace.root / "policies"
        kept = POLICIES["tables/customers.yaml"] + "erasure: {action: keep, reason: A law.}\n"
        hold = "hold: case\ncategories: [user.payment]\nreason: R.\nowner: Legal\nstarts: '2020-01-01'\n"
        write_policies(policies, {"tables/customers.yaml": kept, "legal_holds/case.yaml": hold})
        with pytest.raises(BlockedError) as error:
            plan_rectifications(workspace, now=NOW, immediate=True)
        assert error.value.code == "request.held"
        assert rows(spark, workspace.root) == before
        write_policies(policies, {"legal_holds/case.yaml": hold.replace("user.payment", "user.financial")})
        assert plan_rectifications(workspace, now=NOW, immediate=True).left_out == ()


LEFT_OUT = {"purge_deletion_vectors": "profiles", "vacuum": "customers", "expire_log": "newsletter"}
"""Each stage, and the table for which it is left out: what it leaves is found in that table."""


def test_each_stage_is_needed(template: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one of them the old value stays in some byte of its table, and the run says so."""

    def room(stage: str) -> Any:
        return log_expiry if stage == "expire_log" else purge

    def left_out(stage: str, table: str) -> Callable[..., Any]:
        whole, nothing = getattr(room(stage), stage), purge.Vacuumed(0, 0) if stage == "vacuum" else 0

        def done_but_for_one(*given: Any, **named: Any) -> Any:
            return nothing if any(str(g).endswith(f"/{table}") for g in given) else whole(*given, **named)

        return done_but_for_one

    found: list[Verification] = []

    def searched(*given: Any, **named: Any) -> Verification:
        found.append(search_old_values(*given, **named))
        return found[-1]

    for stage, table in LEFT_OUT.items():
        monkeypatch.setattr(room(stage), stage, left_out(stage, table))
    monkeypatch.setattr(rectification, "search_old_values", searched)
    with fresh(template) as workspace:
        forget_logs(spark)
        plan = load_plan(workspace, workspace.root / "plan.json", RectificationPlan)
        with pytest.raises(ResidueError, match="old value"):
            apply_rectification(workspace, plan, actor="tests", now=NOW)
        assert places_of(found[0], "profiles", in_log=False), "its file still has the hidden rows"
        assert places_of(found[0], "customers", in_log=False), "its old file is still there"
        assert places_of(found[0], "newsletter", in_log=True), "its commits still have the statistics"
        assert not places_of(found[0], "newsletter", in_log=False)
        assert {m.place.partition("/")[0] for m in found[0].matches} == {f"table:{t}" for t in LEFT_OUT.values()}
        [request] = [r for r in Control(workspace).requests.all() if r.right is Right.RECTIFICATION]
        assert request.state is RequestState.PARTLY_COMPLETED
        assert old_rows(workspace.root / "warehouse" / "customers")
        # A new plan goes through all stages again, although no row is wrong any more.
        monkeypatch.undo()
        planned = plan_rectifications(workspace, now=NOW, immediate=True)
        assert planned.plan.earlier == (plan.id,)
        assert {s.table for s in planned.plan.tables} == {"customers", "newsletter", "profiles"}
        done = apply_rectification(workspace, planned.plan, actor="tests", now=NOW, meant=planned.meant)
        assert [r.state for r in done.requests] == [RequestState.COMPLETED]
        assert places(workspace.root, texts=[OLD, WRONG_NAME]) == []
        assert old_rows(workspace.root / "warehouse") == []
        assert unfinished_rectifications(workspace) == []


def places_of(found: Verification, table: str, *, in_log: bool) -> list[str]:
    """Return where the search found something in a table's log, or in its other files."""
    own = [m.place for m in found.matches if m.place.startswith(f"table:{table}/")]
    return [place for place in own if ("/_delta_log/" in place) is in_log]


class Killed(BaseException):
    """Stands for a signal that no handler sees."""


def test_a_run_that_died_at_every_step_in_turn_goes_on_to_the_same_end_and_loses_no_objection_meanwhile(
    template: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the step is done and its record is not written: the most that a killed run can have done."""
    come: list[str] = []

    def meanwhile(said: str) -> None:
        if said and not come:
            people = people_file(template, {"email": OLD})
            [made] = submit_requests(
                workspace,
                right=Right.OBJECTION,
                regime=Regime.GDPR,
                identifiers=str(people),
                actor="desk",
                now=NOW + timedelta(minutes=1),
            )
            people.unlink()
            come.append(made.id)

    with fresh(template) as workspace:
        before = rows(spark, workspace.root)
        plan = load_plan(workspace, workspace.root / "plan.json", RectificationPlan)
        whole = Journal.finish
        for step in ("find", "merge", "purge", "expire_log"):

            def dies(self: Journal, thing: str, name: str, outcome: Any, step: str = step) -> Any:
                if name == step:
                    raise Killed
                return whole(self, thing, name, outcome)

            monkeypatch.setattr(Journal, "finish", dies)
            with pytest.raises(Killed):
                apply_rectification(workspace, plan, actor="tests", now=NOW)
            monkeypatch.setattr(Journal, "finish", whole)
            forget_logs(spark)
        done = apply_rectification(workspace, plan, actor="tests", now=NOW, progress=meanwhile)
        assert {t.step.table: t.rows for t in done.tables} == {"customers": 1, "newsletter": 1, "profiles": 1}
        assert rows(spark, workspace.root) == expected(before)
        assert places(workspace.root, texts=[OLD, WRONG_NAME]) == []
        assert verify_ledger(workspace).intact
        [late] = [r for r in Control(workspace).requests.all() if r.id in come]
        assert ref(workspace, NEW) in late.refs
        assert flag(late) is not None


def test_what_is_not_plain_is_refused_and_changes_nothing(template: Path, spark: SparkSession) -> None:
    with fresh(template) as workspace:
        folder, before = template, rows(spark, workspace.root)
        who = str(people_file(folder, {"email": OLD}))
        place_holds(workspace, identifiers=who, reason="Case", owner="Legal", actor="x", now=NOW)
        plan = load_plan(workspace, workspace.root / "plan.json", RectificationPlan)
        with pytest.raises(BlockedError) as error:
            apply_rectification(workspace, plan, actor="tests", now=NOW)
        assert error.value.code == "request.held"
        cases: dict[str, tuple[dict[str, object], dict[str, object]]] = {
            "rectification.taken": ({"customer_id": 3}, {"customers.email": email(4)}),
            "rectification.value": ({"customer_id": 5}, {"customers.born": "yesterday"}),
            "request.no_match": ({"email": "nobody@people.example"}, {"customers.city": "Rome"}),
        }
        asked = {code: requested(workspace, folder, *given) for code, given in cases.items()}
        with pytest.raises(BlockedError) as error:
            plan_rectifications(workspace, now=NOW, immediate=True)
        found = {p.where: p.code for p in error.value.problems}
        assert {found[f"request:{request}"] for request in asked.values()} == set(cases)
        assert all(found[f"request:{request}"] == code for code, request in asked.items())
        assert not any("people.example" in p.message or "yesterday" in p.message for p in error.value.problems)
        assert rows(spark, workspace.root) == before
