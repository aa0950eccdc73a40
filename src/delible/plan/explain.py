"""A table's policy in words: what it holds, whose it is, how long it stays, what erasure does."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from delible.decide.detection import detection_of
from delible.decide.holds import held_by
from delible.errors import InputError, bounded, did_you_mean
from delible.model.base import Frozen
from delible.model.policy import PolicySet, Reach, TablePolicy
from delible.model.taxonomy import CATEGORIES, is_special
from delible.model.terms import ErasureAction, Readers, RetentionAction

WIDTH = 100
_LABEL = 13
_MOST_PATHS = 50
_NARROWEST = 30
"""Room that notes need beside a column's name; with less they stand below it."""


class ExplainedColumn(Frozen):
    """One column: its category, its flags, and what an erasure does to it in a row that stays."""

    column: str
    category: str
    title: str
    special: bool
    free_text: bool
    searched: bool
    erasure: str | None


class Explanation(Frozen):
    """Everything that the policies say of one table.

    Args:
        paths: Each way from a row to the data subject, step by step.
        derived: Tables that are made from this one.
        detection: What is looked for in its values and texts beside what always is.
    """

    table: str
    path: str
    description: str
    readers: Readers
    no_subject: str | None
    purposes: tuple[dict[str, str | None], ...]
    paths: tuple[tuple[str, ...], ...]
    columns: tuple[ExplainedColumn, ...]
    erasure: ErasureAction
    erasure_reason: str | None
    retention: tuple[dict[str, str | None], ...]
    holds: tuple[dict[str, str | None], ...]
    exceptions: tuple[dict[str, str | None], ...]
    upstream: tuple[str, ...]
    derived: tuple[str, ...]
    datasets: tuple[dict[str, str], ...]
    recipients: tuple[str, ...]
    detection: tuple[str, ...] = ()


def explain(policies: PolicySet, table: str) -> Explanation:
    """Return what the policies say of one table.

    Raises:
        InputError: `policy.unknown_table` when no policy describes it.
    """
    policy = policies.tables.get(table)
    if policy is None:
        hint = did_you_mean(table, policies.tables)
        message = f"no policy describes a table '{bounded(table, 80)}'.{hint}"
        raise InputError("policy.unknown_table", message, where="policies/tables")
    treated = policy.erasure.columns
    return Explanation(
        table=table,
        path=policy.path,
        description=policy.description,
        readers=policy.readers,
        no_subject=policy.no_subject,
        purposes=tuple(_purpose(policies, name) for name in policy.purposes),
        paths=tuple(_paths(policies, policy)),
        columns=tuple(
            ExplainedColumn(
                column=name,
                category=each.category,
                title=CATEGORIES[each.category],
                special=each.special or is_special(each.category),
                free_text=each.free_text,
                searched=each.searched,
                erasure=str(treated[name]) if name in treated else None,
            )
            for name, each in policy.columns.items()
        ),
        erasure=policy.erasure.action,
        erasure_reason=policy.erasure.reason,
        retention=tuple(
            {
                "rule": r.retention,
                "clock": str(r.clock),
                "keep": r.keep,
                "action": str(r.action),
                "where": r.where,
                "duty": f"{r.duty.law}, at least {r.duty.at_least}" if r.duty else None,
                "reason": r.reason,
            }
            for r in policies.retention.values()
            if r.table == table
        ),
        holds=tuple(
            {"hold": h.hold, "starts": str(h.starts), "ends": str(h.ends) if h.ends else None, "reason": h.reason}
            for h in policies.legal_holds.values()
            if table in held_by(h, policies)
        ),
        exceptions=tuple(
            {
                "exception": x.exception,
                "columns": ", ".join(x.columns) or None,
                "basis": str(x.basis),
                "until": str(x.until),
                "where": x.where,
                "owner": x.owner,
                "reason": x.reason,
            }
            for x in policies.exceptions.values()
            if x.table == table
        ),
        upstream=policy.upstream,
        derived=tuple(name for name, other in policies.tables.items() if table in other.upstream),
        datasets=tuple(
            {"dataset": d.dataset, "purpose": d.purpose} for d in policies.datasets.values() if table in d.by_table
        ),
        recipients=policies.recipients_of(policy),
        detection=tuple(_looked_for(policies)),
    )


def lines(explanation: Explanation) -> list[str]:
    """Return an explanation as lines of text, at most `WIDTH` characters wide."""
    e = explanation
    purposes = [f"{p['purpose']} ({p['legal_basis'] or 'NO LEGAL BASIS'})" for p in e.purposes]
    retention = [_retained(r) for r in e.retention] or ["no rule: rows are kept for ever (gap)"]
    holds = [f"{h['hold']}, from {h['starts']} to {h['ends'] or 'its release'}: {h['reason']}" for h in e.holds]
    parts = [
        ("Table", [e.table]),
        ("", [e.description]),
        ("Path", [e.path]),
        ("Readers", [_READERS[e.readers]]),
        ("Purposes", purposes or ["none named (gap)"]),
        ("Subject", [" → ".join(p) for p in e.paths] or [f"nobody: {e.no_subject}" if e.no_subject else "NOT REACHED"]),
        ("Erasure", [_ERASURE[e.erasure], *([f"because: {e.erasure_reason}"] if e.erasure_reason else [])]),
        ("Retention", retention),
        ("Exceptions", [_excepted(x) for x in e.exceptions]),
        ("Legal holds", holds),
        ("Made from", list(e.upstream)),
        ("Source of", [*e.derived, *(f"dataset {d['dataset']} for {d['purpose']}" for d in e.datasets)]),
        ("Recipients", list(e.recipients)),
        ("Detection", list(e.detection)),
    ]
    text = [line for label, entries in parts for line in _labelled(label, entries)]
    return [*text, "", *_column_lines(e.columns)]


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as one JSON object."""
    return explanation.model_dump(mode="json")


_READERS = {
    Readers.SHARED: "others may read old versions: physical erasure waits for the table's own windows",
    Readers.EXCLUSIVE: "nothing else reads old versions: --immediate is allowed",
}
_ERASURE = {
    ErasureAction.DELETE_ROW: "the row is deleted",
    ErasureAction.TREAT_COLUMNS: "the row stays, without what identifies (see the columns)",
    ErasureAction.KEEP: "the row is kept as it is",
}


_RETENTION = {
    RetentionAction.DELETE_ROW: "deleted",
    RetentionAction.AGGREGATE: "summed up",
    RetentionAction.TREAT_COLUMNS: "treated",
}


def _looked_for(policies: PolicySet) -> Iterator[str]:
    detection = detection_of(policies)
    if detection.countries:
        yield f"national identifiers of {', '.join(detection.countries)}"
    for recognizer in detection.recognizers:
        means = f"{recognizer.category} as {recognizer.type}" if recognizer.category else "about nobody"
        yield f"{recognizer.recognizer} ({means}): {recognizer.description}"


def _purpose(policies: PolicySet, name: str) -> dict[str, str | None]:
    purpose = policies.purposes.get(name)
    return {"purpose": name, "legal_basis": purpose.legal_basis if purpose else None}


def _paths(policies: PolicySet, start: TablePolicy) -> Iterator[tuple[str, ...]]:
    """Yield the ways to the data subject, shortest first; circles are cut, very many ways too."""
    waiting: list[tuple[tuple[str, ...], tuple[str, ...], Reach, TablePolicy]] = [
        ((), (start.table,), reach, start) for reach in start.subject
    ]
    given = 0
    while waiting and given < _MOST_PATHS:
        steps, seen, reach, table = waiting.pop(0)
        here = f"{table.table}.{reach.column}"
        if reach.identifies is not None:
            given += 1
            yield (*steps, here, reach.identifies)
            continue
        following = policies.tables.get(reach.through or "")
        if following is None or following.table in seen:
            continue
        taken = (*steps, f"{here} = {following.table}.{reach.matches}")
        waiting += [(taken, (*seen, following.table), onward, following) for onward in following.subject]


def _excepted(exception: dict[str, str | None]) -> str:
    what = exception["columns"] or "the whole row"
    only = f", only where {exception['where']}" if exception["where"] else ""
    return (
        f"{exception['exception']}: an erasure keeps {what} until {exception['until']}{only} ({exception['basis']}). "
        f"{exception['reason']}"
    )


def _retained(rule: dict[str, str | None]) -> str:
    only = f", only where {rule['where']}" if rule["where"] else ""
    duty = f" Duty to keep: {rule['duty']}." if rule["duty"] else ""
    happens = _RETENTION[RetentionAction(str(rule["action"]))]
    return f"{rule['rule']}: {happens} {rule['keep']} after {rule['clock']}{only}. {rule['reason']}{duty}"


def _labelled(label: str, entries: list[str]) -> Iterator[str]:
    head = f"{label:<{_LABEL}}"
    for entry in entries:
        for line in wrap(bounded(entry), WIDTH - _LABEL, break_on_hyphens=False) or [""]:
            yield f"{head}{line}".rstrip()
            head = " " * _LABEL


def _column_lines(columns: tuple[ExplainedColumn, ...]) -> list[str]:
    rows = [("Column", "Category", "Notes")]
    for column in columns:
        flags = {"special category": column.special, "free text": column.free_text, "searched": column.searched}
        notes = [name for name, on in flags.items() if on]
        notes += [f"on erasure: {column.erasure}"] if column.erasure else []
        rows.append((bounded(column.column, 40), column.category, ", ".join(notes)))
    first, second = (max(len(row[i]) for row in rows) + 2 for i in (0, 1))
    text: list[str] = []
    for name, category, noted in rows:
        head = f"{name:<{first}}{category:<{second}}"
        beside = WIDTH - len(head) >= _NARROWEST
        parts = wrap(noted, WIDTH - len(head)) if beside else ["", *wrap(noted, WIDTH - 4)]
        text.append(f"{head}{parts[0] if parts else ''}".rstrip())
        text += [f"{' ' * (len(head) if beside else 4)}{part}" for part in parts[1:]]
    return text
