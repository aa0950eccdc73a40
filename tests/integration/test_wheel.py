"""What `pip install delible` brings: all of the package, nothing else, and it works on its own."""

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import delible

ROOT = Path(__file__).parents[2]
SOURCE, SHOP = ROOT / "src" / "delible", ROOT / "policies" / "shop"
MODEL_SUFFIXES = {"", ".bin", ".cfg", ".md"}
FOREIGN = {"tests", "demo", "spark-warehouse", ".delible", "keys.json"}
SUFFIXES = {".py", ".xz", ".typed", ".properties", ".j2", ".css", ".json", ".yaml", ".ttf", *MODEL_SUFFIXES}
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from delible.cli.main import run; run()"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build with the installed backend, as `pip wheel --no-build-isolation` does; no network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [made] = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "unpacked")
    return wheel.parent / "unpacked"


def run(unpacked: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command from the wheel's files; only its dependencies come from this environment."""
    command = [sys.executable, "-I", "-c", RUN, str(unpacked), *words]
    return subprocess.run(command, cwd=unpacked.parent, capture_output=True, text=True, check=False, timeout=60)


def files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(folder))


def test_the_wheel_holds_the_package_and_the_demos_policies_and_nothing_else(unpacked: Path) -> None:
    info = f"delible-{delible.__version__}.dist-info"
    expected = {f"delible/{name}" for name in files(SOURCE)} | {f"delible/shop/{name}" for name in files(SHOP)}
    assert {name for name in files(unpacked) if not name.startswith(f"{info}/")} == expected
    assert {Path(name).suffix for name in expected} == SUFFIXES
    ours = [name for name in expected if not name.startswith("delible/shop/tests/")]  # the demo's policy tests
    assert FOREIGN.isdisjoint(part for name in ours for part in Path(name).parts)
    assert (unpacked / info / "licenses" / "LICENSE").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "detect/model/README.md",
        "detect/model/config.cfg",
        "detect/model/ner/model",
        "lake/log4j2.properties",
        "report/templates/certificate.html.j2",
        "report/templates/style.css",
        "schemas/facets/1-0-0/delible_erasure.json",
        "report/templates/lineage.svg.j2",
        "schemas/facets/1-0-0/delible_rectification.json",
        "schemas/facets/1-0-0/delible_request.json",
        "shop/controller.yaml",
        "shop/tables/customers.yaml",
    ],
)
def test_what_is_not_python_is_in_it(unpacked: Path, name: str) -> None:
    assert (unpacked / "delible" / name).is_file()


def test_the_wheel_and_the_package_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == delible.__version__


def test_the_wheels_model_finds_people_and_places(unpacked: Path) -> None:
    own = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from delible.detect.findings import find; "
        "print(sorted(f.entity for f in find('Spoke to Anna Lopez in London about the invoice.')))"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", own, str(unpacked)], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout == "['LOCATION', 'PERSON']\n"


def test_only_model_and_fonts_are_binary_and_the_wheel_stays_small(wheel: Path, unpacked: Path) -> None:
    without_suffix = {name for name in files(SOURCE) if not Path(name).suffix}
    assert all(name.startswith("detect/model/") for name in without_suffix)
    assert wheel.stat().st_size < 15_000_000


def test_the_wheel_answers_makes_a_workspace_and_reports_from_its_own_files(unpacked: Path, tmp_path: Path) -> None:
    own = "import sys; sys.path.insert(0, sys.argv.pop(1)); import delible; print(delible.__file__)"
    asked = subprocess.run(
        [sys.executable, "-I", "-c", own, str(unpacked)], capture_output=True, text=True, check=True, timeout=60
    )
    assert Path(asked.stdout.strip()).is_relative_to(unpacked)
    assert run(unpacked, "--version").stdout == f"delible {delible.__version__}\n"

    workspace = tmp_path / "w"
    made = run(unpacked, "init", str(workspace))
    assert made.returncode == 0, made.stderr
    assert (workspace / "delible.yaml").is_file()
    (workspace / "policies" / "controller.yaml").write_bytes(
        (unpacked / "delible" / "shop" / "controller.yaml").read_bytes()
    )
    reported = run(unpacked, "report", "audit", "--workspace", str(workspace))
    assert reported.returncode == 0, reported.stderr
    assert list((workspace / "reports").glob("audit-*.html"))
