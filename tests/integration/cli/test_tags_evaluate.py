"""`tags evaluate`: a table, JSON, thresholds, and no text of the labelled file anywhere."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from delible.cli import main
from delible.store.workspace import create_workspace
from policy_files import CONTROLLER, write_policies

ROWS = [
    {"text": "canary@fennel.example", "spans": [{"start": 0, "end": 21, "type": "EMAIL_ADDRESS"}], "register": "chat"},
    {"text": "canary 42 at canary.example", "spans": [{"start": 0, "end": 6, "type": "EMAIL_ADDRESS"}]},
    {"text": "canary is at 10.1.2.3", "spans": [{"start": 0, "end": 6, "type": "BIRD"}]},
]
COLUMNS = [
    {"column": "mail", "values": [f"canary{n}@fennel.example" for n in range(9)], "category": "user.contact.email"},
    {"column": "x", "values": ["canary", "wren"], "category": "user.government_id.national_identification_number"},
]


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def evaluate(tmp_path, capsys):
    def run(rows, *options):
        file = tmp_path / "labelled.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)))
        code = main.main(["tags", "evaluate", "--labelled", str(file), *options])
        out, err = capsys.readouterr()
        assert "canary" not in out + err
        return Answer(code, out, err)

    return run


def test_texts_as_json(evaluate):
    answer = evaluate(ROWS, "--json")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    mail = document["entities"]["EMAIL_ADDRESS"]
    assert (mail["precision"], mail["recall"], mail["tp"], mail["fp"], mail["fn"]) == (1.0, 0.5, 1, 0, 1)
    assert mail["f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert document["texts_per_second"] > 0
    assert document["unlabelled"] == {"IP_ADDRESS": 1}
    assert document["unknown"] == ["BIRD"]
    assert {"line": 2, "type": "EMAIL_ADDRESS", "missed": True} in document["misses"]
    assert document["registers"]["chat"]["recall"] == 1.0


@pytest.mark.parametrize(("rows", "shown"), [(ROWS, "EMAIL_ADDRESS missed 1: line 2"), (COLUMNS, "judged")])
def test_a_table_fits_100_columns(evaluate, rows, shown):
    answer = evaluate(rows)
    assert answer.returncode == 0, answer.stderr
    assert shown in answer.stdout
    assert "0.500" in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 100


def test_columns_as_json(evaluate):
    document = json.loads(evaluate(COLUMNS, "--json").stdout)
    assert document["categories"]["user.contact.email"]["recall"] == 1.0
    assert document["confusions"] == [
        {"category": "user.government_id.national_identification_number", "verdict": None, "columns": 1}
    ]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--min-recall", "EMAIL_ADDRESS=0.5", "--min-precision", "EMAIL_ADDRESS=1"), 0),
        (("--min-recall", "EMAIL_ADDRESS=0.6"), 3),
        (("--min-precision", "PERSON=0.1"), 3),
        (("--min-recall", "EMAIL_ADDRESS"), 2),
        (("--min-recall", "EMAIL_ADDRESS=7"), 2),
    ],
)
def test_a_share_below_its_least_one_is_told_by_the_exit_code(evaluate, options, code):
    answer = evaluate(ROWS, "--json", *options)
    assert answer.returncode == code
    document = json.loads(answer.stdout)
    assert (document["status"] == "ok") is (code == 0)
    assert code != 3 or document["errors"][0]["code"] == "quality.below"


def test_a_broken_line_is_named(evaluate):
    answer = evaluate([*ROWS, {"text": "canary"}])
    assert answer.returncode == 2
    assert "labelled.jsonl:4" in answer.stderr


OWN = """\
recognizer: badge
description: Badges of staff.
category: user.unique_id
patterns: [{regex: 'B-\\d{6}', score: 0.9}]
"""
BADGES = [
    {"text": "canary B-123456", "spans": [{"start": 7, "end": 15, "type": "BADGE"}]},
    {"text": "id 65929970489, Anna Lopez", "spans": [{"start": 3, "end": 14, "type": "DE_TAX_ID"}]},
]


@pytest.fixture
def own_workspace(tmp_path):
    made = create_workspace(tmp_path / "w")
    controller = CONTROLLER + "national_identifiers: [DE]\n"
    write_policies(made.root / "policies", {"controller.yaml": controller, "detection/badge.yaml": OWN})
    config = made.root / "delible.yaml"
    config.write_text("detection:\n  nlp: none\n")
    return made.root


@pytest.mark.parametrize("how", ["option", "variable", "here"])
def test_in_a_workspace_what_its_scans_look_for_is_measured(evaluate, own_workspace, monkeypatch, how):
    if how == "variable":
        monkeypatch.setenv("DELIBLE_WORKSPACE", str(own_workspace))
    if how == "here":
        monkeypatch.chdir(own_workspace)
    at = ("--workspace", str(own_workspace)) if how == "option" else ()
    document = json.loads(evaluate(BADGES, "--json", *at).stdout)
    assert document["entities"]["BADGE"]["recall"] == 1.0
    assert (document["unknown"], document["unlabelled"]) == ([], {})  # nobody reads names
    found = {"of": "workspace", "model": "none", "countries": ["DE"], "recognizers": ["badge"]}
    assert document["detection"] == found
    assert "looked for as this workspace's scans do: model none; countries: DE; recognizers: badge" in " ".join(
        evaluate(BADGES, *at).stdout.split()
    )


def test_without_a_workspace_the_default_is_measured(evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = json.loads(evaluate(BADGES, "--json", "--country", "fr").stdout)
    assert document["detection"] == {"of": "default", "model": "shipped", "countries": ["FR"], "recognizers": []}
    assert document["unknown"] == ["BADGE", "DE_TAX_ID"]
    assert document["unlabelled"] == {"PERSON": 1}


def test_columns_are_judged_with_the_workspace_s_recognizers(evaluate, own_workspace):
    column = {"column": "c1", "values": [f"B-{n:06}" for n in range(9)], "category": "user.unique_id"}
    at = ("--workspace", str(own_workspace))
    assert json.loads(evaluate([column], "--json", *at).stdout)["categories"]["user.unique_id"]["recall"] == 1.0
    assert json.loads(evaluate([column], "--json").stdout)["categories"]["user.unique_id"]["recall"] == 0.0


def test_a_named_workspace_that_is_not_there_is_an_error(evaluate, tmp_path):
    assert evaluate(ROWS, "--workspace", str(tmp_path / "nowhere")).returncode == 2


def test_csv(tmp_path, capsys):
    file = tmp_path / "truth.csv"
    lines = [f"people,mail,user.contact.email,canary{n}@fennel.example" for n in range(9)]
    file.write_text("\n".join(["table,column,category,value", *lines]))
    assert main.main(["tags", "evaluate", "--labelled", str(file), "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["categories"]["user.contact.email"]["tp"] == 1
    assert "canary" not in out


def test_neither_spark_nor_a_workspace_is_needed(tmp_path):
    (tmp_path / "labelled.jsonl").write_text(json.dumps(ROWS[0]))
    script = (
        "import sys\nfrom delible.cli.main import run\nsys.argv = ['delible', 'tags', 'evaluate', '--labelled', "
        "'labelled.jsonl']\ntry:\n    run()\nfinally:\n    sys.stderr.write(str('pyspark' in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stderr.endswith("False")
    assert "EMAIL_ADDRESS" in answer.stdout
