"""How reports write numbers, sizes, times and text, in every form."""

from __future__ import annotations

from datetime import date, datetime

_KEPT_CONTROLS = frozenset("\n\u200c\u200d")
"""Line breaks, and the two joiners without which emoji and several scripts fall apart; neither can reorder text."""

_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_KILO = 1000
_ROUND_FROM = 10


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
