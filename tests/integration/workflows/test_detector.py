"""What a scan's evidence is bound to: the model's own files, whatever the model is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from delible.detect import model_files
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, NlpModel
from delible.store.workspace import Workspace
from delible.workflows.scanning import detector_of
from policy_files import write_policies

QUICK = (["tags", "list"], ["policy", "check"], ["request", "list"], ["audit", "verify"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    for name, content in (("config.cfg", "a"), ("ner/model", "weights"), ("README.md", "card"), ("x/y.pyc", "code")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content)
    return made


@pytest.mark.parametrize(
    ("file", "other"), [("ner/model", True), ("config.cfg", True), ("README.md", False), ("x/y.pyc", False)]
)
@pytest.mark.parametrize("engine", ["shipped", "spacy", "transformers"])
def test_a_retrained_model_is_another_detector(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str, file: str, other: bool
) -> None:
    nlp = NlpModel(engine=engine, model=None if engine == "shipped" else str(folder))
    if engine == "shipped":
        monkeypatch.setattr(model_files, "SHIPPED_FOLDER", folder)
    before = detector_of(Detection(nlp=nlp))
    assert detector_of(Detection(nlp=nlp)) == before
    (folder / file).write_text("trained anew")
    assert (detector_of(Detection(nlp=nlp)) != before) is other


def test_an_installed_package_is_known_by_its_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder.parent))
    detection = Detection(nlp=NlpModel(engine="spacy", model="model"))
    before = detector_of(detection)
    (folder / "ner/model").write_text("trained anew")
    assert detector_of(detection) != before


def test_without_a_model_no_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "digest", pytest.fail)
    assert detector_of(Detection(nlp=NO_MODEL))
    assert detector_of(Detection(nlp=NO_MODEL), exact=True) != detector_of(Detection(nlp=NO_MODEL))


def test_quick_commands_read_no_model(workspace: Workspace) -> None:
    write_policies(workspace.root / "policies")
    script = (
        "import sys\nread = []\n"
        "sys.addaudithook(lambda e, a: read.append(str(a[0])) if e == 'open' and 'detect/model/' in str(a[0]) else 0)\n"
        "from delible.cli.main import main\n"
        f"for words in {QUICK!r}:\n    main([*words, '--workspace', {str(workspace.root)!r}])\n"
        "assert not read, read\nfrom delible.model.nlp_model import SHIPPED\n"
        "from delible.detect.model_files import model_digest\nmodel_digest(SHIPPED)\nassert read"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
