"""The archive of Spark's classes is used only when it is whole and no other is asked for; else nobody hears of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from delible.lake import class_archive
from delible.lake.class_archive import archive_options, archive_path, make_archive


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path))
    monkeypatch.setattr(class_archive, "java_text", lambda: "openjdk 17")
    (tmp_path / "delible").mkdir()
    return tmp_path / "delible"


@pytest.fixture
def archive(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive as the child process would have left it."""

    def run(command: list[str], **_: object) -> None:
        Path(command[3]).write_bytes(b"classes")

    monkeypatch.setattr(class_archive.subprocess, "run", run)
    assert make_archive()
    [path] = cache.glob("*.jsa")
    assert [path] == list(cache.iterdir())
    return path


def test_it_is_used_and_is_nobody_elses(archive: Path) -> None:
    assert archive_path() == archive
    assert f"-XX:SharedArchiveFile={archive}" in archive_options().split()
    assert archive.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"class", b"classes and more"])
def test_one_of_another_length_is_not_used(content: bytes, archive: Path) -> None:
    """A JVM that maps an archive which was cut short dies of a bus error."""
    archive.write_bytes(content)
    assert archive_path() is None
    assert archive_options() == ""


def test_one_of_another_java_is_not_used(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_archive, "java_text", lambda: "openjdk 21")
    assert archive_path() is None


def test_one_that_belongs_to_somebody_else_is_not_used(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.getuid()
    monkeypatch.setattr(class_archive.os, "getuid", lambda: own + 1)
    assert archive_path() is None


@pytest.mark.parametrize("name", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"])
@pytest.mark.parametrize("given", ["-XX:SharedArchiveFile=own.jsa", "-XX:ArchiveClassesAtExit=own.jsa", "-Xshare:off"])
def test_the_environments_own_choice_stands(
    name: str, given: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"-Xmx1g {given}")
    assert archive_options() == ""


@pytest.mark.parametrize("failure", [OSError("full"), subprocess.CalledProcessError(1, "java")])
def test_one_that_cannot_be_made_is_no_error(failure: Exception, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(class_archive.subprocess, "run", run)
    assert not make_archive()
    assert list(cache.iterdir()) == []


def test_without_a_cache_folder_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path / "nowhere"))
    assert not make_archive()
