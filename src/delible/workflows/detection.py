"""What a workspace's policies say is looked for in values and texts."""

from __future__ import annotations

from delible.decide.detection import detection_of
from delible.model.detection import Detection
from delible.store.workspace import Workspace
from delible.workflows.control import Control


def detection_for(workspace: Workspace, control: Control | None = None) -> Detection:
    """Return what is looked for; in a workspace that has no controller yet, no country's identifiers.

    Args:
        control: What has read the policies already.

    Raises:
        PolicyError: When the policies cannot be read.
    """
    policies = (control or Control(workspace)).policies_if_any
    return Detection(nlp=workspace.nlp) if policies is None else detection_of(policies, workspace.nlp)
