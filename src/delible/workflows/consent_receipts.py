"""Consent records and receipts of ISO/IEC TS 27560, and receipts of Kantara, as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from delible.model.consent import SALE
from delible.model.dpv_purposes import BASIS_TERMS, PREFIX, PURPOSES, STATUS_TERMS
from delible.model.receipt import EXTENSION, KIND, UNTIL_WITHDRAWN
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store.consents import Told
from delible.workflows.consent_rows import (
    WHERE_AND_WHEN,
    Broken,
    RowRules,
    Subject,
    check_keys,
    choice,
    context_of,
    giver,
    instant,
    subject_of,
    told,
    word,
)

_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_SECONDS = re.compile(r"[0-9]{1,12}")
_MOST_STATEMENTS = 1_000
_REF = re.compile(r"v\d{1,4}\.[0-9a-f]{64}")
_STATES = {term.removeprefix(PREFIX).lower(): status for status, term in STATUS_TERMS.items()}
_STATES |= {status.value: status for status in ConsentStatus}
_STATES |= {f"consent {status.value}": status for status in ConsentStatus}
_STATES["renewedconsentgiven"] = ConsentStatus.GIVEN
_BASES = {term.removeprefix(PREFIX).lower(): basis for basis, term in BASIS_TERMS.items()}
_BASES |= {basis.value: basis for basis in LegalBasis} | {basis.value.replace("_", " "): basis for basis in LegalBasis}
_ARTICLES = {f"a6-1-{letter}": basis for letter, basis in zip("abcdef", LegalBasis, strict=True)}
_EXTRA = ("notice_version", "legal_basis", "valid_until", "given_by", *(k for k in WHERE_AND_WHEN if k != "birth_date"))
_KANTARA = "consentReceiptID"
_LASTING = (ConsentStatus.GIVEN, ConsentStatus.CONFIRMED)
"""What ends after its duration; what forbids does not."""


def receipt(document: Mapping[str, Any], rules: RowRules) -> list[Told]:
    """Return the records of one document: a statement for each event and purpose."""
    if _KANTARA in document:
        return list(_kantara(document, rules))
    parts = dict(document)
    for name in ("record", "content"):
        if isinstance(parts.get(name), dict):
            parts |= parts.pop(name)
    return list(_iso(parts, rules))


def _iso(parts: Mapping[str, Any], rules: RowRules) -> Iterator[Told]:
    subject = _subject(parts.get("pii_principal_id"), parts.get(KIND), rules)
    processing = _object(parts, "pii_processing")
    events = _list(parts, "event" if "event" in parts else "events")
    purposes = _list(processing, "purposes")
    if len(purposes) * len(events) > _MOST_STATEMENTS:
        raise Broken("purposes", f"and events make more than {_MOST_STATEMENTS} statements", "receipt")
    for purpose in purposes:
        name = _purpose((purpose.get("purpose"), purpose.get("purpose_type")), rules)
        basis = _basis(purpose.get("lawful_basis"))
        for event in events:
            yield from _event(event, purpose, processing, rules, subject=subject, name=name, basis=basis)


def _event(
    event: Mapping[str, Any],
    purpose: Mapping[str, Any],
    processing: Mapping[str, Any],
    rules: RowRules,
    *,
    subject: Subject,
    name: str,
    basis: LegalBasis,
) -> list[Told]:
    extra = event.get(EXTENSION) or {}
    if not isinstance(extra, dict):
        raise Broken(EXTENSION, "is no object", "receipt")
    check_keys(extra, (), _EXTRA)
    status = _state(event)
    said = {"valid_from": event.get("event_time"), "jurisdiction": _jurisdiction(purpose)} | extra
    if said["valid_from"] is None:
        raise Broken("event_time", "is missing", "missing")
    start = instant(said, "valid_from")
    ends = instant(said, "valid_until") if said.get("valid_until") is not None else _until(event, start, status)
    if ends is not None and ends <= start:
        raise Broken("valid_until", "is not after 'event_time'", "period")
    notice = "notice_version" if extra.get("notice_version") is not None else "privacy_notice"
    if (extra if notice == "notice_version" else processing).get(notice) is None:
        raise Broken(notice, "is missing", "missing")
    return told(
        subject,
        context_of(said, rules, start),
        purpose=name,
        status=status,
        legal_basis=choice(extra, "legal_basis", LegalBasis) if extra.get("legal_basis") is not None else basis,
        notice_version=word(extra if notice == "notice_version" else processing, notice),
        valid_until=ends,
        given_by=giver(extra),
    )


def _kantara(document: Mapping[str, Any], rules: RowRules) -> Iterator[Told]:
    subject = _subject(document.get("piiPrincipalId"), document.get(KIND), rules)
    try:
        at = datetime.fromtimestamp(float(document["consentTimestamp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise Broken("consentTimestamp", "is no number of seconds since 1970", "time") from None
    said = {"jurisdiction": _jurisdiction(document), "source": document.get("collectionMethod")}
    context = context_of(said, rules, at)
    services = _list(document, "services")
    if sum(len(_list(service, "purposes")) for service in services) > _MOST_STATEMENTS:
        raise Broken("services", f"have more than {_MOST_STATEMENTS} purposes", "receipt")
    for service in services:
        for purpose in _list(service, "purposes"):
            if str(purpose.get("consentType", "EXPLICIT")).upper() != "EXPLICIT":
                raise Broken("consentType", "is not EXPLICIT: silence is no consent (Art. 4(11))", "implied")
            categories = purpose.get("purposeCategory") or ()
            words = (purpose.get("purpose"), *(categories if isinstance(categories, list) else (categories,)))
            yield from told(
                subject,
                context,
                purpose=_purpose(words, rules),
                status=ConsentStatus.GIVEN,
                legal_basis=LegalBasis.CONSENT,
                notice_version=word(document, "policyUrl") if document.get("policyUrl") else "kantara",
                valid_until=_termination(purpose, at),
            )


def _termination(purpose: Mapping[str, Any], start: datetime) -> datetime | None:
    """Return when a consent ends by its receipt, which says so in words, too; None for not before it is withdrawn."""
    said = purpose.get("termination")
    if isinstance(said, str) and said.strip().lower() == UNTIL_WITHDRAWN:
        return None
    if not isinstance(said, str):
        raise Broken("termination", f"is neither an ISO 8601 time nor '{UNTIL_WITHDRAWN}'", "period")
    ends = instant(purpose, "termination")
    if ends <= start:
        raise Broken("termination", "is not after 'consentTimestamp'", "period")
    return ends


def _subject(value: Any, kind: Any, rules: RowRules) -> Subject:
    """Return whose document it is: a reference that delible made, identifiers, or one of the controller's own kind."""
    if value is None:
        raise Broken("pii_principal_id", "is missing", "missing")
    if isinstance(value, str) and _REF.fullmatch(value):
        if not value.startswith(f"v{rules.keys.version}."):
            raise Broken("pii_principal_id", "is a reference of another key", "subject")
        named = kind if isinstance(kind, str) and kind in rules.controller.identifiers else rules.controller.subject
        return Subject(((SubjectRef(value), named),))
    given = value if isinstance(value, dict) else {rules.controller.subject: value}
    return subject_of({"subject": given}, rules)


def _purpose(words: tuple[Any, ...], rules: RowRules) -> str:
    """Return the declared purpose that a document means: by its name, or by a term that one purpose alone has."""
    texts = [w for w in words if isinstance(w, str)]
    for text in texts:
        if text in rules.purposes or text == SALE:
            return text
    for text in texts:
        term = _term(text)
        named = [n for n, p in rules.purposes.items() if p.dpv is not None and _term(p.dpv) == term]
        if len(named) == 1:
            return named[0]
    known = any(_term(text) in {p.lower() for p in PURPOSES} for text in texts)
    what = "is a term that no purpose, or more than one, has as its 'dpv'" if known else "is none that is declared"
    raise Broken("purpose", what, "purpose")


def _basis(value: Any) -> LegalBasis:
    if value is None:
        return LegalBasis.CONSENT
    term = _term(value) if isinstance(value, str) else ""
    found = _BASES.get(term) or next((b for a, b in _ARTICLES.items() if term.startswith(a)), None)
    if found is None:
        raise Broken("lawful_basis", "is no legal basis of Art. 6", "legal_basis")
    return found


def _state(event: Mapping[str, Any]) -> ConsentStatus:
    value = event.get("event_state", event.get("state"))
    found = _STATES.get(_term(value)) if isinstance(value, str) else None
    if found is None:
        raise Broken("event_state", "is no state of a consent", "status")
    how = event.get("event_type", event.get("type"))
    if found is ConsentStatus.GIVEN and isinstance(how, str) and how.lower().startswith("impli"):
        raise Broken("event_type", "is implied: silence is no consent (Art. 4(11))", "implied")
    return found


def _until(event: Mapping[str, Any], start: datetime, status: ConsentStatus) -> datetime | None:
    value: Any = _duration(event)
    try:
        seconds = int(value) if value not in (None, "") else 0
        ends = start + timedelta(seconds=seconds) if seconds > 0 and status in _LASTING else None
    except (TypeError, ValueError, OverflowError):
        raise Broken("validity_duration", "is no number of seconds", "period") from None
    return ends


def _duration(event: Mapping[str, Any]) -> int | None:
    """Return after how many whole seconds a consent ends; none, or 0, is not said."""
    value: Any = event.get("validity_duration", event.get("duration"))
    if value in (None, ""):
        return None
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != value // 1:
        raise Broken("validity_duration", "is no whole number of seconds from 0", "period")
    return int(value)


def _jurisdiction(of: Mapping[str, Any]) -> str | None:
    """Return a country's or state's code; others, such as EU, say of nobody where they are."""
    value = of.get("jurisdiction")
    return value if isinstance(value, str) and _PLACE.fullmatch(value) and value != "EU" else None


def _term(text: str) -> str:
    """Return a term without its prefix or address, in lower case."""
    return re.split(r"[#:/]", text)[-1].strip().lower()


def _object(parts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = parts.get(key)
    if not isinstance(found, dict):
        raise Broken(key, "is no object", "receipt")
    return found


def _list(parts: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = parts.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(x, dict) for x in found):
        raise Broken(key, "is no list of objects", "receipt")
    return found
