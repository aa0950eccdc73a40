"""Others at work on a table while something else runs: threads that write, and something just before a call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Writer:
    """A thread that writes again and again, and remembers what was acknowledged.

    Args:
        is_refused: Whether an error means that another writer came first.
        pause: Seconds between two writes, at least.
        rest: How many times as long as its last write it waits before the next: where the machine is slow, it is so for
            writers and for those whom they keep from their work.
    """

    work: Callable[[int], None]
    is_refused: Callable[[Exception], bool]
    pause: float
    rest: float = 0
    done: list[int] = field(default_factory=list)
    refused: int = 0
    failed: list[BaseException] = field(default_factory=list)

    def run(self, over: threading.Event) -> None:
        number, took = 0, 0.0
        while not over.wait(max(self.pause, self.rest * took)):
            number, begun = number + 1, time.monotonic()
            try:
                self.work(number)
                self.done.append(number)
            except Exception as error:
                if self.is_refused(error):
                    self.refused += 1
                else:
                    self.failed.append(error)
            took = time.monotonic() - begun


@contextmanager
def writing(*writers: Writer) -> Iterator[None]:
    over = threading.Event()
    threads = [threading.Thread(target=writer.run, args=(over,)) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *what: Callable[[], None]) -> Iterator[None]:
    """Let something happen just before each of the first calls of a function."""
    inner, left = getattr(owner, name), list(what)

    def outer(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop(0)()
        return inner(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, outer)
        yield
    assert not left, f"{name} was called less often"
