"""Loading a policy folder: each error kind at its exact file, line and key; all at once."""

from __future__ import annotations

import os

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from delible.errors import PolicyError
from delible.model.terms import ColumnErasure
from delible.store.policies import load_policies, path_problem, policy_schemas, read_policies
from policy_files import CONTROLLER, PURPOSE, RETENTION, SOUND, TABLE, write_policies


def problems(folder) -> list[tuple[str, str | None, str]]:
    with pytest.raises(PolicyError) as caught:
        load_policies(folder)
    assert caught.value.exit_code == 2
    return [(p.code, p.where, p.message) for p in caught.value.problems]


def one_problem(tmp_path, file: str, content: str | bytes) -> tuple[str, str | None, str]:
    folder = write_policies(tmp_path / "policies", {**SOUND, file: content})
    found = problems(folder)
    assert len(found) == 1, found
    return found[0]


def test_a_sound_folder_loads_with_sources(tmp_path):
    loaded = read_policies(write_policies(tmp_path / "policies"))
    assert loaded.policies.tables["customers"].columns["id"].category == "user.unique_id"
    assert (
        loaded.sources[("tables", "customers", "columns", "email", "searched")] == "policies/tables/customers.yaml:14"
    )
    assert loaded.sources[("tables", "customers", "subject", 1)] == "policies/tables/customers.yaml:8"
    assert loaded.sources[("controller", "subject")] == "policies/controller.yaml:3"


def test_bare_null_is_an_erasure_treatment(tmp_path):
    erasure = "erasure:\n  action: treat_columns\n  columns: {id: null, email: 'null', made_at: mask}\n  reason: Tax.\n"
    folder = write_policies(tmp_path / "policies", {**SOUND, "tables/customers.yaml": TABLE + erasure})
    columns = load_policies(folder).tables["customers"].erasure.columns
    assert columns == {"id": ColumnErasure.NULL, "email": ColumnErasure.NULL, "made_at": ColumnErasure.MASK}


@pytest.mark.parametrize(
    ("rule", "file", "content", "code", "line", "words"),
    [
        ("unknown key", "tables/customers.yaml", TABLE.replace("searched", "serched"), "policy.unknown_key", 14,
         ["columns.email.serched: unknown key", "Did you mean 'searched'", "category, special, free_text, searched"]),
        ("unknown key on top", "purposes/support.yaml", PURPOSE + "basis: x\n", "policy.unknown_key", 4,
         ["basis: unknown key", "purpose, description, legal_basis, recipients"]),
        ("unknown key in a list", "tables/customers.yaml", TABLE.replace("identifies: email", "identify: email"),
         "policy.unknown_key", 9, ["subject.1.identify", "Did you mean 'identifies'"]),
        ("merge key", "purposes/support.yaml", PURPOSE + "<<: {a: b}\n", "policy.unknown_key", 4, ["<<: unknown key"]),
        ("missing key", "purposes/support.yaml", "purpose: support\n", "policy.missing_key", 1,
         ["description: missing", "Required here: purpose, description"]),
        ("missing key inside", "tables/customers.yaml", TABLE.replace("    category: user.contact.email\n", ""),
         "policy.missing_key", 12, ["columns.email.category: missing", "Required here: category"]),
        ("list for text", "purposes/support.yaml", PURPOSE.replace("Answer questions.", "[a]"), "policy.type", 2,
         ["description: a list is not allowed; give text"]),
        ("number for text", "purposes/support.yaml", PURPOSE.replace("Answer questions.", "17"), "policy.type", 2,
         ["description: '17' is not allowed; give text; put numbers"]),
        ("text for a group", "tables/customers.yaml", TABLE + "erasure: delete\n", "policy.type", 16,
         ["erasure: 'delete' is not allowed; give keys and values"]),
        ("text for a list", "tables/customers.yaml", TABLE.replace("[support]", "support"), "policy.type", 4,
         ["purposes: 'support' is not allowed; give a list"]),
        ("no boolean", "tables/customers.yaml", TABLE.replace("searched: true", "searched: perhaps"), "policy.type", 14,
         ["columns.email.searched: 'perhaps' is not allowed; give true or false"]),
        ("no value", "tables/customers.yaml", TABLE + "upstream:\n", "policy.type", 16, ["upstream: has no value"]),
        ("no mapping", "purposes/support.yaml", "- a\n- b\n", "policy.type", 1, ["does not hold keys and values"]),
        ("empty file", "purposes/support.yaml", "", "policy.type", 1, ["the file is empty"]),
        ("unknown enum value", "purposes/support.yaml", PURPOSE.replace("contract", "habit"), "policy.value", 3,
         ["legal_basis: 'habit' is not allowed; give 'consent', 'contract'", "'legitimate_interests'"]),
        ("no name", "purposes/support.yaml", PURPOSE.replace("support", "Support!"), "policy.value", 1,
         ["purpose: 'Support!' is not allowed", "lower-case letters"]),
        ("no name as key", "controller.yaml", CONTROLLER.replace("  email:", "  E-Mail:"), "policy.value", 6,
         ["identifiers.E-Mail: this key is not allowed", "lower-case letters"]),
        ("no period", "retention/two_years.yaml", RETENTION.replace("P2Y", "2 years"), "policy.value", 4,
         ["keep: '2 years' is not allowed; give a period such as P2Y"]),
        ("empty period", "retention/two_years.yaml", RETENTION.replace("P2Y", "P0D"), "policy.value", 4,
         ["keep: a period must be longer than nothing"]),
        ("two ways at once", "tables/customers.yaml", TABLE.replace("identifies: email", "through: orders"),
         "policy.value", 8, ["subject.1: give either 'identifies', or both"]),
        ("undeclared subject", "controller.yaml", CONTROLLER.replace("subject: customer_id", "subject: person"),
         "policy.value", 1, ["subject names the kind 'person'"]),
        ("unknown category", "tables/customers.yaml", TABLE.replace("user.contact.email", "user.contact.emial"),
         "policy.unknown_category", 13,
         ["columns.email.category: 'user.contact.emial' is not a data category", "Did you mean 'user.contact.email'?"]),
        ("unknown category, short form", "tables/customers.yaml", TABLE.replace("user.account", "account"),
         "policy.unknown_category", 15, ["columns.made_at: 'account' is not a data category", "'user.account'"]),
        ("duplicate key", "tables/customers.yaml", TABLE + "path: warehouse/other\n", "policy.duplicate_key", 16,
         ["path: stands here for the second time; first in line 2"]),
        ("duplicate name", "tables/again.yaml", TABLE, "policy.duplicate_name", 1,
         ["table: 'customers' is already described in policies/tables/again.yaml:1"]),
        ("broken YAML", "purposes/support.yaml", "purpose: [support\n", "policy.yaml", 2, ["not YAML"]),
        ("path above", "tables/customers.yaml", TABLE.replace("warehouse/customers", "../customers"), "policy.path", 2,
         ["path: '../customers' is not allowed", "leads out of the workspace"]),
        ("unknown purpose", "tables/customers.yaml", TABLE.replace("[support]", "[suport]"), "policy.unknown_reference",
         4, ["there is no purpose 'suport'", "Did you mean 'support'?"]),
        ("unknown kind", "tables/customers.yaml", TABLE.replace("identifies: email", "identifies: mail"),
         "policy.unknown_reference", 9, ["there is no identifier kind 'mail'", "Known: customer_id, email"]),
    ],
)  # fmt: skip
def test_each_error_names_file_line_key_given_and_allowed(tmp_path, rule, file, content, code, line, words):
    found, where, message = one_problem(tmp_path, file, content)
    reported = "tables/customers.yaml" if rule == "duplicate name" else file
    assert (found, where) == (code, f"policies/{reported}:{line}")
    for each in words:
        assert each in message


def test_all_problems_of_all_files_come_at_once(tmp_path):
    files = {
        **SOUND,
        "controller.yaml": "controller: 5\nsubject: x\n",
        "purposes/support.yaml": "purpose: support\nlegal: 1\n",
        "tables/customers.yaml": TABLE.replace("user.unique_id", "id").replace("user.account", "unknown"),
    }
    found = problems(write_policies(tmp_path / "policies", files))
    assert {(code, where) for code, where, _ in found} == {
        ("policy.type", "policies/controller.yaml:1"),
        ("policy.missing_key", "policies/controller.yaml:1"),
        ("policy.unknown_key", "policies/purposes/support.yaml:2"),
        ("policy.missing_key", "policies/purposes/support.yaml:1"),
        ("policy.unknown_category", "policies/tables/customers.yaml:11"),
        ("policy.unknown_category", "policies/tables/customers.yaml:15"),
    }


def test_long_and_hostile_values_are_bounded_and_inert(tmp_path):
    value = "<script>" + "x" * 3_000 + "; rm -rf"
    _, _, message = one_problem(tmp_path, "purposes/support.yaml", PURPOSE.replace("contract", f"'{value}'"))
    assert len(message) < 400
    assert "rm -rf" not in message


@pytest.mark.parametrize("name", ["table", "Tables", "notes.txt", "controller.yml"])
def test_what_nothing_reads_is_an_error(tmp_path, name):
    code, where, message = one_problem(tmp_path, f"{name}/x.yaml" if "." not in name else name, "a: 1\n")
    assert (code, where) == ("policy.unknown_file", f"policies/{name}")
    assert "tables" in message


@pytest.mark.parametrize("name", ["README.md", ".hidden", "tables/README.md", "tables/.swp"])
def test_notes_are_left_alone(tmp_path, name):
    load_policies(write_policies(tmp_path / "policies", {**SOUND, name: "anything: [\n"}))


@pytest.mark.parametrize("name", ["tables/customers.yaml.bak", "tables/old/customers.yaml"])
def test_files_below_a_kind_must_be_yaml(tmp_path, name):
    code, where, _ = one_problem(tmp_path, name, "a: 1\n")
    assert (code, where) == ("policy.unknown_file", f"policies/{'/'.join(name.split('/')[:2])}")


def test_a_folder_that_looks_like_a_file(tmp_path):
    folder = write_policies(tmp_path / "policies")
    (folder / "tables" / "odd.yaml").mkdir()
    assert problems(folder)[0][:2] == ("policy.unknown_file", "policies/tables/odd.yaml")


def test_no_controller_and_no_folder(tmp_path):
    folder = write_policies(tmp_path / "policies", {"purposes/support.yaml": PURPOSE})
    assert problems(folder)[0][:2] == ("policy.missing_file", "policies")
    assert problems(tmp_path / "nowhere")[0][0] == "policy.missing_file"


@pytest.mark.parametrize("link", ["tables/linked.yaml", "datasets", "controller.yaml"])
def test_links_that_leave_the_folder_are_refused(tmp_path, link):
    folder = write_policies(tmp_path / "policies")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_text("secret: content\n")
    path = folder / link
    path.unlink(missing_ok=True)
    path.symlink_to(outside if link == "datasets" else outside / "x.yaml")
    found = problems(folder)
    assert [p[:2] for p in found] == [("policy.path", f"policies/{link}")]
    assert "secret" not in str(found)


@pytest.mark.parametrize("target", ["nowhere.yaml", "loop.yaml"])
def test_links_that_lead_nowhere(tmp_path, target):
    folder = write_policies(tmp_path / "policies")
    (folder / "tables" / "loop.yaml").symlink_to(folder / "tables" / target)
    assert problems(folder)[0][:2] == ("policy.unknown_file", "policies/tables/loop.yaml")


def test_a_named_pipe_does_not_block(tmp_path):
    folder = write_policies(tmp_path / "policies")
    os.mkfifo(folder / "tables" / "pipe.yaml")
    assert problems(folder)[0][:2] == ("policy.unknown_file", "policies/tables/pipe.yaml")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("warehouse/orders", True),
        ("warehouse/a/../b", True),
        ("s3://bucket/orders", True),
        ("abfss://box@host.example/orders", True),
        ("..", False),
        ("../x", False),
        ("warehouse/../../x", False),
        (".", False),
        ("warehouse/..", False),
        ("/etc", False),
        ("~/x", False),
        ("C:\\x", False),
        ("c:/x", False),
        ("\\\\host\\share", False),
        ("a\\..\\b", False),
        ("file:///etc", False),
        ("FILE:///etc", False),
        ("s3://bucket/../other", False),
        ("link/x", False),
    ],
)
def test_table_paths_stay_below_the_workspace(tmp_path, path, allowed):
    (tmp_path / "link").symlink_to("/")
    assert (path_problem(path, tmp_path.resolve()) is None) is allowed


def _shuffled(value, order):
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    return [_shuffled(each, order) for each in value] if isinstance(value, list) else value


@settings(max_examples=settings().max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.randoms(use_true_random=False), names=st.permutations(["a", "b", "c", "d"]))
def test_law_the_fingerprint_does_not_know_files_names_or_key_order(tmp_path_factory, order, names):
    folder = tmp_path_factory.mktemp("shuffled")
    things = {**SOUND, "tables/orders.yaml": TABLE.replace("customers", "orders")}
    expected = load_policies(write_policies(tmp_path_factory.mktemp("plain"), things)).fingerprint
    yaml = YAML(typ="safe", pure=True)
    for index, (name, content) in enumerate(things.items()):
        kind, _, _ = name.rpartition("/")
        path = folder / (f"{kind}/{names[index % 4]}{index}.yaml" if kind else name)
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as out:
            yaml.dump(_shuffled(yaml.load(content), order), out)
    assert load_policies(folder).fingerprint == expected


def test_every_value_counts_in_the_fingerprint(tmp_path):
    before = load_policies(write_policies(tmp_path / "a")).fingerprint
    for file, old, new in [
        ("retention/two_years.yaml", "P2Y", "P24M"),
        ("tables/customers.yaml", "searched: true", "searched: false"),
        ("purposes/support.yaml", "Answer", "answer"),
    ]:
        changed = {**SOUND, file: SOUND[file].replace(old, new)}
        assert load_policies(write_policies(tmp_path / old, changed)).fingerprint != before


def test_comments_do_not_count_in_the_fingerprint(tmp_path):
    before = load_policies(write_policies(tmp_path / "a")).fingerprint
    commented = {name: f"# why\n\n{content}" for name, content in SOUND.items()}
    assert load_policies(write_policies(tmp_path / "b", commented)).fingerprint == before


def test_schemas_agree_with_the_loader():
    schemas = policy_schemas()
    assert set(schemas) == {
        "controller",
        "purposes",
        "recipients",
        "tables",
        "retention",
        "legal_holds",
        "exceptions",
        "datasets",
        "detection",
    }
    yaml = YAML(typ="safe", pure=True)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.load(TABLE), schemas["tables"])
    jsonschema.validate(yaml.load(CONTROLLER), schemas["controller"])
    for wrong in ("searched: 5", "serched: true"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.load(TABLE.replace("searched: true", wrong)), schemas["tables"])
