"""Who in a release would not be let in today, and why: by its subject index, the ledger of consent, and the requests.

Without a JVM, so without following links in the tables: people are known by the references that the release was cut
with. A recut follows links (`lake.recut.today`). Only people of whom something is new are judged; all others are
judged as they were when the release was cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from delible.decide.consent import Decision, judge
from delible.decide.consent_statements import Question, statements
from delible.decide.deadline import day_of
from delible.decide.impact import (
    CAUSES,
    VALUES,
    Reason,
    cause_of,
    consent_due,
    consent_regime,
    heeded,
    judged_anew,
    overtaken,
)
from delible.model.consent import SALE, ConsentRecord
from delible.model.consent_terms import ConsentTerms
from delible.model.policy import PolicySet, Purpose
from delible.model.record import Manifest
from delible.model.release import Cause
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion, Regime
from delible.store.consent_news import Arrivals, News, consent_news, consent_refs
from delible.store.consents import Consents
from delible.store.members import everybody, members_or_gone, refs_of_subjects
from delible.store.workspace import Workspace
from delible.workflows.calendars import calendar_of, zone_of
from delible.workflows.control import Control

NO_BASIS = "no_legal_basis"
"""Why nobody in a release would be let in: its purpose is gone, or has no legal basis any more."""


_WORDS = {cause: reason.value for reason, cause in CAUSES.items() if reason is not Exclusion.SUPPRESSED}


@dataclass(frozen=True)
class Against:
    """What stands against one data subject of a release today.

    Args:
        word: The reason as builds count it.
    """

    word: str
    reason: Reason

    @property
    def leaves(self) -> bool:
        """Whether the person's rows have to leave."""
        return self.reason.leaves


@dataclass(frozen=True)
class Knowledge:
    """What is known today, loaded once for all releases.

    Args:
        requests: Those that are looked at.
        erased: References of the suppression list, each with its request.
        news: Of whom the consent ledger has something new, by its times.
        arrivals: Of whom it has something that it had not when a release was cut; None when consent is not looked at.
        links: By reference, others of the same data subject that a release may know them by; see `linked`.
        whole: Whether everything counts, a purpose that has lost its legal basis as well.
        since: Look only at what the consent ledger learned, or what lapsed, after this.
    """

    control: Control
    now: datetime
    requests: tuple[Request, ...]
    erased: Mapping[SubjectRef, str]
    news: tuple[News, ...]
    arrivals: Arrivals | None
    whole: bool = True
    links: Mapping[SubjectRef, frozenset[SubjectRef]] = field(default_factory=dict)
    since: datetime | None = None
    _dues: dict[tuple[date, Cause], date] = field(default_factory=dict, repr=False)

    def against(self, manifest: Manifest) -> dict[str, Against]:
        """Return who in a release would not be let in today.

        Raises:
            SetupError: `dataset.index_missing` or `dataset.key_version`.
        """
        purpose = self.control.policies.purposes.get(manifest.purpose)
        version = self.control.keys.version
        basis = None if purpose is None else purpose.legal_basis
        if basis is None and self.whole:
            due = self._due(self.now, Cause.BASIS)
            nobody = Against(NO_BASIS, Reason(Cause.BASIS, Regime.GDPR, due))
            return dict.fromkeys(everybody(self.control.workspace, manifest, key_version=version), nobody)
        standing = self._standing(manifest)
        for asked_by, against_it in list(standing.items()):
            for other in self.links.get(asked_by, ()):
                standing[other] = _graver(standing.get(other), against_it)
        # An opt-out of all sale and sharing names no purpose.
        heard = {manifest.purpose, SALE}
        fresh = {n.ref for n in self.news if n.purpose in heard and n.at > manifest.known_at}
        arrived = self.arrived(manifest)
        fresh |= {ref for ref, spoken in arrived or () if spoken in heard}
        if self.arrivals is not None:
            # A link may be new although nothing was said since, so everybody counts to whom one leads.
            fresh |= {other for linked_to in self.links.values() for other in linked_to}
        asked = {*standing, *fresh}
        found = members_or_gone(self.control.workspace, manifest, asked, key_version=version)
        against: dict[str, Against] = {}
        for ref, subjects in found.items():
            for subject in subjects if SubjectRef(ref) in standing else ():
                against[subject] = _graver(against.get(subject), standing[SubjectRef(ref)])
        waiting = frozenset(s for ref, subjects in found.items() if ref in fresh for s in subjects)
        if purpose is None or basis is None or self.arrivals is None:
            return against
        told = waiting
        if arrived is None:
            told = waiting = everybody(self.control.workspace, manifest, key_version=version)
        elif judged_anew(purpose, manifest):
            waiting = everybody(self.control.workspace, manifest, key_version=version)
        left_out = {s for s, a in against.items() if a.reason.cause not in VALUES}
        for subject, (said, known) in self._by_consent(manifest, purpose, waiting - left_out).items():
            if subject in told or self.since is None or known > self.since:
                against[subject] = _graver(against.get(subject), said)
        return against

    def arrived(self, manifest: Manifest) -> Collection[tuple[SubjectRef, str]] | None:
        """Return of whom, and on what, the consent ledger received rows since a release was cut, or since `since`.

        None when nobody can tell, and everybody has to be judged.
        """
        if self.arrivals is None:
            return ()
        version = manifest.consents_version
        if self.since is not None:
            at = self.arrivals.version_at(self.since)
            version = at if version is None else max(version, at)
        return self.arrivals.after(version)

    def _standing(self, manifest: Manifest) -> dict[SubjectRef, Against]:
        purpose = self.control.policies.purposes.get(manifest.purpose)
        found: dict[SubjectRef, Against] = {}
        by_id = {r.id: r for r in self.requests}
        for request in self.requests:
            cause = cause_of(request, purpose)
            if cause is None or heeded(request, cause, manifest):
                continue
            marketing = purpose is None or purpose.direct_marketing is not False
            leaves = cause not in VALUES or overtaken(request, manifest) is not None
            reason = Reason(cause, request.regime, request.due, marketing, request.id, leaves)
            against = Against(_WORDS.get(cause, cause.value), reason)
            for ref in request.refs:
                found[ref] = _graver(found.get(ref), against)
        for ref, request_id in self.erased.items():
            known = by_id.get(request_id)
            due = known.due if known is not None else self.now.date()
            regime = known.regime if known is not None else Regime.GDPR
            reason = Reason(Cause.ERASURE, regime, due, request=request_id)
            found[ref] = _graver(found.get(ref), Against(Exclusion.SUPPRESSED.value, reason))
        return found

    def _by_consent(
        self, manifest: Manifest, purpose: Purpose, subjects: Collection[str]
    ) -> dict[str, tuple[Against, datetime]]:
        """Return who would not be let in by consent, and since when that is known."""
        if not subjects or purpose.legal_basis is None:
            return {}
        workspace, version = self.control.workspace, self.control.keys.version
        known, shared = refs_of_subjects(workspace, manifest, subjects, key_version=version)
        new: dict[SubjectRef, set[SubjectRef]] = {}
        for ref, linked_to in self.links.items():
            for other in linked_to:
                new.setdefault(other, set()).add(ref)
        refs_of = {subject: refs.union(*(new.get(ref, ()) for ref in refs)) for subject, refs in known.items()}
        owners = {ref for refs in refs_of.values() for ref in refs}
        records: dict[SubjectRef, list[ConsentRecord]] = {}
        for record in Consents(workspace).for_refs(owners):
            records.setdefault(record.ref, []).append(record)
        question = Question.of(purpose, purpose.legal_basis, as_of=self.now, known_at=self.now)
        found = {}
        for subject, refs in refs_of.items():
            own = [record for ref in refs for record in records.get(ref, ())]
            decision = judge(refs, own, question, shared=shared & refs)
            if not decision.keep:
                since = _known(decision, own, question, shared & refs)
                found[subject] = self._said(decision, since), since
        return found

    def _said(self, decision: Decision, known: datetime) -> Against:
        reason = decision.reason or Exclusion.NO_CONSENT
        cause = CAUSES.get(reason, Cause.LAPSE)
        return Against(reason.value, Reason(cause, consent_regime(cause), self._due(known, cause)))

    def _due(self, known: datetime, cause: Cause) -> date:
        controller = self.control.policies.controller
        day = day_of(known, zone_of(controller))
        if (day, cause) not in self._dues:
            calendar = calendar_of(controller, consent_regime(cause))
            self._dues[day, cause] = consent_due(day, cause, is_working_day=calendar)
        return self._dues[day, cause]


def known_today(
    control: Control, manifests: Iterable[Manifest], *, now: datetime, since: datetime | None = None
) -> Knowledge:
    """Load what could stand against people in some releases.

    Args:
        control: The workspace's control plane.
        manifests: The releases; what each was cut with is no news.
        now: Today.
        since: Look only at what the consent ledger learned after this, where that is later.
    """
    cut = [m.known_at for m in manifests]
    begin = max(min(cut, default=now), since) if since is not None else min(cut, default=now)
    requests = [r for r in control.requests.all() if r.received <= now]
    erased = {ref: request for ref, request, at in control.suppression.rows() if at <= now}
    news = consent_news(control.workspace, since=begin, now=now)
    return Knowledge(control, now, tuple(requests), erased, tuple(news), Arrivals(control.workspace), since=since)


def linked(knowledge: Knowledge) -> Knowledge:
    """Return what is known with the links of today's tables, for people who came forward under a new identifier.

    Starts a JVM. Links are followed as a build does, also for people of whom nothing is new: the link may be.

    Raises:
        InputError: `table.missing`.
    """
    from delible.lake.facts import read
    from delible.lake.identity import RefKey, identity
    from delible.lake.recut import links
    from delible.workflows.spark import session_for

    control = knowledge.control
    spark, keys, policies = session_for(control.workspace), control.keys, control.policies
    asked = {ref for request in knowledge.requests for ref in request.refs} | set(knowledge.erased)
    if knowledge.arrivals is not None:
        asked |= heard_refs(control.workspace, policies)
    locations = control.locations()
    people = identity(policies, lambda name: read(spark, locations[name]), RefKey(keys.version, keys.pads()))
    return replace(knowledge, links=links(people, asked))


def heard_refs(workspace: Workspace, policies: PolicySet) -> frozenset[SubjectRef]:
    """Return the references whose records could stand against people who are linked to them now.

    A consent without an end cannot, where the purposes ask for nothing more than that somebody agreed.
    """
    plain = all(purpose.consent == ConsentTerms() for purpose in policies.purposes.values())
    return consent_refs(workspace, plain_consents=not plain)


def only_requests(knowledge: Knowledge, requests: Collection[str]) -> Knowledge:
    """Return what is known of some requests, and nothing else."""
    chosen = tuple(r for r in knowledge.requests if r.id in requests)
    erased = {ref: request for ref, request in knowledge.erased.items() if request in requests}
    return replace(knowledge, requests=chosen, erased=erased, news=(), arrivals=None, whole=False)


def only_consent(knowledge: Knowledge) -> Knowledge:
    """Return what is known of consent, and of no request."""
    return replace(knowledge, requests=(), erased={}, whole=False)


def _known(
    decision: Decision, records: Collection[ConsentRecord], question: Question, shared: Collection[SubjectRef]
) -> datetime:
    """Return when the controller knew that a decision would be no: of a lapse, not before the consent had ended."""
    record = decision.record
    if record is None:
        return question.as_of
    if decision.reason is not Exclusion.EXPIRED:
        return record.recorded_at
    ends = [s.end for s in statements(records, question, shared).counting if s.record is record and s.end is not None]
    return max([record.recorded_at, *ends])


def _graver(one: Against | None, other: Against) -> Against:
    if one is None:
        return other
    order = list(Cause)
    return min(one, other, key=lambda a: (order.index(a.reason.cause), not a.leaves, a.reason.due))
