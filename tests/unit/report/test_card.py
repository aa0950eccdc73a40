"""The card of a release: what its gates measured, and that nobody measured a recut."""

from delible.report.card import card
from report_facts import released, said
from report_records import HOSTILE

CONTACT, SAID = "privacy@fennel.example", said()


def test_each_gate_stands_with_its_number_and_its_bound() -> None:
    text = card(released(SAID), contact=CONTACT)
    assert "| k_anonymity | 3 | at least 5 |  |" in text


def test_a_release_without_gates_says_nothing_of_any() -> None:
    assert "had to pass" not in card(released(SAID, gates=()), contact=CONTACT)


def test_a_recut_says_that_its_gates_were_measured_before() -> None:
    text = card(released(SAID, gates=(), version=4, recut_of=3), contact=CONTACT)
    assert "not this recut" in text
    assert "Version 3 has the numbers" in text


def test_what_a_gate_is_about_is_no_markup() -> None:
    (gate,) = released(SAID).gates
    text = card(released(SAID, gates=(gate.model_copy(update={"about": HOSTILE}).model_dump(),)), contact=CONTACT)
    assert HOSTILE not in text
    assert "<script" not in text
