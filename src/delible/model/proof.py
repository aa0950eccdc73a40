"""Proof of erasure: what a byte search saw, and the certificate that says so."""

from __future__ import annotations

from datetime import datetime

from delible.model.base import Frozen
from delible.model.exception import KeptPart

SPREAD_FROM = 8 * 1024**3
"""Bytes of one folder from which on a cluster searches it: one machine takes about half a minute for so much."""


class Match(Frozen):
    """A place where a searched identifier still stands: where, in which form, how often; never what.

    Args:
        place: File, and column or log field where known.
        form: `utf-8`, `parquet:column`, `statistics`, `file name`, `base64`…
    """

    place: str
    form: str
    count: int


class Verification(Frozen):
    """The outcome of one byte search. No match is an outcome, not silence.

    Args:
        values_searched: Different identifiers that were looked for.
        values_in_columns: Those of them that say too little in raw bytes, such as small numbers: they were compared
            with the values of their own columns only.
        apart: Files that could not be read, in tables in which nothing of the data subject stood; only where the
            outcome is one person's.
    """

    at: datetime
    files_searched: int
    bytes_searched: int
    values_searched: int
    values_in_columns: int = 0
    matches: tuple[Match, ...] = ()
    unreadable: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Nothing was found, and nothing had to be left unread."""
        return not self.matches and not self.unreadable

    @property
    def counts(self) -> dict[str, int]:
        """What was searched and found in numbers, as the ledger records it."""
        return {
            "files_searched": self.files_searched,
            "bytes_searched": self.bytes_searched,
            "values_searched": self.values_searched,
            "matches": sum(m.count for m in self.matches),
            "unreadable": len(self.unreadable),
        }


class FileDigest(Frozen):
    """One file as somebody saw it.

    Args:
        file: Its place, without what a name says of people.
        size: Bytes.
    """

    file: str
    sha256: str
    size: int


class Manifest(Frozen):
    """The list of a plan's files, which lies beside the certificate.

    Args:
        name: The list's own file.
        sha256: Of its bytes.
        before: Files that the plan's VACUUM was to remove, as they were right before it.
        after: Files that the tables held when the last search read them.
    """

    name: str
    sha256: str
    before: int
    after: int


class TableProof(Frozen):
    """What was done to one table for one plan."""

    table: str
    action: str
    version_before: int
    version_after: int
    rows_erased: int
    rows_shared: int
    mentions_masked: int
    files_rewritten: int
    bytes_rewritten: int
    files_removed: int
    log_files_removed: int
    reason: str | None = None


class KeptHistory(Frozen):
    """That a table's old versions were kept without the due rows, and compared.

    Args:
        first: The oldest version that was kept.
        versions: How many versions were compared with what they were.
        rows: How many rows these versions have together.
    """

    first: int
    versions: int
    rows: int


class Certificate(Frozen):
    """The signed statement about one request.

    Args:
        earlier_plans: Plans that ended with residue before this one; the tables' numbers include theirs.
        rows: This data subject's own rows per table; the numbers under `tables` are those of the whole run.
        shared_identifiers: Identifiers that somebody else has, too: by themselves they reached no row.
        kept: What exceptions keep of this data subject's rows, on which ground and until when; empty once all is gone.
        kept_rows: Own rows, per table, of which something is kept so.
        releases: Dataset releases, as `NAME@vN`, that were cut before and hold the data subject.
        releases_superseded: Those of them whose dataset has a newer release that holds the data subject no more.
        releases_unknown: Those whose subject index cannot be read, so that nobody can tell.
        manifest: Names and digests of the tables' files before and after.
        history: Tables whose old versions can still be read, without the data subject.
    """

    certificate: str
    request: str
    right: str
    regime: str
    received: datetime
    completed: datetime
    controller: str
    refs: tuple[str, ...]
    policy_fingerprint: str
    plan: str
    earlier_plans: tuple[str, ...] = ()
    matched: bool
    rows: dict[str, int] = {}
    shared_identifiers: int = 0
    tables: tuple[TableProof, ...]
    verification: Verification
    kept: tuple[KeptPart, ...] = ()
    kept_rows: dict[str, int] = {}
    releases: tuple[str, ...] = ()
    releases_superseded: tuple[str, ...] = ()
    releases_unknown: tuple[str, ...] = ()
    manifest: Manifest | None = None
    history: dict[str, KeptHistory] = {}
    ledger_sequence: int
    ledger_hash: str
    key_id: str
    signature: str = ""
