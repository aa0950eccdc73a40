"""A policy diff as text, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from delible.errors import bounded
from delible.plan.policy_diff import PolicyDiff


def text(diff: PolicyDiff) -> str:
    """Return the diff as lines of text."""
    return "\n".join(_text(diff))


def markdown(diff: PolicyDiff) -> str:
    """Return the diff as Markdown; names from policies are shown as code, so that nothing in them is markup."""
    lines = ["## What this change of policies would do", ""]
    if diff.irreversible:
        lines += ["**It cannot be undone:**", "", *(f"- {_plain(each)}" for each in diff.irreversible), ""]
    elif not diff.things:
        lines += ["Nothing changes.", ""]
    else:
        lines += ["Nothing irreversible would newly happen.", ""]
    if diff.tables:
        lines += ["| table | newly due | newly kept | by category |", "|---|---:|---:|---|"]
        for table in diff.tables:
            by = _categories({"due": table.due_by_category, "kept": table.kept_by_category})
            lines.append(f"| {_code(table.table)} | {table.due:,} | {table.kept:,} | {_code(by)} |")
        lines.append("")
    if diff.datasets:
        lines += ["| dataset | newly released | no longer released | by category |", "|---|---:|---:|---|"]
        for dataset in diff.datasets:
            by = _categories({"": dataset.released_by_category})
            lines.append(f"| {_code(dataset.dataset)} | {dataset.released:,} | {dataset.withheld:,} | {_code(by)} |")
        lines.append("")
        gates = [(d.dataset, gate) for d in diff.datasets for gate in d.loosened]
        lines += [f"- {_code(dataset)}: a gate would bound less: {_code(gate)}" for dataset, gate in gates]
        lines += [""] if gates else []
    if diff.erasure:
        lines += ["| erasure in | was | would be |", "|---|---|---|"]
        lines += [f"| {_code(e.table)} | {_code(e.old)} | {_code(e.new)} |" for e in diff.erasure]
        lines.append("")
    if diff.detection.words:
        lines += ["Scans and masks would look for other things:", ""]
        lines += [f"- {_plain(words)}" for words in diff.detection.words]
        lines.append("")
    if diff.missing:
        lines += [f"Not counted, since the table is not there: {', '.join(map(_code, diff.missing))}.", ""]
    if diff.things:
        lines += ["<details><summary>Policies that differ</summary>", "", *(f"- {_code(t)}" for t in diff.things)]
        lines += ["", "</details>", ""]
    lines.append(f"Policies {_code(diff.old[:16])} → {_code(diff.new[:16])}")
    return "\n".join(lines)


def _text(diff: PolicyDiff) -> Iterator[str]:
    for thing in diff.things:
        yield f"changed  {thing}"
    for table in diff.tables:
        by = _categories({"due": table.due_by_category, "kept": table.kept_by_category})
        yield f"table    {table.table}: {table.due:,} rows newly due, {table.kept:,} newly kept{_in(by)}"
    for dataset in diff.datasets:
        by = _categories({"": dataset.released_by_category})
        yield (
            f"dataset  {dataset.dataset}: {dataset.released:,} rows newly released, {dataset.withheld:,} no longer"
            f"{_in(by)}"
        )
        for gate in dataset.loosened:
            yield f"gate     {dataset.dataset}: {gate}"
    for change in diff.erasure:
        yield f"erasure  {change.table}: {change.new}, was {change.old}"
    for words in diff.detection.words:
        yield f"detect   {words}"
    for name in diff.missing:
        yield f"missing  {name}: the table is not there, so nothing is counted"
    yield f"{len(diff.irreversible)} irreversible; policies {diff.old[:16]} -> {diff.new[:16]}"


def _categories(counts: Mapping[str, Mapping[str, int]]) -> str:
    return ", ".join(f"{part} {name} {rows:,}".strip() for part, by in counts.items() for name, rows in by.items())


def _in(categories: str) -> str:
    return f" ({categories})" if categories else ""


def _code(words: str) -> str:
    shown = bounded(words).replace("`", "'").replace("|", "/")
    return f"`{shown}`" if shown else ""


def _plain(words: str) -> str:
    return bounded(words).replace("<", "&lt;").replace("|", "/")
