"""What a draft measures: verdicts on columns, profiles of all tables, and which columns are in which keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from delible.decide.key_domains import IDENTITY, domains
from delible.decide.key_links import Link, Pair, candidates, judge
from delible.decide.references import reaching
from delible.decide.subject_ways import Seen
from delible.model.detection import Detection
from delible.model.policy import PolicySet
from delible.model.profile import At, ColumnProfile
from delible.model.record import TagFinding
from delible.model.taxonomy import is_identifying, is_personal
from delible.plan.draft_columns import column_category
from delible.store.keys import load_keys
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.detection import detection_for
from delible.workflows.draft_tables import Described, policies_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.workflows.draft_controller import Controller

Tell = Callable[[str], None]
Verdicts = Mapping[str, Mapping[str, TagFinding]]
_SAMPLE = 1_000
_DOMAIN = "draft.sketch"


def verdicts(
    workspace: Workspace, spark: SparkSession, tables: Sequence[Described], now: datetime, tell: Tell
) -> Verdicts:
    """Return the verdict on each column of the tables to draft: the one that counts, or else that of a sample now.

    What is looked at now is not recorded: a draft changes nothing but the files that it writes.
    """
    kept: dict[str, dict[str, TagFinding]] = defaultdict(dict)
    for tag in Tags(workspace).latest():
        kept[tag.table][tag.column] = tag
    detection = detection_for(workspace)
    found = {}
    for table in tables:
        own = kept.get(table.tagged, {})
        if not own and table.policy is None:
            tell(f"{table.table}: looking at a sample of its values")
            own = _scanned(spark, table, detection, now)
        found[table.table] = _by_column(table, own)
    return found


def _scanned(spark: SparkSession, table: Described, detection: Detection, now: datetime) -> dict[str, TagFinding]:
    from delible.lake.facts import read
    from delible.lake.scan import scan
    from delible.workflows.verdicts import judged

    facts = scan(read(spark, table.location, version=table.version), sample=_SAMPLE, detection=detection)
    made = judged(facts, detection, table=table.table, version=table.version, at=now)
    return {finding.column: finding for finding in made}


def _by_column(table: Described, own: Mapping[str, TagFinding]) -> dict[str, TagFinding]:
    """Return verdicts by the columns of the schema; an array or a map has that of its first personal part."""
    found = {}
    for column in table.layout.columns:
        inside = [own[c] for c in own if c.startswith(f"{column}.")]
        tag = own.get(column) or next((t for t in inside if t.category), inside[0] if inside else None)
        if tag is not None:
            found[column] = tag
    return found


def measured(
    workspace: Workspace,
    spark: SparkSession,
    tables: Sequence[Described],
    tags: Verdicts,
    controller: Controller,
    drafted: frozenset[str],
    tell: Tell,
) -> Seen:
    """Return all that is measured of the tables: three passes over each at most, and never one per pair of columns."""
    from delible.lake.facts import read
    from delible.lake.profile import inclusions, profiles, sketches

    pads = load_keys(workspace).domain_pads(_DOMAIN)
    frames = {t.table: read(spark, t.location, version=t.version) for t in tables}
    found: dict[At, ColumnProfile] = {}
    rows: dict[str, int] = {}
    for table in tables:
        tell(f"{table.table}: counting values")
        own = profiles(frames[table.table], table=table.table, pads=pads)
        found |= {p.at: p for p in own}
        rows[table.table] = own[0].rows if own else 0
    categories = _categories(tables, tags)
    identifying = {at: c for at, c in categories.items() if at in found and is_identifying(c) and c != "user.unique_id"}
    pairs = candidates(found, identifying)
    wanted: dict[str, dict[At, ColumnProfile]] = defaultdict(dict)
    for pair in pairs:
        wanted[pair.source.table][pair.source] = found[pair.source]
    drawn: dict[At, tuple[int, ...]] = {}
    for name, columns in sorted(wanted.items()):
        tell(f"{name}: drawing {len(columns)} columns")
        drawn |= sketches(frames[name], list(columns.values()), pads=pads)
    into: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        into[pair.target.table].append(pair)
    links: list[Link] = []
    for name, own_pairs in sorted(into.items()):
        tell(f"{name}: looking {len(own_pairs)} samples up in its keys")
        asked = [(found[p.source], p.target.column, drawn[p.source]) for p in own_pairs]
        answers = inclusions(frames[name], asked, pads=pads)
        links += [judge(p, a, found) for p, a in zip(own_pairs, answers, strict=True)]
    policies = policies_of(workspace)
    return Seen(
        rows,
        found,
        categories,
        tuple(links),
        domains(links, found, categories, controller.known_keys(tables, found)),
        _settled(tables, policies, found),
        drafted,
        {**IDENTITY, **controller.known_identities(tables)},
    )


def _categories(tables: Sequence[Described], tags: Verdicts) -> dict[At, str]:
    found: dict[At, str] = {}
    for table in tables:
        if table.policy is not None:
            given = {c: entry.category for c, entry in table.policy.columns.items()}
        else:
            given = {c: category for c, t in tags[table.table].items() if (category := column_category(t))}
        found |= {At(table.table, c): category for c, category in given.items() if is_personal(category)}
    return found


def _settled(
    tables: Sequence[Described], policies: PolicySet | None, found: Mapping[At, ColumnProfile]
) -> dict[str, int]:
    """Return tables with a policy, and the number of people that their ways lead to; 0 for none."""
    reached = reaching(policies) if policies is not None else frozenset()
    settled = {}
    for table in tables:
        if table.policy is not None:
            keys = [found[at].distinct for r in table.policy.direct if (at := At(table.table, r.column)) in found]
            settled[table.table] = max(keys, default=1) if table.table in reached else 0
    return settled
