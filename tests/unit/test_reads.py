"""Every place that reads rows of tables, and what keeps restricted people out of what it returns (Art. 18(2))."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "delible"

HIDDEN = {
    "workflows/tagging.py": "Restricted.without",
    "workflows/access.py": "Restricted.without, but for the person's own",
    "workflows/dataset.py": "flags of standing requests, row by row; the other read is of consent records",
    "workflows/policy_diff.py": "counts only, held rows and flags left out; the other read is of consent records",
    "workflows/retention.py": "held rows are left as they are",
    "workflows/restriction.py": "finds the rows that are hidden, and returns none",
    "workflows/search.py": "finds a person's own rows; mentions in held rows are left as they are",
    "workflows/erasure.py": "the held rows themselves",
    "workflows/held_bytes.py": "counts held rows, and returns none",
    "lake/lost.py": "counts held rows, and returns none",
    "workflows/guard.py": "counts rows of people who were erased",
    "workflows/rectification_search.py": "finds the person's own rows, which Art. 16 is about",
    "lake/rectify.py": "reads a schema, and rewrites the person's own rows in place",
    "lake/erase.py": "rewrites due rows in place",
    "lake/retention.py": "rewrites due rows in place; held rows are handed in",
    "lake/facts.py": "counts rows",
    "lake/load.py": "counts the rows that were just loaded",
    "lake/release.py": "reads a schema",
    "lake/class_archive.py": "a table of its own",
    "lake/company.py": "counts rows of the made-up company",
}
"""A module that reads rows and is not here fails the test: say what keeps restricted rows out of its result."""


def _reads(tree: ast.Module) -> bool:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    by_name = any(isinstance(c, ast.Name) and c.id == "read" for c in calls)
    by_spark = any(isinstance(c, ast.Attribute) and c.attr == "load" and _mentions_read(c) for c in calls)
    return (by_name and _imports_read(tree)) or by_spark


def _imports_read(tree: ast.Module) -> bool:
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "delible.lake.facts"]
    return any(name.name == "read" for each in imports for name in each.names)


def _mentions_read(call: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "read" for n in ast.walk(call))


def test_every_read_of_rows_says_what_hides_restricted_ones() -> None:
    found = Counter(
        str(path.relative_to(SOURCE)) for path in sorted(SOURCE.rglob("*.py")) if _reads(ast.parse(path.read_text()))
    )
    assert set(found) - {"lake/facts.py"} == set(HIDDEN) - {"lake/facts.py"}
