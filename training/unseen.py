"""Names that a model was not trained with, to see what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import vocabulary
from known_names import names
from lists import people

from delible.detect.vocabularies import folded

Lists = dict[str, tuple[list[str], list[str]]]


def unseen() -> Lists:
    """Return first and last names that are in no list of the training's.

    They are romanised Russian, Ukrainian, Bulgarian, Greek and Korean ones, Vietnamese ones, and those of
    more_names.txt.
    """
    seen = {folded(name) for lists in people().values() for each in lists for name in each}
    seen |= {part for name in seen for part in name.replace("-", " ").split()}
    first, last = (sorted(n.title() for n in names(kind) - seen if " " not in n) for kind in ("first", "last"))
    return {"unseen": (first, last), "en_GB": (first, last)}


@contextmanager
def names_of(lists: Lists) -> Iterator[None]:
    """Fill patterns with names of these lists, and with none that is made up, as long as the block runs."""
    kept, share = vocabulary.people, vocabulary._INVENTED_SHARE
    vocabulary.people, vocabulary._INVENTED_SHARE = (lambda: lists), 0.0
    try:
        yield
    finally:
        vocabulary.people, vocabulary._INVENTED_SHARE = kept, share
