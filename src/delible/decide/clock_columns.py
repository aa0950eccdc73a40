"""Which time columns could start a retention clock: when something happened, or when a row was loaded."""

from __future__ import annotations

from enum import StrEnum

from delible.decide.key_names import parts
from delible.model.profile import ColumnProfile, Form

_LOAD = frozenset(
    {"modified", "updated", "loaded", "load", "ingested", "ingest", "ingestion", "inserted", "processed", "etl", "dw"}
    | {"sync", "synced", "refreshed", "extracted", "modification", "lastmodified", "snapshot", "partition", "batch"}
)
_MOMENTS, _ROWS_PER_MOMENT = 3, 1_000


class Clock(StrEnum):
    """What a time column tells: when something happened, or when a row was written or loaded."""

    EVENT = "event"
    LOAD = "load"


def clock(profile: ColumnProfile) -> Clock | None:
    """Return what a time column tells, or None for a column that is none or is empty.

    A load is told by its name, or by few moments for many rows: whole batches have the same one.
    """
    if profile.form is not Form.TIME or not profile.filled:
        return None
    few = profile.distinct <= _MOMENTS and profile.filled >= _ROWS_PER_MOMENT
    return Clock.LOAD if few or _LOAD & set(parts(profile.at.column)) else Clock.EVENT
