"""A standalone cluster of pip's pyspark on this machine, whose workers share nothing with the driver but the disk."""

from __future__ import annotations

import ctypes
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pyspark

from delible.lake.class_archive import archive_options
from delible.lake.jdk import delta_jars

T = TypeVar("T")

PROJECT = Path(__file__).parents[1]
SPARK_HOME = Path(pyspark.__path__[0])
DRIVER_ONLY = re.compile(
    r"(?i)_?_?(delible|pyspark|delta_spark|delta|mypy\w*|pytest\w*|_pytest|hypothesis|moto|faker|ruff"
    r"|mlflow\w*|sklearn|scipy|_?duckdb\w*|jedi)\b"
)
"""What no worker needs, and what must not come from this environment."""


def image(folder: Path, *, without: str = "") -> Path:
    """Make the environment of the executors: a venv with delible's wheel and its dependencies; return its folder.

    The dependencies are this environment's own, by links; Spark's and Delta's Python come with the cluster.

    Args:
        without: A package that is left out.
    """
    venv = folder / "delible"
    subprocess.run([sys.executable, "-m", "venv", "--copies", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (here,) = (Path(p) for p in sys.path if p.endswith("site-packages") and p.startswith(sys.prefix))
    for entry in here.iterdir():
        if not DRIVER_ONLY.match(entry.name) and entry.suffix != ".pth" and entry.name != without:
            (packages / entry.name).symlink_to(entry)
    if without == "delible":
        return venv
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheel")]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = (folder / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return venv


def archive(venv: Path) -> Path:
    """Pack an environment for `--archives`, as README says but for the compression, which takes half a minute.

    It must be a `.tar.gz`: that Spark gives to `tar`. A `.tar` it unpacks by itself, and refuses the entry `./`.
    """
    packed = venv.parent / "delible.tar.gz"
    # Its packages are links; `lib64` is one to `lib`, and would be a second copy of all.
    command = ["tar", "-ch", "--exclude=./lib64", "-C", str(venv), "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar, gzip.open(packed, "wb", compresslevel=0) as file:
        assert tar.stdout is not None
        shutil.copyfileobj(tar.stdout, file, 1 << 20)
    assert tar.returncode == 0
    return packed


_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


def kill(pid: int) -> None:
    """End a process at once, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass
class Cluster:
    """A master and its workers, each a process with an empty home, a folder and temporary files of its own."""

    folder: Path
    url: str = ""
    master: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start the master and two workers."""
        self.master = self._daemon("master", "master.Master", "--webui-port", "0")
        found = until(lambda: re.search(r"spark://127\.0\.0\.1:\d+", self._log("master")))
        self.url = found[0]
        for _ in range(2):
            self.add_worker()

    def add_worker(self) -> None:
        """Start one worker with one core, and wait until the master knows it."""
        number = len(self.workers)
        words = ("--cores", "1", "--memory", "1500m", "--webui-port", "0", self.url)
        self.workers.append(self._daemon(f"worker-{number}", "worker.Worker", *words))
        until(lambda: "Successfully registered" in self._log(f"worker-{number}"))

    def stop(self) -> None:
        """End everything that was started."""
        for process in (*self.workers, self.master):
            if process is not None and process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
        for pid, _ in [*self.processes()]:  # executors whose worker was killed, and their Python
            kill(pid)

    def executors(self) -> list[int]:
        """Return the process ids of the executors that run now."""
        return [pid for pid, words in self.processes() if EXECUTOR in words]

    def processes(self) -> Iterator[tuple[int, str]]:
        """Yield the processes that run in folders of this cluster, with their command lines."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if (path / "cwd").readlink().is_relative_to(self.folder):
                    yield int(path.name), (path / "cmdline").read_text(errors="replace")
            except OSError:  # it has ended meanwhile
                continue

    def _daemon(self, name: str, kind: str, *words: str) -> subprocess.Popen[bytes]:
        own = self.folder / name
        for part in ("home", "local", "tmp", "work"):
            (own / part).mkdir(parents=True)
        environment = {
            "PATH": os.defpath,
            "JAVA_HOME": os.environ.get("JAVA_HOME", ""),
            "SPARK_HOME": str(SPARK_HOME),
            "HOME": str(own / "home"),
            "TMPDIR": str(own / "tmp"),
            "SPARK_LOCAL_DIRS": str(own / "local"),
            "SPARK_WORKER_DIR": str(own / "work"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": _JAVA,
        }
        command = [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}"]
        with (own / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", "0", *words],
                cwd=own / "home",
                env={name: value for name, value in environment.items() if value},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread of the tests holds a lock then
            )

    def _log(self, name: str) -> str:
        return (self.folder / name / "log").read_text(errors="replace")


@contextmanager
def standalone(folder: Path) -> Iterator[Cluster]:
    """Run a cluster for a while."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass(frozen=True)
class Submitted:
    """What a job said."""

    code: int
    out: str
    err: str


def submit(
    cluster: Cluster,
    script: Path,
    words: Sequence[str],
    *,
    python: str | Path,
    master: str | None = None,
    more: Sequence[str] = (),
    on_line: Callable[[str], None] = lambda _: None,
) -> Submitted:
    """Run one job by `spark-submit` on the cluster.

    Args:
        python: What the executors run.
        master: Another one than the cluster's.
        more: Further options of `spark-submit`.
        on_line: Called with each line of the job as it comes: Spark makes one stream of both of its Python's.
    """
    jars = ",".join(sorted(map(str, delta_jars().glob("*.jar"))))
    options = [
        "--master", master or cluster.url,
        "--jars", jars,
        "--driver-memory", "1g",
        "--executor-memory", "1g",
        "--conf", f"spark.pyspark.python={python}",
        "--conf", f"spark.pyspark.driver.python={sys.executable}",
        "--conf", "spark.driver.host=127.0.0.1",
        "--conf", "spark.ui.enabled=false",
        "--conf", "spark.sql.shuffle.partitions=2",
        "--conf", "spark.sql.adaptive.enabled=false",
        "--conf", "spark.sql.codegen.wholeStage=false",
        "--conf", "spark.sql.codegen.factoryMode=NO_CODEGEN",
        "--conf", "spark.sql.sources.parallelPartitionDiscovery.parallelism=2",
        "--conf", "spark.databricks.delta.snapshotPartitions=1",
        "--conf", "spark.python.sql.dataFrameDebugging.enabled=false",
        "--driver-java-options", f"{_JAVA} {archive_options()}",
        "--conf", f"spark.executor.extraJavaOptions={_JAVA}",
        *more,
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(SPARK_HOME / "bin" / "spark-submit"), *options, str(script), *words]
    environment = {**os.environ, "PATH": path, "SPARK_HOME": str(SPARK_HOME)}
    with (cluster.folder / f"{script.stem}-{time.monotonic_ns()}.err").open("w+") as err:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env=environment)
        said = []
        for line in process.stdout or ():
            said.append(line)
            on_line(line)
        process.wait()
        err.seek(0)
        return Submitted(process.returncode, "".join(said), err.read())


def _end_with_parent() -> None:
    """Have Linux kill this process when the one that started it ends, however that does."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def until(look: Callable[[], T], seconds: float = 300.0) -> T:
    """Return what a look finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError("it did not come up")
        time.sleep(0.1)
    return found
