"""Recognizers as files: each mistake has file, line, key and reason, and no word of a dictionary is shown."""

import pytest

from delible.errors import PolicyError
from delible.model.recognizer import Recognizer
from delible.store.policies import load_policies, read_policies
from delible.store.recognizers import MOST_WORDS, Unreadable, read_words
from policy_files import SOUND, write_policies

STAFF = """\
recognizer: staff_number
description: Numbers of our staff.
category: user.unique_id
patterns:
  - regex: S-\\d{5}
    score: 0.7
"""
NAMES = "recognizer: projects\ndescription: Projects.\ncategory: user.content\ndictionary: projects.txt\n"


def read(tmp_path, files):
    return read_policies(write_policies(tmp_path / "policies", {**SOUND, **files}))


def problem(tmp_path, text, more=()):
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, {"detection/a.yaml": text, **dict(more)})
    [found] = caught.value.problems
    return found


def test_a_sound_recognizer_is_read_and_counts_in_the_fingerprint(tmp_path):
    loaded = read(tmp_path, {"detection/a.yaml": STAFF})
    [recognizer] = loaded.policies.detection.values()
    assert (recognizer.type, str(recognizer.patterns[0].score)) == ("STAFF_NUMBER", "0.7")
    same = read(tmp_path, {"detection/a.yaml": STAFF.replace("0.7", "0.70")}).policies
    assert same.fingerprint == loaded.policies.fingerprint
    other = read(tmp_path, {"detection/a.yaml": STAFF.replace("0.7", "0.8")}).policies
    assert other.fingerprint != loaded.policies.fingerprint


@pytest.mark.parametrize(
    ("this", "becomes", "line", "code", "words"),
    [
        ("S-\\d{5}", "(S+)+-", 5, "policy.unsafe_pattern", "patterns.0.regex: this expression lets a repeat"),
        ("S-\\d{5}", "S-(\\d", 5, "policy.unsafe_pattern", "cannot be read as a regular expression"),
        ("S-\\d{5}", "'[0-9]*'", 5, "policy.unsafe_pattern", "can match an empty text"),
        ("0.7", "much", 6, "policy.type", "a number between 0 and 1, such as 0.6"),
        ("0.7", "1.5", 6, "policy.value", "a number of at most 1"),
        ("0.7", "0.123", 6, "policy.value", "two decimals"),
        ("0.7", "0.7\ncheck: mod12", 7, "policy.value", "'mod11'"),
        ("0.7", "0.7\ncontext: [social security]", 7, "policy.value", "give the words of a phrase one by one"),
        ("0.7", "0.7\ncontext: [e-mail]", 7, "policy.value", "one word without spaces, hyphens"),
        ("0.7", "0.7\ncontext: ['ssn:']", 7, "policy.value", "one word without spaces, hyphens"),
        ("0.7", "0.7\njurisdictions: [Germany]", 7, "policy.value", "ISO 3166"),
        ("0.7", "0.7\nentity: staff", 7, "policy.value", "words of capital letters"),
        ("0.7", "0.7\nentity: EMAIL_ADDRESS", 1, "policy.value", "known as 'user.contact.email'"),
        ("0.7", "0.7\nharmless: true", 1, "policy.value", "'category', or 'harmless: true'"),
        ("0.7", "0.7\nharmles: true", 7, "policy.unknown_key", "Did you mean 'harmless'?"),
        ("0.7", "0.7\ncolumns: [{name: '(a|aa)+x'}]", 7, "policy.unsafe_pattern", "columns.0.name"),
        ("0.7", "0.7\ndictionary: ../secret.txt", 7, "policy.value", "the name of a .txt file"),
        ("staff_number", "staff_2", 1, "policy.value", "give 'entity'"),
        ("user.unique_id", "user.uniqe_id", 3, "policy.unknown_category", "user.unique_id"),
    ],
)
def test_a_mistake_names_file_line_key_and_reason(tmp_path, this, becomes, line, code, words):
    found = problem(tmp_path, STAFF.replace(this, becomes))
    assert found.code == code
    assert found.where == f"policies/detection/a.yaml:{line}"
    assert words in found.message


def test_a_dictionary_lies_beside_its_recognizer_and_its_words_count(tmp_path):
    words = "# comment\nOwl\n\nNight  Owl\nOwl\n"
    loaded = read(tmp_path, {"detection/a.yaml": NAMES, "detection/projects.txt": words}).policies
    assert loaded.dictionaries["projects.txt"].words == ("Night Owl", "Owl")
    other = read(tmp_path, {"detection/projects.txt": words + "Heron\n"}).policies
    assert other.fingerprint != loaded.fingerprint
    assert "Owl" not in loaded.model_dump_json() + repr(loaded)


@pytest.mark.parametrize(
    ("words", "line"), [("canary\n\x80", 2), ("canary\n--\n", 2), ("# none\n", 1), ("canary" * 100, 1)]
)
def test_a_dictionary_that_cannot_be_used_is_an_error_that_shows_no_word(tmp_path, words, line):
    raw = words.encode("latin-1")
    found = problem(tmp_path, NAMES, {"detection/projects.txt": raw}.items())
    assert (found.code, found.where) == ("policy.dictionary", f"policies/detection/projects.txt:{line}")
    assert "canary" not in found.message


def test_a_missing_dictionary_and_one_outside_are_errors(tmp_path):
    assert problem(tmp_path, NAMES).where == "policies/detection/projects.txt"
    (tmp_path / "outside.txt").write_text("canary\n")
    (tmp_path / "policies" / "detection" / "projects.txt").symlink_to(tmp_path / "outside.txt")
    assert problem(tmp_path, NAMES).code == "policy.path"


def test_too_many_words_are_refused():
    assert isinstance(read_words("\n".join(f"w{i}" for i in range(MOST_WORDS + 1)).encode()), Unreadable)


def test_names_may_not_stand_twice(tmp_path):
    assert problem(tmp_path, STAFF, {"detection/b.yaml": STAFF}.items()).code == "policy.duplicate_name"


def test_a_recognizer_needs_something_to_look_for():
    with pytest.raises(ValueError, match="at least one of"):
        Recognizer.model_validate({"recognizer": "thing", "description": "x", "category": "user"})


def test_the_shipped_example_is_read():
    from pathlib import Path

    examples = Path(__file__).parents[3] / "policies" / "examples" / "recognizers"
    assert len(load_policies(examples).detection) == 4
