"""A decision holds until the column beneath it is another: by type, by table, or by what scans find in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from delible.decide.pins import Basis, Pinned, contradicted
from delible.model.record import TagFinding
from delible.model.terms import TagState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMAIL, PHONE, NAME = "user.contact.email", "user.contact.phone_number", "user.name"


def said(category: str | None, hits: int = 0, state: TagState = TagState.PROPOSED) -> TagFinding:
    return TagFinding(
        table="t",
        column="c",
        category=category,
        entity=None,
        confidence=0.5,
        sampled=1_000,
        hits=hits,
        bound=0.1,
        evidence=("values",),
        state=state,
        reason="x" if state.pinned else None,
        version=1,
        at=NOW,
    )


BASIS = Basis("t", "c", "int", "made", None, None, 0, 1_000, NOW)
REJECTED, ACCEPTED = TagState.REJECTED, TagState.ACCEPTED


def why(
    pin: TagFinding, then: TagFinding, now: TagFinding | None, *, kind: str | None = "int", source: str | None = "made"
) -> str | None:
    basis = replace(BASIS, category=then.category, hits=then.hits)
    found = contradicted(Pinned(pin, then, now), basis, kind=kind, source=source)
    if kind == "int" and source == "made":
        assert contradicted(Pinned(pin, then, now), None, kind=kind, source=source) == found, "of a former release"
    return found


@pytest.mark.parametrize(
    ("rule", "pin", "then", "now"),
    [
        ("no scan since", said(None, state=REJECTED), said(None), None),
        ("still clean", said(None, state=REJECTED), said(None), said(None)),
        ("the same again", said(EMAIL, 3, REJECTED), said(EMAIL, 3), said(EMAIL, 20)),
        ("fewer", said(EMAIL, 900, REJECTED), said(EMAIL, 900), said(EMAIL, 100)),
        ("accepted, and found", said(EMAIL, 900, ACCEPTED), said(EMAIL, 900), said(EMAIL, 1_000)),
        ("accepted as another, and found as before", said(NAME, 0, ACCEPTED), said(EMAIL, 900), said(EMAIL, 900)),
        ("found as it was accepted", said(NAME, 0, ACCEPTED), said(EMAIL, 900), said("user.name.last", 900)),
        ("accepted, and found no more", said(EMAIL, 900, ACCEPTED), said(EMAIL, 900), said(None)),
    ],
)
def test_a_decision_that_fits(rule: str, pin: TagFinding, then: TagFinding, now: TagFinding | None) -> None:
    assert why(pin, then, now) is None, rule


@pytest.mark.parametrize(
    ("words", "pin", "then", "now"),
    [
        ("a scan since then says e-mail address", said(None, state=REJECTED), said(None), said(EMAIL, 1_000)),
        ("a scan since then says phone number", said(EMAIL, 3, REJECTED), said(EMAIL, 3), said(PHONE, 900)),
        ("a scan since then says phone number", said(EMAIL, 900, ACCEPTED), said(EMAIL, 900), said(PHONE, 900)),
        ("when 3 of 1,000 values looked like e-mail", said(EMAIL, 3, REJECTED), said(EMAIL, 3), said(EMAIL, 900)),
    ],
)
def test_a_decision_that_fits_no_more(words: str, pin: TagFinding, then: TagFinding, now: TagFinding) -> None:
    assert words in (why(pin, then, now) or "")


def test_another_type_or_table_is_another_column() -> None:
    pin, clean = said(None, state=REJECTED), said(None)
    assert why(pin, clean, clean, kind="string") == "its type was int when somebody decided on it, and is string."
    assert why(pin, clean, clean, source="anew") == "the table was made anew since somebody decided on it."
    assert why(pin, clean, None, kind=None, source=None) is None
