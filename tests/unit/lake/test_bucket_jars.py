"""What a session for tables in buckets is started with; the JARs themselves are tried in tests/spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.errors import SetupError
from delible.lake import bucket_jars
from delible.lake.jdk import jar_folder
from delible.lake.session import S3, _embedded

ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
    "AWS_ACCESS_KEY_ID": "id-of-the-key",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-key",
    "AWS_REGION": "eu-central-1",
}


@pytest.fixture(autouse=True)
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path))
    jar_folder().mkdir(parents=True)
    folder = bucket_jars.bucket_jar_folder()
    folder.mkdir()
    (folder / "s3.jar").touch()
    return folder / "s3.jar"


def test_a_session_reads_buckets_only_when_asked(jars: Path) -> None:
    assert "spark.jars" not in _embedded({}, None)
    assert _embedded({S3: "true"}, None)["spark.jars"] == str(jars)
    assert _embedded({S3: "true", "spark.jars": "/own.jar"}, None)["spark.jars"] == f"/own.jar,{jars}"


def test_spark_looks_at_the_store_that_all_other_parts_look_at() -> None:
    settings = bucket_jars.bucket_settings({}, ENVIRONMENT)
    assert settings["spark.hadoop.fs.s3a.endpoint"] == ENVIRONMENT["AWS_ENDPOINT_URL"]
    assert settings["spark.hadoop.fs.s3a.path.style.access"] == "true"
    assert settings["spark.hadoop.fs.s3a.endpoint.region"] == "eu-central-1"
    assert "of-the-key" not in str(settings)  # settings are shown in Spark's UI and event logs
    assert not [name for name in bucket_jars.bucket_settings({}, {}) if "s3a" in name]


def test_own_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    own = {S3: "true", "spark.hadoop.fs.s3a.endpoint": "https://store.example"}
    assert _embedded(own, None)["spark.hadoop.fs.s3a.endpoint"] == "https://store.example"


def test_a_hadoop_that_was_not_tried_is_told(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_jars, "_hadoop", lambda: "2.7.3")
    with pytest.raises(SetupError, match=r"2\.7\.3") as told:
        bucket_jars.bucket_jars()
    assert told.value.code == "spark.hadoop_unknown"
