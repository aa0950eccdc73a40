"""All that a dataset comes from and goes into, as a graph: tables, dataset versions, and what was made with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from delible.decide.lineage import Column, ColumnEdge, travelled
from delible.model.base import Frozen
from delible.model.policy import PolicySet
from delible.model.record import release_name
from delible.report.lineage import DatasetPoint, RunLine

Kind = Literal["table", "release", "ledger", "package", "model", "run", "other"]

CONSENTS = "consents"
MOST_VERSIONS = 5
RETIRED = "retired"
_PACKAGES = "access packages"
UNRECORDED = ("policy", "dataset.used")
"""What edges are by that no run has recorded: policies say so, or somebody has registered it."""


class GraphColumn(Frozen):
    """One column of a node.

    Args:
        category: Its own tag, or what came along lineage.
        inherited: The category came along lineage.
        treatment: What was done to it on its way here, where something was.
    """

    name: str
    category: str | None = None
    inherited: bool = False
    treatment: str | None = None


class GraphNode(Frozen):
    """A table, a version of a dataset, or something that was made with one.

    Args:
        id: Its name; for a version of a dataset `NAME@vN`.
        detail: A few words: the latest version that was read, or how many are taken together.
        columns: Those that lineage or a policy names.
        focus: It was asked for.
    """

    id: str
    kind: Kind
    detail: str = ""
    columns: tuple[GraphColumn, ...] = ()
    focus: bool = False


class GraphStep(Frozen):
    """One column's way along an edge."""

    source: str
    target: str
    treatment: str


class GraphEdge(Frozen):
    """What one node gives to another.

    Args:
        by: The job that ran, or `policy` where only policies say so.
        steps: Column by column; empty where the source only decides which rows are there.
    """

    source: str
    target: str
    by: str
    steps: tuple[GraphStep, ...] = ()


class LineageGraph(Frozen):
    """The nodes that lead to a dataset or come from it, sources first.

    Args:
        left_out: Older versions of datasets that are not shown.
    """

    dataset: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Registered:
    """Something that was made with a version of a dataset.

    Args:
        release: `NAME@vN`.
        by: The thing, such as `model:churn`.
    """

    release: str
    by: str


@dataclass
class _Draft:
    """What is known of all nodes."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    edges: dict[tuple[str, str], dict[str, dict[GraphStep, None]]] = field(default_factory=dict)

    def node(self, name: str, kind: Kind, columns: Iterable[str] = ()) -> None:
        if self.kinds.get(name, "other") == "other":
            self.kinds[name] = kind
        self.columns.setdefault(name, {}).update(dict.fromkeys(columns))

    def edge(self, source: str, target: str, by: str, steps: Iterable[GraphStep] = ()) -> None:
        if source != target:
            self.edges.setdefault((source, target), {}).setdefault(by, {}).update(dict.fromkeys(steps))


def lineage_graph(
    runs: Sequence[RunLine],
    dataset: str,
    *,
    policies: PolicySet | None = None,
    tags: Mapping[Column, str] | None = None,
    registered: Iterable[Registered] = (),
) -> LineageGraph | None:
    """Return what leads to a dataset and what comes from it, over any number of steps, or None when nothing names it.

    Args:
        dataset: A table, a dataset, `NAME@vN`, or a location.
        tags: Categories of columns that are known apart from the policies.
        registered: What was made with versions of datasets.
    """
    draft = _Draft()
    if policies is not None:
        _declared(draft, policies)
    left_out = _ran(draft, [r for r in runs if r.outcome == "COMPLETE"])
    for use in registered:
        kind = use.by.partition(":")[0]
        draft.node(use.release, "release")
        draft.node(use.by, "model" if kind == "model" else "run" if kind == "run" else "other")
        draft.edge(use.release, use.by, "dataset.used")
    places = {p.location: {p.name, _named(p)} for r in runs for p in (*r.inputs, *r.outputs)}
    names = {dataset} | (places.get(dataset, set()) & set(draft.kinds))
    focus = {name for name in draft.kinds if name in names or name.rpartition("@v")[0] in names}
    if not focus:
        return None
    shown = _reached(focus, draft.edges, back=True) | _reached(focus, draft.edges, back=False)
    known = {**_categories(policies), **(tags or {})}
    return _drawn(draft, dataset, focus, shown, known, left_out)


def column_edges(runs: Iterable[RunLine], policies: PolicySet | None) -> list[ColumnEdge]:
    """Return all steps of column lineage that policies declare or finished runs recorded."""
    draft = _Draft()
    if policies is not None:
        _declared(draft, policies)
    _ran(draft, [r for r in runs if r.outcome == "COMPLETE"])
    return _steps(draft)


def _steps(draft: _Draft) -> list[ColumnEdge]:
    return [
        ColumnEdge((source, step.source), (target, step.target), step.treatment)
        for (source, target), ways in draft.edges.items()
        for steps in ways.values()
        for step in steps
    ]


def _categories(policies: PolicySet | None) -> dict[Column, str]:
    tables = policies.tables.values() if policies is not None else ()
    return {(t.table, name): column.category for t in tables for name, column in t.columns.items()}


def _declared(draft: _Draft, policies: PolicySet) -> None:
    """Add what policies say about tables that are made from others."""
    for table in policies.tables.values():
        draft.node(table.table, "table", table.columns)
        copies: dict[str, list[GraphStep]] = {name: [] for name in table.upstream}
        for name, column in table.columns.items():
            if column.copy_of is not None:
                source, _, of = column.copy_of.partition(".")
                copies.setdefault(source, []).append(GraphStep(source=of, target=name, treatment="keep"))
        for source, steps in copies.items():
            draft.node(source, "table", [s.source for s in steps])
            draft.edge(source, table.table, "policy", steps)


def _ran(draft: _Draft, runs: Sequence[RunLine]) -> int:
    """Add what runs made from other datasets, and return how many older versions of datasets were left out."""
    made = [(r, o) for r in runs for o in r.outputs if o.location not in {i.location for i in r.inputs}]
    released = {o.location: _named(o) for r, o in made if _is_release(r) and o.version is not None}
    versions: dict[str, set[int]] = {}
    for _, out in made:
        if out.location in released and out.version is not None:
            versions.setdefault(out.name, set()).add(int(out.version))
    newest = {release_name(name, v) for name, every in versions.items() for v in sorted(every)[-MOST_VERSIONS:]}
    older = set(released.values()) - newest
    packages = 0
    for run, out in made:
        name = released.get(out.location, out.name)
        kind: Kind = "release" if out.location in released else "ledger" if name == CONSENTS else "table"
        if out.name.startswith("access_package_"):
            packages, name, kind = packages + 1, _PACKAGES, "package"
            draft.details[name] = f"{packages} made"
        if name in older:
            continue
        draft.node(name, kind, [c.column for c in run.columns if c.output == out.name])
        if run.job == "dataset.retire":
            draft.details[name] = RETIRED
        for point in run.inputs:
            source = released.get(point.location, point.name)
            if source in older:
                continue
            steps = [
                GraphStep(source=c.field, target=c.column, treatment=c.treatment or "keep")
                for c in run.columns
                if c.output == out.name and c.source == point.name
            ]
            own: Kind = "release" if source in newest else "ledger" if source == CONSENTS else "table"
            draft.node(source, own, [s.source for s in steps])
            if point.version is not None and own == "table":
                draft.details[source] = f"read at v{point.version}"
            draft.edge(source, name, run.job, steps)
    return len(older)


def _is_release(run: RunLine) -> bool:
    return run.job.startswith("dataset.")


def _named(point: DatasetPoint) -> str:
    return release_name(point.name, int(point.version or 0))


def _reached(start: set[str], edges: Iterable[tuple[str, str]], *, back: bool) -> set[str]:
    onward: dict[str, set[str]] = {}
    for source, target in edges:
        here, there = (target, source) if back else (source, target)
        onward.setdefault(here, set()).add(there)
    seen, waiting = set(start), list(start)
    while waiting:
        fresh = onward.get(waiting.pop(), set()) - seen
        seen |= fresh
        waiting += fresh
    return seen


def _drawn(
    draft: _Draft, dataset: str, focus: set[str], shown: set[str], known: Mapping[Column, str], left_out: int
) -> LineageGraph:
    arrived = travelled(known, _steps(draft))
    edges = [
        GraphEdge(source=source, target=target, by=by, steps=tuple(steps))
        for (source, target), ways in draft.edges.items()
        for by, steps in ways.items()
        if source in shown and target in shown
    ]
    treated = {(e.target, s.target): s.treatment for e in edges for s in e.steps if s.treatment != "keep"}
    nodes = []
    for name in _in_order(shown, edges):
        columns = []
        for column in draft.columns.get(name, {}):
            place = (name, column)
            own, came = known.get(place), arrived.get(place, ())
            columns.append(
                GraphColumn(
                    name=column,
                    category=own or (came[0].category if came else None),
                    inherited=own is None and bool(came),
                    treatment=treated.get(place),
                )
            )
        nodes.append(
            GraphNode(
                id=name,
                kind=draft.kinds[name],
                detail=draft.details.get(name, ""),
                columns=tuple(columns),
                focus=name in focus,
            )
        )
    return LineageGraph(dataset=dataset, nodes=tuple(nodes), edges=tuple(edges), left_out=left_out)


def _in_order(names: set[str], edges: Sequence[GraphEdge]) -> list[str]:
    """Return sources first; within a circle of tables, which is a violation of its own, by name."""
    behind: dict[str, set[str]] = {name: set() for name in names}
    for edge in edges:
        behind[edge.target].add(edge.source)
    order: list[str] = []
    left = sorted(names)
    while left:
        ready = [n for n in left if not behind[n] - set(order)] or left[:1]
        order += ready
        left = [n for n in left if n not in ready]
    return order
