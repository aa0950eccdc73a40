"""Tests of policies are read all of them, or the run says which were not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from delible.errors import InputError, PolicyError
from delible.store import policy_cases
from delible.store.policy_cases import read_cases

CASE = "test: {}\nnow: 2026-01-01T00:00:00Z\nrows: {{}}\nexpect: {{}}\n"


def write(policies: Path, *names: str) -> Path:
    folder = policies / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text(CASE.format(name))
    return folder


def test_more_tests_than_are_read_are_refused_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_cases, "_MOST_CASES", 2)
    write(tmp_path, "a", "b", "c")
    with pytest.raises(InputError) as caught:
        read_cases(tmp_path)
    assert (caught.value.code, caught.value.where) == ("policy.too_many_tests", "tests/c.yaml")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path, outside: path.symlink_to(outside), "policy.path"),
        (lambda path, outside: path.symlink_to(outside.with_name("nothing.yaml")), "policy.path"),
        (lambda path, _: path.symlink_to(path.with_name("nothing.yaml")), "policy.unknown_file"),
        (lambda path, _: path.mkdir(), "policy.unknown_file"),
    ],
    ids=["link to a file elsewhere", "broken link elsewhere", "broken link", "folder"],
)
def test_a_test_that_is_no_file_of_the_folder_is_named(
    make: Callable[[Path, Path], None], code: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "policies", "a")
    outside = tmp_path / "outside.yaml"
    outside.write_text(CASE.format("outside"))
    make(folder / "linked.yaml", outside)
    with pytest.raises(PolicyError) as caught:
        read_cases(tmp_path / "policies")
    assert [(p.code, p.where) for p in caught.value.problems] == [(code, "tests/linked.yaml")]
