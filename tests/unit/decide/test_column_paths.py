"""Paths with dots in names are read in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.column_paths import is_among, path_parts


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda name: name.strip("`")), min_size=1, max_size=4))
def test_names_come_back_as_they_were(names: list[str]) -> None:
    quoted = ["`" + name.replace("`", "``") + "`" if "." in name or "`" in name else name for name in names]
    assert path_parts(".".join(quoted)) == names


@pytest.mark.parametrize(
    ("path", "columns", "among"),
    [
        ("a.b", {"a"}, True),
        ("a.b", {"a.b"}, True),
        ("`a.b`.c", {"a.b"}, True),
        ("`a.b`.c", {"`a"}, False),
        ("`a.b`", {"a"}, False),
        ("", {"a"}, False),
    ],
)
def test_a_column_is_among_others_by_itself_or_by_what_it_is_part_of(path: str, columns: set[str], among: bool) -> None:
    assert is_among(path, columns) is among
