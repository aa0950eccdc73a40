"""Several parts together, still without a JVM, each test in a workspace of its own."""

from no_jvm import java_stand_in, no_jvm
from store_fixtures import *  # noqa: F403

__all__ = ["java_stand_in", "no_jvm"]
