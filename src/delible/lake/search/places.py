"""Names of files and folders: what they spell out, and how a place is told without telling whose data it is.

A partition folder such as `email=ann%40x.example` names a person, be it the one who was erased or somebody else, and
a place stands in reports, certificates and messages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from urllib.parse import unquote

from delible.lake.search.forms import Needles
from delible.lake.search.typed_keys import TypedKeys
from delible.model.subject import normalised

HIDDEN = "…"
_PARTITION = re.compile(r"([A-Za-z_][\w.-]{0,63})=.*", re.DOTALL)
_TOKEN = re.compile(r"[\w.+%~@-]+")
_AT = re.compile(r"@|%(?:25)*40")
_TELLING = re.compile(
    r"""(?P<technical>
        \d{20}(?=\.)                                      # versions in a Delta log
      | (?:part-\d{5}-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
      | (?=\d{0,63}[a-f])[0-9a-f]{16,}
      | [RC]-\d{8}-[A-Z2-7]{6} | (?<!\d)20\d\d-?[01]\d-?[0-3]\d(?!\d)
    )
    | (?:\+|%2B)?\d(?:[ ().-]{0,3}\d){6,}                 # a number""",
    re.VERBOSE | re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"\.(jsonl?|[ct]sv|txt|log|xml|html?|parquet|orc|avro|arrow|crc|bin|gz|bz2|xz|zst|zip|tar|tgz|7z|pdf|docx?|xlsx?)",
    re.IGNORECASE,
)
"""After an address, such a suffix would look like more of its domain."""


def search_name(path: str, needles: Needles) -> Counter[str]:
    """Search a file's path, also as it reads without the suffixes of files."""
    return needles.search(_encoded(path)) | needles.search(_encoded(_without_suffixes(path)))


class Names:
    """The names below one folder.

    Args:
        typed: Keys that a partition folder of their column may spell.
    """

    def __init__(self, needles: Needles, typed: Mapping[str, TypedKeys]) -> None:
        self._needles = needles
        self._typed = typed

    def matches(self, path: str) -> Counter[str]:
        """Count the matches in the name of a file and in those of the folders above it, by form."""
        found = Counter[str]()
        for form, count in search_name(path, self._needles).items():
            found[f"file name, {form}"] += count
        for folder in path.split("/")[:-1]:
            column, sign, value = unquote(folder).partition("=")
            keys = self._typed.get(column.lower())
            if sign and keys is not None and normalised(value, keys.how) in keys.values:
                found["partition folder"] += 1
        return found

    def shown(self, path: str) -> str:
        """Return a path without values of partitions, without what looks like an identifier, and without matches."""
        place = "/".join(self._part(part) for part in path.split("/"))
        return HIDDEN if search_name(place, self._needles) else place

    def column(self, name: str) -> str:
        """Return the name of a column the same way: pivoted tables have one for each person."""
        return self._part(name)

    def _part(self, name: str) -> str:
        partition = _PARTITION.fullmatch(name)
        shown = _told(name) if partition is None else f"{_told(partition[1])}={HIDDEN}"
        if search_name(shown, self._needles):
            shown = HIDDEN
        suffix = name[_suffixes_start(name) :]
        return shown if shown.endswith(suffix) else shown + suffix


def _told(name: str) -> str:
    without = _TOKEN.sub(lambda match: HIDDEN if _AT.search(match[0]) else match[0], name)
    return _TELLING.sub(lambda match: match[0] if match["technical"] else HIDDEN, without)


def _without_suffixes(path: str) -> str:
    return "/".join(part[: _suffixes_start(part)] for part in path.split("/"))


def _suffixes_start(name: str) -> int:
    """Return where the suffixes at a name's end begin: from the end, since a name may be made of nothing else."""
    end = len(name)
    while (dot := name.rfind(".", 0, end)) >= 0 and _SUFFIX.fullmatch(name, dot, end):
        end = dot
    return end


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
