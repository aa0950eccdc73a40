"""A command that is not explained fails the build: in its help, and in the README's table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delible.cli import main

ROOT = Path(__file__).parents[3]
README, ARCHITECTURE = ROOT / "README.md", ROOT / "ARCHITECTURE.md"
SOURCE = ROOT / "src" / "delible"
ROOMS = "model|decide|plan|store|lake|detect|workflows|report|cli"
PAGES = pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: page.name)


def commands() -> Iterator[tuple[str, Any]]:
    for word in main.COMMANDS:
        loaded = main.load(word)
        below = getattr(loaded, "commands", None)
        if below is None:
            yield word, loaded
        else:
            yield from ((f"{word} {name}", command) for name, command in below.items())


COMMANDS = dict(commands())
EVERY = pytest.mark.parametrize("name", COMMANDS)


def in_readme() -> set[str]:
    """Return the commands of the README's table: each row starts with one `delible …` in backticks."""
    rows = re.findall(r"^\| `delible ([a-z]+(?: [a-z-]+)?)", README.read_text(), re.MULTILINE)
    return set(rows)


@EVERY
def test_a_command_says_in_one_sentence_what_it_does(name: str) -> None:
    first = COMMANDS[name].help.split("\n\n")[0].replace("\n", " ")
    assert first.endswith(".")
    assert first[0].isupper()


@EVERY
def test_a_command_has_an_example_that_names_it(name: str) -> None:
    _, _, example = COMMANDS[name].help.partition("Example:\n\n")
    assert f"delible {name}" in example


def options(name: str) -> set[str]:
    return {option for param in COMMANDS[name].params for option in (*param.opts, *param.secondary_opts)}


@EVERY
def test_an_example_uses_only_options_that_exist(name: str) -> None:
    _, _, example = COMMANDS[name].help.partition("Example:\n\n")
    assert set(re.findall(r"(?<=\s)--[a-z-]+", example)) <= options(name)


def test_the_readmes_examples_use_only_commands_and_options_that_exist() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    plain = "|".join(main.PLAIN)
    used = [u for block in blocks for u in re.findall(rf"delible ((?:{plain})\b|[a-z]+ [a-z]+)([^#|\n]*)", block)]
    assert {"init", "request submit", "erasure plan", "erasure apply", "erasure verify"} <= {name for name, _ in used}
    for name, rest in used:
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= options(name) | {"--json"}


def test_pages_that_are_handed_out_name_only_commands_and_options_that_exist() -> None:
    pages = sorted([*(SOURCE / "report" / "templates").glob("*.j2"), *(SOURCE / "report").glob("*_content.py")])
    used = [found for page in pages for found in re.findall(r"delible ([a-z]+ [a-z]+)([^\"\n]*)", page.read_text())]
    assert {"audit verify", "audit export"} <= {name for name, _ in used}
    for name, rest in used:
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= options(name)


def test_the_certificate_says_where_the_export_that_it_is_checked_against_comes_from() -> None:
    page = (SOURCE / "report" / "templates" / "certificate.html.j2").read_text()
    _, _, box = page.partition("How to check this certificate")
    assert box.index("delible audit export --out ledger.jsonl") < box.index("--ledger ledger.jsonl")


@EVERY
def test_every_option_and_argument_is_explained(name: str) -> None:
    assert [param.name for param in COMMANDS[name].params if not getattr(param, "help", None)] == []


@EVERY
def test_help_loses_no_square_bracket(name: str) -> None:
    """Help is rendered as rich markup, which would swallow `[TABLE]`."""
    assert not re.search(r"(?<!\\)\[[A-Za-z/]", COMMANDS[name].help)


@EVERY
def test_a_command_stands_in_the_readme(name: str) -> None:
    assert name in in_readme()


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    assert in_readme() <= set(COMMANDS)


def test_what_is_not_yet_there_is_not_there_yet() -> None:
    _, _, rest = README.read_text().partition("## Not yet\n")
    missing = re.findall(r"`([a-z]+ [a-z-]+)`", rest.partition("\n## ")[0])
    assert set(missing) & set(COMMANDS) == set()


@PAGES
def test_a_page_links_to_nothing_that_is_not_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@PAGES
def test_a_page_names_no_module_that_is_not_there(page: Path) -> None:
    named = re.findall(rf"`((?:{ROOMS})/\w+\.py)`", page.read_text())
    assert [name for name in named if not (SOURCE / name).is_file()] == []


def the_map() -> Iterator[tuple[list[str], str]]:
    """Yield each module of the map of nouns, as a path without its ending, with the rooms that stand above its cell."""
    _, found, rest = ARCHITECTURE.read_text().partition("| noun |")
    head, _, *rows = (found + rest.partition("\n\n")[0]).splitlines()
    rooms = [re.findall(r"[a-z]+", cell) for cell in head.split("|")[2:-1]]
    for row in rows:
        for folders, cell in zip(rooms, row.split("|")[2:-1], strict=True):
            for below, inside, name in re.findall(r"`(\w+/)` \(([^)]*)\)|`([\w/]+)`", cell):
                yield from ((folders, f"{below}{each}") for each in re.findall(r"\w+", inside) or [name])


def mapped() -> set[str]:
    return {f"{folder}/{name}" for folders, name in the_map() for folder in folders}


def test_the_map_names_no_module_that_is_not_there() -> None:
    """Each cell of the map of nouns names modules of the rooms above it."""
    there = [any((SOURCE / folder / f"{name}.py").is_file() for folder in folders) for folders, name in the_map()]
    assert len(there) > 200
    assert [name for (_, name), is_there in zip(the_map(), there, strict=True) if not is_there] == []


@pytest.mark.parametrize("room", [room for room in ROOMS.split("|") if room != "cli"])
def test_the_map_names_every_module(room: str) -> None:
    modules = (path.relative_to(SOURCE) for path in (SOURCE / room).rglob("*.py") if path.name != "__init__.py")
    assert sorted({str(path.with_suffix("")) for path in modules} - mapped()) == []


def test_each_noun_stands_once() -> None:
    _, _, rest = ARCHITECTURE.read_text().partition("| noun |")
    nouns = re.findall(r"^\| ([^|]+) \|", rest.partition("\n\n")[0], re.MULTILINE)
    assert len(nouns) == len({*nouns})
