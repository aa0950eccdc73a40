"""What lies beside a recognizer's YAML: its dictionary; and whether its patterns can be let loose on texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from delible.model.base import digest
from delible.model.recognizer import Recognizer, WordList
from delible.store.yaml_file import LARGEST_FILE, KeyPath

MOST_WORDS, _LONGEST_WORD = 20_000, 200


@dataclass(frozen=True)
class Unreadable:
    """What is wrong with a dictionary, and in which line; never the word itself."""

    line: int
    message: str


def is_dictionary(path: Path) -> bool:
    """Return whether a file in the folder of recognizers is a list of words."""
    return path.suffix == ".txt" and not path.name.startswith(".")


def read_words(raw: bytes) -> WordList | Unreadable:
    """Return the words of a dictionary: one in each line, without blank lines and those that begin with `#`."""
    if len(raw) > LARGEST_FILE:
        return Unreadable(1, f"the file is larger than {LARGEST_FILE} bytes.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Unreadable(raw.count(b"\n", 0, error.start) + 1, "not UTF-8 text.")
    words: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        word = " ".join(line.split())
        if not word or word.startswith("#"):
            continue
        if len(word) > _LONGEST_WORD or not any(c.isalnum() for c in word):
            return Unreadable(number, f"a word has a letter or digit, and at most {_LONGEST_WORD} characters.")
        words.add(word)
    if not 0 < len(words) <= MOST_WORDS:
        return Unreadable(1, f"holds {len(words)} words; 1 to {MOST_WORDS} are allowed.")
    return WordList(sha256=digest(sorted(words)), words=tuple(sorted(words)))


def unsafe_patterns(recognizer: Recognizer) -> Iterator[tuple[KeyPath, str]]:
    """Yield the key of each pattern that is not safe to search with, and why."""
    from delible.detect.backtracking import danger

    for number, pattern in enumerate(recognizer.patterns):
        if why := danger(pattern.regex, recognizer.search_flags):
            yield ("patterns", number, "regex"), f"this expression {why}."
    for number, rule in enumerate(recognizer.columns):
        if why := danger(rule.name, 0):
            yield ("columns", number, "name"), f"this expression {why}."
