"""Names in policies that must stand for something: what is dangling, and what goes round in circles.

A policy set with such a flaw cannot be worked with at all, so loading it for any other command than `policy check`
fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from delible.decide.finding import Finding, gap, violation
from delible.errors import bounded, did_you_mean
from delible.model.policy import PolicySet, TablePolicy
from delible.model.retention import EventClock

Edges = Mapping[str, Iterable[str]]
_TEXTS = frozenset({None, "string", "array", "map"})
_CLOSED = frozenset({"variant", "binary"})
"""Types of columns in which free text is masked, where known; and those in which no value is searched for."""


def structure(policies: PolicySet) -> list[Finding]:
    """Return the dangling references and the cycles of a policy set; both are violations."""
    return [*_unknown_names(policies), *_path_cycles(policies), *_upstream_cycles(policies)]


def reaching(policies: PolicySet) -> frozenset[str]:
    """Return the tables from whose rows at least one path ends at a data subject."""
    reached = {name for name, table in policies.tables.items() if table.direct}
    while True:
        further = {
            name
            for name, table in policies.tables.items()
            if name not in reached and any(r.through in reached for r in table.subject)
        }
        if not further:
            return frozenset(reached)
        reached |= further


def cycles(edges: Edges) -> list[tuple[str, ...]]:
    """Return each circle once, starting at its first name in alphabetical order; of circles that overlap, some."""
    found: list[tuple[str, ...]] = []
    finished: set[str] = set()
    for start in sorted(edges):
        if start in finished:
            continue
        trail: list[str] = [start]
        waiting: list[Iterator[str]] = [iter(sorted(set(edges[start])))]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                finished.add(trail.pop())
            elif following in trail:
                circle = trail[trail.index(following) :]
                first = circle.index(min(circle))
                found.append((*circle[first:], *circle[:first]))
            elif following in edges and following not in finished:
                trail.append(following)
                waiting.append(iter(sorted(set(edges[following]))))
    return found


def _path_cycles(policies: PolicySet) -> Iterator[Finding]:
    edges = {name: [r.through for r in t.subject if r.through] for name, t in policies.tables.items()}
    for circle in cycles(edges):
        way = " → ".join((*circle, circle[0]))
        index = next((i for i, r in enumerate(policies.tables[circle[0]].subject) if r.through in circle), 0)
        yield violation(
            "policy.path_cycle",
            f"the path to the data subject goes round in a circle: {way}. Take one of these steps out.",
            *("tables", circle[0], "subject", index),
        )


def _upstream_cycles(policies: PolicySet) -> Iterator[Finding]:
    for circle in cycles({name: t.upstream for name, t in policies.tables.items()}):
        way = " → ".join((*circle, circle[0]))
        yield violation(
            "policy.upstream_cycle",
            f"tables are derived from one another in a circle: {way}. Erased rows would come back.",
            *("tables", circle[0], "upstream"),
        )


def _unknown_names(policies: PolicySet) -> Iterator[Finding]:
    tables, purposes, recipients = policies.tables, policies.purposes, policies.recipients
    for name, purpose in purposes.items():
        yield from _each(purpose.recipients, "recipient", recipients, "purposes", name, "recipients")
    for name, recipient in recipients.items():
        kinds = recipient.notify.identifiers if recipient.notify is not None else ()
        known = policies.controller.identifiers
        yield from _each(kinds, "identifier kind", known, "recipients", name, "notify", "identifiers")
    for name, table in tables.items():
        yield from _each(table.purposes, "purpose", purposes, "tables", name, "purposes")
        yield from _each(table.recipients, "recipient", recipients, "tables", name, "recipients")
        yield from _each(table.upstream, "table", tables, "tables", name, "upstream")
        yield from _reaches(table, policies)
        yield from _copies(table, tables)
    for name, rule in policies.retention.items():
        yield from _one(rule.table, "table", tables, "retention", name, "table")
        if isinstance(rule.clock, EventClock):
            yield from _one(rule.clock.table, "table", tables, "retention", name, "clock", "table")
        if rule.purpose is not None:
            yield from _one(rule.purpose, "purpose", purposes, "retention", name, "purpose")
    for name, hold in policies.legal_holds.items():
        yield from _each(hold.tables, "table", tables, "legal_holds", name, "tables")
    for name, exception in policies.exceptions.items():
        yield from _one(exception.table, "table", tables, "exceptions", name, "table")
    for name, recipe in policies.datasets.items():
        yield from _one(recipe.source, "table", tables, "datasets", name, "source")
        for index, join in enumerate(recipe.joins):
            yield from _one(join.table, "table", tables, "datasets", name, "joins", index, "table")
        yield from _one(recipe.purpose, "purpose", purposes, "datasets", name, "purpose")


def _copies(table: TablePolicy, tables: Mapping[str, TablePolicy]) -> Iterator[Finding]:
    """Yield columns that say they copy one that is not there, or not upstream: no correction would ever reach them."""
    above, waiting = set[str](), list(table.upstream)
    while waiting:
        name = waiting.pop()
        if name in tables and name not in above:
            above.add(name)
            waiting += tables[name].upstream
    for column, policy in table.columns.items():
        source, _, copied = (policy.copy_of or "").partition(".")
        if policy.copy_of is not None and (source not in above or copied not in tables[source].columns):
            yield violation(
                "policy.copy_of",
                f"'{bounded(policy.copy_of, 80)}' is no column of a table that '{table.table}' is derived from; name "
                "one as table.column, and its table under 'upstream'.",
                *("tables", table.table, "columns", column, "copy_of"),
            )


def _reaches(table: TablePolicy, policies: PolicySet) -> Iterator[Finding]:
    for index, reach in enumerate(table.subject):
        path = ("tables", table.table, "subject", index)
        if reach.identifies is not None:
            yield from _one(reach.identifies, "identifier kind", policies.controller.identifiers, *path, "identifies")
        if reach.through is not None:
            yield from _one(reach.through, "table", policies.tables, *path, "through")


def _each(names: Iterable[str], what: str, known: Collection[str], *path: str | int) -> Iterator[Finding]:
    for index, name in enumerate(names):
        yield from _one(name, what, known, *path, index)


def _one(name: str, what: str, known: Collection[str], *path: str | int) -> Iterator[Finding]:
    if name not in known:
        choice = f" Known: {bounded(', '.join(sorted(known)), 200)}." if known else " None is described yet."
        message = f"there is no {what} '{bounded(name, 80)}'.{did_you_mean(name, known)}{choice}"
        yield violation("policy.unknown_reference", message, *path)


def ways(table: TablePolicy, columns: Mapping[str, str], *path: str | int) -> Iterator[Finding]:
    """Yield what is wrong with the ways from a table's rows to people.

    Args:
        columns: The table's real columns and types, as far as they are known.
        path: Where the table stands in the policies.
    """
    for reach in table.subject:
        kind = columns.get(reach.column, "string")
        if kind in ("float", "double") or (kind.startswith("decimal") and not kind.endswith((",0)", ", 0)"))):
            message = (
                f"'{bounded(reach.column, 80)}' of '{table.table}' is of type {bounded(kind, 40)}: a number with a "
                "fraction has no one spelling, so it reaches nobody. Store it as a whole number or as text."
            )
            yield violation("policy.reach_type", message, *path, "subject")
    if table.several_owners:
        message = (
            f"a row of '{table.table}' can belong to several people, so an erasure that meets one is refused; declare "
            "one way in 'subject'."
        )
        yield gap("policy.several_owners", message, *path, "subject")
    for column, meaning in table.columns.items():
        held = columns.get(column)
        if (meaning.free_text and held not in _TEXTS) or (meaning.searched and held in _CLOSED):
            message = (
                f"'{bounded(column, 80)}' of '{table.table}' is of type {bounded(str(held), 40)}: nothing in it "
                "can be masked or searched for, so an erasure could never end. Store it as text."
            )
            yield violation("policy.text_type", message, *path, "columns", column)
    nested = {r.column for r in table.subject} | set(table.erasure.columns)
    nested |= {c for c, meaning in table.columns.items() if meaning.searched}
    for column in sorted(c for c in nested if "." in c and columns and c not in columns):
        message = (
            f"'{bounded(column, 80)}' lies inside an array or a map: people are reached by, and columns treated and "
            "searched, down to fields of structs only. Name the array or map itself, or flatten the table."
        )
        yield violation("policy.nested_column", message, *path, "columns", column)
