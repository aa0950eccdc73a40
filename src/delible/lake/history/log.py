"""Commits and checkpoints of a table's new folder: the old ones, with paths, sizes and statistics of the new files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from delible.errors import BlockedError
from delible.lake.deletion_vectors import vector_id
from delible.lake.history.due import Due
from delible.lake.history.rows import FileDone
from delible.lake.history.state import FILE_ACTIONS, Action, State, key_of, path_of
from delible.lake.search.forms import Needles

ERASED = "[erased]"
_LITERAL = re.compile(r"'((?:[^']|'')*)'|\"([^\"]*)\"|(?<![#\w.])(-?\d+(?:\.\d+)?)(?![\w.])")


@dataclass(frozen=True)
class Banned:
    """What may stand nowhere in the new log.

    Args:
        needles: Values that tell the due people, in all forms.
        keys: All their keys, also small numbers: only as whole literals of a condition.
        due: The same keys by column, for partition values.
    """

    needles: Needles
    keys: frozenset[str] = field(repr=False)
    due: Due = field(repr=False)

    def tells(self, text: str) -> bool:
        """Return whether a text holds a value in some form."""
        return bool(self.needles.search(text.encode()))

    def tells_file(self, path: str, values: Mapping[str, str | None]) -> bool:
        """Return whether a file's path or partition values tell a due person."""
        return self.due.named_by(values) or any(
            self.tells(text) for text in (path, *(f"{n}={v}" for n, v in values.items() if v is not None))
        )

    def condition_tells(self, text: str) -> bool:
        """Return whether a literal in a condition is one of the keys, such as `customer_id = 7`."""
        return any(
            literal.strip().lower() in self.keys for found in _LITERAL.findall(text) for literal in found if literal
        )


@dataclass
class Paths:
    """Where the files of the old folder are in the new one.

    Args:
        done: By old path.
        renamed: New names of files that are no longer there, whose old names tell somebody.
    """

    done: dict[str, FileDone] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)


def translated_commit(actions: Iterable[tuple[str, Action]], paths: Paths, banned: Banned) -> list[tuple[str, Action]]:
    """Return the actions of one commit as the new folder has them.

    A commit that did nothing but hide due rows of a file behind a deletion vector neither adds nor removes it any more.

    Raises:
        BlockedError: `history.named` when a value stands where it cannot be taken out.
    """
    made = []
    for name, body in actions:
        if name in FILE_ACTIONS:
            made.append((name, _file_action(name, body, paths, banned)))
        elif name == "commitInfo":
            made.append((name, _blanked(body, banned)))
        else:
            made.append((name, body))
    added = {key_of(b) for n, b in made if n == "add"}
    both = added & {key_of(b) for n, b in made if n == "remove"}
    made = [(n, b) for n, b in made if n not in ("add", "remove") or key_of(b) not in both]
    for name, body in made:
        _refuse_telling(name, body, banned)
    return made


def translated_state(state: State, paths: Paths, banned: Banned) -> State:
    """Return a state as the new folder has it."""
    made = State(single=state.single, transactions=state.transactions, domains=state.domains)
    for name, files in (("add", state.adds), ("remove", state.removes)):
        for body in files.values():
            action = _file_action(name, body, paths, banned)
            _refuse_telling(name, action, banned)
            made.apply(name, action)
    for name, body in made.rest():
        _refuse_telling(name, body, banned)
    return made


def _file_action(name: str, body: Action, paths: Paths, banned: Banned) -> Action:
    made, path = dict(body), path_of(body)
    values = body.get("partitionValues") or {}
    if name == "remove":
        made.pop("stats", None)
    if body.get("tags"):
        made["tags"] = _blanked(body["tags"], banned)
    done = paths.done.get(path)
    if done is None:
        if path in paths.renamed:
            made["path"] = paths.renamed[path]
            made["partitionValues"] = dict.fromkeys(values)
        return made
    if not done.rewritten:
        return made
    made["path"] = quote(done.new_path, safe="/=!*'()~,:@&+$")
    if "size" in body:
        made["size"] = done.size
    if name == "add" and "stats" in body:
        made["stats"] = _as_tight(done.statistics, body["stats"])
    if not done.rows and banned.tells_file(path, values):
        made["partitionValues"] = dict.fromkeys(values)
    if body.get("deletionVector") is not None:
        vector = done.vectors[str(vector_id(body["deletionVector"]))]
        made.pop("deletionVector")
        if vector is not None:
            made["deletionVector"] = dict(vector)
    return made


def _as_tight(fresh: str | None, old: str | None) -> str | None:
    """Return statistics that say what the old ones said of their bounds: a file is added anew with each vector."""
    if fresh is None or old is None:
        return fresh
    told = json.loads(old)
    made: dict[str, Any] = {name: value for name, value in json.loads(fresh).items() if name != "tightBounds"}
    if "tightBounds" in told:
        made["tightBounds"] = told["tightBounds"]
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def _blanked(node: Any, banned: Banned, inside: bool = False) -> Any:
    """Return a description without values: a text in which one stands goes as a whole."""
    if isinstance(node, dict):
        return {name: _blanked(value, banned, inside or name == "operationParameters") for name, value in node.items()}
    if isinstance(node, list):
        return [_blanked(value, banned, inside) for value in node]
    if isinstance(node, str) and (banned.tells(node) or (inside and banned.condition_tells(node))):
        return json.dumps([ERASED]) if node.startswith("[") else ERASED
    return node


def _refuse_telling(name: str, body: Action, banned: Banned) -> None:
    for place, text in _texts(body, name):
        if banned.tells(text):
            raise BlockedError(
                "history.named",
                f"a value that must go stands in the log's '{place}', where it cannot be taken out.",
                where=name,
                fix="Leave out --keep-history: expiring the log removes it.",
            )


def _texts(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            # Names in maps are the table's own, such as columns; they are not said.
            yield place, str(name)
            yield from _texts(value, place if place.count(".") else f"{place}.{name}")
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, place)
    elif isinstance(node, str):
        yield place, node


def write_commit(folder: Path, version: int, actions: Iterable[tuple[str, Action]], like: Path) -> None:
    """Write a commit with the time of the old one: without in-commit timestamps, it is when the version was made.

    Raises:
        FileExistsError: When there is such a commit already.
    """
    target = folder / "_delta_log" / f"{version:020d}.json"
    lines = [json.dumps({n: b}, ensure_ascii=False, separators=(",", ":")) for n, b in actions]
    with target.open("x", encoding="utf-8") as stream:
        stream.write("".join(line + "\n" for line in lines))
    shutil.copystat(like, target)
