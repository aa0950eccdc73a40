"""One Spark session for all Spark tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.lake.session import spark_session
from small_shop import ONE_COMPILER, SHORT_RUN

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LONGEST = (
    "test_erasure_matrix.py",
    "test_rectification.py",
    "test_adventureworks_run.py",
    "test_erasure_features.py",
    "test_history.py",
    "test_holds_in_windows.py",
    "test_erasure_others.py",
    "test_notebooks.py",
    "test_erasure.py",
    "test_erasure_kill.py",
    "test_lineage_runs.py",
    "test_writers.py",
    "test_guard.py",
    "test_cluster.py",
    "test_erasure_bucket.py",
    "test_retention_rules.py",
    "test_scan.py",
)
"""Begun first, so that two workers end at about the same time."""

ONE_TASK = {"spark.master": "local[1]"}
"""Two workers share two cores; with two tasks at once each job on a few rows had twice the tasks. `jobs/`, notebooks,
the demo company and the cluster have more than one."""

ROOM = "-Xms800m -Xmn400m"
"""With the JVM's own first guess at a heap, a twentieth of the time goes into collecting garbage."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lay the longest files before all others; within a file the order stays."""
    rank = {Path(__file__).with_name(name): number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return the embedded session, with its scratch files under the test run's own folder."""
    settings = {
        **SHORT_RUN,
        **ONE_TASK,
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f"{ONE_COMPILER} {ROOM}",
    }
    session = spark_session(settings, scratch=tmp_path_factory.mktemp("scratch"))
    yield session
    session.stop()
