"""What somebody's request or withdrawal means for releases that they are in, and for what was made with these.

The law names no model. What is decided here follows from what it says of the data: what may not be kept is cut out of
the release (Art. 17(1)); what was learned from it lawfully before a withdrawal stays lawful (Art. 7(3) second
sentence), and whether a model still holds personal data is to be assessed case by case (EDPB Opinion 28/2024). After
an erasure or an objection to direct marketing nothing may go on being used that holds it, so a model is trained again
unless somebody shows that it holds nothing. Whoever runs trainings is told (Art. 19 in its sense: recipients).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from delible.decide.consent import WITHOUT_EFFECT
from delible.decide.deadline import IsWorkingDay, clock_for, last_day
from delible.decide.objection import limits, stands_against
from delible.model.base import digest
from delible.model.consent_terms import ConsentTerms
from delible.model.policy import Purpose
from delible.model.record import Manifest
from delible.model.release import Cause, Duty, DutyKind, Target, Use
from delible.model.request import Request
from delible.model.taxonomy import is_sensitive
from delible.model.terms import Exclusion, Regime, Right
from delible.model.terms import RequestState as S

CAUSES = {
    Exclusion.SUPPRESSED: Cause.ERASURE,
    Exclusion.ERASURE_REQUESTED: Cause.ERASURE,
    Exclusion.RESTRICTED: Cause.RESTRICTION,
    Exclusion.OBJECTED: Cause.OBJECTION,
    Exclusion.OPTED_OUT: Cause.OPT_OUT,
    Exclusion.WITHDRAWN: Cause.WITHDRAWAL,
    Exclusion.LIMITED: Cause.LIMIT,
    Exclusion.RECTIFIED: Cause.RECTIFICATION,
}
"""Why somebody would be left out today, as a cause; every other reason is a lapse of consent."""

_ARTICLES: Mapping[tuple[Cause, Regime], str] = {
    (Cause.ERASURE, Regime.GDPR): "GDPR Art. 17(1)",
    (Cause.ERASURE, Regime.CCPA): "Cal. Civ. Code 1798.105(c)(1); 11 CCR 7022(b)",
    (Cause.OBJECTION, Regime.GDPR): "GDPR Art. 21(1), (3), 17(1)(c)",
    (Cause.WITHDRAWAL, Regime.GDPR): "GDPR Art. 7(3), 17(1)(b)",
    (Cause.OPT_OUT, Regime.CCPA): "Cal. Civ. Code 1798.120(d)",
    (Cause.RESTRICTION, Regime.GDPR): "GDPR Art. 18(2)",
    (Cause.LAPSE, Regime.GDPR): "GDPR Art. 6(1)(a), 17(1)(b)",
    (Cause.BASIS, Regime.GDPR): "GDPR Art. 6(1), 17(1)(d)",
    (Cause.LIMIT, Regime.CCPA): "Cal. Civ. Code 1798.121(b)",
    (Cause.RECTIFICATION, Regime.GDPR): "GDPR Art. 16, 5(1)(d)",
    (Cause.RECTIFICATION, Regime.CCPA): "Cal. Civ. Code 1798.106; 11 CCR 7023",
}

_MODEL = "; EDPB Opinion 28/2024"
_RETRAIN = frozenset({Cause.ERASURE})
VALUES = frozenset({Cause.LIMIT, Cause.RECTIFICATION})
"""Causes that let a person in and change what is released of them."""

_CORRECTING = frozenset({S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.PARTLY_COMPLETED, S.COMPLETED})
"""States of a correction whose tables say, or are about to say, something else than they did."""

_GRAVEST = (DutyKind.RETRAIN, DutyKind.RECUT, DutyKind.RETIRE, DutyKind.ASSESS, DutyKind.NOTIFY_OWNER)


@dataclass(frozen=True)
class Reason:
    """One reason why somebody in a release concerns it.

    Args:
        marketing: An objection to direct marketing, against which nothing is weighed.
        due: Last day for what it asks for.
        request: The request's id; None for consent.
        leaves: The person's rows have to leave the release; not for a correction that nobody has decided on yet.
    """

    cause: Cause
    regime: Regime
    due: date
    marketing: bool = False
    request: str | None = None
    leaves: bool = True


def cause_of(request: Request, purpose: Purpose | None) -> Cause | None:
    """Return what a request means for a release that its data subject is in, made for a purpose; None for nothing.

    A completed erasure still means that a release holds somebody whom the tables have forgotten.

    Args:
        request: Of any right, in any state.
        purpose: The release's purpose; None where no policy declares it any more.
    """
    if request.state in WITHOUT_EFFECT:
        still = None if purpose is None else stands_against(request, purpose)
        return None if still is None else CAUSES.get(still)
    if request.right is Right.ERASURE:
        return Cause.ERASURE
    if request.right is Right.RECTIFICATION:
        return Cause.RECTIFICATION
    if limits(request):
        return Cause.LIMIT
    reason = None if purpose is None else stands_against(request, purpose)
    return None if reason is None else CAUSES.get(reason)


def heeded(request: Request, cause: Cause, manifest: Manifest) -> bool:
    """Return whether a release's values heed a limit or correction, or are nothing that a limit is about.

    A recut changes no value, however much later it was made.
    """
    treated = manifest.treated_at
    if treated is None and manifest.recut_of is None:
        treated = manifest.known_at
    match cause:
        case Cause.LIMIT:
            plain = bool(manifest.columns) and not any(is_sensitive(c.category) for c in manifest.columns if c.category)
            return plain or (treated is not None and request.received <= treated)
        case Cause.RECTIFICATION:
            return treated is not None and request.state is S.COMPLETED and request.changed <= treated
        case _:
            return False


def overtaken(request: Request, manifest: Manifest) -> Exclusion | None:
    """Return why a recut leaves out a request's data subject: the values that were released are not to be used.

    A build empties limited columns and reads corrected ones. A recut changes no value, so the rows go: an inaccurate
    value is not released once more (Art. 5(1)(d)), nor a sensitive one whose use is limited (Cal. Civ. Code
    1798.121(b)). What a correction asks for is not known to be right before it is carried out; who wants the value
    unused meanwhile has the right to restriction (Art. 18(1)(a)), which stands from its receipt.
    """
    cause = cause_of(request, None)
    if cause not in VALUES or heeded(request, cause, manifest):
        return None
    if cause is Cause.LIMIT:
        return Exclusion.LIMITED
    return Exclusion.RECTIFIED if request.state in _CORRECTING else None


def asked_of(purpose: Purpose) -> str:
    """Return a fingerprint of what a purpose asks of people: basis, terms, and which objections stand against it."""
    asked = {"legal_basis", "consent", "direct_marketing", "sells_or_shares"}
    return digest(purpose.model_dump(mode="json", include=asked))


def judged_anew(purpose: Purpose, manifest: Manifest) -> bool:
    """Return whether everybody in a release has to be judged, and not only people of whom the ledger has news.

    So it is when the policy asks something else than it did when the release was cut, or nobody knows what it asked;
    and when its terms let consents end by themselves, or ask who people are: nothing new is recorded then.
    """
    return asked_of(purpose) != manifest.purpose_fingerprint or purpose.consent != ConsentTerms()


def consent_regime(cause: Cause) -> Regime:
    """Return the law that gives what the consent ledger says its force; opting out is the CCPA's."""
    return Regime.CCPA if cause is Cause.OPT_OUT else Regime.GDPR


def consent_due(known: date, cause: Cause, *, is_working_day: IsWorkingDay) -> date:
    """Return until when a withdrawal, opt-out or lapse of consent has to have reached what was released.

    Art. 17(1)(b) asks for it without undue delay; at the latest within the month of Art. 12(3), from the day on which
    the controller learned of it. An opt-out of sale or sharing, a browser's signal as well, has 15 business days
    (11 CCR 7025(b), 7026(f)).

    Args:
        known: When the controller learned of it; of a lapse, when the consent ended.
        cause: Why people would be left out.
        is_working_day: The calendar of `consent_regime`'s law.
    """
    regime = consent_regime(cause)
    right = Right.OPT_OUT if regime is Regime.CCPA else Right.ERASURE
    return last_day(clock_for(right, regime), known, is_working_day=is_working_day)


def duties(
    manifest: Manifest,
    reasons: Collection[Reason],
    uses: Collection[Use],
    *,
    contact: str,
    retired: bool = False,
    superseded: bool = False,
) -> tuple[Duty, ...]:
    """Return one duty for the release and one for each thing that was made with it.

    Of several reasons the gravest duty stands, until the earliest of all due dates.

    Args:
        manifest: The release.
        reasons: Why people in it concern it; at least one.
        uses: What was made with this very version.
        contact: Who answers for what nobody is named for.
        retired: The release's rows are gone: nothing is left to be done about itself.
        superseded: A newer version is without all of these people: it is there, and this one has to go.
    """
    things = {} if retired else {(manifest.release, Target.RELEASE): contact}
    for use in sorted(uses, key=lambda u: (u.owner is not None, u.at)):  # who was named last answers
        things[use.by, Target.RUN if use.kind == "run" else Target.MODEL] = use.owner or contact
        if use.run is not None and use.kind != "run":
            things[f"run:{use.run}", Target.RUN] = use.owner or contact
    due = min(r.due for r in reasons)
    found = []
    for (what, target), owner in things.items():
        kind, reason = min(((_kind(r, target, superseded=superseded), r) for r in reasons), key=_order)
        article = next(
            _ARTICLES[key] for key in ((reason.cause, reason.regime), *_laws(reason.cause)) if key in _ARTICLES
        )
        found.append(
            Duty(
                what=what,
                target=target,
                duty=kind,
                rule=f"{reason.cause}.{target}",
                article=article + (_MODEL if target is Target.MODEL else ""),
                owner=owner,
                due=due,
            )
        )
    return tuple(found)


def _laws(cause: Cause) -> tuple[tuple[Cause, Regime], ...]:
    """Return where else a cause has its article: a request of one law can be for a right that only the other knows."""
    return tuple((cause, regime) for regime in Regime)


def _order(pair: tuple[DutyKind, Reason]) -> tuple[int, int, date]:
    kind, reason = pair
    return _GRAVEST.index(kind), list(Cause).index(reason.cause), reason.due


def _kind(reason: Reason, target: Target, *, superseded: bool) -> DutyKind:
    match target:
        case Target.RELEASE:
            if not reason.leaves:
                return DutyKind.ASSESS
            return DutyKind.RETIRE if superseded else DutyKind.RECUT
        case Target.MODEL:
            again = reason.cause in _RETRAIN or (reason.cause is Cause.OBJECTION and reason.marketing)
            return DutyKind.RETRAIN if again else DutyKind.ASSESS
        case Target.RUN:
            return DutyKind.NOTIFY_OWNER
