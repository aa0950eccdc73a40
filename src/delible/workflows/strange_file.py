"""A file that nobody knows: its columns judged by their values, as a scan does it, without a JVM."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from delible.decide.tagging import ColumnFacts
from delible.model.detection import Detection
from delible.model.taxonomy import category_of, is_identifying, is_personal
from delible.report.breach import CategoryCount, category_count
from delible.workflows.verdicts import judged

_SAMPLE = 1_000
"""Distinct values of a column that are looked at."""
_LONGEST = 50_000_000
"""Bytes of a text file that are read."""
_LARGEST = 2 << 30
"""Bytes of a Parquet file's values: a small file can hold any number of them."""
_ROWS_AT_ONCE = 4_096
_PARQUET = b"PAR1"
_KNOWN = (b"%PDF", b"{\\rtf", b"PK\x03\x04")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
"""What text does not hold: control characters, and what stands for bytes that are no UTF-8."""
_KINDS = {"string": "string", "large_string": "string", "int64": "bigint", "int32": "int", "double": "double"}


@dataclass(frozen=True)
class StrangeFound:
    """What a strange file seems to hold.

    Args:
        most: The largest number of distinct values in a column that tells people apart: so many people at most are
            told apart by it; all rows where no column does. None when that is not known.
        cut: Whether only the beginning was read.
    """

    rows: int
    most: int | None
    categories: tuple[CategoryCount, ...]
    columns: int
    cut: bool = False


def look_into(path: Path, detection: Detection, *, now: datetime) -> StrangeFound:
    """Return what a file holds: Parquet by its first bytes, CSV or JSON lines by its ending, otherwise lines of text.

    Names of columns count as evidence, and are told nobody: in a file without a header they are somebody's data.

    Raises:
        OSError, ValueError: When it cannot be read as what its ending says, is neither Parquet nor text in UTF-8, or
            holds records within records, whose people nobody could count.
        MemoryError: When it is larger than what there is.
    """
    from delible.detect.values import Tally

    table, cut = _table(path)
    facts, distinct, filled = [], [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = _texts(column)
        tally = Tally()
        tally.add_all([(value, n) for value, n in values.most_common(_SAMPLE)], detection=detection)
        kind = _KINDS.get(str(column.type), "string")
        maps: dict[str, Any] = {what: dict(getattr(tally, what)) for what in ("hits", "whole", "shapes", "row_hits")}
        complete = len(values) <= _SAMPLE
        facts.append(ColumnFacts(name, kind, values=tally.values, complete=complete, rows=table.num_rows, **maps))
        distinct.append(len(values))
        filled.append(values.total())
    held: dict[str, list[int]] = {}
    for at, category in enumerate(_categories(facts, detection, now)):
        if category is not None and is_personal(category):
            held.setdefault(category, []).append(at)
    telling = [distinct[at] for category, own in held.items() if is_identifying(category) for at in own]
    return StrangeFound(
        rows=table.num_rows,
        most=None if cut else max(telling, default=table.num_rows) if held else 0,
        categories=tuple(
            category_count(category, columns=len(own), rows=max(filled[at] for at in own))
            for category, own in sorted(held.items())
        ),
        columns=table.num_columns,
        cut=cut,
    )


def _categories(facts: list[ColumnFacts], detection: Detection, now: datetime) -> Iterator[str | None]:
    verdicts = judged(facts, detection, table="file", version=0, at=now)
    for fact, verdict in zip(facts, verdicts, strict=True):
        common = max(fact.hits, key=lambda entity: fact.hits[entity], default=None)
        # A few hits are chance to a scan of a table; of a file that got lost, they are what may be in it.
        yield verdict.category or (category_of(common) if common is not None else None)


def _table(path: Path) -> tuple[Any, bool]:
    """Return a file's rows, and whether they are only the first of it."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.json

    ending = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(8)
    if ending == ".parquet" or start.startswith(_PARQUET):
        return _flat(_parquet(path)), False
    if start.startswith(_KNOWN):
        raise ValueError("no text")
    if ending in (".csv", ".tsv"):
        _refuse_binary(path)
        options = pa.csv.ParseOptions(delimiter="\t" if ending == ".tsv" else ",")
        return pa.csv.read_csv(path, parse_options=options), False
    if ending in (".jsonl", ".ndjson"):
        _refuse_binary(path)
        return _flat(pa.json.read_json(path)), False
    with path.open("rb") as file:
        data = file.read(_LONGEST)
        cut = bool(file.read(1))
    if cut:
        data = data[: data.rfind(b"\n") + 1]
    text = data.decode("utf-8", "replace")
    if _NO_TEXT.search(text):
        raise ValueError("no text")
    if ending == ".json" or text.lstrip()[:1] in ("[", "{"):
        return _documents(text, cut, strict=ending == ".json")
    return _lines(text), cut


def _parquet(path: Path) -> Any:
    """Return a Parquet file's rows, unless its values are more than fits: by its footer, and as they are read."""
    import pyarrow as pa
    import pyarrow.parquet

    with pa.parquet.ParquetFile(path) as file:
        groups = range(file.metadata.num_row_groups)
        if sum(file.metadata.row_group(group).total_byte_size for group in groups) > _LARGEST:
            raise MemoryError
        batches, size = [], 0
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            size += batch.nbytes
            if size > _LARGEST:
                raise MemoryError
            batches.append(batch)
        return pa.Table.from_batches(batches, file.schema_arrow)


def _documents(text: str, cut: bool, *, strict: bool) -> tuple[Any, bool]:
    """Return a JSON document's objects as rows, or JSON lines, or lines of text where `strict` does not forbid."""
    import pyarrow as pa
    import pyarrow.json

    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        try:
            return _flat(pa.json.read_json(pa.BufferReader(text.encode()))), cut
        except pa.ArrowInvalid:
            if strict:
                raise
            return _lines(text), cut
    rows = whole if isinstance(whole, list) else [whole]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of objects")
    if any(isinstance(value, dict | list) for row in rows for value in row.values()):
        raise ValueError("records within records")
    names = dict.fromkeys(name for row in rows for name in row)
    said = {n: [None if row.get(n) is None else str(row[n]) for row in rows] for n in names}
    return pa.table({name: pa.array(values, pa.string()) for name, values in said.items()}), cut


def _lines(text: str) -> Any:
    import pyarrow as pa

    return pa.table({"text": pa.array([line for line in text.splitlines() if line.strip()], pa.string())})


def _flat(table: Any) -> Any:
    """Return a table, unless a row of it may hold any number of people."""
    import pyarrow as pa

    if any(pa.types.is_nested(field.type) for field in table.schema):
        raise ValueError("records within records")
    return table


def _refuse_binary(path: Path) -> None:
    decoder = getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            if _NO_TEXT.search(decoder.decode(data)):
                raise ValueError("no text")
    if decoder.decode(b"", final=True):
        raise ValueError("no text")


def _texts(column: Any) -> Counter[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        cast = pc.cast(column, pa.string(), safe=False)
    except pa.ArrowException:
        return Counter(str(value) for value in column.to_pylist() if value is not None)
    counted = pc.value_counts(cast).to_pylist()
    return Counter({each["values"]: each["counts"] for each in counted if each["values"] is not None})
