"""Text in, findings out: type, place and score, without overlaps. A finding never carries the text itself."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from time import process_time
from typing import TYPE_CHECKING

from delible.detect.entities import CHECKED, FROM_MODEL, told
from delible.detect.plain import Plain, plain
from delible.detect.windows import Window, whole, windows
from delible.errors import DelibleError
from delible.model.detection import DEFAULT_DETECTION, Detection

if TYPE_CHECKING:
    from delible.detect.scanner import Spotted

_SECONDS, _CHARACTERS_PER_SECOND, _OF_A_LARGE_MODEL = 60, 10_000, 100
"""What a batch of texts may take, in time of the processor: a tenth of the speed of plain Presidio and of the shipped
model; models of other makers may be large, and slow without anything being wrong."""

_FASTER = "Look for a pattern that backtracks, and leave its recognizer out."


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One span of a text, `start` inclusive and `end` exclusive, in characters."""

    start: int
    end: int
    entity: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in a text.

    Args:
        found: In order, without overlaps, and without what is about nobody.
        harmless: Spans of types that are about nobody; what stands inside of one is not found.
    """

    found: tuple[Finding, ...] = ()
    harmless: tuple[Finding, ...] = ()


def find(text: str, *, detection: Detection = DEFAULT_DETECTION, exact: bool = False) -> list[Finding]:
    """Return what stands in a text, in order, without overlaps, and without what is about nobody.

    Args:
        exact: Run plain Presidio on the whole text, which finds the same and takes many times as long.

    Raises:
        DelibleError: `detect.failed` when a recognizer fails, `detect.slow` when one takes too long,
            `detect.recognizer_slow` when one of the controller's own does; what a recognizer itself says may hold the
            text, and is dropped.
        InputError: `detect.model_missing`, `detect.model_unfit`.
    """
    return find_all([text], detection=detection, exact=exact)[0]


def find_all(
    texts: Iterable[str], *, detection: Detection = DEFAULT_DETECTION, exact: bool = False
) -> list[list[Finding]]:
    """Return what stands in each of some texts, as `find` does; equal texts are looked at once.

    The texts are held in memory together, so hand over a batch, not a table.
    """
    return [list(each.found) for each in read_all(texts, detection=detection, exact=exact)]


def read_all(texts: Iterable[str], *, detection: Detection = DEFAULT_DETECTION, exact: bool = False) -> list[Reading]:
    """Return what `find_all` returns, and the spans that are about nobody."""
    texts = list(texts)
    read = {text: plain(text) for text in dict.fromkeys(texts)}
    cut = {text: list(whole(each.text) if exact else windows(each.text)) for text, each in read.items()}
    distinct = list(dict.fromkeys(window.text for some in cut.values() for window in some))
    spotted = _spotted(distinct, detection, exact)
    found = {text: _joined(text, read[text], some, spotted, detection.harmless) for text, some in cut.items()}
    return [found[text] for text in texts]


def _joined(
    text: str,
    read: Plain,
    cut: Sequence[Window],
    spotted: dict[str, list[Spotted]],
    harmless: frozenset[str],
) -> Reading:
    found = {
        Finding(*read.original(*place), entity, score)
        for window in cut
        for entity, start, end, score in spotted[window.text]
        if (place := window.located(read.text, start, end)) is not None
    }
    if not found:
        return Reading()
    kept = resolved(_surer(list(spared(found, harmless))), text)
    named = tuple(replace(f, entity=told(f.entity)) for f in kept)
    return Reading(named, tuple(f for f in found if f.entity in harmless))


def _surer(found: Sequence[Finding]) -> Sequence[Finding]:
    """Return findings without those of own recognizers that stand inside a longer one of a model's.

    Both are of one type there, and then Presidio keeps the longer one unless the other is surer.
    """
    own = {f for f in found if told(f.entity) != f.entity}
    if not own:
        return found
    read = sorted(f for f in found if f.entity in FROM_MODEL)

    def yields(f: Finding) -> bool:
        place = bisect_right(read, f.start, key=lambda each: each.start)
        over = read[place - 1] if place else None  # what a model reads does not overlap
        if over is None or over.entity != told(f.entity) or over.score < f.score:
            return False
        return f.end <= over.end and f.end - f.start < over.end - over.start

    return [f for f in found if f not in own or not yields(f)]


def _spotted(windows: list[str], detection: Detection, exact: bool) -> dict[str, list[Spotted]]:
    pace = _CHARACTERS_PER_SECOND if detection.nlp.model is None else _OF_A_LARGE_MODEL
    latest = process_time() + _SECONDS + sum(map(len, windows)) / pace
    spotted: dict[str, list[Spotted]] = {}
    try:
        for window, found in _answers(windows, detection, exact):
            spotted[window] = found
            if process_time() > latest:
                raise DelibleError("detect.slow", "the recognizers take too long for these texts.", fix=_FASTER)
    except DelibleError:
        raise
    except Exception as error:
        raise DelibleError("detect.failed", f"a recognizer failed with {type(error).__name__}.") from None
    return spotted


def _answers(windows: list[str], detection: Detection, exact: bool) -> Iterator[tuple[str, list[Spotted]]]:
    from delible.detect.engine import engine

    worded: dict[bool, list[str]] = {True: [], False: []}
    for window in windows:
        worded[any(map(str.isalpha, window))].append(window)
    for has_words, some in worded.items():  # nobody is named without a letter
        if some:
            analyzer = engine(detection if has_words else detection.unread)
            yield from analyzer.analyze_each(some) if exact else analyzer.analyze_all(some)


def spared(found: Iterable[Finding], harmless: frozenset[str]) -> Iterable[Finding]:
    """Return findings without those of harmless types, and without those that stand inside of one.

    What reaches beyond a harmless span stays.
    """
    covers = sorted(f for f in found if f.entity in harmless)
    if not covers:
        return found
    starts, furthest, ends = [f.start for f in covers], 0, []
    for f in covers:
        furthest = max(furthest, f.end)
        ends.append(furthest)

    def inside(f: Finding) -> bool:
        place = bisect_right(starts, f.start)
        return place > 0 and f.end <= ends[place - 1]

    return [f for f in found if f.entity not in harmless and not inside(f)]


def resolved(found: Iterable[Finding], text: str, *, around: Sequence[Finding] = ()) -> list[Finding]:
    """Return findings without overlaps, covering every letter and digit that any of them covered.

    A type with a check digit wins, what a model reads yields to any pattern, the controller's own included whatever
    their type is, then the higher score wins, then the longer span. Of a loser that reaches beyond the winner, the rest
    is KEPT, up to its last letter or digit: an address in a web link's query leaves the link on both sides to be
    masked, too, and the sign between them.

    Args:
        around: Spans without overlaps among them that are already spoken for; they win, and are not returned.
    """
    ranked = sorted(found, key=_rank)
    kept = sorted(around)
    for finding in ranked:
        for start, end in _outside(finding, kept):
            left, right = _edges(text, start, end)
            if left < right:
                whole = start == finding.start, end == finding.end
                place = (start if whole[0] else left, end if whole[1] else right)
                insort(kept, Finding(*place, finding.entity, finding.score))
    spoken_for = set(around)
    return [finding for finding in kept if finding not in spoken_for]


def _rank(f: Finding) -> tuple[bool, bool, float, int, int, str]:
    return (f.entity not in CHECKED, f.entity in FROM_MODEL, -f.score, f.start - f.end, f.start, f.entity)


def _edges(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the first and behind the last letter or digit between two places; the same place twice without any."""
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _outside(finding: Finding, taken: Sequence[Finding]) -> list[tuple[int, int]]:
    """Return the parts of a span that no other covers; `taken` is sorted and without overlaps."""
    pieces, start = [], finding.start
    first = bisect_right(taken, finding.start, key=lambda f: f.end)
    for other in islice(taken, first, None):
        if other.start >= finding.end:
            break
        pieces.append((start, other.start))
        start = other.end
    pieces.append((start, finding.end))
    return [(a, b) for a, b in pieces if a < b]
