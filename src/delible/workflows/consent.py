"""Consent: take records in, and show what a person consented to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from delible.decide.consent import decide, flag
from delible.decide.objection import stands_against
from delible.errors import InputError
from delible.model.consent import ConsentRecord
from delible.model.policy import PolicySet, Purpose
from delible.model.record import AuditEntry
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.policies import load_workspace_policies
from delible.store.requests import Requests, refs_of
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace
from delible.workflows.consent_rows import LONGEST_LINE, RowRules, parse_rows
from delible.workflows.identifiers import read_identifiers
from delible.workflows.lineage_events import consents_use, duty, recorded

FORMATS = ("native",)


@dataclass(frozen=True)
class Imported:
    """What one import took in: lines, and records, of which a line has one per identifier."""

    lines: int
    records: int
    subjects: int
    purposes: dict[str, int]


@dataclass(frozen=True)
class PurposeAnswer:
    """What one person's records say of one purpose.

    Args:
        by: The record that decided, where one did.
        records: All records of the purpose that were known, oldest first.
    """

    purpose: str
    legal_basis: str | None
    keep: bool
    reason: str | None
    by: ConsentRecord | None
    records: tuple[ConsentRecord, ...]


@dataclass(frozen=True)
class PersonAnswer:
    """One line of the identifiers file, answered; the line's number stands for the person."""

    line: int
    purposes: tuple[PurposeAnswer, ...]


def import_consents(workspace: Workspace, source: str, *, form: str, actor: str, now: datetime) -> Imported:
    """Append a file's consent records to the ledger: all of them, or none when one is broken.

    Args:
        source: A file, or `-` for standard input.
        form: One of `FORMATS`.

    Raises:
        InputError: `consent.format`, `consent.file`, or `consent.row` with line and key.
    """
    if form not in FORMATS:
        raise InputError("consent.format", "this format is not supported.", fix=f"Allowed: {', '.join(FORMATS)}.")
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    rules = RowRules(policies.controller, frozenset(policies.purposes), keys, now)
    records: list[ConsentRecord] = []
    purposes: dict[str, int] = {}
    lines = 0
    with _opened(source) as file:
        for of_line in parse_rows(_lines(file), rules, name=source):
            lines += 1
            records += of_line
            purposes[of_line[0].purpose] = purposes.get(of_line[0].purpose, 0) + 1
    result = Imported(lines, len(records), len({r.ref for r in records}), purposes)
    with recorded(workspace, "consent.import", now=now, facets=duty(policies, "consent", basis=None)) as lineage:
        if records:
            Consents(workspace).append(records)
        facet = {"format": form, "lines": lines, "records": result.records, "subjects": result.subjects}
        lineage.outputs = [consents_use(workspace, rows=result.records, facet={**facet, "purposes": purposes})]
    entry = AuditEntry(
        actor=actor,
        action="consent.import",
        object="consents",
        outcome="done",
        counts={"lines": result.lines, "records": result.records, "subjects": result.subjects},
        detail={"format": form, "policy": policies.fingerprint},
    )
    Ledger(workspace, keys).append([entry], now)
    return result


def show_consents(
    workspace: Workspace, source: str, *, as_of: datetime, known_at: datetime
) -> tuple[PersonAnswer, ...]:
    """Return, for each person of an identifiers file, what their records say of every purpose.

    Only records under the given identifiers count: no JVM is started to follow links, as a dataset build does.

    Raises:
        InputError: For identifiers that cannot be read.
    """
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    people = [
        refs_of(given, policies.controller.identifiers, keys) for given in read_identifiers(source, policies.controller)
    ]
    everybody = sorted({ref for refs in people for ref in refs})
    records = Consents(workspace).for_refs(everybody)
    requests, suppressed = standing_requests(workspace, keys, until=known_at), Suppression(workspace).refs()
    return tuple(
        PersonAnswer(
            line=number,
            purposes=tuple(
                _answer(policies, name, refs, records, _against(refs, requests, suppressed, purpose), as_of, known_at)
                for name, purpose in sorted(policies.purposes.items())
            ),
        )
        for number, refs in enumerate(people, start=1)
    )


def standing_requests(workspace: Workspace, keys: Keys, *, until: datetime) -> list[Request]:
    """Return the requests that were received up to an instant, of which some stand against people."""
    return [r for r in Requests(workspace, keys, Ledger(workspace, keys)).all() if r.received <= until]


def standing_flags(
    workspace: Workspace, keys: Keys, *, until: datetime, purpose: Purpose | None = None
) -> list[tuple[SubjectRef, Exclusion]]:
    """Return what stands against people apart from consent: suppression, and requests received up to an instant.

    Args:
        workspace: Where.
        keys: The workspace's secrets.
        until: The instant.
        purpose: What rows are to be used for; without one, whatever stands against any use.
    """
    flags = [(ref, Exclusion.SUPPRESSED) for ref in Suppression(workspace).refs()]
    for request in standing_requests(workspace, keys, until=until):
        reason = flag(request) if purpose is None else stands_against(request, purpose)
        if reason is not None:
            flags += [(ref, reason) for ref in request.refs]
    return flags


def _against(
    refs: tuple[SubjectRef, ...], requests: list[Request], suppressed: frozenset[SubjectRef], purpose: Purpose
) -> list[Exclusion]:
    found = [Exclusion.SUPPRESSED] if not suppressed.isdisjoint(refs) else []
    own = (r for r in requests if not set(r.refs).isdisjoint(refs))
    return found + [reason for r in own if (reason := stands_against(r, purpose)) is not None]


def _answer(
    policies: PolicySet,
    purpose: str,
    refs: tuple[SubjectRef, ...],
    records: list[ConsentRecord],
    flags: list[Exclusion],
    as_of: datetime,
    known_at: datetime,
) -> PurposeAnswer:
    own = [r for r in records if r.ref in refs and r.purpose == purpose and r.recorded_at <= known_at]
    basis = policies.purposes[purpose].legal_basis
    shown = tuple(sorted(own, key=lambda r: (r.valid_from, r.recorded_at)))
    if basis is None:
        return PurposeAnswer(purpose, None, False, "no_legal_basis", None, shown)
    decision = decide(refs, own, purpose=purpose, basis=basis, as_of=as_of, known_at=known_at, flags=flags)
    return PurposeAnswer(purpose, basis, decision.keep, decision.reason, decision.record, shown)


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not allowed"
        raise InputError("consent.file", f"the file cannot be read: {reason}.", where=source) from None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, each cut off just after the longest that is allowed."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        if len(line) > LONGEST_LINE:
            return
