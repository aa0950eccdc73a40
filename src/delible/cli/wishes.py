"""Options that contradict each other: refused, where one would silently win."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from delible.errors import InputError


def only_one(ctx: typer.Context, *groups: Mapping[str, str]) -> None:
    """Refuse options of more than one group.

    Args:
        groups: Parameters with the options' names as people type them.

    Raises:
        InputError: `cli.contradiction`.
    """
    given = [[option for name, option in group.items() if _is_given(ctx, name)] for group in groups]
    named = [options[0] for options in given if options]
    if len(named) > 1:
        text = f"{' and '.join(named)} ask for different things."
        raise InputError("cli.contradiction", text, where=named[-1], fix="Give one of them.")


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
