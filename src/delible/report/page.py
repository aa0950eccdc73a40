"""One self-contained page: the template environment, what every value passes through, and the page's own CSP.

Templates are part of the code and are read from the package once; nothing else here touches a disk.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from delible.model.terms import words
from delible.report.content import groups, kind, plain
from delible.report.wording import clock, count, day, number, size, visible

__all__ = ["clock", "count", "day", "number", "render", "size", "visible"]


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return the named template as one HTML document.

    Every value is escaped for HTML, and control and bidirectional characters are shown as escapes. The style sheet is
    inlined, and the page's CSP admits that style sheet by its hash and nothing else: no script, image, frame or form.
    """
    style = _style()
    token = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    csp = f"default-src 'none'; style-src 'sha256-{token}'; base-uri 'none'; form-action 'none'"
    # The style sheet is ours and holds no data; it must reach the page unescaped or its hash would not match.
    html = _environment().get_template(template).render({**context, "style": Markup(style), "csp": csp})  # noqa: S704
    return html.rstrip() + "\n"


def _shown(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) else value


def _breakable(value: str) -> str:
    """Return a path that a narrow screen may break behind its slashes and underscores, instead of within a name."""
    if "/" not in value or " " in value:
        return value
    shown = escape(visible(value))
    return shown.replace("/", Markup("/<wbr>")).replace("_", Markup("_<wbr>"))


@cache
def _style() -> str:
    return files("delible.report").joinpath("templates/style.css").read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("delible.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, size=size, day=day, clock=clock, count=count, words=words)
    environment.filters.update(kind=kind, plain=plain, groups=groups, breakable=_breakable)
    return environment
