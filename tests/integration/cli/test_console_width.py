"""What a person reads breaks between words at 100 columns; what is a document of its own stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from rich.console import Group
from rich.table import Table

from delible.cli import context, main
from delible.cli.tables import fitted
from delible.errors import InputError

PATH = "/a/long/path/" + "x" * 120
WORDS = " ".join(f"word{number:03d}" for number in range(40))


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    app = typer.Typer()
    app.command("other")(lambda: None)
    monkeypatch.setattr(main, "import_module", lambda name: type("module", (), {"app": app}))
    return app


def sound(text: str) -> bool:
    """Return whether only a word that is longer than a line makes a line too long."""
    lines = text.splitlines()
    return all(len(line) <= 100 or len(line.split()) == 1 for line in lines)


def test_a_long_error_breaks_between_words_and_a_long_path_stands_alone(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("fail")
    def fail() -> None:
        raise InputError("a.b", f"{WORDS}.", where=PATH, fix="Do this.")

    assert main.main(["audit", "fail"]) == 2
    err = capsys.readouterr().err
    assert err.split() == ["delible:", f"{PATH}:", *f"{WORDS}.".split(), "Do", "this.", "[a.b]"]
    assert sound(err)


def test_a_long_answer_and_a_long_message_break_between_words(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("show")
    def show(ctx: typer.Context) -> None:
        context.progress(WORDS)
        context.emit(ctx, {}, text=f"    {WORDS}\nshort\n{PATH} {WORDS}")

    assert main.main(["audit", "show"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == [*WORDS.split(), "short", PATH, *WORDS.split()]
    assert sound(out)
    assert sound(err)
    assert out.splitlines()[1].startswith("      word"), "a line that goes on stands deeper than where it began"


def test_a_line_beside_a_table_breaks_between_words_too(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("show")
    def show(ctx: typer.Context) -> None:
        table = Table("name", box=None)
        table.add_row("a row")
        context.emit(ctx, {}, text=Group(table, "", f"Written to {PATH}. Apply it."))

    assert main.main(["audit", "show"]) == 0
    out = capsys.readouterr().out
    assert out.split() == ["name", "a", "row", "Written", "to", f"{PATH}.", "Apply", "it."]
    assert sound(out)


def shown(capsys: pytest.CaptureFixture[str], raising: typer.Typer, *rows: tuple[str, ...]) -> str:
    @raising.command("show")
    def show(ctx: typer.Context) -> None:
        table = Table("id", "code", "", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        context.emit(ctx, {}, text=table)

    assert main.main(["audit", "show"]) == 0
    out = capsys.readouterr().out
    assert sound(out)
    assert "…" not in out
    return out


@pytest.mark.parametrize("width", [10, 40, 58, 70, 110, 300])
@pytest.mark.parametrize("reason", ["short", WORDS, ""])
def test_no_id_code_or_reason_in_a_table_is_cut(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str], width: int, reason: str
) -> None:
    ids = [f"N-{number}-{'x' * width}" for number in range(2)]
    codes = [f"request.{'y' * (width // 2)}{number}" for number in range(2)]
    out = shown(capsys, raising, *zip(ids, codes, (reason, reason), strict=True)).split()
    assert not {*ids, *codes} - {*out}
    assert sum(word in reason.split() for word in out) == 2 * len(reason.split())


def test_what_fits_stands_side_by_side_and_what_does_not_goes_on_below(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    head, first, *below = shown(capsys, raising, ("N-1", "a.b", WORDS)).splitlines()
    assert head.split() == ["id", "code"]
    assert first.startswith("N-1  a.b   word000 ")
    assert all(line.startswith(" " * 11) for line in below)


def test_where_not_even_the_ids_fit_each_row_is_a_paragraph(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, raising, ("N-" + "x" * 60, "y" * 60, "late"), ("N-2", "z", ""))
    assert out.splitlines() == ["N-" + "x" * 60, f"  code: {'y' * 60}", "  late", "N-2", "  code: z"]


def test_a_figure_is_never_broken_into_lines() -> None:
    made = Table("table", box=None)
    made.add_column("rows", justify="right")
    made.add_row(WORDS, "1,234 of 5,678")
    assert fitted(made, 40) is None
    assert made.columns[1].width == len("1,234 of 5,678")
    made.add_row("x", " ".join(["1,234"] * 8))
    assert fitted(made, 40) is not None, "each row becomes a paragraph"


def test_a_schema_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.main(["policy", "schema"]) == 0
    assert "controller" in json.loads(capsys.readouterr().out)
