"""Consent: what a person consented to and why, as receipts, and what waits in quarantine."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from delible.decide.consent import flag
from delible.decide.consent_explain import explain
from delible.decide.consent_rules import Rule, Source, Standing
from delible.decide.consent_statements import Question
from delible.decide.consent_terms import Person
from delible.decide.objection import stands_against
from delible.errors import InputError
from delible.model.consent import ConsentRecord
from delible.model.policy import PolicySet, Purpose
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion
from delible.report.receipt import kantara_receipts, receipts
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.policies import load_workspace_policies
from delible.store.quarantine import BrokenRow, Quarantine
from delible.store.requests import Requests, refs_of
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace
from delible.workflows.consent_import import FORMATS, Imported, import_consents
from delible.workflows.consent_quarantine import lapse
from delible.workflows.identifiers import read_identifiers

__all__ = ["FORMATS", "Imported", "consent_receipts", "import_consents", "show_consents", "standing_flags"]


@dataclass(frozen=True)
class Named:
    """A rule by its name in documents, with its source and what it says."""

    rule: str
    article: str
    says: str

    @classmethod
    def of(cls, rule: Rule | Standing) -> Named:
        """Return a rule's name, source and words."""
        source: Source = rule.value
        return cls(rule.id, source.article, source.says)


@dataclass(frozen=True)
class Considered:
    """What became of one record.

    Args:
        record: Its place in the answer's records, from 0.
        why: By which rule it counts, or does not.
    """

    record: int
    why: Named


@dataclass(frozen=True)
class PurposeAnswer:
    """What one person's records say of one purpose.

    Args:
        by: The record that decided, where one did.
        records: All records on the purpose that were known, oldest first.
        rule: The rule that decided; None when the purpose has no legal basis.
        considered: What became of each of the records.
        requests: Requests that stood against the use.
        person: What was known of the person's age and place, where the purpose asks for it.
    """

    purpose: str
    legal_basis: str | None
    keep: bool
    reason: str | None
    by: ConsentRecord | None
    records: tuple[ConsentRecord, ...]
    rule: Named | None = None
    considered: tuple[Considered, ...] = ()
    requests: tuple[str, ...] = ()
    person: dict[str, Any] | None = None


@dataclass(frozen=True)
class PersonAnswer:
    """One line of the identifiers file, answered; the line's number stands for the person."""

    line: int
    purposes: tuple[PurposeAnswer, ...]


def show_consents(
    workspace: Workspace, source: str, *, as_of: datetime, known_at: datetime
) -> tuple[PersonAnswer, ...]:
    """Return, for each person of an identifiers file, what their records say of every purpose, and by which rules.

    Only records under the given identifiers count: no JVM is started to follow links, as a dataset build does. Records,
    requests and erasures count as they were known at `known_at`.

    Raises:
        InputError: For identifiers that cannot be read.
    """
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    people = _people(policies, keys, source)
    records = Consents(workspace).for_refs({ref for refs in people for ref in refs})
    requests = standing_requests(workspace, keys, until=known_at)
    suppressed = frozenset(ref for ref, _, at in Suppression(workspace).rows() if at <= known_at)
    answers = []
    for number, refs in enumerate(people, start=1):
        own = [r for r in records if r.ref in refs and r.recorded_at <= known_at]
        asking = [r for r in requests if not set(r.refs).isdisjoint(refs)]
        erased = not suppressed.isdisjoint(refs)
        purposes = (policies.purposes[name] for name in sorted(policies.purposes))
        answer = (_answer(p, refs, own, asking, erased, (as_of, known_at)) for p in purposes)
        answers.append(PersonAnswer(number, tuple(answer)))
    return tuple(answers)


RECEIPTS = {"iso27560": receipts, "kantara": kantara_receipts}
"""Form of receipts to what makes them."""


def consent_receipts(
    workspace: Workspace, source: str, *, form: str = "iso27560", out: str | None = None
) -> list[dict[str, Any]]:
    """Return the receipts of all that the people of an identifiers file said.

    Args:
        workspace: Where.
        source: The identifiers file, or `-`.
        form: One of `RECEIPTS`.
        out: A file that they are written into, too, with its signature (Ed25519) in `OUT.sig` and the public key in
            `OUT.pem`, as releases have theirs.

    Raises:
        InputError: For identifiers that cannot be read, `consent.format`, or `consent.out`.
    """
    if form not in RECEIPTS:
        raise InputError("consent.format", "this format is not supported.", fix=f"Allowed: {', '.join(RECEIPTS)}.")
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    refs = {ref for refs in _people(policies, keys, source) for ref in refs}
    made = RECEIPTS[form](Consents(workspace).for_refs(refs), policies)
    if out is not None:
        text = receipts_text(made).encode() + b"\n"
        signed = {".pem": keys.public_pem().encode(), ".sig": base64.b64decode(keys.sign(text)), "": text}
        for ending in signed:
            if Path(f"{out}{ending}").exists():
                raise InputError("consent.out", "the file is there already.", where=f"{out}{ending}")
        for ending, data in signed.items():  # the receipts last: they never stand there unsigned
            _write(Path(f"{out}{ending}"), data)
    return made


def receipts_text(made: list[dict[str, Any]]) -> str:
    """Return receipts as one JSON document."""
    return json.dumps(made, indent=2)


def list_quarantine(workspace: Workspace, *, now: datetime) -> list[BrokenRow]:
    """Return the consent rows in quarantine, without what stands in them."""
    return _quarantine(workspace, now).all()


def export_quarantine(workspace: Workspace, out: str, *, now: datetime) -> int:
    """Write what stands in the rows in quarantine into a file that nobody else can read; return how many there are.

    Raises:
        InputError: `consent.out` when the file is there already or cannot be written.
    """
    rows = _quarantine(workspace, now).opened()
    _write(Path(out), b"".join(row.row.rstrip(b"\r\n") + b"\n" for row in rows))
    return len(rows)


def forget_quarantine(workspace: Workspace, ids: tuple[str, ...], *, now: datetime) -> int:
    """Remove rows from quarantine, by their ids.

    Raises:
        InputError: `consent.quarantine` for an id that is none.
    """
    quarantine = _quarantine(workspace, now)
    if not set(ids) <= {row.id for row in quarantine.all()}:
        raise InputError("consent.quarantine", "there is no such row.", fix="List them: delible consent quarantine")
    return quarantine.forget(ids)


def _quarantine(workspace: Workspace, now: datetime) -> Quarantine:
    """Return the quarantine without rows that have waited too long."""
    keys = load_keys(workspace)
    lapse(workspace, keys, now=now)
    return Quarantine(workspace, keys)


def standing_requests(workspace: Workspace, keys: Keys, *, until: datetime) -> list[Request]:
    """Return the requests that were received up to an instant, as they stood then; some stand against people."""
    known = Requests(workspace, keys, Ledger(workspace, keys)).all(known_at=until)
    return [r for r in known if r.received <= until]


def standing_flags(
    workspace: Workspace, keys: Keys, *, until: datetime, purpose: Purpose | None = None
) -> list[tuple[SubjectRef, Exclusion]]:
    """Return what stands against people apart from consent: suppression and requests, both up to an instant.

    Args:
        workspace: Where.
        keys: The workspace's secrets.
        until: The instant.
        purpose: What rows are to be used for; without one, whatever stands against any use.
    """
    flags = [(ref, Exclusion.SUPPRESSED) for ref, _, at in Suppression(workspace).rows() if at <= until]
    for request in standing_requests(workspace, keys, until=until):
        reason = flag(request) if purpose is None else stands_against(request, purpose)
        if reason is not None:
            flags += [(ref, reason) for ref in request.refs]
    return flags


def _write(path: Path, data: bytes) -> None:
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not allowed"
        raise InputError("consent.out", f"the file cannot be written: {reason}.", where=str(path)) from None


def _people(policies: PolicySet, keys: Keys, source: str) -> list[tuple[SubjectRef, ...]]:
    kinds = policies.controller.identifiers
    return [refs_of(given, kinds, keys) for given in read_identifiers(source, policies.controller)]


def _answer(
    purpose: Purpose,
    refs: tuple[SubjectRef, ...],
    records: list[ConsentRecord],
    requests: list[Request],
    erased: bool,
    when: tuple[datetime, datetime],
) -> PurposeAnswer:
    if purpose.legal_basis is None:
        shown = tuple(sorted((r for r in records if r.purpose == purpose.purpose), key=_age_of))
        return PurposeAnswer(purpose.purpose, None, False, "no_legal_basis", None, shown)
    question = Question.of(purpose, purpose.legal_basis, as_of=when[0], known_at=when[1])
    against = [(r.id, reason) for r in requests if (reason := stands_against(r, purpose)) is not None]
    flags = [Exclusion.SUPPRESSED] * erased + [reason for _, reason in against]
    found = explain(refs, records, question, flags=flags)
    decision = found.decision
    return PurposeAnswer(
        purpose=purpose.purpose,
        legal_basis=purpose.legal_basis,
        keep=decision.keep,
        reason=decision.reason,
        by=decision.record,
        records=tuple(record for record, _ in found.records),
        rule=Named.of(decision.rule),
        considered=tuple(Considered(n, Named.of(why)) for n, (_, why) in enumerate(found.records)),
        requests=tuple(i for i, _ in against),
        person=_facts(found.person) if question.terms.asks_facts else None,
    )


def _facts(person: Person) -> dict[str, Any]:
    return person._asdict()


def _age_of(record: ConsentRecord) -> tuple[datetime, datetime]:
    return record.valid_from, record.recorded_at
