"""Who is in a release: its subject index, looked up by keyed references, without a JVM."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delible.errors import InputError, SetupError
from delible.model.record import Manifest
from delible.model.subject import SubjectRef
from delible.store.blocks import CheckedFile, OtherBlockError
from delible.store.manifests import Manifests
from delible.store.releases import BLOCKS, INDEX, Standing, release_file, retired_index, standing
from delible.store.uses import is_used
from delible.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1 << 18
_FEW = 8
"""So many references are looked for one by one, and so many row groups compared in Python."""


def members(
    workspace: Workspace,
    manifest: Manifest,
    refs: Collection[SubjectRef],
    *,
    key_version: int,
) -> dict[str, frozenset[str]]:
    """Return those references that the release's subject index holds, each with its data subjects in it.

    The index is sorted: only the row groups whose bounds enclose a reference are read, and checked.

    Raises:
        SetupError: `dataset.index_missing`, or `dataset.key_version` when the index was made with another key.
    """
    found: dict[str, set[str]] = {}
    with _index(workspace, manifest, key_version) as file:
        wanted = sorted(set(refs))
        for ref, subject in _pairs(file, _groups(file, wanted), wanted):
            found.setdefault(ref, set()).add(subject)
    return {ref: frozenset(subjects) for ref, subjects in found.items()}


def refs_of_subjects(
    workspace: Workspace, manifest: Manifest, subjects: Collection[str], *, key_version: int
) -> tuple[dict[str, frozenset[SubjectRef]], frozenset[SubjectRef]]:
    """Return all references of some of a release's data subjects, and those that several people in it share.

    Reads the whole index, once; a shared reference stands in neighbouring rows.

    Raises:
        SetupError: As `members`.
    """
    found: dict[str, set[SubjectRef]] = {}
    shared: set[SubjectRef] = set()
    with _index(workspace, manifest, key_version) as file:
        wanted, last = sorted(set(subjects)), ""
        if not wanted:
            return {}, frozenset()
        import pyarrow.compute as pc

        values = _array(wanted)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["ref", "subject"]):
            refs = batch.column("ref")
            twice = pc.equal(refs[1:], refs[:-1])
            shared.update(SubjectRef(ref) for ref in refs[1:].filter(twice).to_pylist())
            shared |= {SubjectRef(last)} if refs[0].as_py() == last else set()
            last = refs[-1].as_py()
            chosen = batch.filter(pc.is_in(batch.column("subject"), value_set=values))
            for subject, ref in zip(chosen["subject"].to_pylist(), chosen["ref"].to_pylist(), strict=True):
                found.setdefault(subject, set()).add(SubjectRef(ref))
    return {subject: frozenset(refs) for subject, refs in found.items()}, frozenset(shared)


def everybody(workspace: Workspace, manifest: Manifest, *, key_version: int) -> frozenset[str]:
    """Return all data subjects of a release.

    Raises:
        SetupError: As `members_or_gone`.
    """
    if _holds_nobody(workspace, manifest):
        return frozenset()
    found: set[str] = set()
    with _index(workspace, manifest, key_version) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["subject"]):
            found.update(batch.column("subject").to_pylist())
    return frozenset(found)


@dataclass(frozen=True)
class Holding:
    """Which releases (`NAME@vN`) hold whom.

    Args:
        inside: Per request, the releases whose subject index holds its data subject; requests in none are left out.
        unknown: Releases that cannot tell, for their index is gone or unreadable.
        newest: The newest release of each dataset that is not gone.
    """

    inside: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    newest: Mapping[str, str] = field(default_factory=dict, compare=False)

    def superseded(self, request: str) -> tuple[str, ...]:
        """Return the releases that hold a data subject whom the newest of the same dataset holds no more."""
        inside = self.inside.get(request, ())
        still = {*inside, *self.unknown}
        return tuple(name for name in inside if self.newest.get(name.partition("@")[0]) not in still)


def releases_with(workspace: Workspace, people: Mapping[str, Collection[SubjectRef]], *, key_version: int) -> Holding:
    """Return which releases hold people, each index read once for all of them.

    A release that was retired holds nobody's rows. One that is gone without that cannot tell, if anything was made
    with it.

    Args:
        people: Per request, the references of its data subject.
    """
    everybody = {ref for refs in people.values() for ref in refs}
    inside: dict[str, tuple[str, ...]] = {}
    newest: dict[str, str] = {}
    unknown = []
    for manifest in Manifests(workspace).all():
        try:
            where = standing(workspace, manifest)
            if where is Standing.HERE:
                newest[manifest.dataset] = manifest.release
            if where is Standing.RETIRED:
                continue
            found = members_or_gone(workspace, manifest, everybody, key_version=key_version).keys()
        except (SetupError, InputError):
            unknown.append(manifest.release)
            continue
        for request, refs in people.items():
            if not found.isdisjoint(refs):
                inside[request] = (*inside.get(request, ()), manifest.release)
    return Holding(inside, tuple(unknown), newest)


def members_or_gone(
    workspace: Workspace, manifest: Manifest, refs: Collection[SubjectRef], *, key_version: int
) -> dict[str, frozenset[str]]:
    """Return what `members` does, and nobody for a release that is gone, and that nothing was made with.

    Raises:
        SetupError: As `members`; `dataset.gone` for a release that was removed by hand, and that something was made
            with: whoever was in it, it says nothing of them.
        InputError: `workspace.path_escapes`.
    """
    if _holds_nobody(workspace, manifest):
        return {}
    return members(workspace, manifest, refs, key_version=key_version)


def _holds_nobody(workspace: Workspace, manifest: Manifest) -> bool:
    if standing(workspace, manifest) is not Standing.GONE:
        return False
    if is_used(workspace, manifest.dataset, manifest.version):
        raise SetupError(
            "dataset.gone",
            "the release is gone, and its subject index with it, so nobody knows who was in what was made with it.",
            where=f"dataset:{manifest.release}",
            fix="If it was removed by hand, put its folder back, and retire it with `delible dataset retire`.",
        )
    return True


@contextmanager
def _index(workspace: Workspace, manifest: Manifest, key_version: int) -> Iterator[Any]:
    """Give the subject index, of which nothing is read that is not what was registered."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where, path = f"dataset:{manifest.release}", workspace.path(Path(manifest.path) / INDEX)
    if standing(workspace, manifest) is Standing.RETIRED:
        path = retired_index(workspace, manifest)
    try:
        with _registered(manifest, path) as source, pq.ParquetFile(source) as file:
            if [(f.name, f.type) for f in file.schema_arrow] != [("ref", pa.string()), ("subject", pa.string())]:
                raise SetupError("dataset.index_missing", "the subject index has other columns.", where=where)
            bounds = _bounds(file, 0) if file.metadata.num_row_groups else None
            if bounds is not None and not bounds[0].startswith(f"v{key_version}."):
                raise SetupError(
                    "dataset.key_version",
                    "the subject index was made with another version of the reference key.",
                    where=where,
                    fix="Build the dataset again, or ask with the key that it was built with.",
                )
            yield file
    except OtherBlockError:
        raise SetupError(
            "dataset.index_missing",
            "the subject index is not the one that was registered.",
            where=where,
            fix="Put the release's own folder back; `delible dataset verify` names what differs.",
        ) from None
    except (OSError, UnicodeDecodeError, pa.ArrowException):
        raise SetupError("dataset.index_missing", "the subject index cannot be read.", where=where) from None


@contextmanager
def _registered(manifest: Manifest, path: Path) -> Iterator[Path | CheckedFile]:
    """Give an index if it is the registered one: another could say of everybody that they are in no release.

    Blocks are checked as they are read; without their digests, as in releases of earlier versions and retired ones, the
    whole file is. What no manifest registers, such as in releases of the first versions, is taken as it is.

    Raises:
        OtherBlockError: Of reads as well.
    """
    if not path.is_file():
        raise OSError("no file")
    files = {file.path: file for file in manifest.files}
    known, blocks = files.get(INDEX), files.get(BLOCKS)
    if known is None:
        yield path
    elif blocks is not None and path.name == INDEX:
        digests = (path.parent / BLOCKS).read_bytes()
        if sha256(digests).hexdigest() != blocks.sha256:
            raise OtherBlockError("other digests")
        with CheckedFile(path, digests.decode("ascii"), known.bytes) as source:
            yield source
    else:
        if path.stat().st_size != known.bytes or release_file(path, path.parent).sha256 != known.sha256:
            raise OtherBlockError("another file")
        yield path


def _groups(file: Any, wanted: Sequence[str]) -> list[int]:
    """Return the row groups that can hold one of the references; both are sorted.

    For a few references only the bounds are looked at that lead to them: there are hundreds of row groups.
    """
    count = file.metadata.num_row_groups
    if len(wanted) > _FEW or any(_bounds(file, group) is None for group in (0, count - 1) if count):
        bounds = ((group, _bounds(file, group)) for group in range(count))
        return [g for g, b in bounds if b is None or bisect_left(wanted, b[0]) < bisect_right(wanted, b[1])]
    found: set[int] = set()
    for ref in wanted:
        group = bisect_left(range(count), ref, key=lambda g: (_bounds(file, g) or ("", ref))[1])
        while group < count and (_bounds(file, group) or ("", ref))[0] <= ref:
            found.add(group)
            group += 1
    return sorted(found)


def _bounds(file: Any, group: int) -> tuple[str, str] | None:
    statistics = file.metadata.row_group(group).column(0).statistics
    return (statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else None


def _pairs(file: Any, groups: Sequence[int], wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield reference and subject of the index's rows whose reference is one of the wanted."""
    if not wanted or not groups:
        return
    batches = file.iter_batches(_ROWS_AT_ONCE, row_groups=list(groups), columns=["ref", "subject"])
    if len(groups) <= _FEW:  # spares the import of pyarrow's functions, which takes longer
        asked = set(wanted)
        for batch in batches:
            pairs = zip(batch.column("ref").to_pylist(), batch.column("subject").to_pylist(), strict=True)
            yield from (pair for pair in pairs if pair[0] in asked)
        return
    import pyarrow.compute as pc

    values = _array(wanted)
    for batch in batches:
        chosen = batch.filter(pc.is_in(batch.column("ref"), value_set=values))
        yield from zip(chosen.column("ref").to_pylist(), chosen.column("subject").to_pylist(), strict=True)


def _array(texts: Sequence[str]) -> pa.Array:
    """Return texts as Arrow holds them; `pa.array` would import pandas where it is installed, which takes a second."""
    import pyarrow as pa
    from arro3.core import Array, DataType

    return pa.array(Array(list(texts), DataType.utf8()))
