"""What pydantic says of a policy file, as problems with file, line, key, what was given and what is allowed."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from delible.errors import Problem, bounded, did_you_mean
from delible.store.yaml_file import Document, KeyPath

_LONGEST_GIVEN = 80
_NAME = "at most 64 lower-case letters, digits and _, a letter first"
_PERIOD = "a period such as P2Y, P13M, P30D or P1Y6M"
_EXPECTED = {
    "string_type": "text; put numbers and words such as true in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a whole number",
    "invalid_key": "keys that are text",
    "dict_type": "keys and values",
    "mapping_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "tuple_type": "a list, such as [a, b]",
    "date_type": "a date, such as 2026-01-31",
    "date_parsing": "a date, such as 2026-01-31",
    "date_from_datetime_parsing": "a date, such as 2026-01-31",
    "date_from_datetime_inexact": "a date, such as 2026-01-31",
    "decimal_type": "a number between 0 and 1, such as 0.6",
    "decimal_parsing": "a number between 0 and 1, such as 0.6",
}
"""Errors of the wrong kind of value, with the right kind; all others are wrong values of the right kind."""
_PATTERNS = {
    "^P": _PERIOD,
    "^[A-Z]{2}$": "a country's code of ISO 3166, such as DE",
    "^[A-Z]{2,20}": "words of capital letters joined by _, such as STAFF_NUMBER",
    "^[A-Za-z0-9]": "the name of a .txt file beside this one",
    r"^\w": "one word without spaces, hyphens and other signs, since texts are compared word by word; "
    "give the words of a phrase one by one, such as [social, security]",
    r"\S": "text that is not blank",
}
"""Beginnings of patterns that are no names."""
_BOUNDS = {
    "string_too_short": ("text of at least {} character(s)", "min_length"),
    "string_too_long": ("text of at most {} characters", "max_length"),
    "too_short": ("at least {} of them", "min_length"),
    "too_long": ("at most {} of them", "max_length"),
    "greater_than": ("a number above {}", "gt"),
    "greater_than_equal": ("a number of at least {}", "ge"),
    "less_than": ("a number below {}", "lt"),
    "less_than_equal": ("a number of at most {}", "le"),
}
"""Errors of a value that is too much or too little: the words, and the name of the bound."""


def place(file: str, line: int) -> str:
    """Return how a line of a file is written in every problem."""
    return f"{file}:{line}"


def dotted(path: KeyPath) -> str:
    """Return a key path as one writes it: `subject.0.column`."""
    return ".".join(str(part) for part in path)


def problem(code: str, file: str, line: int, path: KeyPath, message: str) -> Problem:
    """Return one problem of a policy file; the message starts with the key path."""
    key = f"{bounded(dotted(path), 120)}: " if path else ""
    return Problem(code, f"{key}{message}", place(file, line))


def problems_of(error: ValidationError, model: type[BaseModel], document: Document, file: str) -> list[Problem]:
    """Return a validation error's findings, each at its line; branches of one choice become one problem.

    Keys that are flawed as YAML are left out: they have their problem already.
    """
    flawed = {flaw.path for flaw in document.flaws}
    found: dict[tuple[str, KeyPath], list[Any]] = {}
    for detail in error.errors(include_url=False):
        path = _path(detail, document.value)
        code = _code(detail["type"])
        found.setdefault((code, path), []).append(detail)
    return [
        problem(code, file, document.line(path), path, _message(details, path, model, document.value))
        for (code, path), details in found.items()
        if path not in flawed
    ]


def _code(kind: str) -> str:
    named = {
        "extra_forbidden": "policy.unknown_key",
        "missing": "policy.missing_key",
        "unknown_category": "policy.unknown_category",
    }
    return named.get(kind) or ("policy.type" if kind in _EXPECTED else "policy.value")


def _path(detail: Any, value: Any) -> KeyPath:
    """Return the part of pydantic's location that stands in the file, plus the key that is missing."""
    path: KeyPath = ()
    for part in detail["loc"]:
        if _holds(value, part):
            value = value[part]
            path = (*path, part)
        else:
            return (*path, part) if isinstance(value, dict) and detail["type"] == "missing" else path
    return path


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _message(details: list[Any], path: KeyPath, model: type[BaseModel], value: Any) -> str:
    detail = details[0]
    given = _given(_at(value, path))
    match detail["type"]:
        case "extra_forbidden":
            fields = list(_model_at(model, path[:-1]).model_fields)
            hint = did_you_mean(str(path[-1]), fields)
            return f"unknown key.{hint} Allowed: {', '.join(fields)}."
        case "missing":
            owner = _model_at(model, path[:-1]).model_fields
            return f"missing. Required here: {', '.join(name for name, f in owner.items() if f.is_required())}."
        case "unknown_category":
            return f"{given} is not a data category.{detail['ctx']['hint']} `delible policy schema` lists all of them."
        case "value_error":
            return f"{bounded(str(detail['ctx']['error']), 300)}."
    if detail["loc"][-1] == "[key]":
        given = "this key"
    expected = " or ".join(dict.fromkeys(allowed(d) for d in details))
    return f"{given} is not allowed; give {expected}."


def allowed(detail: Any) -> str:
    """Return in plain words what could stand in the place of what one validation error is about.

    The library's own message is never shown: it speaks to programmers, and changes with its version.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if "expected" in context:
        return str(context["expected"])
    if kind == "string_pattern_mismatch":
        return next((words for head, words in _PATTERNS.items() if context["pattern"].startswith(head)), _NAME)
    if kind == "decimal_max_places":
        return "a number with at most two decimals"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return words.format(context[bound])
    return "what `delible policy schema` allows here"


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part] if _holds(value, part) else None
    return value


def _given(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a group of keys"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
    return f"'{bounded(str(value), _LONGEST_GIVEN)}'"


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """Return the model that describes the mapping at a path."""
    kind: Any = model
    for part in path:
        owner = _model_in(kind)
        if owner is not None and part in owner.model_fields:
            kind = owner.model_fields[str(part)].annotation
        else:
            inner = [each for each in get_args(kind) if each is not Ellipsis]
            kind = inner[-1] if inner and owner is None else kind
    return _model_in(kind) or model


def _model_in(kind: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, at its own level; not one inside a list or mapping."""
    if isinstance(kind, type):
        return kind if issubclass(kind, BaseModel) else None
    origin = getattr(kind, "__origin__", None)
    if origin in (dict, tuple, list):
        return None
    return next((found for found in map(_model_in, get_args(kind)) if found is not None), None)
