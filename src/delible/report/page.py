"""One self-contained page: the template environment, what every value passes through, and the page's own CSP.

Templates are part of the code and are read from the package once; nothing else here touches a disk.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from delible.model.terms import words

_KEPT_CONTROLS = frozenset("\n\u200c\u200d")
"""Line breaks, and the two joiners without which emoji and several scripts fall apart; neither can reorder text."""

_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_KILO = 1000
_ROUND_FROM = 10


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


def visible(text: str) -> str:
    """Return the text with invisible and reordering characters shown as `\\uXXXX`."""
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else f"\\u{ord(c):04x}" for c in text.replace("\r\n", "\n"))


def _harmless(character: str) -> bool:
    return character.isprintable() or character in _KEPT_CONTROLS or character == "\u00a0"


def number(value: int | float) -> str:
    """Return a number with commas between thousands; fractions with one digit."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def size(value: int) -> str:
    """Return a number of bytes in decimal units, such as `12.3 MB`."""
    amount = float(value)
    for unit in _BYTE_UNITS[:-1]:
        if amount < _KILO:
            return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= _ROUND_FROM else f"{amount:,.1f} {unit}"
        amount /= _KILO
    return f"{amount:,.1f} {_BYTE_UNITS[-1]}"


def day(value: date | datetime) -> str:
    """Return the calendar day, ISO 8601."""
    return value.strftime("%Y-%m-%d")


def clock(value: datetime) -> str:
    """Return hour and minute with the zone."""
    zone = "UTC" if not value.utcoffset() else value.strftime("%z")
    return f"{value.strftime('%H:%M')} {zone}"


def count(value: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as `1 request` or `3 requests`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def _shown(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) else value


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
    return environment
