"""Whose residue it is: the others of a plan have been erased, and their requests end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from delible.model.proof import Verification

_MORE = 12
"""So many more searches are made at most; whoever is not proven clean by then counts as not clean."""


def proven_clean(
    search: Callable[[Sequence[str]], Verification],
    found: Verification,
    requests: Sequence[str],
    more: int = _MORE,
    *,
    concerns: Callable[[str, str], bool] = lambda _request, _place: True,
) -> dict[str, Verification]:
    """Return the requests of whom nothing stands anywhere, each with the search that proves it.

    A match does not say whose value it is, so halves are searched for on their own, the larger ones first. A file that
    cannot be read stops those whom it may concern; the proofs of the others name it apart.

    Args:
        search: Searches every byte for what belongs to some of the requests.
        found: What the search for all of them found.
        requests: All of them.
        more: How many more searches may be made.
        concerns: Whether an unreadable place may hold something of a request's data subject.
    """

    def free(group: Sequence[str], places: Collection[str]) -> list[str]:
        return [request for request in group if not any(concerns(request, place) for place in places)]

    clean: dict[str, Verification] = {}
    waiting: list[tuple[Sequence[str], Verification]] = [(free(requests, found.unreadable), found)]
    while waiting:
        group, own = waiting.pop(0)
        if not own.matches:
            clean |= dict.fromkeys(free(group, own.unreadable), _apart(own))
            continue
        # Not the search for everybody again, unless somebody was left out of it.
        for part in _halves(group) if len(group) == len(requests) or own is not found else [group]:
            if part and more:
                more -= 1
                waiting.append((part, search(part)))
    return clean


def _apart(found: Verification) -> Verification:
    """Return a search without matches as it proves something to those whom its unreadable places do not concern."""
    return found.model_copy(update={"unreadable": (), "apart": found.unreadable})


def _halves(requests: Sequence[str]) -> list[Sequence[str]]:
    middle = len(requests) // 2
    return [requests[:middle], requests[middle:]] if middle else []
