"""What a worker's Python says of itself; it is sent whole, since a worker may have no delible to find it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NEEDED = ("delible.lake.scan", "delible.lake.masking", "delible.lake.search.spread", "delible.lake.history.spread")
"""The rooms whose functions run there, with everything that they import."""


def said(batches: Iterator[Any], needed: tuple[str, ...] = NEEDED) -> Iterator[Any]:
    """Yield one line per task: the version of delible, or the module that is lacking."""
    import importlib

    import pyarrow

    for _ in batches:
        try:
            for name in needed:
                importlib.import_module(name)
            line = "version " + str(importlib.import_module("delible").__version__)
        except ModuleNotFoundError as error:
            line = f"lacks {error.name}"
        yield pyarrow.record_batch([pyarrow.array([line])], ["said"])
