"""Notebooks are kept without results and explained cell by cell; the quickstart runs in a kernel, without a JVM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from notebook_runs import NOTEBOOKS, executed

NAMES = ("erasure_and_proof", "quickstart", "training_and_withdrawal")


def cells(notebook: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    return found


def test_there_are_three() -> None:
    assert tuple(sorted(n.stem for n in NOTEBOOKS.glob("*.ipynb"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_result_is_kept(name: str) -> None:
    code = [c for c in cells(NOTEBOOKS / f"{name}.ipynb") if c["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_cell_does_is_said_before_it(name: str) -> None:
    """At most one further cell of code goes on with what a text has begun."""
    run = ""
    for cell in cells(NOTEBOOKS / f"{name}.ipynb"):
        run = run + "c" if cell["cell_type"] == "code" else "t"
        assert run in ("t", "tc", "tcc")


@pytest.mark.parametrize("name", NAMES)
def test_people_are_made_up(name: str) -> None:
    text = (NOTEBOOKS / f"{name}.ipynb").read_text()
    assert all(word.rstrip('.,;:)}\\"n').endswith(".example") for word in text.split() if "@" in word and "." in word)


def test_the_quickstart_shows_tags_gaps_a_request_and_an_intact_ledger(tmp_path: Path) -> None:
    ask = (
        "[t['category'] for t in tags]",
        "check['gaps']",
        "requests[0]['id'] == request['id']",
        "ledger['intact']",
        "[run['job'] for run in lineage['used_by']]",
    )
    categories, gaps, same, intact, jobs = executed("quickstart", tmp_path, ask=ask, java=False)
    assert "user.contact.email" in categories
    assert [g["code"] for g in gaps] == ["policy.no_retention"] * 2
    assert same is True
    assert intact is True
    assert jobs == ["tags.scan"]
