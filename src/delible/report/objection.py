"""What of a data subject's objections, opt-outs and limits stands, in words for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from delible.decide.objection import STANDING, limits, stands_against
from delible.model.policy import Purpose
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Right

_SAID = {Right.OBJECTION: "You objected", Right.OPT_OUT: "You opted out of the sale or sharing of your data"}


def standing_sentences(
    requests: Iterable[Request], purposes: Mapping[str, Purpose], refs: Collection[SubjectRef]
) -> tuple[str, ...]:
    """Return a sentence for each objection, opt-out and limit of one person that stands.

    Args:
        requests: The register.
        purposes: All purposes by name.
        refs: The person's references.
    """
    own = [r for r in requests if r.right in STANDING and not set(r.refs).isdisjoint(refs)]
    return tuple(said for r in own if (said := _sentence(r, purposes)))


def _sentence(request: Request, purposes: Mapping[str, Purpose]) -> str:
    if request.right is Right.LIMIT:
        said = f"You limited the use of your sensitive data on {request.received:%Y-%m-%d}"
        return f"{said}: it is left out of the datasets that are built from then on." if limits(request) else ""
    names = [name.replace("_", " ") for name, p in sorted(purposes.items()) if stands_against(request, p) is not None]
    if not names:
        return ""
    since = f"{_SAID[request.right]} on {request.received:%Y-%m-%d}"
    return f"{since}: your data is left out of the datasets that are built for {', '.join(names)}."
