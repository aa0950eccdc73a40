"""Files into a new Delta table: nothing is overwritten, no value is changed by a guess, no bad row is dropped."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from delible.errors import DelibleError, InputError
from delible.lake.commits import current_version
from delible.lake.csv_text import checked
from delible.lake.facts import quoted, read
from delible.lake.text_types import typed

Format = Literal["csv", "parquet", "jsonl"]
StatisticsRule = Callable[[Mapping[str, str]], Sequence[str]]
"""From columns and their Spark types to the columns that statistics are kept on."""

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True)
class Source:
    """Files that were read to their end and found sound, and the new table that they are for.

    Args:
        location: Folder of the new table.
        names: The header of CSV files.
        rows: As counted here; Spark must come to the same number.
    """

    files: tuple[Path, ...]
    format: Format
    table: str
    location: str
    names: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Loaded:
    """A table that was just made."""

    location: str
    version: int
    rows: int
    columns: dict[str, str]


def inspected(files: Sequence[Path], location: str, *, table: str, format: Format | None = None) -> Source:
    """Return what a load will read, checked without Spark.

    Args:
        location: Folder of the new table.
        format: By default what the files' endings say.

    Raises:
        InputError: `table.exists`; `load.file`, `load.format`, `load.header`, `load.row`, `load.encoding` with their
            place.
    """
    if "://" not in location and Path(location).exists():
        raise _exists(Path(location), table)
    chosen = format or _format_of(files)
    for file in files:
        if not file.is_file():
            raise InputError("load.file", "there is no such file.", where=str(file))
    names: list[str] = []
    if chosen == "csv":
        names, rows = checked(files)
    else:
        rows = sum(map(_json_rows if chosen == "jsonl" else _parquet_rows, files))
    return Source(tuple(files), chosen, table, location, tuple(names), rows)


def load(spark: SparkSession, source: Source, *, statistics_on: Sequence[str] | StatisticsRule | None = None) -> Loaded:
    """Make a Delta table from CSV, Parquet or JSON-lines files of one form.

    Args:
        statistics_on: Columns that Delta keeps minimum and maximum of, or what names them when their types are known;
            empty for none, and by default Delta's own choice, the first 32. The statistics stand in the transaction
            log, in clear, until it expires.

    Raises:
        InputError: `table.exists`, `load.columns`, `load.statistics`, `load.row`. No table is left behind.
    """
    frame = _frame(spark, source)
    with _new_folder(source):
        writer = frame.write.format("delta").mode("errorifexists")
        if statistics_on is not None:
            chosen = statistics_on(_types(frame)) if callable(statistics_on) else statistics_on
            writer = writer.options(**_statistics(frame, chosen))
        try:
            writer.save(source.location)
        except PySparkException as error:
            raise _write_error(error, source.table) from None
        rows = read(spark, source.location).count()
        if rows != source.rows:
            raise InputError(
                "load.row",
                f"the files have {source.rows} rows, Spark reads {rows} from them.",
                where=f"table:{source.table}",
            )
    version = current_version(source.location)
    return Loaded(location=source.location, version=version, rows=rows, columns=_types(frame))


def _types(frame: DataFrame) -> dict[str, str]:
    return {f.name: f.dataType.simpleString() for f in frame.schema.fields}


def _format_of(files: Sequence[Path]) -> Format:
    formats = {FORMATS.get(file.suffix.lower()) for file in files}
    found = next(iter(formats)) if len(formats) == 1 else None
    if found is None:
        raise InputError(
            "load.format",
            "the files' endings do not say one format.",
            where=str(files[0]) if files else None,
            fix="Give --format csv, parquet or jsonl.",
        )
    return found


def _frame(spark: SparkSession, source: Source) -> DataFrame:
    paths = [_literal(file) for file in source.files]
    reader = spark.read.options(mode="FAILFAST", encoding="UTF-8")
    try:
        if source.format == "parquet":
            return spark.read.parquet(*paths)
        if source.format == "jsonl":
            return reader.json(paths)
        schema = T.StructType([T.StructField(name, T.StringType()) for name in source.names])
        form = {"header": "true", "multiLine": "true", "quote": '"', "escape": '"', "maxCharsPerColumn": "-1"}
        return typed(reader.schema(schema).options(**form).csv(paths))
    except PySparkException:
        raise InputError(
            "load.file", f"the files cannot be read as {source.format}.", where=str(source.files[0])
        ) from None


def _parquet_rows(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError):
        raise InputError("load.file", "the file is not Parquet.", where=str(file)) from None


def _literal(file: Path) -> str:
    """Return a path in which Hadoop sees no pattern, whatever characters it holds."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", str(file.resolve()))


def _json_rows(file: Path) -> int:
    number = rows = 0
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if not isinstance(json.loads(line), dict):
                    raise InputError("load.row", "the line is not a JSON object.", where=f"{file}:{number}")
                rows += 1
    except UnicodeDecodeError:
        raise InputError("load.encoding", "the file is not UTF-8 text.", where=str(file)) from None
    except (json.JSONDecodeError, RecursionError):
        raise InputError("load.row", "the line is not JSON.", where=f"{file}:{number}") from None
    return rows


@contextmanager
def _new_folder(source: Source) -> Iterator[None]:
    """Make the table's folder, which nobody else then can, and take it away again when the load fails."""
    if "://" in source.location:
        yield
        return
    folder = Path(source.location)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise _exists(folder, source.table) from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _exists(folder: Path, table: str) -> InputError:
    finished = (folder / "_delta_log").is_dir()
    return InputError(
        "table.exists",
        f"the folder of table '{table}' is already there{'' if finished else ' and holds no Delta table'}.",
        where=str(folder),
        fix="Choose another name; nothing is ever overwritten."
        if finished
        else "Remove it if a load was killed here, or choose another name.",
    )


def _statistics(frame: DataFrame, columns: Sequence[str]) -> dict[str, str]:
    unknown = [name for name in columns if name not in frame.columns]
    if unknown:
        raise InputError("load.statistics", f"no column '{unknown[0]}' to keep statistics on.")
    if not columns:
        return {"delta.dataSkippingNumIndexedCols": "0"}
    return {"delta.dataSkippingStatsColumns": ",".join(quoted(name) for name in columns)}


def _write_error(error: PySparkException, table: str) -> DelibleError:
    """Return an error without Spark's message, which may quote a row."""
    where = f"table:{table}"
    if isinstance(error, AnalysisException):
        return InputError("load.columns", "Delta refuses the columns' names or types.", where=where)
    return InputError("load.row", "a row could not be read as its file's form says.", where=where)
