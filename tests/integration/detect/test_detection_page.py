"""docs/detection.md says what detection does: its thresholds, its examples."""

import random
import re
from pathlib import Path

import pytest

from column_evidence import counted, judged, typed
from delible.decide.intervals import miss_bound
from delible.decide.sampling import bound_of
from delible.detect.entities import FROM_MODEL, MODEL_THRESHOLD, THRESHOLDS
from delible.detect.findings import find
from delible.detect.spellings import REPLACED

PAGE = (Path(__file__).parents[3] / "docs" / "detection.md").read_text()
DRAW = random.Random(3)
PHONES = [f"+49 30 9{DRAW.randint(10_000, 99_999)}" for _ in range(150)]
VERSIONS = [f"{DRAW.randint(300, 999)}.{DRAW.randint(300, 999)}.{i}.{DRAW.randint(300, 999)}" for i in range(300, 590)]


def test_each_type_stands_there_with_its_threshold():
    told = {
        entity: float(score)
        for types, score in re.findall(r"^\| (`[A-Z_`, ]+) \| (0\.\d) \|", PAGE, re.MULTILINE)
        for entity in re.findall(r"[A-Z_]+", types)
    }
    assert told == THRESHOLDS | dict.fromkeys(FROM_MODEL, MODEL_THRESHOLD)


def test_what_is_replaced_stands_there():
    assert [name for name in REPLACED if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize(
    ("table", "column", "values", "category", "state", "hits"),
    [
        ("crm", "contact", [f"ann{n}@fennel.example" for n in range(97)] + ["a", "b", "c"], "user.contact.email",
         "proposed", 97),
        ("crm", "email", PHONES, "user.contact.phone_number", "review", 150),
        ("shops", "city", ["Leeds", "Paris", "Berlin"], None, "proposed", 0),
    ],
)  # fmt: skip
def test_the_examples_of_verdicts(table, column, values, category, state, hits):
    found = judged(table, [counted(column, values, 1_000)])[column]
    assert (found.category, str(found.state), found.hits) == (category, state, hits)


def test_the_example_of_what_is_disregarded():
    found = judged("builds", [counted("version", [*VERSIONS, "10.1.2.3", "10.1.2.4"], 1_000)])["version"]
    assert found.disregarded
    assert 0 < found.hits < 30


def test_hours_of_sick_leave_are_health_data():
    facts = typed(counted("SickLeaveHours", [str(n) for n in range(20, 80)], 1_000), "bigint")
    found = judged("employee", [facts])["SickLeaveHours"]
    assert found.category is not None
    assert (found.category.startswith("user.health"), found.special) == (True, True)


def test_the_bounds():
    assert f"{miss_bound(1_000):.1%}" == "0.3%"
    assert "fewer than 0.3 % of the values" in PAGE
    assert f"{bound_of(0.99, '1/50000').size:,} rows" in PAGE


def test_the_examples_of_findings():
    assert find("219099998") == []
    assert [f.entity for f in find("her ssn is 219099998")] == ["US_SSN"]
    link = "https://fennel.com/?u=ann@fennel.example"
    assert {f.entity for f in find(link)} == {"URL", "EMAIL_ADDRESS"}
