"""What retention has removed from tables since releases were cut from them.

Which rows of a release these are is unknown: a release has no keys by which it could be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from delible.model.record import Manifest
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.retirements import retirements
from delible.store.workspace import Workspace


def releases_cut_from(workspace: Workspace, tables: Collection[str]) -> tuple[str, ...]:
    """Return the releases that were cut from some tables and are not retired, by dataset and version."""
    gone = retirements(workspace)
    return tuple(
        m.release
        for m in sorted(Manifests(workspace).all(), key=lambda m: (m.dataset, m.version))
        if (m.dataset, m.version) not in gone and not m.sources.keys().isdisjoint(tables)
    )


def removed_since(ledger: Ledger, manifest: Manifest) -> dict[str, int]:
    """Return how many rows retention has removed or treated in a release's tables since its rows were read, by table.

    A recut's rows are those of the build that it goes back to.
    """
    read_at = manifest.treated_at or manifest.known_at
    rows: Counter[str] = Counter()
    for record in ledger.records(action_prefix="retention.merge", object_prefix="plan:", since=read_at):
        table = record.object.partition("/table:")[2].partition("/")[0]
        if record.outcome == "done" and table in manifest.sources and record.counts.get("rows"):
            rows[table] += record.counts["rows"]
    return dict(sorted(rows.items()))
