"""Labels in the metadata of a Delta table's columns, through delta-rs: no data file is touched, and no JVM started.

Measured with delta-rs 1.6.6 on tables of Delta 4.4 with column mapping and with deletion vectors: other metadata of the
column (comment, physical name) stays, Spark shows the labels, and its later writes keep them. Only columns of the top
level have such metadata; fields inside of structs get a table property each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from delible.errors import ConflictError, SetupError
from delible.plan.tag_labels import CATEGORY, NONE, Labels, column_at, flat

PREFIX = "delible."
PROPERTY = "delible.tag."


def write_labels(location: str, wanted: Labels, *, table: str) -> tuple[str, ...]:
    """Write labels that are not there yet, and return the columns that changed.

    A column that was never labelled gets no label that it is not personal.

    Raises:
        SetupError: `tags.delta` when delta-rs cannot change this table; then its properties are changed with Spark.
        ConflictError: `tags.busy` when another writer came first.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        delta = DeltaTable(location)
        fields = {
            field["name"]: field.get("metadata") or {} for field in json.loads(delta.schema().to_json())["fields"]
        }
        properties = dict(delta.metadata().configuration)
        top = {n: _prefixed(w) for c, w in wanted.items() if (n := column_at(c)) is not None and n in fields}
        changed = {c: words for c, words in top.items() if _differs(words, fields[c])}
        for column, words in changed.items():
            delta.alter.set_column_metadata(column, words)
        below = changed_properties({c: words for c, words in wanted.items() if column_at(c) not in fields}, properties)
        if below:
            delta.alter.set_table_properties(below, raise_if_not_exists=False)
    except CommitFailedError:
        raise ConflictError(
            "tags.busy", "another writer changed the table.", where=f"table:{table}", fix="Run the command again."
        ) from None
    except (DeltaError, OSError, ValueError) as error:
        raise SetupError(
            "tags.delta", f"its columns cannot be labelled ({type(error).__name__}).", where=f"table:{table}"
        ) from None
    return (*changed, *(name.removeprefix(PROPERTY) for name in below))


def changed_properties(wanted: Labels, properties: Mapping[str, str]) -> dict[str, str]:
    """Return the properties that a table lacks for these labels."""
    return {
        name: category for name, category in flat(wanted, PROPERTY).items() if properties.get(name, NONE) != category
    }


def _prefixed(words: Mapping[str, str]) -> dict[str, str]:
    """Return all labels with their prefix; those that hold no more are emptied, since none can be taken away."""
    return {f"{PREFIX}{name}": words.get(name, "") for name in (CATEGORY, "state", "confidence", "special", "quasi")}


def _differs(words: Mapping[str, str], metadata: Mapping[str, Any]) -> bool:
    if words[PREFIX + CATEGORY] == NONE and metadata.get(PREFIX + CATEGORY, NONE) == NONE:
        return False
    return any(metadata.get(name, "") != word for name, word in words.items())
