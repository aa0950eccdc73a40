"""Old versions of a table's objects: removed where the table's policy says so, after its log has expired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from delible.model.policy import TablePolicy
from delible.store.versions import Bucket, is_bucket
from delible.workflows.journal import Step
from delible.workflows.stages import Run
from delible.workflows.treated import Treated

_STAGE = "purge_versions"
_ABANDONED = timedelta(days=1)
"""A writer that still sends parts of an object has begun more recently than that."""


def purge_object_versions(run: Run, treated: Iterable[Treated], tables: Mapping[str, TablePolicy]) -> None:
    """Remove the old versions of every table that is erased, lies in a bucket, and has `object_versions: purge`.

    A table that waits for its window, or whose old bytes a hold keeps, is left alone. Running it again after a crash
    goes on; the search afterwards looks at what is left.
    """
    for each in treated:
        step, policy = each.step, tables.get(each.step.table)
        if policy is None or policy.object_versions != "purge" or not is_bucket(step.location):
            continue
        if not step.stages or each.waiting_until is not None or each.held:
            continue
        run.progress(f"{step.table}: removing old versions of objects")

        def purge(_: object, location: str = step.location) -> Step:
            versions, uploads = Bucket(location).purge(uploads_older_than=_ABANDONED, now=run.clock())
            return Step({"versions_removed": versions, "uploads_given_up": uploads})

        run.journal.once(f"table:{step.table}", _STAGE, purge)
