"""The lake as an erasure needs it, by delta-rs: a whole run takes a second, so that it can be killed everywhere.

Only what starts a JVM is replaced. Journal, ledger, registers, log expiry, byte search and certificates are the
product's own; so is the order of things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from delta.exceptions import ConcurrentAppendException
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import CommitFailedError

from delible.lake.exceptions import Kept
from delible.lake.find import Found
from delible.model.layout import DEFAULTS, DELETED_FILES, LOG, interval_hours
from delible.model.plan import ErasurePlan, PlannedRequest, RowsDue, Stage, TableFacts, TableStep
from delible.model.policy import TablePolicy
from delible.model.subject import KeyRole, KeyRow, own_keys
from delible.store.plans import seal
from delible.workflows.control import Control
from delible.workflows.search import Searched, refs_of_keys
from small_shop import NOW

Chosen = Callable[[DeltaTable], list[dict[str, Any]]]
Set = Callable[[Any, str, Any], None]
_mark: list[str] = []


def install(put: Set = setattr) -> None:
    """Replace what starts a JVM.

    Args:
        put: Sets an attribute; that of a test's monkeypatch takes it back.
    """
    from delible.lake import erase, facts, lost, others, purge, session
    from delible.workflows import erasure, erasure_plan, late, put_back

    put(session, "own_session", _same)
    put(others, "is_readable", lambda *_: True)
    put(facts, "refuse_missing", lambda *_, **__: None)
    put(facts, "read", lambda *_, **__: None)
    put(facts, "table_facts", _facts)
    put(lost, "lost_rows", _lost_rows)
    put(lost, "rows_of_keys", _rows_of_keys)
    put(lost, "came_since", _came_since)
    put(lost, "put_back", _put_back)
    put(put_back, "_WRITTEN", "num_added_rows")
    put(erase, "marked", _marked)
    put(erase, "erase_rows", _erase)
    put(erase, "_ROWS", ("num_deleted_rows",))
    put(purge, "purge_deletion_vectors", lambda *_, **__: None)
    put(purge, "vacuum", _vacuum)
    put(purge, "properties", lambda _, location, **__: {})
    put(purge, "checkpoint", _checkpoint)
    for module in (erasure, erasure_plan, late):
        put(module, "find_people", find_people)
    put(erasure, "protected_rows", lambda *_: {})
    for module in (erasure, erasure_plan, put_back):
        put(module, "session_for", lambda _: None)


@contextmanager
def _same(spark: Any) -> Iterator[Any]:
    yield spark


@contextmanager
def _marked(_: Any, mark: str) -> Iterator[None]:
    _mark.append(mark)
    yield
    _mark.pop()


def _due(policy: TablePolicy, keys: Sequence[KeyRow]) -> str:
    """Return what is true of the rows that keys reach, as SQL."""
    reaching = [k for k in keys if k.role in (KeyRole.GIVEN, KeyRole.FOUND)]
    parts = []
    for reach in policy.subject:
        values = ", ".join(f"'{k.value}'" for k in reaching if k.kind == reach.identifies)
        if values:
            parts.append(f"CAST({reach.column} AS VARCHAR) IN ({values})")
    return " OR ".join(parts) or "false"


def find_people(
    _: Any, control: Control, given: Sequence[KeyRow], *, at: Mapping[str, int] | None = None, **__: Any
) -> Searched:
    """Find people by their own identifiers, and by those that stand beside them.

    Args:
        at: Versions of tables that are searched as they were.
    """
    keys = list(given)
    rows: dict[str, dict[str, int]] = {}
    due, cost, versions = {}, {}, {}
    for name, location in control.locations().items():
        policy, table = control.policies.tables[name], DeltaTable(location, version=(at or {}).get(name))
        versions[name] = table.version()
        builder, count = QueryBuilder().register("t", table), 0
        for request in sorted({k.request for k in given}):
            own = [k for k in keys if k.request == request]
            for reach in policy.subject:
                sql = f"SELECT CAST({reach.column} AS VARCHAR) AS v FROM t WHERE {_due(policy, own)}"
                found = builder.execute(sql).read_all().to_struct_array().to_pylist()
                rows.setdefault(request, {})[name] = len(found)
                known = {(k.kind, k.value) for k in keys if k.request == request}
                new = sorted({str(row["v"]) for row in found} - {v for kind, v in known if kind == reach.identifies})
                keys += [KeyRow(request, reach.identifies or "", v, KeyRole.FOUND) for v in new]
            count += rows[request][name]
        due[name], cost[name] = RowsDue(table=name, rows=count), (1, 1)
    reached = {request: {t: n for t, n in own.items() if n} for request, own in rows.items()}
    found_all = Found(tuple(keys), (), {}, frozenset(), reached)
    return Searched(found_all, due, cost, control.locations(), versions, refs_of_keys(control, keys), {}, Kept())


def planned(control: Control, requests: Sequence[str]) -> tuple[ErasurePlan, Searched]:
    """Return a sealed plan for some requests, with what was searched for it."""
    found = find_people(None, control, own_keys(control.requests.vault.get(requests)))
    steps = tuple(
        TableStep(
            table=name,
            location=location,
            version=found.versions[name],
            action=control.policies.tables[name].erasure.action,
            rows=found.due[name].rows,
            files=1,
            bytes=1,
            stages=(Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG, Stage.VERIFY),
            wait_hours=0,
        )
        for name, location in control.locations().items()
    )
    plan = ErasurePlan(
        id="E-20260131-00000001",
        created=NOW,
        policy_fingerprint=control.policies.fingerprint,
        immediate=True,
        requests=tuple(
            PlannedRequest(id=i, due="2026-12-31", matched=True, rows=dict(found.found.rows_of[i])) for i in requests
        ),
        seen=dict(found.versions),
        tables=steps,
    )
    return seal(plan, control.keys), found


def _facts(_: Any, location: str, *, table: str) -> TableFacts:
    opened = DeltaTable(location)
    own, files = opened.metadata().configuration, opened.get_add_actions(flatten=True).num_rows
    windows = [interval_hours(own.get(key, DEFAULTS[key])) for key in (DELETED_FILES, LOG)]
    return TableFacts(
        table=table,
        location=location,
        version=opened.version(),
        rows=opened.count(),
        files=files,
        bytes=files,
        deleted_file_retention_hours=windows[0],
        log_retention_hours=windows[1],
    )


def _lost_rows(_: Any, location: str, version: int, chosen: Chosen) -> int:
    return len(_lost(location, version, chosen))


def _lost(location: str, version: int, chosen: Chosen) -> list[dict[str, Any]]:
    now = _rows(DeltaTable(location), "true")
    return [row for row in chosen(DeltaTable(location, version=version)) if row not in now]


def _came_since(_: Any, location: str, versions: Sequence[int], chosen: Chosen) -> bool:
    before = [row for version in versions for row in chosen(DeltaTable(location, version=version))]
    return any(row not in before for row in chosen(DeltaTable(location)))


def _put_back(_: Any, location: str, version: int, chosen: Chosen) -> int:
    rows = _lost(location, version, chosen)
    if rows:
        schema = pa.schema(DeltaTable(location).schema().to_arrow())
        mark = CommitProperties(custom_metadata={"userMetadata": _mark[-1]})
        table = pa.Table.from_pylist(rows, schema=schema)
        write_deltalake(location, table, mode="append", commit_properties=mark)
    return len(rows)


def _rows_of_keys(
    _: Any, table: DeltaTable, policy: TablePolicy, __: Any, keys: Sequence[KeyRow]
) -> list[dict[str, Any]]:
    return _rows(table, _due(policy, keys))


def _rows(table: DeltaTable, where: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM t WHERE {where}"
    rows: list[dict[str, Any]] = (
        QueryBuilder().register("t", table).execute(sql).read_all().to_struct_array().to_pylist()
    )
    return rows


def _erase(_: Any, location: str, policy: TablePolicy, __: Any, keys: Sequence[KeyRow], *___: Any, **____: Any) -> None:
    mark = CommitProperties(custom_metadata={"userMetadata": _mark[-1]})
    try:
        DeltaTable(location).delete(_due(policy, keys), commit_properties=mark)
    except CommitFailedError as error:
        raise ConcurrentAppendException(str(error)) from error


def _vacuum(_: Any, location: str, **__: Any) -> Any:
    from delible.lake.purge import Vacuumed

    removed = DeltaTable(location).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    return Vacuumed(len(removed), 0)


def _checkpoint(_: Any, location: str, *, original: Mapping[str, str], forget: bool) -> int:
    table = DeltaTable(location)
    table.create_checkpoint()
    return table.version()
