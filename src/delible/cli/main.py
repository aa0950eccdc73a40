"""The command `delible`: nouns loaded when they are named, global options anywhere, errors with codes."""

from __future__ import annotations

import copy
import inspect
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from delible import __version__
from delible.cli.context import global_options, write_json, write_problems
from delible.errors import DelibleError, InputError, Problem, SetupError, bounded

COMMANDS = {
    "init": "Create a new workspace in a folder.",
    "demo": "Run the whole chain on a synthetic company.",
    "doctor": "Check this installation and say what to do about each problem.",
    "table": "List the workspace's tables, and load files into new ones.",
    "policy": "Check and explain policies, and print their schemas.",
    "tags": "Find personal data in tables, and review the verdicts.",
    "request": "Take in data subjects' requests and carry them out.",
    "erasure": "Plan, apply and verify erasure; print certificates.",
    "rectification": "Plan and apply corrections.",
    "retention": "Plan and apply retention periods.",
    "notice": "Tell recipients of what was carried out, and list who has not answered.",
    "guard": "Look for erased people whose rows have come back.",
    "hold": "Add, release and list legal holds.",
    "consent": "Import consent records, and show what a person consented to.",
    "dataset": "Build consent-filtered training datasets, and ask who is in them.",
    "access": "Build the package that answers an access request.",
    "report": "Write the audit report, and the report on one request.",
    "audit": "Verify and export the audit ledger.",
    "lineage": "Show where datasets came from, and hand their lineage over.",
}
"""Every first word with its summary; `delible.cli.<word>` is imported when the word is used, not before."""

PLAIN = frozenset({"init", "demo", "doctor", "guard"})
"""Words that are commands themselves; all others are nouns with commands below them."""

_PANEL = "Options of every command"
_INTERRUPTED = 130
_PLAIN_WORDS = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer.*", "give a whole number."),
    (r"Input should be a valid (date|datetime|time)\b.*", "give a time, such as 2026-01-31T09:00:00."),
    (r"'[^']*' does not match the formats '%Y-%m-%d', .*", "give a day or a time, such as 2026-01-31T09:00:00."),
    (r"'[^']*' does not match the formats? '%Y-%m-%d'\.?", "give a day, such as 2026-01-31."),
    (r"'[^']*' does not match the formats? '%Y-%m-%dT.*", "give a time, such as 2026-01-31T09:00:00."),
    (r"Input should be .*", "this option does not take such a value."),
)
"""What libraries say of a value on the command line, and what is said instead; in this order."""
_MAIL = re.compile(r"\S+@\S+")
_LONGEST_WORD = 4_096


class _Root(TyperGroup):
    """The group whose members are stand-ins, each replaced by the real command when it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load(args[0])
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:
    """Import one noun's module and return its command, with the global options added to everything below it."""
    app: typer.Typer = import_module(f"delible.cli.{name}").app
    app._add_completion = False
    command = get_command(app) if name in PLAIN else get_group(app)
    command.name = name
    if isinstance(command, TyperGroup):
        command.help = command.help or COMMANDS[name]
        command.no_args_is_help = False
    _add_options(command)
    _reflow(command)
    return command


def _reflow(command: Any) -> None:
    """Join the lines of each paragraph of a command's help: a terminal breaks them where it is wide."""
    text = inspect.cleandoc(command.help or "")
    paragraphs = [p if re.search(r"(?m)^\s", p) else p.replace("\n", " ") for p in text.split("\n\n")]
    command.help = "\n\n".join(paragraphs)
    for each in getattr(command, "commands", {}).values():
        _reflow(each)


def root() -> Any:
    """Return the whole command line as one command object."""
    app = typer.Typer(
        cls=_Root,
        help="Data that can be erased, and proof that it was.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_without_command)
    command = get_command(app)
    command.params.extend(_shared_options())
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    0 done, 1 failed, 2 bad input, 3 blocked, 4 residue, 130 interrupted.

    Args:
        argv: Words after the program's name; those of the process when None.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    options = args[: args.index("--")] if "--" in args else args
    as_json, debug = "--json" in options, "--debug" in options
    try:
        _check_words(args)
        outcome = root().main(args=args, prog_name="delible", standalone_mode=False)
    except typer.TyperException as error:
        return _report(_usage_error(error), as_json)
    except typer.Abort:
        return _report(InputError("interrupted", "stopped before anything was done."), as_json)
    except DelibleError as error:
        if debug:
            traceback.print_exc()
        return _report(error, as_json)
    except OSError as error:
        if debug:
            traceback.print_exc()
        return _report(_refused(error), as_json)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _report(_internal(error), as_json)
    if outcome == _INTERRUPTED:
        _report(DelibleError("interrupted", "interrupted; the same command may be run again."), as_json)
    return outcome if isinstance(outcome, int) else 0


def run() -> None:
    """Run the process's own command line; the entry point."""
    # A handler of our own, the same as Python's: Spark's session leaves it in place.
    signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _check_words(args: list[str]) -> None:
    """Refuse what no shell can pass on, so that no command has to."""
    if any(len(word) > _LONGEST_WORD or "\x00" in word for word in args):
        raise InputError("usage", f"a word is too long (over {_LONGEST_WORD:,} characters) or holds a NUL.")
    if any("\ud800" <= sign <= "\udfff" for word in args for sign in word):
        raise InputError("usage", "a word is not valid UTF-8.")


def _report(error: DelibleError, as_json: bool) -> int:
    if as_json:
        write_json({"status": "error", "errors": [problem.as_json() for problem in error.problems]})
    else:
        write_problems(error.problems)
    return error.exit_code


def _usage_error(error: typer.TyperException) -> DelibleError:
    """Return what was wrong with the command line, without repeating words that could be about a person."""
    message = error.format_message()
    if message.startswith("Got unexpected extra argument"):
        message = "there is an argument too many."
    for theirs, ours in _PLAIN_WORDS:
        message = re.sub(theirs, ours, message, flags=re.DOTALL)
    message = _MAIL.sub("…", bounded(message.replace("\n\t", " ").strip()))
    if not message.endswith((".", "?", "!")):
        message += "."
    ctx = getattr(error, "ctx", None)
    way = ctx.command_path if ctx is not None else "delible"
    return InputError("usage", message, fix=f"Try: {way} --help")


def _refused(error: OSError) -> DelibleError:
    """Return what the operating system did not do; the file's name is left out, since it can hold a value."""
    reason = os.strerror(error.errno) if error.errno else "a file or stream cannot be used"
    return SetupError(
        "system.refused",
        f"the operating system refused: {reason}.",
        fix="Look at the names given, free space and permissions; then run the command again.",
    )


def _internal(error: Exception) -> DelibleError:
    """Return an unforeseen error by its type and place only: its text could hold a value from a table."""
    package = Path(__file__).parent.parent
    places = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(package)]
    where = f"{Path(places[-1].filename).relative_to(package)}:{places[-1].lineno}" if places else None
    fix = "This is a defect of delible; --debug shows the traceback, which may hold values."
    problem = Problem("internal", f"{type(error).__name__}. {fix}", where)
    return DelibleError(problem.code, problem.message, problems=(problem,))


def _without_command(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        if global_options(ctx).json:
            write_json({"status": "ok", "version": __version__})
        else:
            sys.stdout.write(f"delible {__version__}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), nl=False)


def _keep(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    if value is not None and not ctx.resilient_parsing:
        setattr(global_options(ctx), str(param.name), value)
    return value


def _shared_options() -> list[Any]:
    """Return new option objects for the global options."""
    probe = typer.Typer(add_completion=False)

    @probe.command()
    def options(
        workspace: Annotated[
            str | None,
            typer.Option(
                "--workspace",
                metavar="DIR",
                callback=_keep,
                rich_help_panel=_PANEL,
                help="The workspace's folder; DELIBLE_WORKSPACE or the current folder when not given.",
            ),
        ] = None,
        json: Annotated[
            bool | None,
            typer.Option("--json", callback=_keep, rich_help_panel=_PANEL, help="Answer with one JSON document."),
        ] = None,
        debug: Annotated[
            bool | None,
            typer.Option("--debug", callback=_keep, rich_help_panel=_PANEL, help="Show tracebacks of errors."),
        ] = None,
    ) -> None: ...

    params = [copy.copy(param) for param in get_command(probe).params]
    for param in params:
        param.expose_value = False
    return params


def _add_options(command: Any) -> None:
    command.params.extend(_shared_options())
    for below in getattr(command, "commands", {}).values():
        _add_options(below)
