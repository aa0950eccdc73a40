"""Values of a table looked at where they are: only counts per column come back to the driver."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from math import ceil
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, Observation, Window
from pyspark.sql import functions as F

from delible.decide.tagging import TEXTS, ColumnFacts
from delible.detect.columns import named
from delible.errors import DelibleError
from delible.lake.documents import ANY, BEGINNING, MOST_VALUES, folded, parts
from delible.lake.documents import LONGEST as LONGEST_DOCUMENT
from delible.lake.leaves import Leaf, leaves, values_of
from delible.lake.session import setting, watched
from delible.lake.workers import of_column, recognizers_told
from delible.model.detection import DEFAULT_DETECTION, Detection

DEFAULT_SAMPLE = 1_000
_VALUES_PER_TASK, _TASKS_PER_CORE, _MANY = 200, 8, 20_000
_COLUMNS = ("leaf", "path", "kind", "value")
_OPENED = "leaf int, path string, kind string, value string"
_COUNTS = "leaf int, path string, kind string, what string, name string, n bigint"
_ALL, _MORE, _ROWS, _CUT = "values", "more", "rows", "cut"
_DOCUMENTS, _LONG = "//documents", "//long"
"""In place of paths, which no document's own can be: that there is a document, and that not all of it was opened."""
_KINDS = ("hits", "whole", "shapes", "row_hits")
_DOCUMENT = f"^{BEGINNING}"
_MOST_PATHS = 1_000
_WIDEST = ("string", "bigint", "double", "boolean")
_BATCH = {"spark.sql.execution.arrow.maxRecordsPerBatch": "1000"}
"""A column's longest documents, a batch of them, must fit into a worker's memory."""


class _Place(NamedTuple):
    """A leaf, or a path with values of one kind in the documents that stand in it."""

    leaf: int
    path: str
    kind: str


_Counts = Mapping[_Place, Mapping[str, Counter[str]]]


def scan(
    frame: DataFrame,
    *,
    sample: int | None = DEFAULT_SAMPLE,
    whole: bool = True,
    expected: int | None = None,
    detection: Detection = DEFAULT_DETECTION,
    exact: bool = False,
    tell: Callable[[float], None] | None = None,
) -> list[ColumnFacts]:
    """Return what was counted in each leaf column, in the order of the schema.

    JSON and XML in strings are looked at twice: as the text that they are, and value by value, each path of a column
    being a column of its own right behind it.

    Args:
        sample: Distinct values per column at most, those with the lowest hash; None looks at every one.
        whole: The rows are all that the table has.
        expected: About how many rows there are, to choose the number of tasks.
        detection: What is looked for; its model reads values that people may have written.
        exact: Run plain Presidio, which finds the same and takes many times as long.
        tell: Called with the share of the work that is done, now and then.

    Raises:
        DelibleError: `detect.recognizer_slow`, `detect.slow` and `detect.failed`, naming the column and the recognizer;
            `tags.scan_failed` when a worker fails otherwise; the values it worked on are not repeated.
    """
    every = list(leaves(frame.schema))
    read = [leaf for leaf in every if leaf.read]
    if not read:
        return [ColumnFacts(leaf.path, leaf.kind) for leaf in every]
    rows = Observation()
    drawn = _drawn(frame.observe(rows, F.count(F.lit(1)).alias("rows")), read, sample)
    examine = partial(_examine, detection=detection, sample=sample, exact=exact, database=_database(detection, exact))
    spread = drawn.repartition(_tasks(frame, len(read), sample, expected))
    counted = spread.mapInArrow(examine, _COUNTS)
    summed = counted.groupBy("leaf", "path", "kind", "what", "name").agg(F.sum("n").alias("n"))
    counts: dict[_Place, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    try:
        with (
            recognizers_told([leaf.path for leaf in read]),
            setting(frame.sparkSession, _BATCH),
            watched(frame.sparkSession, tell or (lambda _: None)),
        ):
            for row in summed.collect():
                counts[_Place(row["leaf"], row["path"], row["kind"])][row["what"]][row["name"]] = row["n"]
    except PythonException:
        raise DelibleError("tags.scan_failed", "a worker failed while it looked at values.") from None
    total = int(rows.get["rows"])
    number = {leaf.path: i for i, leaf in enumerate(read)}
    found: list[ColumnFacts] = []
    for leaf in every:
        own = number.get(leaf.path)
        if own is None:
            found.append(ColumnFacts(leaf.path, leaf.kind))
            continue
        found.append(_facts(leaf.path, leaf.kind, counts.get(_Place(own, "", ""), {}), whole, total))
        found += _paths(leaf, own, counts, whole, total)
    return found


def _facts(path: str, kind: str, counts: Mapping[str, Counter[str]], whole: bool, rows: int) -> ColumnFacts:
    own = counts.get(_ALL, Counter())
    maps: dict[str, Any] = {what: dict(counts.get(what, {})) for what in _KINDS}
    complete = whole and not own[_MORE] and not own[_CUT]
    return ColumnFacts(path, kind, values=own[_ALL], complete=complete, rows=rows, cut=own[_CUT], **maps)


def _paths(leaf: Leaf, own: int, counts: _Counts, whole: bool, rows: int) -> Iterator[ColumnFacts]:
    """Yield what was counted at each path of the documents in a column."""
    documents = counts.get(_Place(own, "", ""), {}).get(_DOCUMENTS, Counter())[_DOCUMENTS]
    places = {place: each for place, each in counts.items() if place.leaf == own and place.path}
    sizes: Counter[str] = Counter()
    for place, each in places.items():
        sizes[place.path] += each[_ALL][_ROWS]
    shown = folded(sizes, documents, telling=lambda path: named(f"{leaf.path}.{path}") is not None)
    merged: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    kinds: dict[str, set[str]] = defaultdict(set)
    for place in places:
        kinds[shown[place.path]].add(place.kind)
    for place, each in places.items():
        for what, names in each.items():
            merged[shown[place.path]][what] += names
    for path, each in sorted(merged.items()):
        yield _facts(f"{leaf.path}.{path}", min(kinds[path], key=_WIDEST.index), each, whole, rows)


def _tasks(frame: DataFrame, leaves: int, sample: int | None, expected: int | None) -> int:
    partitions = int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    values = leaves * min(sample or expected or _MANY, expected or _MANY)
    many = partitions * (_TASKS_PER_CORE if values > _MANY else 1)
    return max(1, min(many, ceil(values / _VALUES_PER_TASK)))


def _drawn(rows: DataFrame, read: list[Leaf], sample: int | None) -> DataFrame:
    """Return each distinct value of each place with the number of its rows."""
    from delible.detect.values import LONGEST

    columns = F.array(*[F.array_distinct(values_of(leaf)) for leaf in read])
    arrays = rows.select(F.posexplode(columns).alias("leaf", "found"))
    stacked = arrays.select("leaf", F.explode("found").alias("value")).where(F.trim("value") != "")
    stacked = stacked.select("leaf", F.make_valid_utf8(F.substring("value", 1, LONGEST_DOCUMENT + 1)).alias("value"))
    texts = frozenset(i for i, leaf in enumerate(read) if leaf.kind in TEXTS)
    opened = stacked.mapInArrow(partial(_open, texts=texts), _OPENED) if texts else _unopened(stacked)
    cut = opened.withColumn("value", F.substring("value", 1, LONGEST + 1))
    distinct = cut.groupBy(*_COLUMNS).agg(F.count(F.lit(1)).alias("rows"))
    if sample is None:
        return distinct.withColumn("place", F.lit(0))
    by_hash = Window.partitionBy("leaf", "path").orderBy(F.xxhash64("value"), "value", "kind")
    return distinct.withColumn("place", F.row_number().over(by_hash)).where(F.col("place") <= sample + 1)


def _unopened(stacked: DataFrame) -> DataFrame:
    return stacked.select("leaf", F.lit("").alias("path"), F.lit("").alias("kind"), "value")


def _open(batches: Iterable[pa.RecordBatch], *, texts: frozenset[int]) -> Iterator[pa.RecordBatch]:
    """Pass values on, and behind documents what stands in them."""
    paths: dict[int, set[str]] = defaultdict(set)
    for batch in batches:
        leaf, value = batch.column(0), batch.column(1).cast(pa.string())
        yield _batch(leaf, pa.repeat("", len(leaf)), pa.repeat("", len(leaf)), value)
        begun = pc.and_(pc.match_substring_regex(value, _DOCUMENT), pc.is_in(leaf, pa.array(sorted(texts), pa.int32())))
        found: list[tuple[int, str, str, str]] = []
        for own, text in zip(leaf.filter(begun).to_pylist(), value.filter(begun).to_pylist(), strict=True):
            inside = parts(text)
            if inside is None:
                continue
            found.append((own, _DOCUMENTS, "", ""))
            if len(inside) > MOST_VALUES:
                found.append((own, _LONG, "", ""))
            found += {
                (own, _bounded(part.path, paths[own]), part.kind, part.value) for part in inside if part.value.strip()
            }
        if found:
            yield _batch(
                *(pa.array(column, kind) for column, kind in zip(zip(*found, strict=True), _TYPES, strict=True))
            )


_TYPES = (pa.int32(), pa.string(), pa.string(), pa.string())


def _bounded(path: str, known: set[str]) -> str:
    """Return the path, or where keys without end are invented, the one path for all others."""
    if path not in known and len(known) >= _MOST_PATHS:
        return f"$.{ANY}" if path.startswith("$") else ANY
    known.add(path)
    return path


def _batch(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), names=list(_COLUMNS))


def _database(detection: Detection, exact: bool) -> bytes | None:
    """Return what workers look for all patterns at once with; compiled here, since it takes seconds."""
    from delible.detect.database import prepared
    from delible.detect.engine import engine

    return None if exact else prepared(engine(detection.unread).expressions)


def _examine(
    batches: Iterable[pa.RecordBatch],
    *,
    detection: Detection,
    sample: int | None,
    exact: bool = False,
    database: bytes | None = None,
) -> Iterator[pa.RecordBatch]:
    """Count one partition's values, with this worker process's one engine."""
    from delible.detect.engine import engine
    from delible.detect.values import Tally

    for each in (detection.unread, detection):
        engine(each).use(database)
    tallies: dict[_Place, Tally] = defaultdict(Tally)
    filled: Counter[_Place] = Counter()
    counts: list[tuple[int, str, str, str, str, int]] = []
    for batch in batches:
        values: dict[_Place, list[tuple[str, int]]] = defaultdict(list)
        for leaf, path, kind, value, rows, place in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            if path == _DOCUMENTS:
                counts.append((leaf, "", "", _DOCUMENTS, _DOCUMENTS, rows))
            elif path == _LONG:
                counts.append((leaf, "", "", _ALL, _CUT, rows))
            elif sample is not None and place > sample:
                counts.append((leaf, path, kind, _ALL, _MORE, 1))
            else:
                values[_Place(leaf, path, kind)].append((value, rows))
        for at, own in values.items():
            filled[at] += sum(n for _, n in own)
            try:
                tallies[at].add_all(own, detection=detection, exact=exact)
            except DelibleError as error:
                raise of_column(error, at.leaf) from None
    for at, tally in tallies.items():
        counts += [(*at, _ALL, _ALL, tally.values), (*at, _ALL, _ROWS, filled[at]), (*at, _ALL, _CUT, tally.cut)]
        for what in _KINDS:
            counts += [(*at, what, name, n) for name, n in getattr(tally, what).items()]
    if counts:
        types = (pa.int32(), pa.string(), pa.string(), pa.string(), pa.string(), pa.int64())
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*counts, strict=True), types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=["leaf", "path", "kind", "what", "name", "n"])
