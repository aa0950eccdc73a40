"""What `delible policy draft` finds out by itself in AdventureWorks, against the policies that people wrote for it.

Loads the ten tables of `policies/examples/adventureworks` from
CSV, drafts their policies, and compares ways to people, categories, searched columns and free text. Every difference
is printed. No rule of the drafts knows these tables.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from delible.cli.main import main
from delible.model.policy import PolicySet, TablePolicy
from delible.store.policies import load_policies

BY_HAND = Path(__file__).parents[1] / "policies/examples/adventureworks"
KINDS = {"business_entity_id": "person"}
"""A draft can only call a kind by the column that it found."""


def delible(workspace: Path, *words: str) -> dict[str, Any]:
    """Run one command line in this process, and stop here when it fails."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = main(["--workspace", str(workspace), "--json", *words])
    if code:
        raise SystemExit(said.getvalue())
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


def loaded(data: Path, workspace: Path) -> None:
    """Make a workspace with the ten tables and no policy."""
    delible(workspace, "init", str(workspace))
    config = workspace / "delible.yaml"
    config.write_text(config.read_text().replace("spark: {}  ", 'spark: {spark.delible.small: "true"}  '))
    for path in sorted((BY_HAND / "tables").glob("*.yaml")):
        delible(workspace, "table", "load", path.stem, str(data / f"{path.stem}.csv"))


def ways(table: TablePolicy) -> set[str]:
    """Return a table's ways to people in words, kinds called as people called them."""
    return {
        f"{r.column} → {KINDS.get(r.identifies, r.identifies) if r.identifies else f'{r.through}.{r.matches}'}"
        for r in table.subject
    }


def columns(hand: TablePolicy, drafted: TablePolicy) -> Iterator[tuple[str, str, str]]:
    """Yield each column that people mapped: its agreement, and what each of the two says."""
    for name, entry in hand.columns.items():
        own = drafted.columns.get(name)
        if own is None:
            yield "open", f"{hand.table}.{name}", f"hand {entry.category}; asked"
        elif own.category == entry.category:
            yield "equal", f"{hand.table}.{name}", entry.category
        elif entry.category.startswith(own.category + "."):
            yield "coarser", f"{hand.table}.{name}", f"hand {entry.category}; draft {own.category}"
        else:
            yield "differs", f"{hand.table}.{name}", f"hand {entry.category}; draft {own.category}"


def flagged(policies: PolicySet, flag: str) -> set[str]:
    """Return the columns with a flag set."""
    return {f"{t.table}.{c}" for t in policies.tables.values() for c, e in t.columns.items() if getattr(e, flag)}


def compare(hand: PolicySet, drafted: PolicySet) -> None:
    """Print agreement and every difference."""
    same = [n for n, t in hand.tables.items() if ways(t) == ways(drafted.tables[n])]
    print(f"ways to people     {len(same)} of {len(hand.tables)} tables equal")
    for name in sorted(set(hand.tables) - set(same)):
        print(f"  {name}: hand {sorted(ways(hand.tables[name]))}; draft {sorted(ways(drafted.tables[name]))}")
    found = [each for name, t in hand.tables.items() for each in columns(t, drafted.tables[name])]
    counts = Counter(each[0] for each in found)
    print(
        f"categories         {', '.join(f'{n} {what}' for what, n in sorted(counts.items()))} of {len(found)} columns"
    )
    for what, column, words in found:
        if what != "equal":
            print(f"  {what:<8} {column}: {words}")
    for flag in ("searched", "free_text", "special"):
        by_hand, by_draft = flagged(hand, flag), flagged(drafted, flag)
        more, less = sorted(by_draft - by_hand), sorted(by_hand - by_draft)
        print(f"{flag:<18} {len(by_hand & by_draft)} of {len(by_hand)}; also {more or 'none'}; not {less or 'none'}")


def run(data: Path, workspace: Path) -> None:
    """Load where nothing is loaded yet, draft twice, compare."""
    if not (workspace / "delible.yaml").exists():
        loaded(data, workspace)
    with tempfile.TemporaryDirectory(dir=workspace) as first, tempfile.TemporaryDirectory(dir=workspace) as second:
        begun = time.perf_counter()
        made = delible(workspace, "policy", "draft", "--out", f"{first}/policies")
        took = time.perf_counter() - begun
        delible(workspace, "policy", "draft", "--out", f"{second}/policies")
        files = sorted(Path(f"{first}/policies/tables").glob("*.yaml"))
        again = all((Path(f"{second}/policies/tables") / f.name).read_bytes() == f.read_bytes() for f in files)
        print(f"drafted            {len(files)} tables in {took:.0f} s, byte for byte the same again: {again}")
        print(f"questions          {sum(len(d['questions']) for d in made['drafts'])}; kinds {made['kinds']}")
        # Paths of drafts are relative to the workspace.
        (Path(first) / "warehouse").symlink_to(workspace / "warehouse")
        compare(load_policies(BY_HAND), load_policies(f"{first}/policies"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = os.environ.get("DELIBLE_EXAMPLE_DATA")
    parser.add_argument("data", type=Path, nargs="?", default=known, help="folder with the ten CSV files")
    parser.add_argument("workspace", type=Path, nargs="?", help="kept, and used again where it is there")
    given = parser.parse_args()
    if given.data is None:
        raise SystemExit("Not measured: name the folder with the ten CSV files, or set DELIBLE_EXAMPLE_DATA.")
    with tempfile.TemporaryDirectory() as folder:
        run(given.data, (given.workspace or Path(folder) / "adventureworks").resolve())
