"""Search everything that belongs to a workspace for identifiers that must be gone."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.errors import InputError
from delible.model.plan import TableStep
from delible.model.policy import TablePolicy
from delible.model.proof import FileDigest, Verification
from delible.model.record import AuditEntry
from delible.model.subject import KeyRole, KeyRow, normalised, own_keys
from delible.model.terms import ErasureAction, Normalise, Right
from delible.store.live_files import live_files
from delible.store.versions import Bucket, is_bucket
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.exceptions import KeptAt, kept_at
from delible.workflows.identifiers import read_identifiers
from delible.workflows.lineage_events import duty, recorded, requested, searched, table_uses
from delible.workflows.search import refs_of_keys
from delible.workflows.spark import end_session

if TYPE_CHECKING:
    from delible.lake.search.typed_keys import TypedKeys
    from delible.lake.search.verify import Beside, Folder, InFolder


def search_everything(
    control: Control,
    keys: Sequence[KeyRow],
    *,
    now: datetime,
    planned: Sequence[TableStep] = (),
    kept: Sequence[KeptAt] = (),
    digests: list[FileDigest] | None = None,
) -> Verification:
    """Search all policy tables and the whole workspace, unmapped tables included, for the keys.

    The embedded Spark session ends first: its shuffle files hold rows of the tables. Tables whose erasure rule is
    `keep` are exempt; the certificate names them with their reason.

    Args:
        planned: Tables that a plan has rewritten: searched where they were then, whatever the policies say by now.
        kept: Where exceptions let keys stand; at every other place they are residue.
        digests: Takes the digest of every file.
    """
    from delible.lake.mentions import telling_numbers, telling_values
    from delible.lake.search.verify import Folder, search

    workspace, policies = control.workspace, control.policies
    end_session(workspace)
    folders: list[Folder] = []
    inside = []
    for policy in policies.tables.values():
        location = workspace.location(policy)
        relative = _inside(location, workspace.root)
        if relative is not None:
            inside.append(relative)
        if policy.erasure.action is not ErasureAction.KEEP:
            folders += with_left(control, _folder(control, policy, location, keys, kept))
    searched = {folder.location for folder in folders}
    for step in planned:
        if step.stages and step.action is not ErasureAction.KEEP and step.location not in searched:
            known = policies.tables.get(step.table)
            folders += with_left(
                control,
                _folder(control, known, step.location, keys, kept)
                if known is not None
                else Folder(f"table:{step.table}", step.location, beside=beside(step.location)),
            )
            searched.add(step.location)
    folders.append(Folder("workspace", str(workspace.root), {}, tuple(inside)))
    return search(
        folders,
        telling_values(keys, policies.controller),
        now=now,
        numbers=telling_numbers(keys, policies.controller),
        digests=digests,
        in_folder=_cluster(),
    )


def _cluster() -> InFolder | None:
    """Return how the cluster searches that this process was submitted to; None for a process on its own."""
    from delible.lake.search.spread import spread_folder
    from delible.lake.session import active_session

    spark = active_session()
    return None if spark is None else partial(spread_folder, spark)


def beside(location: str) -> tuple[Beside, ...]:
    """Return what a bucket holds of a table besides files: old versions, and objects under odd keys, are searched.

    An upload that nobody has finished holds parts that nobody can read, so it counts as a file that cannot be read.
    """
    from delible.lake.search.verify import Beside

    if not is_bucket(location):
        return ()
    bucket = Bucket(location)
    try:
        every, uploads, odd = [*bucket.old_versions()], [*bucket.uploads()], [*bucket.odd_objects()]
    except OSError:
        return (Beside("", "its old versions may not be listed", 0, None),)
    old, marks = [v for v in every if not v.marker], sorted({v.key for v in every if v.marker})
    days = bucket.ends_by_itself() if old else None
    until = f"until {days} day(s) after it was replaced" if days is not None else "without end"
    return (
        *(Beside(o.key, "an object under an odd key", o.size, partial(bucket.open, o)) for o in odd),
        *(Beside(v.key, f"recoverable: version, {until}", v.size, partial(bucket.open, v)) for v in old),
        # A mark holds no bytes, but a name, which life-cycle rules leave behind longest.
        *(Beside(key, "the mark of a deletion", 0, io.BytesIO) for key in marks),
        *(Beside(u.key, "an upload that nobody finished", 0, None) for u in uploads),
    )


def with_left(control: Control, folder: Folder) -> list[Folder]:
    """Return a table's folder to search, and what swaps have left beside it: outside of the workspace, nothing else is.

    Exceptions keep nothing there: a table of which they keep something keeps no history.
    """
    from delible.lake.history import swap as history_swap
    from delible.lake.history.state import folder_of, is_local
    from delible.lake.search.verify import Folder

    found = [folder]
    if is_local(folder.location) and _inside(folder.location, control.workspace.root) is None:
        table = folder_of(folder.location)
        for plan, left in history_swap.left_beside(table).items():
            for what in sorted(left):
                path = history_swap.beside(table, plan, what)
                found.append(Folder(f"{folder.name}/{path.name}", str(path), folder.typed))
    return found


def verify_people(
    workspace: Workspace, *, request_id: str | None, identifiers: str | None, actor: str, now: datetime
) -> Verification:
    """Search for the keys of a request that has not ended, or for identifiers that are given now.

    Identifiers that are given are searched as they are: links to others are gone when their rows are.

    Raises:
        InputError: `verify.what` unless exactly one of the two is given; `request.forgotten` when the request has
            ended and its identifiers with it.
    """
    control = Control(workspace)
    if (request_id is None) == (identifiers is None):
        raise InputError("verify.what", "give either a request's id or --identifiers FILE.", where="erasure verify")
    if identifiers is not None:
        kinds = control.policies.controller.identifiers
        keys = [
            KeyRow("", i.kind, normalised(i.value.get_secret_value(), kinds[i.kind].normalise), KeyRole.GIVEN)
            for person in read_identifiers(identifiers, control.policies.controller)
            for i in person
        ]
        kept = _kept_of(control, keys)
    else:
        request = control.requests.get(request_id or "")
        keys = own_keys(control.requests.vault.get([request.id]))
        kept = kept_at({request.id: request.kept}, keys)
        if not keys:
            raise InputError(
                "request.forgotten",
                f"the request is in state '{request.state}', and its identifiers are forgotten.",
                where=f"request:{request.id}",
                fix="Its certificate says what was found; search again with --identifiers FILE.",
            )
    with recorded(workspace, "erasure.verify", now=now, facets=duty(control.policies, "erasure")) as lineage:
        if request_id is not None:
            lineage.facets = {**lineage.facets, **requested(Right.ERASURE, [request_id])}
        lineage.inputs = table_uses(control.policies, control.locations())
        found = search_everything(control, keys, now=now, kept=kept)
        lineage.facets = {**lineage.facets, **searched(found)}
    entry = AuditEntry(
        actor=actor,
        action="erasure.verify",
        object=f"request:{request_id}" if request_id else "identifiers",
        outcome="done" if found.clean else "failed",
        counts={
            "files_searched": found.files_searched,
            "bytes_searched": found.bytes_searched,
            "matches": sum(m.count for m in found.matches),
        },
    )
    control.ledger.append([entry], now)
    return found


def _folder(
    control: Control, policy: TablePolicy, location: str, keys: Sequence[KeyRow], kept: Sequence[KeptAt]
) -> Folder:
    from delible.lake.description import physical_names
    from delible.lake.search.verify import Folder

    stored = physical_names(location)
    typed = _also_stored(_typed(control, policy, keys), stored)
    here = [place for place in kept if place.table == policy.table]
    if not here:
        return Folder(f"table:{policy.table}", location, typed, beside=beside(location))
    return Folder(
        f"table:{policy.table}",
        location,
        typed,
        kept=tuple(place.stored_as(stored).values(control) for place in here),
        kept_typed=_also_stored(_typed(control, policy, keys, here), stored),
        live=live_files(location),
        beside=beside(location),
    )


def _also_stored(typed: Mapping[str, TypedKeys], stored: Mapping[str, str]) -> Mapping[str, TypedKeys]:
    """Add the names that columns have in files: the bytes are under these, and a file of before under the others."""
    lower = {shown.lower(): there for shown, there in stored.items()}
    return {**typed, **{lower[c.lower()]: keys for c, keys in typed.items() if c.lower() in lower}}


def _kept_of(control: Control, keys: Sequence[KeyRow]) -> tuple[KeptAt, ...]:
    """Return where exceptions let identifiers stand that somebody gives: those of requests of the same people."""
    refs = {ref for own in refs_of_keys(control, keys).values() for ref in own}
    partly = [r for r in control.requests.all() if r.kept and not refs.isdisjoint(r.refs)]
    every = control.requests.vault.get([r.id for r in partly])
    given = {(k.kind, k.value) for k in keys}
    theirs = [k for k in own_keys(every) if (k.kind, k.value) in given]
    return kept_at({r.id: r.kept for r in partly}, theirs)


def _inside(location: str, root: Path) -> str | None:
    if "://" in location or not Path(location).is_relative_to(root):
        return None
    return os.path.relpath(location, root)


def _typed(
    control: Control, policy: TablePolicy, keys: Sequence[KeyRow], kept: Sequence[KeptAt] = ()
) -> Mapping[str, TypedKeys]:
    """Return, per column by which this table reaches people, the keys that must not stand in it."""
    from delible.lake.reach import kind_of
    from delible.lake.search.typed_keys import TypedKeys

    kinds = control.policies.controller.identifiers
    typed: dict[str, TypedKeys] = {}
    for reach in policy.subject:
        kind = kind_of(policy, reach)
        how = kinds[kind].normalise if kind in kinds else Normalise.EXACT
        allowed = {k for place in kept if place.allows(reach.column) for k in place.keys}
        # A key that two requests have in common may stay only where both may.
        banned = [k for k in keys if k not in allowed]
        values = frozenset(k.value for k in banned if k.kind == kind and k.role != KeyRole.EVIDENCE)
        if values:
            known = typed.get(reach.column)
            typed[reach.column] = TypedKeys(values | (known.values if known else frozenset()), how)
    return typed
