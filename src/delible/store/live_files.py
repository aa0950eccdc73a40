"""Which data files of a Delta table its newest version is made of, without a JVM."""

from __future__ import annotations


def live_files(location: str) -> frozenset[str]:
    """Return the names of the newest version's data files; none where delta-rs cannot read the table.

    Names without their folders: Delta makes each of them unique.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return frozenset(uri.rsplit("/", 1)[-1] for uri in DeltaTable(location).file_uris())
    except (DeltaError, OSError, ValueError):
        return frozenset()
