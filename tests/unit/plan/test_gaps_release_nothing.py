"""The law of this house about datasets: what nobody has said, described or consented to releases nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.decide.consent import FLAGS, decide
from delible.decide.objection import limits, stands_against
from delible.errors import BlockedError
from delible.model.consent import ConsentRecord
from delible.model.policy import PolicySet, Purpose
from delible.model.request import RefusalGround, Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis, Regime, RequestState, Right, Treatment
from delible.plan.dataset import plan_dataset

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=100)
MAIL, PHONE = (SubjectRef(f"v1.{letter * 64}") for letter in "ab")
CATEGORIES = {
    "id": "user.unique_id",
    "mail": "user.contact.email",
    "health": "user.health_and_medical",
    "place": "user.location",
    "note": "user.content.private",
    "sum": "system.operations",
}
World = tuple[PolicySet, tuple[ConsentRecord, ...], tuple[Request, ...]]
"""What decides: the policies, and one person's consent records and requests."""


def released(world: World, shared: frozenset[SubjectRef], suppressed: bool) -> frozenset[tuple[str, Treatment]]:
    """Return what a dataset lets out of the person's row: columns and treatments, nothing when the row stays out."""
    policies, records, requests = world
    try:
        plan = plan_dataset(policies, "d").plan
    except BlockedError:
        return frozenset()
    purpose = policies.purposes[plan.purpose]
    flags = [reason for r in requests if (reason := stands_against(r, purpose)) is not None]
    decision = decide(
        (MAIL, PHONE),
        records,
        purpose=plan.purpose,
        basis=plan.basis,
        as_of=NOW,
        known_at=NOW,
        flags=[*flags, *([Exclusion.SUPPRESSED] if suppressed else [])],
        shared=shared,
    )
    emptied = plan.sensitive if any(limits(r) for r in requests) else ()
    leaves = [step for step in plan.columns if step.column not in emptied]
    return frozenset((step.column, step.treatment) for step in leaves) if decision.keep else frozenset()


SAID = st.none() | st.booleans()
OFTEN = [LegalBasis.CONTRACT, LegalBasis.CONSENT]
"""Under a contract an objection asks what the purpose says; laws about gaps need such worlds, and many of them."""
TREATMENTS = st.sampled_from([Treatment.KEEP, Treatment.DROP, Treatment.MASK, Treatment.PSEUDONYMISE])
DAYS = st.integers(0, 120).map(lambda n: T0 + timedelta(days=n))


@st.composite
def policy_sets(draw: st.DrawFn) -> PolicySet:
    recipe = draw(st.dictionaries(st.sampled_from(sorted(CATEGORIES)), TREATMENTS, min_size=1))
    unmapped = draw(st.sets(st.sampled_from(sorted(set(CATEGORIES) - {"id"})), max_size=2))
    mapped = CATEGORIES.keys() - unmapped
    purpose: dict[str, Any] = {
        "purpose": "p",
        "description": "P.",
        "legal_basis": draw(st.sampled_from([*OFTEN, *OFTEN, *LegalBasis, None])),
        "direct_marketing": draw(SAID),
        "sells_or_shares": draw(SAID),
    }
    table = {
        "table": "t",
        "path": "w/t",
        "description": "T.",
        "subject": [{"column": "id", "identifies": "id"}],
        "columns": {c: CATEGORIES[c] for c in mapped},
    }
    cut = {"dataset": "d", "description": "D.", "purpose": "p", "source": "t", "columns": recipe}
    return PolicySet.model_validate(
        {
            "controller": {"controller": "C", "contact": "c", "subject": "id", "identifiers": {"id": {}}},
            "purposes": {"p": purpose},
            "tables": {"t": table},
            "datasets": {"d": cut},
        }
    )


RECORDS = st.builds(
    ConsentRecord,
    ref=st.sampled_from([MAIL, PHONE]),
    kind=st.just("email"),
    purpose=st.sampled_from(["p", "p", "other"]),
    status=st.sampled_from(ConsentStatus),
    legal_basis=st.sampled_from([LegalBasis.CONSENT, LegalBasis.CONTRACT]),
    notice_version=st.just("1"),
    valid_from=DAYS,
    valid_until=st.none() | DAYS,
    recorded_at=DAYS,
    source=st.just("form"),
)
REQUESTS = st.builds(
    Request,
    id=st.just("R-20260101-AAAAAA"),
    right=st.sampled_from([Right.OBJECTION, Right.OPT_OUT, Right.LIMIT] * 3 + list(Right)),
    regime=st.sampled_from(Regime),
    state=st.sampled_from([RequestState.RECEIVED, RequestState.COMPLETED] * 4 + list(RequestState)),
    received=st.just(T0),
    due=st.just(T0.date()),
    refs=st.just((MAIL,)),
    submitted_by=st.just("tests"),
    changed=st.just(T0),
    ground=st.none() | st.sampled_from(RefusalGround),
    taken_back=st.sampled_from([None, None, None, T0]),
)
WORLDS = st.tuples(policy_sets(), st.lists(RECORDS, max_size=3).map(tuple), st.lists(REQUESTS, max_size=2).map(tuple))


def _purpose(policies: PolicySet, **changes: Any) -> PolicySet:
    changed: Purpose = policies.purposes["p"].model_copy(update=changes)
    return policies.model_copy(update={"purposes": {"p": changed}})


def without_answer(field: str) -> Callable[[World, Any], World]:
    def gap(world: World, _: Any) -> World:
        return _purpose(world[0], **{field: None}), *world[1:]

    return gap


def without_purpose(world: World, _: Any) -> World:
    return world[0].model_copy(update={"purposes": {}}), *world[1:]


def without_table(world: World, _: Any) -> World:
    return world[0].model_copy(update={"tables": {}}), *world[1:]


def without_column(world: World, data: Any) -> World:
    policies, *rest = world
    table = policies.tables["t"]
    gone = data.draw(st.sets(st.sampled_from(sorted(table.columns)), min_size=1), label="unmapped")
    columns = {c: p for c, p in table.columns.items() if c not in gone}
    mapped = table.model_copy(update={"columns": columns})
    return policies.model_copy(update={"tables": {"t": mapped}}), *rest


def without_consent(world: World, data: Any) -> World:
    """Take away some consents that last; one that has ended is no gap, but an answer that a newer one can give."""
    policies, records, requests = world
    lasting = [r for r in records if _is_given(r) and (r.valid_until is None or r.valid_until > NOW)]
    gone = data.draw(st.lists(st.sampled_from(lasting), max_size=4) if lasting else st.just([]), label="missing")
    return policies, tuple(r for r in records if r not in gone), requests


def without_any_consent(world: World, _: Any) -> World:
    policies, records, requests = world
    return policies, tuple(r for r in records if not _is_given(r)), requests


def _is_given(record: ConsentRecord) -> bool:
    return record.status is ConsentStatus.GIVEN


GAPS: dict[str, Callable[[World, Any], World]] = {
    "a purpose without a legal basis (Art. 6)": without_answer("legal_basis"),
    "a purpose that does not say whether it is direct marketing (Art. 21(2))": without_answer("direct_marketing"),
    "a purpose that does not say whether it sells (1798.120)": without_answer("sells_or_shares"),
    "a purpose that no policy declares (Art. 5(1)(b))": without_purpose,
    "a table that no policy describes": without_table,
    "a column that no policy describes": without_column,
    "a consent that is missing (Art. 7)": without_consent,
    "no consent at all (Art. 7)": without_any_consent,
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
@settings(max_examples=3 * settings().max_examples)
@given(
    world=WORLDS,
    shared=st.sets(st.sampled_from([MAIL, PHONE]), max_size=1),
    suppressed=st.sampled_from([False, False, False, True]),
    data=st.data(),
)
def test_law_adding_a_gap_never_releases_a_row_to_a_dataset(
    gap: Callable[[World, Any], World], world: World, shared: set[SubjectRef], suppressed: bool, data: Any
) -> None:
    frozen = frozenset(shared)
    assert released(gap(world, data), frozen, suppressed) <= released(world, frozen, suppressed)


def test_without_gaps_something_is_released_and_each_gap_that_must_stop_it_does() -> None:
    """The law says nothing if nothing ever leaves."""
    whole = _world(LegalBasis.CONSENT)
    assert released(whole, frozenset(), False) == {("note", Treatment.MASK), ("sum", Treatment.KEEP)}
    stopped = [name for name, gap in GAPS.items() if not released(gap(whole, _All()), frozenset(), False)]
    assert stopped == [name for name in GAPS if "direct marketing" not in name and "sells" not in name]
    assert released(whole, frozenset({MAIL}), False) == released(whole, frozenset(), True) == frozenset()
    assert Exclusion.SUPPRESSED in FLAGS


def _world(basis: LegalBasis) -> World:
    given_: Sequence[ConsentRecord] = [
        ConsentRecord(
            ref=MAIL,
            kind="email",
            purpose="p",
            status=ConsentStatus.GIVEN,
            legal_basis=LegalBasis.CONSENT,
            notice_version="1",
            valid_from=T0,
            recorded_at=T0,
            source="form",
        )
    ]
    policies = PolicySet.model_validate(
        {
            "controller": {"controller": "C", "contact": "c", "subject": "id", "identifiers": {"id": {}}},
            "purposes": {"p": {"purpose": "p", "description": "P.", "legal_basis": basis}},
            "tables": {
                "t": {
                    "table": "t",
                    "path": "w/t",
                    "description": "T.",
                    "subject": [{"column": "id", "identifies": "id"}],
                    "columns": CATEGORIES,
                }
            },
            "datasets": {
                "d": {
                    "dataset": "d",
                    "description": "D.",
                    "purpose": "p",
                    "source": "t",
                    "columns": {"note": "mask", "sum": "keep", "mail": "drop"},
                }
            },
        }
    )
    return policies, tuple(given_), ()


class _All:
    """Stands for drawn data: everything that may be chosen."""

    def draw(self, strategy: Any, label: str) -> Any:
        return CATEGORIES.keys() if label == "unmapped" else _world(LegalBasis.CONSENT)[1]


@pytest.mark.parametrize(
    ("right", "field"), [(Right.OBJECTION, "direct_marketing"), (Right.OPT_OUT, "sells_or_shares")]
)
def test_a_purpose_that_does_not_answer_counts_as_if_it_said_yes_to_who_objects(right: Right, field: str) -> None:
    policies, records, _ = _world(LegalBasis.CONTRACT)
    request = Request(
        id="R-20260101-AAAAAA",
        right=right,
        regime=Regime.CCPA,
        state=RequestState.RECEIVED,
        received=T0,
        due=T0.date(),
        refs=(MAIL,),
        submitted_by="tests",
        changed=T0,
    )
    whole = _purpose(policies, direct_marketing=False, sells_or_shares=False), records, (request,)
    assert released(whole, frozenset(), False)
    assert not released(without_answer(field)(whole, None), frozenset(), False)
