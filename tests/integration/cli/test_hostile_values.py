"""Every command with hostile words and hostile files: a clear error or a safe result, and nothing is run or logged."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake

from delible.cli import main
from delible.errors import SetupError
from delible.lake import session
from delible.model.terms import Regime, Right
from delible.workflows.requests import submit_requests
from small_shop import NOW, POLICIES, customers, make_workspace, tickets

CANARY = "zq7canary"
MARK = "zq7was-run"
WORDS: dict[str, str] = {
    "signs": f"\u202e\x1b[2J\x1b]0;{CANARY}\x07\u2066\r\nfake: line",
    "markup": f"=cmd|' /C {CANARY}'!A0<script>alert('{CANARY}')</script>{{0.__class__}} %s%n",
    "path": f"../../../{CANARY}",
    "shell": f"$(touch {MARK}) `touch {MARK}`; touch {MARK} {CANARY}",
    "surrogate": f"\udcff{CANARY}",
    "empty": "",
    "dash": "-",
    "long": CANARY + "x" * 4_000,
}
FORBIDDEN = ("\x1b", "\x07", "\u202e", "\u2066")
SAID_ON_PURPOSE = {"reason", "owner", "by", "notice", "out", "ground", "declaration", "permission", "warehouse"}
"""What an officer writes into the register, and where tables lie; everything else is not kept."""
RECIPE = """\
dataset: support_training
description: Texts of tickets.
source: tickets
purpose: support
columns: {ticket_id: drop, customer_id: drop, body: mask}
"""
SHOP = {**POLICIES, "datasets/support_training.yaml": RECIPE}


def leaves() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return every command with its words."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))
        if not getattr(command, "commands", None):
            yield words, command

    for noun in main.COMMANDS:
        yield from walk(main.load(noun), (noun,))


def valued(command: Any) -> list[Any]:
    """Return the parameters that take a value."""
    return [p for p in command.params if p.name not in ("json", "debug") and not getattr(p, "is_flag", False)]


LEAVES = list(leaves())
CASES = [(words, p.name) for words, command in LEAVES for p in valued(command)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with tables and a request, which every case gets a copy of."""
    folder = tmp_path_factory.mktemp("hostile")
    workspace = make_workspace(folder / "shop", SHOP)
    for name, rows in (("customers", customers()), ("tickets", tickets())):
        write_deltalake(str(workspace.root / "warehouse" / name), rows)
    (folder / "people.jsonl").write_text('{"email": "p001@people.example"}\n')
    for right in (Right.ERASURE, Right.ACCESS):
        submit_requests(
            workspace,
            right=right,
            regime=Regime.GDPR,
            identifiers=str(folder / "people.jsonl"),
            actor="tests",
            now=NOW,
        )
    return folder


@pytest.fixture
def shop(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the workspace `shop`; no command in it gets a Spark session."""
    folder = tmp_path / "case"
    shutil.copytree(kept, folder)

    def none(*_: object, **__: object) -> None:
        raise SetupError("spark.none", "this test has no Spark.")

    monkeypatch.setattr(session, "spark_session", none)
    monkeypatch.setattr(session, "active_session", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DELIBLE_WORKSPACE", str(folder / "shop"))
    return folder


def sound(param: Any, shop: Path) -> list[str]:
    """Return words that give a parameter a value which does no harm."""
    given = {
        "right": "erasure",
        "regime": "gdpr",
        "identifiers": "people.jsonl",
        "request_id": "R-20261124-AAAAAAAA",
        "table": "customers",
        "name": "people",
        "files": "people.jsonl",
        "column": "customers.email",
        "recipe": "support_training",
        "old": "shop/policies",
        "new": "shop/policies",
        "folder": "other",
        "file": "people.jsonl",
        "out": "out.file",
    }
    value = given.get(param.name, "1")
    return [value] if not param.opts[0].startswith("-") else [param.opts[0], value]


def command_line(words: tuple[str, ...], name: str, value: str, shop: Path) -> list[str]:
    """Return a command with one hostile value, and of the others only what is required."""
    command = dict(LEAVES)[words]
    options, arguments = [], []
    for param in valued(command):
        if param.name == name:
            given = [value] if not param.opts[0].startswith("-") else [f"{param.opts[0]}={value}"]
        elif param.required:
            given = sound(param, shop)
        else:
            continue
        (options if given[0].startswith("--") and param.opts[0].startswith("-") else arguments).extend(given)
    return [*words, *options, "--json", *(["--", *arguments] if arguments else [])]


def recorded(root: Path) -> list[str]:
    """Return the files below a workspace that hold the canary, names included."""
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if CANARY in path.name or (path.is_file() and CANARY.encode() in path.read_bytes())
    ]


def some_words(number: int) -> list[str]:
    """Return three kinds in turn, so that a command with three values meets them all."""
    kinds = [*WORDS]
    return [kinds[(3 * number + n) % len(kinds)] for n in range(3)]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.matrix)], ids=["some", "all"])
@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{' '.join(w)} {n}" for w, n in CASES])
def test_no_word_breaks_a_command_is_run_or_kept(
    number: int, every: bool, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words, name = CASES[number]
    for kind in WORDS if every else some_words(number):
        line = command_line(words, name, WORDS[kind], shop)
        code = main.main(line)
        out, err = capfd.readouterr()
        answer = json.loads(out)
        codes = [e["code"] for e in answer.get("errors", [])]
        assert "internal" not in codes, (kind, answer)
        assert code in (0, 1, 2, 3), (kind, answer)
        assert (code == 0) == (answer["status"] == "ok"), (kind, answer)
        assert not any(sign in err for sign in FORBIDDEN), kind
        assert len(out) < 250_000, kind
        if kind in ("signs", "long"):
            main.main([word for word in line if word != "--json"])
            shown = "".join(capfd.readouterr())
            assert not any(sign in shown for sign in FORBIDDEN), (kind, shown)
            assert len(shown) < 200_000, kind
    assert not list(shop.rglob(f"*{MARK}"))
    if name not in SAID_ON_PURPOSE:
        assert recorded(shop / "shop") == []


def nested(depth: int) -> bytes:
    return b'{"email":' * depth + b"1" + b"}" * depth


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)
FILES: dict[str, bytes] = {
    "ten megabytes": b'{"email": "' + CANARY.encode() + b"x" * 10_000_000 + b'@people.example"}\n',
    "NUL": b'{"email": "' + CANARY.encode() + b'\x00@people.example"}\n',
    "no UTF-8": b'{"email": "' + CANARY.encode() + b'\xff\xfe@people.example"}\n',
    "signs": f'{{"\u202e\x1b[2J{CANARY}": 1}}\n'.encode(),
    "signs in a value": f'{{"email": "\u202e\u2066{CANARY}@people.example"}}\n'.encode(),
    "deep": nested(100_000),
    "huge number": b'{"customer_id": ' + b"9" * 5_000 + b"}\n",
    "not a number": b'{"customer_id": NaN, "email": Infinity}\n',
    "key twice": b'{"email": "a@people.example", "email": "b@people.example"}\n',
    "YAML bomb": BOMB.encode(),
    "YAML tag": b"!!python/object/apply:os.system ['touch " + MARK.encode() + b"']\n",
    "markup": f'{{"email": "=cmd|<script>{CANARY}</script>$(touch {MARK})@people.example"}}\n'.encode(),
    "nothing": b"",
    "only a mark": b"\xef\xbb\xbf",
}
READING = {
    "request submit": ["request", "submit", "--right", "access", "--regime", "gdpr", "--identifiers", "FILE"],
    "corrections": [
        *("request", "submit", "--right", "rectification", "--regime", "gdpr"),
        *("--identifiers", "people.jsonl", "--corrections", "FILE"),
    ],
    "rectification apply": ["rectification", "apply", "FILE"],
    "hold add": ["hold", "add", "--reason", "claim 7", "--owner", "legal", "--identifiers", "FILE"],
    "erasure verify": ["erasure", "verify", "--identifiers", "FILE"],
    "erasure apply": ["erasure", "apply", "FILE"],
    "retention apply": ["retention", "apply", "FILE"],
    "consent import": ["consent", "import", "FILE"],
    "consent show": ["consent", "show", "--identifiers", "FILE"],
    "dataset members": ["dataset", "members", "support_training", "--identifiers", "FILE"],
    "table load": ["table", "load", "people", "FILE"],
    "audit verify": ["audit", "verify", "--known", "FILE"],
}
PLACES = {
    "controller": "policies/controller.yaml",
    "table": "policies/tables/customers.yaml",
    "exception": "policies/exceptions/hostile.yaml",
    "policy test": "policies/tests/hostile.yaml",
    "workspace": "delible.yaml",
    "keys": "keys.json",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("reading", READING)
def test_no_file_breaks_a_command_or_leaves_a_value_behind(
    reading: str, kind: str, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = shop / "hostile.file"
    file.write_bytes(FILES[kind])
    line = [str(file) if word == "FILE" else word for word in READING[reading]]
    code = main.main([*line, "--json"])
    out, err = capfd.readouterr()
    answer = json.loads(out)
    assert "internal" not in [e["code"] for e in answer.get("errors", [])], answer
    assert code in (0, 1, 2, 3), answer
    assert CANARY not in out + err
    if "signs" in kind:
        main.main(line)
        shown = "".join(capfd.readouterr())
        assert CANARY not in shown
        assert not any(sign in shown for sign in FORBIDDEN)
    assert recorded(shop / "shop") == []
    assert not list(shop.rglob(f"*{MARK}"))


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("place", PLACES)
def test_no_policy_or_setting_breaks_a_command(
    place: str, kind: str, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = shop / "shop" / PLACES[place]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(FILES[kind])
    for line in (["policy", "check"], ["policy", "test"], ["request", "list"]):
        code = main.main([*line, "--json"])
        out, _ = capfd.readouterr()
        answer = json.loads(out)
        assert "internal" not in [e["code"] for e in answer.get("errors", [])], answer
        assert code in (0, 1, 2, 3), answer
        assert len(out) < 50_000
    assert not list(shop.rglob(f"*{MARK}"))


@pytest.mark.parametrize("reading", READING)
def test_what_is_no_file_is_refused_at_once(reading: str, shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "loop").symlink_to("loop")
    (shop / "folder").mkdir()
    for name in ("folder", "loop", "gone"):
        line = [name if word == "FILE" else word for word in READING[reading]]
        code = main.main([*line, "--json"])
        answer = json.loads(capfd.readouterr().out)
        assert code == 2, (name, answer)
        assert "internal" not in [e["code"] for e in answer["errors"]], (name, answer)
