"""No JVM: a stand-in for Java is first in line, and whoever runs it fails the test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

STAND_IN = """#!/bin/sh
case "$*" in
-version) echo 'openjdk version "17.0.1"' >&2 ;;
*) echo started >> "$(dirname "$0")/started"; echo 'a unit test started a JVM' >&2; exit 97 ;;
esac
"""


@pytest.fixture(scope="session")
def java_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("no-jvm")
    java = home / "bin" / "java"
    java.parent.mkdir()
    java.write_text(STAND_IN)
    java.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def no_jvm(java_stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make JAVA_HOME and PATH lead to the stand-in, and fail when it was asked for more than its version."""
    started = java_stand_in / "bin" / "started"
    started.unlink(missing_ok=True)
    monkeypatch.setenv("JAVA_HOME", str(java_stand_in))
    monkeypatch.setenv("PATH", f"{java_stand_in / 'bin'}{os.pathsep}{os.environ['PATH']}")
    yield started
    if started.exists():
        started.unlink()
        pytest.fail("this unit test started a JVM")
