"""Lineage, shown for one dataset, looked through for columns without a tag, and handed over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from delible.decide.lineage import Column, ColumnEdge, lineage_gaps
from delible.errors import InputError, Problem, did_you_mean
from delible.model.lineage import Delivered
from delible.model.policy import PolicySet
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.report.lineage import LineageView, runs_of, view_of
from delible.report.lineage_graph import LineageGraph, Registered, column_edges, lineage_graph
from delible.store.files import private_write
from delible.store.lineage import LineageLog
from delible.store.snapshots import table_snapshot
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.tables import list_tables

_SCHEMAS = "schemas/facets/1-0-0"


@dataclass(frozen=True)
class Shown:
    """What is known about one dataset's lineage.

    Args:
        view: The runs that made and used it.
        graph: Everything that leads to it or comes from it, also by what policies say.
    """

    view: LineageView
    graph: LineageGraph


def show_lineage(workspace: Workspace, dataset: str) -> Shown:
    """Return what made a dataset and what used it, over any number of steps.

    Args:
        dataset: Name in the policies, `NAME@vN`, or location.

    Raises:
        InputError: `lineage.unknown_dataset` when no policy names it, and no run has read or written it.
    """
    control = Control(workspace)
    policies = control.policies_if_any
    runs = runs_of(LineageLog(workspace).events())
    tags = {column: f.category for column, f in _verdicts(workspace).items() if f.category is not None}
    graph = lineage_graph(runs, dataset, policies=policies, tags=tags, registered=registered_uses(control))
    name, _, version = dataset.partition("@v")
    same = [r for r in runs if any((p.name, p.version) == (name, version) for p in (*r.inputs, *r.outputs))]
    view = view_of(runs, dataset) or view_of(same, name)
    if graph is None and view is None:
        known = [*(policies.tables if policies is not None else ()), *{o.name for r in runs for o in r.outputs}]
        if policies is not None and name in policies.datasets and name not in known:
            raise InputError(
                "lineage.unknown_dataset",
                "no release of it was built.",
                where=dataset,
                fix=f"Build one with: delible dataset build {name}",
            )
        hint = did_you_mean(dataset, known).strip()
        raise InputError(
            "lineage.unknown_dataset",
            "no policy names it, and no recorded run has read or written it.",
            where=dataset,
            fix=hint or None,
        )
    empty = LineageView(dataset=dataset, made_by=(), used_by=(), upstream=(), downstream=())
    return Shown(view or empty, graph or LineageGraph(dataset=dataset, nodes=(), edges=()))


def registered_uses(control: Control) -> list[Registered]:
    """Return what was registered as made with versions of datasets, by the ledger."""
    if control.policies_if_any is None:
        return []
    records = control.ledger.records(action_prefix="dataset.use")
    prefix = "dataset:"
    return [
        Registered(record.object.removeprefix(prefix), record.detail["by"])
        for record in records
        if record.object.startswith(prefix) and record.detail.get("by")
    ]


def find_gaps(workspace: Workspace) -> list[Problem]:
    """Return the columns of derived tables that do not say what they hold, or say less than what they are made from.

    A column's own word is its policy's category, or else the newest verdict of a scan or a person. Where neither a
    policy nor a run says what a column of a derived table is made from, the column of the same name above it is.
    """
    policies = Control(workspace).policies_if_any
    if policies is None:
        return []
    runs = runs_of(LineageLog(workspace).events())
    known, settled = _own_tags(policies, _verdicts(workspace))
    columns = _columns(workspace, policies, {*known, *settled})
    edges = [*column_edges(runs, policies)]
    edges += _by_name(policies, columns, edges)
    released = {o.name for r in runs if r.job.startswith("dataset.") for o in r.outputs}
    written = {e.target for e in edges if e.target[0] not in released}
    derived = {(t.table, c) for t in policies.tables.values() if t.upstream for c in columns.get(t.table, ())}
    tables = set(policies.tables)
    return lineage_gaps(known, edges, derived | {c for c in written if c[0] in tables}, settled)


def _verdicts(workspace: Workspace) -> dict[Column, TagFinding]:
    return {(f.table, f.column): f for f in Tags(workspace).latest() if f.state is not TagState.REOPENED}


def _own_tags(policies: PolicySet, verdicts: dict[Column, TagFinding]) -> tuple[dict[Column, str], set[Column]]:
    """Return each column's own category, and the columns of which a person said that they hold none."""
    known = {c: f.category for c, f in verdicts.items() if f.category is not None and f.state is not TagState.REJECTED}
    for table in policies.tables.values():
        known |= {(table.table, name): column.category for name, column in table.columns.items()}
    settled = {c for c, f in verdicts.items() if f.state.pinned and c not in known}
    return known, settled


def _columns(workspace: Workspace, policies: PolicySet, named: Iterable[Column]) -> dict[str, list[str]]:
    """Return the columns of each table of the policies, by its own log; of one that is not there, those mapped.

    Args:
        named: Columns with a tag. Where they are fields of a nested one, they stand in its place.
    """
    fields: dict[str, set[str]] = {}
    for table, column in named:
        fields.setdefault(table, set()).add(column)
    found = {}
    for known in list_tables(workspace):
        policy = policies.tables.get(known.table)
        if policy is None:
            continue
        own = fields.get(known.table, set())
        names = list(policy.columns)
        if known.size is not None:
            schema = json.loads(table_snapshot(known.location, known.version).schema)
            names = [field["name"] for field in schema["fields"]]
        inside = {name: sorted(f for f in own if f.startswith(f"{name}.")) for name in names}
        found[known.table] = [each for name in names for each in inside[name] or [name]]
    return found


def _by_name(policies: PolicySet, columns: dict[str, list[str]], edges: Iterable[ColumnEdge]) -> list[ColumnEdge]:
    """Return steps between columns of one name, from a table to those that are derived from it."""
    said = {e.target for e in edges}
    return [
        ColumnEdge((above, column), (table.table, column), declared=False)
        for table in policies.tables.values()
        for above in table.upstream
        for column in columns.get(table.table, ())
        if column in columns.get(above, ()) and (table.table, column) not in said
    ]


def export_lineage(workspace: Workspace, *, out: Path) -> int:
    """Write all events as JSON lines to a new file, and return their number.

    Raises:
        InputError: `output.exists` when there is such a file; `output.unwritable` when it cannot be made.
    """
    lines = [json.dumps(event, sort_keys=True).encode() + b"\n" for event in LineageLog(workspace).events()]
    write_new(out, b"".join(lines))
    return len(lines)


def resend_lineage(workspace: Workspace, *, anew: bool) -> Delivered:
    """Deliver the events that no consumer has taken, or all of them.

    Raises:
        InputError: `lineage.no_consumer`.
    """
    return LineageLog(workspace).deliver_all(anew=anew)


def facet_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each facet that is delible's own, by the facet's key."""
    folder = files("delible") / _SCHEMAS
    found = {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in folder.iterdir()}
    return dict(sorted(found.items()))


def export_schemas(out: Path) -> list[Path]:
    """Write each facet's JSON Schema into a folder, and return the files.

    Raises:
        InputError: `output.unwritable`.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        made = []
        for key, schema in facet_schemas().items():
            path = out / f"{key}.json"
            path.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
            made.append(path)
    except (OSError, ValueError) as error:
        raise _unwritable(out, error) from None
    return made


def write_new(out: Path, data: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        InputError: `output.exists` when there is such a file; `output.unwritable` when it cannot be made.
    """
    try:
        if out.exists():
            raise InputError("output.exists", "there is a file already.", where=str(out), fix="Choose another name.")
        private_write(out, data)
    except (OSError, ValueError) as error:
        raise _unwritable(out, error) from None


def _unwritable(out: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or "not a file's name"
    return InputError("output.unwritable", f"cannot be written: {reason}.", where=str(out))
