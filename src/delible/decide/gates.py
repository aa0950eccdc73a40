"""Whether what was measured of a release lets it out. A gate that could not be measured stops it.

k-anonymity counts data subjects: ten rows of one person hide nobody. l-diversity counts different values, of which
"nothing said" is one. The risk of a row is one by the data subjects of its group (prosecutor model), and the gate
bounds the mean of all rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from delible.decide.intervals import wilson
from delible.decide.noise import meant
from delible.decide.sampling import Bound, at_most_missed
from delible.decide.tagging import ColumnFacts
from delible.model.gate import Drift, Gate, GateResult, Gates, share_of
from delible.model.taxonomy import is_within

_DIGITS = 6
_FINEST = 10**12


@dataclass(frozen=True)
class Groups:
    """What rows look like by their quasi-identifiers; None stands for what was not asked.

    Args:
        small: Rows in groups of fewer than `k` data subjects.
        unique: Rows in groups of one data subject.
        least: Different sensitive values of the group with the fewest.
        poor: Rows in groups with fewer than `l`.
        risk: Mean of all rows of one by the data subjects of their group.
    """

    rows: int
    groups: int
    smallest: int
    unique: int
    small: int | None = None
    least: int | None = None
    poor: int | None = None
    risk: float | None = None


@dataclass(frozen=True)
class Before:
    """The version before: its number, rows, data subjects and columns with their types; None where unknown."""

    version: int
    rows: int
    subjects: int
    columns: Mapping[str, str] | None


@dataclass(frozen=True)
class Measured:
    """What was measured of the rows that would leave.

    Args:
        splits: Rows of each split that the recipe cuts.
        columns: Released columns with their types.
        categories: The data category of each, as the policies have it.
        kept: Released columns that hold their values, as they were or coarser; in others nothing of them may be left.
        quasi, label: Released columns that gates are about.
        labels: Rows of the label's rarest value, and how many values there are; None where it was not asked.
        groups: None where it was not asked, or there is no quasi-identifier.
        facts: What a scan of the rows counted, by column; None where it was not asked.
        drawn: Share of the rows that were scanned.
        before: None for a first version.
    """

    rows: int
    subjects: int
    splits: Mapping[str, int]
    columns: Mapping[str, str]
    categories: Mapping[str, str]
    kept: Collection[str] = ()
    quasi: Sequence[str] = ()
    label: str | None = None
    labels: tuple[int, int] | None = None
    groups: Groups | None = None
    facts: Sequence[ColumnFacts] | None = None
    drawn: float = 1.0
    before: Before | None = None


def judge(gates: Gates, found: Measured) -> tuple[GateResult, ...]:
    """Return every gate of a recipe with what it measured."""
    return (*_residual(gates, found), *_grouped(gates, found), *_minimum(gates, found), *_drift(gates.drift, found))


def residual_bound(gates: Gates) -> Bound | None:
    """Return what a re-scan has to be able to say, or None where a recipe asks for none."""
    if gates.residual is None:
        return None
    return Bound(float(share_of(gates.residual.confidence)), share_of(gates.residual.max_share))


def _residual(gates: Gates, found: Measured) -> Iterator[GateResult]:
    bound = residual_bound(gates)
    if bound is None or gates.residual is None:
        return
    if found.facts is None:
        yield _result(Gate.RESIDUAL, None, "at most", bound.prevalence, note="the rows could not be read again")
        return
    results = []
    for facts in found.facts:
        own = facts.column.partition(".")[0].strip("`")
        allowed, said = gates.residual.allow.get(own, ()), found.categories.get(own) if own in found.kept else None
        hits = {e: n for e, n in meant(facts).items() if e not in allowed and not _said(facts, e, said)}
        results.append(_residue(facts, hits, bound, found))
    failed = [r for r in results if not r.passed]
    if failed or not results:
        yield from failed
    else:
        worst = max(results, key=lambda r: float(r.measured or 0))
        alike = len(results) > 1 and all(r.measured == worst.measured for r in results)
        yield worst.model_copy(update={"about": f"all {len(results)} columns"}) if alike else worst
    if not results:
        yield _result(Gate.RESIDUAL, Fraction(0), "at most", bound.prevalence, note="no column needs to be read again")


def _said(facts: ColumnFacts, entity: str, category: str | None) -> bool:
    """Return whether the policies say that a column holds this: what is kept knowingly is no residue.

    A type that stands for more than the column's category may be something else.
    """
    found = facts.category_of(entity)
    return found is not None and category is not None and is_within(found, (category,))


def _residue(facts: ColumnFacts, hits: Mapping[str, int], bound: Bound, found: Measured) -> GateResult:
    if facts.cut or facts.unread:
        why = (
            f"{facts.cut:,} values too long to be read to their end, {facts.unread:,} in which no names are looked for"
        )
        return _result(Gate.RESIDUAL, None, "at most", bound.prevalence, facts.column, why)
    rows = min(facts.rows, sum(facts.row_hits.get(e, n) for e, n in hits.items()))
    looked = f"{facts.rows:,} of {found.rows:,} rows read again"
    if rows:
        types = ", ".join(f"{entity} in {facts.row_hits.get(entity, n):,} row(s)" for entity, n in sorted(hits.items()))
        share = Fraction(rows, facts.rows)
        if found.drawn < 1:
            share = Fraction(wilson(rows, facts.rows, bound.confidence)[1])
        return _result(Gate.RESIDUAL, share, "at most", bound.prevalence, facts.column, f"{looked}: {types}")
    missed = min(found.rows, at_most_missed(found.drawn, bound.confidence))
    share = Fraction(missed, found.rows) if found.rows else Fraction(0)
    said = f"{looked}, no residue; confidence {bound.confidence:g}" if missed else f"{looked}, no residue"
    return _result(Gate.RESIDUAL, share, "at most", bound.prevalence, facts.column, said)


def _grouped(gates: Gates, found: Measured) -> Iterator[GateResult]:
    if not gates.of_groups:
        return
    about, groups = " + ".join(found.quasi), found.groups
    known = groups is not None and groups.rows > 0
    note = "no quasi-identifier leaves, or no row"
    if groups is not None and known:
        note = f"{groups.rows:,} rows in {groups.groups:,} groups"

    def share(rows: int | None) -> Fraction | None:
        return Fraction(rows, groups.rows) if groups is not None and known and rows is not None else None

    if gates.k_anonymity is not None:
        k, most = gates.k_anonymity.k, share_of(gates.k_anonymity.max_share)
        if most:
            small = share(groups.small if groups else None)
            said = f"rows in groups of fewer than {k} data subjects; {note}"
            yield _result(Gate.K_ANONYMITY_SHARE, small, "at most", most, about, said)
        else:
            yield _result(Gate.K_ANONYMITY, groups.smallest if groups and known else None, "at least", k, about, note)
    if gates.l_diversity is not None:
        least, most = gates.l_diversity.l, share_of(gates.l_diversity.max_share)
        on = f"{gates.l_diversity.sensitive} by {about}"
        if most:
            said = f"rows in groups with fewer than {least} values; {note}"
            yield _result(Gate.L_DIVERSITY_SHARE, share(groups.poor if groups else None), "at most", most, on, said)
        else:
            yield _result(Gate.L_DIVERSITY, groups.least if groups and known else None, "at least", least, on, note)
    if gates.uniqueness is not None and gates.uniqueness.max_unique is not None:
        most = share_of(gates.uniqueness.max_unique)
        yield _result(Gate.UNIQUE_SHARE, share(groups.unique if groups else None), "at most", most, about, note)
    if gates.uniqueness is not None and gates.uniqueness.max_risk is not None:
        most = share_of(gates.uniqueness.max_risk)
        risk = Fraction(groups.risk) if groups is not None and known and groups.risk is not None else None
        # A sum of floats is not quite what it stands for: of equal bounds one would fail.
        risk = None if risk is None else risk.limit_denominator(_FINEST)
        yield _result(Gate.REIDENTIFICATION_RISK, risk, "at most", most, about, f"mean of all rows; {note}")


def _minimum(gates: Gates, found: Measured) -> Iterator[GateResult]:
    least = gates.minimum
    if least is None:
        return
    if least.rows is not None:
        yield _result(Gate.ROWS, found.rows, "at least", least.rows)
    if least.subjects is not None:
        yield _result(Gate.SUBJECTS, found.subjects, "at least", least.subjects)
    if least.per_split is not None:
        for split, rows in found.splits.items():
            yield _result(Gate.ROWS_PER_SPLIT, rows, "at least", least.per_split, split)
    if least.per_label is not None:
        fewest, values = found.labels or (None, 0)
        note = f"of {values:,} values, that of the fewest rows" if found.labels else "there is no label, or no row"
        yield _result(Gate.ROWS_PER_LABEL, fewest, "at least", least.per_label, found.label or "", note)


def _drift(drift: Drift | None, found: Measured) -> Iterator[GateResult]:
    if drift is None:
        return
    before = found.before
    note = "the first version" if before is None else f"against version {before.version}"
    if drift.columns != "any":
        changed: int | None = 0
        if before is not None:
            old = before.columns
            changed = None if old is None else _changed(old, found.columns, added=drift.columns == "added")
        yield _result(Gate.COLUMNS_CHANGED, changed, "at most", 0, note=note)
    for gate, most, now, then in (
        (Gate.ROWS_CHANGED, drift.rows, found.rows, before.rows if before else None),
        (Gate.SUBJECTS_CHANGED, drift.subjects, found.subjects, before.subjects if before else None),
    ):
        if most is not None:
            moved: Fraction | None = Fraction(0)
            if then is not None:
                moved = Fraction(abs(now - then), then) if then else (None if now else Fraction(0))
            yield _result(gate, moved, "at most", share_of(most), note=note)


def _changed(old: Mapping[str, str], new: Mapping[str, str], *, added: bool) -> int:
    """Return how many columns are gone, have another type, or were not there."""
    names = set(old) if added else set(old) | set(new)
    return sum(old.get(name) != new.get(name) for name in names)


def _result(
    gate: Gate, measured: int | Fraction | None, rule: str, bound: int | Fraction, about: str = "", note: str = ""
) -> GateResult:
    passed = measured is not None and (measured >= bound if rule == "at least" else measured <= bound)
    return GateResult(
        gate=gate,
        about=about,
        measured=None if measured is None else _text(measured),
        rule="at least" if rule == "at least" else "at most",
        bound=_text(bound),
        passed=passed,
        note=note,
    )


def _text(number: int | Fraction) -> str:
    """Return digits; a share is rounded, a small one to digits that still tell it from none."""
    if isinstance(number, int) or number.denominator == 1:
        return str(int(number))
    digits = _DIGITS
    while round(number, digits) == 0:
        digits += 1
    return f"{float(round(number, digits)):.{digits}f}".rstrip("0").rstrip(".")
