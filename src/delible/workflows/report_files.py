"""Reports as files: which forms there are, where each stands, and the copy that somebody asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

from delible.errors import DelibleError, InputError
from delible.report.content import Content
from delible.report.content_html import content_html
from delible.report.content_markdown import content_markdown
from delible.store.files import named_write
from delible.store.workspace import Workspace

Form = Literal["html", "json", "md", "pdf"]
FORMS: tuple[Form, ...] = get_args(Form)
F = TypeVar("F")


@dataclass(frozen=True)
class Report(Generic[F]):
    """One report: its facts, what it says, and its files in the workspace's reports folder.

    Args:
        document: The facts as JSON values.
        stem: Path of the files without their ending.
        failure: The error that a command ends with although there is a report.
    """

    facts: F
    content: Content = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    stem: Path
    failure: DelibleError | None = None

    @property
    def html(self) -> Path:
        """The page."""
        return self.file("html")

    @property
    def json(self) -> Path:
        """The JSON document."""
        return self.file("json")

    def file(self, form: Form) -> Path:
        """Return where the report stands in a form."""
        return self.stem.with_name(f"{self.stem.name}.{form}")

    def written(self, form: Form) -> Path:
        """Write the report in one form; return where.

        Raises:
            InputError: `output.unwritable`.
        """
        path = self.file(form)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, self.bytes_in(form))
        return path

    def files(self) -> list[Path]:
        """Return the files that are there."""
        return [path for form in FORMS if (path := self.file(form)).is_file()]

    def bytes_in(self, form: Form) -> bytes:
        """Return the report in one form."""
        match form:
            case "json":
                return json.dumps(self.document, indent=2).encode() + b"\n"
            case "html":
                return content_html(self.content).encode("utf-8", "backslashreplace")
            case "md":
                return content_markdown(self.content).encode("utf-8", "backslashreplace")
            case "pdf":
                from delible.report.content_pdf import content_pdf  # its library takes a moment to load

                return content_pdf(self.content)


def stem_of(workspace: Workspace, name: str) -> Path:
    """Return where a report's files stand, without their ending."""
    return workspace.path(workspace.config.reports) / name


def refuse_place(workspace: Workspace, form: Form, out: Path | None) -> None:
    """Refuse a PDF inside the workspace: no byte search can read it, so that no erasure after it would be proven.

    Raises:
        InputError: `output.inside`.
    """
    if form == "pdf" and (out is None or out.resolve().is_relative_to(workspace.root.resolve())):
        raise InputError(
            "output.inside",
            "a PDF cannot be searched for the data of people who are erased later, so none stays in the workspace.",
            where=str(out or workspace.path(workspace.config.reports)),
            fix="Name a file outside of it with --out.",
        )


def copied(report: Report[Any], form: Form, out: Path | None) -> Path:
    """Write the report in this form, and return where it stands: in the reports folder, or in `out` too when given.

    A PDF stands in `out` alone.

    Raises:
        InputError: `output.unwritable`.
    """
    if form == "pdf" and out is not None:
        _write(out, report.bytes_in(form))
        return out
    made = report.written(form)
    if out is None:
        return made
    _write(out, made.read_bytes())
    return out


def _write(path: Path, data: bytes) -> None:
    try:
        named_write(path, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file's name"
        raise InputError("output.unwritable", f"cannot be written: {reason}.", where=str(path)) from None
