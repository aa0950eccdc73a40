"""Keys by which a receipt of ISO/IEC TS 27560 carries what the specification has no field for."""

from __future__ import annotations

SCHEMA = "ISO/IEC TS 27560:2023"
KANTARA = "KI-CR-v1.1.0"
EXTENSION = "delible"
"""In an event: exact times, notice, basis, source, place, age, giver. With them a receipt can be taken in again."""
KIND = "delible_identifier_kind"
UNTIL_WITHDRAWN = "withdrawal"
"""What a Kantara receipt says of the end of a consent that has none of its own."""
