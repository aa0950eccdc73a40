"""What a JVM does before it writes the archive of its classes: a little of everything that delible asks of Spark.

`lake.class_archive` runs it in a process of its own, since a session's settings name the archive that is being made.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark import SparkContext
from pyspark.sql import functions as F

from delible.lake.class_archive import QUIET
from delible.lake.facts import path_table
from delible.lake.session import SMALL, spark_session

_LONGEST_EXIT = 120


def warm_up(archive: str, folder: str) -> None:
    """Do a little of everything in a session of its own, and let its JVM write the archive when it ends.

    Raises:
        OSError: When the JVM has not written it to its end.
    """
    spark = spark_session(
        {SMALL: "true", "spark.driver.defaultJavaOptions": f"-XX:ArchiveClassesAtExit={archive} {QUIET}"},
        scratch=Path(folder, "scratch"),
    )
    table, name = str(Path(folder, "table")), path_table(str(Path(folder, "table")))
    rows = spark.createDataFrame(pa.table({"id": list(range(100)), "text": [f"{n}" for n in range(100)]}))
    rows.write.format("delta").option("delta.enableDeletionVectors", "true").save(table)
    keys = spark.createDataFrame(pa.table({"id": [1, 2]}))
    handle = DeltaTable.forPath(spark, table)
    handle.alias("t").merge(keys.alias("s"), "t.id = s.id").whenMatchedDelete().execute()
    handle.delete(F.col("id") == F.lit(3))
    spark.sql(f"REORG TABLE {name} APPLY (PURGE)")
    spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.checkpointInterval' = '1')")
    handle.vacuum()
    handle.detail().collect()
    handle.history().select("operationMetrics").collect()
    frame = spark.read.format("delta").load(table)
    frame.join(F.broadcast(keys), "id", "left_anti").groupBy("text").agg(F.count("*")).distinct().toArrow()
    frame.mapInArrow(lambda batches: batches, "id long, text string").count()
    jvm = SparkContext._gateway.proc  # type: ignore[union-attr]  # only the JVM's own end says that the archive is whole
    spark.stop()
    with suppress(OSError):
        jvm.stdin.close()
    if jvm.wait(_LONGEST_EXIT) != 0:
        raise OSError("the JVM did not end well")
