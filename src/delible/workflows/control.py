"""The opened parts of a workspace's control plane, which most workflows need together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from delible.model.policy import PolicySet
from delible.store.holds import Holds
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.notices import Notices
from delible.store.policies import CONTROLLER, load_workspace_policies
from delible.store.requests import Requests
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace


@dataclass(frozen=True)
class Control:
    """Policies, keys, ledger and registers of one workspace, each opened when it is first asked for."""

    workspace: Workspace

    @cached_property
    def keys(self) -> Keys:
        """The workspace's secrets."""
        return load_keys(self.workspace)

    @cached_property
    def policies(self) -> PolicySet:
        """The policies as they are now."""
        return load_workspace_policies(self.workspace)

    @cached_property
    def policies_if_any(self) -> PolicySet | None:
        """The policies; None in a workspace that has no controller yet."""
        folder = self.workspace.path(self.workspace.config.policies)
        return self.policies if (folder / CONTROLLER).exists() else None

    @cached_property
    def ledger(self) -> Ledger:
        """The audit ledger."""
        return Ledger(self.workspace, self.keys)

    @cached_property
    def requests(self) -> Requests:
        """The register of requests."""
        return Requests(self.workspace, self.keys, self.ledger)

    @cached_property
    def holds(self) -> Holds:
        """Legal holds on people."""
        return Holds(self.workspace, self.ledger)

    @cached_property
    def notices(self) -> Notices:
        """Notices to recipients."""
        return Notices(self.workspace, self.ledger)

    @cached_property
    def suppression(self) -> Suppression:
        """References of erased people."""
        return Suppression(self.workspace)

    def under(self, policies: PolicySet) -> Control:
        """Return the same workspace under other policies than its own, to ask what they would do."""
        other = Control(self.workspace)
        other.__dict__["policies"] = policies  # where cached_property looks first
        return other

    def locations(self) -> dict[str, str]:
        """Return where each policy table is."""
        return {name: self.workspace.location(table) for name, table in self.policies.tables.items()}
