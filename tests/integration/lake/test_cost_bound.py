"""What a plan expects at most is never exceeded by what its commits are counted to have rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.lake.commits import mark_of
from delible.lake.erase import done_under, purged_under
from delible.model.statistics import TableStatistics
from delible.plan.candidates import Candidates
from delible.plan.cost import Case, Found, shared, step_cost

PLAN = "T-1"
SIZES = st.lists(st.integers(1, 1000), min_size=1, max_size=5)


class Engine:
    """A table's log, written as Delta writes it: files are rewritten together, into one of any size."""

    def __init__(self, folder: Path, draw: Any, sizes: list[int], vectors: bool, hidden: list[bool]) -> None:
        self.log, self.draw, self.vectors = folder / "_delta_log", draw, vectors
        self.log.mkdir()
        self.files = {f"f{i}": (size, {i}) for i, size in enumerate(sizes)}
        self.behind = {f"f{i}" for i, old in enumerate(hidden) if old}
        self.version = 0

    def commit(self, mark: str, operation: str, gone: set[str], kept: set[str], rows: set[int]) -> None:
        """Remove files, and write what is left of them into a new one; `kept` stay with a deletion vector."""
        self.version += 1
        info = {"operation": operation, "userMetadata": mark, "operationMetrics": {}}
        lines: list[dict[str, Any]] = [{"commitInfo": info}]
        lines += [{"remove": {"path": p, "size": self.files[p][0]}} for p in sorted(gone | kept)]
        lines += [{"add": {"path": p, "size": self.files[p][0]}} for p in sorted(kept)]
        for path in gone:
            del self.files[path]
        if rows:
            size = self.draw(st.integers(1, 9000))
            self.files[f"n{self.version}"] = (size, rows)
            lines.append({"add": {"path": f"n{self.version}", "size": size}})
        self.behind = (self.behind | kept) - gone
        (self.log / f"{self.version:020}.json").write_text("\n".join(map(json.dumps, lines)))

    def merge(self, mark: str, due: set[int], beside: set[int]) -> None:
        """Take due rows out of the files that hold them; `beside` are touched, too, without deletion vectors."""
        wanted = due if self.vectors else due | beside
        touched = {path for path, (_, rows) in self.files.items() if rows & wanted}
        rows = set().union(*(self.files[p][1] for p in touched)) if touched else set()
        if not self.vectors:
            self.commit(mark, "MERGE", touched, set(), rows)
            return
        empty = {p for p in touched if self.draw(st.booleans())}
        self.commit(mark, "MERGE", empty, touched - empty, due if self.draw(st.booleans()) else set())

    def purge(self, mark: str, dropped: bool, updated: set[str]) -> None:
        gone = set(self.files) if dropped else self.behind | (updated & self.files.keys())
        if gone:
            self.commit(mark, "REORG", gone, set(), set().union(*(self.files[p][1] for p in gone)))


@settings(deadline=None, max_examples=40)
@given(st.data(), SIZES, st.booleans(), st.booleans())
def test_no_run_rewrites_more_than_its_plan_expected_at_most(
    data: st.DataObject, sizes: list[int], vectors: bool, dropped: bool
) -> None:
    files = st.integers(0, len(sizes) - 1)
    rule = st.tuples(st.sets(files, min_size=1), st.none() | st.sets(files))
    hidden = [vectors and data.draw(st.booleans()) for _ in sizes]
    updated = {
        n for n in range(len(sizes)) if vectors and data.draw(st.booleans())
    }  # with change data, by others before
    more = len(updated), sum(sizes[n] for n in updated)
    rules = data.draw(st.lists(rule, min_size=1, max_size=3))
    cases = [
        case(i, sizes, hidden, due, every=dropped or beside is not None, more=more)
        for i, (due, beside) in enumerate(rules)
    ]
    costs = shared([step_cost(each, {}) for each in cases])
    with TemporaryDirectory() as folder:
        engine = Engine(Path(folder), data.draw, sizes, vectors, hidden)
        marks = [mark_of(PLAN, f"t/{i}") for i in range(len(rules))]
        for mark, (due, beside) in zip(marks, rules, strict=True):
            engine.merge(mark, due, beside or set())
        if vectors or dropped:
            engine.purge(marks[0], dropped, {f"f{n}" for n in updated})
        for i, (mark, cost) in enumerate(zip(marks, costs, strict=True)):
            merged = done_under(folder, [mark], 0)
            purged = purged_under(folder, marks, 0) if i == 0 else None
            size = merged.replaced + (purged.replaced if purged else 0)
            assert cost.bytes.low <= size <= cost.bytes.high
            assert max(merged.files, purged.files if purged else 0) <= cost.files.high


def case(
    number: int, sizes: list[int], hidden: list[bool], due: set[int], *, every: bool, more: tuple[int, int]
) -> Case:
    log = TableStatistics(1, np.array(sizes, np.int64), 100, np.array(hidden, bool), {})
    return Case(
        table="t",
        rule=f"r{number}",
        wave=1,
        statistics=log,
        rows=100,
        files=len(sizes),
        bytes=sum(sizes),
        found=Found(rows=len(due), mentions=0, files=len(due), bytes=sum(sizes[i] for i in due)),
        candidates=Candidates(len(sizes), sum(sizes), 0),
        anywhere=False,
        updates=False,
        removes=number == 0,
        every=every,
        more=more,
    )
