"""Unit tests start no JVM."""

from no_jvm import java_stand_in, no_jvm

__all__ = ["java_stand_in", "no_jvm"]
