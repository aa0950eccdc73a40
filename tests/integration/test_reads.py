"""Every place that reads rows of tables, and what keeps restricted people out of what it returns (Art. 18(2))."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "delible"


@dataclass(frozen=True)
class Hidden:
    """What keeps restricted rows out of a module's results.

    Args:
        why: In words.
        reads_in: Each read stands inside a call of this name.
        calls: Of each pair, every call of the first, one at least, is handed something that names the second.
    """

    why: str
    reads_in: str | None = None
    calls: tuple[tuple[str, str], ...] = ()


READS = {
    "workflows/tagging.py": Hidden("Restricted.without", reads_in="without"),
    "lake/sample.py": Hidden("draws rows for `tags scan`, which hands them to Restricted.without"),
    "workflows/verdicts.py": Hidden("Restricted.without", reads_in="without"),
    "workflows/access.py": Hidden("Restricted.without, but for the person's own", reads_in="without"),
    "workflows/dataset.py": Hidden(
        "flags of standing requests, row by row; the other read is of consent records",
        calls=(("cut", "by"), ("Grounds", "flags_frame"), ("flags_frame", "flags"), ("standing_flags", "keys")),
    ),
    "workflows/policy_diff.py": Hidden(
        "counts only, held rows and flags left out; the other read is of consent records",
        calls=(
            ("kept_rows", "by"),
            ("Grounds", "flags_frame"),
            ("flags_frame", "standing_flags"),
            ("Judging", "combinations"),
        ),
    ),
    "workflows/dataset_recut.py": Hidden(
        "takes rows out of a release, those of restricted people among them, by flags of standing requests",
        calls=(("recut", "flags_frame"), ("flags_frame", "standing_flags"), ("standing_flags", "keys")),
    ),
    "workflows/dataset_today.py": Hidden("turns link tables into keyed references, and returns no row"),
    "workflows/draft_measures.py": Hidden("counts only; no policy says whose rows a table to be drafted has"),
    "workflows/policy_draft.py": Hidden("counts combinations in a table that no policy maps yet"),
    "workflows/retention_rows.py": Hidden("hands rows to the two modules of `HANDED`"),
    "workflows/restriction.py": Hidden("finds the rows that are hidden, and returns none"),
    "workflows/search.py": Hidden(
        "finds a person's own rows; mentions in held rows are left as they are",
        calls=(("count_mentions", "protected"), ("protected_rows", "frames"), ("computed", "texts")),
    ),
    "workflows/erasure.py": Hidden(
        "the held rows themselves",
        calls=(("protected_rows", "control"), ("mask_mentions", "protected"), ("_rewrite", "held")),
    ),
    "workflows/constraints.py": Hidden("counts due rows, and returns none"),
    "workflows/history.py": Hidden("finds a person's own rows in old versions"),
    "workflows/held_bytes.py": Hidden("counts held rows, and returns none"),
    "lake/lost.py": Hidden("counts held rows, and returns none"),
    "workflows/guard.py": Hidden("counts rows of people who were erased"),
    "workflows/rectification_search.py": Hidden("finds the person's own rows, which Art. 16 is about"),
    "lake/rectify.py": Hidden("reads a schema, and rewrites the person's own rows in place"),
    "lake/erase.py": Hidden("rewrites due rows in place", calls=(("mentioning_rows", "without_held"),)),
    "lake/retention.py": Hidden(
        "rewrites due rows in place; held rows are handed in",
        calls=(("with_held", "judging"), ("_merge_keys", "judging")),
    ),
    "lake/load.py": Hidden("counts the rows that were just loaded"),
    "lake/release.py": Hidden("reads a schema"),
    "lake/others.py": Hidden("compares two schemas"),
    "lake/warm_up.py": Hidden("a table of its own"),
    "lake/company.py": Hidden("counts rows of the made-up company"),
}
"""A module that reads rows and is not here fails the test: say what keeps restricted rows out of its result."""


def _reads(tree: ast.Module) -> list[ast.Call]:
    imported = _imported_reads(tree)
    return [
        call
        for call in _calls(tree)
        if (isinstance(call.func, ast.Name) and call.func.id in imported)
        or (isinstance(call.func, ast.Attribute) and call.func.attr == "load" and "read" in _names(call.func))
    ]


READERS = {"delible.lake.facts": "read", "delible.lake.sample": "draw"}
"""Functions that return rows of tables."""


HANDED = {
    "workflows/retention_plan.py": Hidden("held rows are counted apart", calls=(("counted", "people"),)),
    "workflows/retention_fit.py": Hidden("held rows are counted apart", calls=(("count_rules", "combinations"),)),
    "workflows/retention.py": Hidden("held rows are left as they are", calls=(("Work", "held"),)),
}
"""Modules that are handed the rows that others read."""
EVERY = {**READS, **HANDED}


def _imported_reads(tree: ast.Module) -> set[str]:
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module in READERS]
    return {name.name for each in imports for name in each.names if name.name == READERS[each.module or ""]}


def _calls(tree: ast.AST, name: str | None = None) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in (None, _called(node)):
            yield node


def _called(call: ast.Call) -> str | None:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _names(node: ast.AST) -> set[str]:
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    found |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return found | {n.arg for n in ast.walk(node) if isinstance(n, ast.keyword) and n.arg}


def _handed(call: ast.Call) -> set[str]:
    return set().union(*(_names(each) for each in (*call.args, *call.keywords)))


def missing(tree: ast.Module, hidden: Hidden) -> list[str]:
    """Return what should keep rows out of a module's results, and is not there."""
    found = []
    if hidden.reads_in is not None:
        inside = {id(node) for outer in _calls(tree, hidden.reads_in) for node in ast.walk(outer) if node is not outer}
        found += [f"read in line {call.lineno}" for call in _reads(tree) if id(call) not in inside]
    for outer, inner in hidden.calls:
        calls = list(_calls(tree, outer))
        if not calls or any(inner not in _handed(call) for call in calls):
            found.append(f"{outer}(… {inner} …)")
    return found


def _tree(name: str) -> ast.Module:
    return ast.parse((SOURCE / name).read_text())


def test_every_read_of_rows_says_what_hides_restricted_ones() -> None:
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")}
    assert {name for name in found if _reads(_tree(name))} == set(READS)


@pytest.mark.parametrize("name", EVERY)
def test_what_hides_them_is_there(name: str) -> None:
    assert missing(_tree(name), EVERY[name]) == []


DROPPED = [
    *((name, hidden.reads_in) for name, hidden in EVERY.items() if hidden.reads_in),
    *((name, pair) for name, hidden in EVERY.items() for pair in hidden.calls),
]


@pytest.mark.parametrize(("name", "dropped"), DROPPED)
def test_a_filter_that_is_dropped_is_noticed(name: str, dropped: str | tuple[str, str]) -> None:
    """Without the enclosing call, or without what the call is handed, the module fails."""
    tree = _tree(name)
    if isinstance(dropped, str):
        tree = ast.fix_missing_locations(_Unwrapped(dropped).visit(tree))
    else:
        for call in _calls(tree, dropped[0]):
            call.args, call.keywords = [], []
    assert missing(tree, EVERY[name])


class _Unwrapped(ast.NodeTransformer):
    """Puts in the place of each call of a name its last argument."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[-1] if _called(node) == self.name and node.args else node
