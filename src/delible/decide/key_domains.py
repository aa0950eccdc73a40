"""Which columns number the same things, and which of these things are people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from delible.decide.key_links import Link, Profiles, Says, chosen
from delible.decide.key_names import is_home, stem, thing
from delible.model.profile import At, ColumnProfile, Form
from delible.model.taxonomy import is_within

Categories = Mapping[At, str]
"""Column to the category of its verdict; columns without one, or whose verdict was rejected, are left out."""

EMAIL = "user.contact.email"
IDENTITY: Mapping[str, str] = {
    EMAIL: "email",
    "user.government_id.national_identification_number": "national_id",
    "user.government_id.passport_number": "passport",
    "user.account.username": "login",
}
"""Categories whose values are one person's alone, with the identifier kind that a draft proposes for them. Telephone
numbers, names and streets are other people's, too: they are searched for and identify nobody."""

_TELLS = (*IDENTITY, "user.contact.phone_number", "user.demographic.date_of_birth", "user.name")
_NAMES = ("user.name", "user.demographic.date_of_birth", "user.contact.phone_number")
_EACH_OWN, _MOSTLY_OWN, _OWN_KIND = 0.8, 0.5, 0.95
_FEWEST_ROWS = 20
_HALF = 0.5


@dataclass(frozen=True)
class Domain:
    """Columns that number the same things.

    Args:
        root: The column that stands for all of them: by name its table's own key, or else the one with most values.
        members: Columns in which each value stands once.
        referring: Columns that refer to one of the members.
        things: Distinct values of the root.
        kind: The identifier kind where the things are people; None where they are not.
    """

    root: At
    members: tuple[At, ...]
    referring: tuple[At, ...]
    things: int
    kind: str | None = None

    @property
    def tables(self) -> frozenset[str]:
        """The tables that number these things or refer to them."""
        return frozenset(at.table for at in (*self.members, *self.referring))


def domains(
    links: Iterable[Link], profiles: Profiles, categories: Categories, known: Mapping[At, str]
) -> tuple[Domain, ...]:
    """Return what keys number, people first and the most numerous first.

    Things are people when a table that numbers them has columns in which each row tells somebody else, such as an
    e-mail address, and is not merely about the people of another table that it refers to.

    Args:
        known: Key columns of tables that have a policy, with the identifier kind that the policy gives.
    """
    links = tuple(links)
    best = chosen(links, profiles)
    raw = _grouped(best, profiles, known)
    people = [d for d in raw if _known_kind(d, known) or any(_tells_people(m, d, raw, links, profiles, categories)
              for m in d.members)]  # fmt: skip
    kept = [d for d in people if _known_kind(d, known) or not _outdone(d, people, profiles, categories)]
    named = {d.root: _known_kind(d, known) or _kind(d.root) for d in kept}
    done = [Domain(d.root, d.members, d.referring, d.things, named.get(d.root)) for d in raw]
    return tuple(sorted(done, key=lambda d: (d.kind is None, -d.things, d.root)))


def own_share(profile: ColumnProfile) -> float:
    """Return distinct values per filled row: 1 where no two rows share a value."""
    return profile.distinct / profile.filled if profile.filled else 0.0


def identifies_alone(profile: ColumnProfile, category: str) -> bool:
    """Return whether each row of a table about people has an identifier of its own in this column."""
    return category in IDENTITY and own_share(profile) >= _OWN_KIND


def _grouped(best: Mapping[At, Link], profiles: Profiles, known: Mapping[At, str]) -> list[Domain]:
    parent: dict[At, At] = {}

    def top(at: At) -> At:
        while parent.setdefault(at, at) != at:
            at = parent[at]
        return at

    for at, profile in profiles.items():
        if (profile.unique or at in known) and profile.form in (Form.NUMBER, Form.TEXT):
            top(at)
    for source, link in best.items():
        if profiles[source].unique:
            parent[top(source)] = top(link.target)
    members: dict[At, list[At]] = defaultdict(list)
    referring: dict[At, list[At]] = defaultdict(list)
    for at in list(parent):
        members[top(at)].append(at)
    for source, link in best.items():
        if source not in parent:
            referring[top(link.target)].append(source)
    made = []
    for one, group in members.items():
        root = min(group, key=lambda at: (at not in known, not is_home(at), -profiles[at].distinct, at))
        made.append(Domain(root, tuple(sorted(group)), tuple(sorted(referring[one])), profiles[root].distinct))
    return sorted(made, key=lambda d: d.root)


def _known_kind(domain: Domain, known: Mapping[At, str]) -> str | None:
    return next((known[at] for at in (domain.root, *domain.members) if at in known), None)


def _tells_people(
    member: At,
    domain: Domain,
    raw: list[Domain],
    links: tuple[Link, ...],
    profiles: Profiles,
    categories: Categories,
) -> bool:
    telling = [at for at in sorted(categories) if at.table == member.table and at != member and
               _tells(at, profiles, categories)]  # fmt: skip
    if not telling or categories.get(member) in IDENTITY:
        return False
    others = {table for other in raw if other != domain for at in other.referring if at.table == member.table
              for table in (m.table for m in other.members)}  # fmt: skip
    theirs = {link.source for link in links if link.pair.copied and link.says is not Says.NOTHING
              and link.target.table in others}  # fmt: skip
    return any(at not in theirs for at in telling)


def _tells(at: At, profiles: Profiles, categories: Categories) -> bool:
    """Return whether a column tells one row's person from another's."""
    profile, category = profiles.get(at), categories[at]
    if profile is None or not is_within(category, _TELLS) or profile.filled < max(_FEWEST_ROWS, profile.rows * _HALF):
        return False
    return own_share(profile) >= (_MOSTLY_OWN if is_within(category, _NAMES) else _EACH_OWN)


def _outdone(domain: Domain, people: list[Domain], profiles: Profiles, categories: Categories) -> bool:
    """Return whether the table's people are numbered by another key, or known by an identifier of their own.

    A key that no other table has may number reviews as well as reviewers: there the e-mail address is the way, and a
    name alone is none.
    """
    tables = {at.table for at in domain.members}
    rivals = [d for d in people if d != domain and tables & {at.table for at in d.members}]
    if any(_weight(d) > _weight(domain) for d in rivals):
        return True
    if len(domain.tables) > 1:
        return False
    table = domain.root.table
    held = [category for at, category in categories.items() if at.table == table and at in profiles]
    telling = {"user.name" if is_within(c, ("user.name",)) else c for c in held if is_within(c, _TELLS)}
    return any(category in IDENTITY for category in held) or len(telling) == 1


def _weight(domain: Domain) -> tuple[int, bool, At]:
    return len(domain.tables), is_home(domain.root), domain.root


def _kind(root: At) -> str:
    what = stem(root.column) or thing(root.table)
    name = "_".join((*what, "id"))
    return name if name[:1].isalpha() and name.isascii() else "subject_id"
