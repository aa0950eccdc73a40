"""JSON and XML that stand in a string: opened to paths, within bounds; what cannot be opened stays a text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from xml.parsers import expat

from delible.detect.vocabularies import is_a_key_of_somebody

LONGEST, DEEPEST, MOST_VALUES = 200_000, 30, 2_000
"""Of one document: characters, levels, values. What lies beyond is looked at in the whole text only."""

FRACTION = "0.5"
"""Stands for every number with a fraction: an amount, a measure, a coordinate, but nobody's number."""

MOST_EXACT = 2**53
"""Whole numbers beyond are not exact in a double, and so are no numbers of anything."""

ANY = "*"
"""Stands for keys that are data themselves, such as the e-mail address that an entry is filed under."""

BEGINNING = r"[\s\x{feff}]*(?:[{\[]|<[A-Za-z_!?])"
"""How JSON and XML begin, be it behind a mark of the byte order; an expression of Arrow's."""

_BLANK = "\ufeff \t\r\n"
_BEGINS = re.compile(BEGINNING.replace(r"\x{feff}", "\ufeff"))
_NAME = re.compile(r"(?!.*\d{3})[A-Za-z_][A-Za-z0-9_.:\-]{0,47}")
_KINDS = {str: "string", int: "bigint", float: "double", bool: "boolean"}
_MOST_PATHS = 200
_RARE = 100


class Part(NamedTuple):
    """A value of a document.

    Args:
        path: Below the column, such as `$.email` in JSON or `Name.First` in XML; the root element is not in it.
        kind: Spark's type for what JSON says it is; everything in XML is a string.
    """

    path: str
    kind: str
    value: str


def may_be_document(text: str) -> bool:
    """Return whether a text begins like JSON or XML."""
    return len(text) <= LONGEST and _BEGINS.match(text) is not None


def parts(text: str) -> list[Part] | None:
    """Return a document's values with their paths, one more than `MOST_VALUES` where there are more.

    None when the text is no document, or not well formed.
    """
    if not may_be_document(text):
        return None
    walk = _xml if text.lstrip(_BLANK)[0] == "<" else _json
    try:
        return list(islice(walk(text), MOST_VALUES + 1))
    except (ValueError, RecursionError, expat.ExpatError):
        return None


def folded(
    paths: Mapping[str, int], documents: int, *, telling: Callable[[str], bool] = lambda _: False
) -> dict[str, str]:
    """Return the path under which each path is reported.

    One that hardly any document has is no field but data, perhaps a name that an entry is filed under; all of these
    are one path. So are paths beyond the 200 most frequent ones.

    Args:
        paths: Path to the number of its values.
        documents: Documents that they are from.
        telling: Whether a rule knows what a path's name stands for: such a name is a field's, however rare, and is what
            tells that the values are somebody's religion.
    """
    fewest = 1 if documents <= 1 else max(2, documents // _RARE)
    known = {path for path in paths if telling(path)}
    kept = {path for path, _ in Counter({p: paths[p] for p in known}).most_common(_MOST_PATHS)}
    kept |= {path for path, _ in Counter(paths).most_common(_MOST_PATHS) if paths[path] >= fewest}
    return {path: path if path in kept else _rest(path) for path in paths}


def _rest(path: str) -> str:
    return f"$.{ANY}" if path.startswith("$") else ANY


def _json(text: str) -> Iterator[Part]:
    document = _read(text.strip(_BLANK))
    if not isinstance(document, (dict, list)):
        return
    below: list[tuple[str, object, int]] = [("$", document, 0)]
    while below:
        path, value, level = below.pop()
        if isinstance(value, dict) and level < DEEPEST:
            for key, each in reversed(value.items()):
                name = _shown(key)
                if name == ANY:
                    yield Part(f"{path}.{ANY}", "string", key)
                below.append((f"{path}.{name}", each, level + 1))
        elif isinstance(value, list) and level < DEEPEST:
            below += [(f"{path}[]", each, level + 1) for each in reversed(value)]
        elif value is not None and not isinstance(value, (dict, list)):
            yield Part(path, _KINDS[type(value)], _spelled(value))


def _spelled(value: object) -> str:
    """Return a value as a column of its type is read: of a fraction counts that it is one, and no digit identifies."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < MOST_EXACT else FRACTION
    return str(value)


def _read(text: str) -> object:
    """Return what JSON says; lines of it, each a document, are a list of documents."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _xml(text: str) -> Iterator[Part]:
    found: list[Part] = []
    names: list[str] = []
    said: list[list[str]] = []

    def refuse(*_: object) -> None:
        raise ValueError("a document type may define entities that grow without bound")

    def begin(tag: str, attributes: dict[str, str]) -> None:
        if len(names) >= DEEPEST:
            raise ValueError("too deep")
        names.append(_shown(tag.rpartition(":")[2]))
        said.append([])
        at = ".".join(names[1:])
        found.extend(
            Part(".".join(filter(None, (at, f"@{_shown(name.rpartition(':')[2])}"))), "string", value)
            for name, value in attributes.items()
            if not name.startswith("xmlns")
        )

    def end(_: str) -> None:
        words = "".join(said.pop()).strip()
        if words:
            found.append(Part(".".join(names[1:]) or names[0], "string", words))
        names.pop()

    def text_in(data: str) -> None:
        if said:
            said[-1].append(data)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text_in
    declaration = re.match(r"[\ufeff\s]*<\?xml[^>]{0,200}\?>", text)
    parser.Parse((text[declaration.end() :] if declaration else text).strip(_BLANK).encode(), True)
    yield from found


@lru_cache(maxsize=10_000)
def _shown(key: str) -> str:
    if _NAME.fullmatch(key) is None or is_a_key_of_somebody(key):
        return ANY
    return f"`{key}`" if "." in key else key
