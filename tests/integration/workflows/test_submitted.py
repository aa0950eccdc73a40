"""Under `spark-submit` the session is the cluster's: no scratch in the workspace, and still there for the search."""

from __future__ import annotations

from pathlib import Path

import pytest

import delible.lake.cluster
import delible.lake.session
from delible.store.workspace import Workspace
from delible.workflows import spark


@pytest.mark.parametrize("submitted", [True, False])
def test_only_an_embedded_session_has_scratch_here_and_ends_with_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, submitted: bool
) -> None:
    given: list[Path | None] = []
    ended: list[bool] = []
    monkeypatch.setattr(spark, "_own", None)
    monkeypatch.setattr(delible.lake.session, "active_session", lambda: None)
    monkeypatch.setattr(delible.lake.session, "spark_session", lambda conf, *, scratch: given.append(scratch))
    monkeypatch.setattr(delible.lake.session, "stop_session", lambda: ended.append(True))
    monkeypatch.setattr(delible.lake.cluster, "refuse_unable_workers", lambda session: None)
    if submitted:
        monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    spark.session_for(workspace)
    spark.end_session(workspace)
    assert [scratch is None for scratch in given] == [submitted]
    assert ended == ([] if submitted else [True])
