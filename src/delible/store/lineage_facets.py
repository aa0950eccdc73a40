"""delible's own OpenLineage facets; importing this module costs half a second, so `store.lineage` does it late.

Each facet's JSON Schema is published in `delible/schemas/facets/1-0-0/`; a schema never changes once released, a new
one gets a new version. Facets hold names, counts and fingerprints: no values, no subject references.
"""

from __future__ import annotations

import attr
from openlineage.client.generated.base import DatasetFacet, RunFacet

SCHEMAS = "urn:delible:facets:1-0-0"


def schema_url(facet: str, definition: str) -> str:
    """Return the URL that a facet names as its schema."""
    return f"{SCHEMAS}:{facet}#/$defs/{definition}"


@attr.define
class PurposeRunFacet(RunFacet):
    """What the run processed data for, and by which policies (Art. 5(1)(b), Art. 6)."""

    purpose: str
    legalBasis: str | None = None
    policyFingerprint: str | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_purpose", "PurposeRunFacet")


@attr.define
class ConsentRunFacet(RunFacet):
    """Which state of the consent ledger decided, and how many rows it kept and left out."""

    knownAt: str
    rowsIn: int
    rowsOut: int
    members: int | None = None
    excluded: dict[str, int] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_consent", "ConsentRunFacet")


@attr.define
class RequestRunFacet(RunFacet):
    """Which requests of data subjects the run served (Art. 12 to 22)."""

    right: str
    requests: list[str]
    plan: str | None = None
    leftOut: int | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_request", "RequestRunFacet")


@attr.define
class SearchRunFacet(RunFacet):
    """What a search of every byte read and found."""

    filesSearched: int
    bytesSearched: int
    matches: int
    unreadable: int

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_search", "SearchRunFacet")


@attr.define
class ScanDatasetFacet(DatasetFacet):
    """What a scan for personal data read of the dataset, and how many columns it judged."""

    sample: str
    columns: int
    personal: int
    values: int
    filesRead: int | None = None
    filesKnown: int | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_scan", "ScanDatasetFacet")


@attr.define
class ImportDatasetFacet(DatasetFacet):
    """What an import added to the dataset."""

    format: str
    lines: int
    records: int
    subjects: int | None = None
    quarantined: int | None = None
    purposes: dict[str, int] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_import", "ImportDatasetFacet")


@attr.define
class ErasureDatasetFacet(DatasetFacet):
    """What a plan erased from the dataset (Art. 17), and what a byte search found afterwards."""

    plan: str
    requests: list[str]
    action: str
    rows: int
    sharedRows: int = 0
    mentions: int = 0
    stages: dict[str, str] = attr.field(factory=dict)
    filesSearched: int | None = None
    matches: int | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_erasure", "ErasureDatasetFacet")


@attr.define
class RectificationDatasetFacet(DatasetFacet):
    """What a plan corrected in the dataset (Art. 16), and what a search for the old values found afterwards."""

    plan: str
    requests: list[str]
    columns: list[str]
    rows: int
    follows: bool = False
    stages: dict[str, str] = attr.field(factory=dict)
    filesSearched: int | None = None
    matches: int | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_rectification", "RectificationDatasetFacet")


@attr.define
class RetentionDatasetFacet(DatasetFacet):
    """What a retention rule removed from the dataset (Art. 5(1)(e))."""

    plan: str
    rule: str
    clock: str
    keep: str
    asOf: str
    rows: int
    heldRows: int = 0

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_retention", "RetentionDatasetFacet")


@attr.define
class DeidentificationDatasetFacet(DatasetFacet):
    """How each column was treated on its way into the dataset (Art. 4(5): pseudonymised is not anonymous)."""

    columns: dict[str, str]
    domains: dict[str, str] = attr.field(factory=dict)
    keyVersion: int | None = None

    @staticmethod
    def _get_schema() -> str:
        return schema_url("delible_deidentification", "DeidentificationDatasetFacet")


RUN_FACETS: dict[str, type[RunFacet]] = {
    "delible_purpose": PurposeRunFacet,
    "delible_consent": ConsentRunFacet,
    "delible_request": RequestRunFacet,
    "delible_search": SearchRunFacet,
}
DATASET_FACETS: dict[str, type[DatasetFacet]] = {
    "delible_scan": ScanDatasetFacet,
    "delible_import": ImportDatasetFacet,
    "delible_erasure": ErasureDatasetFacet,
    "delible_rectification": RectificationDatasetFacet,
    "delible_retention": RetentionDatasetFacet,
    "delible_deidentification": DeidentificationDatasetFacet,
}
