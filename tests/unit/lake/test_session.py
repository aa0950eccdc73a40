"""What the embedded session is started with: a workspace's own settings go on top, and none of them makes it talk."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.lake.jdk import jar_folder
from delible.lake.session import SMALL, _embedded

DEFAULT, EXTRA = "spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"


@pytest.fixture(autouse=True)
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIBLE_CACHE", str(tmp_path))
    jar_folder().mkdir(parents=True)


@pytest.mark.parametrize("own", [{}, {EXTRA: "-Xss8m"}, {DEFAULT: "-Xss8m"}, {SMALL: "true", DEFAULT: "-Xss8m"}])
def test_own_java_options_are_added_and_the_log_stays_quiet(own: dict[str, str]) -> None:
    settings = _embedded(own, None)
    assert "-Dlog4j2.configurationFile=" in settings[DEFAULT]
    assert settings.get(EXTRA) == own.get(EXTRA)
    assert settings[DEFAULT].endswith(own.get(DEFAULT, "-Dderby.system.home=/nonexistent"))
    assert ("-XX:+UseSerialGC" in settings[DEFAULT]) is (SMALL in own)


def test_own_settings_win() -> None:
    assert _embedded({}, None)["spark.driver.memory"] == "2g"
    assert _embedded({"spark.driver.memory": "4g"}, None)["spark.driver.memory"] == "4g"
