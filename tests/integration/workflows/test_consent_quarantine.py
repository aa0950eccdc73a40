"""Broken consent rows wait in quarantine until they are taken in, forgotten or old; builds and reports tell of them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_shop import NOW, SAID, WHO, consent_shop, lines, take_in
from delible.errors import InputError
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.quarantine import BrokenRow
from delible.store.workspace import Workspace
from delible.workflows.consent import export_quarantine, forget_quarantine, list_quarantine
from delible.workflows.consent_quarantine import mends, quarantine_gaps
from delible.workflows.dataset import _prepared
from delible.workflows.reporting import audit_report


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return consent_shop(tmp_path)


def test_a_mended_file_adds_what_was_broken_and_nothing_twice(workspace: Workspace, tmp_path: Path) -> None:
    other = SAID | {"subject": {"email": "other@person.example"}}
    rows = [SAID, other | {"status": "perhaps"}, SAID | {"purpose": "ads"}, b"{"]
    first = take_in(workspace, lines(tmp_path, *rows))
    assert (first.new, first.quarantined, first.mended) == (2, 2, 0)
    again = take_in(workspace, lines(tmp_path, *rows))
    assert (again.records, again.new, again.quarantined, again.mended) == (2, 0, 2, 0)
    assert len(list_quarantine(workspace, now=NOW)) == 2
    mended = take_in(workspace, lines(tmp_path, SAID, other, SAID | {"purpose": "ads"}, b"{"))
    assert (mended.records, mended.new, mended.quarantined, mended.mended) == (3, 1, 1, 1)
    # Absence mends nothing, and of what cannot be read nobody knows what it said.
    assert take_in(workspace, lines(tmp_path, SAID, other, SAID | {"purpose": "ads"})).mended == 0
    (left,) = list_quarantine(workspace, now=NOW)
    assert left.line == 4
    assert len(Consents(workspace).all()) == 3


def test_another_days_file_under_the_same_name_mends_nothing(workspace: Workspace, tmp_path: Path) -> None:
    """Monday's withdrawal is broken. Tuesday's file says something else in the same lines."""
    withdrawal = SAID | {"status": "withdrwan", "valid_from": "2026-05-04"}
    assert take_in(workspace, lines(tmp_path, SAID, withdrawal)).quarantined == 1
    tuesday = [
        SAID | {"subject": {"email": f"t{n}@person.example"}, "status": "withdrawn", "valid_from": "2026-05-05"}
        for n in range(3)
    ]
    assert take_in(workspace, lines(tmp_path, *tuesday)).mended == 0
    assert [row.line for row in list_quarantine(workspace, now=NOW)] == [2]
    assert take_in(workspace, lines(tmp_path, SAID, withdrawal | {"status": "withdrawn"})).mended == 1
    assert list_quarantine(workspace, now=NOW) == []


SIX = {"subject": WHO, "purpose": "training", "status": "given", "notice_version": "3", "valid_from": "2026-01-01"}
MENDINGS = [
    ("its wrong key is right now", "status", SIX | {"status": "x"}, SIX, True),
    ("its missing key is there now", "valid_from", {k: v for k, v in SIX.items() if k != "valid_from"}, SIX, True),
    ("another key says something else, too", "status", SIX | {"status": "x"}, SIX | {"notice_version": "4"}, False),
    ("it is about somebody else", "status", SIX | {"status": "x"}, SIX | {"subject": {"email": "o@p.example"}}, False),
    ("nobody knows whose it was", "subject", SIX | {"subject": {}}, SIX, False),
    ("nobody knows whose it was, by one kind", "subject.email", SIX | {"subject": {"email": 1.5}}, SIX, False),
    ("it had a key too many", "line", SIX | {"more": 1}, SIX, False),
    ("a key deep inside is right now", "event_state", {"event": [{"event_state": 1}]}, {"event": [{}]}, True),
    ("it could not be read", "line", b"{", SIX, False),
    ("it is no object", "status", [1], SIX, False),
]


@pytest.mark.parametrize(("key", "was", "is_now", "mended"), [m[1:] for m in MENDINGS], ids=[m[0] for m in MENDINGS])
def test_a_row_is_mended_when_it_is_the_same_row_without_its_fault(
    key: str, was: Any, is_now: Any, mended: bool
) -> None:
    raw = was if isinstance(was, bytes) else json.dumps(was).encode()
    broken = BrokenRow("id", NOW, "origin", "rows.jsonl", 2, "native", "status", key, raw)
    assert mends(json.dumps(is_now).encode(), broken) is mended


def test_the_very_row_is_mended_when_the_policies_know_its_purpose_now(workspace: Workspace, tmp_path: Path) -> None:
    new = SAID | {"purpose": "surveys"}
    assert take_in(workspace, lines(tmp_path, SAID, new)).quarantined == 1
    (workspace.path("policies") / "purposes/surveys.yaml").write_text(
        "purpose: surveys\ndescription: surveys\nlegal_basis: consent\n"
    )
    assert take_in(workspace, lines(tmp_path, new)).mended == 1
    assert list_quarantine(workspace, now=NOW) == []


def test_what_waits_and_what_has_lapsed_is_a_gap_and_in_the_ledger(workspace: Workspace, tmp_path: Path) -> None:
    keys = load_keys(workspace)
    assert quarantine_gaps(workspace, keys, now=NOW) == ()
    take_in(workspace, lines(tmp_path, SAID, SAID | {"status": "withdrwan"}, b"{"))
    (waiting,) = quarantine_gaps(workspace, keys, now=NOW)
    assert (waiting.code, waiting.where) == ("consent.quarantine_gap", "consents")
    assert waiting.message.endswith("See: delible consent quarantine")
    assert "2026-06-01: 2." in waiting.message
    later = NOW + timedelta(days=31)
    assert list_quarantine(workspace, now=later) == []
    assert list_quarantine(workspace, now=later) == []
    (lapsed,) = Ledger(workspace, keys).records(action_prefix="consent.lapse")
    assert (lapsed.counts, lapsed.at) == ({"rows": 2}, later)
    (gap,) = quarantine_gaps(workspace, keys, now=later)
    assert (gap.code, "a year: 2." in gap.message) == ("consent.lapsed_gap", True)
    audit = audit_report(workspace, now=later).facts
    assert "consent.lapsed_gap" in {f.code for f in audit.gaps}
    assert quarantine_gaps(workspace, keys, now=later + timedelta(days=366)) == ()


TABLE = {
    "table": "tickets",
    "path": "warehouse/tickets",
    "description": "tickets",
    "subject": [{"column": "customer_id", "identifies": "customer_id"}],
    "columns": {
        "customer_id": {"category": "user.unique_id"},
        "stars": {"category": "user.behavior"},
    },
}
RECIPE = {
    "dataset": "support",
    "description": "support",
    "purpose": "training",
    "source": "tickets",
    "columns": {"customer_id": {"treatment": "drop"}, "stars": {"treatment": "keep"}},
}


def test_a_dataset_build_says_that_consent_rows_wait(workspace: Workspace, tmp_path: Path) -> None:
    """What a build does before Spark starts."""
    policies = workspace.path("policies")
    (policies / "tables").mkdir(exist_ok=True)
    (policies / "datasets").mkdir(exist_ok=True)
    (policies / "tables/tickets.yaml").write_text(json.dumps(TABLE))
    (policies / "datasets/support.yaml").write_text(json.dumps(RECIPE))
    take_in(workspace, lines(tmp_path, SAID, SAID | {"status": "withdrwan"}))
    told: list[str] = []
    _, planned = _prepared(workspace, "support", NOW, told.append)
    assert "consent.quarantine_gap" in {gap.code for gap in planned.gaps}
    assert any("in quarantine" in line for line in told)


def test_the_quarantine_gives_rows_back_forgets_them_and_keeps_none_for_long(
    workspace: Workspace, tmp_path: Path
) -> None:
    broken = {"subject": WHO, "purpose": "training", "status": "perhaps"}
    take_in(workspace, lines(tmp_path, SAID, broken, b"{"))
    out = tmp_path / "broken.jsonl"
    assert export_quarantine(workspace, str(out), now=NOW) == 2
    assert out.stat().st_mode & 0o077 == 0
    assert [json.loads(out.read_bytes().splitlines()[0]), out.read_bytes().splitlines()[1]] == [broken, b"{"]
    with pytest.raises(InputError) as caught:
        export_quarantine(workspace, str(out), now=NOW)
    assert caught.value.code == "consent.out"
    one, other = list_quarantine(workspace, now=NOW)
    before = [p for p in workspace.path("store").rglob("*.parquet") if "consent_quarantine" in str(p)]
    assert before
    assert forget_quarantine(workspace, (one.id,), now=NOW) == 1
    assert [p.name for p in before if p.exists()] == []
    assert [r.id for r in list_quarantine(workspace, now=NOW + timedelta(days=29))] == [other.id]
    assert list_quarantine(workspace, now=NOW + timedelta(days=30)) == []
    with pytest.raises(InputError):
        forget_quarantine(workspace, (one.id,), now=NOW)
