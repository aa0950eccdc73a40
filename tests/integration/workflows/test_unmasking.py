"""`dataset unmask`: old words come back with the workspace's keys, into one file, and the ledger says so."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from delible.cli.main import main
from delible.lake.masking import masked
from delible.model.masking import Masking, MaskOperator
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from policy_files import SOUND, TABLE, write_policies
from store_fixtures import released

RULES = Masking.model_validate(
    {"default": "encrypt", "entities": {"PHONE_NUMBER": "hash", "IP_ADDRESS": "replace"}}
).model_dump_json()
RECIPE = """\
dataset: letters
description: Letters.
purpose: support
source: customers
columns:
  id: {treatment: pseudonymise}
  email: {treatment: mask, domain: shared, masking: {default: encrypt}}
"""
REVERSIBLE = TABLE.replace("    searched: true", "    searched: true\n    reversible: true")
TEXTS = ("canary@fennel.example\tand caf\u00e9, again canary@fennel.example", "", "nothing here", "call 697-555-0142")


@pytest.fixture
def shop(workspace: Workspace, now: datetime) -> Workspace:
    write_policies(
        workspace.root / "policies", {**SOUND, "datasets/letters.yaml": RECIPE, "tables/customers.yaml": REVERSIBLE}
    )
    released(workspace, "letters", 1, [], now)
    return workspace


def mask(keys: Keys, domain: str, texts: tuple[str, ...] = TEXTS) -> str:
    pad = keys.domain_pads(domain)[0]  # as Spark hands it to its workers
    return "\n".join(str(masked(text, None, None, rules=RULES, pad=pad)) for text in texts) + "\n"


def run(shop: Workspace, capsys: pytest.CaptureFixture[str], file: Path | str, out: Path, release: str = "letters@v1"):  # type: ignore[no-untyped-def]
    words = ["dataset", "unmask", release, "--texts", str(file), "--out", str(out), "--workspace", str(shop.root)]
    code = main([*words, "--json"])
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err
    return code, json.loads(said.out)


@pytest.mark.parametrize("domain", ["dataset:letters", "shared"])
def test_the_old_words_come_back_and_the_ledger_says_so(
    shop: Workspace, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], domain: str
) -> None:
    (tmp_path / "masked.txt").write_text(mask(keys, domain))
    assert "canary" not in (tmp_path / "masked.txt").read_text()
    code, document = run(shop, capsys, tmp_path / "masked.txt", tmp_path / "plain.txt")
    assert (code, document["dataset"], document["version"]) == (0, "letters", 1)
    assert (document["texts"], document["opened"]) == (4, 2)
    plain = (tmp_path / "plain.txt").read_text().split("\n")
    assert (plain[:3], plain[4]) == (list(TEXTS[:3]), "")
    assert plain[3].startswith("call <PHONE_NUMBER#")  # a hash has no way back
    assert (tmp_path / "plain.txt").stat().st_mode & 0o077 == 0
    record = list(Ledger(shop, keys).records())[-1]
    assert (record.action, record.object, record.counts) == (
        "dataset.unmask", "dataset:letters@v1", {"texts": 4, "opened": 2},
    )  # fmt: skip


def test_texts_come_from_standard_input_too(
    shop: Workspace, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(mask(keys, "shared").encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run(shop, capsys, "-", tmp_path / "plain.txt")[0] == 0
    assert (tmp_path / "plain.txt").read_text().startswith(TEXTS[0])


@pytest.mark.parametrize(
    ("domain", "text", "release", "error"),
    [
        ("dataset:other", None, "letters@v1", ("mask.wrong_key", "--texts:1")),
        ("shared", b"ok\n\xff canary", "letters@v1", ("unmask.texts", "--texts:2")),
        ("shared", None, "letters@v2", ("dataset.unknown_version", None)),
        ("shared", None, "others", ("dataset.unknown_version", None)),
    ],
)
def test_what_cannot_be_opened_is_said_and_leaves_no_file(
    shop: Workspace,
    keys: Keys,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    domain: str,
    text: bytes | None,
    release: str,
    error: tuple[str, str | None],
) -> None:
    (tmp_path / "masked.txt").write_bytes(mask(keys, domain).encode() if text is None else text)
    before = len(list(Ledger(shop, keys).records()))
    code, document = run(shop, capsys, tmp_path / "masked.txt", tmp_path / "plain.txt", release)
    assert (code, [(e["code"], e["where"]) for e in document["errors"]]) == (2, [error])
    assert not (tmp_path / "plain.txt").exists()
    assert len(list(Ledger(shop, keys).records())) == before


IDS = RECIPE.replace("pseudonymise}", "encrypt}")


@pytest.mark.parametrize(
    ("domain", "recipe", "table", "code"),
    [
        ("shared", RECIPE, TABLE, (3, "unmask.not_reversible")),
        ("dataset:letters", RECIPE, TABLE, (3, "unmask.not_reversible")),
        ("shared", RECIPE, REVERSIBLE, (0, None)),
        ("shared", IDS.replace("encrypt}", "encrypt, domain: shared}", 1),
         REVERSIBLE, (3, "unmask.not_reversible")),
        ("shared", IDS, REVERSIBLE, (0, None)),
        ("dataset:letters", IDS, REVERSIBLE, (2, "mask.wrong_key")),
        ("shared", RECIPE.replace("default: encrypt", "default: hash"), REVERSIBLE,
         (3, "unmask.not_reversible")),
        ("dataset:letters", RECIPE.replace("dataset: letters", "dataset: notes"),
         REVERSIBLE, (3, "unmask.not_reversible")),
    ],
    ids=[
        "no policy says it",
        "nor for the dataset's own domain",
        "the column says it",
        "another column of the domain does not",
        "a column of another domain does not",
        "and that is not opened",
        "the recipe encrypts nothing today",
        "there is no recipe any more",
    ],
)  # fmt: skip
def test_only_what_is_reversible_is_opened(
    shop: Workspace, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], domain: str, recipe: str,
    table: str, code: tuple[int, str | None],
) -> None:  # fmt: skip
    (shop.root / "policies" / "datasets" / "letters.yaml").unlink()
    name = "notes" if "notes" in recipe else "letters"
    write_policies(shop.root / "policies", {f"datasets/{name}.yaml": recipe, "tables/customers.yaml": table})
    (tmp_path / "masked.txt").write_text(mask(keys, domain))
    before = len(list(Ledger(shop, keys).records()))
    found, document = run(shop, capsys, tmp_path / "masked.txt", tmp_path / "plain.txt")
    assert (found, next((e["code"] for e in document.get("errors", [])), None)) == code
    assert (tmp_path / "plain.txt").exists() is (found == 0)
    assert len(list(Ledger(shop, keys).records())) == before + (found == 0)


@pytest.mark.parametrize(
    ("out", "code"),
    [
        ("there.txt", "unmask.exists"),
        ("nowhere/x.txt", "unmask.folder"),
        ("x" * 1_000, "unmask.folder"),
        ("x" * 1_000 + "/y", "unmask.folder"),
    ],
)
def test_no_file_is_overwritten(
    shop: Workspace, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, code: str
) -> None:
    (tmp_path / "there.txt").write_text("mine")
    (tmp_path / "masked.txt").write_text(mask(keys, "shared"))
    exit_code, document = run(shop, capsys, tmp_path / "masked.txt", tmp_path / out)
    assert (exit_code, document["errors"][0]["code"]) == (2, code)
    assert (tmp_path / "there.txt").read_text() == "mine"


def test_nothing_is_opened_that_the_ledger_does_not_have(
    shop: Workspace, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "masked.txt").write_text(mask(keys, "shared"))

    def refuse(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(Ledger, "append", refuse)
    words = ["dataset", "unmask", "letters", "--texts", str(tmp_path / "masked.txt"), "--out", str(tmp_path / "p.txt")]
    assert main([*words, "--workspace", str(shop.root)]) == 1
    assert list(tmp_path.glob("*p.txt*")) == []


def test_the_marks_are_those_of_encrypt() -> None:
    assert Masking.model_validate_json(RULES).rule("EMAIL_ADDRESS").operator is MaskOperator.ENCRYPT
