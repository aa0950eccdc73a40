"""`tags evaluate`: a table, JSON, thresholds, and no text of the labelled file anywhere."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from delible.cli import main

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


def test_neither_spark_nor_a_workspace_is_needed(tmp_path):
    (tmp_path / "labelled.jsonl").write_text(json.dumps(ROWS[0]))
    script = (
        "import sys\nfrom delible.cli.main import run\nsys.argv = ['delible', 'tags', 'evaluate', '--labelled', "
        "'labelled.jsonl']\ntry:\n    run()\nfinally:\n    sys.stderr.write(str('pyspark' in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stderr.endswith("False")
    assert "EMAIL_ADDRESS" in answer.stdout
