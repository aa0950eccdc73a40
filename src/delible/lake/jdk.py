"""The Java that Spark needs, and the Delta JARs, found before a JVM is asked for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from delible.errors import SetupError

SUPPORTED_JDKS = (17, 21)
"""Spark 4 runs on 17 and 21; 8 and 11 fail late and with a class-file error that nobody can read."""

_WAY_OUT = "Install a JDK 17 or 21 and set JAVA_HOME to it (Debian: apt-get install openjdk-17-jre-headless)."

_NOT_IN_SPARK = ("io.delta_", "io.unitycatalog_")
"""Ivy brings more, but those are older twins of Spark's own JARs, and break it when they come first."""

_RESOLVE = """
import sys
from pyspark.sql import SparkSession
from delta import configure_spark_with_delta_pip
builder = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
)
spark = configure_spark_with_delta_pip(builder).getOrCreate()
print("JARS=" + spark.conf.get("spark.jars"))
spark.stop()
"""


def java_version() -> int:
    """Return the major version of the Java that Spark would start.

    Raises:
        SetupError: `jdk.missing` or `jdk.unsupported`.
    """
    answer = java_text()
    found = re.search(r'version "(\d+)(?:\.(\d+))?', answer)
    if found is None:
        raise SetupError("jdk.missing", "the Java that was found does not say its version.", fix=_WAY_OUT)
    major = int(found[2] or 0) if found[1] == "1" else int(found[1])
    if major not in SUPPORTED_JDKS:
        raise SetupError("jdk.unsupported", f"Java {major} was found.", where=_java(), fix=_WAY_OUT)
    return major


def java_text() -> str:
    """Return what `java -version` says of the Java that Spark would start.

    Raises:
        SetupError: `jdk.missing`.
    """
    return _said_by(_java())


@cache
def _said_by(java: str) -> str:
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return answer.stderr + answer.stdout


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None or shutil.which(java) is None:
        raise SetupError("jdk.missing", "no Java was found.", where=home and "JAVA_HOME", fix=_WAY_OUT)
    return java


def jar_folder() -> Path:
    """Return the folder that caches the Delta JARs for the installed versions of Spark and Delta."""
    from importlib.metadata import version

    return cache_folder() / f"delta-{version('delta-spark')}-spark-{version('pyspark')}"


def cache_folder() -> Path:
    """Return the folder for what is fetched or made once for all workspaces of an account."""
    base = os.environ.get("DELIBLE_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "delible"


def delta_jars() -> Path:
    """Return the folder of Delta JARs, resolving them through Spark's own Ivy the first time.

    Raises:
        SetupError: `spark.jars_unavailable` when they cannot be resolved.
    """
    return resolved(jar_folder(), _RESOLVE, kept=_NOT_IN_SPARK, what="Delta JARs", much="33 files, 87 MB")


def resolved(folder: Path, script: str, *, kept: tuple[str, ...], what: str, much: str) -> Path:
    """Return a folder of JARs, filled by what a script resolves the first time.

    The folder appears whole or not at all: it is filled beside its place and renamed.

    Args:
        script: Python that prints `JARS=` and their paths.
        kept: How the names of those begin that Spark does not bring itself.
        what, much: What is fetched, and how much of it.

    Raises:
        SetupError: `spark.jars_unavailable`.
    """
    if folder.is_dir():
        return folder
    sys.stderr.write(f"Fetching the {what}, once ({much})...\n")
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    line = next((x for x in answer.stdout.splitlines() if x.startswith("JARS=")), None)
    if answer.returncode != 0 or line is None:
        raise SetupError(
            "spark.jars_unavailable",
            f"the {what} could not be resolved.",
            where=str(folder),
            fix="Spark resolves them through Ivy: let this machine reach Maven Central or a mirror set in "
            "~/.ivy2.5.2/ivysettings.xml once, or copy the JARs into the folder named here.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".jars-"))
    for jar in (Path(x.removeprefix("file://")) for x in line.removeprefix("JARS=").split(",")):
        if jar.name.startswith(kept):
            shutil.copy2(jar, staging)
    try:
        staging.rename(folder)
    except OSError:
        shutil.rmtree(staging)
    return folder
