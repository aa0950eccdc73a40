"""Check digits: whether a number can be one, and is not merely as long as one."""

from __future__ import annotations

import re
from collections.abc import Callable

from delible.model.terms import CheckDigit

_SEPARATORS = re.compile(r"[\s.\-/]+")
_MOST = 64
_LETTERED = frozenset({CheckDigit.MOD97, CheckDigit.IBAN, CheckDigit.NIR})
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def fulfils(rule: CheckDigit, value: str) -> bool:
    """Return whether a value fulfils a rule, whatever spaces, points, hyphens and slashes stand in it.

    Letters in front of the digits, such as those of a kind of card, are left out, but where the rule reads letters.
    """
    bare = _SEPARATORS.sub("", value).upper()
    if rule not in _LETTERED:
        bare = bare.lstrip(_LETTERS)
    return 1 < len(bare) <= _MOST and bare.isascii() and bare.isalnum() and _RULES[rule](bare)


def _luhn(bare: str) -> bool:
    if not bare.isdigit():
        return False
    doubled = (2 * int(c) for c in bare[-2::-2])
    return (sum(map(int, bare[::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0  # noqa: PLR2004


def _mod10(bare: str) -> bool:
    return bare.isdigit() and (sum(map(int, bare[::-2])) + 3 * sum(map(int, bare[-2::-2]))) % 10 == 0


def _mod11(bare: str) -> bool:
    if not (bare[:-1].isdigit() and (bare[-1].isdigit() or bare[-1] == "X")):
        return False
    digits = [*map(int, bare[:-1]), 10 if bare[-1] == "X" else int(bare[-1])]
    return sum(weight * digit for weight, digit in enumerate(reversed(digits), start=1)) % 11 == 0


def _mod11_10(bare: str) -> bool:
    if not bare.isdigit():
        return False
    product = 10
    for digit in map(int, bare[:-1]):
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (product + int(bare[-1])) % 10 == 1


def _mod97(bare: str) -> bool:
    return int("".join(str(int(c, 36)) for c in bare)) % 97 == 1


def _iban(bare: str) -> bool:
    return re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", bare) is not None and _mod97(bare[4:] + bare[:4])


def _verhoeff(bare: str) -> bool:
    if not bare.isdigit():
        return False
    found = 0
    for place, digit in enumerate(map(int, reversed(bare))):
        found = int(_D5[found][int(_PERMUTED[place % 8][digit])])
    return found == 0


def _damm(bare: str) -> bool:
    if not bare.isdigit():
        return False
    found = 0
    for digit in map(int, bare):
        found = int(_DAMM[found][digit])
    return found == 0


def _bsn(bare: str) -> bool:
    """The Dutch eleven test: like `mod11`, but the last digit counts against the others."""
    if not re.fullmatch(r"\d{9}", bare) or bare == "0" * 9:
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, bare, strict=True)) % 11 == 0


def _nir(bare: str) -> bool:
    """The French key: 97 less the number's remainder; Corsica's 2A and 2B count as 19 and 18."""
    if not re.fullmatch(r"\d{5}(?:\d\d|2[AB])\d{8}", bare):
        return False
    number = int(bare[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(bare[13:])


_RULES: dict[CheckDigit, Callable[[str], bool]] = {
    CheckDigit.LUHN: _luhn,
    CheckDigit.MOD10: _mod10,
    CheckDigit.MOD11: _mod11,
    CheckDigit.MOD11_10: _mod11_10,
    CheckDigit.MOD97: _mod97,
    CheckDigit.IBAN: _iban,
    CheckDigit.VERHOEFF: _verhoeff,
    CheckDigit.DAMM: _damm,
    CheckDigit.BSN: _bsn,
    CheckDigit.NIR: _nir,
}
