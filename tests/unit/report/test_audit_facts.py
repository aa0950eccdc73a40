"""What the audit report counts, by the records it is made from."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

import report_facts
from delible.model.plan import Stage
from delible.model.record import AuditRecord, Manifest
from delible.model.request import ENDED, TRANSITIONS
from delible.model.terms import RequestState
from delible.model.uniqueness import Combination
from delible.plan.rates import OTHERS
from delible.report.audit import MOST_LISTED, audit_document, audit_facts
from delible.report.audit_content import audit_content
from delible.report.audit_sections import release_blocks
from delible.report.consent import consent_funnel
from delible.report.content import Table
from delible.report.content_html import content_html
from delible.report.datasets import releases
from delible.report.erasure import ProofState, table_runs
from delible.report.findings import LedgerState
from delible.report.requests import Punctuality, request_groups, request_lines
from delible.report.run_tables import rewritten
from delible.report.tags import pii_map, scanned_tables
from report_records import NOW, START, Book, at, consent, facts, finding, manifest, policies, quarter, request

# ------------------------------------------------------------------------------------------------------ requests


@pytest.mark.parametrize(
    ("state", "moved", "due", "expected"),
    [
        ("completed", at(3, 10, 23), date(2026, 3, 10), Punctuality.IN_TIME),
        ("completed", at(3, 11, 0), date(2026, 3, 10), Punctuality.LATE),
        ("refused", at(3, 9), date(2026, 3, 10), Punctuality.IN_TIME),
        ("partly_completed", at(3, 9), date(2026, 4, 10), Punctuality.OPEN),
        ("waiting_retention_window", at(3, 9), date(2026, 3, 30), Punctuality.OVERDUE),
        ("in_progress", at(3, 9), date(2026, 3, 31), Punctuality.OPEN),
    ],
)
def test_a_deadline_is_kept_through_its_whole_last_day(state, moved, due, expected) -> None:
    book = Book()
    one = book.request("R-1", "erasure", at(2, 20), due, (moved, state))
    (line,) = request_lines([one], book.records, start=START, end=NOW)
    assert line.punctuality is expected
    assert (line.ended is not None) == (RequestState(state) in ENDED)
    assert (line.days_left is None) == (line.ended is not None)


def test_a_past_period_is_told_as_it_was_then() -> None:
    book = Book()
    one = book.request("R-1", "erasure", at(3, 3), date(2026, 4, 3), (at(3, 4), "scheduled"), (at(3, 12), "completed"))
    (line,) = request_lines([one], book.records, start=at(3, 1), end=at(3, 5))
    assert (line.state, line.days_left, line.ended) == (RequestState.SCHEDULED, 29, None)


def test_an_extension_counts_from_the_day_it_was_given() -> None:
    book = Book()
    book.request("R-1", "access", at(3, 1), date(2026, 4, 1))
    book.add(at(3, 20), "request.extended", "request:R-1", "done", detail={"due": "2026-06-01"})
    one = request("R-1", "access", at(3, 1), date(2026, 6, 1), "received")
    before, after = (request_lines([one], book.records, start=START, end=end)[0] for end in (at(3, 19), at(3, 21)))
    assert (before.due, after.due) == (date(2026, 4, 1), date(2026, 6, 1))


def test_requests_outside_the_period_are_left_out() -> None:
    book = Book()
    ended = book.request("R-1", "erasure", at(1, 3), date(2026, 2, 3), (at(1, 12), "completed"))
    future = book.request("R-2", "erasure", at(3, 30), date(2026, 4, 30))
    assert request_lines([ended, future], book.records, start=START, end=at(3, 15)) == ()


def test_a_request_without_records_counts_as_the_register_has_it() -> None:
    one = request("R-1", "erasure", at(3, 3), date(2026, 4, 3), "completed", changed=at(3, 9))
    (line,) = request_lines([one], [], start=START, end=NOW)
    assert (line.state, line.days_taken) == (RequestState.COMPLETED, 6)


def test_groups_add_up_to_the_lines() -> None:
    report = facts()
    assert sum(g.total for g in report.request_groups) == len(report.requests) == 5
    for group in report.request_groups:
        assert group.in_time + group.late + group.open + group.overdue == group.total == sum(group.states.values())
    erasure = next(g for g in report.request_groups if g.right == "erasure")
    assert (erasure.in_time, erasure.late, erasure.longest_days, erasure.longest_allowed) == (2, 1, 37, 29)
    assert (erasure.mean_days, erasure.median_days) == (21.3, 18)


def test_those_in_danger_come_first() -> None:
    assert [line.id for line in facts().requests] == ["R-4", "R-5", "R-3", "R-2", "R-1"]


def test_every_state_of_the_model_can_be_reported() -> None:
    for state in TRANSITIONS:
        one = request("R-1", "erasure", at(3, 3), date(2026, 4, 3), state)
        (group,) = request_groups(request_lines([one], [], start=START, end=NOW))
        assert group.states == {state.value: 1}


def test_a_long_register_is_counted_whole_and_listed_in_part() -> None:
    many = [request(f"R-{i:05}", "erasure", at(3, 3), date(2026, 4, 3), "received") for i in range(MOST_LISTED + 7)]
    report = facts(requests=many)
    assert report.request_groups[0].total == MOST_LISTED + 7
    assert (len(report.requests), report.requests_unlisted) == (MOST_LISTED, 7)


# ------------------------------------------------------------------------------------------------------- erasure

GONE = {"merge": {"rows": 2}, "purge": {}, "vacuum": {"files_removed": 3}, "expire_log": {"log_files_removed": 7}}


@pytest.mark.parametrize(
    ("stages", "erasure", "retention"),
    [
        ({**GONE, "verify": {"files_searched": 9, "matches": 0}}, ProofState.PROVEN, ProofState.PROVEN),
        ({**GONE, "verify": {"files_searched": 9, "matches": 1}}, ProofState.RESIDUE, ProofState.RESIDUE),
        ({**GONE, "verify": {"files_searched": 9, "unreadable": 1}}, ProofState.INCOMPLETE, ProofState.INCOMPLETE),
        (GONE, ProofState.WAITING, ProofState.REMOVED),
        ({"merge": {"rows": 2}, "purge": {}}, ProofState.WAITING, ProofState.WAITING),
    ],
)
def test_proof_needs_a_search_that_read_everything_and_found_nothing(stages, erasure, retention) -> None:
    for verb, expected in (("erasure", erasure), ("retention", retention)):
        book = Book()
        book.stages(verb, "P", "orders", at(3, 12), **stages)
        (run,) = table_runs(book.records, verb, start=START, end=NOW)
        assert run.proof is expected


def test_a_failed_stage_is_failed_until_it_is_repeated() -> None:
    book = Book()
    book.stages("erasure", "P", "orders", at(3, 12), merge={"rows": 2})
    book.add(at(3, 12), "erasure.vacuum", "plan:P/table:orders", "failed")
    assert _only(book).proof is ProofState.FAILED
    book.stages("erasure", "P", "orders", at(3, 13), vacuum={"files_removed": 3}, expire_log={}, verify={"matches": 0})
    assert _only(book).proof is ProofState.PROVEN


def test_a_later_search_replaces_an_earlier_one_and_repeated_stages_add_up() -> None:
    book = Book()
    book.stages("erasure", "P", "orders", at(3, 12), **GONE, verify={"matches": 4})
    book.stages("erasure", "P", "orders", at(3, 13), vacuum={"files_removed": 2}, verify={"matches": 0})
    run = _only(book)
    assert (run.proof, run.matches, run.files_removed, run.rows) == (ProofState.PROVEN, 0, 5, 2)


@pytest.mark.parametrize(
    ("outcome", "counts", "proof"),
    [
        ("done", {"files_searched": 9, "matches": 0, "unreadable": 0}, ProofState.PROVEN),
        ("failed", {"files_searched": 9, "matches": 1, "unreadable": 0}, ProofState.RESIDUE),
        ("failed", {"files_searched": 9, "matches": 0, "unreadable": 1}, ProofState.INCOMPLETE),
        ("started", {}, ProofState.WAITING),
    ],
)
def test_a_search_for_the_whole_plan_counts_for_each_of_its_tables(outcome, counts, proof) -> None:
    book = Book()
    for table in ("orders", "tickets"):
        book.stages("erasure", "P", table, at(3, 12), **GONE)
    book.stages("erasure", "Q", "orders", at(3, 12), **GONE)
    book.add(at(3, 13), "erasure.verify", "plan:P/all", outcome, counts)
    proofs = {(r.plan, r.table): r.proof for r in table_runs(book.records, "erasure", start=START, end=NOW)}
    assert proofs == {("P", "orders"): proof, ("P", "tickets"): proof, ("Q", "orders"): ProofState.WAITING}


def test_two_rules_on_one_table_are_two_runs() -> None:
    book = Book()
    for rule in ("short", "long"):
        book.stages("retention", "T", f"events/{rule}", at(3, 12), **GONE)
    runs = table_runs(book.records, "retention", start=START, end=NOW)
    assert {(r.table, r.rule, r.rows) for r in runs} == {("events", "short", 2), ("events", "long", 2)}


def test_a_search_that_somebody_asked_for_is_listed_and_is_no_violation() -> None:
    """Before an erasure the identifiers are there, and should be."""
    report = facts()
    assert [(s.about, s.matches) for s in report.searches] == [
        ("plan:E-1/table:tickets", 2),
        ("plan:E-0", 0),
        ("request:R-1", 3),
    ]
    assert [f.where for f in report.violations if f.code == "erasure.residue"] == ["table tickets, plan E-1"]


def test_other_records_are_no_table_runs() -> None:
    book = Book()
    book.add(at(3, 12), "erasure.verify", "plan:P", "done")
    book.add(at(3, 12), "erasure.planned", "plan:P/table:orders", "done")
    book.add(at(3, 12), "retention.merge", "plan:P/table:orders", "done")
    assert table_runs(book.records, "erasure", start=START, end=NOW) == ()


def test_what_comes_after_the_period_is_not_told() -> None:
    book = Book()
    book.stages("erasure", "P", "orders", at(3, 12), merge={"rows": 2})
    book.stages("erasure", "P", "orders", at(3, 20), vacuum={}, expire_log={}, verify={"matches": 0})
    (run,) = table_runs(book.records, "erasure", start=START, end=at(3, 15))
    assert set(run.stages) == {Stage.MERGE}


def _only(book: Book):
    (run,) = table_runs(book.records, "erasure", start=START, end=NOW)
    return run


# ------------------------------------------------------------------------------------- consent, datasets, categories


def test_the_funnel_counts_every_reference_once() -> None:
    records = [
        consent(1, "given", at(1, 1)),
        consent(2, "given", at(1, 1)),
        consent(2, "withdrawn", at(3, 5)),
        consent(3, "given", at(1, 1), valid_until=at(2, 1)),
        consent(4, "refused", at(1, 1)),
        consent(5, "requested", at(3, 2)),
        consent(6, "given", at(3, 6)),
        consent(7, "given", at(1, 1), recorded_at=NOW + timedelta(days=1)),
    ]
    (funnel,) = consent_funnel(records, start=START, end=NOW)
    assert (funnel.asked, funnel.ever_given, funnel.in_force) == (6, 4, 2)
    assert (funnel.withdrawn, funnel.expired, funnel.refused, funnel.pending) == (1, 1, 1, 1)
    assert funnel.in_force + funnel.withdrawn + funnel.expired + funnel.refused + funnel.pending == funnel.asked
    assert (funnel.given_in_period, funnel.withdrawn_in_period) == (1, 1)


def test_a_release_that_does_not_add_up_is_a_violation() -> None:
    (good,) = releases([manifest()], start=START, end=NOW, retired={})
    assert good.adds_up
    assert list(good.excluded.items()) == [("no_consent", 30), ("withdrawn", 10)]
    report = facts(manifests=[manifest(rows_out=59)])
    assert "dataset.unbalanced" in {f.code for f in report.violations}


def test_a_retired_release_is_told_from_one_that_is_there() -> None:
    book = Book()
    book.add(NOW, "dataset.retire", "dataset:support_training@v1")
    book.add(NOW + timedelta(days=1), "dataset.retire", "dataset:support_training@v2")
    report = facts(manifests=[manifest(), manifest(version=2)], records=book.records)
    assert [r.retired_at for r in report.releases] == [NOW, None], "what comes after the period is not told"
    (table,) = (b for b in release_blocks(report.releases, None) if isinstance(b, Table) and b.id == "releases-table")
    assert [row[-1] for row in table.rows] == [NOW, None]


def test_a_release_that_no_gate_measured_is_told_so() -> None:
    measured = Manifest.model_validate({**manifest().model_dump(), "gates": [report_facts.GATE]})
    bare, recut = manifest(version=2), manifest(version=3, recut_of=1)
    report = facts(manifests=[measured, bare, recut])
    said = "3 dataset releases of 1 dataset, the newest with 60 of 100 rows (2 releases measured by no gate)"
    assert said in report.summary
    (table,) = (b for b in release_blocks(report.releases, None) if isinstance(b, Table) and b.id == "gates")
    told = [(row[0], row[3], str(row[6])) for row in table.rows]
    assert [(name, measured) for name, measured, _ in told] == [
        ("support_training@v1", "3"),
        ("support_training@v2", "nothing"),
        ("support_training@v3", "not measured"),
    ]
    assert "had no gate" in told[1][2]
    assert "recut of version 1" in told[2][2]
    assert "measured by no gate" not in facts(manifests=[measured]).summary


def test_the_map_sets_what_is_declared_beside_what_is_found() -> None:
    found = [
        finding("customers", "email", "user.contact.email", entity="EMAIL_ADDRESS"),
        finding("customers", "nickname", "user.name", entity="PERSON"),
        finding("customers", "customer_id", "user.contact.phone_number", state="rejected"),
    ]
    uses = {(u.table, u.category): u for u in pii_map(policies().tables, found)}
    assert (
        uses["customers", "user.contact.email"].found == uses["customers", "user.contact.email"].declared == ("email",)
    )
    assert uses["customers", "user.name"].undeclared == ("nickname",)
    assert ("customers", "user.contact.phone_number") not in uses
    assert uses["health", "user.health_and_medical"].special
    scans = {s.table: s for s in scanned_tables(policies().tables, found)}
    assert scans["tickets"].scanned_at is None
    assert (scans["customers"].with_findings, scans["customers"].rejected) == (2, 1)


def test_what_waits_for_a_person_is_counted_and_is_not_clean() -> None:
    found = [
        finding("customers", "email", None, state="review", reason="none of 9 values look like one."),
        finding("customers", "code", None),
        finding("customers", "union", "user.social", state="review", evidence=("name", "article_9")),
    ]
    (scan,) = (s for s in scanned_tables(policies().tables, found) if s.table == "customers")
    assert (scan.waiting, scan.clean, scan.with_findings) == (2, 1, 1)
    uses = {u.category: u for u in pii_map(policies().tables, found) if u.table == "customers"}
    assert uses["user.social"].special
    assert not uses["user.contact.email"].special


def test_what_was_disregarded_is_no_clean_column_and_has_a_bound() -> None:
    found = [
        finding("customers", "memo", None, hits=2, bound=0.03),
        finding("customers", "code", None, hits=0, bound=0.001),
        finding("customers", "ref", None, hits=2, state="rejected", reason="codes", bound=0.02),
    ]
    (scan,) = (s for s in scanned_tables(policies().tables, found) if s.table == "customers")
    assert (scan.disregarded, scan.clean, scan.worst_bound) == (1, 2, 0.03)
    assert "Disregarded" in content_html(audit_content(facts(tags=found)))


def test_a_column_with_a_dot_in_its_name_is_the_one_that_the_policy_maps() -> None:
    tables = policies().tables
    table = tables["customers"]
    dotted = table.model_copy(update={"columns": {"Tel.Number": table.columns["email"]}})
    found = [finding("customers", "`Tel.Number`", "user.contact.email"), finding("customers", "`Tel.X`", "user.name")]
    uses = {u.category: u for u in pii_map({"customers": dotted}, found)}
    assert (uses["user.contact.email"].undeclared, uses["user.name"].undeclared) == ((), ("`Tel.X`",))


def test_combinations_stand_in_the_report() -> None:
    told = Combination(
        table="customers", columns=("dob", "zip"), rows=200, unique=150, groups=170, smallest=1, version=0, at=NOW
    )
    report = facts(combinations=[told])
    assert report.combinations == (told,)
    assert "dob + zip" in content_html(audit_content(report))


# ------------------------------------------------------------------------------------------------ findings, summary


def test_duties_that_were_missed_are_violations_and_what_is_unknown_is_a_gap() -> None:
    report = facts()
    assert {f.code for f in report.violations} >= {"request.overdue", "request.late", "erasure.residue"}
    assert {(f.code, f.where) for f in report.gaps} >= {
        ("tags.never_scanned", "table health"),
        ("tags.undeclared", "customers.nickname"),
    }


def test_the_summary_says_what_went_well() -> None:
    book = Book()
    requests = [
        book.request(f"R-{i}", "erasure", at(3, 3), date(2026, 4, 3), (at(3, 12), "completed")) for i in range(3)
    ]
    book.stages("erasure", "E", "orders", at(3, 12), **GONE, verify={"matches": 0})
    said = facts(requests=requests, records=book.records, manifests=[], tags=[]).summary
    assert said.startswith(
        "Between 2026-03-01 and 2026-03-31: 3 requests, all answered in time; 2 rows erased from 1 table"
    )
    assert "every file searched afterwards and nothing found" in said
    assert said.endswith("is intact.")


def test_the_summary_hides_nothing_that_went_wrong() -> None:
    broken = LedgerState(records=20, head=20, intact=False, problems=("record 3: the record was changed.",))
    report = facts(ledger=broken)
    assert "1 answered late" in report.summary
    assert "1 overdue" in report.summary
    assert "residue" in report.summary
    assert "THE LEDGER IS NOT INTACT" in report.summary
    assert "ledger.broken" in {f.code for f in report.violations}


def test_an_empty_workspace_gives_a_report_too() -> None:
    empty = quarter(
        requests=[], records=[], consents=[], tags=[], manifests=[], ledger=LedgerState(records=0, head=0, intact=True)
    )
    report = audit_facts(empty, start=START, end=NOW, now=NOW, software="delible")
    assert "no data subject's request was open" in report.summary


def test_the_document_is_json_and_names_policy_period_and_time() -> None:
    document = audit_document(facts())
    assert document["policy_fingerprint"] == policies().fingerprint
    assert (document["start"], document["generated_at"]) == ("2026-03-01T00:00:00Z", "2026-03-31T14:05:00Z")
    assert document["requests"][0]["punctuality"] == "overdue"


def test_operators_reasons_and_references_stay_out() -> None:
    """A reason may name somebody; the register keeps it."""
    held = request("R-9", "erasure", at(3, 3), date(2026, 4, 3), "held", reason="Ms Canary asked twice")
    text = repr(facts(requests=[held]))
    assert "Canary" not in text
    assert "a" * 64 not in text


def test_ten_thousand_requests_are_counted() -> None:
    many = [request(f"R-{i:06}", "erasure", at(3, 3), date(2026, 4, 3), "received") for i in range(10_000)]
    records: list[AuditRecord] = Book().records
    assert facts(requests=many, records=records).request_groups[0].total == 10_000


def test_days_do_not_run_down_in_a_report_while_a_gdpr_clock_stands_still() -> None:
    book = Book()
    asked = [book.request("R-1", "erasure", at(2, 10), date(2026, 3, 10), (at(2, 20), "verifying_identity"))]
    [line] = request_lines(asked, book.records, start=at(3, 1), end=at(3, 31))
    assert (line.punctuality, line.days_left) == ("open", 18)


def test_what_was_rewritten_stands_beside_what_the_plan_expected() -> None:
    book = Book()
    expected = {"rows": 3, "bytes_replaced": 100, "estimated_bytes": 900}
    book.stages("erasure", "E-1", "orders", at(3, 10), merge=expected, purge={"bytes_replaced": 700})
    book.stages("erasure", "E-0", "orders", at(3, 9), merge={"rows": 3}, purge={})
    older, run = table_runs(book.records, "erasure", start=START, end=NOW)
    assert (run.bytes_replaced, run.estimated_bytes) == (800, 900)
    assert (older.bytes_replaced, older.estimated_bytes) == (None, None)
    assert rewritten(run) == "800 bytes (900 bytes)"


def test_a_bound_of_files_that_others_have_written_anew_since_is_none_of_these() -> None:
    book = Book()
    merged = {"rows": 3, "bytes_replaced": 100, "estimated_bytes": 100}
    book.stages("erasure", "E-1", "orders", at(3, 10), merge=merged, purge={"bytes_replaced": 700, OTHERS: 1})
    [run] = table_runs(book.records, "erasure", start=START, end=NOW)
    assert rewritten(run) == "800 bytes (100 bytes, before others wrote)"
