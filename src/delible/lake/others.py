"""What other writers did to a table since a version, told by its log alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from delible.lake.commits import COMMIT, commits, current_version, files_in, log_of
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
        mine: What the marks of one's own commits begin with (`lake.erase.marked`).
    """
    newest = current_version(location)
    filesystem, log = log_of(location)
    paths = {number: path for number, path in files_in(filesystem, log, COMMIT) if number > version}
    rows = described = False
    for path in paths.values():
        with filesystem.open_input_stream(path) as stream:
            lines = stream.read().splitlines()
        actions = [json.loads(line) for line in lines]
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        if str(info.get("userMetadata") or "").startswith(mine):
            continue
        files = [action.get("add") or action.get("remove") for action in actions]
        rows = rows or any(file is not None and file.get("dataChange", True) for file in files)
        described = described or any("metaData" in action or "protocol" in action for action in actions)
    return Others(rows, described, whole=paths.keys() >= {*range(version + 1, newest + 1)})


def first_own(location: str, mine: str, version: int) -> int | None:
    """Return the version of one's own first commit after a version.

    None without one, and where the version before it may not be there any more: the log has a gap, or files went.
    """
    since = list(commits(location, since=version))
    if any(str(commit.info.get("operation")).startswith("VACUUM") for commit in since):
        return None
    first = min((commit.version for commit in since if (commit.mark or "").startswith(mine)), default=None)
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
