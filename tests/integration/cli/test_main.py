"""The shell around every command: what it loads, how it ends, what it says, and what it never says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from delible.cli import context, main
from delible.errors import BlockedError, ConflictError, DelibleError, InputError, Problem, ResidueError, SetupError

HEAVY = ("pyspark", "delta", "py4j", "presidio_analyzer", "presidio_anonymizer", "spacy", "openlineage", "pandas")
QUICK = (["--help"], ["doctor"], ["audit", "verify"], ["request", "list"], ["policy", "check"])
HOSTILE = [
    "\x00",
    "a\x00b",
    "\u202egnp.exe",
    "\x1b[2J",
    "=1+1",
    "<script>",
    "../../etc/passwd",
    "$(id)",
    "x" * 10_000_000,
]


def run(*args: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "delible", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that all tests share: none of them may change it."""
    folder = tmp_path_factory.mktemp("shared") / "shop"
    assert main.main(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """Return the app of a noun `audit` whose commands a test adds."""
    app = typer.Typer()
    app.command("other")(lambda: None)
    monkeypatch.setattr(main, "import_module", lambda name: type("module", (), {"app": app}))
    return app


# --- what it loads


@pytest.mark.parametrize("args", QUICK, ids=" ".join)
def test_quick_commands_load_neither_spark_nor_presidio_nor_openlineage(args: list[str], workspace: Path) -> None:
    code = (
        "import sys; from delible.cli.main import main; code = main(sys.argv[1:]);"
        f"print([m for m in {HEAVY} if m in sys.modules], code, file=sys.stderr)"
    )
    env = os.environ | {"DELIBLE_WORKSPACE": str(workspace)}
    answer = subprocess.run([sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, check=False)
    assert answer.stderr.splitlines()[-1].startswith("[] "), answer.stderr


def test_help_loads_no_noun() -> None:
    code = "import sys; from delible.cli.main import main; main(['--help']); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = answer.stdout.splitlines()[-1].split()
    assert "delible.cli.main" in loaded
    assert "delible.cli.audit" not in loaded
    assert "delible.workflows" not in loaded


def test_help_names_every_word_and_is_what_the_bare_command_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in main.COMMANDS)
    assert main.main([]) == 0
    assert capsys.readouterr().out.strip() == shown.strip()


# --- how it ends


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DelibleError("a.b", "m"), 1),
        (ConflictError("a.b", "m"), 1),
        (SetupError("a.b", "m"), 1),
        (InputError("a.b", "m"), 2),
        (BlockedError("a.b", "m"), 3),
        (ResidueError("a.b", "m"), 4),
    ],
)
def test_an_error_ends_with_its_exit_code_and_one_json_document(
    error: DelibleError, code: int, raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("fail")
    def fail() -> None:
        raise error

    assert main.main(["audit", "fail", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"status": "error", "errors": [{"code": "a.b", "message": "m", "where": None}]}
    assert err == ""


def test_an_error_for_a_person_says_where_what_and_the_way_out(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("fail")
    def fail() -> None:
        raise InputError("policy.key", "unknown key 'spam'.", where="tables/a.yaml:3", fix="Allowed: table, path.")

    assert main.main(["audit", "fail"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "delible: tables/a.yaml:3: unknown key 'spam'. Allowed: table, path. [policy.key]\n"


def test_every_finding_of_one_run_is_reported(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    @raising.command("fail")
    def fail() -> None:
        raise InputError("x", "y", problems=(Problem("a.one", "first", "f:1"), Problem("a.two", "second", "f:2")))

    main.main(["audit", "fail", "--json"])
    assert [e["code"] for e in json.loads(capsys.readouterr().out)["errors"]] == ["a.one", "a.two"]


def test_an_answer_that_is_not_a_good_one_holds_both(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    @raising.command("verify")
    def verify(ctx: typer.Context) -> None:
        failure = ResidueError("erasure.residue", "one place.")
        context.emit(ctx, {"matches": [{"place": "part-0.parquet"}]}, text="1 match", failure=failure)

    assert main.main(["audit", "verify", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "error"
    assert document["errors"][0]["code"] == "erasure.residue"
    assert document["matches"] == [{"place": "part-0.parquet"}]
    assert main.main(["audit", "verify"]) == 4
    assert capsys.readouterr() == ("1 match\n", "delible: one place. [erasure.residue]\n")


# --- unforeseen errors


def test_an_unforeseen_error_is_named_without_its_text(
    raising: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    @raising.command("crash")
    def crash() -> None:
        raise ValueError("ann@people.example")

    assert main.main(["audit", "crash", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["errors"][0]["code"] == "internal"
    assert "ValueError" in out
    assert "ann@people.example" not in out + err
    assert "Traceback" not in out + err


def test_debug_shows_the_traceback_on_stderr_only(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    @raising.command("crash")
    def crash() -> None:
        raise ValueError("a value")

    assert main.main(["audit", "crash", "--json", "--debug"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "error"
    assert "Traceback" in err


def test_an_interruption_is_said_and_ends_with_130(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    @raising.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    assert main.main(["audit", "wait"]) == 130
    assert "interrupted" in capsys.readouterr().err


# --- bad command lines


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["audit"],
        ["audit", "nonsense"],
        ["audit", "verify", "ann@people.example"],
        ["audit", "verify", "--email=ann@people.example"],
        ["audit", "export"],
        ["ann@people.example"],
        ["--workspace"],
    ],
    ids=" ".join,
)
def test_a_bad_command_line_is_2_and_repeats_nothing_about_a_person(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("delible: ")
    assert "--help" in err
    assert "ann@" not in err
    assert main.main([*args, "--json"] if args != ["--workspace"] else ["--json", *args]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "error"
    assert document["errors"][0]["code"] == "usage"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["request", "submit", "--right", "x", "--regime", "gdpr", "--identifiers", "-"],
            "'x' is not one of 'erasure'",
        ),
        (["tags", "scan", "--sample", "x"], "'--sample': give a whole number."),
        (
            ["request", "submit", "--right", "access", "--regime", "gdpr", "--identifiers", "-", "--received", "x"],
            "'--received': give a time, such as 2026-01-31T09:00:00.",
        ),
        (["report", "audit", "--from", "x"], "'--from': give a day, such as 2026-01-31."),
        (["report", "audit", "--format", "x"], "'x' is not one of 'html', 'json', 'md', 'pdf'."),
        (["request", "submit", "--right", "erasure"], "Missing option '--regime'."),
    ],
    ids=lambda x: " ".join(x[:3]) if isinstance(x, list) else "",
)
def test_a_bad_value_is_named_in_plain_words(args: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(args) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert says in err
    assert "Value error" not in err
    assert "Input should" not in err
    assert "Try: delible" in err


def test_a_near_miss_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["audti"]) == 2
    assert "'audit'" in capsys.readouterr().err


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: ascii(v[:12]))
@pytest.mark.parametrize(
    "line",
    [
        ["{}"],
        ["audit", "{}"],
        ["audit", "verify", "{}"],
        ["audit", "verify", "--{}"],
        ["audit", "verify", "--known", "{}"],
        ["audit", "verify", "--workspace", "{}"],
        ["--workspace", "{}", "audit", "export", "--out", "x"],
        ["doctor", "--workspace", "{}"],
    ],
    ids=" ".join,
)
def test_a_hostile_value_is_refused_in_few_printable_words(
    line: list[str], value: str, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace)
    before = sorted(str(p) for p in workspace.rglob("*"))
    code = main.main([word.replace("{}", value) for word in line])
    out, err = capsys.readouterr()
    assert code in {1, 2} or line[0] == "doctor"
    assert "Traceback" not in err
    assert "[internal]" not in err
    assert len(out + err) < 5_000
    assert all(character.isprintable() or character == "\n" for character in out + err)
    assert sorted(str(p) for p in workspace.rglob("*")) == before


def test_a_hostile_out_file_is_refused_or_stays_inside_its_folder(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a\x00b", "x" * 5_000, "no/such/folder/x"):
        assert main.main(["audit", "export", "--workspace", str(workspace), "--out", name]) == 2
        assert "Traceback" not in capsys.readouterr().err


# --- global options


@pytest.mark.parametrize(
    "order",
    [
        ["--workspace", "{}", "--json", "audit", "verify"],
        ["audit", "--workspace", "{}", "--json", "verify"],
        ["audit", "verify", "--workspace", "{}", "--json"],
        ["--json", "audit", "--workspace", "{}", "verify"],
        ["--workspace", "/nowhere", "audit", "verify", "--workspace", "{}", "--json"],
    ],
    ids=" ".join,
)
def test_global_options_stand_anywhere_and_the_last_wins(
    order: list[str], workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([word.replace("{}", str(workspace)) for word in order]) == 0
    assert json.loads(capsys.readouterr().out)["intact"] is True


def test_the_workspace_comes_from_the_environment_unless_it_is_given(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELIBLE_WORKSPACE", str(workspace))
    assert main.main(["audit", "verify"]) == 0
    assert main.main(["audit", "verify", "--workspace", str(workspace.parent)]) == 2
    assert "workspace.missing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\u202ename", "x" * 201])
def test_an_unusable_actor_is_refused(
    name: str, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELIBLE_ACTOR", name)
    assert main.main(["audit", "verify", "--workspace", str(workspace)]) == 2
    assert "actor.invalid" in capsys.readouterr().err


# --- answers


def test_text_for_a_person_cannot_act_on_the_terminal(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    @raising.command("table")
    def table(ctx: typer.Context) -> None:
        shown = Table("name")
        shown.add_row("[red]x[/red] \x1b[2J \u202egnp")
        context.emit(ctx, {}, text=shown)

    assert main.main(["audit", "table"]) == 0
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_json_is_ascii_with_times_in_utc(raising: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import date, datetime, timedelta, timezone

    at = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    @raising.command("show")
    def show(ctx: typer.Context) -> None:
        context.emit(ctx, {"at": at, "day": date(2026, 3, 1), "path": Path("a"), "name": "Zoë \u202e"}, text="")

    assert main.main(["audit", "show", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    document = json.loads(out)
    assert document["at"] == "2026-03-01T10:00:00Z"
    assert document["day"] == "2026-03-01"
    assert document["name"] == "Zoë \u202e"


def test_python_dash_m_is_the_command() -> None:
    answer = run("--version", "--json")
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["status"] == "ok"


def test_output_that_the_terminal_cannot_spell_is_escaped(workspace: Path) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "delible", "audit", "verify", "--workspace", "/nicht/hier/ö"]
    answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("word", sorted(main.COMMANDS))
def test_the_registry_names_what_exists(word: str) -> None:
    command = main.load(word)
    assert command.name == word
    assert ("commands" in vars(command)) == (word not in main.PLAIN)
