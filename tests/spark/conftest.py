"""One Spark session for all Spark tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from delible.lake.session import spark_session
from small_shop import ONE_COMPILER, SHORT_RUN

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOM = "-Xms800m -Xmn400m"
"""With the JVM's own first guess at a heap, a twentieth of the time goes into collecting garbage."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return the embedded session, with its scratch files under the test run's own folder."""
    settings = {**SHORT_RUN, "spark.driver.memory": "1g", "spark.driver.extraJavaOptions": f"{ONE_COMPILER} {ROOM}"}
    session = spark_session(settings, scratch=tmp_path_factory.mktemp("scratch"))
    yield session
    session.stop()
