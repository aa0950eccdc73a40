"""Files of consent rows: JSON lines, CSV, Delta tables, JSON documents. Each row stands alone, so one can break."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from delible.errors import InputError
from delible.workflows.consent_rows import Broken

LONGEST_LINE = 65_536
_LARGEST_DOCUMENT = 64 << 20
_SUBJECT = "subject."


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Args:
        number: Its line, or its place in a table.
        raw: Its bytes, or the same as JSON; masked in `repr`.
        value: What it says; None when it cannot be read.
        broken: Why not.
    """

    number: int
    raw: bytes = field(repr=False)
    value: Mapping[str, Any] | None = field(default=None, repr=False)
    broken: Broken | None = None


def rows_of(source: str, *, documents: bool = False, kinds: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows of a file, of a Delta table's folder, or of standard input for `-`.

    Args:
        source: Which; names in `.csv` are CSV, with a column `subject.KIND` for each identifier kind.
        documents: The file may be one JSON document, or a list of them, over many lines.
        kinds: Identifier kinds that there are, for a hint about a header that names none.

    Raises:
        InputError: `consent.file` for what cannot be opened at all.
    """
    if source != "-" and (Path(source) / "_delta_log").is_dir():
        yield from _of_table(source)
        return
    with _opened(source) as file:
        if source.lower().endswith(".csv"):
            yield from _of_csv(file, source, kinds)
        elif documents:
            yield from _of_documents(file, source)
        else:
            yield from _of_lines(file)


def _of_lines(file: Iterable[bytes] | BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(_lines(file) if hasattr(file, "readline") else file, start=1):
        if not line.strip():
            continue
        try:
            yield Row(number, line, _object(line))
        except Broken as broken:
            yield Row(number, line, None, broken)


def _of_csv(file: BinaryIO, source: str, kinds: Iterable[str]) -> Iterator[Row]:
    lines = _Recent(io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=""))
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader)
    except (StopIteration, csv.Error):
        raise InputError("consent.file", "the file has no header of columns.", where=source) from None
    if len(set(header)) < len(header):
        raise InputError("consent.file", "the header names a column twice.", where=source)
    if not any(name.startswith(_SUBJECT) for name in header):
        raise _nobody_named(header, source, kinds)
    while True:
        lines.forget()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # What follows may be the middle of a quoted cell, whose text would be read as consents.
            what = f"is not CSV, or has more than {LONGEST_LINE} bytes; the file is not read further"
            yield Row(reader.line_num, bytes(lines.read), None, Broken("line", what))
            return
        if not cells:
            continue
        raw = _as_json(dict(zip(header, cells, strict=False)))
        if len(cells) != len(header):
            yield Row(reader.line_num, raw, None, Broken("line", "has another number of cells than the header"))
        elif not _is_text(cells):
            yield Row(reader.line_num, raw, None, Broken("line", "is not UTF-8 text"))
        else:
            value = _nested({k: v for k, v in zip(header, cells, strict=True) if v != ""})
            yield Row(reader.line_num, _as_json(value), value)


def _nobody_named(header: Sequence[str], source: str, kinds: Iterable[str]) -> InputError:
    """Return the error of a header without a subject. Its own words are not repeated: it may be a row of values."""
    needed = [f"{_SUBJECT}{kind}" for kind in sorted(kinds)]
    given = [name for name in needed if name.removeprefix(_SUBJECT) in {cell.strip().lower() for cell in header}]
    hint = f" There is a column '{given[0].removeprefix(_SUBJECT)}': call it '{given[0]}'." if given else ""
    return InputError(
        "consent.file",
        "no column of the header says whose a row is.",
        where=f"{source}:1",
        fix=f"Give at least one of: {', '.join(needed)}.{hint} The other columns are the keys of the row's format, "
        "for native: purpose, status, notice_version, valid_from.",
    )


class _Recent:
    """Lines of a CSV file, and the bytes of those that make the current row, which are no more than is allowed."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.read = bytearray()

    def forget(self) -> None:
        """Begin another row."""
        self.read.clear()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.read += line.encode("utf-8", "surrogateescape")
        if len(self.read) > LONGEST_LINE:
            del self.read[LONGEST_LINE:]
            raise csv.Error
        return line


def _of_table(source: str) -> Iterator[Row]:
    from delible.store.delta_rows import delta_rows

    for number, found in enumerate(delta_rows(source), start=1):
        value = _nested({k: v for k, v in found.items() if v is not None})
        yield Row(number, _as_json(value), value)


def _of_documents(file: BinaryIO, source: str) -> Iterator[Row]:
    data = file.read(_LARGEST_DOCUMENT + 1)
    if len(data) > _LARGEST_DOCUMENT:
        raise InputError("consent.file", f"the file is larger than {_LARGEST_DOCUMENT} bytes.", where=source)
    try:
        whole = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except (Broken, ValueError, RecursionError):
        yield from _of_lines(data.splitlines(keepends=True))
        return
    for number, value in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        raw = _as_json(value)
        if isinstance(value, dict):
            yield Row(number, raw, value)
        else:
            yield Row(number, raw, None, Broken("line", "is not a JSON object"))


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise Broken("line", f"is longer than {LONGEST_LINE} bytes")
    try:
        found = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise Broken("line", "is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise Broken("line", "is not JSON") from None
    if not isinstance(found, dict):
        raise Broken("line", "is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: `given` and `withdrawn` in one line must not be settled by their order."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise Broken("line", "has a key twice")
    return dict(pairs)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns with the subject's in an object of their own."""
    named = {k.removeprefix(_SUBJECT): v for k, v in flat.items() if k.startswith(_SUBJECT)}
    value = {k: v for k, v in flat.items() if not k.startswith(_SUBJECT)}
    inner = value.get("subject")
    if isinstance(inner, dict):
        value["subject"] = {k: v for k, v in inner.items() if v is not None}
    return value | ({"subject": named} if named else {})


def _is_text(cells: Iterable[str]) -> bool:
    return not any("\udc80" <= c <= "\udcff" for cell in cells for c in cell)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, default=_plain).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else ""


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not allowed"
        raise InputError("consent.file", f"the file cannot be read: {reason}.", where=source) from None


def _lines(file: Any) -> Iterator[bytes]:
    """Yield lines, each cut off just after the longest that is allowed; its rest belongs to it."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)
            if not line or len(line) <= LONGEST_LINE:
                break
