"""What a recut tells lineage of its columns: the data category that their treatment left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from delible.model.lineage import LineageRun
from delible.workflows.dataset_recut import _describe
from report_records import NOW, manifest


def test_tags_are_those_that_a_treatment_leaves(tmp_path: Path) -> None:
    columns = [
        {"name": "email", "type": "string", "treatment": "pseudonymise", "category": "user.contact.email"},
        {"name": "name", "type": "string", "treatment": "replace", "category": "user.name"},
        {"name": "born", "type": "date", "treatment": "generalise to year", "category": "user.demographic"},
        {"name": "kind", "type": "string", "treatment": "keep", "category": "system.operations"},
    ]
    old = manifest(columns=columns)
    workspace: Any = SimpleNamespace(path=tmp_path.joinpath)
    run = LineageRun("run", "dataset.recut", [], [], {}, NOW)
    _describe(run, workspace, old, manifest(version=2, columns=columns))
    (made,) = run.outputs
    assert made.tags == {"email": "user.unique_id.pseudonymous", "born": "user.demographic"}
