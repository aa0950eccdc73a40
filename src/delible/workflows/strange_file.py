"""A file that nobody knows: its columns judged by their values, as a scan does it, without a JVM."""

from __future__ import annotations

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
_KINDS = {"string": "string", "large_string": "string", "int64": "bigint", "int32": "int", "double": "double"}


@dataclass(frozen=True)
class StrangeFound:
    """What a strange file seems to hold.

    Args:
        most: The largest number of distinct values in a column that tells people apart: so many people at most are
            told apart by it; all rows where no column does.
    """

    rows: int
    most: int
    categories: tuple[CategoryCount, ...]
    columns: int


def look_into(path: Path, detection: Detection, *, now: datetime) -> StrangeFound:
    """Return what a file holds: Parquet, CSV or JSON lines by its ending, otherwise lines of text.

    Names of columns count as evidence, and are told nobody: in a file without a header they are somebody's data.

    Raises:
        OSError, ValueError: When it cannot be read as what its ending says.
    """
    from delible.detect.values import Tally

    table = _table(path)
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
        most=max(telling, default=table.num_rows) if held else 0,
        categories=tuple(
            category_count(category, columns=len(own), rows=max(filled[at] for at in own))
            for category, own in sorted(held.items())
        ),
        columns=table.num_columns,
    )


def _categories(facts: list[ColumnFacts], detection: Detection, now: datetime) -> Iterator[str | None]:
    verdicts = judged(facts, detection, table="file", version=0, at=now)
    for fact, verdict in zip(facts, verdicts, strict=True):
        common = max(fact.hits, key=lambda entity: fact.hits[entity], default=None)
        # A few hits are chance to a scan of a table; of a file that got lost, they are what may be in it.
        yield verdict.category or (category_of(common) if common is not None else None)


def _table(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    ending = path.suffix.lower()
    if ending == ".parquet":
        return pa.parquet.read_table(path)
    if ending in (".csv", ".tsv"):
        return pa.csv.read_csv(path, parse_options=pa.csv.ParseOptions(delimiter="\t" if ending == ".tsv" else ","))
    if ending in (".jsonl", ".ndjson"):
        return pa.json.read_json(path)
    with path.open("rb") as file:
        lines = [line for line in file.read(_LONGEST).decode("utf-8", "replace").splitlines() if line.strip()]
    return pa.table({"text": pa.array(lines, pa.string())})


def _texts(column: Any) -> Counter[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        cast = pc.cast(column, pa.string(), safe=False)
    except pa.ArrowException:
        return Counter(str(value) for value in column.to_pylist() if value is not None)
    counted = pc.value_counts(cast).to_pylist()
    return Counter({each["values"]: each["counts"] for each in counted if each["values"] is not None})
