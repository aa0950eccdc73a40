"""What is written down for later: audit records, column verdicts, holds on people, dataset manifests."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from delible.model.base import Frozen, digest
from delible.model.gate import GateResult
from delible.model.release import ReleasedColumn, RowIndex
from delible.model.subject import SubjectRef
from delible.model.taxonomy import is_quasi_identifier, is_special
from delible.model.terms import LegalBasis, TagState

ARTICLE_9 = "article_9"
"""Evidence of a column verdict whose category is special only here, such as union membership under `user.social`."""

GENESIS = "0" * 64
"""The previous hash of the first audit record."""


class AuditEntry(Frozen):
    """One event as a workflow states it, before it has a place in the chain. Holds no personal data.

    Args:
        actor: Who acted: an operator's account or a job's name.
        action: Dotted verb, such as `erasure.merge`.
        object: What it was done to: `request:R…`, `table:orders`, `plan:…/table:orders`.
        outcome: `started`, `done`, `refused`, `failed`, or a state's name.
        counts: Numbers that say how much.
        detail: Short words that say what: codes, versions, fingerprints, subject references.
    """

    actor: str
    action: str = Field(pattern=r"^[a-z]+(\.[a-z_]+)+$")
    object: str
    outcome: str
    counts: dict[str, int] = {}
    detail: dict[str, str] = {}


class AuditRecord(AuditEntry):
    """An event with its place in the hash chain."""

    sequence: int = Field(ge=1)
    at: datetime
    previous: str
    hash: str

    @staticmethod
    def sealed(entry: AuditEntry, *, sequence: int, at: datetime, previous: str) -> AuditRecord:
        """Return the entry with its sequence, time, and the hash over everything including the previous hash."""
        body = _body(entry, sequence, at, previous)
        return AuditRecord(**entry.model_dump(), sequence=sequence, at=at, previous=previous, hash=digest(body))

    def intact(self) -> bool:
        """Return whether the record's hash is the hash of its content."""
        return self.hash == digest(_body(self, self.sequence, self.at, self.previous))


def _body(entry: AuditEntry, sequence: int, at: datetime, previous: str) -> dict[str, object]:
    return {
        "sequence": sequence,
        "at": at.isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "object": entry.object,
        "outcome": entry.outcome,
        "counts": dict(entry.counts),
        "detail": dict(entry.detail),
        "previous": previous,
    }


class TagFinding(Frozen):
    """The verdict on one column: type and counts, never a value.

    Args:
        column: Dotted path for nested fields.
        category: Data category from the taxonomy, or None when nothing was found.
        entity: Presidio's entity type behind it, or None.
        confidence: Share between 0 and 1; how it is computed is `decide.tagging`.
        sampled, hits: Distinct values looked at, and those that held the entity.
        bound: Without a category: share of rows that could still hold personal data, at the scan's confidence.
        evidence: What spoke for it: `values`, `name`, `type`; `person` for a category that somebody gave it; `unread`
            when no value was looked at, or names were not looked for in some of them;
            `article_9` for a special category that the taxonomy has no key of its own for.
        reason: Why a person has to look, or what the person said who did.
    """

    table: str
    column: str
    category: str | None
    entity: str | None
    confidence: float
    sampled: int
    hits: int
    bound: float
    evidence: tuple[str, ...]
    state: TagState = TagState.PROPOSED
    reason: str | None = None
    version: int
    at: datetime

    @property
    def special(self) -> bool:
        """Whether the column holds a special category (Art. 9)."""
        return self.category is not None and (is_special(self.category) or ARTICLE_9 in self.evidence)

    @property
    def disregarded(self) -> bool:
        """Whether some values looked personal, and so few that it was taken for chance; nobody has looked yet."""
        return self.category is None and self.hits > 0 and self.state is TagState.PROPOSED

    @property
    def quasi(self) -> bool:
        """Whether the column is a quasi-identifier."""
        return self.category is not None and is_quasi_identifier(self.category)


class SubjectHold(Frozen):
    """A legal hold on people, by reference; holds on whole tables and categories are policies.

    Args:
        categories: Data categories that it is limited to; everything of the people when empty.
    """

    id: str
    refs: tuple[SubjectRef, ...]
    categories: tuple[str, ...] = ()
    reason: str
    owner: str
    placed: datetime
    released: datetime | None = None


class ReleaseFile(Frozen):
    """One file of a release with its digest."""

    path: str
    sha256: str
    bytes: int
    rows: int | None = None


class Manifest(Frozen):
    """What a dataset release is made of, and from what.

    Args:
        basis: The purpose's legal basis (Art. 6) when it was cut.
        splits: Rows by split.
        row_index: Which row is about whom; None where nobody can tell, as in releases of earlier versions.
        recut_of: The version whose rows these are, without those in `left`.
        left: For a recut, rows of that version that are not in this one, by reason.
        key_id: Names the key that the manifest is signed with.
        gates: What stood between the rows and this release, each with its measured number and its bound.
        consents_version: The consent ledger's version that it was judged by; None in releases of earlier versions.
        treated_at: Until when limits and corrections were known when its values were treated; a recut keeps it.
        purpose_fingerprint: What the purpose asked of people when it was cut, as `decide.impact.asked_of` makes it.
    """

    dataset: str
    version: int
    purpose: str
    recipe_fingerprint: str
    policy_fingerprint: str
    sources: dict[str, int]
    known_at: datetime
    created_at: datetime
    rows_in: int
    rows_out: int
    excluded: dict[str, int]
    members: int
    limited: int = 0
    gates: tuple[GateResult, ...] = ()
    files: tuple[ReleaseFile, ...]
    path: str
    description: str = ""
    basis: LegalBasis | None = None
    columns: tuple[ReleasedColumn, ...] = ()
    splits: dict[str, int] = {}
    row_index: RowIndex | None = None
    recut_of: int | None = None
    left: dict[str, int] = {}
    key_id: str | None = None
    consents_version: int | None = None
    treated_at: datetime | None = None
    purpose_fingerprint: str | None = None

    @property
    def release(self) -> str:
        """The release's one name."""
        return release_name(self.dataset, self.version)


def release_name(dataset: str, version: int) -> str:
    """Return the one spelling of a release, `NAME@vN`, in commands, messages, the ledger and reports."""
    return f"{dataset}@v{version}"
