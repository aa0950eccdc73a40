"""What workers do with values, without Spark: documents are opened, everything is counted, no key is invented."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pyspark.errors import PySparkException

from delible.detect.own import OwnRecognizer
from delible.detect.values import LONGEST
from delible.errors import DelibleError
from delible.lake import scan as scan_module
from delible.lake.workers import recognizers_told
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.nlp_model import NO_MODEL
from delible.model.recognizer import Recognizer

Row = tuple[int, str, bool, str]


def opened(*rows: tuple[int, str], texts: frozenset[int] = frozenset({0})) -> list[Row]:
    leaf, value = zip(*rows, strict=True)
    batch = pa.RecordBatch.from_arrays([pa.array(leaf, pa.int32()), pa.array(value)], names=["leaf", "value"])
    out = scan_module._open([batch], texts=texts)
    return [tuple(row.values()) for made in out for row in made.to_pylist()]  # type: ignore[misc] # four columns


def test_values_pass_and_documents_stand_behind_them() -> None:
    text = json.dumps({"email": "ann@fennel.example", "n": 7, "again": "", "l": ["x", "x"]})
    passed = [(0, text), (0, "plain"), (1, text), (0, "[not a list")]
    found = opened(*passed)
    assert found[:4] == [(leaf, "", "", value) for leaf, value in passed]
    assert sorted(found[4:]) == [
        (0, "$.email", "string", "ann@fennel.example"),
        (0, "$.l[]", "string", "x"),
        (0, "$.n", "bigint", "7"),
        (0, "//documents", "", ""),
    ]


def test_keys_without_end_become_one_path() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [a + b + c for a in letters for b in letters for c in letters[:4]]
    found = opened(*((0, json.dumps({name: "x"})) for name in names))
    paths = {path for _, path, _, _ in found if path.startswith("$")}
    assert len(paths) == scan_module._MOST_PATHS + 1
    assert "$.*" in paths


def test_a_value_is_looked_at_once_and_counts_for_its_rows() -> None:
    columns = {
        "leaf": pa.array([0, 0, 0, 0], pa.int32()),
        "path": pa.array(["", "", "$.a", "//documents"]),
        "kind": pa.array(["string"] * 4),
        "value": pa.array(["ann@fennel.example", "nobody here", "bob@fennel.example", ""]),
        "rows": pa.array([30, 12, 5, 9], pa.int64()),
        "place": pa.array([1, 3, 1, 1], pa.int32()),
    }
    batch = pa.RecordBatch.from_pydict(columns)
    out = scan_module._examine([batch], detection=DEFAULT_DETECTION, sample=2)
    counts = {tuple(list(row.values())[:-1]): row["n"] for made in out for row in made.to_pylist()}
    own = {what: n for (_, path, _, *what_), n in counts.items() if path == "" and (what := tuple(what_))}
    assert own["values", "values"] == 1
    assert own["values", "rows"] == own["row_hits", "EMAIL_ADDRESS"] == 30
    assert own["hits", "EMAIL_ADDRESS"] == own["whole", "EMAIL_ADDRESS"] == 1
    assert own["values", "more"] == 1
    assert own["//documents", "//documents"] == 9
    assert counts[0, "$.a", "string", "row_hits", "EMAIL_ADDRESS"] == 5


def values(*texts: str) -> pa.RecordBatch:
    n = len(texts)
    columns = {
        "leaf": pa.array([1] * n, pa.int32()),
        "path": pa.array([""] * n),
        "kind": pa.array([""] * n),
        "value": pa.array(texts),
        "rows": pa.array([1] * n, pa.int64()),
        "place": pa.array([0] * n, pa.int32()),
    }
    return pa.RecordBatch.from_pydict(columns)


def test_a_recognizer_that_fails_is_named_with_its_column_and_its_own_words_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object, text: str) -> None:
        raise ValueError(text)

    monkeypatch.setattr(OwnRecognizer, "validate_result", fail)
    poison = {"recognizer": "poison", "description": "x", "category": "user", "patterns": [{"regex": "canary"}]}
    looked_for = Detection((), (Recognizer.model_validate(poison),), nlp=NO_MODEL)
    with pytest.raises(DelibleError) as failed:
        list(scan_module._examine([values("fine", "a canary")], detection=looked_for, sample=None))
    assert "canary" not in str(failed.value)
    with pytest.raises(DelibleError) as told, recognizers_told(["first", "second"]):
        raise PySparkException(f"Traceback: delible.errors.DelibleError: {failed.value}\n in a worker")
    assert (told.value.code, told.value.where) == ("detect.failed", "second, recognizer:poison")
    assert told.value.__suppress_context__


@pytest.mark.parametrize("said", ["leaf 7, detect.failed: x", "leaf 0, detect.x: x", "leaf 0, detect.failed, me: x"])
def test_what_no_worker_of_ours_says_is_not_repeated(said: str) -> None:
    with pytest.raises(PySparkException), recognizers_told(["first"]):
        raise PySparkException(f"DelibleError: {said}")


def test_rows_whose_value_is_not_read_to_the_end_are_counted() -> None:
    texts = ("x" * LONGEST, "x" * (LONGEST + 1), "ann@fennel.example")
    (out,) = scan_module._examine([values(*texts)], detection=DEFAULT_DETECTION, sample=None)
    counts = {(row["what"], row["name"]): row["n"] for row in out.to_pylist()}
    assert (counts["values", "cut"], counts["values", "values"]) == (1, 3)
