"""Run the tests of a workspace's policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delible.decide.policy_case import Outcome, run_case
from delible.errors import BlockedError, InputError, Problem, did_you_mean
from delible.store.policies import load_workspace_policies
from delible.store.policy_cases import read_cases
from delible.store.workspace import Workspace


@dataclass(frozen=True)
class CaseRun:
    """One test that was run."""

    test: str
    file: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as expected; a test that expects nothing has not passed."""
        return bool(self.outcomes) and all(outcome.passed for outcome in self.outcomes)


def run_cases(workspace: Workspace, names: Sequence[str] = ()) -> tuple[CaseRun, ...]:
    """Return the runs of all tests, or of the named ones.

    Raises:
        InputError: `policy.no_tests`, `policy.unknown_test`.
        PolicyError: When policies or tests cannot be read.
    """
    policies = load_workspace_policies(workspace)
    cases = read_cases(workspace.path(workspace.config.policies))
    known = {case.test for case in cases.values()}
    for name in names:
        if name not in known:
            raise InputError("policy.unknown_test", f"there is no such test.{did_you_mean(name, known)}")
    return tuple(
        CaseRun(case.test, file, run_case(policies, case))
        for file, case in cases.items()
        if not names or case.test in names
    )


def failed(runs: Sequence[CaseRun]) -> BlockedError | None:
    """Return the error that runs with a failure end with."""
    problems = []
    for run in runs:
        if not run.outcomes:
            problems.append(Problem("policy.test_failed", f"{run.test}: expects nothing.", run.file))
        problems += [
            Problem("policy.test_failed", f"{run.test}: {o.what}: expected {o.expected}, found {o.found}.", run.file)
            for o in run.outcomes
            if not o.passed
        ]
    if not problems:
        return None
    return BlockedError("policy.test_failed", f"{len(problems)} expectations failed.", problems=tuple(problems))
