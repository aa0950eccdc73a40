"""What is wrong with a file is said in this project's own words, never in a library's."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from delible.model.policy import Controller
from delible.store.policies import KINDS
from delible.store.policy_problems import allowed, problems_of
from delible.store.workspace import WorkspaceConfig
from delible.store.yaml_file import read_yaml

MODELS: list[type[BaseModel]] = [Controller, WorkspaceConfig, *(model for _, model in KINDS.values())]
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, float("nan"), "", "x", "X Y", "x" * 3_000, [], [1], [None], {}, {"a": 1}, {"": 1}, {1: 2},
    {"a": None}, "9" * 500, datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 1, tzinfo=datetime.UTC),
]  # fmt: skip
LIBRARY = re.compile(r"Value error|Input should|should be|should have|valid |dictionary|tuple|string|integer|pydantic")
OWN = {"missing", "extra_forbidden", "value_error", "unknown_category"}
"""Types of errors for which `problems_of` has sentences of its own."""


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_no_error_speaks_the_librarys_words(model: type[BaseModel]) -> None:
    said = set()
    for name in model.model_fields:
        for value in VALUES:
            try:
                model.model_validate({name: value})
            except ValidationError as error:
                said |= {allowed(d) for d in error.errors(include_url=False) if d["type"] not in OWN}
    assert len(said) > 1
    assert [words for words in said if LIBRARY.search(words)] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("controller: ''\n", "'' is not allowed; give text of at least 1 character(s)."),
        ("controller: 3\n", "'3' is not allowed; give text; put numbers and words such as true in quotes."),
        ("identifiers: 3\n", "'3' is not allowed; give keys and values."),
        ("identifiers: {e: {normalise: upper}}\n", "'upper' is not allowed; give 'exact', 'lower' or 'digits'."),
    ],
)
def test_a_problem_says_what_was_given_and_what_is_allowed(text: str, says: str) -> None:
    document = read_yaml(text.encode())
    with pytest.raises(ValidationError) as caught:
        Controller.model_validate(document.value)
    found = problems_of(caught.value, Controller, document, "controller.yaml")
    assert any(problem.message.endswith(says) for problem in found), found
