"""Receipts hold all that was said: taken in again they are the records that they were made from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.consent import decide
from delible.decide.consent_statements import WEIGHT
from delible.model.consent import SALE, ConsentRecord
from delible.model.policy import Controller, PolicySet, Purpose
from delible.model.subject import IdentifierKind, SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis
from delible.report.receipt import kantara_receipts, receipts
from delible.store.keys import Keys
from delible.workflows.consent_receipts import receipt
from delible.workflows.consent_rows import Broken, RowRules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTROLLER = Controller(
    controller="Fennel & Co",
    contact="privacy@fennel.example",
    subject="customer_id",
    identifiers={"customer_id": IdentifierKind(), "email": IdentifierKind()},
)
PURPOSES = {
    name: Purpose(purpose=name, description=name, legal_basis=basis, dpv=dpv)
    for name, basis, dpv in (
        ("ads", LegalBasis.CONSENT, "Marketing"),
        ("training", LegalBasis.CONSENT, None),
        ("support", LegalBasis.CONTRACT, "CustomerCare"),
    )
}
RULES = RowRules(CONTROLLER, PURPOSES, cast("Keys", SimpleNamespace(version=1)), NOW)
FORBIDDING = {status for status, weight in WEIGHT.items() if weight > WEIGHT[ConsentStatus.GIVEN]}
LATER = datetime(2026, 6, 2, tzinfo=UTC)
instants = st.datetimes(datetime(1970, 1, 2), datetime(2026, 5, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@st.composite
def records(draw: st.DrawFn) -> ConsentRecord:
    start = draw(instants)
    return ConsentRecord(
        ref=SubjectRef("v1." + draw(st.sampled_from("ab")) * 64),
        kind=draw(st.sampled_from(sorted(CONTROLLER.identifiers))),
        purpose=draw(st.sampled_from([*PURPOSES, SALE])),
        status=draw(st.sampled_from(ConsentStatus)),
        legal_basis=draw(st.sampled_from(LegalBasis)),
        notice_version=draw(st.text('abc 123"<é', min_size=1, max_size=9).filter(str.strip)),
        valid_from=start,
        valid_until=draw(
            st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=9_000)).map(lambda d: start + d)
        ),
        recorded_at=draw(instants),
        source=draw(st.sampled_from(["form 9", "import"])),
        jurisdiction=draw(st.sampled_from([None, "DE", "US-CA"])),
        age=draw(st.none() | st.integers(0, 150)),
        given_by=draw(st.sampled_from(ConsentGiver)),
    )


@given(st.lists(records(), max_size=3))
def test_what_goes_out_comes_in_again(said: list[ConsentRecord]) -> None:
    made = json.loads(json.dumps(receipts(said, PolicySet(controller=CONTROLLER, purposes=PURPOSES))))
    back = [told for document in made for told in receipt(document, RULES)]
    assert sorted((t.record for t in back), key=str) == sorted(said, key=str)
    assert all(t.dated for t in back)


@given(st.lists(records(), max_size=3))
def test_kantara_receipts_are_of_the_consents_that_were_given_to_the_second(said: list[ConsentRecord]) -> None:
    said = [r for r in said if r.purpose != SALE and r.status not in FORBIDDING]
    made = json.loads(json.dumps(kantara_receipts(said, PolicySet(controller=CONTROLLER, purposes=PURPOSES))))
    back = [told.record for document in made for told in receipt(document, RULES)]
    kept = (
        "ref",
        "kind",
        "purpose",
        "status",
        "source",
        "jurisdiction",
        "notice_version",
        "valid_until",
        "legal_basis",
    )
    given_ = [r for r in said if r.status is ConsentStatus.GIVEN and r.legal_basis is LegalBasis.CONSENT]
    assert sorted([str(getattr(r, k)) for k in kept] + [str(r.valid_from)] for r in back) == sorted(
        [str(getattr(r, k)) for k in kept] + [str(r.valid_from.replace(microsecond=0))] for r in given_
    )


@given(st.lists(records(), min_size=1, max_size=5))
def test_nobody_is_let_in_by_kantara_receipts_who_is_not_let_in_without_them(said: list[ConsentRecord]) -> None:
    """Law: a consent that ended, was withdrawn or never was one is none elsewhere either."""
    policies = PolicySet(controller=CONTROLLER, purposes=PURPOSES)
    back = [t.record for made in kantara_receipts(said, policies) for t in receipt(made, RULES)]
    refs = {r.ref for r in said}
    for name in PURPOSES:
        for ref in refs:
            here, there = (
                decide([ref], records, purpose=name, basis=LegalBasis.CONSENT, as_of=LATER, known_at=LATER)
                for records in (said, back)
            )
            assert here.keep or not there.keep


def said(status: ConsentStatus, day: int, purpose: str = "ads", **more: Any) -> ConsentRecord:
    fields: dict[str, Any] = {
        "ref": SubjectRef("v1." + "a" * 64),
        "kind": "email",
        "purpose": purpose,
        "status": status,
        "legal_basis": LegalBasis.CONSENT,
        "notice_version": "1",
        "valid_from": datetime(2026, 1, day, tzinfo=UTC),
        "valid_until": None,
        "recorded_at": datetime(2026, 1, day, tzinfo=UTC),
        "source": "import",
    }
    return ConsentRecord(**(fields | more))


YES, NO, OUT = ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN, ConsentStatus.OPTED_OUT
SOON = datetime(2026, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "ends"),
    [
        ([said(YES, 2)], ["withdrawal"]),
        ([said(YES, 2, valid_until=SOON)], ["2026-01-09"]),
        ([said(YES, 2), said(NO, 5)], ["2026-01-05"]),
        ([said(NO, 5), said(YES, 2, valid_until=SOON)], ["2026-01-05"]),
        ([said(YES, 2), said(NO, 5), said(YES, 7)], ["2026-01-05", "withdrawal"]),
        ([said(YES, 2), said(NO, 1)], ["withdrawal"]),
        ([said(YES, 2), said(NO, 2)], []),
        ([said(YES, 2), said(NO, 5, "training")], ["withdrawal"]),
        ([said(YES, 2), said(OUT, 5, SALE)], ["2026-01-05"]),
        ([said(YES, 2), said(NO, 5, ref=SubjectRef("v1." + "b" * 64))], ["withdrawal"]),
        ([said(YES, 2, legal_basis=LegalBasis.CONTRACT)], []),
        ([said(ConsentStatus.CONFIRMED, 2), said(ConsentStatus.REQUESTED, 3)], []),
    ],
)
def test_which_kantara_receipts_there_are_and_until_when(what: list[ConsentRecord], ends: list[str]) -> None:
    made = kantara_receipts(what, PolicySet(controller=CONTROLLER, purposes=PURPOSES))
    assert [m["services"][0]["purposes"][0]["termination"].partition("T")[0] for m in made] == ends


@pytest.mark.parametrize("words", ["when we no longer need it", "P1Y", "", None, 7, "2025-12-31", "2026-01-01"])
def test_a_receipt_whose_end_nobody_can_tell_is_broken(words: Any) -> None:
    made = kantara(words)
    if words is None:
        del made["services"][0]["purposes"][0]["termination"]
    with pytest.raises(Broken) as caught:
        receipt(made, RULES)
    assert caught.value.key == "termination"


@pytest.mark.parametrize(
    ("words", "until"), [("withdrawal", None), ("Withdrawal", None), ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC))]
)
def test_a_receipt_ends_as_it_says(words: str, until: datetime | None) -> None:
    [told] = receipt(kantara(words), RULES)
    assert told.record.valid_until == until


@pytest.mark.parametrize("state", ["given", "confirmed", "withdrawn"])
def test_a_duration_ends_what_gives_and_nothing_that_forbids(state: str) -> None:
    [told] = receipt(document(event_state=state, validity_duration=86_400), RULES)
    ends = datetime(2026, 1, 2, tzinfo=UTC) if state != "withdrawn" else None
    assert (told.record.status, told.record.valid_until) == (ConsentStatus(state), ends)


def kantara(termination: Any) -> dict[str, Any]:
    purpose = {"purpose": "ads", "consentType": "EXPLICIT", "termination": termination}
    return {
        "consentReceiptID": "1",
        "consentTimestamp": int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        "piiPrincipalId": "v1." + "a" * 64,
        "services": [{"service": "shop", "purposes": [purpose]}],
    }


def document(**event: Any) -> dict[str, Any]:
    said = {"event_time": "2026-01-01", "event_state": "dpv:ConsentGiven"} | event
    purpose = {"purpose": "Letters", "purpose_type": "dpv:Marketing"}
    return {
        "pii_principal_id": "v1." + "a" * 64,
        "pii_processing": {"privacy_notice": "3", "purposes": [purpose]},
        "event": [said],
    }


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("dpv:ConsentGiven", ConsentStatus.GIVEN),
        ("https://w3id.org/dpv#ConsentWithdrawn", ConsentStatus.WITHDRAWN),
        ("RenewedConsentGiven", ConsentStatus.GIVEN),
        ("consent refused", ConsentStatus.REFUSED),
        ("given", ConsentStatus.GIVEN),
    ],
)
def test_states_in_the_words_of_others(state: str, status: ConsentStatus) -> None:
    [told] = receipt(document(event_state=state), RULES)
    assert (told.record.purpose, told.record.status, told.dated) == ("ads", status, False)


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"event_state": "dpv:ConsentUnknown"}, "event_state"),
        ({"event_state": "given", "event_type": "implied"}, "event_type"),
        ({"event_time": None}, "event_time"),
        ({"event_time": "yesterday"}, "valid_from"),
        ({"validity_duration": "long"}, "validity_duration"),
        ({"delible": {"valid_until": "2025-01-01"}}, "valid_until"),
        ({"delible": {"recorded_at": "2026-06-02"}}, "recorded_at"),
        ({"delible": {"more": 1}}, "line"),
        ({"delible": [1]}, "delible"),
    ],
)
def test_events_that_are_none(event: dict[str, Any], key: str) -> None:
    with pytest.raises(Broken) as caught:
        receipt(document(**event), RULES)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"pii_principal_id": "v2." + "a" * 64}, "subject"),
        ({"pii_principal_id": {"shoe_size": "9"}}, "subject"),
        ({"pii_processing": {"privacy_notice": "3", "purposes": [{"purpose": "dpv:Advertising"}]}}, "purpose"),
        (
            {"pii_processing": {"privacy_notice": "3", "purposes": [{"purpose": "ads", "lawful_basis": "whim"}]}},
            "legal_basis",
        ),
        ({"pii_processing": {"purposes": [{"purpose": "ads"}]}}, "missing"),
        ({"event": []}, "receipt"),
        ({"event": "given"}, "receipt"),
    ],
)
def test_documents_that_are_none(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Broken) as caught:
        receipt(document() | change, RULES)
    assert caught.value.code == code
