"""Draft policies for tables that nobody described, from what is measured of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from delible.decide.subject_ways import Seen, subject_ways
from delible.errors import InputError
from delible.model.subject import IdentifierKind
from delible.plan.draft_columns import Facts, quasi_identifiers
from delible.plan.policy_draft import Draft, draft
from delible.store.workspace import Workspace
from delible.workflows.draft_controller import Controller, controller_of, further_kinds, written_controller
from delible.workflows.draft_tables import Described, described
from delible.workflows.lineage_events import recorded, table_uses

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Drafted:
    """One table: the file that was written, or None with what stands in the way."""

    table: str
    file: Path | None
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Drafts:
    """What was drafted.

    Args:
        controller: The controller's file, where kinds of identifiers were added to it.
        kinds: Those kinds.
    """

    tables: tuple[Drafted, ...]
    controller: Path | None = None
    kinds: Mapping[str, IdentifierKind] = field(default_factory=dict)
    questions: tuple[str, ...] = ()


def draft_policies(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    warehouse: Path | None = None,
    out: Path | None = None,
    now: datetime,
    progress: Tell = lambda _: None,
) -> Drafts:
    """Write a policy for each table that no policy maps, or for the named ones; overwrite nothing.

    Args:
        warehouse: Folder of Delta tables to draft for, in place of the workspace's own.
        out: Folder to write to, in place of the workspace's policies.

    Raises:
        InputError: `policy.draft_unknown` for a name that no unmapped table has; `policy.draft_exists` for a named
            table whose file is there; `policy.draft_kinds` where a controller's file cannot be added to.
    """
    folder = (out or workspace.path(workspace.config.policies)).resolve()
    tables = described(workspace, names, warehouse)
    wanted = [t for t in tables if t.policy is None and (not names or t.table in names)]
    there = {t.table for t in wanted if (folder / "tables" / f"{t.table}.yaml").exists()}
    if names and there:
        first = folder / "tables" / f"{min(there)}.yaml"
        raise InputError(
            "policy.draft_exists", "there is a file already, and drafts overwrite nothing.", where=first.name
        )
    kept = tuple(Drafted(name, None, (_kept(name),)) for name in sorted(there))
    unread = tuple(Drafted(t.table, None, (t.unfit,)) for t in wanted if t.unfit)
    drafted = {t.table: t for t in wanted if not t.unfit and t.table not in there}
    if not drafted:
        return Drafts((*kept, *unread))
    controller = controller_of(workspace, folder)
    read = [t for t in tables if not t.unfit]
    inputs = table_uses(None, {t.table: t.location for t in read}, {t.table: t.version for t in read})
    with recorded(workspace, "policy.draft", now=now, inputs=inputs):
        drafts, seen = _drafts(workspace, read, drafted, controller, now, progress)
    kinds, why = further_kinds(controller, drafts, seen)
    texts = _texts(drafts)
    file = written_controller(controller, folder, kinds, why)
    made = tuple(Drafted(d.table, _written(folder, d.table, texts[d.table]), d.questions) for d in drafts)
    asked = controller.questions(seen.domains)
    return Drafts((*made, *kept, *unread), file, kinds, asked)


def _kept(name: str) -> str:
    return f"'{name}' has a file already; drafts overwrite nothing, so it stays as it is. Does its path lead elsewhere?"


def _texts(drafts: Sequence[Draft]) -> dict[str, str]:
    from delible.workflows.draft_yaml import table_yaml

    return {d.table: table_yaml(d) for d in drafts}


def _drafts(
    workspace: Workspace,
    tables: Sequence[Described],
    drafted: Mapping[str, Described],
    controller: Controller,
    now: datetime,
    progress: Tell,
) -> tuple[list[Draft], Seen]:
    from delible.lake.facts import read
    from delible.lake.profile import combinations
    from delible.workflows.draft_measures import measured, verdicts
    from delible.workflows.spark import session_for

    spark = session_for(workspace)
    tags = verdicts(workspace, spark, tables, now, progress)
    seen = measured(workspace, spark, tables, tags, controller, frozenset(drafted), progress)
    ways = subject_ways(seen)
    made = []
    for name, table in sorted(drafted.items()):
        own = tags[name]
        quasi = [c for c in quasi_identifiers(own) if "." not in c]
        frame = read(spark, table.location, version=table.version)
        together = combinations(frame, quasi) if len(quasi) > 1 else None
        facts = Facts(name, table.path, table.version, table.layout.columns, own, together)
        made.append(draft(facts, ways[name], seen, ways))
    return made, seen


def _written(folder: Path, table: str, text: str) -> Path:
    path = folder / "tables" / f"{table}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path
