"""Free text with what was found replaced: `<EMAIL_ADDRESS_1>`, the same number for the same value in one document."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from unicodedata import normalize

from ahocorasick_rs import AhoCorasick, MatchKind

from delible.detect.entities import FROM_MODEL
from delible.detect.findings import Finding, read_all, resolved, spared
from delible.detect.operators import ENCRYPTED, HASHED, PLACEHOLDER, Secrets, operated
from delible.detect.plain import plain
from delible.detect.surrogates import SURROGATE_TYPES, surrogates
from delible.errors import DelibleError
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.masking import DEFAULT_MASKING, Masking, MaskOperator
from delible.model.numbers import BETWEEN, SEPARATORS, is_number, number_pattern
from delible.model.spelling import value_pattern

__all__ = ["PLACEHOLDER", "SUBJECT", "mask_text", "unmask_text"]

SUBJECT = "SUBJECT"
"""Stands for a string that the caller knows to identify the data subject."""

_FILLER = "¦"
"""Stands for a placeholder while a text is analysed: no letter, digit or separator of anything that is looked for."""

_NUMBERS = re.compile(r"PHONE|CARD|IBAN|SSN|ITIN|SUBJECT")
_SEPARATORS = re.compile(rf"[\s{re.escape(SEPARATORS)}]+")
_NATIONAL_ZERO = re.compile(rf"^(\+{BETWEEN}\d{{1,3}}){BETWEEN}\(0\)")
_MOST_PASSES = 8


def mask_text(
    text: str,
    *,
    known: Iterable[str] = (),
    keep: Iterable[str] = (),
    detection: Detection = DEFAULT_DETECTION,
    masking: Masking = DEFAULT_MASKING,
    key: bytes | None = None,
) -> str:
    """Return a text with personal data replaced, by numbered placeholders unless `masking` says otherwise.

    Masking a masked text changes nothing: what a mask has put there is left alone, and the text is analysed again until
    nothing more is found, since a replaced neighbour can uncover what it hid. What is still found after many rounds
    becomes a placeholder.

    Args:
        known: Strings that identify the data subject and are masked wherever they stand as words of their own,
            whatever their case and, for numbers, their separators.
        keep: Strings that are left as they are when a recognizer finds them, such as the reader's own address.
        detection: What is looked for; what its model finds is masked beside what is known and what fits a pattern.
        masking: What becomes of each type.
        key: For operators that hash, encrypt, or move dates.

    Raises:
        DelibleError: `detect.failed`, without any of the text; `mask.no_key`.
        InputError: `detect.model_missing`, `detect.model_unfit`.
    """
    wanted = _known_pattern(known)
    left = {_spelling(SUBJECT, value) for value in keep}
    secrets = Secrets(key, text)
    names = Names()
    for rounds in range(2 * _MOST_PASSES):
        rules = masking if rounds < _MOST_PASSES else DEFAULT_MASKING
        done = list(_done(text, detection, masking, secrets))
        blank = _blanked(text, done)
        mine = list(_known_in(blank, wanted)) if wanted else []
        [seen] = read_all([blank], detection=detection)
        again = spared([*_named_again(blank, seen.found), *seen.harmless], detection.harmless)
        found = resolved([*seen.found, *again], blank, around=[*done, *mine])
        chosen = sorted(
            f
            for f in (*mine, *found)
            if (f.entity == SUBJECT or _spelling(SUBJECT, text[f.start : f.end]) not in left)
            and masking.rule(f.entity).operator is not MaskOperator.KEEP
        )
        if not chosen:
            break
        spellings = [(f, _spelling(f.entity, text[f.start : f.end])) for f in chosen]
        numbers = names.numbers(spellings, done)
        text = operated(text, [(f, n, s) for (f, s), n in zip(spellings, numbers, strict=True)], rules.rule, secrets)
    return text


def _named_again(text: str, found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield where a name of several words, found by a model, stands again: it reads one place better than another."""
    text = text.encode(errors="replace").decode()  # one sign for one: the search takes no lone surrogates
    read = {text[f.start : f.end]: f for f in found if f.entity in FROM_MODEL}
    names = {name: f for name, f in read.items() if len(name.split()) > 1}
    if not names:
        return
    spellings = sorted(names)
    searched = AhoCorasick(spellings, matchkind=MatchKind.LeftmostLongest)
    for number, start, end in searched.find_matches_as_indexes(text):
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            yield replace(names[spellings[number]], start=start, end=end)


def unmask_text(text: str, *keys: bytes) -> str:
    """Return a text with everything that `encrypt` put there in its old words; other marks stay.

    Args:
        keys: Of which one has encrypted each of them.

    Raises:
        DelibleError: `mask.wrong_key` for what another key has encrypted.
    """
    known = [Secrets(key, "") for key in keys]

    def opened(match: re.Match[str]) -> str:
        for secrets in known:
            if secrets.is_sealed(match[2], match[3]):
                return secrets.opened(match[2])
        raise DelibleError("mask.wrong_key", f"another key encrypted the {match[1]} at character {match.start()}.")

    return ENCRYPTED.sub(opened, text)


class Names:
    """Numbers for values: equal values of a type have one number in a document.

    A person called by one word has the number of the one person whose full name has it: "Ann Lee", then "Lee".
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._full: dict[str, set[int]] = defaultdict(set)

    def numbers(self, spellings: Sequence[tuple[Finding, str]], done: Iterable[Finding]) -> list[int]:
        """Return a number for each finding; above those of the marks that already stand in the text."""
        highest: dict[str, int] = defaultdict(int)
        for p in done:
            highest[p.entity] = max(highest[p.entity], int(p.score))
        for (entity, _), number in self._numbers.items():
            highest[entity] = max(highest[entity], number)
        for full in (True, False):
            for f, spelling in spellings:
                at = (f.entity, spelling)
                if at in self._numbers or (f.entity == "PERSON" and (len(spelling.split()) > 1) != full):
                    continue
                alike = self._full[spelling] if f.entity == "PERSON" else set()
                if len(alike) == 1:
                    [self._numbers[at]] = alike
                    continue
                self._numbers[at] = highest[f.entity] = highest[f.entity] + 1
                if f.entity == "PERSON" and full:
                    for word in spelling.split():
                        self._full[word].add(self._numbers[at])
        return [self._numbers[f.entity, spelling] for f, spelling in spellings]


def _done(text: str, detection: Detection, masking: Masking, secrets: Secrets) -> Iterator[Finding]:
    """Yield what a mask has put into a text, sorted, without overlaps, with its number as score."""
    found = [Finding(m.start(), m.end(), m[1], float(m[2])) for m in PLACEHOLDER.finditer(text)]
    found += [Finding(m.start(), m.end(), m[1], 0.0) for m in HASHED.finditer(text)]
    sealed = (m for m in ENCRYPTED.finditer(text) if secrets.is_sealed(m[2], m[3]))
    found += [Finding(m.start(), m.end(), m[1], 0.0) for m in sealed]
    found = [f for f in found if f.entity in (SUBJECT, "DATE_TIME") or detection.category_of(f.entity) is not None]
    invented = [e for e in SURROGATE_TYPES if masking.rule(e).operator is MaskOperator.SURROGATE]
    found += [Finding(start, end, entity, float(n)) for start, end, entity, n in surrogates(text, invented)]
    end = 0
    for f in sorted(found):
        if f.start >= end:
            yield f
            end = f.end


def _blanked(text: str, placeholders: Sequence[Finding]) -> str:
    parts, end = [], 0
    for p in placeholders:
        parts += [text[end : p.start], _FILLER * (p.end - p.start)]
        end = p.end
    return "".join((*parts, text[end:]))


def _known_in(text: str, wanted: re.Pattern[str]) -> Iterator[Finding]:
    """Yield where a known value stands, read as recognizers read: marks that nobody sees do not hide it."""
    read = plain(text)
    for match in wanted.finditer(read.text):
        yield Finding(*read.original(*match.span()), SUBJECT, 1.0)


def _known_pattern(known: Iterable[str]) -> re.Pattern[str] | None:
    spellings = sorted({value.strip() for value in known} - {""}, key=lambda v: (-len(v), v))
    if not spellings:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_flexible, spellings))})(?!\w)", re.IGNORECASE)


def _flexible(value: str) -> str:
    """Return a pattern for a value: a number with any separators, words in any spelling with any space between."""
    digits = _SEPARATORS.sub("", _NATIONAL_ZERO.sub(r"\1", value))
    if re.fullmatch(r"\+?\d+", digits, re.ASCII) and is_number(digits):
        return number_pattern(digits, rf"[\s{re.escape(SEPARATORS)}]*")
    return r"\s+".join(map(value_pattern, plain(value).text.split()))


def _spelling(entity: str, value: str) -> str:
    """Return the form in which two values are the same value."""
    if _NUMBERS.search(entity) and (bare := _SEPARATORS.sub("", value)) and any(c.isdigit() for c in bare):
        return bare.casefold()
    return normalize("NFC", " ".join(plain(value).text.split())).casefold()
