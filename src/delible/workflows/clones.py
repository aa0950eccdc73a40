"""Refuse to remove files that a shallow clone needs, to erase one whose files are another's, and to leave a copy."""

from __future__ import annotations

import os
from collections.abc import Mapping

from delible.errors import BlockedError, Problem
from delible.store.clones import find_clones
from delible.workflows.control import Control


def refuse_clones(control: Control, tables: Mapping[str, str]) -> None:
    """Refuse tables that share files with another one of the workspace, or of which an unmapped table is a copy.

    Asked when a plan is made and again right before old files go: a clone that came between reads them.

    Args:
        tables: Those whose old files would be removed, with their locations.

    Raises:
        BlockedError: `table.shallow_clone`, `table.deep_clone`, with one problem per clone.
    """
    clones = find_clones(control.workspace, control.policies)
    problems = []
    for clone, source in clones.unmapped.items():
        if clone not in clones.borrowed:
            problems += [_copied(control, name, clone) for name, location in tables.items() if location == source]
    for clone, owners in clones.borrowed.items():
        for name, location in tables.items():
            where = f"table:{name}"
            way = "Drop the clone, or copy it: CREATE TABLE … AS SELECT, and name the copy in a policy with 'upstream'."
            if clone == location:
                problems.append(
                    Problem(
                        "table.shallow_clone",
                        f"table '{name}' is a shallow clone: it reads files of another table, which its erasure would "
                        f"leave there. {way}",
                        where,
                    )
                )
            elif any(_inside(owner, location) for owner in owners):
                problems.append(
                    Problem(
                        "table.shallow_clone",
                        f"{_named(control, clone)} is a shallow clone that still reads files of table '{name}', "
                        f"which would be removed. {way}",
                        where,
                    )
                )
    if problems:
        raise BlockedError.of(tuple(problems))


def _copied(control: Control, table: str, clone: str) -> Problem:
    return Problem(
        "table.deep_clone",
        f"{_named(control, clone)} was cloned from table '{table}', its own log says, and no policy maps it: what is "
        f"removed here would stay there. Write a policy for it, with 'upstream: [{table}]', or drop it.",
        f"table:{table}",
    )


def _named(control: Control, location: str) -> str:
    known = next((f"table '{name}'" for name, at in control.locations().items() if at == location), None)
    return known or f"the table at {os.path.relpath(location, control.workspace.root)}"


def _inside(path: str, location: str) -> bool:
    return f"{path}/".startswith(f"{location.rstrip('/')}/")
