"""What records of processing activities say beyond what the other policies know (GDPR Art. 30), and where data may go.

All of it is optional in policies: what nobody has said is shown as missing in the records, and changes no decision.
"""

from __future__ import annotations

from pydantic import Field

from delible.model.base import Frozen, Name, Text

EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""Where a disclosure is no transfer to a third country (Chapter V): the EU with Iceland, Liechtenstein and Norway.

As of 2026-01-01. An adequacy decision (Art. 45) makes a transfer lawful, and it stays one: `safeguards` names it.
"""


class Engagement(Frozen):
    """Processing for another controller, in which this one is the processor (Art. 30(2)).

    Args:
        controller, contact: On whose behalf.
        representative, data_protection_officer: The other controller's, with contact.
        processing: Categories of processing carried out for it.
        recipients: Whom its data is disclosed to, by the names of recipient policies.
    """

    controller: Text
    contact: Text
    representative: Text | None = None
    data_protection_officer: Text | None = None
    processing: tuple[Text, ...] = Field(min_length=1)
    recipients: tuple[Name, ...] = ()


class ProcessingRecords(Frozen):
    """The parts of Art. 30 that only the controller knows.

    Args:
        data_protection_officer, representative: Name and contact (Art. 37, 27); `none` where there need not be one.
        joint_controllers: Names and contacts (Art. 26).
        measures: Technical and organisational measures (Art. 32(1)), in general words.
        acts_for: What is processed for others.
    """

    data_protection_officer: Text | None = None
    representative: Text | None = None
    joint_controllers: tuple[Text, ...] = ()
    measures: tuple[Text, ...] = ()
    acts_for: tuple[Engagement, ...] = ()


def is_third_country(country: str) -> bool:
    """Return whether a disclosure to a country (ISO 3166) is a transfer to a third country (Art. 44)."""
    return country not in EEA
