"""Where a dataset came from and where it went: OpenLineage events as a graph, and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from textwrap import wrap
from typing import Any

from delible.model.base import Frozen
from delible.report.wording import count

_MOST_NAMED = 8
_MOST_RUNS = 5
_WIDTH = 100


class DatasetPoint(Frozen):
    """A dataset as a run saw it."""

    name: str
    namespace: str
    location: str
    version: str | None


class ColumnSource(Frozen):
    """One column of an output, and the column of an input behind it."""

    output: str
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
    return view_of(runs_of(events), dataset)


def runs_of(events: Iterable[Mapping[str, Any]]) -> list[RunLine]:
    """Return the runs that have ended, in the order of their events; what is no event of a run is passed over."""
    found = []
    for event in events:
        with suppress(AttributeError, LookupError, RecursionError, TypeError, ValueError):
            if event.get("eventType") in ("COMPLETE", "FAIL"):
                found.append(_run(event))
    return found


def view_of(runs: Sequence[RunLine], dataset: str) -> LineageView | None:
    """Return what runs say about a dataset, as `lineage_view`."""
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
        upstream=_reached(dataset, ((o.name, i) for r in done for o in r.outputs for i in _sources(r, o.name))),
        downstream=_reached(dataset, ((i, o.name) for r in done for o in r.outputs for i in _sources(r, o.name))),
    )


def lineage_text(view: LineageView, *, made_from: Iterable[str] = (), feeds: Iterable[str] = ()) -> str:
    """Return what a person asks, in lines of at most 100 columns: direct sources and uses, and the latest runs.

    Runs that rewrote the table where it lies, such as an erasure, read other tables to find rows: these are no sources.

    Args:
        view: What runs say.
        made_from: Sources that are known otherwise, such as by policies.
        feeds: Uses that are known otherwise, such as models that were registered.
    """
    made = [run for run in view.made_by if not _in_place(run, view.dataset)]
    changed = [run for run in view.made_by if _in_place(run, view.dataset)]
    direct = {name for run in made if run.outcome == "COMPLETE" for name in _sources(run, view.dataset)} | {*made_from}
    fed = {o.name for run in view.used_by for o in run.outputs if not _in_place(run, o.name)} | {*feeds}
    lines = [view.dataset, *_listed("  made from     ", direct)]
    lines += _listed("  further back  ", set(view.upstream) - direct) if set(view.upstream) - direct else []
    lines += _listed("  feeds         ", fed) if fed else []
    for title, runs in (("made by", made), ("changed where it lies by", changed), ("read by", view.used_by)):
        if runs:
            lines += ["", title, *(line for run in runs[-_MOST_RUNS:] for line in _run_text(run, view.dataset))]
        if len(runs) > _MOST_RUNS:
            lines.append(f"  {count(len(runs) - _MOST_RUNS, 'earlier run')} not shown: --json lists all")
    last = next((run for run in reversed(made) if run.columns and run.outcome == "COMPLETE"), None)
    if last is not None:
        columns = [c for c in last.columns if c.output == view.dataset]
        lines += ["", f"columns, as of {last.at[:10]}"]
        lines += [f"  {c.column:<28.28}  {c.treatment:<13}  {c.source}.{c.field}" for c in columns]
    return "\n".join(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in lines)


def _run_text(run: RunLine, dataset: str) -> Iterator[str]:
    purpose = f" for {run.purpose}" if run.purpose and ":" not in run.purpose else ""
    failed = "  FAILED" if run.outcome == "FAIL" else ""
    yield f"  {run.at[:19].replace('T', ' ')}  {run.job}{purpose}{failed}"
    if _in_place(run, dataset):
        return
    if _named(run.outputs, dataset):
        giving = {c.source for c in run.columns if c.output == dataset}
        rest = [p for p in run.inputs if p.name not in giving]
        if giving:
            yield from _listed("      columns from  ", map(_versioned, (p for p in run.inputs if p.name in giving)))
        if rest:
            yield from _listed("      also read     " if giving else "      from          ", map(_versioned, rest))
    outputs = [p for p in run.outputs if not _in_place(run, p.name)]
    if outputs:
        yield from _listed("      into          ", map(_versioned, outputs))


def _listed(label: str, names: Iterable[str]) -> list[str]:
    """Return names behind a label, broken between names."""
    every = sorted(set(names))
    more = [f"and {len(every) - _MOST_NAMED} more"] if len(every) > _MOST_NAMED else []
    text = ", ".join([*every[:_MOST_NAMED], *more]) or "nothing that is recorded"
    return wrap(
        text,
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _versioned(point: DatasetPoint) -> str:
    return f"{point.name}@v{point.version}" if point.version else point.name


def _in_place(run: RunLine, dataset: str) -> bool:
    """Return whether a run wrote where it had read: it changed rows and made nothing new."""
    read = {(p.namespace, p.location) for p in run.inputs}
    written = [p for p in run.outputs if dataset in (p.name, p.location)]
    return bool(written) and all((p.namespace, p.location) in read for p in written)


def _sources(run: RunLine, output: str) -> set[str]:
    """Return the datasets that an output of a run comes from: of one that was changed in place, its columns' own."""
    if _in_place(run, output):
        return {c.source for c in run.columns if c.output == output} - {output}
    return {p.name for p in run.inputs}


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
    output = names[dataset["namespace"], dataset["name"]]
    fields = dataset.get("facets", {}).get("columnLineage", {}).get("fields", {})
    for column, behind in fields.items():
        for source in behind["inputFields"]:
            steps = source.get("transformations", ())
            yield ColumnSource(
                output=output,
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
