"""A workspace of its own for each test, and the nouns that live in it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.model.record import Manifest
from delible.model.subject import Identifier, IdentifierKind, SubjectRef
from delible.model.terms import Normalise, Regime, Right
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.releases import INDEX
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.workspace import Workspace, create_workspace

KINDS = {"email": IdentifierKind(normalise=Normalise.LOWER), "phone": IdentifierKind(normalise=Normalise.DIGITS)}


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


@pytest.fixture
def keys(workspace: Workspace) -> Keys:
    return load_keys(workspace)


@pytest.fixture
def ledger(workspace: Workspace, keys: Keys) -> Ledger:
    return Ledger(workspace, keys)


@pytest.fixture
def requests(workspace: Workspace, keys: Keys, ledger: Ledger) -> Requests:
    return Requests(workspace, keys, ledger)


class People:
    """Makes requests of synthetic people."""

    def __init__(self, keys: Keys, now: datetime) -> None:
        self.keys, self.now = keys, now

    def request(self, *values: str, right: Right = Right.ERASURE) -> NewRequest:
        identifiers = tuple(Identifier(kind="email" if "@" in v else "phone", value=v) for v in values)
        return NewRequest(
            right=right,
            regime=Regime.GDPR,
            identifiers=identifiers,
            refs=refs_of(identifiers, KINDS, self.keys),
            received=self.now,
            due=date(2026, 12, 24),
        )


@pytest.fixture
def people(keys: Keys, now: datetime) -> People:
    return People(keys, now)


def released(
    workspace: Workspace,
    name: str,
    version: int,
    refs: Sequence[SubjectRef],
    now: datetime,
    *,
    purpose_fingerprint: str | None = None,
) -> Manifest:
    """Register a dataset release that is nothing but its subject index."""
    manifest = Manifest(
        dataset=name,
        version=version,
        purpose="model_training",
        recipe_fingerprint="0" * 64,
        policy_fingerprint="0" * 64,
        sources={"tickets": 1},
        known_at=now,
        created_at=now,
        rows_in=len(refs),
        rows_out=len(refs),
        excluded={},
        members=len(refs),
        files=(),
        path=f"releases/{name}/v{version}",
        purpose_fingerprint=purpose_fingerprint,
    )
    folder = workspace.path(manifest.path)
    folder.mkdir(parents=True)
    column = pa.array(sorted(refs), pa.string())
    pq.write_table(pa.table({"ref": column, "subject": column}), folder / INDEX, row_group_size=2)
    Manifests(workspace).put(manifest)
    return manifest
