"""Draft policies for tables that no policy maps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from delible.errors import InputError, did_you_mean
from delible.model.layout import Layout
from delible.model.policy import PolicySet, TablePolicy
from delible.plan.policy_draft import Draft, Measured, draft
from delible.store.policies import load_workspace_policies
from delible.store.workspace import Workspace
from delible.store.yaml_file import read_yaml

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_WHOLE = ("byte", "short", "integer", "long")


@dataclass(frozen=True)
class Drafted:
    """One table: the file that was written, or None where a question must be answered first."""

    table: str
    file: Path | None
    questions: tuple[str, ...]


def draft_policies(
    workspace: Workspace, names: Sequence[str] = (), *, progress: Callable[[str], None] = lambda _: None
) -> tuple[Drafted, ...]:
    """Write a policy for each table of the warehouse that no policy maps, or for the named ones; overwrite nothing.

    Raises:
        InputError: `policy.draft_unknown` for a name that no unmapped table has; `policy.draft_exists` where a file is
            in the way.
    """
    from delible.store.tags import Tags
    from delible.store.warehouse import describe_tables

    policies = load_workspace_policies(workspace)
    mapped = {Path(t.path).as_posix().rstrip("/") for t in policies.tables.values()}
    layouts = describe_tables(workspace, policies)
    unmapped = {Path(key).name: (key, layout) for key, layout in layouts.items() if key not in mapped}
    for name in names:
        if name not in unmapped:
            hint = did_you_mean(name, unmapped) or f" Unmapped: {', '.join(sorted(unmapped)) or 'none'}."
            raise InputError("policy.draft_unknown", f"no unmapped table has this name.{hint}", where=name)
    tags = [t for t in Tags(workspace).latest() if t.table in unmapped]
    made = []
    for name in sorted(names or unmapped):
        key, layout = unmapped[name]
        if layout is None or not _NAME.fullmatch(name):
            why = "its log cannot be read" if layout is None else "a policy's name has lower-case letters, digits and _"
            made.append(Drafted(name, None, (f"what is the table at '{key}' ({why})?",)))
            continue
        progress(f"{name}: measuring keys")
        measured = list(_measured(workspace, policies, workspace.root / key, layout, layouts))
        found = draft(name, key, layout, {t.column: t for t in tags if t.table == name}, measured)
        made.append(Drafted(name, _written(workspace, found), found.questions))
    return tuple(made)


def _measured(
    workspace: Workspace, policies: PolicySet, folder: Path, layout: Layout, layouts: dict[str, Layout | None]
) -> Iterator[Measured]:
    """Yield what share of each column's values are keys of tables whose people are known."""
    from delible.store.inclusion import included

    for table in policies.tables.values():
        known = layouts.get(Path(table.path).as_posix().rstrip("/"))
        if known is None:
            continue
        for reach in table.direct:
            kind = known.columns.get(reach.column, "")
            for column, own in layout.columns.items():
                text = kind == own == "string"
                if "." in column or not (text or (kind in _WHOLE and own in _WHOLE)):
                    continue
                counted = included(folder, column, Path(workspace.location(table)), reach.column)
                if counted is not None:
                    alike = column.lower() == reach.column.lower()
                    yield Measured(column, table.table, reach.column, reach.identifies or "", *counted, alike, text)


def _written(workspace: Workspace, found: Draft) -> Path | None:
    """Write a draft where no file is; what is written is read back as a policy first."""
    if found.text is None:
        return None
    TablePolicy.model_validate(read_yaml(found.text.encode()).value)
    path = workspace.path(workspace.config.policies) / "tables" / f"{found.table}.yaml"
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(found.text)
    except FileExistsError:
        raise InputError(
            "policy.draft_exists", "there is a file already, and drafts overwrite nothing.", where=str(path)
        ) from None
    return path
