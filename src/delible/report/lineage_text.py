"""A lineage graph as lines of text for a terminal, and as a Mermaid flowchart for pages that draw those."""

from __future__ import annotations

from collections.abc import Iterator

from delible.report.lineage_graph import RETIRED, GraphEdge, LineageGraph
from delible.report.page import visible

_DEEPEST = 12


def lineage_tree(graph: LineageGraph) -> str:
    """Return what leads to the nodes that were asked for and what comes from them, one line per step.

    Where ways meet again, what is behind is told once.
    """
    lines: list[str] = []
    for node in (n for n in graph.nodes if n.focus):
        for title, back in (("comes from", True), ("goes into", False)):
            ways = list(_branches(graph, node.id, "", back=back, seen={node.id}))
            if ways:
                lines += [f"{node.id}{_gone(graph, node.id)} {title}", *ways]
    if graph.left_out:
        lines.append(f"{graph.left_out} older version(s) not shown")
    return "\n".join(lines)


def _branches(graph: LineageGraph, name: str, indent: str, *, back: bool, seen: set[str]) -> Iterator[str]:
    edges = [e for e in graph.edges if (e.target if back else e.source) == name]
    for number, edge in enumerate(edges, 1):
        other = edge.source if back else edge.target
        last = number == len(edges)
        known = other in seen
        branch, after = "└─" if last else "├─", ": see above" if known else ""
        yield f"{indent}{branch} {other}{_gone(graph, other)}  ({_how(edge)}){after}"
        if not known and len(indent) < _DEEPEST * 3:
            seen.add(other)
            yield from _branches(graph, other, indent + ("   " if last else "│  "), back=back, seen=seen)


def _gone(graph: LineageGraph, name: str) -> str:
    return " (retired)" if any(node.id == name and node.detail == RETIRED for node in graph.nodes) else ""


def _how(edge: GraphEdge) -> str:
    treated = sum(step.treatment != "keep" for step in edge.steps)
    columns = f", {len(edge.steps)} columns, {treated} treated" if edge.steps else ""
    return f"{'policy' if edge.by == 'policy' else edge.by}{columns}"


def lineage_mermaid(graph: LineageGraph) -> str:
    """Return the graph as a Mermaid flowchart; names are quoted, and the signs that mean something there are coded."""
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        opening, closing = ("([", "])") if node.kind in ("model", "run", "other") else ("[", "]")
        detail = f"<br/>{_coded(node.detail)}" if node.detail else ""
        lines.append(f'  {ids[node.id]}{opening}"{_coded(node.id)}{detail}"{closing}')
    for edge in graph.edges:
        arrow = "-.->" if edge.by == "policy" or not edge.steps else "-->"
        lines.append(f'  {ids[edge.source]} {arrow}|"{_coded(_how(edge))}"| {ids[edge.target]}')
    marked = [ids[n.id] for n in graph.nodes if n.focus]
    lines += ["  classDef focus stroke-width:3px", f"  class {','.join(marked)} focus"] if marked else []
    return "\n".join(lines) + "\n"


def _coded(text: str) -> str:
    """Return a text in which every sign but letters, digits and a few others is a Mermaid character code."""
    shown = visible(text).replace("\n", " ")
    return "".join(c if c.isalnum() or c in " ._-@:,()" else f"#{ord(c)};" for c in shown)
