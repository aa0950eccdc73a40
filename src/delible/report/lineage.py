"""Where a dataset came from and where it went: OpenLineage events as a graph, and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from delible.model.base import Frozen

_MOST_NAMED = 8
_WIDTH = 100


class DatasetPoint(Frozen):
    """A dataset as a run saw it."""

    name: str
    namespace: str
    location: str
    version: str | None


class ColumnSource(Frozen):
    """One column of an output, and the column of an input behind it."""

    column: str
    source: str
    field: str
    treatment: str
    masking: bool


class RunLine(Frozen):
    """One finished or failed run."""

    run: str
    job: str
    at: str
    outcome: str
    inputs: tuple[DatasetPoint, ...]
    outputs: tuple[DatasetPoint, ...]
    columns: tuple[ColumnSource, ...]
    purpose: str | None


class LineageView(Frozen):
    """The runs that made a dataset, and those that used it, oldest first; `upstream` goes back through all steps."""

    dataset: str
    made_by: tuple[RunLine, ...]
    used_by: tuple[RunLine, ...]
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]


def lineage_view(events: Iterable[Mapping[str, Any]], dataset: str) -> LineageView | None:
    """Return what the events say about a dataset, or None when none names it.

    Args:
        dataset: Its name in the policies, or its location.
    """
    runs = [_run(event) for event in events if event.get("eventType") in ("COMPLETE", "FAIL")]
    made = tuple(r for r in runs if _named(r.outputs, dataset))
    used = tuple(r for r in runs if _named(r.inputs, dataset) and not _named(r.outputs, dataset))
    if not made and not used:
        return None
    done = [r for r in runs if r.outcome == "COMPLETE"]
    points = (p for r in (*made, *used) for p in (*r.inputs, *r.outputs))
    dataset = next(p.name for p in points if _named([p], dataset))
    return LineageView(
        dataset=dataset,
        made_by=made,
        used_by=used,
        upstream=_reached(dataset, ((o.name, i.name) for r in done for o in r.outputs for i in r.inputs)),
        downstream=_reached(dataset, ((i.name, o.name) for r in done for o in r.outputs for i in r.inputs)),
    )


def lineage_text(view: LineageView) -> str:
    """Return the view as text of at most 100 columns, for a terminal."""
    lines = [view.dataset, f"  upstream    {_listed(view.upstream)}", f"  downstream  {_listed(view.downstream)}"]
    for title, runs in (("made by", view.made_by), ("used by", view.used_by)):
        if runs:
            lines += ["", title, *(line for run in runs for line in _run_text(run))]
    last = next((run for run in reversed(view.made_by) if run.columns and run.outcome == "COMPLETE"), None)
    if last is not None:
        lines += ["", f"columns, as of {last.at[:10]}"]
        lines += [f"  {c.column:<28.28}  {c.treatment:<13}  {c.source}.{c.field}" for c in last.columns]
    return "\n".join(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in lines)


def _run_text(run: RunLine) -> Iterator[str]:
    purpose = f" for {run.purpose}" if run.purpose else ""
    failed = "  FAILED" if run.outcome == "FAIL" else ""
    yield f"  {run.at[:19].replace('T', ' ')}  {run.job}{purpose}{failed}"
    for word, points in (("from", run.inputs), ("into", run.outputs)):
        if points:
            yield f"      {word} " + _listed(tuple(f"{p.name}@v{p.version}" if p.version else p.name for p in points))


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _run(event: Mapping[str, Any]) -> RunLine:
    inputs = tuple(_point(d) for d in event.get("inputs", ()))
    outputs = tuple(_point(d) for d in event.get("outputs", ()))
    names = {(p.namespace, p.location): p.name for p in (*inputs, *outputs)}
    purpose = event["run"].get("facets", {}).get("delible_purpose", {})
    return RunLine(
        run=event["run"]["runId"],
        job=event["job"]["name"],
        at=event["eventTime"],
        outcome=event["eventType"],
        inputs=inputs,
        outputs=outputs,
        columns=tuple(column for d in event.get("outputs", ()) for column in _columns(d, names)),
        purpose=purpose.get("purpose"),
    )


def _point(dataset: Mapping[str, Any]) -> DatasetPoint:
    facets = dataset.get("facets", {})
    identifiers = facets.get("symlinks", {}).get("identifiers", ())
    return DatasetPoint(
        name=identifiers[0]["name"] if identifiers else dataset["name"],
        namespace=dataset["namespace"],
        location=dataset["name"],
        version=facets.get("version", {}).get("datasetVersion"),
    )


def _columns(dataset: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Iterator[ColumnSource]:
    fields = dataset.get("facets", {}).get("columnLineage", {}).get("fields", {})
    for column, behind in fields.items():
        for source in behind["inputFields"]:
            steps = source.get("transformations", ())
            yield ColumnSource(
                column=column,
                source=names.get((source["namespace"], source["name"]), source["name"]),
                field=source["field"],
                treatment=steps[-1].get("description", "") if steps else "",
                masking=any(step.get("masking", False) for step in steps),
            )


def _named(points: Iterable[DatasetPoint], dataset: str) -> bool:
    return any(dataset in (p.name, p.location) for p in points)


def _reached(start: str, edges: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    onward: dict[str, set[str]] = {}
    for here, there in edges:
        onward.setdefault(here, set()).add(there)
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in onward.get(waiting.pop(), ()):
            if name not in seen and name != start:
                seen.add(name)
                waiting.append(name)
    return tuple(sorted(seen))
