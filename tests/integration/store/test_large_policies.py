"""Policies that are far too large: bounded answers in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from delible.errors import InputError, Problem
from delible.store.policies import load_policies
from policy_files import PURPOSE, SOUND, write_policies


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load_policies(folder)
    return list(caught.value.problems)


def test_very_many_problems_are_bounded(tmp_path: Path) -> None:
    many = PURPOSE + "".join(f"key_{i}: {i}\n" for i in range(5_000))
    found = problems(write_policies(tmp_path / "policies", {**SOUND, "purposes/support.yaml": many}))
    assert len(found) == 101
    assert found[-1].message == "4900 more problems are not shown."


def test_hostile_files_take_bounded_time(tmp_path: Path) -> None:
    files = {f"purposes/p{i}.yaml": b"- a\n" * 240_000 for i in range(2)}
    start = time.monotonic()
    assert len(problems(write_policies(tmp_path / "policies", {**SOUND, **files}))) == 2
    assert time.monotonic() - start < 10
