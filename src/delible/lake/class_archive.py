"""An archive of the classes that Spark loads, made once, so that each later start of a JVM reads them ready-made.

The JVM ignores an archive that does not fit it, so a wrong one costs time and nothing else (JEP 350, dynamic class-data
sharing). One made with the small profile serves the other, too: it holds no objects, so the garbage collector is free.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from delible.lake.jdk import jar_folder, java_text

QUIET = "-Xlog:cds=off -Xlog:cds+dynamic=off"
_LONGEST = 300
_MAKE = "from delible.lake.warm_up import warm_up; import sys; warm_up(sys.argv[1], sys.argv[2])"
_JVM_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


def archive_path() -> Path | None:
    """Return the archive for this Java, this Spark and these JARs; None without a whole one.

    Its name says how long it is: a JVM that maps one that was cut short dies of a bus error.
    """
    for path in jar_folder().parent.glob(f"classes-{_key()}-*.jsa"):
        with suppress(OSError):
            found = path.stat()
            if path.stem.endswith(f"-{found.st_size}") and found.st_uid == os.getuid():
                return path
    return None


def archive_options() -> str:
    """Return the JVM options that use the archive; nothing without one, or when the environment names its own."""
    archive = archive_path()
    given = " ".join(os.environ.get(name, "") for name in _JVM_VARIABLES)
    if archive is None or re.search(r"Archive|-Xshare", given) or re.search(r"[\s\"'\\]", str(archive)):
        return ""
    # Its checksums take a tenth of a second to verify.
    return f"-XX:SharedArchiveFile={archive} -XX:+VerifySharedSpaces {QUIET}"


def make_archive() -> bool:
    """Make the archive unless it is there; return whether it is there now.

    It only saves time, so nothing is raised when it cannot be made: a full disk, a Java without the feature.
    """
    if archive_path() is not None:
        return True
    sys.stderr.write("Preparing Spark's classes for quick starts, once...\n")
    cache = jar_folder().parent
    with suppress(OSError, subprocess.SubprocessError), TemporaryDirectory(prefix=".classes-", dir=cache) as folder:
        new = Path(folder, "new.jsa")
        # Options of the environment that name archives would stand in the way of this one.
        environment = {name: value for name, value in os.environ.items() if name not in _JVM_VARIABLES}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        command = [sys.executable, "-c", _MAKE, str(new), str(Path(folder, "warm"))]
        subprocess.run(command, capture_output=True, check=True, env=environment, timeout=_LONGEST)
        new.chmod(0o600)
        new.replace(cache / f"classes-{_key()}-{new.stat().st_size}.jsa")
    return archive_path() is not None


def _key() -> str:
    # Found, not imported: `doctor` answers without loading Spark.
    spark = find_spec("pyspark")
    parts = (java_text(), str(spark and spark.origin), str(jar_folder()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
