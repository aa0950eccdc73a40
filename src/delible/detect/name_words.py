"""Words in the names of columns and tables, and how a rule about them is written."""

from __future__ import annotations

from typing import NamedTuple

from delible.decide.tagging import NameEvidence

PEOPLE = (
    "customer|client|person|people|user|employee|staff|contact|patient|member|subscriber|guest|student|pupil|teacher|"
    "doctor|reviewer|author|sender|recipient|owner|holder|cardholder|buyer|seller|passenger|traveller|driver|applicant|"
    "candidate|manager|supervisor|agent|lead|prospect|tenant|voter|donor|visitor|child|parent|partner|spouse|profile|"
    "worker|beneficiary|policyholder|insured|claimant|borrower|payer|payee|signatory|resident|citizen|participant|"
    "attendee|player|athlete|guardian|mother|father|husband|wife|nurse|physician|lawyer|tutor|volunteer|colleague"
)
DOINGS = "event|session|page|app|campaign|project|token|course|model|service|job|task|log"
"""What people do or use: a column named so holds no trait of a person, but a table of it has people in its rows."""
THINGS = (
    "product|item|sku|article|inventory|catalog|catalogue|stock|store|shop|branch|warehouse|depot|facility|hotel|airport|"
    "station|site|plant|factory|office|city|country|region|territory|company|organisation|organization|vendor|supplier|"
    "merchant|brand|manufacturer|carrier|movie|film|song|track|album|artist|book|title|game|race|match|circuit|team|club|"
    "league|ship|vessel|aircraft|car|machine|server|host|node|network|metric|currency|exchange|building|menu|dish|recipe|"
    "animal|pet|species|breed|wine|fabric|part|component|material|connector|color|colour|font|file|folder|table|column|"
    "feature|model|event|campaign|project|course|school|university|hospital|clinic|bank|restaurant|venue|origin|"
    "destination|departure|arrival|port|route|market|category|variety|plan|tariff|cache|token|session|job|task|build|"
    "sensor|gateway|router|pipeline|dataset|schema|domain|service|app|contract|wallet|engine|page|log|error|paint|perfume|version|release|firmware"
)
OF_PEOPLE = frozenset({"club", "school", "university", "hospital", "clinic", "contract", "wallet", "session"})
"""Things that a column can belong to, but a table named so mostly holds the people who come there or sign it."""


class Rule(NamedTuple):
    """The end of a name and what it says; nothing where the words before it match `never`, or do not match `only`."""

    end: str
    says: NameEvidence
    never: str = ""
    only: str = ""


def says(category: str, strength: float, entity: str | None = None, *shapes: str, **more: object) -> NameEvidence:
    """Return what a name says, the forms of its values as plain arguments; `more` are fields of `NameEvidence`."""
    return NameEvidence(category, strength, entity, shapes, **more)  # type: ignore[arg-type] # fields of several types
