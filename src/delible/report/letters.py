"""Letters to a data subject about a request; whoever sends one may write another, and has its digest recorded."""

from __future__ import annotations

from datetime import date

from delible.decide.deadline import clock_for, confirmation_clock
from delible.model.request import Request
from delible.model.terms import Regime


def extension_notice(request: Request, due: date, *, controller: str, contact: str, reason: str) -> str:
    """Return the text that tells of a later answer and why (Art. 12(3) third sentence; §1798.130(a)(2)(A)).

    Args:
        request: As it stands before the extension.
        due: The new last day.
        controller: Who answers.
        contact: Where to ask.
        reason: Why more time is needed.
    """
    article = clock_for(request.right, request.regime).article
    remedy = (
        "You may complain to a supervisory authority, or go to court."
        if request.regime is Regime.GDPR
        else "You need not do anything; the answer will come without another request."
    )
    return "\n".join(
        (
            f"Your request {request.id} ({request.right}), received on {request.received:%Y-%m-%d}",
            "",
            f"We need more time to answer your request. You will have our answer by {due.isoformat()},",
            f"instead of {request.due.isoformat()}. The reason: {reason}",
            f"This is the one extension that {article} allows.",
            remedy,
            "",
            f"{controller}, {contact}",
        )
    )


def confirmation_notice(request: Request, *, controller: str, contact: str) -> str:
    """Return the text that confirms receipt and says what happens next (11 CCR 7021(a))."""
    clock = confirmation_clock(request.right, request.regime)
    article = clock.article if clock is not None else "the law"
    return "\n".join(
        (
            f"We received your request {request.id} ({request.right}) on {request.received:%Y-%m-%d}.",
            "",
            "We check that you are the person whom the data is about, as far as the law asks for that, with what you",
            f"have told us; if we need more, we ask. You will have our answer by {request.due.isoformat()}.",
            f"This confirmation is the one of {article}.",
            "",
            f"{controller}, {contact}",
        )
    )


def unidentified_notice(request: Request, *, controller: str, contact: str) -> str:
    """Return the text that says that nobody could be identified, and what would change that (Art. 11(2))."""
    return "\n".join(
        (
            f"Your request {request.id} ({request.right}), received on {request.received:%Y-%m-%d}",
            "",
            "We cannot tell which of our data is about you with what you have told us (GDPR Art. 11(2)). You may give",
            "us more by which we can find you, such as a customer number or another address; we then take your request",
            "up again. You may complain to a supervisory authority, or go to court.",
            "",
            f"{controller}, {contact}",
        )
    )
