"""What a plan costs as a person reads it: whole at 100 columns, spans as spans, and one sentence on waiting."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from rich.console import Group

from delible.cli import main
from delible.cli.context import emit
from delible.cli.estimates import brief_text, compared_lines, compared_text, estimate_text
from delible.model.cost import (
    Advice,
    Basis,
    DueRisk,
    Estimate,
    Gathering,
    Range,
    Risk,
    TableCost,
    TableWindow,
)
from delible.model.plan import ErasurePlan, PlannedRequest, RetentionPlan, RetentionStep, Stage, TableStep
from delible.model.terms import RetentionAction
from delible.plan.comparison import Actual, compared
from delible.workflows.erasure_plan import Planned

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LONG = "a_table_with_a_name_that_is_as_long_as_a_name_of_a_table_may_be_"


def span(low: int, high: int) -> Range:
    return Range(low=low, high=high)


def cost(name: str, **more: Any) -> TableCost:
    usual: dict[str, Any] = {
        "table": name,
        "wave": 1,
        "total_files": 123_456,
        "total_bytes": 10**13,
        "rows": span(0, 1_234_567),
        "candidates": 1_234,
        "candidate_bytes": 10**9,
        "untested": 3,
        "files": span(12, 12),
        "bytes": span(3_100_000_000, 3_100_000_000),
        "change_bytes": span(0, 10**6),
        "objects": 123_456,
        "unnamed": 3,
        "unnamed_bytes": 4_000_000,
        "rewrite_seconds": span(20, 9_000),
        "removal_seconds": span(0, 50),
    }
    return TableCost(**{**usual, **more})


def risk(number: int, of: Risk, change: str | None = None) -> DueRisk:
    at = NOW + timedelta(days=number)
    return DueRisk(
        request=f"R-20261127-{number:06}",
        due="2026-12-24",
        ends=at,
        earliest=at,
        latest=at,
        start_by=at if of is Risk.SAFE else None,
        risk=of,
        change=change,
    )


def pays(**more: Any) -> Gathering:
    usual: dict[str, Any] = {
        "advice": Advice.WAIT,
        "reason": "",
        "until": NOW + timedelta(days=6),
        "first_due": "R-20261127-000001",
        "received": 126,
        "days": 54,
        "further": 14,
        "files": 24,
        "bytes": 6_200_000_000,
        "separate_bytes": 12_400_000_000,
        "together_bytes": 6_820_000_000,
    }
    return Gathering(**{**usual, **more})


def estimate(**more: Any) -> Estimate:
    windows = tuple(
        TableWindow(table=t, rewritten=NOW, vacuum_from=NOW, log_from=NOW, removal_from=NOW, done=NOW)
        for t in ("orders", LONG)
    )
    usual: dict[str, Any] = {
        "basis": Basis.ROWS,
        "tables": (cost("orders"), cost(LONG, rule="kept_for_two_years", wave=2, rows=None)),
        "windows": windows,
        "risks": (risk(1, Risk.SAFE), risk(2, Risk.LATE, "x must be 'interval 7 days'"), risk(3, Risk.AT_RISK, "y")),
        "gathering": pays(),
        "cadence_hours": 24,
        "cadence_assumed": True,
        "verify_bytes": 10**10,
        "verify_seconds": span(1, 9),
        "seconds": span(40, 20_000),
        "measured": {"rewrite": 4, "removal": 3, "verify": 1},
    }
    return Estimate(**{**usual, **more})


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: Any) -> str:
    app = typer.Typer()
    app.command("other")(lambda: None)
    app.command("show")(lambda ctx: emit(ctx, {}, text=text))
    app.registered_commands[-1].callback.__annotations__ = {"ctx": typer.Context}  # type: ignore[union-attr]
    monkeypatch.setattr(main, "import_module", lambda name: type("module", (), {"app": app}))
    assert main.main(["audit", "show"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 100 for line in out.splitlines())
    assert "…" not in out
    return " ".join(out.split())


def test_the_whole_estimate_fits_and_says_what_is_a_bound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = shown(monkeypatch, capsys, estimate_text(estimate()))
    assert "0-1,234,567" in said
    assert "3.1 GB" in said
    assert "20 s-3 h" in said
    assert "Of 6 candidates the log says too little to tell." in said
    assert "Change data of up to 2.0 MB" in said
    assert "the byte search of 10 GB included, learnt from 3 earlier steps" in said
    assert said.index("WILL BE LATE") < said.index("AT RISK") < said.index(" safe ")
    assert "R-20261127-000002 may not be answered in time: x must be 'interval 7 days'." in said
    assert "No job_cadence says" in said
    assert "No log entry names 6 files of 8.0 MB in the tables' folders" in said
    start = f"{NOW + timedelta(days=1):%Y-%m-%d %H:%M}"
    assert f"Start by {start} at the latest, the last run of a job that runs every 24 hours (assumed: no job" in said
    assert "says it): the windows then end before R-20261127-000001 is due" in said
    assert LONG in said


def test_many_requests_are_counted_and_the_late_ones_come_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many = tuple(risk(n, Risk.SAFE) for n in range(40)) + tuple(risk(n, Risk.LATE, "z") for n in (50, 51))
    said = shown(monkeypatch, capsys, estimate_text(estimate(risks=many)))
    assert said.count("R-20261127-") == 22  # 20 lines, the one that starts first, and the one that is counted back from
    assert "and 22 more requests." in said
    assert "2 requests may not be answered in time: z." in said


SENTENCES = [
    (
        pays(),
        "Run now: 24 files, 6.2 GB; if you wait until 2026-12-03 09:00 (the last safe run for R-20261127-000001), "
        "about 14 more requests share the same rewrite: 1.1 instead of 2.0 times the bytes (126 erasure requests in 54 "
        "days came in). The law asks for no undue delay (GDPR Art. 12(3)): that day is a limit, not a goal.",
    ),
    (pays(advice=Advice.RUN_NOW, further=1), "about 1 more request shares the same rewrite"),
    (pays(advice=Advice.RUN_NOW), "That is not worth waiting for."),
    (pays(advice=Advice.RUN_NOW, further=0, received=1), "No further request is expected until 2026-12-03 09:00"),
    (pays(advice=Advice.RUN_NOW, further=0, until=None), "no later run of the job would end in time."),
]


@pytest.mark.parametrize(("of", "sentence"), SENTENCES)
def test_one_sentence_says_whether_waiting_pays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of: Gathering, sentence: str
) -> None:
    assert sentence in shown(monkeypatch, capsys, estimate_text(estimate(gathering=of)))


def test_a_bound_is_not_told_as_known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bounded = estimate(tables=(cost("orders", files=span(0, 24)),), basis=Basis.STATISTICS, measured={})
    said = shown(monkeypatch, capsys, estimate_text(bounded))
    assert "Run now: up to 24 files" in said
    assert "no row was read" in said
    assert "a rough default, since no run was measured yet" in said


def test_a_plan_ends_with_the_time_and_what_must_be_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = shown(monkeypatch, capsys, Group(*brief_text(estimate())))
    assert said.startswith("Time: 40 s-6 h, learnt")
    assert "may not be answered in time" in said
    assert "if you wait" in said
    calm = estimate(risks=(), gathering=pays(advice=Advice.RUN_NOW))
    assert "if you wait" not in shown(monkeypatch, capsys, Group(*brief_text(calm)))


def test_a_run_stands_beside_its_estimate_and_says_what_was_far_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = [
        compared(cost("orders"), Actual(9, 12, 3_100_000_000, 30_000_000, 40_000)),
        compared(cost(LONG, rule="kept_for_two_years"), Actual(9, 12, 3_100_000_000)),
    ]
    said = shown(monkeypatch, capsys, Group(*compared_text(beside)))
    assert "FAR OFF: orders: rewrite seconds 9 h, expected 20 s-3 h." in said
    assert said.count("FAR OFF") == 1
    assert "40 s of 0-50 s" in said
    line = compared_lines(beside)["orders", None]["rewrite_seconds"]
    assert line == {"low": 20, "high": 9_000, "actual": 30_000, "percent": 333, "far": True}
    assert compared_text([]) == []


STEP: dict[str, Any] = {
    "table": "orders",
    "location": "/w/orders",
    "version": 3,
    "action": "delete_row",
    "rows": 2,
    "files": 1,
    "bytes": 900,
    "stages": tuple(Stage),
    "wait_hours": 720,
}
SHARED: dict[str, Any] = {"id": "P-1", "created": NOW, "policy_fingerprint": "f" * 64, "immediate": False}


@pytest.mark.parametrize("noun", ["erasure", "retention"])
def test_plan_shows_the_estimate_in_brief_and_a_dry_run_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], noun: str
) -> None:
    if noun == "erasure":
        wanted = PlannedRequest(id="R-1", due="2026-12-24", matched=True)
        made: Any = ErasurePlan(**SHARED, requests=(wanted,), tables=(TableStep(**STEP),), estimate=estimate())
        answer: Any = Planned(made, (), None)  # type: ignore[arg-type]
        monkeypatch.setattr("delible.workflows.erasure_plan.plan_due_erasures", lambda *_, **__: answer)
    else:
        step = RetentionStep(**{**STEP, "action": RetentionAction.DELETE_ROW}, rule="two_years", as_of=NOW)
        made = RetentionPlan(**SHARED, tables=(step,), estimate=estimate(risks=(), gathering=None))
        monkeypatch.setattr("delible.workflows.retention_plan.plan_due_retention", lambda *_, **__: made)
    monkeypatch.setattr("delible.cli.context.Call.workspace", None)
    said = []
    for options in ((), ("--dry-run",), ("--json",)):
        assert main.main([noun, "plan", *options]) == 0
        said.append(capsys.readouterr().out)
    brief, whole, told = said
    assert "Time: 40 s-6 h" in brief
    assert "candidates" not in brief
    assert "Write it with --out FILE." in brief
    assert "candidates" in whole
    assert "--out" not in whole
    assert json.loads(told)["estimate"] == made.estimate.model_dump(mode="json")
