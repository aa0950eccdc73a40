"""The house rules that a tool can check."""

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "delible"
MODULES = sorted(SOURCE.rglob("*.py"))
SOFT_CAP, HARD_CAP = 300, 400
TEST_CAP = 500

WORDS = r"(users?|scrub\w*|wip(?:e|es|ed|ing)|managers?|helpers?|utils)"
AVOIDED = re.compile(rf"\b{WORDS}\b(?!\.[*a-z])", re.IGNORECASE)
"""`user.contact.email` and its like are keys of the data-category taxonomy."""
AVOIDED_IN_NAMES = re.compile(
    r"(?:^|_)(users?|scrub\w*|wip(?:e|es|ed|ing)|managers?|helpers?|utils)(?:_|$)", re.IGNORECASE
)
FOREIGN = re.compile(r"/(?:work|root|home/[a-z]+|tmp/w)/|https?://[\w.-]*(?:pypi|maven|artifact|nexus)[\w.-]*")
CLOSED = {"_jvm", "_jsparkSession", "_jdf", "sparkContext", "rdd"}
TEXTS = ("*.md", "*.toml", "Makefile", "*.lock", "benchmarks/*", "jobs/*", "policies/**/*", "src/**/*", "tests/**/*.py")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_layers_import_downwards_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    assert "0 broken" in answer.stdout


PLANTED = {
    "model/base.py": "import delible.decide\nimport pathlib",
    "store/keys.py": "import delible.lake.jdk",
    "lake/jdk.py": "import delible.store.keys\nimport presidio_analyzer",
    "report/__init__.py": "import delible.detect",
    "workflows/__init__.py": "import pyspark",
    "cli/context.py": "import deltalake",
}


def test_a_wrong_import_breaks_a_contract(tmp_path: Path) -> None:
    """The contracts can fail: each kind of wrong import, planted in a copy, is found."""
    package = tmp_path / "src" / "delible"
    for path in MODULES:
        copy = package / path.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(f"{path.read_text()}\n{PLANTED.get(str(path.relative_to(SOURCE)), '')}\n")
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [linter, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert "0 kept, 5 broken" in answer.stdout
    for module, lines in PLANTED.items():
        importer = "delible." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for line in lines.splitlines():
            assert f"{importer} -> {line.removeprefix('import ')}" in answer.stdout


def test_workflows_name_types_of_spark_and_import_nothing_of_it() -> None:
    found = []
    for path in sorted((SOURCE / "workflows").glob("*.py")):
        nodes = list(ast.walk(_tree(path)))
        typing_only = {id(each) for node in nodes if _is_type_checking(node) for each in ast.walk(node)}
        found += [f"{relative(path)}:{n.lineno}" for n in nodes if _imports_spark(n) and id(n) not in typing_only]
    assert not found


def test_a_module_is_short() -> None:
    lines = {relative(path): len(path.read_text().splitlines()) for path in MODULES}
    for name, count in lines.items():
        if count > SOFT_CAP:
            warnings.warn(f"{name} has {count} lines; {SOFT_CAP} is the soft cap", stacklevel=1)
    assert not [name for name, count in lines.items() if count > HARD_CAP]


def test_a_test_module_is_short() -> None:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    assert not [relative(path) for path in paths if len(path.read_text().splitlines()) > TEST_CAP]


def test_what_spark_connect_lacks_is_used_in_one_module_of_lake_at_most() -> None:
    using = {relative(p) for p in MODULES for node in ast.walk(_tree(p)) if _name(node) in CLOSED}
    assert len(using) <= 1, using
    assert all(name.startswith("src/delible/lake/") for name in using)


def test_words_that_the_glossary_avoids() -> None:
    """Checked in names and in docstrings; other strings may have to spell what a library spells."""
    found = [(relative(path), name) for path in MODULES for name in _names(path) if AVOIDED_IN_NAMES.search(name)]
    docstrings = [(relative(path), text) for path in MODULES for text in _docstrings(path)]
    found += [(name, match.group()) for name, text in docstrings for match in AVOIDED.finditer(text)]
    assert not found


def test_decisions_are_numbered_as_they_stand() -> None:
    decisions, _, rest = (ROOT / "ARCHITECTURE.md").read_text().partition("\n## Decisions\n")[2].partition("\n## ")
    numbers = [int(n) for n in re.findall(r"(?m)^([0-9]+)\. ", decisions)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not re.findall(r"(?m)^[0-9]+\. ", rest), "a decision stands under another heading"


def test_no_file_names_a_machine_or_a_registry() -> None:
    paths = {path for pattern in TEXTS for path in ROOT.glob(pattern) if path.is_file()} - {Path(__file__)}
    texts = [path for path in sorted(paths) if path.suffix not in {".pyc", ".parquet"}]
    assert len(texts) > len(MODULES)
    found = [(relative(path), FOREIGN.search(path.read_text(errors="replace"))) for path in texts]
    assert not [(name, match.group()) for name, match in found if match]


@pytest.mark.parametrize("folder", ["model", "decide", "plan", "report"])
def test_the_pure_core_reads_no_clock(folder: str) -> None:
    reading = [
        f"{relative(path)}:{node.lineno}"
        for path in sorted((SOURCE / folder).rglob("*.py"))
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and _name(node.func) in {"now", "utcnow", "today", "environ", "getenv"}
    ]
    assert not reading


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports_spark(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(name.name.split(".")[0] == "pyspark" for name in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] == "pyspark"
    return False


def _name(node: ast.AST) -> str | None:
    return node.attr if isinstance(node, ast.Attribute) else None


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            yield text
