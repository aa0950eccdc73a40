"""Letters to a data subject about a request; whoever sends one may write another, and has its digest recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from delible.decide.deadline import clock_for, confirmation_clock
from delible.model.exception import KeptPart
from delible.model.request import Request
from delible.model.restriction import ARTICLE
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


def kept_notice(request: Request, kept: Sequence[KeptPart], *, controller: str, contact: str) -> str:
    """Return the answer to an erasure that exceptions keep something of: what, why, until when (Art. 12(4)).

    Args:
        request: The erasure.
        kept: What is kept of the data subject's rows.
        controller: Who answers.
        contact: Where to ask.
    """
    lines = []
    for part in kept:
        what = ", ".join(c.replace("_", " ") for c in part.columns) if part.columns else "the whole record"
        lines += [
            f"- {part.table.replace('_', ' ')}: {what}.",
            f"  Kept until {part.until.isoformat()}. The ground: {part.article} ({part.basis.replace('_', ' ')}).",
            f"  {part.reason or ''}".rstrip(),
        ]
    remedy = (
        "You may complain to a supervisory authority, or go to court (GDPR Art. 12(4))."
        if request.regime is Regime.GDPR
        else "We use what we keep for nothing but that ground (11 CCR 7022(f))."
    )
    return "\n".join(
        (
            f"Your request {request.id} ({request.right}), received on {request.received:%Y-%m-%d}",
            "",
            "We have erased the data that we held about you, but for what the law lets or makes us keep:",
            "",
            *(line for line in lines if line),
            "",
            "What is kept is erased when its time is over, without another request of yours.",
            remedy,
            "",
            f"{controller}, {contact}",
        )
    )


def lifting_notice(request: Request, *, controller: str, contact: str, reason: str) -> str:
    """Return the letter that tells a data subject that a restriction will be lifted (Art. 18(3)); it goes before that.

    Args:
        request: The restriction.
        controller: Who answers.
        contact: Where to ask.
        reason: Why it is lifted.
    """
    ground = f" ({ARTICLE[request.restriction]})" if request.restriction is not None else ""
    return "\n".join(
        (
            f"The restriction that you obtained with your request {request.id}{ground}",
            "",
            "We inform you before we lift the restriction of processing (GDPR Art. 18(3)). Until then your data is",
            f"stored, and nothing else. The reason: {reason}",
            "Afterwards your data may be processed again. You may object, ask for erasure, complain to a supervisory",
            "authority, or go to court.",
            "",
            f"{controller}, {contact}",
        )
    )
