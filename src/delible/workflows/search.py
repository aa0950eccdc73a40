"""Find the people of requests in all tables: the part that planning and applying share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from delible.decide.holds import hold_on
from delible.errors import Problem
from delible.model.plan import RowsDue, TableFacts
from delible.model.request import Request
from delible.model.subject import KeyRow, SubjectRef
from delible.workflows.control import Control
from delible.workflows.held import Held, stopping_holds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.exceptions import Kept
    from delible.lake.find import Found


@dataclass(frozen=True)
class Searched:
    """What was found.

    Args:
        due: Rows per table, mentions included.
        cost: Files and bytes per table.
        refs: All references of each request's data subject, found identifiers included.
        held: Requests whose data subject is under a hold by an identifier that only the search revealed.
        kept: What exceptions keep of it.
    """

    found: Found
    due: Mapping[str, RowsDue]
    cost: Mapping[str, tuple[int, int]]
    locations: Mapping[str, str]
    versions: Mapping[str, int]
    refs: Mapping[str, tuple[SubjectRef, ...]]
    held: Mapping[str, str]
    kept: Kept

    @cached_property
    def shared(self) -> Counter[str]:
        """How many identifiers each request's data subject has in common with somebody else."""
        return Counter(key.request for key in self.found.shared)

    def facts(self, spark: SparkSession, table: str) -> TableFacts:
        """Read one table's facts."""
        from delible.lake.facts import table_facts

        return table_facts(spark, self.locations[table], table=table)


def find_people(
    spark: SparkSession,
    control: Control,
    given: Sequence[KeyRow],
    *,
    erasing: bool = True,
    today: date | None = None,
    at: Mapping[str, int] | None = None,
) -> Searched:
    """Follow all links and paths from the given identifiers, and count rows and mentions.

    Args:
        given: Keys that are stored for the requests; those that an earlier plan found count like given ones.
        erasing: Also collect evidence for the byte search, and look for mentions in other people's texts.
        today: The day by which exceptions protect something; None where nothing is going to be erased.
        at: Versions of tables that are searched as they were; all others as they are.

    Raises:
        InputError: `table.missing` when a policy's table does not exist: it might hold what must be erased.
    """
    from delible.lake.exceptions import Kept, count_kept
    from delible.lake.facts import read, version_of
    from delible.lake.find import find
    from delible.lake.mentions import count_mentions, needles_of
    from delible.lake.reach import keys_frame

    policies, locations = control.policies, control.locations()
    frames, versions = {}, {}
    for name, location in locations.items():
        versions[name] = (at or {}).get(name, version_of(spark, location, table=name))
        frames[name] = read(spark, location, version=versions[name])
    found = find(spark, policies, frames, given, evidence=erasing)
    needles = needles_of(found.keys, policies.controller)
    protected = protected_rows(spark, control, frames) if erasing else {}
    keys = keys_frame(spark, found.keys)
    due = {name: table.due for name, table in found.tables.items()}
    mentioned = count_mentions(spark, policies, frames, keys, needles, protected) if erasing else {}
    for name, (mentions, kept) in mentioned.items():
        counts = {"mentions": mentions, "held_mentions": kept}
        due[name] = due.get(name, RowsDue(table=name, rows=0)).model_copy(update=counts)
    saved = Kept()
    if today is not None:
        regimes = {r.id: r.regime for r in control.requests.named(sorted({k.request for k in found.keys}))}
        saved = count_kept(spark, policies, frames, found.keys, regimes, today)
        for name, part in saved.due.items():
            own = due.get(name, RowsDue(table=name, rows=0))
            named = ("exceptions", "kept", "kept_rows", "unchanged")
            due[name] = own.model_copy(update={field: getattr(part, field) for field in named})
    refs = refs_of_keys(control, found.keys)
    active = stopping_holds(control)
    held = {
        request: hold.id
        for request, every in every_ref(control, found).items()
        if (hold := hold_on(every, active)) is not None
    }
    cost = {name: (table.files, table.bytes) for name, table in found.tables.items()}
    return Searched(found, due, cost, locations, versions, refs, held, saved)


def protected_rows(spark: SparkSession, control: Control, frames: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    """Return the reach values of held people's rows, for the tables in whose texts mentions are masked.

    Masking alters a row that a hold says must stay as it is (Art. 17(3)(e)), or that may only be stored (Art. 18(2)).
    The values are computed now: later the tables that lead to these people may be under VACUUM.
    """
    people = Held.of(spark, control, frames, claims=False, accessing=False)
    tables = [name for name, policy in control.policies.tables.items() if policy.free_text]
    return people.computed(tables, texts=True)


def every_ref(control: Control, found: Found) -> dict[str, tuple[SubjectRef, ...]]:
    """Return each request's references, also of identifiers that somebody else has, too."""
    return refs_of_keys(control, (*found.keys, *found.shared))


def refs_of_keys(control: Control, keys: Sequence[KeyRow]) -> dict[str, tuple[SubjectRef, ...]]:
    """Return the references of the identifiers among keys, by request."""
    kinds = control.policies.controller.identifiers
    refs: dict[str, dict[SubjectRef, None]] = {}
    for key in keys:
        if key.kind in kinds:
            ref = control.keys.ref(key.kind, key.value, kinds[key.kind].normalise)
            refs.setdefault(key.request, {})[ref] = None
    return {request: tuple(own) for request, own in refs.items()}


def ambiguous(control: Control, request: Request, searched: Searched) -> Problem:
    """Return the question that a request raises whose identifiers reach two people: which link, and the way out."""
    links = ", ".join(searched.found.merging.get(request.id, ()))
    merges = f" The link {links} would make one person of two." if links else ""
    return Problem(
        "request.ambiguous",
        f"the identifiers reach more than one person.{merges} Never guess: ask for the "
        f"{control.policies.controller.subject}, or for another identifier that only one of them has, submit a request "
        "with it, and withdraw this one (`delible request withdraw`); or refuse it (`--ground cannot_identify`).",
        f"request:{request.id}",
    )
