"""A lineage graph as one picture: an SVG that reads in light and dark, says itself aloud, and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from delible.model.taxonomy import is_personal
from delible.model.terms import words
from delible.report.lineage_graph import GraphColumn, GraphEdge, GraphNode, LineageGraph
from delible.report.page import count, render, visible

_WIDTH, _GAP, _MARGIN = 292, 104, 24
_HEAD, _ROW, _BETWEEN = 46, 20, 26
_MOST_COLUMNS = 14
_NAME, _SAID, _TITLE = 19, 25, 30
_KINDS = {
    "release": "dataset version",
    "ledger": "consent ledger",
    "package": "copies for people",
    "other": "made with it",
}


@dataclass(frozen=True)
class _Cell:
    """One column's line in a box."""

    column: str
    name: str
    said: str
    told: str
    mark: str
    y: int


@dataclass(frozen=True)
class _Box:
    """One node, placed."""

    node: GraphNode
    title: str
    kind: str
    told: str
    x: int
    y: int
    height: int
    cells: tuple[_Cell, ...]
    more: str

    @property
    def width(self) -> int:
        return _WIDTH

    @property
    def middle(self) -> int:
        return self.y + _HEAD // 2

    def line(self, column: str) -> int:
        """Return the height at which a column's edge begins or ends; the head's when the column is not shown."""
        return next((cell.y - 5 for cell in self.cells if cell.column == column), self.middle)


@dataclass(frozen=True)
class _Way:
    """One drawn edge."""

    path: str
    style: str
    told: str


def lineage_svg(graph: LineageGraph) -> str:
    """Return the graph as a self-contained SVG document; every name is escaped, and no invisible sign left in it."""
    boxes = _placed(graph)
    ways = sorted(_ways(graph, boxes), key=lambda w: w.style != "whole")
    width = max((b.x + _WIDTH for b in boxes.values()), default=_WIDTH) + _MARGIN
    height = max((b.y + b.height for b in boxes.values()), default=0) + _MARGIN + 40
    context = {
        "title": f"Lineage of {graph.dataset}",
        "description": description(graph),
        "width": max(width, 940),
        "height": height,
        "boxes": list(boxes.values()),
        "ways": ways,
        "head": _HEAD,
    }
    return render("lineage.svg.j2", context)


def description(graph: LineageGraph) -> str:
    """Return the picture in sentences, for those who do not see it."""
    lines = [f"{count(len(graph.nodes), 'node')} and {count(len(graph.edges), 'connection')}, sources first."]
    for edge in graph.edges:
        how = "is declared to feed" if edge.by == "policy" else f"feeds, by {edge.by},"
        steps = ", ".join(
            f"{s.source} as {s.target}" + ("" if s.treatment == "keep" else f" ({s.treatment})") for s in edge.steps[:8]
        )
        rest = f" and {len(edge.steps) - 8} more" if len(edge.steps) > 8 else ""  # noqa: PLR2004
        decides = "no column of its own; it decides which rows are there"
        lines.append(f"{edge.source} {how} {edge.target}: {steps + rest if steps else decides}.")
    if graph.left_out:
        lines.append(f"{count(graph.left_out, 'older version')} not shown.")
    return " ".join(lines)


def _placed(graph: LineageGraph) -> dict[str, _Box]:
    """Return a box per node: in layers from left to right, in a layer near what it is made from."""
    layers = _layers(graph)
    by_layer: dict[int, list[GraphNode]] = {}
    for node in graph.nodes:
        by_layer.setdefault(layers[node.id], []).append(node)
    place: dict[str, float] = {}
    boxes: dict[str, _Box] = {}
    for layer in sorted(by_layer):
        y = _MARGIN
        for node in sorted(by_layer[layer], key=lambda n: (_height_behind(graph, n.id, place), n.id)):
            box = _box(node, _MARGIN + layer * (_WIDTH + _GAP), y)
            boxes[node.id], place[node.id] = box, box.y + box.height / 2
            y += box.height + _BETWEEN
    return boxes


def _height_behind(graph: LineageGraph, name: str, place: Mapping[str, float]) -> float:
    """Return the mean height of what a node is made from."""
    behind = [place[e.source] for e in graph.edges if e.target == name and e.source in place]
    return sum(behind) / len(behind) if behind else 0.0


def _layers(graph: LineageGraph) -> dict[str, int]:
    """Return each node's layer: behind the farthest of its sources, and what has none right before what it feeds.

    In a graph's order all sources come first.
    """
    found: dict[str, int] = {}
    for node in graph.nodes:
        sources = [found[e.source] for e in graph.edges if e.target == node.id and e.source in found]
        found[node.id] = max(sources, default=-1) + 1
    fed = {e.target for e in graph.edges}
    for node in graph.nodes:
        ahead = [found[e.target] for e in graph.edges if e.source == node.id]
        if node.id not in fed and ahead:
            found[node.id] = max(min(ahead) - 1, 0)
    return found


def _box(node: GraphNode, x: int, y: int) -> _Box:
    shown = node.columns[: _MOST_COLUMNS if len(node.columns) <= _MOST_COLUMNS else _MOST_COLUMNS - 1]
    cells = tuple(_cell(column, y + _HEAD + 15 + number * _ROW) for number, column in enumerate(shown))
    left = len(node.columns) - len(shown)
    lines = len(shown) + (left > 0)
    kind = _KINDS.get(node.kind, node.kind) + (f", {node.detail}" if node.detail else "")
    told = f"{kind}: {node.id}" + (", which was asked for" if node.focus else "")
    height = _HEAD + (lines * _ROW + 8 if lines else 0)
    return _Box(node, _cut(node.id, _TITLE), kind, told, x, y, height, cells, f"and {left} more" if left else "")


def _cell(column: GraphColumn, y: int) -> _Cell:
    category = column.category
    if category is None:
        mark, said = "unknown", column.treatment or "no tag"
        gone = column.treatment in ("replace", "null")
        mark, said = ("other", column.treatment or "") if gone else (mark, said)
    else:
        mark = "personal" if is_personal(category) else "other"
        said = category.removeprefix("user.") if column.treatment is None else column.treatment
    told = f"{column.name}: {category or 'no tag'}"
    told += " by lineage" if column.inherited else ""
    told += f", {words(column.treatment)}" if column.treatment else ""
    return _Cell(column.name, _cut(column.name, _NAME), _cut(said, _SAID), told, mark, y)


def _ways(graph: LineageGraph, boxes: Mapping[str, _Box]) -> Iterator[_Way]:
    for number, edge in enumerate(graph.edges):
        source, target = boxes[edge.source], boxes[edge.target]
        for step in edge.steps:
            told = f"{edge.source}.{step.source} to {edge.target}.{step.target}: {step.treatment}, {edge.by}"
            path = _path(source, source.line(step.source), target, target.line(step.target), boxes, number)
            yield _Way(path, _style(edge, step.treatment), told)
        if not edge.steps:
            told = f"{edge.source} to {edge.target}: {edge.by}"
            style = "declared" if edge.by == "policy" else "whole"
            path = _path(source, source.middle, target, target.middle, boxes, number)
            yield _Way(path, style, told)


def _style(edge: GraphEdge, treatment: str) -> str:
    if edge.by == "policy":
        return "declared"
    return "kept" if treatment in ("keep", "generalise") else "masked"


def _path(source: _Box, from_y: int, target: _Box, to_y: int, boxes: Mapping[str, _Box], number: int) -> str:
    """Return a line from box to box that goes between the boxes of the layers on its way, never behind one.

    Args:
        number: Of the edge: those that share a passage lie beside each other.
    """
    x, y = source.x + _WIDTH, from_y
    path = f"M{x} {y}"
    for layer in range(source.x + _WIDTH + _GAP, target.x, _WIDTH + _GAP):
        straight = from_y + (to_y - from_y) * (layer - source.x) // (target.x - source.x)
        lane = min(_passages(boxes, layer), key=lambda each: abs(each - straight)) + (number % 5 - 2) * 3
        path += _curve(x, y, layer, lane) + f"H{layer + _WIDTH}"
        x, y = layer + _WIDTH, lane
    return path + _curve(x, y, target.x, to_y)


def _passages(boxes: Mapping[str, _Box], layer: int) -> list[int]:
    """Return the heights at which a layer has no box."""
    bottoms = [box.y + box.height for box in boxes.values() if box.x == layer]
    return [_MARGIN - _BETWEEN // 2, *(bottom + _BETWEEN // 2 for bottom in bottoms)]


def _curve(x: int, y: int, to_x: int, to_y: int) -> str:
    bend = max(40, (to_x - x) // 2)
    return f"C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"


def _cut(text: str, most: int) -> str:
    shown = visible(text).replace("\n", " ")
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
