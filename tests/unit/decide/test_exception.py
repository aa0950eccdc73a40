"""Exceptions from erasure (GDPR Art. 17(3); Cal. Civ. Code 1798.105(d)): what stays of a row, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.exception import Covering, acting, due_again, fate, kept_part, kept_until, protects, still_kept
from delible.decide.policy import check
from delible.decide.policy_case import run_case
from delible.model.exception import ARTICLES, ErasureException, ExceptionBasis
from delible.model.policy import PolicySet, TablePolicy
from delible.model.policy_case import PolicyCase
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import ColumnErasure, ErasureAction, Regime, RequestState, Right
from delible.plan.policy_diff import erasure_changes

TODAY = date(2026, 11, 24)
COLUMNS = ("customer_id", "email", "amount", "note")
GDPR, CCPA = Regime.GDPR, Regime.CCPA
A = ErasureAction


def table(**erasure: Any) -> TablePolicy:
    return TablePolicy.model_validate(
        {
            "table": "invoices",
            "path": "w/invoices",
            "description": "Invoices.",
            "purposes": ["sales"],
            "subject": [
                {"column": "customer_id", "identifies": "customer_id"},
                {"column": "email", "identifies": "email"},
            ],
            "columns": {
                "customer_id": "user.unique_id.pseudonymous",
                "email": "user.contact.email",
                "amount": "user.financial",
                "note": "user.content.private",
            },
            "erasure": erasure,
        }
    )


def exception(**own: Any) -> ErasureException:
    given = {
        "exception": "tax",
        "table": "invoices",
        "columns": ["customer_id", "amount"],
        "basis": "legal_obligation",
        "owner": "finance",
        "until": "2030-12-31",
        "reason": "AO § 147.",
    }
    return ErasureException.model_validate(given | own)


DELETE = table()
TREAT = table(action="treat_columns", columns={"email": "mask", "note": None}, reason="Statistics.")
NULL, MASK = ColumnErasure.NULL, ColumnErasure.MASK
TAX, WHOLE = exception(), exception(exception="whole", columns=[])
NOTE = exception(exception="note", columns=["note", "customer_id"])
FATES: dict[str, Any] = {
    "nothing covers: the row goes": (DELETE, [], {GDPR}, A.DELETE_ROW, {}, ()),
    "some columns: the rest becomes empty": (DELETE, [TAX], {GDPR}, A.TREAT_COLUMNS, {"email": NULL, "note": NULL},
                                             ("tax",)),
    "two exceptions keep what both name": (DELETE, [TAX, NOTE], {GDPR}, A.TREAT_COLUMNS, {"email": NULL},
                                           ("note", "tax")),
    "without columns the whole row": (DELETE, [WHOLE], {CCPA}, A.KEEP, {}, ("whole",)),
    "a treated table keeps its own treatments": (TREAT, [NOTE], {GDPR}, A.TREAT_COLUMNS, {"email": MASK}, ("note",)),
    "what a treatment leaves needs no exception": (TREAT, [TAX], {GDPR}, A.TREAT_COLUMNS,
                                                   {"email": MASK, "note": NULL}, ()),
    "another law's request is not bound": (DELETE, [exception(regimes=["gdpr"])], {CCPA}, A.DELETE_ROW, {}, ()),
    "a row that both laws reach goes": (DELETE, [exception(regimes=["gdpr"])], {GDPR, CCPA}, A.DELETE_ROW, {}, ()),
    "the last day counts": (DELETE, [exception(until=str(TODAY), columns=[])], {GDPR}, A.KEEP, {}, ("tax",)),
    "the day after protects nothing": (DELETE, [exception(until="2026-11-23")], {GDPR}, A.DELETE_ROW, {}, ()),
}  # fmt: skip


@pytest.mark.parametrize(("of", "by", "laws", "action", "columns", "names"), FATES.values(), ids=FATES)
def test_art_17_3_what_stays_of_a_row(of, by, laws, action, columns, names) -> None:
    found = fate(of, [Covering(e) for e in by], regimes=laws, today=TODAY, columns=COLUMNS)
    assert (found.action, dict(found.columns), found.by) == (action, columns, names)


@pytest.mark.parametrize(("covers", "action"), [(True, A.KEEP), (None, A.KEEP), (False, A.DELETE_ROW)])
def test_a_condition_that_is_not_known_keeps(covers: bool | None, action: ErasureAction) -> None:
    found = fate(DELETE, [Covering(WHOLE, covers)], regimes={GDPR}, today=TODAY, columns=COLUMNS)
    assert found.action is action


GROUNDS = {
    (GDPR, "free_expression"): "Art. 17(3)(a)",
    (GDPR, "legal_obligation"): "Art. 17(3)(b)",
    (GDPR, "public_health"): "Art. 17(3)(c)",
    (GDPR, "research"): "Art. 17(3)(d)",
    (GDPR, "legal_claims"): "Art. 17(3)(e)",
    **{
        (CCPA, basis): f"§1798.105(d)({number})"
        for number, basis in enumerate(
            ("transaction", "security", "debugging", "free_expression", "calecpa", "research", "internal_use",
             "legal_obligation"),
            start=1,
        )
    },
    (CCPA, "legal_claims"): "§1798.145(a)(1)(E)",
}  # fmt: skip


@pytest.mark.parametrize("law", Regime)
@pytest.mark.parametrize("basis", ExceptionBasis)
def test_each_law_knows_its_own_grounds_and_no_other(law: Regime, basis: ExceptionBasis) -> None:
    article = GROUNDS.get((law, basis.value))
    assert (ARTICLES.get((law, basis), "").removeprefix("GDPR ").removeprefix("Cal. Civ. Code ") or None) == article
    assert protects(exception(basis=basis), {law}, TODAY) is (article is not None)


exceptions = st.builds(
    exception,
    until=st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    columns=st.sampled_from([[], ["customer_id", "amount"], ["email"], ["note", "email"]]),
    regimes=st.sampled_from([[], ["gdpr"], ["ccpa"]]),
)
days = st.dates(date(2026, 1, 1), date(2028, 1, 1))


@given(exceptions, st.timedeltas(timedelta(0), timedelta(days=900)), days, st.sampled_from([{GDPR}, {CCPA}]),
       st.sampled_from([DELETE, TREAT]), st.lists(exceptions, max_size=2))  # fmt: skip
def test_a_longer_exception_never_makes_anything_erasable_earlier(one, longer, today, laws, of, others) -> None:
    """Nor does another exception beside it, or a day before."""

    def erased(*by: ErasureException, on: date = today) -> set[str]:
        found = fate(of, [Covering(e) for e in by], regimes=laws, today=on, columns=COLUMNS)
        return {c for c in COLUMNS if found.erases(c)}

    prolonged = one.model_copy(update={"until": one.until + longer})
    assert erased(prolonged, *others) <= erased(one, *others) <= erased(*others)
    assert erased(one, on=today) <= erased(one, on=today + longer)


def request(*, kept: tuple = (), state: RequestState = RequestState.PARTLY_COMPLETED) -> Request:
    return Request(
        id="R-1",
        right=Right.ERASURE,
        regime=GDPR,
        state=state,
        received=datetime(2026, 11, 1, tzinfo=UTC),
        due=date(2026, 12, 1),
        refs=(SubjectRef("v1.a"),),
        submitted_by="desk",
        changed=datetime(2026, 11, 1, tzinfo=UTC),
        kept=kept,
    )


PART = kept_part(TAX, GDPR, 1)
STILL: dict[str, Any] = {
    "while it lasts": (TAX, date(2030, 12, 31), True),
    "not from the day after": (TAX, date(2031, 1, 1), False),
    "longer when it is prolonged": (exception(until="2040-01-01"), date(2031, 1, 1), True),
    "shorter when it is shortened": (exception(until="2026-12-01"), date(2026, 12, 2), False),
    "not when it is taken out": (None, TODAY, False),
    "not when it protects another table": (exception(table="orders"), TODAY, False),
}


@pytest.mark.parametrize(("now", "today", "kept"), STILL.values(), ids=STILL)
def test_a_request_is_due_again_when_its_exception_is_over(now, today, kept) -> None:
    known = {now.exception: now} if now is not None else {}
    assert still_kept(request(kept=(PART,)), known, today) is kept


def test_the_day_on_which_what_is_kept_becomes_due_is_the_first_that_nothing_protects() -> None:
    other = kept_part(exception(exception="x", until="2028-06-30"), GDPR, 2)
    assert kept_until((PART, other)) == date(2028, 6, 30)
    assert due_again(request(kept=(PART, other))) == date(2028, 7, 1)
    assert due_again(request()) is None
    assert due_again(request(kept=(PART,), state=RequestState.COMPLETED)) is None
    assert not still_kept(request(), {}, TODAY)  # residue, not an exception: tried again at once


def policy_set(*own: ErasureException, of: TablePolicy = DELETE) -> PolicySet:
    return PolicySet.model_validate(
        {
            "controller": {
                "controller": "S",
                "contact": "c",
                "subject": "customer_id",
                "identifiers": {"customer_id": {"distinctive": False}, "email": {}},
            },
            "purposes": {"sales": {"purpose": "sales", "description": "s", "legal_basis": "contract"}},
            "tables": {"invoices": of},
            "exceptions": {e.exception: e for e in own},
        }
    )


FINDINGS: dict[str, Any] = {
    "sound": (TAX, DELETE, []),
    "expired": (exception(until="2026-11-23"), DELETE, ["policy.exception_expired"]),
    "unknown table": (exception(table="bills"), DELETE, ["policy.unknown_reference"]),
    "unknown column": (exception(columns=["customer_id", "amonut"]), DELETE, ["policy.unknown_column"]),
    "identifies directly": (exception(columns=["customer_id", "email"]), DELETE, ["policy.exception_identifying"]),
    "identifies directly, with the need": (
        exception(columns=["customer_id", "email"], identifying="Letters are sent."), DELETE, []),
    "the only way to the person": (exception(columns=["email", "amount"]), DELETE, []),
    "a whole row": (WHOLE, DELETE, ["policy.exception_identifying"]),
    "cannot be found again": (exception(columns=["amount"]), DELETE, ["policy.exception_unreachable"]),
    "a basis of another law": (exception(basis="debugging", regimes=["gdpr"]), DELETE, ["policy.exception_basis"]),
    "keeps what no erasure takes": (TAX, TREAT, ["policy.exception_idle"]),
}  # fmt: skip


@pytest.mark.parametrize(("one", "of", "codes"), FINDINGS.values(), ids=FINDINGS)
def test_policy_check_of_exceptions(one: ErasureException, of: TablePolicy, codes: list[str]) -> None:
    found = check(policy_set(one, of=of), today=TODAY)
    assert [f.code for f in (*found.violations, *found.gaps) if f.path[0] == "exceptions"] == codes


def test_an_expired_exception_is_nothing_to_those_who_do_not_ask_for_the_day() -> None:
    """So that it stops no erasure: it becomes due because of it."""
    assert not check(policy_set(exception(until="2026-11-23"))).violations
    assert acting({"tax": exception(until="2026-11-23")}, DELETE, TODAY) == ()


def test_exceptions_are_part_of_the_fingerprint() -> None:
    prints = {policy_set(*own).fingerprint for own in ((), (TAX,), (exception(until="2031-12-31"),))}
    assert len(prints) == 3


CHANGES: dict[str, Any] = {
    "added": ((), (TAX,), [False]),
    "taken out": ((TAX,), (), [True]),
    "prolonged": ((TAX,), (exception(until="2031-12-31"),), [False]),
    "shortened": ((TAX,), (exception(until="2029-12-31"),), [True]),
    "of other columns": ((TAX,), (exception(columns=["customer_id"]),), [True]),
    "reworded": ((TAX,), (exception(reason="The same law."),), []),
}


@pytest.mark.parametrize(("before", "after", "stricter"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_lets_an_erasure_take_more_is_said_to(before, after, stricter) -> None:
    assert [c.stricter for c in erasure_changes(policy_set(*before), policy_set(*after))] == stricter


def test_a_policy_test_says_what_an_erasure_leaves_of_a_row() -> None:
    case = {
        "test": "invoices",
        "now": "2026-11-24T12:00:00Z",
        "rows": {"invoices": [{"customer_id": 1, "email": "a@x.example", "amount": 5, "note": "n"}] * 2},
        "expect": {
            "erasure": [
                {"who": {"customer_id": 1}, "table": "invoices", "row": 1, "action": "treat_columns",
                 "kept": ["customer_id", "amount"]},
                {"who": {"customer_id": 1}, "table": "invoices", "row": 2, "action": "delete_row", "regime": "ccpa"},
            ]
        },
    }  # fmt: skip
    found = run_case(policy_set(exception(regimes=["gdpr"], where="amount > 1")), PolicyCase.model_validate(case))
    assert [(o.passed, o.found) for o in found] == [
        (True, "treat_columns ['amount', 'customer_id']"),
        (True, "delete_row"),
    ]
