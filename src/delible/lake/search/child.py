"""A process of its own that searches files, since over some damaged files Arrow ends the process that reads them.

It is told what to look for through its standard input, never by arguments, and says each file before it opens it.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, cast

from delible.lake.search.verify import Folder, FolderSearch, Outcome, Sought
from delible.model.proof import FileDigest

_COMMAND = (sys.executable, "-m", "delible.lake.search.child")


class Child:
    """A process that searches one folder's files, as many as it is given; one that dies is replaced by another.

    Args:
        command: How it is started.
    """

    def __init__(self, folder: Folder, sought: Sought, *, digests: bool, command: Sequence[str] = _COMMAND) -> None:
        self._job = pickle.dumps((folder, sought, digests))
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, paths: Sequence[str]) -> Iterator[tuple[int, Outcome, list[FileDigest]]]:
        """Yield, for each path by its number, what was found; a file over which the process dies is unreadable."""
        done = 0
        while done < len(paths):
            process = self._started()
            begun: dict[str, Any] | None = None
            try:
                _send(cast("IO[bytes]", process.stdin), pickle.dumps(list(paths[done:])))
            except OSError:
                process.kill()
            first = done
            for line in cast("IO[bytes]", process.stdout):
                said = json.loads(line)
                if "place" in said:
                    begun = said
                else:
                    begun = None
                    yield first + said["number"], *heard(said)
                    done += 1
                if done == len(paths):
                    return
            process.wait()
            self._process = None
            if begun is None:
                raise OSError(f"the process that searches has ended with {process.returncode}")
            yield first + begun["number"], Outcome(unreadable={begun["place"]: None}), []
            done += 1

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
            # What Python says of an error may hold a path.
            self._process = subprocess.Popen(
                list(self._command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            _send(cast("IO[bytes]", self._process.stdin), self._job)
        return self._process


def main() -> None:
    """Search what standard input names, until it ends."""
    source, out = sys.stdin.buffer, sys.stdout
    job = _received(source)
    if job is None:
        return
    folder, sought, wanted = pickle.loads(job)  # noqa: S301 - from the process that has started this one
    looking = FolderSearch(folder, sought)
    while (paths := _received(source)) is not None:
        for number, path in enumerate(pickle.loads(paths)):  # noqa: S301
            _say(out, {"number": number, "place": looking.place(path)})
            outcome = Outcome()
            digests: list[FileDigest] | None = [] if wanted else None
            looking.look_at(path, outcome, digests)
            _say(out, {"number": number, **told(outcome, digests or ())})


def told(outcome: Outcome, digests: Sequence[FileDigest]) -> dict[str, Any]:
    """Return what was found as JSON has it; `heard` reads it."""
    return {**outcome.told(), "digests": [d.model_dump() for d in digests]}


def heard(told: Mapping[str, Any]) -> tuple[Outcome, list[FileDigest]]:
    """Return what another process has found."""
    return Outcome.of(told), [FileDigest(**digest) for digest in told["digests"]]


def _say(out: Any, document: dict[str, Any]) -> None:
    out.write(json.dumps(document) + "\n")
    out.flush()


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(len(data).to_bytes(8, "big") + data)
    pipe.flush()


def _received(pipe: IO[bytes]) -> bytes | None:
    head = pipe.read(8)
    return pipe.read(int.from_bytes(head, "big")) if len(head) == 8 else None  # noqa: PLR2004 - the length's own


if __name__ == "__main__":
    main()
