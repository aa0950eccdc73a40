"""Signals of browsers and consent platforms as rows: Global Privacy Control, IAB TCF v2.2, IAB GPP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delible.model.bits import MalformedString
from delible.model.consent import SALE
from delible.model.consent_terms import TcfTerms
from delible.model.gpp import UsSection, decode_gpp
from delible.model.tcf import TcString, agrees, decode_tcf, objects
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store.consents import Told
from delible.workflows.consent_rows import (
    WHERE_AND_WHEN,
    Broken,
    Context,
    RowRules,
    Subject,
    check_keys,
    context_of,
    instant,
    subject_of,
    told,
)

_SIGNAL = frozenset({True, "1", "true"})
_NO_SIGNAL = frozenset({False, "0", "false"})
GPC_NOTICE = "gpc"
_STORING = 1


def gpc(row: Mapping[str, Any], rules: RowRules) -> list[Told]:
    """Return the opt-out of sale and sharing that a signal is (11 CCR 7025); its absence says nothing."""
    check_keys(row, ("subject", "gpc", "valid_from"), WHERE_AND_WHEN)
    subject, context = subject_of(row, rules), context_of(row, rules, instant(row, "valid_from"))
    value = row["gpc"]
    if not isinstance(value, str | int) or value not in _SIGNAL | _NO_SIGNAL:
        raise Broken("gpc", "is none of: 1, 0, true, false", "signal")
    return _opted_out(subject, context, GPC_NOTICE) if value in _SIGNAL else []


def tcf(row: Mapping[str, Any], rules: RowRules) -> list[Told]:
    """Return what a TC string says of each purpose whose policy names bits of it ('tcf')."""
    check_keys(row, ("subject", "tcf"), ("valid_from", *WHERE_AND_WHEN))
    subject = subject_of(row, rules)
    return _by_tcf(row, rules, subject, _decoded(row, "tcf", decode_tcf))


def gpp(row: Mapping[str, Any], rules: RowRules) -> list[Told]:
    """Return what a GPP string says: its TCF sections like TC strings, and opt-outs of the United States.

    That somebody did not opt out is no statement; the record then only says where the person is.
    """
    check_keys(row, ("subject", "gpp", "valid_from"), WHERE_AND_WHEN)
    subject = subject_of(row, rules)
    found = _decoded(row, "gpp", decode_gpp)
    if found.unread:
        raise Broken("gpp", "has a section that is not read, and may say no", "section")
    context = context_of(row, rules, instant(row, "valid_from"))
    records = _by_tcf(row, rules, subject, found.tcf) if found.tcf is not None else []
    records += _by_tcf(row, rules, subject, found.canada, canada=True) if found.canada is not None else []
    for section in found.us:
        records += _by_state(subject, context, section)
    return records


def _by_state(subject: Subject, context: Context, section: UsSection) -> list[Told]:
    facts = {
        "jurisdiction": context.jurisdiction or section.jurisdiction,
        "age": context.age if context.age is not None else section.known_child,
    }
    if section.opted_out:
        return _opted_out(subject, context, "gpp", **facts)
    return told(
        subject,
        context,
        purpose=SALE,
        status=ConsentStatus.REQUESTED,
        legal_basis=LegalBasis.CONSENT,
        notice_version="gpp",
        **facts,
    )


def _by_tcf(
    row: Mapping[str, Any], rules: RowRules, subject: Subject, tc: TcString, *, canada: bool = False
) -> list[Told]:
    at = instant(row, "valid_from") if row.get("valid_from") is not None else tc.updated
    if at < tc.updated:
        raise Broken("valid_from", "lies before the string was made", "period")
    context = context_of(row, rules, at)
    if tc.updated > context.recorded_at:
        raise Broken("tcf", "was made after it was recorded", "future")
    place = context.jurisdiction or ("CA" if canada else None)
    statements = (_statement(rules, name, tc, canada) for name in sorted(rules.purposes))
    return [
        record
        for purpose, status, basis in (s for s in statements if s is not None)
        for record in told(
            subject,
            context,
            purpose=purpose,
            status=status,
            legal_basis=basis,
            notice_version=f"tcf{'ca' if canada else ''}{tc.policy_version}",
            jurisdiction=place,
        )
    ]


def _statement(rules: RowRules, name: str, tc: TcString, canada: bool) -> tuple[str, ConsentStatus, LegalBasis] | None:
    purpose = rules.purposes[name]
    terms = _of_canada(purpose.tcf) if canada and purpose.tcf is not None else purpose.tcf
    if terms is None or purpose.legal_basis not in (LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTERESTS):
        return None
    if purpose.legal_basis is LegalBasis.LEGITIMATE_INTERESTS:
        says_no = objects(tc, terms)
        return (name, ConsentStatus.REFUSED, LegalBasis.LEGITIMATE_INTERESTS) if says_no else None
    status = ConsentStatus.GIVEN if agrees(tc, terms) else ConsentStatus.REFUSED
    return name, status, LegalBasis.CONSENT


def _of_canada(terms: TcfTerms) -> TcfTerms | None:
    """Return which bits a purpose asks for of Canada's strings, where purpose 1 is not used; None for no other."""
    others = tuple(purpose for purpose in terms.purposes if purpose != _STORING)
    return terms.model_copy(update={"purposes": others}) if others else None


def _opted_out(subject: Subject, context: Context, notice: str, **facts: Any) -> list[Told]:
    return told(
        subject,
        context,
        purpose=SALE,
        status=ConsentStatus.OPTED_OUT,
        legal_basis=LegalBasis.CONSENT,
        notice_version=notice,
        **facts,
    )


def _decoded(row: Mapping[str, Any], key: str, decode: Any) -> Any:
    value = row[key]
    if not isinstance(value, str):
        raise Broken(key, "is no text", "string")
    try:
        return decode(value)
    except MalformedString as error:
        raise Broken(key, str(error), "string") from None
