"""The Spark session: the active one as it is, a cluster's with what is missing, or the embedded one."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any

from delible.errors import SetupError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DELTA_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

EMBEDDED_CONF = {
    "spark.master": "local[2]",
    "spark.app.name": "delible",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.vacuum.parallelDelete.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.dataFrameQueryContext.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
}
"""Only for the embedded session: with Spark's cluster defaults one VACUUM of a small table takes 66 s instead of 8, and
noting the caller's line for each call of a column function costs more calls into the JVM than the function itself."""


SMALL = "spark.delible.small"
_SMALL_CONF = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
S3 = "spark.delible.s3"
"""Set to `"true"` in `delible.yaml`, the embedded session can read and write tables at `s3a://`."""

_JAVA = "spark.driver.defaultJavaOptions"
"""The JVM reads `spark.driver.extraJavaOptions` behind these, so a workspace's own word is the last."""

_SMALL_JAVA = "-XX:+UseSerialGC"
"""For tables of some thousand rows, generating code for each query costs more than running it: set
`spark.delible.small: "true"` in `delible.yaml` and the embedded session generates less (measured: half the time for the
demo; large tables lose). The JVM keeps both its compilers: without the second a run of five minutes took a tenth more,
and one of a minute no less."""


def spark_session(conf: Mapping[str, str] | None = None, *, scratch: Path | None = None) -> SparkSession:
    """Return the active session, or build one.

    Under `spark-submit` the cluster's own settings win, and only Delta's extension and catalog are added. Otherwise
    the embedded profile is used, changed by `conf`.

    Args:
        conf: The workspace's own Spark settings.
        scratch: Folder for the embedded session's shuffle and spill files. They hold rows of tables, so they must lie
            where the workspace can clear them after a kill.

    Raises:
        SetupError: When pyspark, a JDK or the Delta JARs are missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SetupError(
            "spark.missing", "pyspark is not installed.", fix="Install it with: pip install 'delible[spark]'"
        ) from None
    active = active_session()
    if active is not None:
        return active
    builder = SparkSession.builder
    own = dict(conf or {})
    settings = {**DELTA_CONF, **own} if is_submitted() else _embedded(own, scratch)
    for key, value in settings.items():
        builder = builder.config(key, value)
    with _silent_stdout(), _own_interrupts():
        session = builder.getOrCreate()
    logging.getLogger("py4j").setLevel(logging.WARNING)
    logging.getLogger("py4j.clientserver").setLevel(logging.CRITICAL)  # an interrupt closes its connection
    logging.getLogger().addFilter(_is_no_interrupt)
    if is_submitted():
        _hush_delta(session)
    return session


def _hush_delta(session: SparkSession) -> None:
    """Keep Delta's snapshots out of a cluster's own log: at INFO it prints statistics, and with them rows' values."""
    jvm: Any = session.sparkContext._jvm
    logging_of = jvm.org.apache.logging.log4j
    logging_of.core.config.Configurator.setLevel("org.apache.spark.sql.delta", logging_of.Level.WARN)


def is_submitted() -> bool:
    """Return whether `spark-submit` has started this process."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def active_session() -> SparkSession | None:
    """Return the session that is already there, whoever started it; None without one, or without pyspark."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        return None
    return SparkSession.getActiveSession()


def shipped(spark: SparkSession, data: bytes) -> Any:
    """Return a broadcast of some bytes, which Spark sends to each worker once; its `value` is read there."""
    return spark.sparkContext.broadcast(data)


def is_local(spark: SparkSession) -> bool:
    """Return whether tasks run in the driver's own process, and their Python is the driver's."""
    return str(spark.conf.get("spark.master", "")).startswith("local")


def cores(spark: SparkSession) -> int:
    """Return how many tasks run at once, as far as executors are there by now; two at least, and where nobody knows."""
    try:
        return max(2, int(spark.sparkContext.defaultParallelism))
    except Exception:  # Spark Connect has no context, and each kind of session refuses in its own way
        return 2


def computed(frame: DataFrame) -> DataFrame:
    """Return a frame whose rows are computed now, once: what they came from may change, or be removed.

    On a cluster they are on two workers, where there are two: Spark cannot compute them again when one is lost.
    """
    if is_local(frame.sparkSession):
        return frame.localCheckpoint()
    from pyspark import StorageLevel

    return frame.localCheckpoint(storageLevel=StorageLevel.MEMORY_AND_DISK_2)


@contextmanager
def own_session(spark: SparkSession) -> Iterator[SparkSession]:
    """Give this thread a session with settings of its own, on the same cluster.

    Delta's commands ask for the thread's active session, so it must be the one whose settings are meant.
    """
    session = spark.newSession()
    sessions: Any = session._jvm
    sessions.org.apache.spark.sql.SparkSession.setActiveSession(session._jsparkSession)
    try:
        yield session
    finally:
        sessions.org.apache.spark.sql.SparkSession.clearActiveSession()


def forget_log(spark: SparkSession, location: str) -> None:
    """Make Delta read a table's log anew: another folder has taken its place, with versions of the same numbers."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(location)
    jvm.org.apache.spark.sql.delta.DeltaLog.invalidateCache(spark._jsparkSession, path)


@contextmanager
def setting(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Change settings of a session for a while; what was not set is not set afterwards."""
    before = {name: spark.conf.get(name, None) for name in values}
    for name, value in values.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, known in before.items():
            if known is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, known)


@contextmanager
def watched(
    spark: SparkSession, tell: Callable[[float], None], *, every: float = 3.0, steps: bool = False
) -> Iterator[None]:
    """Tell the share of the running jobs' tasks that is done, now and then; Spark Connect has no tracker.

    Args:
        spark: The session.
        tell: Is given the share whenever it has grown.
        every: Seconds between two looks.
        steps: The work is several jobs, one after the other: the share may fall and grow again.
    """
    try:
        tracker = spark.sparkContext.statusTracker()
    except Exception:  # each kind of session refuses in its own way
        yield
        return
    over = Event()
    watcher = Thread(target=_watch, args=(tracker, tell, over, every, steps), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(tracker: Any, tell: Callable[[float], None], over: Event, every: float, steps: bool) -> None:
    last = 0.0
    while not over.wait(every):
        jobs = filter(None, map(tracker.getJobInfo, tracker.getActiveJobsIds()))
        stages = [tracker.getStageInfo(stage) for job in jobs for stage in job.stageIds]
        total = sum(stage.numTasks for stage in stages if stage)
        share = sum(stage.numCompletedTasks for stage in stages if stage) / total if total else 0.0
        if share > last:
            tell(share)
        if share > last or steps:
            last = share


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Let a JVM that starts now inherit no stdout: Delta prints a line there at each VACUUM, into somebody's JSON."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stdout.flush()
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Keep a handler of SIGINT that somebody chose, as the command line does.

    PySpark's cancels all jobs in the midst of whatever call is under way, and each of them tells the terminal.
    """
    before = signal.getsignal(signal.SIGINT)
    yield
    if callable(before) and before is not signal.default_int_handler and current_thread() is main_thread():
        signal.signal(signal.SIGINT, before)


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Return False for py4j's traceback of an interrupt, which it writes to the root logger."""
    return record.msg != "KeyboardInterrupt while sending command."


def stop_session() -> None:
    """End the active session, if there is one; its shuffle and spill files go with it."""
    active = active_session()
    if active is not None:
        jvm: Any = active.sparkContext._jvm
        active.stop()
        # The JVM lives on, and would give the next session the scratch folder of this one, which is removed.
        owner: Any = getattr(jvm.org.apache.spark.util, "Utils$")
        getattr(owner, "MODULE$").clearLocalRootDirs()


def _embedded(own: Mapping[str, str], scratch: Path | None) -> dict[str, str]:
    from delible.lake.class_archive import archive_options
    from delible.lake.jdk import delta_jars, java_version

    java_version()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    small = own.get(SMALL) == "true"
    settings = DELTA_CONF | EMBEDDED_CONF | (_SMALL_CONF if small else {})
    settings["spark.driver.extraClassPath"] = f"{delta_jars()}/*"
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings["spark.local.dir"] = str(scratch)
        settings["spark.sql.warehouse.dir"] = str(scratch / "spark-warehouse")
    quiet = files("delible.lake") / "log4j2.properties"
    java = [f"-Dlog4j2.configurationFile={quiet} -Dderby.system.home=/nonexistent", _SMALL_JAVA if small else ""]
    java += [archive_options(), own.get(_JAVA, "")]
    if own.get(S3) == "true":
        from delible.lake.bucket_jars import bucket_settings

        settings |= bucket_settings(own, os.environ)
        own = {name: value for name, value in own.items() if name != "spark.jars"}
    return {**settings, **own, _JAVA: " ".join(filter(None, java))}
