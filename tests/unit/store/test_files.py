"""Files that somebody named are written where the name leads, and what is no file stays what it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from delible.store.files import named_write


def test_a_link_leads_to_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    for name, target in (("link", "target"), ("dangling", "absent")):
        (tmp_path / name).symlink_to(target)
        named_write(tmp_path / name, b"report")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / target).read_bytes() == b"report"
        assert stat.S_IMODE((tmp_path / target).stat().st_mode) == 0o600


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    named_write(pipe, b"report")
    reader.join(10)
    assert (got, pipe.is_fifo()) == ([b"report"], True)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        named_write(tmp_path, b"report")
