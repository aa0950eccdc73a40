"""Cross-checks over a whole policy set: what is missing (gaps), and what breaks a rule (violations)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from delible.decide.beginning import begun
from delible.decide.column_paths import says_of
from delible.decide.contradictions import contradictions
from delible.decide.detection import detection_findings
from delible.decide.exception_policy import exception_findings
from delible.decide.exposure import exposures
from delible.decide.finding import Finding, Severity, Sources, gap, place, violation
from delible.decide.holds import covered_columns
from delible.decide.notices import untold
from delible.decide.references import reaching, structure, ways
from delible.decide.retention_policy import ends, left_identifying, retention_findings
from delible.decide.windows import unmet_deadlines
from delible.errors import bounded, did_you_mean
from delible.model.dataset import ColumnTreatment, DatasetRecipe
from delible.model.layout import Columns, Layout
from delible.model.policy import PolicySet, TablePolicy
from delible.model.terms import ColumnErasure, ErasureAction, LegalBasis

__all__ = ["Columns", "PolicyCheck", "check", "location_key"]

_TEXT = ("string", "varchar", "char")
_WIDE = ("integer", "long", "int", "bigint")


@dataclass(frozen=True)
class PolicyCheck:
    """What `policy check` answers."""

    gaps: tuple[Finding, ...]
    violations: tuple[Finding, ...]
    fingerprint: str
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Facts:
    """The policies, and what is known of the tables that are really there."""

    policies: PolicySet
    found: Mapping[str, Columns | None] | None

    def columns(self, table: TablePolicy) -> Columns | None:
        """Return a table's real columns, or None where they are not known."""
        return (self.found or {}).get(location_key(table.path))

    def known(self, table: TablePolicy) -> frozenset[str]:
        """Return the columns that a policy may name: the real ones, or those of the table's policy."""
        real = self.columns(table)
        return _with_parents(real) if real is not None else frozenset(table.columns)


def check(
    policies: PolicySet,
    *,
    found: Mapping[str, Columns | None] | None = None,
    layouts: Mapping[str, Layout | None] | None = None,
    today: date | None = None,
    sources: Sources | None = None,
) -> PolicyCheck:
    """Return all gaps and violations of a policy set, in the order of their places.

    Args:
        found: The Delta tables that are there, by `location_key`, with their columns, or None for a table that could
            not be read. None when nobody looked.
        layouts: The same tables as their logs describe them, for deadlines and statistics. None when nobody asks.
        today: The day, for holds and purposes that end. None when nobody asks.
        sources: Where each key stands.
    """
    facts = _Facts(policies, found)
    findings = [
        *begun(policies),
        *structure(policies),
        *_purposes(policies),
        *_tables(facts),
        *_erasure(facts),
        *retention_findings(facts.policies, facts.columns, facts.known),
        *_holds(policies),
        *exception_findings(policies, facts.known, today),
        *contradictions(policies, today),
        *_datasets(facts),
        *_warehouse(facts),
        *_identifiers(policies),
        *_layouts(policies, layouts),
        *untold(policies),
        *detection_findings(policies),
    ]
    placed = sorted((replace(f, where=place(sources or {}, f.path)) for f in findings), key=_order)
    return PolicyCheck(
        gaps=tuple(f for f in placed if f.severity is Severity.GAP),
        violations=tuple(f for f in placed if f.severity is Severity.VIOLATION),
        fingerprint=policies.fingerprint,
        notes=tuple(f for f in placed if f.severity is Severity.NOTE),
    )


def _layouts(policies: PolicySet, layouts: Mapping[str, Layout | None] | None) -> Iterator[Finding]:
    if layouts is None:
        return
    named = {name: layouts.get(location_key(table.path)) for name, table in policies.tables.items()}
    yield from unmet_deadlines(policies, named)
    yield from exposures(policies, named)


def _order(finding: Finding) -> tuple[str, int]:
    file, _, line = (finding.where or "").rpartition(":")
    return (file, int(line)) if line.isdigit() else (finding.where or "", 0)


def location_key(path: str) -> str:
    """Return the one spelling under which two table paths are the same folder."""
    return path.rstrip("/") if "://" in path else posixpath.normpath(path)


def _purposes(policies: PolicySet) -> Iterator[Finding]:
    for name, purpose in policies.purposes.items():
        if purpose.legal_basis is None:
            choices = ", ".join(LegalBasis)
            yield violation(
                "policy.no_legal_basis",
                f"purpose '{name}' has no legal basis (GDPR Art. 6(1)). Give legal_basis: one of {choices}.",
                *("purposes", name),
            )


def _tables(facts: _Facts) -> Iterator[Finding]:
    reached = reaching(facts.policies)
    for name, table in facts.policies.tables.items():
        path = ("tables", name)
        for index, reach in enumerate(table.subject):
            yield from _column(facts, table, reach.column, *path, "subject", index, "column")
            target = facts.policies.tables.get(reach.through or "")
            if target is None:
                continue
            yield from _column(facts, target, str(reach.matches), *path, "subject", index, "matches")
            cutting = [rule for rule in facts.policies.retention.values() if rule.table == target.table]
            if any(rule.removes_rows or reach.matches in rule.changed for rule in cutting):
                message = (
                    f"retention removes rows of '{target.table}', through which '{name}' reaches its people: what they "
                    "leave behind is found by no later erasure. Give both tables the same period and clock, or a key "
                    f"of its own to '{name}'."
                )
                yield gap("policy.retention_cuts_path", message, *path, "subject", index)
            if target.table not in reached:
                message = f"the path from '{name}' through '{target.table}' ends at no data subject."
                yield violation("policy.unreachable_subject", message, *path, "subject", index)
        real = facts.columns(table)
        if real is not None:
            for column in table.columns:
                yield from _column(facts, table, column, *path, "columns", column)
        yield from ways(table, real or {}, *path)
        if table.subject and not table.purposes:
            message = f"table '{name}' is about people, but says for no purpose (Art. 5(1)(b))."
            yield gap("policy.no_purpose", message, *path)
        if table.subject and not ends(table, facts.policies):
            message = f"no retention rule for '{name}': its rows are kept for ever (Art. 5(1)(e))."
            yield gap("policy.no_retention", message, *path)
    yield from _shared_paths(facts.policies)


def _column(facts: _Facts, table: TablePolicy, column: str, *path: str | int) -> Iterator[Finding]:
    known = facts.known(table)
    if column not in known and not _inside_known(column, known):
        hint = did_you_mean(column, known)
        message = f"table '{table.table}' has no column '{bounded(column, 80)}'.{hint}"
        yield violation("policy.unknown_column", message, *path)


def _shared_paths(policies: PolicySet) -> Iterator[Finding]:
    places = sorted((location_key(t.path) + "/", name) for name, t in policies.tables.items())
    for index, (folder, name) in enumerate(places):
        for other_folder, other in places[index + 1 :]:
            if not other_folder.startswith(folder):
                break
            relation = "has the same path as" if folder == other_folder else "lies inside the folder of"
            message = f"table '{other}' {relation} '{name}': the clean-up of one would remove files of the other."
            yield violation("policy.shared_path", message, "tables", other, "path")


def _erasure(facts: _Facts) -> Iterator[Finding]:
    for name, table in facts.policies.tables.items():
        rule, path = table.erasure, ("tables", name, "erasure", "columns")
        real = facts.columns(table)
        for column, how in rule.columns.items():
            yield from _column(facts, table, column, *path, column)
            kind = (real or {}).get(column, "string")
            allowed = {
                ColumnErasure.NULL: (kind,),
                ColumnErasure.MASK: _TEXT,
                # Fewer bits would give different people one pseudonym.
                ColumnErasure.PSEUDONYMISE: (*_TEXT, *_WIDE),
            }[how]
            if not kind.startswith(allowed):
                message = f"'{how}' cannot treat '{bounded(column, 80)}' of type {bounded(kind, 40)}; use null."
                yield violation("policy.erasure_type", message, *path, column)
        if rule.action is ErasureAction.TREAT_COLUMNS:
            for column, why in left_identifying(table, rule.columns):
                message = (
                    f"after its erasure a row of '{name}' still tells whose it was by '{bounded(column, 80)}' ({why})."
                    " Treat that column too, or use action keep with the legal ground."
                )
                yield violation("policy.leaves_identifying", message, *path)


def _holds(policies: PolicySet) -> Iterator[Finding]:
    for name, hold in policies.legal_holds.items():
        if hold.ends is not None and hold.ends < hold.starts:
            message = f"hold '{name}' ends on {hold.ends}, before it starts on {hold.starts}."
            yield violation("policy.hold_period", message, "legal_holds", name, "ends")
        for index, category in enumerate(hold.categories):
            if not any(covered_columns(hold.categories[index : index + 1], t) for t in policies.tables.values()):
                message = f"no table has a column of category '{category}', so hold '{name}' covers nothing by it."
                yield gap("policy.hold_category", message, "legal_holds", name, "categories", index)


def _datasets(facts: _Facts) -> Iterator[Finding]:
    for name, recipe in facts.policies.datasets.items():
        for index, (table, columns) in enumerate(recipe.by_table.items()):
            policy = facts.policies.tables.get(table)
            if policy is not None:
                where = ("datasets", name) if not index else ("datasets", name, "joins", index - 1)
                yield from _released(facts, recipe, policy, columns, where)
                if index:
                    for column in recipe.joins[index - 1].keys.values():
                        yield from _column(facts, policy, column, *where, "keys")


def _released(
    facts: _Facts,
    recipe: DatasetRecipe,
    table: TablePolicy,
    columns: Mapping[str, ColumnTreatment],
    where: tuple[str | int, ...],
) -> Iterator[Finding]:
    """Yield what is missing or wrong where a recipe lets columns of one table out, or lets it decide."""
    joined, name = table.table != recipe.source, recipe.dataset
    purpose = facts.policies.purposes.get(recipe.purpose)
    for column in columns:
        yield from _column(facts, table, column, *where, "columns", column)
        if column in facts.known(table) and not says_of(table.columns, column):
            message = f"column '{bounded(column, 80)}' of '{table.table}' has no data category, so it is left out."
            yield gap("policy.dataset_column", message, *where, "columns", column)
    for column in table.columns if not joined else ():
        if column not in columns:
            message = f"dataset '{name}' says nothing of column '{bounded(column, 80)}', so it is left out."
            yield gap("policy.dataset_column", message, *where, "columns")
    if purpose is None:
        return
    if purpose.legal_basis is LegalBasis.CONSENT and not table.subject and not joined:
        others = (facts.policies.tables.get(join.table) for join in recipe.joins)
        if not any(other is not None and other.subject for other in others):
            message = f"'{recipe.purpose}' rests on consent, but rows of '{table.table}' reach nobody."
            yield violation("policy.consent_without_subject", message, *where, "purpose")
    if purpose.legal_basis is not LegalBasis.CONSENT and recipe.purpose not in table.purposes:
        if joined and not table.subject:
            return
        message = (
            f"'{table.table}' is not processed for '{recipe.purpose}' (Art. 5(1)(b)), and that purpose does not"
            " rest on consent. Name it in the table's purposes, or base it on consent."
        )
        yield violation("policy.incompatible_purpose", message, *where, "table" if joined else "purpose")


def _warehouse(facts: _Facts) -> Iterator[Finding]:
    if facts.found is None:
        return
    mapped = {location_key(t.path): name for name, t in facts.policies.tables.items()}
    for key, columns in sorted(facts.found.items()):
        name = mapped.get(key)
        if name is None:
            yield gap("policy.table_unmapped", f"no policy maps the table at {bounded(key, 200)}.", "tables")
            continue
        if columns is None:
            message = f"the schema of '{name}' cannot be read, so its columns are not checked."
            yield gap("policy.table_unreadable", message, "tables", name, "path")
            continue
        table = facts.policies.tables[name]
        for column in columns:
            if not says_of(table.columns, column):
                message = f"no policy maps column '{bounded(column, 80)}' of table '{name}'."
                yield gap("policy.column_unmapped", message, "tables", name, "columns")
    for key, name in mapped.items():
        if key in facts.found:
            continue
        code, message = "policy.table_missing", f"there is no Delta table at {bounded(key, 200)}."
        if "://" in key:  # A check opens no network, and what nobody looked at must not pass for sound.
            code, message = "policy.table_unexamined", f"nobody looks at columns and windows of {bounded(key, 200)}."
        yield gap(code, message, "tables", name, "path")


def _identifiers(policies: PolicySet) -> Iterator[Finding]:
    held = {reach.identifies for table in policies.tables.values() for reach in table.direct}
    for kind in policies.controller.identifiers:
        if policies.tables and kind not in held:
            message = f"no table holds the identifier kind '{kind}', so a request that gives it reaches nobody."
            yield gap("policy.kind_unheld", message, "controller", "identifiers", kind)


def _with_parents(columns: Columns) -> frozenset[str]:
    """Return dotted paths with the structs that hold them."""
    parts = (name.split(".") for name in columns)
    return frozenset(columns) | {".".join(each[:n]) for each in parts for n in range(1, len(each))}


def _inside_known(column: str, known: frozenset[str]) -> bool:
    """Return whether a dotted path leads into a column whose inside is not known, such as an array or a map."""
    parts = column.split(".")
    above = (".".join(parts[:n]) for n in range(1, len(parts)))
    return any(each in known and not any(k.startswith(f"{each}.") for k in known) for each in above)
