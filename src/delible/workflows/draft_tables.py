"""The tables that a draft looks at: those without a policy, and those whose policy is there already."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from delible.decide.key_names import parts
from delible.decide.policy import location_key
from delible.errors import InputError, did_you_mean
from delible.model.layout import Layout
from delible.model.policy import PolicySet, TablePolicy
from delible.store.policies import CONTROLLER, load_workspace_policies
from delible.store.sizes import table_size
from delible.store.warehouse import layout_of, tables_below
from delible.store.workspace import Workspace

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Described:
    """One table as its log describes it.

    Args:
        table: Its name in the policies, or the one that a draft gives it.
        tagged: The name that its verdicts are kept under.
        path: Its folder as a policy names it.
        policy: The policy that maps it; None for a table to be drafted.
        unfit: Why it cannot be drafted, as a question; empty when it can.
    """

    table: str
    tagged: str
    path: str
    location: str
    version: int = -1
    layout: Layout = field(default_factory=lambda: Layout(columns={}))
    policy: TablePolicy | None = None
    unfit: str = ""


def described(workspace: Workspace, names: Sequence[str], warehouse: Path | None) -> list[Described]:
    """Return the tables to draft for, and those with a policy, whose keys they may refer to.

    Raises:
        InputError: `policy.draft_unknown` for a name that no unmapped table has, or a folder without tables.
    """
    policies = policies_of(workspace)
    mapped = list(_mapped(workspace, policies))
    top = (warehouse or workspace.path(workspace.config.warehouse)).resolve()
    if warehouse is not None and not top.is_dir():
        raise InputError("policy.draft_unknown", "there is no such folder.", where="--warehouse")
    taken = {Path(t.location) for t in mapped}
    places = sorted(folder for folder in tables_below(top) if folder.resolve() not in taken)
    shown = Counter(_name(folder.name) for folder in places)
    unmapped = [_unmapped(workspace, top, folder, shown[_name(folder.name)] > 1) for folder in places]
    known = {t.table for t in unmapped}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f" Unmapped: {', '.join(sorted(known)) or 'none'}."
            raise InputError("policy.draft_unknown", f"no unmapped table has this name.{hint}", where=name)
    clash = {t.table for t in mapped} & known
    return [*(t for t in mapped if t.table not in clash), *unmapped]


def policies_of(workspace: Workspace) -> PolicySet | None:
    """Return the workspace's policies, or None before there is a controller."""
    folder = workspace.path(workspace.config.policies)
    return load_workspace_policies(workspace) if (folder / CONTROLLER).exists() else None


def _mapped(workspace: Workspace, policies: PolicySet | None) -> Iterator[Described]:
    for table in policies.tables.values() if policies is not None else ():
        location = workspace.location(table)
        layout = None if "://" in location else layout_of(Path(location))
        size = table_size(location) if layout is not None else None
        if layout is not None and size is not None:
            yield Described(table.table, table.table, table.path, location, size.version, layout, table)


def _unmapped(workspace: Workspace, top: Path, folder: Path, twice: bool) -> Described:
    below = folder.relative_to(top)
    name = _name("_".join(below.parts) if twice else folder.name)
    inside = folder.is_relative_to(workspace.root)
    path = folder.relative_to(workspace.root).as_posix() if inside else str(folder)
    place, tagged = str(folder), ".".join(below.parts)
    layout, size = layout_of(folder), table_size(str(folder))
    if layout is None or size is None:
        return Described(name, tagged, path, place, unfit=f"what is the table at '{path}' (its log cannot be read)?")
    if not _NAME.fullmatch(name):
        why = "a policy's name begins with a letter"
        return Described(name, tagged, path, place, unfit=f"what is the table at '{path}' ({why})?")
    return Described(name, tagged, location_key(path), place, size.version, layout)


def _name(folder: str) -> str:
    """Return a folder's name as a policy may have it."""
    return folder if _NAME.fullmatch(folder) else "_".join(parts(folder))[:64]
