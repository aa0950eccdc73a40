"""How the rows of a table nobody described reach a person: by which key, over which tables, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from delible.decide.key_domains import EMAIL, IDENTITY, Categories, Domain, identifies_alone
from delible.decide.key_links import Link, Profiles, Says, chosen, spread
from delible.model.profile import At
from delible.model.taxonomy import is_personal

_SHOWN = 3
_FEW_ROWS_EACH = 2.0
"""Rows that refer to one key, on average: with more, the key is a lookup's, and its row is about none of them."""


@dataclass(frozen=True)
class Step:
    """One way from a row to a person, as a policy spells it, with what was measured of it."""

    column: str
    seen: str
    identifies: str | None = None
    through: str | None = None
    matches: str | None = None


@dataclass(frozen=True)
class Way:
    """How one table's rows reach people.

    Args:
        steps: None of them where no way was found.
        reason: Without a step, why the table may be about nobody; empty where it has personal data all the same.
        kinds: Identifier kinds that the steps name.
        doubts: Column to what was seen of it that somebody has to judge.
        remarks: Column to what was seen of it that needs no answer.
    """

    table: str
    steps: tuple[Step, ...] = ()
    reason: str = ""
    doubts: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Identifier kinds that the steps name."""
        return tuple(dict.fromkeys(step.identifies for step in self.steps if step.identifies))


@dataclass(frozen=True)
class Seen:
    """All that was measured of a lakehouse.

    Args:
        tables: Table to its number of rows.
        settled: Tables that have a policy, with how many things their data subjects' keys number; 0 for those whose
            rows reach nobody.
        drafted: Tables that a policy is being written for: ways go through these and settled ones only.
        kinds: Identifying category to the identifier kind that stands for it.
    """

    tables: Mapping[str, int]
    profiles: Profiles
    categories: Categories
    links: tuple[Link, ...]
    domains: tuple[Domain, ...]
    settled: Mapping[str, int] = field(default_factory=dict)
    drafted: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=lambda: dict(IDENTITY))


def subject_ways(seen: Seen) -> dict[str, Way]:
    """Return the way of each table that has no policy yet.

    A way of several hops goes through tables that are nearer to the person only, so that no ways go round in a circle.
    Each table has one way, or several keys of one kind of people; what else was seen is a doubt.
    """
    best = chosen(seen.links, seen.profiles)
    steps: dict[str, tuple[Step, ...]] = {}
    leads = dict(seen.settled)
    for table in sorted(seen.tables):
        if table in seen.settled:
            continue
        found, people = _direct(table, seen, best)
        if found:
            steps[table], leads[table] = found, people
    while True:
        reached = {t for t, people in leads.items() if people and (t in seen.settled or t in seen.drafted)}
        further = {t: hop for t in sorted(seen.tables) if t not in leads
                   for hop in [_hop(t, seen, best, leads, reached)] if hop}  # fmt: skip
        if not further:
            break
        for table, (hop, people) in further.items():
            steps[table], leads[table] = (hop,), people
    return {t: _way(t, steps.get(t, ()), seen, best) for t in sorted(seen.tables) if t not in seen.settled}


def domain_of(at: At, seen: Seen, best: Mapping[At, Link]) -> Domain | None:
    """Return the things that a column numbers or refers to."""
    return next((d for d in seen.domains if at in d.members or (at in best and at in d.referring)), None)


def _direct(table: str, seen: Seen, best: Mapping[At, Link]) -> tuple[tuple[Step, ...], int]:
    columns = [at for at in seen.profiles if at.table == table]
    keyed = [(at, d) for at in columns for d in [domain_of(at, seen, best)] if d is not None and d.kind is not None]
    if not keyed:
        return _by_identifier(columns, seen), 1
    own = [(at, d) for at, d in keyed if at in d.members]
    domain = min((d for _, d in own or keyed), key=lambda d: (-d.things, d.root))
    mine = [at for at, d in own or keyed if d == domain]
    steps = [Step(at.column, _about(at, domain, seen, best), identifies=domain.kind) for at in mine]
    if own:
        others = [at for at in columns if at not in mine and at in seen.categories]
        steps += [
            Step(at.column, f"each of {seen.profiles[at].filled:,} rows has its own", identifies=seen.kinds[category])
            for at in others
            for category in [seen.categories[at]]
            if identifies_alone(seen.profiles[at], category)
        ]
    return tuple(steps), domain.things


def _by_identifier(columns: list[At], seen: Seen) -> tuple[Step, ...]:
    """Return the one identifier that ties rows to people where no key does; two might tie strangers to each other."""
    held = [at for at in columns if seen.categories.get(at) in IDENTITY]
    if not held:
        return ()
    at = min(held, key=lambda at: (seen.categories[at] != EMAIL, -seen.profiles[at].distinct, at))
    profile = seen.profiles[at]
    copies = [link for link in seen.links if link.source == at and link.pair.copied and link.measured.found]
    known = max(copies, key=lambda link: (link.measured.share, link.target), default=None)
    words = f"{profile.distinct:,} different in {profile.filled:,} rows" + (f"; {known}" if known else "")
    return (Step(at.column, words, identifies=seen.kinds[seen.categories[at]]),)


def _about(at: At, domain: Domain, seen: Seen, best: Mapping[At, Link]) -> str:
    if at in best and at != domain.root:
        return str(best[at])
    profile = seen.profiles[at]
    exact = "" if profile.looked >= profile.filled else f", seen in {profile.looked:,}"
    return f"a key: {profile.filled:,} rows, no value twice{exact}"


def _hop(
    table: str, seen: Seen, best: Mapping[At, Link], leads: Mapping[str, int], reached: set[str]
) -> tuple[Step, int] | None:
    """Return the best way through a table that reaches people already: by its key, or by a reference to ours."""
    ahead = [link for link in best.values() if link.source.table == table and link.target.table in reached]
    if ahead:
        link = min(ahead, key=lambda link: (-leads[link.target.table], -link.measured.share, link.source, link.target))
        target = link.target
        return Step(link.source.column, str(link), through=target.table, matches=target.column), leads[target.table]
    if not _personal(table, seen):
        return None
    back = [
        link for link in best.values()
        if link.target.table == table and link.source.table in reached
        and seen.profiles[link.source].rows_per_value <= _FEW_ROWS_EACH
    ]  # fmt: skip
    if not back:
        return None
    link = min(back, key=lambda link: (-leads[link.source.table], -link.measured.share, link.source))
    profile = seen.profiles[link.source]
    words = f"{profile.distinct:,} keys are in {link.source}, {profile.rows_per_value:.1f} rows each"
    step = Step(link.target.column, words, through=link.source.table, matches=link.source.column)
    return step, leads[link.source.table]


def _personal(table: str, seen: Seen) -> list[str]:
    """Return a table's columns with personal data."""
    return [
        at.column for at, category in sorted(seen.categories.items()) if at.table == table and is_personal(category)
    ]


def _way(table: str, steps: tuple[Step, ...], seen: Seen, best: Mapping[At, Link]) -> Way:
    used = {step.column for step in steps}
    doubts, remarks = dict(_doubts(table, used, seen, best)), dict(_remarks(table, seen))
    reason = "" if steps or _personal(table, seen) else _nobody(table, seen, best)
    for column in used:
        remarks.pop(column, None)
    return Way(table, steps, reason, doubts, {c: words for c, words in remarks.items() if c not in doubts})


def _doubts(table: str, used: set[str], seen: Seen, best: Mapping[At, Link]) -> Iterator[tuple[str, str]]:
    for at in sorted(seen.profiles):
        if at.table != table or at.column in used:
            continue
        maybe = [link for link in seen.links if link.source == at and not link.pair.copied]
        open_links = [link for link in maybe if link.says is Says.OPEN and _matters(link, seen)]
        domain = domain_of(at, seen, best)
        if at in best and domain is not None and domain.kind is not None and used:
            yield at.column, f"{best[at]}: a second person ({domain.kind}), whom the row is also about?"
        elif at not in best and open_links:
            each: dict[At, Link] = {}
            for link in sorted(open_links, key=lambda link: _likely(link, seen)):
                each.setdefault(_numbered(link.target, seen), link)
            likely, things = list(each.values())[:_SHOWN], {_numbered(link.target, seen) for link in maybe}
            here = " (this table)"
            shown = "; ".join(f"{link}{here if link.target.table == table else ''}" for link in likely)
            yield at.column, f"{len(each)} of {len(things)} candidate links: {shown}"
        elif seen.categories.get(at) in IDENTITY and used:
            yield at.column, "is it the same person's as the key's? Searched for, and it identifies nobody until said"


def _numbered(at: At, seen: Seen) -> At:
    """Return the column that stands for all that number the same things: of them one candidate is enough."""
    return next((domain.root for domain in seen.domains if at in domain.members), at)


def _likely(link: Link, seen: Seen) -> tuple[bool, float, At]:
    """Return what sorts the likelier targets first: keys of people, and those whose range the column covers."""
    people = any(link.target in domain.members for domain in seen.domains if domain.kind is not None)
    return not people, -spread(seen.profiles[link.source], seen.profiles[link.target]), link.target


def _matters(link: Link, seen: Seen) -> bool:
    """Return whether an open link may lead to a person; within a table only people's keys can: a superior."""
    return link.target.table != link.source.table or any(link.target in d.members for d in seen.domains if d.kind)


def _remarks(table: str, seen: Seen) -> Iterator[tuple[str, str]]:
    for link in sorted(seen.links, key=lambda link: (link.source, link.measured.share)):
        if link.source.table != table:
            continue
        if link.pair.copied and link.says is not Says.NOTHING:
            yield link.source.column, f"{link}: a copy?"
        elif link.says is Says.CHANCE:
            yield link.source.column, f"{link}, as any such numbers are: it says nothing"


def _nobody(table: str, seen: Seen, best: Mapping[At, Link]) -> str:
    rows = seen.tables[table]
    for link in best.values():
        each = seen.profiles[link.source].rows_per_value
        if link.target.table == table and link.source.table != table and each > _FEW_ROWS_EACH:
            return f"a lookup: {link.source} refers to its {rows:,} rows {each:,.0f} times each; no personal data found"
    return f"no personal data found in its {rows:,} rows, and no key leads to a person"
