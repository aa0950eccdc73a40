"""Whether a cluster's workers can do what delible asks of them, found out before anything is begun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from delible import __version__
from delible.errors import SetupError
from delible.lake import probe
from delible.lake.session import cores, is_local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FIX = (
    "Give the executors an environment with delible: install the same version into their image and name its Python "
    "with --conf spark.pyspark.python=PATH, or ship a packed one with --archives (README, On a cluster)."
)
_MISSING = re.compile(r"No module named '([A-Za-z0-9_.]{1,100})'")
_NO_PYTHON = re.compile(r"Cannot run program|PYTHON_VERSION_MISMATCH")
_asked: set[str] = set()
"""Applications whose workers have answered."""


def refuse_unable_workers(spark: SparkSession) -> None:
    """Refuse a cluster whose workers lack delible, have another version of it, or another Python; once per application.

    As many tasks as the cluster has cores are asked, so not surely each worker.

    Raises:
        SetupError: `spark.workers`.
    """
    if is_local(spark):
        return
    application = str(spark.conf.get("spark.app.id", ""))
    if application not in _asked:
        _ask(spark)
        _asked.add(application)


def _ask(spark: SparkSession) -> None:
    from pyspark import cloudpickle

    tasks = cores(spark)
    cloudpickle.register_pickle_by_value(probe)  # type: ignore[no-untyped-call]
    try:
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(probe.said, "said string").distinct().toArrow()
    except Exception as error:
        # What a worker without Python raises comes as Py4J's own error, and from some versions as PySpark's.
        text = str(error)
        lacking = _MISSING.search(text)
        if lacking is not None:
            raise _unable(f"lack the Python package '{lacking[1]}'") from None
        if _NO_PYTHON.search(text) is not None:
            raise _unable("have no Python of the driver's version at the place that was named") from None
        raise
    finally:
        cloudpickle.unregister_pickle_by_value(probe)  # type: ignore[no-untyped-call]
    for line in rows.column("said").to_pylist():
        what, _, name = line.partition(" ")
        if what == "lacks":
            raise _unable(f"lack the Python package '{name}'")
        if name != __version__:
            raise _unable(f"have delible {name}, and the driver has {__version__}")


def _unable(what: str) -> SetupError:
    return SetupError("spark.workers", f"the cluster's workers {what}.", fix=_FIX)
