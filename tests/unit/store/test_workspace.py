from pathlib import Path

import pytest

from delible.errors import InputError
from delible.model.nlp_model import NO_MODEL, SHIPPED
from delible.model.policy import ColumnPolicy, TablePolicy
from delible.store.workspace import CONFIG_FILE, Workspace, create_workspace, open_workspace


def table(path: str) -> TablePolicy:
    return TablePolicy(
        table="orders",
        path=path,
        description="Orders.",
        no_subject="synthetic",
        columns={"id": ColumnPolicy(category="system.operations")},
    )


def refused(code: str) -> object:
    return pytest.raises(InputError, check=lambda error: error.code == code)


def test_a_created_workspace_opens_and_is_not_overwritten(tmp_path: Path) -> None:
    made = create_workspace(tmp_path / "w")
    assert open_workspace(tmp_path / "w") == made
    assert (made.root / "keys.json").stat().st_mode & 0o777 == 0o600
    assert made.path("policies/tables").is_dir()
    before = (made.root / "keys.json").read_bytes()
    with refused("workspace.exists"):
        create_workspace(tmp_path / "w")
    assert (made.root / "keys.json").read_bytes() == before


def test_a_folder_without_a_file_is_no_workspace(tmp_path: Path) -> None:
    with refused("workspace.missing"):
        open_workspace(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("store: s\nfoo: 3\n", 2, "key 'foo'"),
        ("store: s\n\nspark:\n  a: 1\n", 4, "key 'spark.a'"),
        ("warehous: x\n", 1, "Did you mean 'warehouse'?"),
        ("detection: {nlpp: none}\n", 1, "Allowed: nlp. Did you mean 'nlp'?"),
        ("store: 3\n", 1, "key 'store': give text"),
        ("spark: x\n", 1, "key 'spark': give keys and values"),
        ("locations: x\n", 1, "key 'locations': give a list"),
        ("store: [1\n", None, "YAML"),
        ("- a\n", 1, "keys and values"),
        ("store: ../elsewhere\n", None, "leads out"),
        ("store: ''\n", None, "key 'store'"),
        ("spark: " + "[" * 4_000, None, ""),
        ("store: " + "x" * 100_000, None, "larger"),
        ("store: \x00\n", 1, "U+0000"),
        ("store: a\nstore: b\n", 2, "second time"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_key(tmp_path: Path, text: str, line: int | None, says: str) -> None:
    create_workspace(tmp_path / "w")
    (tmp_path / "w" / CONFIG_FILE).write_text(text)
    with pytest.raises(InputError) as caught:
        open_workspace(tmp_path / "w")
    assert says in str(caught.value)
    assert len(str(caught.value)) < 1_000
    if line is not None:
        assert (caught.value.where or "").endswith(f"{CONFIG_FILE}:{line}")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "link/x", "a\x00b"])
def test_a_path_that_leaves_the_workspace_is_refused(workspace: Workspace, tmp_path: Path, path: str) -> None:
    (workspace.root / "link").symlink_to(tmp_path)
    with refused("workspace.path_escapes"):
        workspace.path(path)
    with refused("workspace.path_escapes"):
        workspace.location(table(path))


@pytest.mark.parametrize("folder", ["reports", "reports/certificates", "releases", "lineage", "store", "warehouse"])
def test_a_folder_that_leads_out_of_the_workspace_is_refused_before_anything_is_done(
    workspace: Workspace, tmp_path: Path, folder: str
) -> None:
    link = workspace.root / folder
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path)
    with refused("workspace.path_escapes"):
        open_workspace(workspace.root)
    link.unlink()
    (workspace.root / "inside").mkdir()
    link.symlink_to(workspace.root / "inside")
    assert open_workspace(workspace.root) == workspace


@pytest.mark.parametrize("path", ["store", "store/audit", ".", "policies", ".delible/scratch", "keys.json"])
def test_a_table_may_not_cover_the_workspaces_own_files(workspace: Workspace, path: str) -> None:
    with refused("workspace.path_reserved"):
        workspace.location(table(path))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("s3://lake/sales/orders", True),
        ("s3://lake/sales/../hr", False),
        ("s3://lake/sales/%2e%2e/hr", False),
        ("s3://lake/sales-old/orders", False),
        ("s3://other/orders", False),
        ("/data/tables/orders", True),
        ("file:///data/tables/orders", True),
        ("/data/tables/../x", False),
        ("warehouse/orders", True),
    ],
)
def test_a_table_lies_in_the_workspace_or_below_an_allowed_location(
    workspace: Workspace, path: str, allowed: bool
) -> None:
    config = workspace.config.model_copy(update={"locations": ("s3://lake/sales", "/data/tables")})
    opened = Workspace(workspace.root, config)
    if allowed:
        assert opened.location(table(path)).endswith("orders")
    else:
        with refused("workspace.path_escapes"):
            opened.location(table(path))


def test_the_model_is_chosen_in_the_workspaces_file(tmp_path: Path) -> None:
    assert create_workspace(tmp_path / "w").nlp == SHIPPED
    assert open_workspace(tmp_path / "w").nlp == SHIPPED
    (tmp_path / "w" / "delible.yaml").write_text("detection: {nlp: none}\n")
    assert open_workspace(tmp_path / "w").nlp == NO_MODEL
    (tmp_path / "w" / "models" / "own").mkdir(parents=True)
    (tmp_path / "w" / "delible.yaml").write_text("detection:\n  nlp: {engine: spacy, model: models/own}\n")
    assert open_workspace(tmp_path / "w").nlp.model == str((tmp_path / "w" / "models" / "own").resolve())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("detection:\n  nlp: spacy\n", 2),
        ("detection:\n  nlp:\n    engine: spacey\n", 3),
        ("detection:\n  model: x\n", 2),
    ],
)
def test_a_wrong_choice_of_a_model_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "delible.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        open_workspace(tmp_path)
    assert caught.value.code == "workspace.invalid"
    assert caught.value.where == f"{tmp_path / 'delible.yaml'}:{line}"
    assert "detection" in caught.value.message


def test_the_scratch_folder_is_its_owners_only(workspace: Workspace) -> None:
    assert workspace.scratch.stat().st_mode & 0o777 == 0o700
