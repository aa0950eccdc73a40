"""Manifests of dataset releases."""

from __future__ import annotations

from delible.errors import ConflictError
from delible.model.base import canonical
from delible.model.record import Manifest
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="manifests",
    columns={"dataset": "string", "version": "long", "created_at": "timestamp", "manifest": "string"},
    indexed=3,
    noun="dataset",
)
_CHAIN = "manifests"


class Manifests:
    """One manifest per dataset and version; a version is never written twice."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    def put(self, manifest: Manifest) -> None:
        """Record a release; the very same manifest again changes nothing.

        Raises:
            ConflictError: `dataset.version_taken` when another release has this version.
        """

        def build(snapshot: Snapshot) -> Write | None:
            known = next((x for x in _of(snapshot, manifest.dataset) if x.version == manifest.version), None)
            if known == manifest:
                return None
            if known is not None:
                raise ConflictError(
                    "dataset.version_taken",
                    "another release has this version.",
                    where=f"dataset:{manifest.release}",
                    fix="Run the command again; it takes the next version.",
                )
            text = canonical(manifest.model_dump(mode="json")).decode()
            row = (manifest.dataset, manifest.version, manifest.created_at, text)
            return Write([row], {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        self._table.upkeep(self._table.commit(build)[1])

    def latest(self, dataset: str) -> Manifest | None:
        """Return the newest release of a dataset, or None before the first."""
        return max(_of(self._table.snapshot(), dataset), key=lambda x: x.version, default=None)

    def get(self, dataset: str, version: int) -> Manifest | None:
        """Return one release, or None where there is no such version."""
        return next((x for x in _of(self._table.snapshot(), dataset) if x.version == version), None)

    def of(self, dataset: str) -> list[Manifest]:
        """Return a dataset's releases by version."""
        return _of(self._table.snapshot(), dataset)

    def all(self) -> list[Manifest]:
        """Return all releases by dataset and version."""
        return _read(self._table.snapshot(), "")


def _of(snapshot: Snapshot, dataset: str) -> list[Manifest]:
    return _read(snapshot, f"WHERE {any_of('dataset', [dataset])}")


def _read(snapshot: Snapshot, where: str) -> list[Manifest]:
    rows = snapshot.rows(f'{where} ORDER BY "dataset", "version"', columns=("manifest",))
    return [Manifest.model_validate_json(text) for (text,) in rows]
