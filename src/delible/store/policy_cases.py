"""The tests of policies: one case per YAML file in `policies/tests`, read whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from delible.errors import InputError, PolicyError, Problem, bounded
from delible.model.policy_case import PolicyCase
from delible.store.policy_problems import problem, problems_of
from delible.store.yaml_file import LARGEST_FILE, read_yaml

FOLDER = "tests"
_MOST_CASES = 1_000


def read_cases(policies: Path) -> dict[str, PolicyCase]:
    """Return the cases below a policy folder by file, such as `tests/orders.yaml`, in the order of their names.

    Raises:
        InputError: `policy.no_tests` when there is none, `policy.too_many_tests`: a run that tests nothing, or not all,
            must not look like a success.
        PolicyError: All problems of all files at once.
    """
    problems: list[Problem] = []
    cases: dict[str, PolicyCase] = {}
    for path in _files(policies / FOLDER):
        file = bounded(f"{FOLDER}/{path.name}", 200)
        case = _read(path, file, problems) if _is_inside(path, file, problems) else None
        if case is None:
            continue
        named = {known.test: where for where, known in cases.items()}
        if case.test in named:
            message = f"'{case.test}' is already a test in {named[case.test]}."
            problems.append(problem("policy.duplicate_name", file, 1, ("test",), message))
        cases[file] = case
    if problems:
        raise PolicyError(problems[0].code, problems[0].message, where=problems[0].where, problems=tuple(problems))
    if not cases:
        raise InputError(
            "policy.no_tests",
            "there is no test of policies.",
            where=f"{policies.name}/{FOLDER}",
            fix="Write one: given rows, and what must become of them. 'Tests' in policies/README.md has an example.",
        )
    return cases


def _files(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        return ()
    found = [p for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".yml") and not p.name.startswith(".")]
    if len(found) > _MOST_CASES:
        raise InputError(
            "policy.too_many_tests",
            f"there are {len(found)} tests of policies, and at most {_MOST_CASES} are read.",
            where=bounded(f"{FOLDER}/{found[_MOST_CASES].name}", 200),
            fix="Put several rows into one test; none was run.",
        )
    return found


def _is_inside(path: Path, file: str, problems: list[Problem]) -> bool:
    """Return whether a test is a file of the folder: a link must not bring in what lies elsewhere."""
    if not path.resolve().is_relative_to(path.parent.parent.resolve() / FOLDER):
        message = "the link leads out of the folder of tests, so the test is not read. Put the file itself there."
        problems.append(Problem("policy.path", message, file))
        return False
    if not path.is_file():
        problems.append(Problem("policy.unknown_file", "is not a file, or a link that leads nowhere.", file))
        return False
    return True


def _read(path: Path, file: str, problems: list[Problem]) -> PolicyCase | None:
    with path.open("rb") as opened:
        document = read_yaml(opened.read(LARGEST_FILE + 1))
    problems += [problem(f.code, file, f.line, f.path, f.message) for f in document.flaws]
    if document.flaws:
        return None
    if not isinstance(document.value, dict):
        problems.append(problem("policy.type", file, 1, (), "the file does not hold keys and values."))
        return None
    try:
        return PolicyCase.model_validate(document.value)
    except ValidationError as error:
        problems += problems_of(error, PolicyCase, document, file)
        return None
