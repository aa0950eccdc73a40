"""The guard of the unit tests can fail."""

import subprocess
import sys
from pathlib import Path

SESSION = """
import sys
from pyspark.sql import SparkSession
SparkSession.builder.master("local[1]").getOrCreate()
"""


def test_a_spark_session_cannot_be_started_here_and_is_noticed(no_jvm: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", SESSION], capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "a unit test started a JVM" in answer.stderr
    assert no_jvm.exists()
    no_jvm.unlink()


def test_asking_java_for_its_version_is_allowed(no_jvm: Path) -> None:
    assert subprocess.run(["java", "-version"], check=False).returncode == 0
    assert not no_jvm.exists()
