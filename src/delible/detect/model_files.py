"""Where models are, and whether the configured one is there, without loading it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest, sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from delible.errors import InputError
from delible.model.nlp_model import NlpModel

SHIPPED_FOLDER = Path(__file__).parent / "model"
CARD = "README.md"

_WHERE = "delible.yaml: detection.nlp"
_OTHERS = "or choose another model: `shipped` comes with delible, and `none` looks for patterns only."
_NEEDS = {"transformers": ("transformers", "torch"), "gliner": ("gliner",)}


def check_installed(choice: NlpModel) -> None:
    """Refuse a configured model that is not on this machine; quick, and nothing is loaded.

    Raises:
        InputError: `detect.model_missing`, with the way to get it.
    """
    lacking = [name for name in _NEEDS.get(choice.engine, ()) if find_spec(name) is None]
    if lacking:
        names = " ".join(lacking)
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


def digest(folder: Path | None = None) -> str:
    """Return the SHA-256 over names and contents of a model's files, the shipped one's by default, without its card."""
    total = sha256()
    folder = folder or SHIPPED_FOLDER
    for file in _files(folder):
        total.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        with file.open("rb") as content:
            total.update(file_digest(content, "sha256").digest())
    return total.hexdigest()


def model_digest(choice: NlpModel) -> str:
    """Return what tells the configured model from another of the same name: SHA-256 over its files; empty without one.

    All of the files are read, which nobody should wait for who does not read texts. Of a model that is known by its
    name in a cache of another library's, its name is all there is.
    """
    if choice.engine == "none":
        return ""
    own = digest() if choice.engine in ("shipped", "transformers") else ""  # whose tokens transformers are read by
    folder = _folder(str(choice.model)) if choice.model is not None else None
    return own + (digest(folder) if folder is not None else "")


def _folder(name: str) -> Path | None:
    if Path(name).is_dir():
        return Path(name)
    found = find_spec(name) if name.isidentifier() else None
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) if places else None


def _files(folder: Path) -> Iterator[Path]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != CARD)
    yield from (file for file in files if file.suffix != ".pyc")


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
