"""What a change of policies would newly do: from the rows that both sets were judged on, in counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from delible.decide.holds import free_rules
from delible.model.base import Frozen
from delible.model.exception import ErasureException
from delible.model.policy import PolicySet
from delible.model.terms import ErasureAction, Treatment
from delible.plan.dataset import ColumnStep, DatasetPlan
from delible.plan.detection_diff import DETECTION, DetectionChange
from delible.plan.gate_diff import loosened

_KINDS = ("purposes", "recipients", "tables", "retention", "legal_holds", "exceptions", "datasets", DETECTION)
_STRICTER = (ErasureAction.KEEP, ErasureAction.TREAT_COLUMNS, ErasureAction.DELETE_ROW)
_OPENNESS = (
    Treatment.DROP,
    Treatment.REPLACE,
    Treatment.MASK,
    Treatment.PSEUDONYMISE,
    Treatment.ENCRYPT,
    Treatment.GENERALISE,
    Treatment.KEEP,
)


@dataclass(frozen=True)
class Fate:
    """How many rows one set of policies treats one way, and the other another.

    Args:
        old, new: The columns that change; None where the whole row goes, empty where it stays as it is.
    """

    old: frozenset[str] | None
    new: frozenset[str] | None
    rows: int


class TableChange(Frozen):
    """What retention would newly do to a table's rows.

    Args:
        due: Rows that would newly be removed or changed.
        kept: Rows that would newly stay as they are.
        due_by_category, kept_by_category: The same rows by the data category of the columns concerned.
    """

    table: str
    due: int = 0
    kept: int = 0
    due_by_category: dict[str, int] = {}
    kept_by_category: dict[str, int] = {}


class DatasetChange(Frozen):
    """What a dataset would newly let out.

    Args:
        released: Rows that would newly enter it, or of which it would newly let a column out.
        withheld: Rows that would no longer enter it.
        loosened: Gates that would newly bound less, or would be gone: what they stop today could be released.
    """

    dataset: str
    released: int = 0
    withheld: int = 0
    released_by_category: dict[str, int] = {}
    loosened: tuple[str, ...] = ()


class ErasureChange(Frozen):
    """A table in which the next erasure would do something else."""

    table: str
    old: str
    new: str
    stricter: bool


class PolicyDiff(Frozen):
    """What a change of policies would newly do.

    Args:
        things: Policies that were added, removed or changed, such as `retention/tickets_3_years: keep`.
        detection: What would newly be looked for, and no longer; scans and masks then find other things.
        missing: Tables that are not there, so that nothing could be counted.
    """

    old: str
    new: str
    things: tuple[str, ...] = ()
    tables: tuple[TableChange, ...] = ()
    datasets: tuple[DatasetChange, ...] = ()
    erasure: tuple[ErasureChange, ...] = ()
    detection: DetectionChange = DetectionChange()
    missing: tuple[str, ...] = ()

    @property
    def irreversible(self) -> tuple[str, ...]:
        """What could not be undone, a sentence each: rows removed or changed, rows let out, gates, stricter erasure."""
        return (
            *(f"{t.due:,} rows of '{t.table}' would newly be removed or changed" for t in self.tables if t.due),
            *(f"{d.released:,} rows would newly be released to '{d.dataset}'" for d in self.datasets if d.released),
            *(f"a gate of '{d.dataset}' would bound less: {gate}" for d in self.datasets for gate in d.loosened),
            *(f"an erasure in '{e.table}' would be {e.new} instead of {e.old}" for e in self.erasure if e.stricter),
        )


def changed_things(old: PolicySet, new: PolicySet) -> tuple[str, ...]:
    """Return the policies that differ, with the keys in which they do."""
    found = [f"controller: {key}" for key in _differing(old.controller.model_dump(), new.controller.model_dump())]
    for kind in _KINDS:
        before: Mapping[str, Frozen] = getattr(old, kind)
        after: Mapping[str, Frozen] = getattr(new, kind)
        for name in sorted({*before, *after}):
            if name not in after:
                found.append(f"{kind}/{name}: removed")
            elif name not in before:
                found.append(f"{kind}/{name}: added")
            elif before[name] != after[name]:
                keys = _differing(before[name].model_dump(), after[name].model_dump())
                found.append(f"{kind}/{name}: {', '.join(keys)}")
    for name in sorted({*old.dictionaries, *new.dictionaries}):
        before_words, after_words = old.dictionaries.get(name), new.dictionaries.get(name)
        if before_words is not None and after_words is not None and before_words.sha256 != after_words.sha256:
            found.append(f"{DETECTION}/{name}: words")
    return tuple(found)


def retention_of(policies: PolicySet, table: str, today: date) -> object:
    """Return everything that retention of a table hangs on, apart from rows and requests; equal when nothing changed.

    A column's category belongs to it: holds on categories stop rules by it, and hold rows by it.
    """
    rules = [r for r in policies.retention.values() if r.table == table]
    free = [r.retention for r in free_rules(policies, table, today)]
    policy = policies.tables.get(table)
    return rules, free, (policy.subject, policy.columns) if policy is not None else None


def erasure_changes(old: PolicySet, new: PolicySet) -> tuple[ErasureChange, ...]:
    """Return the tables of both sets in which an erasure does something else, or to other columns."""
    found = []
    for name in sorted(set(old.tables) & set(new.tables)):
        before, after = old.tables[name].erasure, new.tables[name].erasure
        if (before.action, before.columns) == (after.action, after.columns):
            continue
        more = bool(set(after.columns.items()) - set(before.columns.items()))
        rank = _STRICTER.index(after.action) - _STRICTER.index(before.action)
        found.append(
            ErasureChange(
                table=name,
                old=_erasure(before.action, before.columns),
                new=_erasure(after.action, after.columns),
                stricter=rank > 0 or (rank == 0 and more),
            )
        )
    return (*found, *_exception_changes(old, new))


def _exception_changes(old: PolicySet, new: PolicySet) -> list[ErasureChange]:
    """Return what exceptions would newly protect, and no longer; an erasure that they stop bounding takes more."""
    found = []
    for name in sorted(set(old.exceptions) | set(new.exceptions)):
        before, after = old.exceptions.get(name), new.exceptions.get(name)
        was, is_now = _scope(before), _scope(after)
        until = (before.until if before else date.min, after.until if after else date.min)
        if was == is_now and until[0] == until[1]:
            continue
        more = before is None or (was == is_now and until[1] > until[0])
        table = next(e.table for e in (after, before) if e is not None)
        found.append(ErasureChange(table=table, old=_bound(name, before), new=_bound(name, after), stricter=not more))
    return found


def _scope(exception: ErasureException | None) -> object:
    if exception is None:
        return None
    return exception.table, frozenset(exception.columns), exception.where, exception.laws


def _bound(name: str, exception: ErasureException | None) -> str:
    if exception is None:
        return f"without exception '{name}'"
    what = ", ".join(exception.columns) or "whole rows"
    return f"with exception '{name}' ({what}) until {exception.until}"


def table_change(table: str, categories: Mapping[str, str], fates: Iterable[Fate]) -> TableChange:
    """Return what retention would newly do to one table.

    Args:
        table: Its name.
        categories: Column to data category, of both sets' policies together.
        fates: Groups of rows that both sets were judged on.
    """
    due, kept = 0, 0
    due_by: dict[str, int] = {}
    kept_by: dict[str, int] = {}
    for fate in fates:
        old, new = (set(categories) if side is None else side for side in (fate.old, fate.new))
        whole = fate.new is None and fate.old is not None
        freed = fate.old is None and fate.new is not None
        if whole or new - old:
            due += fate.rows
            _add(due_by, {categories[c] for c in new - old if c in categories}, fate.rows)
        if freed or old - new:
            kept += fate.rows
            _add(kept_by, {categories[c] for c in old - new if c in categories}, fate.rows)
    return TableChange(
        table=table,
        due=due,
        kept=kept,
        due_by_category=dict(sorted(due_by.items())),
        kept_by_category=dict(sorted(kept_by.items())),
    )


def dataset_change(
    name: str,
    plans: tuple[DatasetPlan | None, DatasetPlan | None],
    categories: Mapping[tuple[str, str], str],
    *,
    only_old: int,
    only_new: int,
    both: int,
) -> DatasetChange:
    """Return what a dataset would newly let out.

    Args:
        name: The dataset.
        plans: What the old and the new policies let out; None when nothing.
        categories: Data category by table and column.
        only_old, only_new, both: Rows that only the old, only the new, or both let in.
    """
    old, new = (plan.columns if plan is not None else () for plan in plans)
    opened = [step for step in new if _more_open(step, old)]
    by_category: dict[str, int] = {}
    for steps, rows in ((new, only_new), (opened, both)):
        places = ((step.table, step.field) for step in steps)
        _add(by_category, {categories[place] for place in places if place in categories}, rows)
    return DatasetChange(
        dataset=name,
        released=only_new + (both if opened else 0),
        withheld=only_old,
        released_by_category=dict(sorted(by_category.items())),
        loosened=loosened(*plans),
    )


def _more_open(step: ColumnStep, old: Sequence[ColumnStep]) -> bool:
    """Return whether a column leaves less treated than before; another unit, domain or source counts as less."""
    before = next((s for s in old if s.column == step.column), None)
    if before is None:
        return True
    rank = _OPENNESS.index(step.treatment) - _OPENNESS.index(before.treatment)
    return rank > 0 or (rank == 0 and step != before)


def _add(counts: dict[str, int], categories: Iterable[str], rows: int) -> None:
    for category in categories:
        if rows:
            counts[category] = counts.get(category, 0) + rows


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [key for key in new if old.get(key) != new[key]]


def _erasure(action: ErasureAction, columns: Mapping[str, object]) -> str:
    treated = ", ".join(f"{column}: {how}" for column, how in columns.items())
    return f"{action} ({treated})" if treated else str(action)
