"""Drafts as YAML with comments, and kinds of identifiers added to a controller's file without touching a byte of it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from delible.errors import bounded
from delible.model.policy import TablePolicy
from delible.model.subject import IdentifierKind
from delible.plan.policy_draft import Draft, Place
from delible.store.yaml_file import read_yaml

_HEAD = "Drafted from what was measured. It permits nothing: what is open, or not yet said, stays a gap.\n"
_LONGEST_COMMENT = 600


def table_yaml(draft: Draft) -> str:
    """Return a draft as a policy file, read back as a policy before anybody gets it."""
    root: Any = _commented(draft.policy)
    root.yaml_set_start_comment(_HEAD)
    for place, words in draft.notes.items():
        parent, key = _parent(root, place)
        parent.yaml_add_eol_comment(_line(words), key)
    for place, lines in draft.asked.items():
        if lines:
            parent, key = _parent(root, place)
            indent = 2 * (len(place) - 1)
            parent.yaml_set_comment_before_after_key(key, before="\n".join(map(_line, lines)), indent=indent)
    yaml = YAML()
    yaml.width = 4_096
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(root, out)
    text = out.getvalue()
    TablePolicy.model_validate(read_yaml(text.encode()).value)
    return text


def with_kinds(controller: str, kinds: Mapping[str, IdentifierKind], why: Mapping[str, str]) -> str | None:
    """Return a controller's file with further identifier kinds; every line that was there stays as it is.

    None where the kinds do not stand in lines of their own below `identifiers:`.
    """
    lines = controller.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if re.match(r"identifiers:\s*(#.*)?$", line)), None)
    if start is None:
        return None
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " #"):
        end += 1
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1][0] == "#"):
        end -= 1
    own = next((line for line in lines[start + 1 : end] if line.strip() and not line.lstrip().startswith("#")), "  ")
    indent = own[: len(own) - len(own.lstrip())] or "  "
    return "".join((*lines[:end], *kind_lines(kinds, why, indent=indent), *lines[end:]))


def kind_lines(kinds: Mapping[str, IdentifierKind], why: Mapping[str, str], *, indent: str = "  ") -> Sequence[str]:
    """Return the lines that declare identifier kinds."""
    made = []
    for name, kind in kinds.items():
        made += [f"{indent}{name}:{'   # drafted: ' + _line(why[name]) if name in why else ''}\n"]
        made += [f"{indent}  normalise: {kind.normalise.value}\n"]
        made += [] if kind.distinctive else [f"{indent}  distinctive: false\n"]
    return made


def _commented(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap((key, _commented(inner)) for key, inner in value.items())
    return CommentedSeq(map(_commented, value)) if isinstance(value, list | tuple) else value


def _parent(root: Any, place: Place) -> tuple[Any, str | int]:
    for key in place[:-1]:
        root = root[key]
    return root, place[-1]


def _line(words: str) -> str:
    return bounded(words, _LONGEST_COMMENT)
