"""What is processed for a purpose, by the policies: data, people, recipients, transfers, time limits.

What the policies do not say is listed as missing, with the article that asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from delible.model.base import Frozen
from delible.model.duration import Duration
from delible.model.policy import PolicySet, Purpose, Recipient, TablePolicy
from delible.model.processing import is_third_country
from delible.model.taxonomy import CATEGORIES, is_criminal, is_personal, is_special
from delible.model.terms import LegalBasis, SpecialCondition, words
from delible.report.wording import count

_PERIODS = {"Y": "year", "M": "month", "W": "week", "D": "day"}


class Missing(Frozen):
    """Something that a law asks for and no policy says.

    Args:
        where: What it is about, such as `purpose newsletter`.
        what: What is missing.
        article: Which asks for it.
    """

    where: str
    what: str
    article: str


class Disclosure(Frozen):
    """A recipient, and whether data leaves the EEA on the way to it."""

    recipient: str
    description: str
    role: str
    contact: str
    country: str | None
    transfer: bool
    safeguards: str | None


class Activity(Frozen):
    """One processing purpose with everything that is processed for it (Art. 30(1)(b)-(f)).

    Args:
        categories, special, criminal: Titles of the data categories; special ones (Art. 9) and criminal records
            (Art. 10) apart.
        limits: One sentence per rule that ends the keeping of its tables.
    """

    purpose: str
    description: str
    legal_basis: LegalBasis | None
    special_condition: SpecialCondition | None
    necessity: str | None
    data_subjects: tuple[str, ...]
    tables: tuple[str, ...]
    categories: tuple[str, ...]
    special: tuple[str, ...]
    criminal: tuple[str, ...]
    recipients: tuple[Disclosure, ...]
    limits: tuple[str, ...]
    missing: tuple[Missing, ...]


def activities(policies: PolicySet) -> tuple[Activity, ...]:
    """Return one activity per purpose, in the purposes' order by name."""
    return tuple(activity(policies, policies.purposes[name]) for name in sorted(policies.purposes))


def activity(policies: PolicySet, purpose: Purpose) -> Activity:
    """Return what is processed for a purpose: the tables that name it, and all that its recipes read."""
    recipes = (recipe for recipe in policies.datasets.values() if recipe.purpose == purpose.purpose)
    sources = {table for recipe in recipes for table in recipe.by_table}
    tables = [t for t in policies.tables.values() if purpose.purpose in t.purposes or t.table in sources]
    columns = [c for t in tables for c in t.columns.values() if is_personal(c.category)]
    special = {c.category for c in columns if c.special or is_special(c.category)}
    criminal = {c.category for c in columns if is_criminal(c.category)}
    named = dict.fromkeys((*purpose.recipients, *(r for t in tables for r in t.recipients)))
    recipients = tuple(disclosure(policies.recipients[r]) for r in named if r in policies.recipients)
    limits = tuple(time_limits(policies, tables))
    return Activity(
        purpose=purpose.purpose,
        description=purpose.description,
        legal_basis=purpose.legal_basis,
        special_condition=purpose.special_condition,
        necessity=purpose.necessity,
        data_subjects=purpose.data_subjects,
        tables=tuple(t.table for t in tables),
        categories=_titles({c.category for c in columns} - special - criminal),
        special=_titles(special - criminal),
        criminal=_titles(criminal),
        recipients=recipients,
        limits=limits,
        missing=tuple(_missing(policies, purpose, tables, recipients, special=bool(special))),
    )


def disclosure(recipient: Recipient) -> Disclosure:
    """Return a recipient as records name it."""
    return Disclosure(
        recipient=recipient.recipient,
        description=recipient.description,
        role=recipient.role,
        contact=recipient.contact,
        country=recipient.country,
        transfer=recipient.country is not None and is_third_country(recipient.country),
        safeguards=recipient.safeguards,
    )


def time_limits(policies: PolicySet, tables: Iterable[TablePolicy]) -> Iterator[str]:
    """Yield when rows of the tables end (Art. 30(1)(f)), one sentence per rule."""
    named = {t.table for t in tables}
    for rule in policies.retention.values():
        if rule.table in named:
            some = " (some of its rows)" if rule.where else ""
            period = f"{in_words(rule.keep)} from {rule.clock}"
            yield f"{rule.table}{some}: {period}, then {words(rule.action)}. {rule.reason}"


def in_words(keep: Duration) -> str:
    """Return a period in words: `P13M` is "13 months"."""
    return " and ".join(count(int(n), _PERIODS[u]) for n, u in re.findall(r"(\d+)([YMWD])", keep) if int(n))


def missing_of(recipients: Iterable[Disclosure]) -> Iterator[Missing]:
    """Yield what is not said of recipients."""
    for r in recipients:
        where = f"recipient {r.recipient}"
        if r.country is None:
            yield Missing(where=where, what="the country in which it processes the data", article="Art. 30(1)(e)")
        elif r.transfer and r.safeguards is None:
            yield Missing(
                where=where, what=f"what the transfer to {r.country} rests on", article="Art. 30(1)(e), 44-49"
            )


def _missing(
    policies: PolicySet,
    purpose: Purpose,
    tables: list[TablePolicy],
    recipients: tuple[Disclosure, ...],
    *,
    special: bool,
) -> Iterator[Missing]:
    where = f"purpose {purpose.purpose}"
    if purpose.legal_basis is None:
        yield Missing(where=where, what="the legal basis", article="Art. 6(1)")
    if special and purpose.special_condition is None:
        yield Missing(where=where, what="what allows special categories of data", article="Art. 9(2)")
    if not purpose.data_subjects:
        yield Missing(where=where, what="the categories of data subjects", article="Art. 30(1)(c)")
    if not tables:
        yield Missing(where=where, what="any table whose policy names it", article="Art. 30(1)(c)")
    limited = {rule.table for rule in policies.retention.values()}
    for table in tables:
        if table.table not in limited and table.no_subject is None:
            yield Missing(where=f"table {table.table}", what="a time limit for erasure", article="Art. 30(1)(f)")
    yield from missing_of(recipients)


def _titles(categories: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(CATEGORIES.get(category, category) for category in categories))
