"""Erasure and retention runs, byte searches and requests as the tables that several reports share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from delible.model.terms import words
from delible.report.content import Block, Bytes, Column, Kind, Status, Table, Text, Value
from delible.report.erasure import PROOF_MEANING, ByteSearch, ProofState, TableRun
from delible.report.requests import Punctuality, RequestLine
from delible.report.wording import size

_PUNCTUAL: dict[Punctuality, Kind] = {
    Punctuality.IN_TIME: "ok",
    Punctuality.OPEN: "none",
    Punctuality.LATE: "warn",
    Punctuality.OVERDUE: "bad",
    Punctuality.LINKED: "none",
}
_PROOF: dict[ProofState, Kind] = {
    ProofState.PROVEN: "ok",
    ProofState.REMOVED: "ok",
    ProofState.KEPT: "none",
    ProofState.WAITING: "warn",
    ProofState.INCOMPLETE: "warn",
    ProofState.FAILED: "bad",
    ProofState.RESIDUE: "bad",
}


def punctuality(line: RequestLine) -> Status:
    """Return a request against its deadline."""
    return Status(_PUNCTUAL[line.punctuality], words(line.punctuality))


def run_blocks(id: str, caption: str, runs: Sequence[TableRun], *, ruled: bool) -> Iterator[Block]:
    """Yield the table of runs, and what its proof states mean.

    Args:
        ruled: Runs of retention: they have rules, and no mentions.
    """
    columns = [
        Column("Table"),
        Column("Plan", "code"),
        *([Column("Rule")] if ruled else []),
        Column("Proof"),
        Column("Rows", "number"),
        Column("Shared rows kept", "number"),
        *([] if ruled else [Column("Mentions masked", "number")]),
        Column("Rewritten (expected at most)", "number"),
        Column("Files removed", "number"),
        Column("Log files removed", "number"),
        Column("Last step"),
    ]
    yield Table(id, caption, columns, [_run(run, ruled=ruled) for run in runs])
    states = dict.fromkeys(run.proof for run in runs)
    meanings = " ".join(f"{words(state).capitalize()}: {PROOF_MEANING[state]}." for state in states)
    yield Text(meanings, note=True)


_GIVEN = "identifiers given by hand"
"""Said of a search that was made for no request and no plan (`delible verify`)."""


def _run(run: TableRun, *, ruled: bool) -> list[Value]:
    return [
        run.table,
        run.plan,
        *([run.rule] if ruled else []),
        Status(_PROOF[run.proof], words(run.proof)),
        run.rows,
        run.shared_rows,
        *([] if ruled else [run.mentions]),
        rewritten(run),
        run.files_removed,
        run.log_files_removed,
        run.last,
    ]


def rewritten(run: TableRun) -> Value:
    """Return the size of what was rewritten, beside the most that the plan expected, and a mark where it was more."""
    if run.bytes_replaced is None:
        return None
    if run.estimated_bytes is None:
        return size(run.bytes_replaced)
    since = ", before others wrote" if run.others_wrote else ""
    text = f"{size(run.bytes_replaced)} ({size(run.estimated_bytes)}{since})"
    return Status("warn", text) if run.bytes_replaced > run.estimated_bytes and not run.others_wrote else text


def search_table(id: str, searches: Iterable[ByteSearch]) -> Table:
    """Return the table of byte searches."""
    columns = [
        Column("Made for", "code"),
        Column("Time"),
        Column("Outcome"),
        Column("Files", "number"),
        Column("Bytes", "number"),
        Column("Matches", "number"),
        Column("Unreadable files", "number"),
    ]
    rows = [
        (
            _GIVEN if s.about == "identifiers" else s.about,
            s.at,
            _outcome(s),
            s.files_searched,
            Bytes(s.bytes_searched),
            s.matches,
            s.unreadable,
        )
        for s in searches
    ]
    caption = "Byte searches: every file of all tables and of the workspace, read again for the identifiers"
    return Table(id, caption, columns, rows)


def _outcome(search: ByteSearch) -> Status:
    if search.matches:
        return Status("bad", "found")
    return Status("warn", "not all read") if search.unreadable else Status("ok", "nothing found")


def register(id: str, caption: str, lines: Iterable[RequestLine]) -> Table:
    """Return requests one by one."""
    columns = [
        Column("Request", "code"),
        Column("Right"),
        Column("Law"),
        Column("State"),
        Column("Deadline kept"),
        Column("Received"),
        Column("Deadline"),
        Column("Days left", "number"),
        Column("Answered"),
        Column("Days taken", "number"),
    ]
    rows = [
        (
            line.id,
            words(line.right),
            line.regime.upper(),
            words(line.state),
            punctuality(line),
            line.received.date(),
            line.due,
            line.days_left,
            line.ended.date() if line.ended and line.punctuality is not Punctuality.LINKED else None,
            line.days_taken,
        )
        for line in lines
    ]
    return Table(id, caption, columns, rows)
