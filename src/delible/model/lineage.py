"""What a run read and wrote, as lineage records it: names, versions, columns and counts, never values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from delible.model.terms import Treatment

Facets = Mapping[str, Mapping[str, Any]]
"""Facet key, such as `delible_purpose`, to the facet's own fields (see `store.lineage_facets`)."""


@dataclass(frozen=True, kw_only=True)
class ColumnFlow:
    """One column of an output, and the input column that it was made from.

    Args:
        source: Location of the input dataset.
        field: Column of the input dataset.
        treatment: What was done on the way: a `Treatment`, or what an erasure or a retention rule does to a column.
    """

    column: str
    source: str
    field: str
    treatment: str = Treatment.KEEP


@dataclass(frozen=True, kw_only=True)
class Influence:
    """A column that decided which rows an output has, and gave none of its own values.

    Args:
        source: Location of the input dataset.
        field: Column of the input dataset.
        way: How, in OpenLineage's words.
    """

    source: str
    field: str
    way: Literal["FILTER", "JOIN", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL"] = "FILTER"


@dataclass(frozen=True, kw_only=True)
class DatasetUse:
    """A dataset that a run reads or writes.

    Args:
        name: Its name in the policies.
        location: Folder as an absolute path or URI; gives the dataset its OpenLineage name.
        version: Delta version that was read, or that the run made.
        columns: Column to type, or to nothing where that is not known.
        tags: Column to data category; becomes the field's `pii` tag.
        rows, bytes, files: How much was read or written.
        flows: Where an output's columns come from.
        influences: What decided which rows an output has.
        facets: Facets about this dataset only.
        dropped: The run has removed it.
    """

    name: str
    location: str
    version: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    flows: Sequence[ColumnFlow] = ()
    influences: Sequence[Influence] = ()
    facets: Facets = field(default_factory=dict)
    dropped: bool = False


@dataclass(frozen=True)
class Delivered:
    """What became of the events that waited.

    Args:
        arrived: Events that the consumer took.
        refused: Events that it does not want, such as with status 422.
        waiting: Events that still wait, refused ones among them.
        failure: Why the last attempt failed, as a status or a short word, never words of the other side.
    """

    arrived: int = 0
    refused: int = 0
    waiting: int = 0
    failure: str | None = None


@dataclass
class LineageRun:
    """A run that is under way; what is set here until its end goes into its closing event."""

    id: str
    job: str
    inputs: Sequence[DatasetUse]
    outputs: Sequence[DatasetUse]
    facets: Facets
    started: datetime


def unchanged(location: str, columns: Sequence[str]) -> tuple[ColumnFlow, ...]:
    """Return the flows of columns that a run rewrites as they are."""
    return tuple(ColumnFlow(column=c, source=location, field=c) for c in columns)
