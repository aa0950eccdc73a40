"""Against which purposes objections, opt-outs and limits stand (GDPR Art. 21; Cal. Civ. Code 1798.120, 1798.121).

They stand from their receipt, whether or not anybody has looked at them yet, and until they are refused, withdrawn or
taken back. What a policy does not say counts as if it forbade.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from delible.decide.consent import WITHOUT_EFFECT, flag
from delible.errors import Problem
from delible.model.duration import add_months
from delible.model.policy import Purpose
from delible.model.request import RefusalGround, Request
from delible.model.terms import Exclusion, LegalBasis, RequestState, Right

STANDING = frozenset({Right.OBJECTION, Right.OPT_OUT, Right.LIMIT})
"""Rights that are carried out by being heeded: they change no table, and what is built from then on."""

_OBJECTABLE = frozenset({LegalBasis.LEGITIMATE_INTERESTS, LegalBasis.PUBLIC_TASK, LegalBasis.CONSENT})
"""Art. 21(1) names the first two. To object to what rests on consent is to withdraw it, which takes no form."""

_WAIT_MONTHS = 12
"""Cal. Civ. Code 1798.135(c)(4): so long nobody who opted out may be asked to opt in again."""


def stands_against(request: Request, purpose: Purpose) -> Exclusion | None:
    """Return what a request stands for against the use of its data subject's rows for a purpose, or None.

    An objection that was refused for compelling grounds (Art. 21(1)) still stands against direct marketing, where
    nothing is weighed (Art. 21(2), (3)).
    """
    reason = flag(request)
    if reason is None:
        still = _outweighed(request) and purpose.direct_marketing is not False
        return Exclusion.OBJECTED if still else None
    return reason if excludes(reason, purpose) else None


def excludes(reason: Exclusion, purpose: Purpose) -> bool:
    """Return whether something that stands against a person excludes their rows for this purpose."""
    match reason:
        case Exclusion.OBJECTED:
            objectable = purpose.legal_basis is None or purpose.legal_basis in _OBJECTABLE
            return objectable or purpose.direct_marketing is not False
        case Exclusion.OPTED_OUT:
            return purpose.sells_or_shares is not False
        case _:
            return True


def limits(request: Request) -> bool:
    """Return whether a request forbids to use its data subject's sensitive data (Cal. Civ. Code 1798.121)."""
    return request.right is Right.LIMIT and request.state not in WITHOUT_EFFECT and request.taken_back is None


def unsaid(requests: Iterable[Request], purpose: Purpose) -> tuple[Problem, ...]:
    """Return the gaps by which people are left out although the purpose may be none that they object to."""
    standing = [(r, reason) for r in requests if (reason := stands_against(r, purpose)) is not None]
    where = f"purpose:{purpose.purpose}"
    gaps = []
    known = purpose.model_copy(update={"direct_marketing": False})
    unsure = purpose.direct_marketing is None
    if unsure and any(reason is Exclusion.OBJECTED and stands_against(r, known) is None for r, reason in standing):
        gaps.append(
            Problem(
                "dataset.marketing_gap",
                f"the purpose '{purpose.purpose}' does not say whether it is direct marketing ('direct_marketing'): "
                "people who objected are left out (Art. 21(2)).",
                where,
            )
        )
    if purpose.sells_or_shares is None and any(reason is Exclusion.OPTED_OUT for _, reason in standing):
        gaps.append(
            Problem(
                "dataset.sale_gap",
                f"the purpose '{purpose.purpose}' does not say whether data is sold or shared for it "
                "('sells_or_shares'): people who opted out are left out (Cal. Civ. Code 1798.120).",
                where,
            )
        )
    return tuple(gaps)


def not_taken_back(request: Request, now: datetime, *, prompted: bool) -> str | None:
    """Return why a request cannot be taken back after it was carried out, or None.

    Args:
        request: The request as it stands.
        now: When.
        prompted: The controller had asked the data subject to think again.
    """
    if request.right not in STANDING or request.state is not RequestState.COMPLETED:
        return "only objections, opt-outs and limits that were carried out can be taken back afterwards"
    if request.taken_back is not None:
        return "it was taken back already"
    if prompted and request.right is not Right.OBJECTION and now < add_months(request.received, _WAIT_MONTHS):
        return f"for {_WAIT_MONTHS} months nobody may be asked to opt in again (Cal. Civ. Code 1798.135(c)(4))"
    return None


def _outweighed(request: Request) -> bool:
    return (
        request.right is Right.OBJECTION
        and request.state is RequestState.REFUSED
        and request.ground is RefusalGround.COMPELLING_GROUNDS
    )
