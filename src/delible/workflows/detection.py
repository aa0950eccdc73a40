"""What a workspace's policies say is looked for in values and texts."""

from __future__ import annotations

from delible.decide.detection import detection_of
from delible.model.detection import Detection
from delible.store.policies import CONTROLLER, load_workspace_policies
from delible.store.workspace import Workspace


def detection_for(workspace: Workspace) -> Detection:
    """Return what is looked for; in a workspace that has no controller yet, no country's identifiers.

    Raises:
        PolicyError: When the policies cannot be read.
    """
    if not (workspace.path(workspace.config.policies) / CONTROLLER).exists():
        return Detection(nlp=workspace.nlp)
    return detection_of(load_workspace_policies(workspace), workspace.nlp)
