"""Inputs of a breach notification: who and what is in given files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from delible import __version__
from delible.errors import InputError
from delible.model.detection import Detection
from delible.model.policy import PolicySet
from delible.model.record import Manifest
from delible.model.taxonomy import is_personal
from delible.model.terms import Treatment
from delible.plan.release import surviving
from delible.report.breach import (
    Belongs,
    BreachFacts,
    Exposure,
    FileLine,
    breach_facts,
    category_count,
    category_counts,
)
from delible.report.breach_content import breach_content
from delible.store.lost_files import LostFiles, Owner, People, TableFound
from delible.store.lost_places import Lost, listed, opened, sha256, size_of
from delible.store.manifests import Manifests
from delible.store.releases import INDEX
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.detection import detection_for
from delible.workflows.report_files import Report, stem_of
from delible.workflows.strange_file import look_into


@dataclass
class _Reading:
    """What was found so far."""

    control: Control
    detection: Detection
    lost: LostFiles
    manifests: dict[str, Manifest]
    now: datetime
    lines: list[FileLine] = field(default_factory=list)
    tables: dict[str, TableFound] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    others: list[Exposure] = field(default_factory=list)
    released: Counter[str] = field(default_factory=Counter)
    cut: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, path: Lost) -> None:
        owner = self.lost.owner(path)
        rows, unread, digest, size = None, None, "", 0
        try:
            digest, size = sha256(path), size_of(path)
            rows, unread = self._rows(number, path, owner), self.cut.get(number)
        except Exception as error:  # whatever a file does to its reader, the others count; texts may quote the file
            unread = f"not readable as such ({type(error).__name__})"
        current = None
        if owner.belongs is Belongs.TABLE and owner.of is not None and path.suffix == ".parquet":
            current = self.lost.is_current(owner.of, path)
        self.lines.append(
            FileLine(
                number=number,
                sha256=digest,
                bytes=size,
                belongs=owner.belongs,
                of=owner.of,
                rows=rows,
                current=current,
                unread=unread,
            )
        )

    def _rows(self, number: int, path: Lost, owner: Owner) -> int | None:
        match owner:
            case Owner(Belongs.TABLE, str(table)) if path.suffix == ".parquet":
                # Counted in a finding of its own first: a file that fails half-way adds nothing.
                found = TableFound()
                rows = self.lost.read(table, path, found)
                self.files[table] += 1
                _add(self.tables.setdefault(table, TableFound()), found)
                return rows
            case Owner(Belongs.RELEASE, str(release)) if path.suffix == ".parquet" and path.name != INDEX:
                rows = _parquet_rows(path)
                self.files[release] += 1
                self.released[release] += rows
                return rows
            case Owner(Belongs.STRANGE) if isinstance(path, Path):
                found_there = look_into(path, self.detection, now=self.now)
                self.others.append(
                    Exposure(
                        of=f"file {number}",
                        belongs=Belongs.STRANGE,
                        files=1,
                        rows=found_there.rows,
                        people={},
                        most=found_there.most,
                        categories=found_there.categories,
                        unmapped=found_there.columns,
                    )
                )
                if found_there.cut:
                    self.cut[number] = "only its beginning was read"
                return found_there.rows
            case Owner(Belongs.STRANGE):
                self.cut[number] = "in a bucket, and of no table: it has to be fetched to be looked into"
        return None

    def exposures(self) -> list[Exposure]:
        policies = self.control.policies
        made = [
            Exposure(
                of=name,
                belongs=Belongs.TABLE,
                files=self.files[name],
                rows=found.rows,
                people={kind: len(values) for kind, values in sorted(found.people.items())},
                rows_only=found.rows_only,
                categories=category_counts(policies.tables[name].columns, found.filled),
                unmapped=len(found.unmapped),
            )
            for name, found in sorted(self.tables.items())
        ]
        return [*made, *(self._release(name, rows) for name, rows in sorted(self.released.items())), *self.others]

    def _release(self, name: str, rows: int) -> Exposure:
        """Return a release's files: its rows are treated, and who is in them only its subject index could tell."""
        manifest = self.manifests[name]
        held = Counter(c for c in _categories(manifest, self.control.policies) if is_personal(c))
        return Exposure(
            of=name,
            belongs=Belongs.RELEASE,
            files=self.files[name],
            rows=rows,
            people={},
            most=min(rows, manifest.members),
            categories=tuple(category_count(c, columns=n, rows=rows) for c, n in sorted(held.items())),
        )


def breach_report(
    workspace: Workspace, paths: Sequence[Path | str], *, now: datetime, aware: datetime | None = None
) -> Report[BreachFacts]:
    """Read the files and return what a notification needs of them; nothing is written into the ledger.

    Args:
        paths: Files, folders with all files in them, and URIs of buckets.
        aware: When the controller became aware of the breach.

    Raises:
        InputError: `breach.file_missing`.
    """
    control, manifests = Control(workspace), Manifests(workspace).all()
    lost = LostFiles(workspace, control.policies, manifests)
    reading = _Reading(control, detection_for(workspace, control), lost, {m.release: m for m in manifests}, now)
    for number, path in enumerate(listed(paths), 1):
        reading.add(number, path)
    tables = reading.tables.values()
    together, apart = _together(f.people for f in tables), _together(f.apart for f in tables)
    facts = breach_facts(
        control.policies,
        reading.lines,
        reading.exposures(),
        {kind: len(values) for kind, values in together.items()},
        apart=sum(len(values) for values in apart.values()),
        aware=aware,
        now=now,
        software=f"delible {__version__}",
    )
    return Report(
        facts=facts,
        content=breach_content(facts),
        document=facts.model_dump(mode="json"),
        stem=stem_of(workspace, f"breach-{now:%Y%m%dT%H%M%S}"),
    )


def named_paths(given: Sequence[str]) -> list[Path | str]:
    """Return the paths and URIs that are named; `@LIST` stands for those in a file, one a line.

    Raises:
        InputError: `breach.list_unreadable`.
    """
    found: list[str] = []
    for each in given:
        if not each.startswith("@"):
            found.append(each)
            continue
        try:
            lines = Path(each[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            raise InputError(
                "breach.list_unreadable",
                "the list of files cannot be read.",
                where="--files",
                fix="Give a file with one path a line, in UTF-8.",
            ) from None
        found += [line for line in lines if line.strip()]
    return [each if "://" in each else Path(each) for each in found]


def _categories(manifest: Manifest, policies: PolicySet) -> Iterator[str]:
    """Yield the data category of each released column; of manifests without columns, those that the recipe names."""
    if manifest.columns:
        yield from (left for left in map(surviving, manifest.columns) if left is not None)
        return
    recipe = policies.datasets.get(manifest.dataset)
    for table, columns in recipe.by_table.items() if recipe is not None else ():
        known = policies.tables[table].columns if table in policies.tables else {}
        yield from (known[c].category for c, t in columns.items() if c in known and t.treatment is not Treatment.DROP)


def _together(parts: Iterable[People]) -> People:
    found: People = {}
    for part in parts:
        for kind, values in part.items():
            found.setdefault(kind, set()).update(values)
    return found


def _add(all_of_it: TableFound, found: TableFound) -> None:
    all_of_it.rows += found.rows
    all_of_it.unmapped |= found.unmapped
    all_of_it.rows_only = all_of_it.rows_only or found.rows_only
    for kind, values in found.people.items():
        all_of_it.people.setdefault(kind, set()).update(values)
    for kind, values in found.apart.items():
        all_of_it.apart.setdefault(kind, set()).update(values)
    for name, rows in found.filled.items():
        all_of_it.filled[name] = all_of_it.filled.get(name, 0) + rows


def _parquet_rows(path: Lost) -> int:
    import pyarrow.parquet as pq

    with opened(path) as content, pq.ParquetFile(content) as file:
        return int(file.metadata.num_rows)
