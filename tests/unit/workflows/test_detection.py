"""The model that a workspace chose reaches everything that looks into values and texts."""

from pathlib import Path

import pytest

from delible.model.nlp_model import NO_MODEL, SHIPPED
from delible.store.workspace import create_workspace, open_workspace
from delible.workflows.detection import detection_for

CONTROLLER = """\
controller: X
contact: x@x.example
jurisdiction: Germany
subject: id
identifiers: {id: {}}
"""


@pytest.mark.parametrize("controller", [None, CONTROLLER])
def test_the_model_of_the_workspace_is_part_of_what_is_looked_for(controller: str | None, tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "w")
    if controller is not None:
        made.path("policies/controller.yaml").write_text(controller)
    assert detection_for(made).nlp == SHIPPED
    (made.root / "delible.yaml").write_text("detection:\n  nlp: none\n")
    found = detection_for(open_workspace(made.root))
    assert found.nlp == NO_MODEL
    assert found.countries == (("DE",) if controller is not None else ())
