"""Hostile files of consents: what is broken says nothing, ends nothing but itself, and never becomes a consent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consent_strings import base64
from delible.model.bits import Bits, MalformedString
from delible.model.policy import Controller, Purpose
from delible.model.receipt import EXTENSION
from delible.model.subject import IdentifierKind
from delible.model.terms import LegalBasis
from delible.workflows.consent_files import LONGEST_LINE, Row, rows_of
from delible.workflows.consent_receipts import receipt
from delible.workflows.consent_rows import Broken, RowRules, native

HEADER = b"subject.email,purpose,status,notice_version,valid_from\n"
SOUND = b"a@person.example,ads,given,3,2026-01-01\n"
KEYS = SimpleNamespace(version=1, ref=lambda kind, value, how: f"v1.{'0' * 64}")
CONTROLLER = Controller(
    controller="Fennel & Co",
    contact="privacy@fennel.example",
    subject="customer_id",
    identifiers={"customer_id": IdentifierKind(), "email": IdentifierKind()},
)
PURPOSES = {"ads": Purpose(purpose="ads", description="ads", legal_basis=LegalBasis.CONSENT)}
RULES = RowRules(CONTROLLER, PURPOSES, cast("Any", KEYS), datetime(2026, 6, 1, tzinfo=UTC))
ROW: dict[str, Any] = {
    "subject": {"email": "a@person.example"},
    "purpose": "ads",
    "status": "given",
    "notice_version": "3",
    "valid_from": "2026-01-01T00:00:00Z",
}


def csv_rows(tmp_path: Path, text: bytes) -> list[Row]:
    (tmp_path / "rows.csv").write_bytes(HEADER + text)
    return list(rows_of(str(tmp_path / "rows.csv")))


def test_text_in_a_quoted_cell_never_becomes_a_consent(tmp_path: Path) -> None:
    """After the stray quote, the reader would go on inside of somebody's free text."""
    start = b'b@person.example,"ads" x,"given\n'
    sound, broken = csv_rows(tmp_path, SOUND + start + b"c@person.example,ads,given,3,2026-01-01\n" + b'",3,2026\n')
    assert sound.broken is None
    assert (broken.number, broken.raw, broken.value) == (3, start, None)
    assert broken.broken is not None


def test_a_csv_line_has_the_same_bound_as_a_json_line(tmp_path: Path) -> None:
    tail = b",ads,given,3,2026-01-01\n"
    fits = b"x" * (LONGEST_LINE - len(tail)) + tail
    assert [r.broken for r in csv_rows(tmp_path, fits + SOUND)] == [None, None]
    sound, broken = csv_rows(tmp_path, SOUND + b"x" + fits + SOUND)
    assert (sound.broken, len(broken.raw), broken.value) == (None, LONGEST_LINE, None)


def test_lines_of_a_quoted_cell_count_together(tmp_path: Path) -> None:
    (broken,) = csv_rows(tmp_path, b'"' + b"x\n" * LONGEST_LINE + b'",ads,given,3,2026-01-01\n')
    assert (len(broken.raw), broken.value) == (LONGEST_LINE, None)


def test_line_ends_of_all_kinds_are_line_ends(tmp_path: Path) -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        rows = csv_rows(tmp_path, SOUND.replace(b"\n", end) * 2)
        assert [(r.broken, r.value is not None) for r in rows] == [(None, True)] * 2


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"age": "9" * 5_000}, "age"),
        ({"age": 20, "birth_date": "2001-01-01"}, "age"),
        ({"given_by": []}, "given_by"),
        ({"given_by": {}}, "given_by"),
        ({"given_by": False}, "given_by"),
    ],
)
def test_a_row_that_cannot_be_is_broken_by_itself(change: dict[str, Any], key: str) -> None:
    with pytest.raises(Broken) as broken:
        native(ROW | change, RULES)
    assert broken.value.key == key


def test_what_is_not_said_is_still_allowed() -> None:
    (told,) = native(ROW | {"given_by": None, "age": None, "birth_date": "2001-01-01"}, RULES)
    assert (told.record.given_by.value, told.record.age) == ("data_subject", 25)
    (told,) = native(ROW | {"age": "20"}, RULES)
    assert told.record.age == 20


def document(*, purposes: int = 1, events: int = 1, **event: Any) -> dict[str, Any]:
    said = {"event_time": "2026-01-01T00:00:00Z", "event_state": "given"} | event
    return {
        "pii_principal_id": f"v1.{'0' * 64}",
        "pii_processing": {"privacy_notice": "3", "purposes": [{"purpose": "ads"}] * purposes},
        "event": [said] * events,
    }


def test_a_document_of_a_thousand_statements_is_read_and_one_more_is_not() -> None:
    assert len(receipt(document(purposes=10, events=100), RULES)) == 1_000
    with pytest.raises(Broken, match="1000 statements"):
        receipt(document(purposes=7, events=143), RULES)


def test_a_receipt_of_too_many_purposes_is_broken() -> None:
    service = {"purposes": [{"purpose": "ads", "termination": "until withdrawn"}] * 501}
    kantara = {"consentReceiptID": "1", "consentTimestamp": 1_700_000_000, "piiPrincipalId": f"v1.{'0' * 64}"}
    with pytest.raises(Broken, match="1000 purposes"):
        receipt(kantara | {"services": [service] * 2}, RULES)


@pytest.mark.parametrize(
    "duration", [-1, 0.5, "-1", "1.5", True, float("inf"), float("nan"), "9" * 5_000, [], {}, 1e300]
)
def test_a_duration_that_is_none_is_broken(duration: Any) -> None:
    with pytest.raises(Broken) as broken:
        receipt(document(validity_duration=duration), RULES)
    assert broken.value.key == "validity_duration"


@pytest.mark.parametrize(
    ("duration", "seconds"), [(60, 60), ("60", 60), (60.0, 60), (0, None), ("", None), (None, None)]
)
def test_a_duration_in_whole_seconds_counts(duration: Any, seconds: int | None) -> None:
    (told,) = receipt(document(validity_duration=duration), RULES)
    ends = told.record.valid_until
    assert (None if ends is None else (ends - told.record.valid_from).total_seconds()) == seconds


@pytest.mark.parametrize("given_by", [[], {}])
def test_a_receipt_s_giver_must_be_one(given_by: Any) -> None:
    with pytest.raises(Broken) as broken:
        receipt(json.loads(json.dumps(document(**{EXTENSION: {"given_by": given_by}}))), RULES)
    assert broken.value.key == "given_by"


@pytest.mark.parametrize("bits", ["0" * 30 + "11", "0" * 21 + "1" + "0" * 9 + "11", "10" * 15 + "11"])
def test_a_number_of_more_than_16_bits_ends_the_reading(bits: str) -> None:
    reader = Bits(base64(bits))
    with pytest.raises(MalformedString, match="too large"):
        reader.fibonacci()
    assert reader._at <= 24
