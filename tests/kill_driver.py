"""`delible` in a process of its own that dies by SIGKILL just before the n-th lasting effect it would have.

What follows the n-th effect until the next one lasts nowhere, so that to die before each is to die at every boundary.
Nothing in the product knows of it: what writes is wrapped from outside, before the product is imported.

SIGKILL leaves the disk as it is. A process that lives may therefore copy its workspace before each effect: each copy is
what a death there would leave, as long as Spark does nothing at that instant, and at a boundary it does not.

Environment:
    KILL_AT: The number of the effect, from 1; 0 to live.
    KILL_COPIES: A folder that takes the copies, each named by the number of the effect.
    KILL_LOG: A file that takes the name of each effect.
    KILL_JVM: `port secret` of a JVM to use, which survives; without it the process has one of its own, which dies, too.
        `none` for a lake without one (`fake_lake`).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import deltalake

AT = int(os.environ["KILL_AT"])
LOG = os.open(os.environ["KILL_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
COPIES = os.environ.get("KILL_COPIES")
JVM = os.environ.get("KILL_JVM")
copytree = shutil.copytree
numbers = count(1)


def lasting(name: str) -> None:
    """Count an effect, and die if it is the one."""
    number = next(numbers)
    os.write(LOG, f"{name}\n".encode())
    if COPIES is not None:
        copytree(".", Path(COPIES) / str(number))
    if number == AT:
        if JVM in (None, "none"):
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def counted(owner: Any, method: str, tell: Callable[..., str]) -> None:
    """Let a function count as an effect each time it is called."""
    inner = getattr(owner, method)

    def outer(*args: Any, **kwargs: Any) -> Any:
        lasting(f"{method} {tell(*args)}".strip())
        return inner(*args, **kwargs)

    setattr(owner, method, outer)


class Deleting:
    """A file system whose deletions count."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def delete_file(self, path: str) -> None:
        lasting(f"delete_file {Path(path).name}")
        self._inner.delete_file(path)


def wrap() -> None:
    """Wrap all that writes."""
    counted(deltalake, "write_deltalake", lambda table, *_: Path(table.table_uri).name)
    counted(Path, "unlink", lambda path: path.name)
    counted(Path, "replace", lambda path, _: path.name.split(".")[1] if path.name[0] == "." else path.name)
    counted(os, "rename", lambda old, _: Path(old).name)
    counted(os, "rmdir", lambda path: "")
    counted(shutil, "rmtree", lambda path, *_: Path(path).name)
    if JVM == "none":
        for method in ("delete", "vacuum", "create_checkpoint"):
            counted(deltalake.DeltaTable, method, lambda table, *_: Path(table.table_uri).name)
    else:
        wrap_spark()

    from delible.lake import purge

    found = purge.log_of

    def log_of(location: str) -> tuple[Any, str]:
        filesystem, log = found(location)
        return Deleting(filesystem), log

    purge.log_of = log_of  # type: ignore[assignment]


def wrap_spark() -> None:
    """Wrap commands to Spark."""
    import delta.tables
    from pyspark.sql.session import SparkSession

    counted(delta.tables.DeltaMergeBuilder, "execute", lambda *_: "")
    counted(delta.tables.DeltaTable, "vacuum", lambda *_: "")
    counted(SparkSession, "sql", lambda _, text, *__: " ".join(text.split()[:2]))


def attach(port: str, secret: str) -> None:
    """Use the session of another process's JVM, as a process does that was submitted to a cluster."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql.session import SparkSession

    os.environ |= {"PYSPARK_GATEWAY_PORT": port, "PYSPARK_GATEWAY_SECRET": secret}
    gateway = launch_gateway()
    jvm: Any = gateway.jvm
    SparkContext._ensure_initialized(gateway=gateway)
    shared = jvm.org.apache.spark.SparkContext.getOrCreate()
    java = jvm.org.apache.spark.api.java.JavaSparkContext.fromSparkContext(shared)
    context = SparkContext(gateway=gateway, jsc=java, conf=SparkConf(_jconf=java.getConf()))
    jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    session = SparkSession(context).newSession()
    jvm.org.apache.spark.sql.SparkSession.setActiveSession(session._jsparkSession)

    # As with a JVM of one's own, the session has ended when bytes are searched, so no worker of Spark searches.
    from delible.workflows import verification

    verification.end_session = lambda _: jvm.org.apache.spark.sql.SparkSession.clearActiveSession()
    verification._cluster = lambda: None


if __name__ == "__main__":
    wrap()
    if JVM == "none":
        import fake_lake

        fake_lake.install()
    elif JVM is not None:
        attach(*JVM.split())
    from delible.cli.main import main

    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
