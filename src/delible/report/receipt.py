"""Receipts of ISO/IEC TS 27560 and of Kantara: what a person said of each purpose, for them and for other systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from delible.decide.consent_statements import WEIGHT
from delible.model.base import digest
from delible.model.consent import SALE, ConsentRecord
from delible.model.dpv_purposes import BASIS_TERMS, STATUS_TERMS
from delible.model.policy import PolicySet
from delible.model.receipt import EXTENSION, KANTARA, KIND, SCHEMA, UNTIL_WITHDRAWN
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis

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


def kantara_receipts(records: Iterable[ConsentRecord], policies: PolicySet) -> list[dict[str, Any]]:
    """Return one receipt of Kantara 1.1 for each consent that was given; it has no form for anything else.

    It ends where it was withdrawn, refused or opted out of: whoever takes the receipts in learns of that by no other.
    What was noted as given on another legal basis is no consent.
    """
    told = list(records)
    given = (r for r in told if r.status is ConsentStatus.GIVEN and r.legal_basis is LegalBasis.CONSENT)
    against: dict[str, list[ConsentRecord]] = {}
    for record in told:
        if WEIGHT.get(record.status, 0) > WEIGHT[ConsentStatus.GIVEN]:
            against.setdefault(record.ref, []).append(record)
    made = []
    for record in sorted(given, key=lambda r: (r.ref, r.purpose, r.valid_from, r.recorded_at)):
        ends = [r.valid_from for r in against.get(record.ref, ()) if _ends(r, record, policies)]
        end = min((at for at in (*ends, record.valid_until) if at is not None), default=None)
        if end is None or end > record.valid_from:
            made.append(_kantara(record, end, policies))
    return made


def _ends(later: ConsentRecord, given: ConsentRecord, policies: PolicySet) -> bool:
    """Return whether a statement ends what was given before it, or at the same instant."""
    purpose = policies.purposes.get(given.purpose)
    sale = later.purpose == SALE and (purpose is None or purpose.sells_or_shares is not False)
    return later.valid_from >= given.valid_from and (later.purpose == given.purpose or sale)


def _kantara(record: ConsentRecord, end: datetime | None, policies: PolicySet) -> dict[str, Any]:
    purpose, controller = policies.purposes.get(record.purpose), policies.controller
    recipients = (
        [policies.recipients[r].contact for r in purpose.recipients if r in policies.recipients] if purpose else []
    )
    said = {
        "purpose": record.purpose,
        "purposeCategory": [purpose.dpv] if purpose is not None and purpose.dpv is not None else [],
        "consentType": "EXPLICIT",
        "piiCategory": [],
        "primaryPurpose": False,
        "termination": _text(end) or UNTIL_WITHDRAWN,
        "thirdPartyDisclosure": bool(recipients),
        "thirdPartyName": ", ".join(recipients),
    }
    return {
        "version": KANTARA,
        "jurisdiction": record.jurisdiction or "not recorded",
        "consentTimestamp": int(record.valid_from.timestamp()),
        "collectionMethod": record.source,
        "consentReceiptID": digest([record.ref, record.purpose, _text(record.valid_from), _text(record.recorded_at)])[
            :32
        ],
        "piiPrincipalId": record.ref,
        KIND: record.kind,
        "piiControllers": [{"piiController": controller.controller, "contact": controller.contact, "onBehalf": False}],
        "policyUrl": record.notice_version,
        "services": [{"service": controller.controller, "purposes": [said]}],
        "sensitive": purpose is not None and purpose.special_condition is not None,
        "spiCat": [],
    }


def _receipt(records: list[ConsentRecord], policies: PolicySet) -> dict[str, Any]:
    ordered = sorted(records, key=lambda r: (r.valid_from, r.recorded_at))
    last = ordered[-1]
    events = [_event(record) for record in ordered]
    content = {
        "record_id": digest([last.ref, last.purpose])[:32],
        "pii_principal_id": last.ref,
        KIND: last.kind,
        "pii_processing": {"privacy_notice": last.notice_version, "purposes": [_purpose(ordered, policies)]},
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


def _purpose(records: Sequence[ConsentRecord], policies: PolicySet) -> dict[str, Any]:
    record, places = records[-1], {r.jurisdiction for r in records}
    purpose = policies.purposes.get(record.purpose)
    basis = purpose.legal_basis if purpose is not None and purpose.legal_basis is not None else LegalBasis.CONSENT
    said: Mapping[str, Any] = {
        "purpose": record.purpose,
        "purpose_description": purpose.description if purpose is not None else None,
        "purpose_type": purpose.dpv if purpose is not None else None,
        "lawful_basis": BASIS_TERMS[basis],
        "pii_controllers": [_CONTROLLER],
        "recipient_third_parties": list(purpose.recipients) if purpose is not None and purpose.recipients else None,
        # A statement of which it is not known would take over what the purpose says.
        "jurisdiction": record.jurisdiction if len(places) == 1 else None,
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
