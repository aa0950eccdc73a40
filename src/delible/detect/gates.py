"""Which expressions may match in a text: all of them looked for at once by Hyperscan, if it is installed."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import version
from threading import Lock
from typing import Any, Protocol

import regex

from delible.detect.necessary import Conditions
from delible.detect.patterns import Expression, characters, written

_FORMAT = 2
_BEYOND_ASCII = 0x80
_CODE_POINT = r"\U{:08x}"


class Gate(Protocol):
    """Says which expressions may match.

    Attributes:
        covered: Indices of the expressions that it knows; of the others it says nothing.
    """

    covered: frozenset[int]

    def matching(self, text: str) -> set[int] | frozenset[int]:
        """Return the covered expressions that may match: never too few of them.

        Raises:
            UnicodeEncodeError: The text holds lone surrogates.
        """
        ...


def gate(expressions: Sequence[Expression], database: bytes | None = None) -> Gate:
    """Return Hyperscan's gate where a database fits, else one of necessary conditions.

    Of expressions that Hyperscan cannot compile, the conditions decide in either. Engines share what was loaded.

    Args:
        database: What `compiled` returned for the same expressions, on a machine of the same kind.
    """
    if database is not None and (loaded := _loaded(tuple(expressions), database)) is not None:
        return loaded
    return Conditions(expressions)


def digest(expressions: Iterable[Expression]) -> str | None:
    """Return what a database for the expressions is known by, or None where Hyperscan is not installed."""
    try:
        import hyperscan  # noqa: F401 -- only whether it is there
    except ImportError:
        return None
    parts = [_FORMAT, version("hyperscan"), version("regex"), [(e.source, e.flags) for e in expressions]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def compiled(expressions: Sequence[Expression]) -> bytes | None:
    """Compile the expressions, which takes seconds, and return the database.

    None where Hyperscan is not installed, or can use none of them.

    Hyperscan promises that its prefilter reports every text in which an expression matches, as long as both engines
    mean the same by a set of characters. They do not quite: Hyperscan's Unicode is older, and knows no dotless i. So
    each set is compared over all of Unicode, and a text with a character they differ on passes the whole gate.
    """
    known_by = digest(expressions)
    if known_by is None:
        return None
    import hyperscan

    usable = list(range(len(expressions)))
    try:
        database = _database(expressions, usable)
    except hyperscan.error:
        usable = [i for i in usable if _compiles(expressions, i)]
        if not usable:
            return None
        database = _database(expressions, usable)
    header = {"digest": known_by, "covered": usable, "differ": _differing([expressions[i] for i in usable])}
    return json.dumps(header).encode() + b"\n" + zlib.compress(hyperscan.dumpb(database), level=1)


class _HyperscanGate:
    """Hyperscan for the expressions that it could compile, and necessary conditions for the others."""

    def __init__(self, database: Any, differ: Sequence[tuple[int, int]], compiled: Iterable[int], rest: Gate) -> None:
        self.covered = frozenset(compiled) | rest.covered
        self._rest = rest if rest.covered else None
        inside = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in differ)
        self._differs = re.compile(f"[{inside}]").search if inside else None
        self._ascii_agrees = all(first >= _BEYOND_ASCII for first, _ in differ)
        self._scan = database.scan
        self._lock = Lock()  # Hyperscan's scratch space serves one scan at a time

    def matching(self, text: str) -> set[int] | frozenset[int]:
        if self._differs is not None and not (self._ascii_agrees and text.isascii()) and self._differs(text):
            return self.covered
        found = set() if self._rest is None else set(self._rest.matching(text))
        with self._lock:
            self._scan(text.encode(), match_event_handler=_collect, context=found)
        return found


def _collect(expression: int, _start: int, _end: int, _flags: int, found: Any) -> None:
    found.add(expression)


@lru_cache(maxsize=4)
def _loaded(expressions: tuple[Expression, ...], database: bytes) -> _HyperscanGate | None:
    known_by = digest(expressions)
    header, _, serialised = database.partition(b"\n")
    try:
        said = json.loads(header)
        if known_by is None or said["digest"] != known_by:
            return None
    except (ValueError, KeyError, TypeError):
        return None
    import hyperscan

    try:
        loaded = hyperscan.loadb(zlib.decompress(serialised), mode=hyperscan.HS_MODE_BLOCK)
        loaded.scratch = hyperscan.Scratch(loaded)
        loaded.scan(b"", match_event_handler=_collect, context=set())
    except (hyperscan.error, zlib.error):
        return None  # made for other processors
    covered = said["covered"]
    rest = Conditions(expressions, sorted(set(range(len(expressions))) - set(covered)))
    return _HyperscanGate(loaded, said["differ"], covered, rest)


def _flags(expression: Expression) -> int:
    import hyperscan as hs

    flags = hs.HS_FLAG_PREFILTER | hs.HS_FLAG_UTF8 | hs.HS_FLAG_UCP | hs.HS_FLAG_ALLOWEMPTY | hs.HS_FLAG_SINGLEMATCH
    pairs = ((regex.I, hs.HS_FLAG_CASELESS), (regex.M, hs.HS_FLAG_MULTILINE), (regex.S, hs.HS_FLAG_DOTALL))
    return int(flags | sum(theirs for ours, theirs in pairs if expression.flags & ours))


def _database(expressions: Sequence[Expression], ids: Sequence[int]) -> Any:
    sources = [expressions[i].source for i in ids]
    return _compile(sources, [_flags(expressions[i]) for i in ids], ids)


def _compile(sources: Sequence[str], flags: Sequence[int], ids: Sequence[int]) -> Any:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    encoded = [source.encode() for source in sources]
    database.compile(expressions=encoded, ids=list(ids), elements=len(encoded), flags=list(flags))
    return database


def _compiles(expressions: Sequence[Expression], i: int) -> bool:
    import hyperscan

    try:
        _database(expressions, [i])
    except hyperscan.error:
        return False
    return True


def _differing(expressions: Iterable[Expression]) -> list[tuple[int, int]]:
    """Return ranges of the characters that some expression's set holds for `regex`, and not for Hyperscan."""
    import hyperscan as hs

    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    encoded = everything.encode()
    sets = sorted({(e.flags & regex.I, each) for e in expressions for each in characters(e.parsed)}, key=str)
    differ: set[int] = set()
    for caseless, items in sets:
        held = _found(items, False, caseless, everything)
        few = len(held) <= len(everything) // 2
        ours = held if few else _found(items, True, caseless, everything)
        flags = hs.HS_FLAG_UTF8 | hs.HS_FLAG_UCP | (hs.HS_FLAG_CASELESS if caseless else 0)
        try:
            database = _compile([written(items, negated=not few)], [flags], [0])
        except hs.error:
            # A set that can never match, such as all but `[\s\S]`.
            differ |= ours if few else set()
            continue
        ends: list[int] = []
        database.scan(encoded, match_event_handler=lambda _i, _s, end, _f, into: into.append(end), context=ends)
        theirs = {_before(encoded, end) for end in ends}
        differ |= ours - theirs if few else theirs - ours
    return _ranges(differ)


def _found(items: Any, negated: bool, caseless: int, text: str) -> set[int]:
    pattern = regex.compile(written(items, negated=negated, literal=_CODE_POINT), caseless)
    return {ord(character) for character in pattern.findall(text)}


def _before(encoded: bytes, end: int) -> int:
    """Return the character that ends at a byte."""
    start = end - 1
    while encoded[start] & 0xC0 == 0x80:  # noqa: PLR2004 -- a byte within a character
        start -= 1
    return ord(encoded[start:end].decode())


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [(first, last) for first, last in ranges]
