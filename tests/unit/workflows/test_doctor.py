"""What is broken is found, named and explained; what is well starts no JVM."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from delible.cli.main import main
from delible.store.workspace import create_workspace
from delible.workflows import doctor
from delible.workflows.doctor import Check, Health, broken, examine

SPEAKING = "#!/bin/sh\necho 'openjdk version \"{}\"' >&2\n"


@pytest.fixture(autouse=True)
def cached_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path / "cache"))
    folder = doctor.jar_folder()
    folder.mkdir(parents=True)
    (folder / "delta.jar").touch()
    return folder


def found(folder: Path, name: str) -> Check:
    return next(check for check in examine(folder) if check.name == name)


def java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(SPEAKING.format(version))
    program.chmod(0o755)
    return home


def test_a_sound_installation_has_nothing_broken(tmp_path: Path) -> None:
    assert broken(examine(tmp_path)) is None


@pytest.mark.parametrize(
    ("version", "health"),
    [
        ("1.8.0_402", Health.BROKEN),
        ("11.0.2", Health.BROKEN),
        ("17.0.15", Health.OK),
        ("21", Health.OK),
        ("24.0.1", Health.BROKEN),
    ],
)
def test_the_jdk_is_17_or_21(version: str, health: Health, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "jdk", version)))
    check = found(tmp_path, "jdk")
    assert check.health is health
    assert bool(check.fix) is (health is Health.BROKEN)


def test_no_jdk_is_broken_and_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    check = found(tmp_path, "jdk")
    assert check.health is Health.BROKEN
    assert "JDK 17 or 21" in str(check.fix)


@pytest.mark.parametrize("name", ["deltalake", "pyspark", "delta-spark", "presidio-analyzer"])
def test_a_missing_package_is_broken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.version

    def version(asked: str) -> str:
        if asked == name:
            raise PackageNotFoundError(asked)
        return installed(asked)

    monkeypatch.setattr(doctor, "version", version)
    check = found(tmp_path, name)
    assert check.health is Health.BROKEN
    assert "pip install" in str(check.fix)


@pytest.mark.parametrize(
    ("version", "health"),
    [("4.4.0", Health.OK), ("4.4.1", Health.BROKEN), ("4.9.0", Health.NOTE), ("3.3.0", Health.NOTE)],
)
def test_delta_spark_by_version(version: str, health: Health, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: version if name == "delta-spark" else installed(name))
    assert found(tmp_path, "delta-spark").health is health


def test_jars_that_are_not_cached_are_a_note(
    tmp_path: Path, cached_jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path / "other"))
    assert found(tmp_path, "delta jars").health is Health.NOTE


def test_jars_for_buckets_are_looked_at_when_asked(tmp_path: Path) -> None:
    assert not [check for check in examine(tmp_path) if check.name == "s3 jars"]
    (check,) = [check for check in examine(tmp_path, s3=True) if check.name == "s3 jars"]
    assert check.health is Health.NOTE
    doctor.bucket_jar_folder().mkdir(parents=True)
    (doctor.bucket_jar_folder() / "hadoop-aws.jar").touch()
    (check,) = [check for check in examine(tmp_path, s3=True) if check.name == "s3 jars"]
    assert check.health is Health.OK


def test_an_empty_jar_folder_is_broken(tmp_path: Path, cached_jars: Path) -> None:
    (cached_jars / "delta.jar").unlink()
    assert found(tmp_path, "delta jars").health is Health.BROKEN


def test_no_workspace_is_a_note_and_a_wrong_one_is_broken(tmp_path: Path) -> None:
    assert found(tmp_path, "workspace").health is Health.NOTE
    (tmp_path / "delible.yaml").write_text("stor: here\n")
    assert found(tmp_path, "workspace").health is Health.BROKEN


def test_a_key_file_that_others_can_read_is_broken(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "shop")]) == 0
    assert found(tmp_path / "shop", "keys").health is Health.OK
    (tmp_path / "shop" / "keys.json").chmod(0o644)
    check = found(tmp_path / "shop", "keys")
    assert check.health is Health.BROKEN
    assert "chmod 600" in str(check.fix)


def test_the_command_ends_with_1_and_names_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "ok"
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "jdk", "11.0.2")))
    assert main(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [error["code"] for error in document["errors"]] == ["doctor.jdk"]
    assert {check["name"]: check["health"] for check in document["checks"]}["jdk"] == "broken"


def test_a_model_that_is_missing_is_broken_and_says_how_to_get_it(tmp_path: Path) -> None:
    create_workspace(tmp_path / "w")
    assert found(tmp_path / "w", "people and places").health is Health.OK
    for nlp, health in (("none", Health.NOTE), ("{engine: spacy, model: en_core_web_none}", Health.BROKEN)):
        (tmp_path / "w" / "delible.yaml").write_text(f"detection:\n  nlp: {nlp}\n")
        check = found(tmp_path / "w", "people and places")
        assert check.health is health
    assert "spacy download en_core_web_none" in str(check.fix)
