"""Which values are running text, and so worth the time of a model that reads."""

from __future__ import annotations

import re

_WORDS = re.compile(r"(?<!\S)[\"'(]*[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,;:!?)\"']*(?!\S)")
_FEWEST_WORDS, _MOSTLY, _FEWEST_LOWER = 4, 0.6, 2


def looks_like_prose(value: str) -> bool:
    """Return whether people may have written the value as running text, which is worth a model's time.

    At least four words of letters only, two of them in lower case, and most of what stands between blanks are such
    words. Keys, codes, single names, dates, numbers and markup are none; an address line may or may not be.
    """
    if value.count(" ") + value.count("\n") < _FEWEST_WORDS - 1:
        return False
    words = _WORDS.findall(value)
    lower = sum(word[:1].islower() for word in words)
    return len(words) >= max(_FEWEST_WORDS, _MOSTLY * len(value.split())) and lower >= _FEWEST_LOWER
