"""Verification of the audit ledger: files, chain, tail, head; linear in the number of records."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from time import sleep
from typing import Any, TypeVar

from delible.errors import Problem
from delible.model.record import GENESIS
from delible.store.head import (
    FORMER_FILE,
    HEAD_FILE,
    LAST_CHECKPOINT,
    Head,
    changed,
    file_digest,
    needed,
    read_former,
    read_head,
)
from delible.store.keys import Keys
from delible.store.objects import Folder, turn
from delible.store.tables import ControlTable, Snapshot, from_micros, micros

T = TypeVar("T")

_WINDOW = 50_000
"""Records held in memory at once."""
_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4)
"""Seconds between looks, where no turn keeps writers away, until the head is that of the newest version."""
_MOST_PROBLEMS = 100
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_COUNTS = re.compile(rf"\{{(?:{_STRING}:-?\d+(?:,{_STRING}:-?\d+)*)?\}}", re.DOTALL)
_DETAIL = re.compile(rf"\{{(?:{_STRING}:{_STRING}(?:,{_STRING}:{_STRING})*)?\}}", re.DOTALL)
"""Both columns stand inside the hashed text as they are, so each must be one whole object: a text that ends one object
and begins another could move the border between two columns without changing the hash."""
_COLUMNS = (
    f'"sequence", {micros("at")}, "actor", "action", "object", "outcome", '
    '"counts", "detail", "previous", "hash", "signature"'
)


@dataclass(frozen=True)
class LedgerCheck:
    """The outcome of a verification.

    Args:
        records: How many records could be read.
        intact: Whether nothing at all is wrong.
        head: Sequence of the last record.
        behind: Whether the signed head does not know the last commit. A writer that dies between the two leaves this,
            and the next one mends it; whoever puts the head before the last one back leaves it, too.
    """

    records: int
    intact: bool
    head: int
    problems: tuple[Problem, ...]
    behind: bool = False


@dataclass
class _Findings:
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, code: str, message: str, where: str | None = None) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(f"ledger.{code}", message, where))
        else:
            self.more += 1

    def all(self) -> tuple[Problem, ...]:
        rest = (Problem("ledger.more", f"{self.more} more problems of these kinds."),) if self.more else ()
        return (*self.problems, *rest)


@dataclass
class _Chain:
    """Where a walk along the chain has come to."""

    records: int = 0
    sequence: int = 0
    hash: str = GENESIS
    signature: str | None = None
    signed_after_head: int = 0
    marked: dict[int, str] = field(default_factory=dict)


def signing_message(record_hash: str) -> bytes:
    """Return what the signature of a commit's last record is made over."""
    return f"delible/audit/{record_hash}".encode()


def check(table: ControlTable, root: Folder, keys: Keys, *, known: tuple[int, str] | None) -> LedgerCheck:
    """Return what is wrong with the ledger; a damaged store is an outcome, never an exception."""
    findings, chain = _Findings(), _Chain()
    head, snapshot = _one_moment(table, root, keys, findings)
    signed_up_to = head.sequence if head else 0
    if snapshot is not None:
        marks = {signed_up_to, known[0] if known else 0}
        _survive(lambda: _walk(snapshot, chain, marks, signed_up_to, findings), findings)
        _survive(lambda: _check_tail(snapshot, chain, keys, findings), findings)
    _check_head(head, chain, findings)
    if known is not None and chain.marked.get(known[0], GENESIS if known[0] == 0 else "") != known[1]:
        findings.add("rolled_back", f"record {known[0]} is not the one that was noted elsewhere.")
    problems = findings.all()
    return LedgerCheck(chain.records, not problems, chain.sequence, problems, behind=chain.sequence > signed_up_to)


def canonical_body(row: tuple[Any, ...]) -> bytes:
    """Return the bytes that a stored record's hash is taken over: `AuditRecord.sealed` in one format operation.

    Raises:
        ValueError, TypeError, OverflowError: When a stored field is not what this toolkit writes.
    """
    sequence, at, actor, action, object_, outcome, counts, detail, previous = row[:9]
    if not (_COUNTS.fullmatch(counts) and _DETAIL.fullmatch(detail)):
        raise ValueError("not a flat JSON object")
    text = (
        f'{{"action":{encode_basestring(action)},"actor":{encode_basestring(actor)},'
        f'"at":"{from_micros(at).isoformat(timespec="microseconds")}","counts":{counts},"detail":{detail},'
        f'"object":{encode_basestring(object_)},"outcome":{encode_basestring(outcome)},'
        f'"previous":{encode_basestring(previous)},"sequence":{sequence}}}'
    )
    return text.encode()


def _one_moment(
    table: ControlTable, root: Folder, keys: Keys, findings: _Findings
) -> tuple[Head | None, Snapshot | None]:
    """Return the genuine head and the newest snapshot of one moment; compare the files with the head's digests."""
    with turn(table.uri) as alone:
        for pause in _PAUSES:
            head, damage = _genuine_head(root, keys)
            trial = _Findings()
            snapshot = _survive(table.snapshot, trial)
            if alone or (_genuine_head(root, keys) == (head, damage) and _at_end(root, head, snapshot)):
                break
            sleep(pause)
        findings.problems += trial.problems
        if damage:
            findings.add("head", damage, HEAD_FILE)
        if snapshot is not None and head is not None:
            _survive(lambda: _check_files(table.folder, head, snapshot, findings), findings)
        if head is not None:
            _survive(lambda: _check_former(table.folder, root, head, keys, findings), findings)
    return head, snapshot


def _at_end(root: Folder, head: Head | None, snapshot: Snapshot | None) -> bool:
    """Return whether head, list and table end alike; if not, a writer may be at work, or one may be wrong."""
    end = _survive(lambda: snapshot.transaction("audit") if snapshot is not None else 0, _Findings())
    former = _survive(lambda: read_former(root)[1], _Findings())
    sequence, named = (head.sequence, head.former) if head is not None else (0, "")
    return snapshot is None or (end == sequence and former == named)


def _genuine_head(root: Folder, keys: Keys) -> tuple[Head | None, str]:
    try:
        head = read_head(root)
    except (ValueError, OSError):
        return None, "the head file cannot be read."
    if head is not None and not head.genuine(keys):
        return None, "the head file is not signed by this workspace."
    return head, ""


def _check_files(folder: Folder, head: Head, snapshot: Snapshot, findings: _Findings) -> None:
    """Compare files with the digests that the head has signed.

    A head that is one commit behind (a crash came between the two) does not know that commit's files, and knows an
    older pointer to the last checkpoint.
    """
    names = needed(folder, snapshot)
    behind = snapshot.transaction("audit") != head.sequence
    listed = [name for name in names if not (behind and name == LAST_CHECKPOINT)]
    for name in changed(folder, head, listed):
        findings.add("file_changed", "the file is not the one that was signed.", name)
    for name in () if behind else sorted(set(names) - set(head.files)):
        findings.add("file_unknown", "the file was added by somebody else.", name)


def _check_former(table: Folder, root: Folder, head: Head, keys: Keys, findings: _Findings) -> None:
    """Compare superseded files with their digests; those that are gone have been cleared away.

    The list may be newer than the head, when its writer died between the two.
    """
    try:
        former, digest = read_former(root)
    except ValueError:
        findings.add("file_changed", "the list of superseded files cannot be read.", FORMER_FILE)
        return
    if digest != head.former:
        newer = former is not None and former.genuine(keys) and former.sequence > head.sequence
        if not newer:
            findings.add("file_changed", "the list of superseded files is not the one that was signed.", FORMER_FILE)
            return
    for name, signed in former.files.items() if former is not None else ():
        if name not in head.files and file_digest(table, name) not in (signed, None):
            findings.add("file_changed", "the superseded file is not the one that was signed.", name)


def _walk(snapshot: Snapshot, chain: _Chain, marks: set[int], signed_up_to: int, findings: _Findings) -> None:
    outside = next(iter(_column(snapshot, "count(*)", 'WHERE "sequence" IS NULL OR "sequence" < 1')), 0)
    if outside:
        findings.add("inserted", f"{outside} records have no place in the chain.")
    while (start := _first_after(snapshot, chain.sequence)) is not None:
        window = f'WHERE "sequence" BETWEEN {start} AND {start + _WINDOW - 1} ORDER BY "sequence"'
        for columns in snapshot.batches(_COLUMNS, window):
            for row in zip(*columns, strict=True):
                _step(row, chain, findings)
                if row[10] is not None and row[0] > signed_up_to:
                    chain.signed_after_head += 1
                if row[0] in marks:
                    chain.marked[row[0]] = row[9]


def _step(row: tuple[Any, ...], chain: _Chain, findings: _Findings) -> None:
    sequence, previous, own = row[0], row[8], row[9]
    try:
        honest = hashlib.sha256(canonical_body(row)).hexdigest() == own
    except (ValueError, TypeError, OverflowError, RecursionError):
        honest = False
    if not honest:
        findings.add("changed", "the record was changed.", f"record {sequence}")
    if sequence == chain.sequence:
        findings.add("doubled", "the record is there more than once.", f"record {sequence}")
    elif sequence != chain.sequence + 1:
        findings.add("missing", f"records {chain.sequence + 1} to {sequence - 1} are missing.", f"record {sequence}")
    elif previous != chain.hash:
        findings.add("chain", "the record does not follow the one before it.", f"record {sequence}")
    chain.records += 1
    chain.sequence, chain.hash, chain.signature = sequence, own, row[10]


def _check_tail(snapshot: Snapshot, chain: _Chain, keys: Keys, findings: _Findings) -> None:
    if snapshot.transaction("audit") != chain.sequence:
        findings.add("tail", "the last record is not the last that the table's log names.", f"record {chain.sequence}")
    if chain.sequence and not keys.verify(signing_message(str(chain.hash)), chain.signature or ""):
        findings.add("tail", "the last record is not signed by this workspace.", f"record {chain.sequence}")


def _check_head(head: Head | None, chain: _Chain, findings: _Findings) -> None:
    if head is None:
        if chain.signed_after_head > 1:
            findings.add("head", "the head file is missing.", HEAD_FILE)
    elif head.sequence > chain.sequence:
        findings.add("truncated", f"the head names record {head.sequence}, which is not there.", HEAD_FILE)
    elif chain.marked.get(head.sequence) != head.hash:
        findings.add("head", f"record {head.sequence} is not the one that the head names.", HEAD_FILE)
    elif head.sequence < chain.sequence and chain.signed_after_head != 1:
        findings.add("head", "the head is older than the last commit.", HEAD_FILE)


def _first_after(snapshot: Snapshot, sequence: int) -> int | None:
    return next(iter(_column(snapshot, 'min("sequence")', f'WHERE "sequence" > {sequence}')), None)


def _column(snapshot: Snapshot, select: str, tail: str) -> Iterator[Any]:
    for (values,) in snapshot.batches(select, tail):
        yield from values


def _survive(read: Callable[[], T], findings: _Findings) -> T | None:
    """Return what `read` returns; record a failure of any kind.

    A damaged Parquet file can make the Rust reader panic, which reaches Python outside the tree of `Exception`.
    """
    try:
        return read()
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        findings.add("unreadable", f"the ledger cannot be read ({type(error).__name__}).")
        return None
