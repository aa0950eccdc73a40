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

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from delible.errors import DelibleError, InputError
from delible.lake.csv_text import checked_header
from delible.lake.facts import current_version, open_table, quoted, read
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
class Loaded:
    """A table that was just made."""

    location: str
    version: int
    rows: int
    columns: dict[str, str]


def load(
    spark: SparkSession,
    files: Sequence[Path],
    location: str,
    *,
    table: str,
    format: Format | None = None,
    statistics_on: Sequence[str] | StatisticsRule | None = None,
) -> Loaded:
    """Make a Delta table from CSV, Parquet or JSON-lines files of one form.

    Args:
        location: Folder of the new table.
        format: By default what the files' endings say.
        statistics_on: Columns that Delta keeps minimum and maximum of, or what names them when their types are known;
            empty for none, and by default Delta's own choice, the first 32. The statistics stand in the transaction
            log, in clear, until it expires.

    Raises:
        InputError: `table.exists`; `load.file`, `load.format`, `load.header`, `load.row`, `load.encoding`,
            `load.statistics` with their place. No table is left behind.
    """
    chosen = format or _format_of(files)
    _check_files(files)
    frame = _frame(spark, files, chosen)
    with _new_folder(location, table):
        writer = frame.write.format("delta").mode("errorifexists")
        if statistics_on is not None:
            chosen_columns = statistics_on(_types(frame)) if callable(statistics_on) else statistics_on
            writer = writer.options(**_statistics(frame, chosen_columns))
        try:
            writer.save(location)
        except PySparkException as error:
            raise _write_error(error, table) from None
    return Loaded(
        location=location,
        version=current_version(open_table(spark, location, table=table)),
        rows=read(spark, location).count(),
        columns=_types(frame),
    )


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


def _check_files(files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise InputError("load.file", "there is no such file.", where=str(file))


def _frame(spark: SparkSession, files: Sequence[Path], chosen: Format) -> DataFrame:
    paths = [_literal(file) for file in files]
    try:
        if chosen == "csv":
            return _csv(spark, files, paths)
        if chosen == "jsonl":
            return _json_lines(spark, files, paths)
        return spark.read.parquet(*paths)
    except PySparkException:
        raise InputError("load.file", f"the file is not {chosen}.", where=str(files[0])) from None


def _literal(file: Path) -> str:
    """Return a path in which Hadoop sees no pattern, whatever characters it holds."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", str(file.resolve()))


def _csv(spark: SparkSession, files: Sequence[Path], paths: list[str]) -> DataFrame:
    names = checked_header(files)
    schema = T.StructType([T.StructField(name, T.StringType()) for name in names])
    options = {"header": "true", "multiLine": "true", "quote": '"', "escape": '"', "mode": "FAILFAST"}
    reader = spark.read.schema(schema).options(**options, maxCharsPerColumn="-1", encoding="UTF-8")
    return typed(reader.csv(paths))


def _json_lines(spark: SparkSession, files: Sequence[Path], paths: list[str]) -> DataFrame:
    for file in files:
        _check_json_lines(file)
    return spark.read.options(mode="FAILFAST", encoding="UTF-8").json(paths)


def _check_json_lines(file: Path) -> None:
    number = 0
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip() and not isinstance(json.loads(line), dict):
                    raise InputError("load.row", "the line is not a JSON object.", where=f"{file}:{number}")
    except UnicodeDecodeError:
        raise InputError("load.encoding", "the file is not UTF-8 text.", where=str(file)) from None
    except (json.JSONDecodeError, RecursionError):
        raise InputError("load.row", "the line is not JSON.", where=f"{file}:{number}") from None


@contextmanager
def _new_folder(location: str, table: str) -> Iterator[None]:
    """Make the table's folder, which nobody else then can, and take it away again when the load fails."""
    if "://" in location:
        yield
        return
    folder = Path(location)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        unfinished = not (folder / "_delta_log").is_dir()
        raise InputError(
            "table.exists",
            f"the folder of table '{table}' is already there{' and holds no Delta table' if unfinished else ''}.",
            where=str(folder),
            fix="Choose another name; nothing is ever overwritten.",
        ) from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


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
