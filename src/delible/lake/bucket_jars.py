"""The JARs by which Spark reads and writes tables in buckets: Hadoop's, and of Amazon's SDK what that needs.

Hadoop names the SDK's bundle, 600 MB of clients for everything that Amazon sells. These parts are 13 MB, and Spark
brings what they need besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from delible.errors import SetupError
from delible.lake.jdk import cache_folder, resolved

_SDK = {"3.4.1": "2.24.6", "3.4.2": "2.29.52", "3.5.0": "2.35.4"}
"""The SDK that each release of Hadoop names; Spark 4.0, 4.1 and 4.2 bring these releases."""
_PARTS = ("s3", "s3-transfer-manager", "apache-client", "netty-nio-client", "sts")

_NOT_IN_SPARK = ("org.apache.hadoop_hadoop-aws", "software.amazon.", "org.wildfly.", "org.reactivestreams_")
_RESOLVE = """
from pyspark.sql import SparkSession
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.jars.packages", {packages!r})
    .config("spark.jars.excludes", "software.amazon.awssdk:bundle")
    .getOrCreate()
)
print("JARS=" + spark.conf.get("spark.jars"))
spark.stop()
"""


def bucket_jar_folder() -> Path:
    """Return the folder that caches these JARs for the Hadoop that the installed Spark brings."""
    return cache_folder() / f"s3-hadoop-{_hadoop()}"


def bucket_jars() -> Path:
    """Return the folder of these JARs, resolving them through Spark's own Ivy the first time.

    Raises:
        SetupError: `spark.hadoop_unknown` for a Spark with a Hadoop that was not tried; `spark.jars_unavailable`.
    """
    hadoop = _hadoop()
    if hadoop not in _SDK:
        raise SetupError(
            "spark.hadoop_unknown",
            f"which of Amazon's JARs go with this Spark's Hadoop ({hadoop}) is not known.",
            fix="Give Spark hadoop-aws and its SDK yourself, with 'spark.jars' in delible.yaml.",
        )
    parts = [f"software.amazon.awssdk:{part}:{_SDK[hadoop]}" for part in _PARTS]
    packages = ",".join([f"org.apache.hadoop:hadoop-aws:{hadoop}", *parts])
    script = _RESOLVE.format(packages=packages)
    return resolved(bucket_jar_folder(), script, kept=_NOT_IN_SPARK, what="JARs for buckets", much="37 files, 13 MB")


def bucket_settings(own: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a session needs for tables in buckets.

    Where the store is comes from the variables by which delible's other parts find it, so that all look at the same
    one. Keys stay in the environment, where Hadoop looks for them, too: settings are shown in Spark's UI.

    Args:
        own: The workspace's settings; its `spark.jars` are kept.

    Raises:
        SetupError: As `bucket_jars`.
    """
    jars = [*filter(None, [own.get("spark.jars")]), *map(str, sorted(bucket_jars().glob("*.jar")))]
    settings = {"spark.jars": ",".join(jars), "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        settings |= {"spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true"}
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region:
        settings["spark.hadoop.fs.s3a.endpoint.region"] = region
    return settings


def _hadoop() -> str:
    # Found, not imported: `doctor` answers without loading Spark.
    spark = find_spec("pyspark")
    jars = Path(spark.origin or "").parent / "jars" if spark is not None else Path()
    name = next(iter(sorted(jars.glob("hadoop-client-api-*.jar"))), None)
    return name.stem.removeprefix("hadoop-client-api-") if name is not None else "none"
