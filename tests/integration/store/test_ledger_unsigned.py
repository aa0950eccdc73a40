"""Files that nobody signed: readers take the newest checkpoint for the whole log before it, so it must not pass."""

from __future__ import annotations

from datetime import datetime

from deltalake import DeltaTable

from delible.model.record import AuditEntry
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace


def test_a_checkpoint_that_somebody_else_wrote_is_found(ledger: Ledger, workspace: Workspace, now: datetime) -> None:
    for name in "abc":
        ledger.append([AuditEntry(actor="ops", action="erasure.merge", object=f"table:{name}", outcome="done")], now)
    assert ledger.verify().intact
    DeltaTable(str(workspace.root / "store" / "audit")).create_checkpoint()
    check = ledger.verify()
    assert not check.intact
    assert "ledger.file_unknown" in {problem.code for problem in check.problems}
