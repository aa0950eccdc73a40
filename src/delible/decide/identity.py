"""May a request be approved, as far as identity goes? Verification levels and agents' authority."""

from __future__ import annotations

from delible.errors import Problem
from delible.model.identity import NEEDED, Agency, Needed, Verification, surer
from delible.model.request import RefusalGround, Request
from delible.model.terms import Regime, Right, words

_DISCLOSED = frozenset({Right.ACCESS, Right.PORTABILITY})
"""Rights that hand personal data to whoever asks: what a stranger got cannot be taken back."""


def needed(right: Right, regime: Regime, *, sensitive: bool = False) -> Needed:
    """Return the degree of certainty that a right asks for.

    Args:
        right: What is asked for.
        regime: Whose rules count.
        sensitive: The controller holds data whose wrongful deletion or correction would harm: the higher degree then.
    """
    found = NEEDED[regime, right]
    if sensitive and regime is Regime.CCPA and right in (Right.ERASURE, Right.RECTIFICATION):
        return found._replace(level=Verification.REASONABLY_HIGH)
    return found


def unproven(request: Request, *, check_everybody: bool, sensitive: bool) -> Problem | None:
    """Return why a request must not be approved yet, or None.

    An agent's authority has to be on record always. Identity has to be verified when the controller checks everybody,
    when an agent asks, when a verification fell short (a level that was recorded and is too low is a doubt, not an
    approval), and for access under the CCPA always: a business that cannot verify who asks shall not disclose any
    specific pieces of personal information (11 CCR 7024(a), 7062(c)).

    A power of attorney under the Probate Code takes the place of the person's own identity under the CCPA (11 CCR
    7063(b)). The GDPR knows nothing like it: a mandate says for whom somebody acts, and not that they are whose data
    it is (Art. 12(2), (6)).

    Args:
        request: The request as it stands.
        check_everybody: The controller approves nobody whose identity was not verified.
        sensitive: See `needed`.
    """
    where = f"request {request.id}"
    if request.agent is Agency.CLAIMED:
        return Problem(
            "request.agent_unproven",
            "an agent asks, and no signed permission or power of attorney is on record (11 CCR 7063).",
            where,
        )
    if request.agent is Agency.POWER_OF_ATTORNEY and request.regime is Regime.CCPA:
        return None
    level, article = needed(request.right, request.regime, sensitive=sensitive)
    asked = (
        check_everybody
        or request.agent is not None
        or request.verification is not None
        or (request.regime is Regime.CCPA and request.right in _DISCLOSED)
    )
    if not asked or surer(request.verification, level):
        return None
    have = words(request.verification) if request.verification else "not verified"
    return Problem(
        "request.unverified",
        f"identity is {have}; {article} asks for the degree '{level}' for {request.right}.",
        where,
    )


def unshown(request: Request, level: Verification, *, declaration: bool, account: bool) -> Problem | None:
    """Return why a degree of certainty must not be recorded as reached, or None.

    The CCPA's higher degree is reached by matching data together with a signed declaration under penalty of perjury,
    which has to be kept (11 CCR 7062(c)), or, where the person has a password-protected account, by their
    authenticating themselves there anew (11 CCR 7061(a)). One of both has to be said.

    Args:
        request: The request as it stands.
        level: The degree.
        declaration: There is a signed declaration.
        account: They have authenticated themselves in their account for this request.
    """
    if request.regime is not Regime.CCPA or level is not Verification.REASONABLY_HIGH or declaration or account:
        return None
    return Problem(
        "request.no_declaration",
        "a reasonably high degree of certainty asks for a signed declaration (11 CCR 7062(c)), or for anew "
        "authenticating in an account (11 CCR 7061(a)).",
        f"request {request.id}",
    )


GROUNDS_OF: dict[RefusalGround, frozenset[Regime]] = {
    RefusalGround.CANNOT_IDENTIFY: frozenset({Regime.GDPR}),
    RefusalGround.IDENTITY_NOT_VERIFIED: frozenset(Regime),
    RefusalGround.MANIFESTLY_UNFOUNDED: frozenset(Regime),
    RefusalGround.EXCESSIVE: frozenset(Regime),
    RefusalGround.EXCEPTION: frozenset(Regime),
    RefusalGround.COMPELLING_GROUNDS: frozenset({Regime.GDPR}),
    RefusalGround.OTHER: frozenset(Regime),
}
"""Which law knows which ground. Art. 11(2) is the GDPR's: a business under the CCPA says that it could not verify."""
