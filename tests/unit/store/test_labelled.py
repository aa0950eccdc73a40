"""Labelled files: two forms, and errors with line numbers that repeat no text."""

import json

import pytest

from delible.errors import InputError
from delible.model.labelled import Span
from delible.store.labelled import read_labelled

TEXT = {"text": "canary@fennel.example", "spans": [{"start": 0, "end": 21, "type": "EMAIL_ADDRESS"}]}
COLUMN = {"column": "email", "values": ["canary@fennel.example"], "category": "user.contact.email"}


def written(tmp_path, *rows):
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_texts(tmp_path):
    texts, columns = read_labelled(written(tmp_path, "", TEXT | {"register": "chat", "id": 7}, ""))
    assert columns == []
    assert (texts[0].line, texts[0].register, texts[0].spans) == (2, "chat", (Span(0, 21, "EMAIL_ADDRESS"),))


def test_columns(tmp_path):
    rows = [COLUMN, COLUMN | {"category": None, "values": ["a", None, "a", " "], "table": "t", "kind": "bigint"}]
    texts, columns = read_labelled(written(tmp_path, *rows))
    assert texts == []
    assert [each.category for each in columns] == ["user.contact.email", None]
    assert (columns[1].values, columns[1].table, columns[1].kind) == (("a",), "t", "bigint")


def span(**changes):
    return TEXT | {"spans": [TEXT["spans"][0] | changes]}


@pytest.mark.parametrize(
    "broken",
    [
        "{canary",
        '["canary"]',
        {"spans": []},
        TEXT | {"text": 3},
        {"text": "canary"},
        TEXT | {"spans": {"canary": 1}},
        TEXT | {"spans": ["canary"]},
        span(start=-1),
        span(end=22),
        span(start=5, end=5),
        span(start=0.5),
        span(start=True),
        span(end=None),
        span(type="canary"),
        span(type=None),
        TEXT | {"register": 5},
    ],
)
def test_what_is_broken_is_named_by_its_line_and_not_repeated(tmp_path, broken):
    with pytest.raises(InputError) as raised:
        read_labelled(written(tmp_path, TEXT, broken))
    problem = raised.value.problems[0]
    assert (problem.code, problem.where) == ("labelled.line", "labelled.jsonl:2")
    assert "canary" not in problem.message


@pytest.mark.parametrize(
    "broken",
    [
        COLUMN | {"values": "canary"},
        COLUMN | {"values": [3]},
        {"column": "c", "values": []},
        COLUMN | {"column": ""},
        TEXT,
        COLUMN | {"category": "canary"},
        COLUMN | {"category": 3},
    ],
)
def test_a_broken_column(tmp_path, broken):
    with pytest.raises(InputError) as raised:
        read_labelled(written(tmp_path, COLUMN, broken))
    assert raised.value.problems[0].where == "labelled.jsonl:2"
    assert "canary" not in raised.value.problems[0].message


def test_a_category_that_is_nearly_right_is_corrected(tmp_path):
    with pytest.raises(InputError, match=r"user\.contact\.email"):
        read_labelled(written(tmp_path, COLUMN | {"category": "user.contact.e-mail"}))


def test_all_broken_lines_are_named_up_to_a_bound(tmp_path):
    with pytest.raises(InputError) as raised:
        read_labelled(written(tmp_path, *["{"] * 50))
    assert len(raised.value.problems) == 20


def test_a_file_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="nothing is labelled"):
        read_labelled(written(tmp_path, ""))


def csv_file(tmp_path, text):
    path = tmp_path / "labelled.CSV"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_as_csv(tmp_path):
    rows = (
        "\ufefftable,column,category,value,kind\r\n"
        't,mail,user.contact.email,"a@fennel.example, or\nb",string\r\n'
        "t,note,,x,\r\n"
        "t,mail,user.contact.email,c@fennel.example,string\r\n"
        "t,mail,user.contact.email,c@fennel.example,\r\nu,mail,,,bigint\r\n"
    )
    texts, columns = read_labelled(csv_file(tmp_path, rows))
    assert texts == []
    assert [(c.table, c.column, c.kind, c.category, c.values) for c in columns] == [
        ("t", "mail", "string", "user.contact.email", ("a@fennel.example, or\nb", "c@fennel.example")),
        ("t", "note", "string", None, ("x",)),
        ("u", "mail", "bigint", None, ()),
    ]
    assert columns[1].line == 4


@pytest.mark.parametrize("head", ["column,category", "table,column,category"])
def test_csv_without_values_is_judged_by_names(tmp_path, head):
    _, columns = read_labelled(
        csv_file(tmp_path, f"{head}\n{'t,' if 'table' in head else ''}mail,user.contact.email\n")
    )
    assert [(c.column, c.values) for c in columns] == [("mail", ())]


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", "labelled.empty", ""),
        ("column,category\n", "labelled.empty", ""),
        ("column,canary\nx,y\n", "labelled.line", ":1"),
        ("column,category,category\nx,,\n", "labelled.line", ":1"),
        ("column,category\nx,canary\n", "labelled.line", ":2"),
        ("column,category\n,user.name\n", "labelled.line", ":2"),
        ("column,category\nx\n", "labelled.line", ":2"),
        ("column,category\nx,,canary\n", "labelled.line", ":2"),
        ("column,category\nx,\nx,user.name\n", "labelled.line", ":3"),
        ('column,category\n"x"canary,\n', "labelled.line", ":2"),
        (b"column,category\n\xff\xfe,\n", "labelled.line", ""),
    ],
)
def test_a_broken_csv_is_named_and_not_repeated(tmp_path, text, code, where):
    with pytest.raises(InputError) as raised:
        read_labelled(csv_file(tmp_path, text))
    problem = raised.value.problems[0]
    assert (problem.code, problem.where) == (code, f"labelled.CSV{where}")
    assert "canary" not in problem.message
