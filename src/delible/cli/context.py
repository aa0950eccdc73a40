"""What every command needs: the workspace, the clock, the actor, and one way to answer."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from delible.cli.tables import fitted
from delible.errors import DelibleError, InputError, Problem, bounded

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    from delible.store.workspace import Workspace

_META = "delible.options"
_WIDTH = 100
_LONGEST_ACTOR = 200


@dataclasses.dataclass
class GlobalOptions:
    """The options that may stand before or after the noun; the later one wins."""

    workspace: str | None = None
    json: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True)
class Call:
    """One run of one command.

    Args:
        folder: Where the workspace should be; it is opened when a command first asks for it.
        json: Whether the answer is one JSON document on stdout.
        now: The one instant (UTC) that this command decides by.
        actor: Who is written into the audit ledger.
        named: Whether somebody said where the workspace is; otherwise it is the current directory.
    """

    folder: Path
    json: bool
    now: datetime
    actor: str
    named: bool = False

    @cached_property
    def workspace(self) -> Workspace:
        """Open the workspace.

        Raises:
            InputError: `workspace.missing` or `workspace.invalid`.
        """
        from delible.store.workspace import open_workspace

        return open_workspace(self.folder)

    @property
    def workspace_or_none(self) -> Workspace | None:
        """Open the workspace that was named or is here, for a command that works without one, too.

        Raises:
            InputError: `workspace.invalid`, and where one was named, `workspace.missing`.
        """
        from delible.store.workspace import CONFIG_FILE

        return self.workspace if self.named or (self.folder / CONFIG_FILE).is_file() else None


def global_options(ctx: typer.Context) -> GlobalOptions:
    """Return the global options of this run; all nested contexts share them."""
    options: GlobalOptions = ctx.meta.setdefault(_META, GlobalOptions())
    return options


def current(ctx: typer.Context) -> Call:
    """Return this command's call; the same one every time it is asked for."""
    options = global_options(ctx)
    call: Call | None = ctx.meta.get("delible.call")
    if call is None:
        named = options.workspace or os.environ.get("DELIBLE_WORKSPACE")
        folder = Path(named or ".")
        call = Call(folder, options.json, datetime.now(UTC), _actor(), named=named is not None and named != "")
        ctx.meta["delible.call"] = call
    return call


def emit(
    ctx: typer.Context,
    document: Mapping[str, Any],
    *,
    text: RenderableType,
    failure: DelibleError | None = None,
    verbatim: bool = False,
) -> None:
    """Answer on stdout, as JSON or as text.

    Args:
        ctx: The command's context.
        document: Body of the JSON answer; `status` is added. Pydantic models, dataclasses, dates and paths may stand
            in it.
        text: The same for a person: a string, or a rich renderable. Square brackets are no markup in it.
        failure: Given when there is an answer and it is not a good one, such as residue with its places. It is
            reported too, and the command ends with its exit code.
        verbatim: The text is a document of its own, such as a JSON schema: its lines stay as long as they are.
    """
    if global_options(ctx).json:
        write_json({**_head(failure), **document})
    else:
        _write_text(text, verbatim=verbatim)
        if failure is not None:
            write_problems(failure.problems)
    if failure is not None:
        raise typer.Exit(failure.exit_code)


def progress(message: str) -> None:
    """Say on stderr what is going on."""
    sys.stderr.write(_wrapped(bounded(message), sys.stderr) + "\n")
    sys.stderr.flush()


def write_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout; every character outside ASCII is escaped, so that none acts on a terminal."""
    sys.stdout.write(json.dumps(document, indent=2, default=_plain) + "\n")
    sys.stdout.flush()


def write_problems(problems: tuple[Problem, ...]) -> None:
    """Write findings to stderr, each on a line of its own; a long one goes on below, indented."""
    for problem in problems:
        shown = problem.as_json()
        place = f"{shown['where']}: " if shown["where"] else ""
        sys.stderr.write(_wrapped(f"delible: {place}{shown['message']} [{shown['code']}]", sys.stderr) + "\n")
    sys.stderr.flush()


def _head(failure: DelibleError | None) -> dict[str, Any]:
    if failure is None:
        return {"status": "ok"}
    return {"status": "error", "errors": [problem.as_json() for problem in failure.problems]}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _wrapped(line: str, stream: TextIO) -> str:
    """Return a line broken at spaces where it is too long; a path or another long word stays whole.

    What follows is indented one step deeper than the line itself.
    """
    width = min(_WIDTH, shutil.get_terminal_size().columns) if stream.isatty() else _WIDTH
    if len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip(" "))]
    parts = textwrap.wrap(line, width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(parts)


def _write_text(text: RenderableType, *, verbatim: bool) -> None:
    if isinstance(text, str):
        lines = [_inert(line) for line in text.split("\n")]
        sys.stdout.write("\n".join(lines if verbatim else [_wrapped(line, sys.stdout) for line in lines]) + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console, Group
    from rich.table import Table

    if isinstance(text, Group):  # rich would break a long path in a string of the group in its midst
        for part in text.renderables:
            _write_text(part, verbatim=verbatim)
        return
    width = None if sys.stdout.isatty() else _WIDTH
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, _WIDTH)
    rows = fitted(text, console.width) if isinstance(text, Table) else None
    if rows is not None:
        _write_text("\n".join(rows), verbatim=verbatim)
        return
    console.print(_Inert(text))


class _Inert:
    """A renderable whose control and bidirectional characters are shown instead of obeyed."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            yield segment._replace(text="\n".join(_inert(line) for line in segment.text.split("\n")))


def _inert(line: str) -> str:
    return bounded(line, limit=len(line) * 6 + 1)


def _actor() -> str:
    name = os.environ.get("DELIBLE_ACTOR")
    if name is None:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = f"uid:{os.getuid()}"
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_ACTOR:
        raise InputError(
            "actor.invalid",
            f"an actor's name is 1 to {_LONGEST_ACTOR} printable characters.",
            where="DELIBLE_ACTOR",
            fix="Set it to an operator's account or a job's name.",
        )
    return name
