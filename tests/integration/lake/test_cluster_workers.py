"""What a cluster's workers answer, or cannot, told in one line before anything begins; no JVM."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from delible import __version__
from delible.errors import SetupError
from delible.lake import cluster, probe
from delible.lake.cluster import refuse_unable_workers


class Cluster:
    """A session whose every transform is itself, and whose workers answer with some lines or an error."""

    def __init__(self, *said: str, error: str | None = None, master: str = "spark://host:7077") -> None:
        self.conf = {"spark.master": master, "spark.app.id": f"app-{id(self)}"}
        self.sparkContext = self
        self.defaultParallelism = 2
        self._said, self._error, self.asked = said, error, 0

    def range(self, *_: Any, **__: Any) -> Cluster:
        return self

    mapInArrow = distinct = range

    def toArrow(self) -> pa.Table:
        self.asked += 1
        if self._error is not None:
            raise PythonException(self._error)
        return pa.table({"said": list(self._said)})


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_asked", set())


def test_able_workers_are_asked_once_per_application_and_the_drivers_own_never() -> None:
    able, own = Cluster(f"version {__version__}"), Cluster(error="never", master="local[2]")
    for session in (able, able, own):
        refuse_unable_workers(cast("SparkSession", session))
    assert (able.asked, own.asked) == (1, 0)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (Cluster("lacks presidio_analyzer", f"version {__version__}"), "lack the Python package 'presidio_analyzer'"),
        (Cluster("version 0.0.1"), f"have delible 0.0.1, and the driver has {__version__}"),
        (Cluster(error="...\nModuleNotFoundError: No module named 'pyarrow'\n SQLSTATE"), "package 'pyarrow'"),
        (Cluster(error='Cannot run program "./env/bin/python": error=2'), "no Python of the driver's version"),
        (
            Cluster(error="[PYTHON_VERSION_MISMATCH] Python in worker has different version"),
            "no Python of the driver's",
        ),
    ],
)
def test_unable_workers_are_refused_and_what_they_lack_is_named(session: Cluster, words: str) -> None:
    for _ in range(2):  # whoever tries again is told again
        with pytest.raises(SetupError) as raised:
            refuse_unable_workers(cast("SparkSession", session))
        assert raised.value.code == "spark.workers"
        assert words in raised.value.message


def test_another_error_passes_as_it_is() -> None:
    with pytest.raises(PythonException):
        refuse_unable_workers(cast("SparkSession", Cluster(error="no space left on device")))


def test_a_worker_says_what_it_lacks() -> None:
    batches = [pa.record_batch([[1]], ["id"])]
    said = [b["said"].to_pylist() for b in probe.said(iter(batches), ("json", "delible_is_not_here"))]
    assert said == [["lacks delible_is_not_here"]]
    assert [b["said"].to_pylist() for b in probe.said(iter(batches))] == [[f"version {__version__}"]]
