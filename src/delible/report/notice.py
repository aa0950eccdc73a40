"""A notice as its recipient gets it: one JSON document, without personal data but for what only they can open."""

from __future__ import annotations

from typing import Any

from delible.model.base import canonical
from delible.model.notice import Notice
from delible.model.policy import Controller
from delible.model.terms import Regime

FORM = "delible/notice/1"

_DUTY = {
    Regime.GDPR: "GDPR Art. 19: communicate it to each recipient; as a processor, act on it (Art. 28(3)).",
    Regime.CCPA: "Cal. Civ. Code §1798.105(c): delete the consumer's personal information, and pass the notice on.",
}


def notice_document(notice: Notice, controller: Controller) -> dict[str, Any]:
    """Return what the recipient is told; the same each time the notice is sent."""
    return {
        "form": FORM,
        "notice": notice.id,
        "controller": controller.controller,
        "contact": controller.contact,
        "recipient": notice.recipient,
        "right": notice.right.value,
        "regime": notice.regime.value,
        "duty": _DUTY[notice.regime],
        "request": notice.request,
        "tables": list(notice.tables),
        "subject_refs": list(notice.refs),
        "identifiers": notice.sealed,
        "issued": notice.queued.isoformat() if notice.queued else None,
        "acknowledge_by": notice.acknowledge_by.isoformat() if notice.acknowledge_by else None,
    }


def notice_bytes(notice: Notice, controller: Controller) -> bytes:
    """Return the document's one byte form."""
    return canonical(notice_document(notice, controller))
