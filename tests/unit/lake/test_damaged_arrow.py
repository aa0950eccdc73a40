"""An Arrow file whose offsets were damaged could hide a value between them: it counts as not read."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification

OFFSETS = struct.pack("<4i", 0, 5, 10, 15)
"""Where three texts of five letters begin and end."""
BACKWARDS = struct.pack("<4i", 0, 10, 5, 15)
"""The second text now ends before it begins."""


def arrow() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"word": ["abcde", "fghij", "klmno"]})
    with pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    return bytes(sink.getvalue())


def searched(folder: Path, content: bytes) -> Verification:
    (folder / "x.arrow").write_bytes(content)
    return search([Folder("table:t", str(folder), {})], ["ann@shop.example"], now=datetime.now(UTC))


def test_an_arrow_file_with_offsets_that_run_backwards_is_not_clean(tmp_path: Path) -> None:
    sound = arrow()
    assert sound.count(OFFSETS) == 1
    assert searched(tmp_path, sound).clean
    found = searched(tmp_path, sound.replace(OFFSETS, BACKWARDS))
    assert not found.clean
    assert found.unreadable == ("table:t/x.arrow",)
