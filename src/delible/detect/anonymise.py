"""Free text with what was found replaced: `<EMAIL_ADDRESS_1>`, the same number for the same value in one document."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ahocorasick_rs import AhoCorasick, MatchKind

from delible.detect.entities import DEFAULT_COUNTRIES, FROM_MODEL
from delible.detect.findings import Finding, find, resolved
from delible.model.detection import SHIPPED, NlpModel
from delible.model.numbers import BETWEEN, SEPARATORS, is_number, number_pattern
from delible.model.taxonomy import category_of

SUBJECT = "SUBJECT"
"""Stands for a string that the caller knows to identify the data subject."""

PLACEHOLDER = re.compile(r"<([A-Z]{2,20}(?:_[A-Z]{2,20}){0,4})_(\d{1,5})>")

_FILLER = "¦"
"""Stands for a placeholder while a text is analysed: no letter, digit or separator of anything that is looked for."""

_NUMBERS = re.compile(r"PHONE|CARD|IBAN|SSN|ITIN|SUBJECT")
_SEPARATORS = re.compile(rf"[\s{re.escape(SEPARATORS)}]+")
_NATIONAL_ZERO = re.compile(rf"^(\+{BETWEEN}\d{{1,3}}){BETWEEN}\(0\)")
_MOST_PASSES = 8
_BLOCK = 20_000


def mask_text(
    text: str,
    *,
    known: Iterable[str] = (),
    keep: Iterable[str] = (),
    countries: tuple[str, ...] = DEFAULT_COUNTRIES,
    nlp: NlpModel = SHIPPED,
) -> str:
    """Return a text with personal data replaced by numbered placeholders.

    Masking a masked text changes nothing: placeholders are left alone, and the text is analysed again until nothing
    more is found, since a replaced neighbour can uncover what it hid.

    Args:
        known: Strings that identify the data subject and are masked wherever they stand as words of their own,
            whatever their case and, for numbers, their separators.
        keep: Strings that are left as they are when a recognizer finds them, such as the reader's own address.
        countries: Whose national identifiers are looked for.
        nlp: The model that finds people and places; what it finds is masked beside what is known and what fits a
            pattern.

    Raises:
        DelibleError: `detect.failed`, without any of the text.
        InputError: `detect.model_missing`, `detect.model_unfit`.
    """
    wanted = _known_pattern(known)
    spared = {_spelling(SUBJECT, value) for value in keep}
    numbers: dict[tuple[str, str], int] = {}
    for _ in range(_MOST_PASSES):
        placeholders = list(_placeholders(text))
        blank = _blanked(text, placeholders)
        mine = [Finding(m.start(), m.end(), SUBJECT, 1.0) for m in wanted.finditer(blank)] if wanted else []
        seen = find(blank, countries=countries, nlp=nlp)
        found = resolved([*seen, *_named_again(blank, seen)], blank, around=[*placeholders, *mine])
        chosen = sorted(mine + [f for f in found if _spelling(SUBJECT, text[f.start : f.end]) not in spared])
        if not chosen:
            break
        text = _replaced(text, chosen, placeholders, numbers)
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


def _placeholders(text: str) -> Iterator[Finding]:
    for match in PLACEHOLDER.finditer(text):
        if match[1] in (SUBJECT, "DATE_TIME") or category_of(match[1]) is not None:
            yield Finding(match.start(), match.end(), match[1], float(match[2]))


def _blanked(text: str, placeholders: Sequence[Finding]) -> str:
    parts, end = [], 0
    for p in placeholders:
        parts += [text[end : p.start], _FILLER * (p.end - p.start)]
        end = p.end
    return "".join((*parts, text[end:]))


def _known_pattern(known: Iterable[str]) -> re.Pattern[str] | None:
    spellings = sorted({value.strip() for value in known} - {""}, key=lambda v: (-len(v), v))
    if not spellings:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_flexible, spellings))})(?!\w)", re.IGNORECASE)


def _flexible(value: str) -> str:
    """Return a pattern for a value: a number with any separators, words with any space between them."""
    digits = _SEPARATORS.sub("", _NATIONAL_ZERO.sub(r"\1", value))
    if re.fullmatch(r"\+?\d+", digits, re.ASCII) and is_number(digits):
        return number_pattern(digits, rf"[\s{re.escape(SEPARATORS)}]*")
    return r"\s+".join(map(re.escape, value.split()))


def _spelling(entity: str, value: str) -> str:
    """Return the form in which two values are the same value."""
    if _NUMBERS.search(entity) and (bare := _SEPARATORS.sub("", value)) and any(c.isdigit() for c in bare):
        return bare.casefold()
    return value.casefold()


def _replaced(
    text: str, chosen: Sequence[Finding], placeholders: Sequence[Finding], numbers: dict[tuple[str, str], int]
) -> str:
    """Replace the chosen spans through Presidio's `replace` operator, whose default value is `<TYPE>`.

    The number is part of the type that Presidio is told, so that equal values get equal placeholders.
    """
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    highest: dict[str, int] = defaultdict(int)
    for p in placeholders:
        highest[p.entity] = max(highest[p.entity], int(p.score))
    typed = []
    for f in chosen:
        key = (f.entity, _spelling(f.entity, text[f.start : f.end]))
        if key not in numbers:
            numbers[key] = highest[f.entity] = highest[f.entity] + 1
        typed.append(RecognizerResult(f"{f.entity}_{numbers[key]}", f.start, f.end, f.score))
    engine: Any = AnonymizerEngine()  # type: ignore[no-untyped-call]
    replace = {"DEFAULT": OperatorConfig("replace")}
    done = []
    for start, end, inside in _blocks(typed, len(text)):
        for each in inside:
            each.start, each.end = each.start - start, each.end - start
        block = text[start:end]
        if inside:
            block = engine.anonymize(block, inside, replace, merge_entities_with_spaces=False).text
        done.append(block)
    return "".join(done)


def _blocks(typed: list[Any], length: int) -> Iterator[tuple[int, int, list[Any]]]:
    """Cut a long text between findings: Presidio copies the whole text once per finding."""
    start, inside = 0, list[Any]()
    for each in typed:
        if inside and each.end - start > _BLOCK:
            yield start, each.start, inside
            start, inside = each.start, []
        inside.append(each)
    yield start, length, inside
