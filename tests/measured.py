"""A lakehouse in memory, measured as `lake.profile` measures one in Spark, but exactly and without a JVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from random import Random

from delible.decide.key_domains import domains
from delible.decide.key_links import candidates, judge
from delible.decide.subject_ways import Seen
from delible.model.profile import At, ColumnProfile, Form, Inclusion
from delible.model.record import TagFinding
from delible.model.taxonomy import is_identifying

Values = Sequence[object]
Tables = Mapping[str, Mapping[str, Values]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lakehouse(
    tables: Tables,
    categories: Mapping[str, str],
    *,
    known: Mapping[At, str] | None = None,
    settled: Mapping[str, int] | None = None,
) -> Seen:
    """Return what is seen of tables whose columns hold these categories (`table.column` to category)."""
    spelled = {
        At(t, c): [_spelled(v) for v in values] for t, columns in tables.items() for c, values in columns.items()
    }
    profiles = {at: _profile(at, texts, tables[at.table][at.column]) for at, texts in spelled.items()}
    tagged = {At(*name.split(".", 1)): category for name, category in categories.items()}
    identifying = {at: c for at, c in tagged.items() if is_identifying(c)}
    sets = {at: {t for t in texts if t} for at, texts in spelled.items()}
    links = []
    for pair in candidates(profiles, identifying):
        links.append(judge(pair, _inclusion(profiles[pair.source], sets[pair.source], sets[pair.target]), profiles))
    rows = {t: len(next(iter(columns.values()), ())) for t, columns in tables.items()}
    done = settled or {}
    return Seen(
        rows, profiles, tagged, tuple(links), domains(links, profiles, tagged, known or {}), done,
        frozenset(tables) - set(done),
    )  # fmt: skip


def tags(seen: Seen, table: str) -> dict[str, TagFinding]:
    """Return the verdicts of one table."""
    found = {}
    for at, profile in seen.profiles.items():
        if at.table == table:
            category = seen.categories.get(at)
            found[at.column] = TagFinding(
                table=table, column=at.column, category=category, entity=None, confidence=0.9,
                sampled=profile.distinct, hits=profile.distinct if category else 0, bound=0.0,
                evidence=("name",), version=0, at=NOW,
            )  # fmt: skip
    return found


def _spelled(value: object) -> str:
    return "" if value is None else str(value).strip().lower()


def _profile(at: At, texts: list[str], values: Values) -> ColumnProfile:
    filled = [t for t in texts if t]
    kinds = {type(v) for v in values if v is not None}
    kind = next(iter(kinds)).__name__ if len(kinds) == 1 else "str"
    form = Form.TIME if kinds <= {datetime, date} and kinds else Form.OTHER if kinds & {float, bool} else Form.TEXT
    numbers = [int(t) for t in filled if form is Form.TEXT and t.isdigit() and str(int(t)) == t]
    if numbers and len(numbers) == len(filled):
        form = Form.NUMBER
    distinct = len(set(filled))
    return ColumnProfile(
        at, {"str": "string", "int": "bigint"}.get(kind, kind), form, len(texts), len(filled), distinct, counted=True,
        unique=distinct == len(filled) > 0 and form in (Form.NUMBER, Form.TEXT), looked=len(filled),
        longest=max(map(len, filled), default=0),
        low=min(numbers) if form is Form.NUMBER else None, high=max(numbers) if form is Form.NUMBER else None,
    )  # fmt: skip


def _inclusion(source: ColumnProfile, own: set[str], other: set[str]) -> Inclusion:
    if source.form is not Form.NUMBER or source.low is None or source.high is None:
        return Inclusion(len(own), len(own & other))
    span = range(int(source.low), int(source.high) + 1)
    probes = Random(1).sample(span, min(len(span), 1_024))
    return Inclusion(len(own), len(own & other), len(probes), sum(str(p) in other for p in probes))
