"""Free text with what was found replaced: `<EMAIL_ADDRESS_1>`, the same number for the same value in one document."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import normalize

from delible.detect.entities import FROM_MODEL
from delible.detect.findings import Finding, read_all, resolved, spared
from delible.detect.operators import ENCRYPTED, HASHED, PLACEHOLDER, Secrets, operated
from delible.detect.plain import plain
from delible.detect.repeats import canonical, is_name, named, own_names
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
    names: Iterable[str] = (),
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
        names: Names of people whom the text is about; masked as a model's findings are, whether it sees them or not.
        keep: Strings that are left as they are when a recognizer finds them, such as the reader's own address.
        detection: What is looked for; what its model finds is masked beside what is known and what fits a pattern.
        masking: What becomes of each type.
        key: For operators that hash, encrypt, or move dates; and by it their marks are known again. Without it numbered
            placeholders alone are left as they are: what looks like another mark may have a name in it.

    Raises:
        DelibleError: `detect.failed`, without any of the text; `mask.no_key`.
        InputError: `detect.model_missing`, `detect.model_unfit`.
    """
    wanted = _known_pattern(known)
    keep = list(keep)
    own = [value for value in keep if is_name(value)]
    left = {_spelling(SUBJECT, value) for value in keep} | {canonical(value) for value in own} - {""}
    secrets = Secrets(key, text)
    theirs, numbered = list(names), Names()
    for rounds in range(2 * _MOST_PASSES):
        rules = masking if rounds < _MOST_PASSES else DEFAULT_MASKING
        done = list(_done(text, detection, masking, secrets))
        blank = _blanked(text, done)
        mine = list(_known_in(blank, wanted)) if wanted else []
        [seen] = read_all([blank], detection=detection)
        read = sorted((*seen.found, *own_names(blank, theirs, seen.found)))
        everywhere = spared([*named(blank, read, own), *seen.harmless], detection.harmless)
        found = resolved(everywhere, blank, around=[*done, *mine])
        chosen = sorted(
            f
            for f in (*mine, *found)
            if (f.entity == SUBJECT or not left & _spellings(f.entity, text[f.start : f.end]))
            and masking.rule(f.entity).operator is not MaskOperator.KEEP
        )
        if not chosen:
            break
        spellings = [(f, _spelling(f.entity, text[f.start : f.end])) for f in chosen]
        numbers = numbered.numbers(spellings, done)
        spelled = [(f, n, numbered.spelled[f.entity, n]) for f, n in zip(chosen, numbers, strict=True)]
        text = operated(text, spelled, rules.rule, secrets)
    return text


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

    Attributes:
        spelled: By type and number, the spelling of the value that has it; of a person's the full name.
    """

    def __init__(self) -> None:
        self.spelled: dict[tuple[str, int], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._full: dict[str, set[int]] = defaultdict(set)

    def numbers(self, spellings: Sequence[tuple[Finding, str]], done: Iterable[Finding]) -> list[int]:
        """Return a number for each finding; above those of the marks that already stand in the text."""
        highest: dict[str, int] = defaultdict(int)
        for p in done:
            highest[p.entity] = max(highest[p.entity], int(p.score))
        for (entity, _), number in self._numbers.items():
            highest[entity] = max(highest[entity], number)
        values = [(f.entity, _value(f.entity, spelling), spelling) for f, spelling in spellings]
        for full in (True, False):
            for at in values:
                self._number(*at, full=full, highest=highest)
        return [self._numbers[entity, value] for entity, value, _ in values]

    def _number(self, entity: str, value: str, spelling: str, *, full: bool, highest: dict[str, int]) -> None:
        if (entity, value) in self._numbers or (entity == "PERSON" and (" " in value) != full):
            return
        alike = self._full[value] if entity == "PERSON" else set()
        if len(alike) == 1:
            [self._numbers[entity, value]] = alike
            return
        number = self._numbers[entity, value] = highest[entity] = highest[entity] + 1
        self.spelled[entity, number] = spelling
        if entity == "PERSON" and full:
            for word in value.split():
                for part in {word, *word.split("-")}:
                    self._full[part].add(number)


def _spellings(entity: str, value: str) -> set[str]:
    """Return the forms by which a finding may be known as one of the reader's own values."""
    return {_spelling(SUBJECT, value), *((canonical(value),) if entity in FROM_MODEL else ())} - {""}


def _value(entity: str, spelling: str) -> str:
    return (canonical(spelling) if entity in FROM_MODEL else "") or spelling


def _done(text: str, detection: Detection, masking: Masking, secrets: Secrets) -> Iterator[Finding]:
    """Yield what a mask has put into a text, sorted, without overlaps, with its number as score."""
    found = [Finding(m.start(), m.end(), m[1], float(m[2])) for m in PLACEHOLDER.finditer(text)]
    hashed = (m for m in HASHED.finditer(text) if secrets.is_pseudonym(m[2], m[3]))
    sealed = (m for m in ENCRYPTED.finditer(text) if secrets.is_sealed(m[2], m[3]))
    found += [Finding(m.start(), m.end(), m[1], 0.0) for m in (*hashed, *sealed)]
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
