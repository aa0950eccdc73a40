"""The consent rules by name, each with its source: an explanation and the tests name the same."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from delible.model.terms import Exclusion


class Source(NamedTuple):
    """Where a rule comes from, and what it says."""

    article: str
    says: str


class Rule(Enum):
    """Why rows are KEPT or left out."""

    SUPPRESSED = Source("Art. 17(1) GDPR", "The person was erased; nothing brings the rows back.")
    ERASURE_REQUESTED = Source("Art. 17 GDPR", "An erasure is asked for and not refused.")
    RESTRICTED = Source("Art. 18 GDPR", "The rows may be stored, and not used.")
    OBJECTED = Source("Art. 21 GDPR", "The person objected to this use.")
    OPTED_OUT = Source("Cal. Civ. Code 1798.120, 1798.135(e); 11 CCR 7025", "Sale and sharing were opted out of.")
    GIVEN = Source("Art. 6(1)(a), 7(1) GDPR", "The latest statement is a consent that lasts.")
    CONFIRMED = Source("Art. 7(1) GDPR", "The latest statement is a consent that was confirmed, and lasts.")
    PARENTAL = Source("Art. 8(1), (2) GDPR", "A holder of parental responsibility consented, and that lasts.")
    OPT_OUT_REGIME = Source("Cal. Civ. Code 1798.120(a)", "Where the person is, people opt out; nothing forbids it.")
    OTHER_BASIS = Source("Art. 6(1)(b)-(f) GDPR", "The purpose rests on another basis; nothing forbids it.")
    NO_STATEMENT = Source("Art. 4(11), 6(1)(a) GDPR", "Without a statement there is no consent.")
    REFUSED = Source("Art. 4(11) GDPR", "The latest statement says no, or that there was no valid consent.")
    WITHDRAWN = Source("Art. 7(3) GDPR", "The latest statement is a withdrawal.")
    EXPIRED = Source("Art. 5(1)(b), 7 GDPR", "The latest consent has ended; no older one comes back.")
    UNCONFIRMED = Source("Art. 7(1) GDPR", "What was given was not confirmed, and counts once it is.")
    JURISDICTION_UNKNOWN = Source("gap", "Some jurisdictions need no consent; whether the person is there is unknown.")
    MINOR = Source("Art. 8(1) GDPR; Cal. Civ. Code 1798.120(c)", "Too young to be used without the consent asked for.")
    AGE_UNKNOWN = Source("gap; Art. 8(2) GDPR", "The purpose asks for an age, and none is known.")

    @property
    def id(self) -> str:
        """The name in documents."""
        return self.name.lower()


class Standing(Enum):
    """Why a record counts, or does not."""

    DECIDES = Source("Art. 7(1) GDPR", "This statement decides.")
    COUNTS = Source("Art. 7(1) GDPR", "This is a statement; a rule that goes before it decides.")
    EARLIER = Source("Art. 7(3) GDPR", "A later statement, or one of more weight at the same instant, decides.")
    CONFIRMED = Source("Art. 7(1) GDPR", "This is what the deciding statement confirms.")
    NOT_KNOWN = Source("recorded_at", "It was not known yet.")
    NOT_BEGUN = Source("valid_from", "It had not begun yet.")
    QUESTION = Source("Art. 4(11) GDPR", "A question, or a fact alone, is no statement.")
    NOT_CONFIRMED = Source("Art. 7(1) GDPR", "What is given counts once it is confirmed.")
    CONFIRMS_NOTHING = Source("Art. 7(1) GDPR", "There is nothing in force that it could confirm.")
    OTHER_GROUND = Source("Art. 6(1)(a) GDPR", "What was agreed to on another basis is no consent.")
    SHARED = Source("Art. 7(1) GDPR", "The identifier reaches other people too: whose consent it is cannot be shown.")
    CHILDS_OWN = Source("Art. 8(1) GDPR", "At this age a parent has to consent.")

    @property
    def id(self) -> str:
        """The name in documents."""
        return self.name.lower()


RULE_OF = {
    Exclusion.NO_CONSENT: Rule.REFUSED,
    **{reason: Rule[reason.name] for reason in Exclusion if reason.name in Rule.__members__},
}
"""The rule behind a reason; where nothing was said at all, `NO_STATEMENT` is behind `no_consent`."""
