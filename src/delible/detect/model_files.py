"""Where models are, and whether the configured one is there, without loading it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from delible.errors import InputError
from delible.model.nlp_model import NlpModel

SHIPPED_FOLDER = Path(__file__).parent / "model"
CARD = "README.md"

_WHERE = "delible.yaml: detection.nlp"
_OTHERS = "or choose another model: `shipped` comes with delible, and `none` looks for patterns only."
_NEEDS = {"transformers": ("transformers", "torch", "spacy_huggingface_pipelines"), "gliner": ("gliner",)}
_PACKAGES = {"spacy_huggingface_pipelines": "spacy-huggingface-pipelines"}


def check_installed(choice: NlpModel) -> None:
    """Refuse a configured model that is not on this machine; quick, and nothing is loaded.

    Raises:
        InputError: `detect.model_missing`, with the way to get it.
    """
    lacking = [name for name in _NEEDS.get(choice.engine, ()) if find_spec(name) is None]
    if lacking:
        names = " ".join(_PACKAGES.get(name, name) for name in lacking)
        raise _missing(f"engine '{choice.engine}' needs packages that are not installed.", f"pip install {names}")
    if choice.engine == "shipped" and not (SHIPPED_FOLDER / "meta.json").is_file():
        raise _missing("the model that delible carries is not there.", "install delible anew")
    if choice.engine == "spacy" and not _is_spacy_model(str(choice.model)):
        raise _missing(
            f"the spaCy model '{choice.model}' is not installed.", f"python -m spacy download {choice.model}"
        )


def unfit(choice: NlpModel, why: str) -> InputError:
    """Return the error for a model that is there and cannot be used."""
    name = choice.model or "that delible carries"
    how = "Put it into the local cache, or name its folder" if choice.engine in _NEEDS else "Install it anew"
    return InputError("detect.model_unfit", f"the model '{name}' {why}.", where=_WHERE, fix=f"{how}, {_OTHERS}")


def digest(folder: Path = SHIPPED_FOLDER) -> str:
    """Return the SHA-256 over the names and contents of a model's files; its card is none of them."""
    total = sha256()
    for file in _files(folder):
        total.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        total.update(sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    yield from (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != CARD)


def _is_spacy_model(name: str) -> bool:
    if (Path(name) / "config.cfg").is_file():
        return True
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _missing(what: str, get: str) -> InputError:
    return InputError("detect.model_missing", what, where=_WHERE, fix=f"Get it with `{get}`, {_OTHERS}")
