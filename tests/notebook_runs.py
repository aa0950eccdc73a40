"""Notebooks, run from top to bottom in a real kernel, and what is in its variables afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
_SOURCE = str(Path(__file__).parents[1] / "src")
_SECONDS = 240


def executed(
    name: str, folder: Path, *, ask: tuple[str, ...] = (), java: bool = True, more: Mapping[str, str] | None = None
) -> list[Any]:
    """Run a notebook in a folder, and return what expressions are worth at its end, as JSON has it.

    Args:
        ask: The expressions.
        java: Whether it may start a JVM.
        more: Variables of the environment besides the notebook's own `DIR`.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    asked = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps([{', '.join(ask)}]))")
    notebook.cells.append(asked)
    variables = {"DIR": str(folder), "PYTHONPATH": os.pathsep.join([_SOURCE, os.environ.get("PYTHONPATH", "")])}
    variables |= ({} if java else {"JAVA_HOME": "/nowhere"}) | dict(more or {})
    with patch.dict(os.environ, variables):
        client = NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3")
        client.execute(cwd=str(folder))
    return list(json.loads(asked.outputs[-1]["text"]))
