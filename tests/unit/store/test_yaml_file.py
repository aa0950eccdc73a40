"""YAML from strangers: values with lines, and every attack ends as one flaw in bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.store.yaml_file import LARGEST_FILE, read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))


def test_values_and_lines():
    document = read_yaml(
        b"a: 1\nb:\n  - x: true\n    y: 'true'\n  - {z: null}\nc: 2026-01-31\nd: no\ne: 1.5\nf: -007\n"
    )
    assert document.flaws == ()
    assert document.value == {
        "a": 1,
        "b": [{"x": True, "y": "true"}, {"z": None}],
        "c": "2026-01-31",
        "d": "no",
        "e": "1.5",
        "f": "-007",
    }
    assert document.lines[("b", 0, "y")] == 4
    assert document.lines[("b", 1)] == 5
    assert document.line(("b", 1, "unknown", "deep")) == 5
    assert document.line(()) == 1


def test_text_keys_stay_text():
    assert read_yaml(b"1: a\ntrue: b\nnull: c\n").value == {"1": "a", "true": "b", "null": "c"}


def test_aliases_may_repeat_a_block():
    assert read_yaml(b"a: &x {k: 1}\nb: *x\n").value == {"a": {"k": 1}, "b": {"k": 1}}


def test_byte_order_mark_and_windows_lines():
    document = read_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert document.value == {"a": 1, "b": 2}
    assert document.lines[("b",)] == 2


def test_empty_file_is_nothing_without_flaw():
    assert read_yaml(b"# only a comment\n").value is None
    assert read_yaml(b"").flaws == ()


def test_duplicate_key_keeps_the_first_and_names_both_lines():
    document = read_yaml(b"a:\n  b: 1\n  c: 2\n  b: {x: 3}\n")
    assert document.value == {"a": {"b": 1, "c": 2}}
    assert [(f.code, f.line, f.path) for f in document.flaws] == [("policy.duplicate_key", 4, ("a", "b"))]
    assert "line 2" in document.flaws[0].message


def test_key_without_value_is_a_flaw():
    document = read_yaml(b"a: 1\nends:\n")
    assert [(f.code, f.line, f.path) for f in document.flaws] == [("policy.type", 2, ("ends",))]


@pytest.mark.parametrize(
    ("attack", "raw", "line", "words"),
    [
        ("alias bomb", BOMB.encode(), 5, "aliases counted in full"),
        ("alias of itself", b"a: &x\n  b: *x\n", 2, "names nothing above it"),
        ("alias of nothing", b"a: *y\n", 1, "names nothing above it"),
        ("python tag", b"a: 1\nb: !!python/object/apply:os.system [id]\n", 2, "tag"),
        ("harmless tag", b"a: !!str 1\n", 1, "tag"),
        ("local tag", b"a: !x 1\n", 1, "tag"),
        ("tag on a key", b"!!str a: 1\n", 1, "key must be plain text"),
        ("list as key", b"? [a]\n: 1\n", 1, "key must be plain text"),
        ("two documents", b"a: 1\n---\nb: 2\n", 3, "second document"),
        ("NUL", b"a: 1\nb: x\x00y\n", 2, "U+0000"),
        ("escaped NUL", b'a: 1\nb: "x\\0y"\n', 2, "U+0000"),
        ("escaped surrogate", b'a: "\\ud800"\n', 1, "U+D800"),
        ("escape sequence", b"a: \x1b[2J\n", 1, "U+001B"),
        ("bidi override", "a: 1\nb: x\u202ey\n".encode(), 2, "U+202E"),
        ("escaped bidi override", b'a: "x\\u202ey"\n', 1, "U+202E"),
        ("bidi in a key", b'"a\\u2066": 1\n', 1, "U+2066"),
        ("line separator", "a: 1\u2028b: 2\n".encode(), 1, "U+2028"),
        ("not UTF-8", b"a: 1\nb: \xff\xfe\n", 2, "UTF-8"),
        ("UTF-16", "a: 1\n".encode("utf-16"), 1, "UTF-8"),
        ("larger than 1 MB", b"#" * (LARGEST_FILE + 1), 1, "larger than"),
        ("10 MB", b"a: " + b"x" * 10_000_000, 1, "larger than"),
        ("long line", b"a: 1\nb: " + b"x" * 900_000, 2, "longer than"),
        ("long tag", b"!" * 900_000, 1, "longer than"),
        ("deep flow", b"a: " + b"[" * 3_000, 1, "deep"),
        ("deep block", b"- " * 1_900 + b"x\n", 1, "deep"),
        ("not closed", b"a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("tab", b"a:\n\tb: 1\n", 2, "not YAML"),
        ("percent", b"%FOO\n%BAR x\na: 1\n", 3, "not YAML"),
    ],
)
def test_hostile_yaml_is_one_flaw_with_its_line(attack, raw, line, words):
    start = time.monotonic()
    document = read_yaml(raw)
    assert time.monotonic() - start < 5
    assert document.value is None
    assert [(f.code, f.line) for f in document.flaws] == [("policy.yaml", line)]
    assert words in document.flaws[0].message
    assert len(document.flaws[0].message) < 400


@given(st.binary(max_size=300))
def test_law_no_bytes_raise(raw):
    read_yaml(raw)


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"#%@` \n\\,0", max_size=120))
def test_law_no_punctuation_raises(text):
    read_yaml(text.encode())
