"""A workspace: the folder with `delible.yaml`, and where everything in it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ValidationError

from delible.errors import InputError, did_you_mean
from delible.model.base import Frozen
from delible.model.nlp_model import DetectionSettings, NlpModel
from delible.store.key_ring import create_keys
from delible.store.policy_problems import allowed
from delible.store.yaml_file import read_yaml

if TYPE_CHECKING:
    from delible.model.policy import TablePolicy

CONFIG_FILE = "delible.yaml"
_LARGEST_CONFIG = 16_384
_UNFIT = frozenset("[]|^%\\")
_POLICY_FOLDERS = (
    "purposes", "tables", "retention", "legal_holds", "exceptions", "detection", "datasets", "recipients",
)  # fmt: skip
_TEMPLATE = """\
# A delible workspace. Paths are relative to this file; `store` may be an object-store URI.
store: store
policies: policies
keys: keys.json          # a file with mode 0600, or env:DELIBLE_KEYS
warehouse: warehouse
releases: releases
reports: reports
lineage: lineage
outbox: outbox           # notices to recipients that are told by file
openlineage: {}          # who gets lineage events, as in openlineage.yml: {transport: {type: http, url: https://…}}
locations: []            # folders or URIs outside the workspace that table policies may name
spark: {}                # Spark settings, as strings
detection:
  nlp: shipped           # finds people and places in free text; or: none, {engine: spacy, model: en_core_web_lg}
"""


class WorkspaceConfig(Frozen):
    """The content of `delible.yaml`.

    Args:
        store: Root of the control plane's Delta tables: relative path or URI.
        outbox: Folder for notices to recipients that are told by file.
        keys: Key file (it may lie outside the workspace, apart from the data), or `env:NAME`.
        openlineage: Who gets lineage events besides the workspace's own folder, as the OpenLineage client's file says
            it; a key for it belongs into the environment, as OPENLINEAGE__TRANSPORT__AUTH.
        locations: Folders or URI prefixes outside the workspace that table policies may name.
        spark: Spark settings.
        detection: Which model finds people and places in free text.
    """

    store: str = "store"
    policies: str = "policies"
    keys: str = "keys.json"
    warehouse: str = "warehouse"
    releases: str = "releases"
    reports: str = "reports"
    lineage: str = "lineage"
    outbox: str = "outbox"
    openlineage: dict[str, Any] = {}
    locations: tuple[str, ...] = ()
    spark: dict[str, str] = {}
    detection: DetectionSettings = DetectionSettings()


@dataclass(frozen=True)
class Workspace:
    """An opened workspace."""

    root: Path
    config: WorkspaceConfig

    def path(self, relative: str | Path) -> Path:
        """Return a path inside the workspace, symbolic links resolved.

        Raises:
            InputError: `workspace.path_escapes` when it leads out of the workspace.
        """
        text = str(relative)
        found = _resolved(self.root / text)
        if found is not None and found.is_relative_to(self.root):
            return found
        raise InputError(
            "workspace.path_escapes",
            f"the path '{text}' leads out of the workspace.",
            where=str(self.root / CONFIG_FILE),
            fix="Name a path below the workspace's folder.",
        )

    def location(self, table: TablePolicy) -> str:
        """Return where a table's folder is: an absolute path, or the URI as the policy gives it.

        Raises:
            InputError: `workspace.path_escapes` when it is neither inside the workspace nor below one of `locations`;
                `workspace.path_reserved` when it would be the control plane, keys or policies themselves.
        """
        where = f"table {table.table}"
        if _is_remote(table.path):
            if not any(_below(table.path, allowed) for allowed in self.config.locations):
                raise _not_allowed(table.path, where)
            return table.path.rstrip("/")
        found = _resolved(self.root / _local(table.path))
        folders = (self._folder(x) for x in self.config.locations if not _is_remote(x))
        allowed_roots = (self.root, *(x for x in folders if x is not None))
        if found is None or not any(found.is_relative_to(x) for x in allowed_roots):
            raise _not_allowed(table.path, where)
        if any(found.is_relative_to(x) or x.is_relative_to(found) for x in self._reserved()):
            raise InputError(
                "workspace.path_reserved",
                f"the path '{table.path}' covers the workspace's own files.",
                where=where,
                fix="Put tables into the warehouse folder.",
            )
        return str(found)

    def store_table(self, name: str) -> str:
        """Return the location of one control-plane table: an absolute path or a URI."""
        if _is_remote(self.config.store):
            return f"{self.config.store.rstrip('/')}/{name}"
        return str(self.path(self.config.store) / name)

    @property
    def nlp(self) -> NlpModel:
        """The model that finds people and places; a folder in the workspace under its whole path."""
        choice = self.config.detection.nlp
        if choice.model and (folder := self.root / choice.model).is_dir():
            return choice.model_copy(update={"model": str(folder.resolve())})
        return choice

    @property
    def scratch(self) -> Path:
        """Folder for Spark's shuffle and spill files, readable by its owner only."""
        hidden = self.root / ".delible"
        folder = hidden / "scratch"
        for each in (hidden, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _folder(self, text: str) -> Path | None:
        return _resolved(self.root / _local(text))

    def _reserved(self) -> tuple[Path, ...]:
        own = [CONFIG_FILE, ".delible", self.config.policies, self.config.reports]
        own += [self.config.releases, self.config.lineage]
        own += [x for x in (self.config.store, self.config.keys) if not _is_remote(x) and not x.startswith("env:")]
        return tuple(x for x in map(self._folder, own) if x is not None)


def open_workspace(path: str | Path) -> Workspace:
    """Return the workspace in a folder.

    Raises:
        InputError: `workspace.missing` without `delible.yaml`; `workspace.invalid` with file, line and key;
            `workspace.name` for a folder that Delta cannot work in;
            `workspace.path_escapes` when a folder, or that of the certificates, is a link that leads out.
    """
    root = _root(path)
    file = root / CONFIG_FILE
    try:
        raw = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            "workspace.missing",
            f"there is no {CONFIG_FILE} here.",
            where=str(root),
            fix="Give --workspace DIR, or make a workspace with: delible init DIR",
        ) from None
    except OSError as error:
        raise InputError("workspace.invalid", f"the file cannot be read: {error.strerror}.", where=str(file)) from None
    if len(raw) > _LARGEST_CONFIG:
        raise InputError("workspace.invalid", f"the file is larger than {_LARGEST_CONFIG} bytes.", where=str(file))
    workspace = Workspace(root, _parsed(raw, file))
    _check_folders(workspace, file)
    # Written to when an erasure ends: by then it is too late to refuse.
    workspace.path(f"{workspace.config.reports}/certificates")
    return workspace


def create_workspace(path: str | Path) -> Workspace:
    """Make a workspace: `delible.yaml`, keys, and empty policy folders.

    Raises:
        InputError: `workspace.exists` when the folder already is one; nothing is overwritten.
    """
    root = _root(path)
    config = WorkspaceConfig()
    file = root / CONFIG_FILE
    for taken in (file, root / config.keys):
        if taken.exists():
            raise InputError(
                "workspace.exists", f"{taken.name} is already here.", where=str(root), fix="Choose another folder."
            )
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in _POLICY_FOLDERS:
            (root / config.policies / folder).mkdir(parents=True, exist_ok=True)
        create_keys(root / config.keys)
        with file.open("x", encoding="utf-8") as out:
            out.write(_TEMPLATE)
    except OSError as error:
        raise InputError(
            "workspace.invalid", f"the folder cannot be made: {error.strerror}.", where=str(root)
        ) from None
    return Workspace(root, config)


def _root(path: str | Path) -> Path:
    """Return a workspace's own folder.

    delta-rs ends the process over some signs in a table's path, and follows others to another folder (1.6).
    """
    root = Path(path).resolve()
    if not str(root).isprintable() or _UNFIT & set(str(root)):
        raise InputError(
            "workspace.name",
            f"Delta cannot work in a folder whose path holds one of {' '.join(sorted(_UNFIT))} or an unprintable sign.",
            where="--workspace",
            fix="Choose another folder.",
        )
    return root


def _parsed(raw: bytes, file: Path) -> WorkspaceConfig:
    document = read_yaml(raw)
    if document.flaws:
        flaw = document.flaws[0]
        key = f"key '{'.'.join(map(str, flaw.path))}': " if flaw.path else ""
        raise InputError("workspace.invalid", f"{key}{flaw.message}", where=f"{file}:{flaw.line}")
    if document.value is None:
        return WorkspaceConfig()
    if not isinstance(document.value, dict):
        raise InputError("workspace.invalid", "the file must hold keys and values.", where=f"{file}:1")
    try:
        return WorkspaceConfig.model_validate(document.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        raise InputError(
            "workspace.invalid",
            f"key '{key}': {'unknown key' if unknown else f'give {allowed(first)}'}.",
            where=f"{file}:{document.line(first['loc'])}",
            fix=_allowed_keys(first["loc"]) if unknown else None,
        ) from None


def _allowed_keys(place: tuple[int | str, ...]) -> str:
    """Return which keys may stand where an unknown one stands, and the one that may have been meant."""
    model: type[BaseModel] = WorkspaceConfig
    for part in place[:-1]:
        kind = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not isinstance(kind, type) or not issubclass(kind, BaseModel):
            break
        model = kind
    return f"Allowed: {', '.join(model.model_fields)}.{did_you_mean(str(place[-1]), model.model_fields)}"


def _check_folders(workspace: Workspace, file: Path) -> None:
    config = workspace.config
    folders = {name: getattr(config, name) for name in ("policies", "releases", "reports", "lineage", "outbox")}
    folders |= {name: value for name in ("store", "warehouse") if not _is_remote(value := getattr(config, name))}
    for name, value in folders.items():
        if not value or workspace.path(value) == workspace.root:
            raise InputError("workspace.invalid", f"key '{name}': must name a folder.", where=str(file))


def _is_remote(text: str) -> bool:
    return "://" in text and not text.startswith("file://")


def _resolved(path: Path) -> Path | None:
    """Return a path with its links followed; None for what no path can be, such as a link to itself."""
    if "\x00" in str(path):
        return None
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return None


def _local(text: str) -> str:
    return unquote(urlsplit(text).path) if text.startswith("file://") else text


def _below(uri: str, allowed: str) -> bool:
    if not _is_remote(allowed) or any(part in ("..", ".") for part in unquote(uri).split("/")):
        return False
    return uri == allowed.rstrip("/") or uri.startswith(allowed.rstrip("/") + "/")


def _not_allowed(path: str, where: str) -> InputError:
    return InputError(
        "workspace.path_escapes",
        f"the path '{path}' leads out of the workspace.",
        where=where,
        fix=f"Name a path below the workspace's folder, or allow its folder under `locations` in {CONFIG_FILE}.",
    )
