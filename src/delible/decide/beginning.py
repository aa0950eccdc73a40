"""What a new workspace still lacks before anything can be done in it."""

from __future__ import annotations

from collections.abc import Iterator

from delible.decide.finding import Finding, gap
from delible.model.policy import NOT_YET_SAID, PolicySet


def begun(policies: PolicySet) -> Iterator[Finding]:
    """Yield the gaps of a beginning, in the order in which they are closed."""
    for key, what in (("controller", "who decides about the data"), ("contact", "where data subjects reach them")):
        if getattr(policies.controller, key) == NOT_YET_SAID:
            message = f"{key}: write {what} (Art. 13(1)(a)); it stands on every certificate, report and package."
            yield gap("policy.controller_unnamed", message, "controller", key)
    for name, table in policies.tables.items():
        for said, path in (
            (table.description, ("description",)),
            (table.no_subject, ("no_subject",)),
            (table.erasure.reason, ("erasure", "reason")),
        ):
            if said is not None and said.startswith(NOT_YET_SAID):
                message = f"{'.'.join(path)} of '{name}' was drafted, and nobody has said it yet."
                yield gap("policy.not_yet_said", message, "tables", name, *path)
    if not policies.tables:
        message = (
            "no table is described, so nothing can be erased, retained or released. Load one with `delible table load` "
            "or have one in place, and describe it in a file of its own in tables/."
        )
        yield gap("policy.no_table", message, "tables")
