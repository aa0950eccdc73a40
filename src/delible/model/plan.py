"""Plans: what will be done, to which tables at which versions, before anything is done.

A plan is data that a person can read and a machine can refuse. It names requests and references, never identifiers.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from delible.model.base import Frozen, digest
from delible.model.cost import Estimate
from delible.model.exception import KeptPart
from delible.model.terms import ErasureAction, RectificationAction, RetentionAction


class Stage(StrEnum):
    """The physical stages of one table, in their only order (DELETE alone leaves the bytes in place).

    Where a table's history is kept, `translate` and `compare` come first, `merge` is the swap of the folders, at which
    the rows are gone, and `vacuum` and `expire_log` are the end of the old folder.

    `late` is merge and purge once more, for rows of the due people that others wrote meanwhile. No plan names it.
    """

    TRANSLATE = "translate"
    COMPARE = "compare"
    MERGE = "merge"
    PURGE = "purge"
    LATE = "late"
    VACUUM = "vacuum"
    EXPIRE_LOG = "expire_log"
    VERIFY = "verify"


class TableFacts(Frozen):
    """What the planners need to know of a Delta table.

    Args:
        table: Name in the policies.
        location: Folder as a URI.
        version: Delta version that the facts were read at.
        rows, files, bytes: Size of that version.
        features: Names of protocol features that are on, such as `deletionVectors`.
        columns: Column name to Spark type, top level.
        partitions: Partition and clustering columns.
        required: Columns that may not be empty.
        computed: Columns whose values Delta computes: generated ones and identities.
        constraints: CHECK constraints, name to expression.
        leaves: Columns with the fields of structs under their dotted paths.
        lengths: Columns that take a number of characters at most (CHAR, VARCHAR).
        append_only: Delta refuses to change or delete its rows.
        deleted_file_retention_hours, log_retention_hours: The table's own windows.
    """

    table: str
    location: str
    version: int
    rows: int
    files: int
    bytes: int
    features: tuple[str, ...] = ()
    columns: dict[str, str] = {}
    partitions: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    constraints: dict[str, str] = {}
    leaves: tuple[str, ...] = ()
    lengths: dict[str, int] = {}
    append_only: bool = False
    deleted_file_retention_hours: int
    log_retention_hours: int


class History(Frozen):
    """The retained versions of a table, and what of them a plan rewrites.

    Args:
        first, last: The oldest and the newest version that can be read in full.
        dropped: Older versions that still have a commit, but lack a file: they are not kept.
        rows: Rows of due people in all files of these versions, change feed included; one person's row is there once
            for each file that it was copied to.
        files, bytes: The files that hold them.
    """

    first: int
    last: int
    dropped: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0


class RowsDue(Frozen):
    """How much of one table is due, as the find step counted it.

    Args:
        exceptions: Those that may protect rows of the table now, whether they find one or not.
        kept: What each keeps.
        kept_rows: Due rows of which something is kept.
        unchanged: Those of them in which nothing is left to erase.
    """

    table: str
    rows: int
    shared_rows: int = 0
    mentions: int = 0
    held_mentions: int = 0
    exceptions: tuple[str, ...] = ()
    kept: tuple[KeptPart, ...] = ()
    kept_rows: int = 0
    unchanged: int = 0


class TableStep(Frozen):
    """What one plan does to one table.

    Args:
        rows: Rows whose data subject is due.
        shared_rows: Rows that also reach somebody who is not due: KEPT, and named in the certificate.
        mentions: Rows of other people in whose free text a due person's identifier stands.
        held_mentions: The same in rows of people under a hold: KEPT as they are, so the byte search will find them.
        wait_hours: How long the old files must stay for other readers before VACUUM may remove them.
        exceptions: Names of the exceptions that protect rows here, by the day of the plan.
        kept: What each of them keeps of the due rows.
        kept_rows: Due rows of which something is KEPT so.
        history: Set where the table's old versions are kept, without the due rows.
    """

    table: str
    location: str
    version: int
    action: ErasureAction | RetentionAction | RectificationAction
    rows: int
    shared_rows: int = 0
    mentions: int = 0
    held_mentions: int = 0
    files: int
    bytes: int
    stages: tuple[Stage, ...]
    wait_hours: int
    reason: str | None = None
    exceptions: tuple[str, ...] = ()
    kept: tuple[KeptPart, ...] = ()
    kept_rows: int = 0
    history: History | None = None


class PlannedRequest(Frozen):
    """A request as the plan names it.

    Args:
        shared: How many of its identifiers somebody else has, too; they reach no row by themselves.
        rows: Its own rows per table; a table's step counts those of all requests together.
        kept: What exceptions keep of its own rows.
        kept_rows: Its own rows, per table, of which something is kept.
    """

    id: str
    due: str
    matched: bool
    shared: int = 0
    rows: dict[str, int] = {}
    kept: tuple[KeptPart, ...] = ()
    kept_rows: dict[str, int] = {}


class Plan(Frozen):
    """What every plan says of itself.

    Args:
        immediate: Whether the tables' windows are not waited for.
        seal: Made by the store with the workspace's signing key.
        estimate: What it is expected to cost; plans of earlier versions have none.
    """

    id: str
    created: datetime
    policy_fingerprint: str
    immediate: bool
    seal: str = ""
    estimate: Estimate | None = None

    def body_digest(self) -> str:
        """Return the digest of everything but the seal.

        An estimate counts where there is one, as in older plans; a key that the plan's file does not have does not: a
        plan of an earlier version lacks those that came since.
        """
        left_out = {"seal"} if self.estimate else {"seal", "estimate"}
        return digest(self.model_dump(mode="json", exclude=left_out, exclude_unset=True))


class ErasurePlan(Plan):
    """All due erasure requests over all tables, in the order in which tables must be treated.

    Args:
        seen: Version at which each table was searched, also those that held nothing: a row that arrives between plan
            and apply must make the plan stale wherever it arrives.
        earlier: Plans for the same requests that ended with residue, which this one goes on from.
    """

    kind: Literal["erasure"] = "erasure"
    requests: tuple[PlannedRequest, ...]
    seen: dict[str, int] = {}
    earlier: tuple[str, ...] = ()
    tables: tuple[TableStep, ...]


class RetentionStep(TableStep):
    """What one retention rule does to one table.

    Args:
        rule: The rule's name.
        held_rows: Rows that are past their period, but KEPT for a hold or an open request.
        standings: All rows that the rule covers, by where it stands on them (`decide.retention.Standing`).
        as_of: The instant at which rows were judged; `apply` judges by the same instant.
        due: Keyed digest of which rows the rule acts on: who they are about, and when their clocks started.
    """

    rule: str
    held_rows: int = 0
    standings: dict[str, int] = {}
    as_of: datetime
    due: str = ""


class RetentionPlan(Plan):
    """All retention rules that have rows past their period.

    Args:
        seen: Version at which each table was read that rows were judged by: those of rules and of clocks and, where
            somebody was held, all others, since links lead through them. Plans of earlier versions have none.
        held: Digest of the references that were held.
    """

    kind: Literal["retention"] = "retention"
    seen: dict[str, int] = {}
    held: str = ""
    tables: tuple[RetentionStep, ...]


class RectificationStep(TableStep):
    """What one rectification plan does to one table.

    Args:
        columns: The columns in which values are corrected.
        follows: The corrections were asked for in other tables, and this one copies or joins them.
    """

    columns: tuple[str, ...]
    follows: bool = False


class RectificationPlan(Plan):
    """All due corrections over all tables (Art. 16, §1798.106). It names columns, and never a value.

    Args:
        seen: Version at which each table was searched.
        rebuild: Derived tables that may hold a corrected value in a form that cannot be corrected in place, each with
            the reason: their owners must make them anew.
        untold: Columns, as `table.column`, whose old value is no proof in raw bytes, since others have it, too, or it
            is too short: it is looked for in the data subject's own rows of every data file instead.
        earlier: Plans for the same requests that were begun and overtaken, or left residue; their tables go through all
            stages again, and are searched again, whether or not a row there is still wrong.
    """

    kind: Literal["rectification"] = "rectification"
    requests: tuple[PlannedRequest, ...]
    seen: dict[str, int] = {}
    tables: tuple[RectificationStep, ...]
    rebuild: dict[str, str] = {}
    untold: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
