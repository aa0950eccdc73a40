"""What a purpose's terms add to the consent rules, as tables: each row is named after the rule and its article."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from delible.decide.consent import judge
from delible.decide.consent_explain import explain
from delible.decide.consent_rules import Rule, Standing
from delible.decide.consent_statements import Question
from delible.model.consent import SALE, ConsentRecord
from delible.model.consent_terms import AgeRule, ConsentTerms, NoticeTerms
from delible.model.duration import Duration
from delible.model.policy import Purpose
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, Exclusion, LegalBasis

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MAIL, PHONE = (SubjectRef(f"v1.{letter * 64}") for letter in "ab")
S, E, P = ConsentStatus, Exclusion, ConsentGiver.PARENT
TICK = timedelta(microseconds=1)


def said(status: ConsentStatus, at: str, **more: Any) -> ConsentRecord:
    start = datetime.fromisoformat(at).replace(tzinfo=UTC)
    fields = {"ref": MAIL, "kind": "email", "purpose": "ads", "status": status, "legal_basis": LegalBasis.CONSENT}
    times = {"valid_from": start, "recorded_at": start}
    return ConsentRecord.model_validate(fields | times | {"notice_version": "1", "source": "form"} | more)


def given(at: str, **more: Any) -> ConsentRecord:
    return said(S.GIVEN, at, **more)


def ask(terms: ConsentTerms, **more: Any) -> Question:
    asked = Question("ads", LegalBasis.CONSENT, as_of=NOW, known_at=NOW, terms=terms, sale=False)
    return replace(asked, **more)


def decided(records: list[ConsentRecord], question: Question, **more: Any) -> tuple[Exclusion | None, Rule]:
    forwards = judge([MAIL, PHONE], records, question, **more)
    backwards = judge([MAIL, PHONE], records[::-1], question, **more)
    assert (forwards.keep, forwards.reason) == (backwards.keep, backwards.reason)
    assert forwards.keep == (forwards.reason is None)
    return forwards.reason, forwards.rule


TWICE = ConsentTerms(double_opt_in=True)
WITHIN = ConsentTerms(double_opt_in=True, confirm_within=Duration("P7D"))
YEAR = ConsentTerms(lasts=Duration("P1Y"))
NOTICES = ConsentTerms(
    lasts=Duration("P2Y"),
    notices={
        "1": NoticeTerms(ends=date(2026, 5, 31)),
        "2": NoticeTerms(ends=date(2026, 6, 1)),
        "3": NoticeTerms(lasts=Duration("P1M")),
    },
)
SIXTEEN = ConsentTerms.model_validate({"age": 16})
BY_LAND = ConsentTerms(ages_in={"DE": AgeRule(parental_below=16), "AT": AgeRule(parental_below=14)})
CCPA = ConsentTerms(age=AgeRule(parental_below=13, opt_in_below=16), opt_out_in=("US-CA",))
US = ConsentTerms(opt_out_in=("US",))
CONFIRMED = said(S.CONFIRMED, "2026-05-02")
FACT = S.REQUESTED


@pytest.mark.parametrize(
    ("rule", "terms", "records", "reason", "by"),
    [
        ("Art. 7(1): given and not confirmed", TWICE, [given("2026-05-01")], E.UNCONFIRMED, Rule.UNCONFIRMED),
        ("Art. 7(1): confirmed", TWICE, [given("2026-05-01"), CONFIRMED], None, Rule.CONFIRMED),
        ("Art. 7(1): confirmed at the same instant", TWICE, [given("2026-05-02"), CONFIRMED], None, Rule.CONFIRMED),
        ("Art. 7(1): a confirmation of nothing", TWICE, [CONFIRMED], E.NO_CONSENT, Rule.NO_STATEMENT),
        (
            "Art. 7(1): confirmed before it was given",
            TWICE,
            [given("2026-05-03"), CONFIRMED],
            E.UNCONFIRMED,
            Rule.UNCONFIRMED,
        ),
        (
            "Art. 7(3): withdrawn before the confirmation",
            TWICE,
            [given("2026-05-01"), said(S.WITHDRAWN, "2026-05-01"), CONFIRMED],
            E.WITHDRAWN,
            Rule.WITHDRAWN,
        ),
        (
            "Art. 7(3): withdrawn after the confirmation",
            TWICE,
            [given("2026-05-01"), CONFIRMED, said(S.WITHDRAWN, "2026-05-03")],
            E.WITHDRAWN,
            Rule.WITHDRAWN,
        ),
        (
            "Art. 7(3): given again after the withdrawal, and confirmed",
            TWICE,
            [said(S.WITHDRAWN, "2026-04-30"), given("2026-05-01"), CONFIRMED],
            None,
            Rule.CONFIRMED,
        ),
        (
            "Art. 7(1): a later unconfirmed consent takes nothing away",
            TWICE,
            [given("2026-05-01"), CONFIRMED, given("2026-05-09")],
            None,
            Rule.CONFIRMED,
        ),
        (
            "Art. 7(1): the confirmation of a contract",
            TWICE,
            [given("2026-05-01"), CONFIRMED.model_copy(update={"legal_basis": LegalBasis.CONTRACT})],
            E.UNCONFIRMED,
            Rule.UNCONFIRMED,
        ),
        ("Art. 7(1): confirmed on the last day", WITHIN, [given("2026-04-25"), CONFIRMED], None, Rule.CONFIRMED),
        ("Art. 7(1): confirmed too late", WITHIN, [given("2026-04-24"), CONFIRMED], E.UNCONFIRMED, Rule.UNCONFIRMED),
        (
            "Art. 7(1): what ended cannot be confirmed",
            TWICE,
            [given("2026-05-01", valid_until=CONFIRMED.valid_from), CONFIRMED],
            E.UNCONFIRMED,
            Rule.UNCONFIRMED,
        ),
        (
            "Art. 7(1): it ends when what was given ends",
            TWICE,
            [given("2026-05-01", valid_until=NOW), CONFIRMED],
            E.EXPIRED,
            Rule.EXPIRED,
        ),
        (
            "Art. 7(1): without double opt-in a confirmation is none",
            ConsentTerms(),
            [CONFIRMED],
            E.NO_CONSENT,
            Rule.NO_STATEMENT,
        ),
        ("Art. 5(1)(e): the last microsecond of a year", YEAR, [given("2025-06-01T00:00:00.000001")], None, Rule.GIVEN),
        ("Art. 5(1)(e): a year to the instant", YEAR, [given("2025-06-01")], E.EXPIRED, Rule.EXPIRED),
        (
            "Art. 5(1)(e): valid_until comes first",
            YEAR,
            [given("2026-05-01", valid_until=NOW)],
            E.EXPIRED,
            Rule.EXPIRED,
        ),
        ("Art. 5(1)(e): a notice that ended yesterday", NOTICES, [given("2026-05-01")], E.EXPIRED, Rule.EXPIRED),
        (
            "Art. 5(1)(e): a notice that ends today",
            NOTICES,
            [given("2026-05-01", notice_version="2")],
            None,
            Rule.GIVEN,
        ),
        (
            "Art. 5(1)(e): a notice's own period",
            NOTICES,
            [given("2026-05-01", notice_version="3")],
            E.EXPIRED,
            Rule.EXPIRED,
        ),
        ("Art. 5(1)(e): any other notice", NOTICES, [given("2026-05-01", notice_version="4")], None, Rule.GIVEN),
        ("Art. 8(1): a child's own consent", SIXTEEN, [given("2026-05-01", age=15)], E.MINOR, Rule.MINOR),
        ("Art. 8(1): a parent's consent", SIXTEEN, [given("2026-05-01", age=15, given_by=P)], None, Rule.PARENTAL),
        (
            "Art. 8(1): a parent's consent that the child repeats",
            SIXTEEN,
            [given("2026-05-01", given_by=P), given("2026-05-02", age=15)],
            None,
            Rule.PARENTAL,
        ),
        (
            "Art. 7(3): a child withdraws alone",
            SIXTEEN,
            [given("2026-05-01", age=15, given_by=P), said(S.WITHDRAWN, "2026-05-02")],
            E.WITHDRAWN,
            Rule.WITHDRAWN,
        ),
        ("Art. 8(1): of age on the day", SIXTEEN, [given("2026-05-01", age=16)], None, Rule.GIVEN),
        ("Art. 8(1): of age since", SIXTEEN, [given("2025-06-01", age=15)], None, Rule.GIVEN),
        ("Art. 8(1): of age tomorrow", SIXTEEN, [given("2025-06-02", age=15)], E.MINOR, Rule.MINOR),
        ("Art. 8(2): of unknown age", SIXTEEN, [given("2026-05-01")], E.AGE_UNKNOWN, Rule.AGE_UNKNOWN),
        ("Art. 8(1): of unknown age, with a parent", SIXTEEN, [given("2026-05-01", given_by=P)], None, Rule.PARENTAL),
        (
            "Art. 8(2): the age is a fact of the person, not of the purpose",
            SIXTEEN,
            [given("2026-05-01"), said(FACT, "2026-01-01", purpose="shop", age=30)],
            None,
            Rule.GIVEN,
        ),
        (
            "Art. 8(2): the latest age counts",
            SIXTEEN,
            [given("2026-05-01", age=12), said(FACT, "2026-05-02", age=30)],
            None,
            Rule.GIVEN,
        ),
        (
            "Art. 8(2): of two ages of one instant the younger",
            SIXTEEN,
            [given("2026-05-01", age=12), said(FACT, "2026-05-01", age=30)],
            E.MINOR,
            Rule.MINOR,
        ),
        (
            "Art. 8(1): Austria's age in Austria",
            BY_LAND,
            [given("2026-05-01", age=14, jurisdiction="AT")],
            None,
            Rule.GIVEN,
        ),
        (
            "Art. 8(1): Germany's age in Germany",
            BY_LAND,
            [given("2026-05-01", age=14, jurisdiction="DE")],
            E.MINOR,
            Rule.MINOR,
        ),
        (
            "Art. 8(1): no rule where none is declared",
            BY_LAND,
            [given("2026-05-01", jurisdiction="FR")],
            None,
            Rule.GIVEN,
        ),
        ("Art. 8(1): the highest age in an unknown place", BY_LAND, [given("2026-05-01", age=15)], E.MINOR, Rule.MINOR),
        (
            "1798.120(a): silence in California",
            CCPA,
            [said(FACT, "2026-05-01", jurisdiction="US-CA", age=30)],
            None,
            Rule.OPT_OUT_REGIME,
        ),
        (
            "1798.120(a): expiry in California",
            CCPA,
            [given("2026-05-01", jurisdiction="US-CA", age=30, valid_until=NOW)],
            None,
            Rule.OPT_OUT_REGIME,
        ),
        (
            "1798.120(a): refusal in California",
            CCPA,
            [said(S.REFUSED, "2026-05-01", jurisdiction="US-CA", age=30)],
            E.NO_CONSENT,
            Rule.REFUSED,
        ),
        (
            "1798.120(c): silence of a teenager",
            CCPA,
            [said(FACT, "2026-05-01", jurisdiction="US-CA", age=14)],
            E.MINOR,
            Rule.MINOR,
        ),
        (
            "1798.120(c): consent of a teenager",
            CCPA,
            [given("2026-05-01", jurisdiction="US-CA", age=14)],
            None,
            Rule.GIVEN,
        ),
        (
            "1798.120(c): consent of a child",
            CCPA,
            [given("2026-05-01", jurisdiction="US-CA", age=12)],
            E.MINOR,
            Rule.MINOR,
        ),
        (
            "1798.120(c): silence at an unknown age",
            CCPA,
            [said(FACT, "2026-05-01", jurisdiction="US-CA")],
            E.AGE_UNKNOWN,
            Rule.AGE_UNKNOWN,
        ),
        (
            "Art. 6(1)(a): silence elsewhere",
            CCPA,
            [said(FACT, "2026-05-01", jurisdiction="DE", age=30)],
            E.NO_CONSENT,
            Rule.NO_STATEMENT,
        ),
        (
            "gap: silence in an unknown place",
            CCPA,
            [said(FACT, "2026-05-01", age=30)],
            E.JURISDICTION_UNKNOWN,
            Rule.JURISDICTION_UNKNOWN,
        ),
        (
            "1798.120(a): a country's rule counts in its states",
            US,
            [said(FACT, "2026-05-01", jurisdiction="US-NY")],
            None,
            Rule.OPT_OUT_REGIME,
        ),
        (
            "1798.120(a): of two places of one instant the stricter",
            US,
            [said(FACT, "2026-05-01", jurisdiction="US-NY"), said(FACT, "2026-05-01", jurisdiction="DE")],
            E.NO_CONSENT,
            Rule.NO_STATEMENT,
        ),
        (
            "1798.120(a): who moved away",
            US,
            [said(FACT, "2026-05-01", jurisdiction="US-NY"), said(FACT, "2026-05-02", jurisdiction="DE")],
            E.NO_CONSENT,
            Rule.NO_STATEMENT,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms(
    rule: str, terms: ConsentTerms, records: list[ConsentRecord], reason: Exclusion | None, by: Rule
) -> None:
    assert decided(records, ask(terms)) == (reason, by)


@pytest.mark.parametrize(
    ("rule", "sale", "records", "reason"),
    [
        (
            "1798.135(e): a signal for a purpose that sells",
            True,
            [said(S.OPTED_OUT, "2026-05-02", purpose=SALE)],
            E.OPTED_OUT,
        ),
        ("1798.135(e): a signal for one that does not", False, [said(S.OPTED_OUT, "2026-05-02", purpose=SALE)], None),
        ("1798.120: an opt-out of this very purpose", False, [said(S.OPTED_OUT, "2026-05-02")], E.OPTED_OUT),
        (
            "11 CCR 7025(c): a consent before the signal",
            True,
            [said(S.OPTED_OUT, "2026-05-02", purpose=SALE), given("2026-05-01")],
            E.OPTED_OUT,
        ),
        (
            "11 CCR 7025(c): a consent after the signal",
            True,
            [said(S.OPTED_OUT, "2026-05-02", purpose=SALE), given("2026-05-03")],
            None,
        ),
        ("1798.120: a consent to all sale is none to this", True, [given("2026-05-01", purpose=SALE)], None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("basis", [b for b in LegalBasis if b is not LegalBasis.CONSENT])
def test_opt_outs_of_sale(
    rule: str, sale: bool, records: list[ConsentRecord], reason: Exclusion | None, basis: LegalBasis
) -> None:
    assert decided(records, ask(ConsentTerms(), sale=sale, basis=basis))[0] == reason
    silent = E.NO_CONSENT if not any(r.status is S.GIVEN and r.purpose == "ads" for r in records) else None
    assert decided(records, ask(ConsentTerms(), sale=sale))[0] == (reason or silent)


def test_art_6_a_child_is_left_out_on_any_basis_and_silence_of_age_too() -> None:
    other = ask(SIXTEEN, basis=LegalBasis.LEGITIMATE_INTERESTS)
    assert decided([said(FACT, "2026-05-01", age=15)], other) == (E.MINOR, Rule.MINOR)
    assert decided([said(FACT, "2026-05-01", age=16)], other) == (None, Rule.OTHER_BASIS)
    assert decided([], other) == (E.AGE_UNKNOWN, Rule.AGE_UNKNOWN)


def test_art_7_1_shared_identifiers_tell_neither_age_nor_place() -> None:
    fact = said(FACT, "2026-05-01", ref=PHONE, age=30, jurisdiction="US-CA")
    assert decided([fact], ask(CCPA)) == (None, Rule.OPT_OUT_REGIME)
    assert decided([fact], ask(CCPA), shared=[PHONE]) == (E.JURISDICTION_UNKNOWN, Rule.JURISDICTION_UNKNOWN)
    twice = [given("2026-05-01"), said(S.CONFIRMED, "2026-05-02", ref=PHONE)]
    assert decided(twice, ask(TWICE)) == (None, Rule.CONFIRMED)
    assert decided(twice, ask(TWICE), shared=[PHONE]) == (E.UNCONFIRMED, Rule.UNCONFIRMED)


def test_art_7_1_as_we_knew_it_the_confirmation_had_not_come() -> None:
    late = CONFIRMED.model_copy(update={"recorded_at": NOW + TICK})
    assert decided([given("2026-05-01"), late], ask(TWICE))[0] is E.UNCONFIRMED
    assert decided([given("2026-05-01"), late], ask(TWICE, known_at=NOW + TICK))[0] is None


def test_what_a_policy_does_not_say_of_sale_counts_as_sale() -> None:
    signal = said(S.OPTED_OUT, "2026-05-02", purpose=SALE)
    for said_of_it, reason in ((None, E.OPTED_OUT), (True, E.OPTED_OUT), (False, None)):
        purpose = Purpose(purpose="ads", description="ads", legal_basis=LegalBasis.CONTRACT, sells_or_shares=said_of_it)
        question = Question.of(purpose, LegalBasis.CONTRACT, as_of=NOW, known_at=NOW)
        assert judge([MAIL], [signal], question).reason is reason


def test_every_record_is_explained() -> None:
    records = [
        given("2026-05-01", given_by=P, age=15),
        said(S.CONFIRMED, "2026-05-02", given_by=P),
        given("2026-05-03"),
        said(S.REQUESTED, "2026-05-04"),
        said(S.CONFIRMED, "2026-05-05", ref=PHONE),
        said(S.WITHDRAWN, "2026-04-01"),
        said(S.WITHDRAWN, "2027-04-01", recorded_at=NOW),
        said(S.WITHDRAWN, "2026-05-20", recorded_at=NOW + TICK),
        given("2026-03-01", legal_basis=LegalBasis.CONTRACT),
        given("2026-05-06", purpose="other"),
    ]
    found = explain([MAIL, PHONE], records, ask(SIXTEEN.model_copy(update={"double_opt_in": True})), shared=[PHONE])
    assert (found.decision.keep, found.decision.rule) == (True, Rule.PARENTAL)
    assert (found.person.age, found.person.parental_below) == (15, 16)
    assert {(r.valid_from.date().isoformat(), why) for r, why in found.records} == {
        ("2026-03-01", Standing.OTHER_GROUND),
        ("2026-04-01", Standing.EARLIER),
        ("2026-05-01", Standing.CONFIRMED),
        ("2026-05-02", Standing.DECIDES),
        ("2026-05-03", Standing.NOT_CONFIRMED),
        ("2026-05-04", Standing.QUESTION),
        ("2026-05-05", Standing.SHARED),
        ("2026-05-20", Standing.NOT_KNOWN),
        ("2027-04-01", Standing.NOT_BEGUN),
    }
    child = explain([MAIL], [given("2026-05-01", age=15)], ask(SIXTEEN))
    assert [why for _, why in child.records] == [Standing.CHILDS_OWN]
    erased = explain([MAIL], [given("2026-05-01")], ask(ConsentTerms()), flags=[E.SUPPRESSED])
    assert (erased.decision.rule, [why for _, why in erased.records]) == (Rule.SUPPRESSED, [Standing.COUNTS])


@pytest.mark.parametrize(
    "terms",
    [
        {"confirm_within": "P7D"},
        {"notices": {"1": {}}},
        {"age": 0},
        {"ages_in": {"Germany": 16}},
        {"opt_out_in": ["california"]},
        {"lasts": "one year"},
    ],
)
def test_terms_that_say_nothing_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConsentTerms.model_validate(terms)
