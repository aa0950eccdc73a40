"""What the embedded session is started with: a workspace's own settings go on top, and none of them makes it talk."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.lake.jdk import jar_folder
from delible.lake.session import SMALL, _embedded, _is_no_interrupt, _own_interrupts, _watch

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


def _somebody_s(_signal: int, _frame: object) -> None: ...


@pytest.mark.parametrize(
    ("before", "kept"), [(_somebody_s, True), (signal.default_int_handler, False), (signal.SIG_IGN, False)]
)
def test_a_handler_of_interrupts_that_somebody_chose_stays_when_spark_brings_its_own(before: Any, kept: bool) -> None:
    """PySpark's cancels all jobs, which is right in a notebook: there Python's own handler stands before."""

    def pyspark(_signal: int, _frame: object) -> None: ...

    found = signal.signal(signal.SIGINT, before)
    try:
        with _own_interrupts():
            signal.signal(signal.SIGINT, pyspark)
        assert signal.getsignal(signal.SIGINT) is (before if kept else pyspark)
    finally:
        signal.signal(signal.SIGINT, found)


def test_py4j_s_traceback_of_an_interrupt_is_left_out_and_nothing_else() -> None:
    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("root", logging.ERROR, "", 1, text, (), None)

    assert not _is_no_interrupt(record("KeyboardInterrupt while sending command."))
    assert _is_no_interrupt(record("Exception while sending command."))


def test_own_settings_win() -> None:
    assert _embedded({}, None)["spark.driver.memory"] == "2g"
    assert _embedded({"spark.driver.memory": "4g"}, None)["spark.driver.memory"] == "4g"


@pytest.mark.parametrize(("steps", "told"), [(False, [0.5, 1.0]), (True, [0.5, 1.0, 0.5])])
def test_of_work_in_steps_each_share_is_told_anew(steps: bool, told: list[float]) -> None:
    class Tracker:
        """Two looks at a job of four tasks, then two at the next job."""

        done = iter([2, 4, 1, 2])

        def getActiveJobsIds(self) -> list[int]:
            return [1]

        def getJobInfo(self, _: int) -> Any:
            return SimpleNamespace(stageIds=[1])

        def getStageInfo(self, _: int) -> Any:
            return SimpleNamespace(numTasks=4, numCompletedTasks=next(self.done))

    looks = iter([False] * 4 + [True])
    said: list[float] = []
    _watch(Tracker(), said.append, SimpleNamespace(wait=lambda _: next(looks)), 0, steps)  # type: ignore[arg-type]
    assert said == told
