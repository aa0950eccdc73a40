"""`tags scan` says what it can rule out, reads nothing where it is told so, and ends with 3 when a column drifted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from delible.cli import main
from delible.decide.sampling import Bound, Reach, bound_of
from delible.errors import Problem
from delible.model.record import TagFinding
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows import tagging
from delible.workflows.scanning import Extent
from delible.workflows.tagging import Scan


@pytest.fixture
def run(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str]:
        code = main.main([*words, "--workspace", str(workspace.root)])
        return code, capsys.readouterr().out

    return run


def test_names_alone_are_judged_without_a_row_or_a_jvm_and_undo_no_verdict_from_values(
    workspace: Workspace, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_session(*_: object, **__: object) -> None:
        raise AssertionError("a session was started")

    monkeypatch.setattr("delible.workflows.spark.session_for", no_session)
    place = workspace.path(workspace.config.warehouse) / "people"
    names = ("email", "kind")
    rows = Table.from_arrays([Array(["a@fennel.example"], DataType.utf8())] * 2, names=list(names))
    write_deltalake(str(place), rows)
    for file in place.glob("*.parquet"):
        file.unlink()
    code, out = run("tags", "scan", "--names-only", "--json")
    columns = {each["column"]: each for each in json.loads(out)["columns"]}
    assert code == 0
    assert columns["email"]["category"] == "user.contact.email"
    assert columns["email"]["sampled"] == 0
    assert columns["kind"]["reach"]["words"] == "no value was looked at: judged by name and type"
    latest = {t.column: t for t in Tags(workspace).latest()}
    seen = latest["email"].model_copy(update={"sampled": 5, "category": None})
    Tags(workspace).put([seen])
    assert [each["column"] for each in json.loads(run("tags", "scan", "--names-only", "--json")[1])["columns"]] == [
        "kind"
    ]


@pytest.mark.parametrize(
    ("options", "bound", "sample"),
    [
        ((), bound_of(0.95, "1/1000"), None),
        (("--confidence", "0.99", "--max-prevalence", "1/50000"), bound_of(0.99, "1/50000"), None),
        (("--all",), None, None),
        (("--sample", "7"), None, 7),
        (("--full",), None, None),
    ],
)
def test_the_extent_is_what_the_options_say(
    run: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], bound: Bound | None, sample: int | None
) -> None:
    asked: dict[str, Any] = {}

    def scanned(*_: object, **how: Any) -> Scan:
        asked.update(how)
        return Scan((), (), 0)

    monkeypatch.setattr(tagging, "scan_tables", scanned)
    assert run("tags", "scan", *options)[0] == 0
    assert (asked["extent"], asked["anew"]) == (Extent(bound, sample), "--full" in options)


@pytest.mark.parametrize(
    "options",
    [
        ("--sample", "7", "--confidence", "0.99"),
        ("--all", "--sample", "7"),
        ("--full", "--max-prevalence", "1/100"),
        ("--names-only", "--sample", "7"),
        ("--names-only", "--exact"),
        ("--names-only", "--anew"),
    ],
)
def test_options_that_contradict_each_other_are_refused(workspace: Workspace, options: tuple[str, ...]) -> None:
    words = ["tags", "scan", *options, "--workspace", str(workspace.root)]
    assert main.main(words) == 2


def test_a_clean_column_says_its_bound_in_both_outputs_and_a_gap_ends_with_3(
    run: Any, monkeypatch: pytest.MonkeyPatch, now: Any
) -> None:
    finding = TagFinding(
        table="t",
        column="c",
        category=None,
        entity=None,
        confidence=0.0,
        sampled=9,
        hits=0,
        bound=1e-5,
        evidence=("values",),
        version=0,
        at=now,
    )
    found = Reach(230_257, 10_000_000, (), 0.99, 199, bound_of(0.99, "1/50000"))
    gap = Problem("tags.drift", "no policy maps it.", "t.d")
    scan = Scan(("t",), (finding,), 9, reaches={("t", "c"): found}, gaps=(gap,))
    monkeypatch.setattr(tagging, "scan_tables", lambda *_, **__: scan)
    code, out = run("tags", "scan", "--json")
    document = json.loads(out)
    assert (code, document["status"], document["errors"][0]["code"]) == (3, "error", "tags.drift")
    reach = document["columns"][0]["reach"]
    assert (reach["rows"], reach["fewer_than_one_in"], reach["cannot_rule_out"]) == (230_257, 50_000, 199)
    code, out = run("tags", "scan")
    said = " ".join(out.split())
    assert code == 3
    assert "t: c: no hit in 230,257 rows: with 99 % confidence fewer than 1 in 50,000 rows hold any" in said
