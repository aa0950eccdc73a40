"""Receipts of ISO/IEC TS 27560: what a person said of each purpose, for the person and for other systems to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from delible.model.base import digest
from delible.model.consent import ConsentRecord
from delible.model.dpv_purposes import BASIS_TERMS, STATUS_TERMS
from delible.model.policy import PolicySet
from delible.model.receipt import EXTENSION, KIND, SCHEMA
from delible.model.terms import ConsentGiver, LegalBasis

_CONTROLLER = "controller"


def receipts(records: Iterable[ConsentRecord], policies: PolicySet) -> list[dict[str, Any]]:
    """Return one receipt for each reference and purpose, each with its events, oldest first.

    The person stands in it as a keyed reference. What the specification has no field for is under the events' key
    `delible`: with it, taking the receipts in again gives the same records.
    """
    groups: dict[tuple[str, str, str], list[ConsentRecord]] = {}
    for record in records:
        groups.setdefault((record.ref, record.kind, record.purpose), []).append(record)
    return [_receipt(group, policies) for _, group in sorted(groups.items())]


def _receipt(records: list[ConsentRecord], policies: PolicySet) -> dict[str, Any]:
    ordered = sorted(records, key=lambda r: (r.valid_from, r.recorded_at))
    last = ordered[-1]
    events = [_event(record) for record in ordered]
    content = {
        "record_id": digest([last.ref, last.purpose])[:32],
        "pii_principal_id": last.ref,
        KIND: last.kind,
        "pii_processing": {"privacy_notice": last.notice_version, "purposes": [_purpose(last, policies)]},
        "party_identification": [
            {
                "party_id": _CONTROLLER,
                "party_name": policies.controller.controller,
                "party_contact": policies.controller.contact,
                "party_role": "PII controller",
            }
        ],
        "event": events,
    }
    return {"schema_version": SCHEMA, "receipt_id": digest(content)[:32], "content": content}


def _purpose(record: ConsentRecord, policies: PolicySet) -> dict[str, Any]:
    purpose = policies.purposes.get(record.purpose)
    basis = purpose.legal_basis if purpose is not None and purpose.legal_basis is not None else LegalBasis.CONSENT
    said: Mapping[str, Any] = {
        "purpose": record.purpose,
        "purpose_description": purpose.description if purpose is not None else None,
        "purpose_type": purpose.dpv if purpose is not None else None,
        "lawful_basis": BASIS_TERMS[basis],
        "pii_controllers": [_CONTROLLER],
        "recipient_third_parties": list(purpose.recipients) if purpose is not None and purpose.recipients else None,
        "jurisdiction": record.jurisdiction,
    }
    return {key: value for key, value in said.items() if value is not None}


def _event(record: ConsentRecord) -> dict[str, Any]:
    lasts = record.valid_until - record.valid_from if record.valid_until is not None else timedelta(0)
    more = {
        "notice_version": record.notice_version,
        "legal_basis": record.legal_basis.value,
        "valid_until": _text(record.valid_until),
        "recorded_at": _text(record.recorded_at),
        "source": record.source,
        "jurisdiction": record.jurisdiction,
        "age": record.age,
        "given_by": record.given_by.value if record.given_by is not ConsentGiver.DATA_SUBJECT else None,
    }
    return {
        "event_time": _text(record.valid_from),
        "validity_duration": int(lasts.total_seconds()),
        "event_type": "explicit",
        "event_state": STATUS_TERMS.get(record.status, record.status.value),
        EXTENSION: {key: value for key, value in more.items() if value is not None},
    }


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None
