"""Thresholds per type; a phone number in bare digits needs a context word."""

import pytest

from delible.detect.entities import THRESHOLDS, believed


@pytest.mark.parametrize(
    ("entity", "spelled", "score", "is_believed"),
    [
        ("EMAIL_ADDRESS", "x@y.example", 0.5, True),
        ("EMAIL_ADDRESS", "x@y.example", 0.4, False),
        ("US_SSN", "219099998", 0.4, True),
        ("US_SSN", "219099998", 0.05, False),
        ("PHONE_NUMBER", "(503) 555-0142", 0.4, True),
        ("PHONE_NUMBER", "+15035550142", 0.4, True),
        ("PHONE_NUMBER", "0171/39200123", 0.4, True),
        ("PHONE_NUMBER", "07700900123", 0.4, True),
        ("PHONE_NUMBER", "503-555-0142 x204", 0.4, True),
        ("PHONE_NUMBER", "5035550142", 0.4, False),
        ("PHONE_NUMBER", "5035550142", 0.75, True),
        ("PHONE_NUMBER", "20240318-77", 0.4, False),
        ("PHONE_NUMBER", "164.512", 0.75, False),
        ("PHONE_NUMBER", "4111 1111 1111 1112", 0.75, False),
        ("PHONE_NUMBER", "(503) 555-0142", 0.3, False),
    ],
)
def test_what_is_believed(entity, spelled, score, is_believed):
    assert believed(entity, spelled, score, THRESHOLDS) is is_believed
