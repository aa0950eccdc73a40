"""Whose residue it is: the others of a plan have been erased, and their requests end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from delible.model.proof import Verification

_MORE = 12
"""So many more searches are made at most; whoever is not proven clean by then counts as not clean."""


def proven_clean(
    search: Callable[[Sequence[str]], Verification], found: Verification, requests: Sequence[str], more: int = _MORE
) -> dict[str, Verification]:
    """Return the requests of whom nothing stands anywhere, each with the search that proves it.

    A match does not say whose value it is, so halves are searched for on their own, the larger ones first. A file that
    cannot be read may hold anybody's: then nobody is proven clean.

    Args:
        search: Searches every byte for what belongs to some of the requests.
        found: What the search for all of them found.
        requests: All of them.
        more: How many more searches may be made.
    """
    if found.clean:
        return dict.fromkeys(requests, found)
    clean: dict[str, Verification] = {}
    waiting = [] if found.unreadable else _halves(requests)
    while waiting and more:
        group, more = waiting.pop(0), more - 1
        own = search(group)
        if own.clean:
            clean |= dict.fromkeys(group, own)
        else:
            waiting += _halves(group)
    return clean


def _halves(requests: Sequence[str]) -> list[Sequence[str]]:
    middle = len(requests) // 2
    return [requests[:middle], requests[middle:]] if middle else []
