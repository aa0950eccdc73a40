"""What other writers did to a table since a version, told by its log alone."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from delible.lake.commits import COMMIT, MARK, commits, current_version, file_commits, files_in, log_of
from delible.lake.facts import read


@dataclass(frozen=True)
class Others:
    """The commits of others.

    Args:
        rows: One of them added, changed or removed rows; OPTIMIZE, REORG and VACUUM do not.
        described: One of them changed the table's schema, properties or protocol.
        whole: Every commit since the version is still in the log. Otherwise there may have been others.
    """

    rows: bool = False
    described: bool = False
    whole: bool = True

    @property
    def may_have_rows(self) -> bool:
        """Whether rows may be others than they were."""
        return self.rows or not self.whole


def others_since(location: str, mine: str, version: int) -> Others:
    """Return what others did after a version, as far as the log tells.

    Args:
        mine: What the marks of one's own commits begin with (`lake.commits.mark_of`).
    """
    newest, seen = current_version(location), set[int]()
    rows = described = False
    for commit in file_commits(location, since=version):
        seen.add(commit.version)
        if commit.is_of(mine):
            continue
        rows = rows or commit.changes_rows
        described = described or not commit.actions.keys().isdisjoint(("metaData", "protocol"))
    return Others(rows, described, whole=seen >= {*range(version + 1, newest + 1)})


def wrote_files(location: str, mine: str, version: int) -> bool:
    """Return whether others added or removed data files after a version, OPTIMIZE too, as far as the log tells."""
    others = (c for c in file_commits(location, since=version) if not c.is_of(mine))
    return any(commit.added or commit.removed for commit in others)


def commits_of_others(location: str, *, since: int) -> int:
    """Count commits after a version that no plan made: somebody else writes the table. A VACUUM writes nothing."""
    others = (c for c in commits(location, since=since) if not c.is_of(MARK))
    return sum(not commit.operation.startswith("VACUUM") for commit in others)


def was_marked(location: str, mine: str, version: int) -> bool:
    """Return whether the log still tells of commits after a version with marks that begin like one's own."""
    return any(commit.is_of(mine) for commit in commits(location, since=version))


def first_own(location: str, mine: str, version: int) -> int | None:
    """Return the version of one's own first commit after a version.

    None without one, and where the version before it may not be there any more: the log has a gap, or files went.
    """
    since = list(commits(location, since=version))
    if any(commit.operation.startswith("VACUUM") for commit in since):
        return None
    first = min((commit.version for commit in since if commit.is_of(mine)), default=None)
    filesystem, log = log_of(location)
    known = {number for number, _ in files_in(filesystem, log, COMMIT)}
    return first if first is not None and known.issuperset(range(version, first)) else None


def is_readable(spark: SparkSession, location: str, version: int) -> bool:
    """Return whether Delta reads a version: not so once the table's own window for deleted files has passed."""
    try:
        read(spark, location, version=version).schema  # noqa: B018 -- resolving it is the question
    except AnalysisException:
        return False
    return True


def has_same_columns(spark: SparkSession, location: str, version: int) -> bool:
    """Return whether a table has the columns that it had at a version: names, types and all that Delta says of them."""
    return bool(read(spark, location, version=version).schema.json() == read(spark, location).schema.json())
