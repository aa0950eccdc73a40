"""Search for old values after a rectification: in the tables that were changed, and in the workspace.

The person's new value may stand wherever it is right, so only what was wrong is looked for; where others have the same
value, in the person's own rows.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.rectification import identified_by
from delible.model.numbers import is_number
from delible.model.plan import RectificationStep
from delible.model.policy import TablePolicy
from delible.model.proof import Verification
from delible.model.rectification import Change
from delible.model.subject import KeyRole, KeyRow, normalised
from delible.model.terms import Normalise
from delible.store.live_files import live_files
from delible.workflows.control import Control
from delible.workflows.spark import end_session, session_for
from delible.workflows.verification import beside, with_left

if TYPE_CHECKING:
    from delible.lake.search.typed_keys import TypedKeys


def search_old_values(
    control: Control,
    steps: Sequence[RectificationStep],
    keys: Sequence[KeyRow],
    changes: Sequence[Change],
    *,
    now: datetime,
) -> Verification:
    """Search every byte of the changed tables and of the workspace for telling old values, and rows for the others."""
    from delible.lake.rectify import column_facts
    from delible.lake.search.rows import Wrong, search_rows
    from delible.lake.search.typed_keys import TypedKeys
    from delible.lake.search.verify import Folder, search

    workspace, tables = control.workspace, control.policies.tables
    spark = session_for(workspace)
    # Spark does not tell letter case apart in names of columns.
    kinds = {s.table: {c.lower(): f.kind for c, f in column_facts(spark, s.location).items()} for s in steps}
    end_session(workspace)
    folders: list[Folder] = []
    for step in steps:
        own: dict[str, set[str]] = defaultdict(set)
        for c in changes:
            if c.table == step.table and c.proof == "column" and c.old is not None:
                own[c.column].add(c.old)
        typed = {column: TypedKeys(frozenset(values), Normalise.EXACT) for column, values in own.items()}
        folder = Folder(f"table:{step.table}", step.location, typed, beside=beside(step.location))
        folders += with_left(control, folder)
    inside = [_inside(workspace.location(t), workspace.root) for t in tables.values()]
    folders.append(Folder("workspace", str(workspace.root), {}, tuple(i for i in inside if i is not None)))
    telling = sorted({c.old for c in changes if c.proof == "bytes" and c.old is not None})
    numbers = {_number(control, c) for c in changes if c.proof == "bytes"} - {None}
    found = search(
        folders,
        sorted({*telling, *(n for n in numbers if n)}),
        now=now,
        numbers=[n for n in numbers if n and is_number(n)],
    )
    matches, unreadable = list(found.matches), list(found.unreadable)
    for step in steps:
        people = [
            Wrong(_keys(control, tables[step.table], [k for k in keys if k.request == request]), values)
            for request, values in _wrong(step, changes, kinds[step.table]).items()
        ]
        more, unread = search_rows(f"table:{step.table}", step.location, people, live=live_files(step.location))
        matches += more
        unreadable += [place for place in unread if place not in unreadable]
    return found.model_copy(update={"matches": tuple(matches), "unreadable": tuple(unreadable)})


def _wrong(
    step: RectificationStep, changes: Sequence[Change], kinds: Mapping[str, str]
) -> dict[str, dict[str, tuple[str, list[str]]]]:
    """Return, by request and column of a table, the column's type and the old values; others may have them rightly."""
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for c in changes:
        if c.table == step.table and c.old is not None:
            of_request = found.setdefault(c.request, {})
            of_request.setdefault(c.column, (kinds.get(c.column.lower(), "string"), []))[1].append(c.old)
    return found


def _keys(control: Control, policy: TablePolicy, keys: Sequence[KeyRow]) -> Mapping[str, TypedKeys]:
    """Return, per column by which a table reaches people, the keys of the people whose values were wrong."""
    from delible.lake.reach import kind_of
    from delible.lake.search.typed_keys import TypedKeys

    kinds = control.policies.controller.identifiers
    found: dict[str, TypedKeys] = {}
    for reach in policy.subject:
        kind = kind_of(policy, reach)
        how = kinds[kind].normalise if kind in kinds else Normalise.EXACT
        values = frozenset(k.value for k in keys if k.kind == kind and k.role in (KeyRole.GIVEN, KeyRole.FOUND))
        if values:
            known = found.get(reach.column)
            found[reach.column] = TypedKeys(values | (known.values if known else frozenset()), how)
    return found


def _number(control: Control, change: Change) -> str | None:
    """Return an old telephone number in the one spelling of its kind, to be found in all others."""
    kind = identified_by(control.policies.tables[change.table], change.column)
    if kind is None or change.old is None:
        return None
    how = control.policies.controller.identifiers[kind].normalise
    return normalised(change.old, how) if how is Normalise.DIGITS else None


def _inside(location: str, root: Path) -> str | None:
    if "://" in location or not Path(location).is_relative_to(root):
        return None
    return os.path.relpath(location, root)
