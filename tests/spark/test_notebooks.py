"""The notebooks that need Spark, run in a kernel of their own: an erasure with its proof, a training set recut."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.cli.dataset import app as dataset
from notebook_runs import executed

RECUT = "recut" in {
    command.name or getattr(command.callback, "__name__", "") for command in dataset.registered_commands
}


def test_the_erasure_leaves_nothing_and_proves_it(tmp_path: Path) -> None:
    before, after, matches, others, certified, named, intact, jobs, left = executed(
        "erasure_and_proof",
        tmp_path,
        ask=(
            "before",
            "after",
            "gone['matches']",
            "len(there['matches'])",
            "certificate['status']",
            "ADDRESS in json.dumps(certificate)",
            "ledger['intact']",
            "[run['job'] for run in lineage['made_by']]",
            "[r['state'] for r in applied['requests']]",
        ),
    )
    assert before[0] == 2, "it stands in both tables"
    assert before[1] > 0, "and in statistics"
    assert (after, matches) == ([0, 0], [])
    assert others > 0, "a search that finds nobody proves nothing"
    assert (certified, named, intact) == ("ok", False, True)
    assert jobs == ["erasure.apply"]
    assert left == ["completed"]


@pytest.mark.skipif(not RECUT, reason="`dataset recut` is not there yet")
def test_the_recut_holds_nobody_who_withdrew_and_the_model_is_trained_again(tmp_path: Path) -> None:
    first, second, member, still, left, subset, scores, edges, duties = executed(
        "training_and_withdrawal",
        tmp_path,
        ask=(
            "[first['version'], first['rows_in'], first['rows_out'], first['members']]",
            "[second['version'], second['rows_before'], second['rows_out']]",
            "member",
            "still",
            "len(left)",
            "questions(second) <= questions(first)",
            "[right, right_again]",
            "[[e['source'], e['target']] for e in way['edges']]",
            "str(impact)",
        ),
    )
    assert first == [1, 180, 150, 50]
    assert second == [2, 150, 135]
    assert (member, still, left, subset) == (True, False, 15, True)
    assert min(scores) > 0.8
    assert "topics-1" in duties
    assert [edge for edge in edges if edge[1].startswith("model:")] == [
        ["topics@v1", "model:topics-1"],
        ["topics@v2", "model:topics-2"],
    ]
    assert ["topics@v1", "topics@v2"] in edges
