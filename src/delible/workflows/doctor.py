"""Is this machine fit to run delible? Every check with what was found and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from delible import __version__
from delible.decide.detection import detection_of
from delible.detect import database
from delible.detect.model_files import check_installed
from delible.errors import DelibleError, InputError, Problem, SetupError
from delible.lake.bucket_jars import bucket_jar_folder, bucket_jars
from delible.lake.class_archive import archive_path, make_archive
from delible.lake.jdk import delta_jars, jar_folder, java_version
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.store.keys import load_keys
from delible.store.policies import load_policies
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.detection import detection_for
from delible.workflows.policies import shipped_policies

_OLDEST_PYTHON = (3, 11)
_CORE = ("deltalake", "pyarrow", "pydantic", "presidio-analyzer", "presidio-anonymizer", "openlineage-python")
_SPARK = {"pyspark": ("4.0", "4.1", "4.2"), "delta-spark": ("4.0", "4.1", "4.2", "4.3", "4.4")}
_UNPUBLISHED_DELTA = "4.4.1"
_ADD_SPARK = "Install it with: pip install 'delible[spark]'"


class Health(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        found: What is there, without secrets.
        fix: What to do about it, unless all is well.
    """

    name: str
    health: Health
    found: str
    fix: str | None = None


def examine(folder: Path, *, fetch: bool = False, s3: bool = False, warm: bool = False) -> tuple[Check, ...]:
    """Return all checks on this machine and on the workspace in a folder.

    Starts no JVM but `java -version`, unless `fetch` asks for Delta JARs that are not cached yet, or `warm` for an
    archive of Spark's classes and the database of patterns.

    Args:
        s3: Look at the JARs for tables in buckets, too.
    """
    packages = [_package(name) for name in _CORE]
    spark = [_spark_package(name) for name in _SPARK]
    java = _java()
    ready = all(check.health is not Health.BROKEN for check in (*spark, java))
    jars = [_jars(fetch=fetch), *([_bucket_jars(fetch=fetch)] if s3 else []), _classes(warm=warm)] if ready else []
    return (_own(), _python(), *packages, *spark, java, *jars, _patterns(folder, warm=warm), *_workspace(folder))


def broken(checks: tuple[Check, ...]) -> DelibleError | None:
    """Return the error that names everything broken; None when nothing is."""
    problems = tuple(
        Problem(f"doctor.{check.name.replace(' ', '_')}", f"{check.found} {check.fix or ''}".strip(), check.name)
        for check in checks
        if check.health is Health.BROKEN
    )
    return SetupError("doctor.broken", "this installation cannot work.", problems=problems) if problems else None


def _own() -> Check:
    return Check("delible", Health.OK, __version__)


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Check("python", Health.BROKEN, found, "delible needs Python 3.11 or newer.")
    return Check("python", Health.OK, found)


def _package(name: str) -> Check:
    try:
        return Check(name, Health.OK, version(name))
    except PackageNotFoundError:
        return Check(name, Health.BROKEN, "not installed.", "Install delible again: pip install delible")


def _spark_package(name: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, Health.BROKEN, "not installed.", _ADD_SPARK)
    if name == "delta-spark" and found == _UNPUBLISHED_DELTA:
        return Check(name, Health.BROKEN, found, "Its JAR was never published: pip install delta-spark==4.4.0")
    if not found.startswith(tuple(f"{known}." for known in _SPARK[name])):
        return Check(name, Health.NOTE, found, f"Not tried; known to work: {', '.join(_SPARK[name])}.")
    return Check(name, Health.OK, found)


def _java() -> Check:
    try:
        return Check("jdk", Health.OK, str(java_version()))
    except SetupError as error:
        return Check("jdk", Health.BROKEN, error.message, error.fix)


def _jars(*, fetch: bool) -> Check:
    if fetch:
        try:
            delta_jars()
        except SetupError as error:
            return Check("delta jars", Health.BROKEN, error.message, error.fix)
    folder = jar_folder()
    count = len(list(folder.glob("*.jar")))
    if count:
        return Check("delta jars", Health.OK, f"{count} in {folder}")
    if folder.is_dir():
        return Check("delta jars", Health.BROKEN, f"{folder} is empty.", "Remove it, and run: delible doctor --fetch")
    return Check("delta jars", Health.NOTE, "not cached yet.", "Fetched when first needed, or with: doctor --fetch")


def _bucket_jars(*, fetch: bool) -> Check:
    if fetch:
        try:
            bucket_jars()
        except SetupError as error:
            return Check("s3 jars", Health.BROKEN, error.message, error.fix)
    folder = bucket_jar_folder()
    count = len(list(folder.glob("*.jar")))
    if count:
        return Check("s3 jars", Health.OK, f"{count} in {folder}")
    return Check("s3 jars", Health.NOTE, "not cached yet.", "Fetched when first needed, or with: doctor --fetch --s3")


def _classes(*, warm: bool) -> Check:
    if warm:
        make_archive()
    archive = archive_path()
    if archive is not None:
        return Check("class archive", Health.OK, str(archive))
    return Check("class archive", Health.NOTE, "none, so Spark starts about 5 s later.", "Make one with: doctor --warm")


def _patterns(folder: Path, *, warm: bool) -> Check:
    """Look for databases of Hyperscan's; which patterns they are for, only loading all recognizers would tell."""
    if find_spec("hyperscan") is None:
        slower = "Hyperscan is not installed, so scans take two to three times as long."
        return Check("patterns", Health.NOTE, slower, "Install it with: pip install 'delible[fast]'")
    if warm:
        database.warm(_looked_for(folder))
    kept = database.all_kept()
    if kept:
        return Check("patterns", Health.OK, f"{len(kept)} compiled in {kept[0].parent}")
    return Check("patterns", Health.NOTE, "none compiled, so a first scan takes 10-20 s more.", "Do it: doctor --warm")


def _looked_for(folder: Path) -> Iterator[Detection]:
    """Yield what is looked for without policies, in the demo and in the workspace; what is broken is told elsewhere."""
    yield DEFAULT_DETECTION
    with suppress(DelibleError):
        yield detection_of(load_policies(shipped_policies()))
    with suppress(DelibleError):
        yield detection_for(open_workspace(folder))


def _workspace(folder: Path) -> list[Check]:
    try:
        workspace = open_workspace(folder)
    except InputError as error:
        if error.code == "workspace.missing":
            return [Check("workspace", Health.NOTE, "none here.", error.fix)]
        return [Check("workspace", Health.BROKEN, str(error))]
    return [Check("workspace", Health.OK, str(workspace.root)), _keys(workspace), _model(workspace)]


def _keys(workspace: Workspace) -> Check:
    try:
        keys = load_keys(workspace)
    except DelibleError as error:
        return Check("keys", Health.BROKEN, error.message, error.fix)
    return Check("keys", Health.OK, f"{keys.key_id}, version {keys.version}, in {workspace.config.keys}")


def _model(workspace: Workspace) -> Check:
    chosen = workspace.nlp
    try:
        check_installed(chosen)
    except InputError as error:
        return Check("people and places", Health.BROKEN, error.message, error.fix)
    if chosen.engine == "none":
        return Check("people and places", Health.NOTE, "no model, by choice: patterns only.", "See detection.nlp.")
    return Check("people and places", Health.OK, f"{chosen.engine} {chosen.model or 'model'}")
