"""The policy folder: one thing per YAML file, the folder says which kind; read whole or not at all."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from delible.decide.finding import Sources
from delible.decide.finding import place as place_of
from delible.decide.references import structure
from delible.errors import InputError, PolicyError, Problem, bounded
from delible.model.dataset import DatasetRecipe
from delible.model.exception import ErasureException
from delible.model.policy import Controller, PolicySet, Purpose, Recipient, TablePolicy
from delible.model.recognizer import Recognizer, WordList
from delible.model.retention import LegalHold, RetentionRule
from delible.store.policy_problems import place, problem, problems_of
from delible.store.recognizers import is_dictionary, read_words, unsafe_patterns
from delible.store.workspace import Workspace
from delible.store.yaml_file import LARGEST_FILE, Document, read_yaml

CONTROLLER = "controller.yaml"
DETECTION = "detection"
KINDS: dict[str, tuple[str, type[BaseModel]]] = {
    "purposes": ("purpose", Purpose),
    "recipients": ("recipient", Recipient),
    "tables": ("table", TablePolicy),
    "retention": ("retention", RetentionRule),
    "legal_holds": ("hold", LegalHold),
    "exceptions": ("exception", ErasureException),
    "datasets": ("dataset", DatasetRecipe),
    DETECTION: ("recognizer", Recognizer),
}
"""Folder to the key that names a thing, and the thing's type."""

_OTHER_FOLDERS = frozenset({"schema", "tests"})
"""Folders that belong here but hold no policy things of `KINDS`."""

_MOST_PROBLEMS = 100
_MOST_FILES = 10_000

Judge = Callable[[TablePolicy], str | None]
"""Says what is wrong with a table's path, or None."""


@dataclass(frozen=True)
class Loaded:
    """A policy set, and where each of its keys stands."""

    policies: PolicySet
    sources: Sources


@dataclass
class _Reading:
    """What has been read so far."""

    folder: Path
    judge: Judge
    things: dict[str, dict[str, Any]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    controller: Controller | None = None
    dictionaries: dict[str, WordList] = field(default_factory=dict)
    sources: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def shown(self, path: Path) -> str:
        """Return a file's name as problems give it: from the policy folder on."""
        return bounded(f"{self.folder.name}/{path.relative_to(self.folder).as_posix()}", 200)


def load_policies(folder: str | Path) -> PolicySet:
    """Return the policies in a folder, ready to be worked with.

    Table paths are relative to the folder's parent, and must stay below it.

    Raises:
        PolicyError: All problems of all files at once, dangling names and circles included.
    """
    return _sound(read_policies(folder))


def load_workspace_policies(workspace: Workspace) -> PolicySet:
    """Return the policies of a workspace, ready to be worked with.

    Raises:
        PolicyError: All problems of all files at once, dangling names and circles included.
    """
    return _sound(read_workspace_policies(workspace))


def load_controller(workspace: Workspace) -> Controller | None:
    """Return what the controller's own file says, without reading the others; None where there is no such file yet.

    Raises:
        PolicyError: All problems of the file at once.
    """
    root = workspace.path(workspace.config.policies).resolve()
    if not (root / CONTROLLER).exists():
        return None
    reading = _Reading(root, lambda _: None)
    _read(reading, root / CONTROLLER, "controller")
    if reading.controller is None or reading.problems:
        raise _error(reading.problems)
    return reading.controller


def read_workspace_policies(workspace: Workspace) -> Loaded:
    """Return the policies of a workspace with their sources; names may dangle, for `policy check` to report.

    Raises:
        PolicyError: All problems of all files at once.
    """
    return read_policies(workspace.path(workspace.config.policies), judge=_judge_of(workspace))


def load_policy_folder(workspace: Workspace, folder: Path) -> PolicySet:
    """Return the policies of any folder, about a workspace's tables: an older or newer version of its own.

    Raises:
        PolicyError: All problems of all files at once, dangling names and circles included.
    """
    return _sound(read_policies(folder, judge=_judge_of(workspace)))


def _judge_of(workspace: Workspace) -> Judge:
    def judge(table: TablePolicy) -> str | None:
        try:
            workspace.location(table)
        except InputError as error:
            return f"{error.message} {error.fix or ''}".strip()
        return None

    return judge


def read_policies(folder: str | Path, *, judge: Judge | None = None) -> Loaded:
    """Return the policies in a folder with their sources; names may dangle.

    Args:
        folder: The folder with `controller.yaml`.
        judge: What decides on table paths; by default they must stay below the folder's parent.

    Raises:
        PolicyError: All problems of all files at once.
    """
    root = Path(folder).resolve()
    reading = _Reading(root, judge or (lambda table: path_problem(table.path, root.parent)))
    if not root.is_dir():
        message = "there is no policy folder here."
        raise PolicyError("policy.missing_file", message, where=str(folder), fix="Make one with: delible init DIR")
    for path, kind in _files(reading):
        _read(reading, path, kind)
    if not (root / CONTROLLER).exists():
        message = f"there is no {CONTROLLER}; it names who decides."
        reading.problems.append(Problem("policy.missing_file", message, reading.folder.name))
    if reading.controller is None or reading.problems:
        raise _error(reading.problems)
    policies = PolicySet(controller=reading.controller, dictionaries=reading.dictionaries, **reading.things)
    return Loaded(policies, reading.sources)


def path_problem(path: str, root: Path) -> str | None:
    """Return what is wrong with a table's path, or None.

    A relative path must stay below `root`, symbolic links followed; a URI must not be a local file's.
    """
    scheme = urlsplit(path).scheme if "://" in path else ""
    if scheme and scheme != "file":
        inside = ".." not in path.split("/")
        return None if inside else "the URI may not hold '..'. Give the table's own place."
    if scheme or path.startswith(("/", "\\", "~")) or "\\" in path or path[1:2] == ":":
        return "the path is not relative. Give a folder below the workspace, such as warehouse/orders."
    clean = posixpath.normpath(path)
    found = (root / clean).resolve()
    if clean.startswith("..") or not found.is_relative_to(root):
        return "the path leads out of the workspace. Give a folder below it, such as warehouse/orders."
    return "the path is the workspace itself. Give a folder below it." if found == root else None


def policy_schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema for each kind of policy file, by the name of its folder, for editors."""
    models: dict[str, type[BaseModel]] = {"controller": Controller} | {k: model for k, (_, model) in KINDS.items()}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: head | model.model_json_schema() for name, model in models.items()}


def _sound(loaded: Loaded) -> PolicySet:
    flaws = structure(loaded.policies)
    if flaws:
        raise _error([Problem(f.code, f.message, place_of(loaded.sources, f.path)) for f in flaws])
    return loaded.policies


def _error(problems: list[Problem]) -> PolicyError:
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(Problem("policy.more", f"{len(problems) - len(shown)} more problems are not shown.", None))
    first = problems[0]
    more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
    return PolicyError(first.code, f"{first.message}{more}", where=first.where, problems=tuple(shown))


def _files(reading: _Reading) -> Iterator[tuple[Path, str]]:
    """Yield each policy file with its kind, in a fixed order; whatever else is there is a problem or a readme."""
    count = 0
    for entry in sorted(reading.folder.iterdir()):
        if entry.name == CONTROLLER:
            yield entry, "controller"
        elif entry.name in KINDS and entry.is_dir():
            if not entry.resolve().is_relative_to(reading.folder):
                reading.problems.append(_escapes(reading, entry))
                continue
            for path in sorted(entry.iterdir()):
                if entry.name == DETECTION and is_dictionary(path):
                    continue  # read where a recognizer names it
                if _is_policy_file(reading, path, f"{entry.name}/NAME.yaml"):
                    count += 1
                    if count > _MOST_FILES:
                        text = f"more than {_MOST_FILES} policy files."
                        reading.problems.append(Problem("policy.unknown_file", text, reading.shown(entry)))
                        return
                    yield path, entry.name
        elif not (entry.name in _OTHER_FOLDERS and entry.is_dir()) and not _is_note(entry):
            kinds = ", ".join((CONTROLLER, *KINDS, *sorted(_OTHER_FOLDERS)))
            reading.problems.append(
                Problem("policy.unknown_file", f"nothing reads this. Allowed here: {kinds}.", reading.shown(entry))
            )


def _is_policy_file(reading: _Reading, path: Path, wanted: str) -> bool:
    if _is_note(path):
        return False
    if path.suffix in (".yaml", ".yml"):
        return True
    reading.problems.append(
        Problem("policy.unknown_file", f"nothing reads this. Allowed here: {wanted}.", reading.shown(path))
    )
    return False


def _is_note(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix == ".md"


def _escapes(reading: _Reading, path: Path) -> Problem:
    return Problem("policy.path", "is a link that leaves the policy folder.", reading.shown(path))


def _read(reading: _Reading, path: Path, kind: str) -> None:
    """Read one file into `reading`, as a thing or as problems."""
    file = reading.shown(path)
    raw = _bytes(reading, path)
    if raw is None:
        return
    document = read_yaml(raw)
    reading.problems += [problem(f.code, file, f.line, f.path, f.message) for f in document.flaws]
    if document.value is None and document.flaws:
        return
    model = Controller if kind == "controller" else KINDS[kind][1]
    if not isinstance(document.value, dict):
        given = "is empty" if document.value is None else "does not hold keys and values"
        reading.problems.append(problem("policy.type", file, 1, (), f"the file {given}; see `delible policy schema`."))
        return
    try:
        thing = model.model_validate(document.value)
    except ValidationError as error:
        reading.problems += problems_of(error, model, document, file)
        return
    if isinstance(thing, Controller):
        reading.controller = thing
        _remember(reading, ("controller",), document, file)
    else:
        _add(reading, kind, thing, document, file)


def _add(reading: _Reading, kind: str, thing: BaseModel, document: Document, file: str) -> None:
    key = KINDS[kind][0]
    name = str(getattr(thing, key))
    if name in reading.things[kind]:
        first = reading.sources[(kind, name, key)]
        message = f"'{name}' is already described in {first}. Each name may stand in one file."
        reading.problems.append(problem("policy.duplicate_name", file, document.line((key,)), (key,), message))
        return
    reading.things[kind][name] = thing
    _remember(reading, (kind, name), document, file)
    if isinstance(thing, TablePolicy):
        wrong = reading.judge(thing)
        if wrong:
            message = f"'{bounded(thing.path, 80)}' is not allowed; {wrong}"
            reading.problems.append(problem("policy.path", file, document.line(("path",)), ("path",), message))
    if isinstance(thing, Recognizer):
        _add_recognizer(reading, thing, document, file)


def _add_recognizer(reading: _Reading, recognizer: Recognizer, document: Document, file: str) -> None:
    """Read a recognizer's dictionary, and refuse patterns that a text could keep busy without end."""
    for path, message in unsafe_patterns(recognizer):
        reading.problems.append(problem("policy.unsafe_pattern", file, document.line(path), path, message))
    name = recognizer.dictionary
    if name is None or name in reading.dictionaries:
        return
    raw = _bytes(reading, reading.folder / DETECTION / name)
    if raw is None:
        return
    words = read_words(raw)
    if isinstance(words, WordList):
        reading.dictionaries[name] = words
    else:
        at = reading.shown(reading.folder / DETECTION / name)
        reading.problems.append(problem("policy.dictionary", at, words.line, (), words.message))


def _remember(reading: _Reading, head: tuple[str, ...], document: Document, file: str) -> None:
    reading.sources[head] = place(file, 1)
    for path, line in document.lines.items():
        reading.sources[(*head, *path)] = place(file, line)


def _bytes(reading: _Reading, path: Path) -> bytes | None:
    file = reading.shown(path)
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(reading.folder):
            reading.problems.append(_escapes(reading, path))
            return None
        if not real.is_file():
            reading.problems.append(Problem("policy.unknown_file", "is not a file.", file))
            return None
        with real.open("rb") as opened:
            return opened.read(LARGEST_FILE + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a link that leads nowhere"
        reading.problems.append(Problem("policy.unknown_file", f"cannot be read: {reason}.", file))
        return None
