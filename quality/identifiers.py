"""Identifiers of people who do not exist, drawn with a seed. Nothing here asks the libraries that are judged."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

Drawn = tuple[str | None, str]
"""Entity type, or None for a look-alike, and the spelling."""

_FIRST = (
    "ann lena omar ivo sara mateo yuki nadia piotr chloe tariq ines bram freya luca amina jonas dora kofi mira".split()
)
_LAST = "lind okafor weiss tanaka moreau silva kaya novak brandt hughes diaz rossi visser berg costa adeyemi".split()
_HOSTS = "fennel thistle clover bramble sorrel mail.fennel intern.thistle post.clover-clinic".split()

_PHONES = {
    "US": ["({a}) 555-01##", "{a}-555-01##", "{a}.555.01##", "+1 {a} 555 01##", "1-{a}-555-01##", "+1{a}55501##"],
    "CA": ["(416) 555-01##", "+1 604 555 01##", "514-555-01##"],
    "GB": ["07700 900###", "+44 7700 900###", "020 7946 0###", "+44 20 7946 0###", "(0113) 496 0###", "01632 960###"],
    "IE": ["+353 20 91# ####", "085 12# ####", "(01) 555 ####", "+353 86 555 ####"],
    "DE": ["030 23125###", "+49 30 23125###", "0171 39200##", "(040) 66969###", "0171/39200##", "+49 (0)171 39200##"],
    "AT": ["0664 #######", "+43 664 #######", "01 5#####9"],
    "CH": ["044 668 ## ##", "079 ### ## ##", "+41 44 668 ## ##"],
    "FR": [
        "01 99 00 ## ##",
        "+33 1 99 00 ## ##",
        "06 39 98 ## ##",
        "06.39.98.##.##",
        "+33 6 39 98 ## ##",
        "0639980###",
    ],
    "BE": ["0475 ## ## ##", "+32 475 ## ## ##", "02 555 ## ##"],
    "ES": ["612 ### ###", "+34 612 ### ###", "91 555 ## ##", "612 ## ## ##", "655-###-###"],
    "IT": ["347 ### ####", "+39 347 #######", "06 5555 ####", "02 5555####", "347-#######"],
    "NL": ["06-12######", "06 12 ## ## ##", "+31 6 12######", "020-555 ####", "+31 20 555 ####"],
    "PL": ["512 ### ###", "+48 512 ### ###", "22 555 ## ##", "512-###-###"],
    "PT": ["912 ### ###", "+351 912 ### ###"],
    "SE": ["08-465 004 ##", "+46 8 465 004 ##", "070-174 06 ##"],
    "NO": ["+47 9## ## ###"],
    "DK": ["+45 20 ## ## ##"],
    "CZ": ["+420 60# ### ###"],
    "GR": ["+30 21 0555 ####"],
    "TR": ["+90 532 ### ## ##"],
    "IN": ["+91 98### #####", "098### #####", "98### #####"],
    "AU": ["0491 570 ###", "+61 491 570 ###", "(02) 5550 ####"],
    "NZ": ["+64 21 555 ####", "021 555 ####"],
    "ZA": ["082 555 ####", "+27 82 555 ####"],
    "JP": ["+81 90-5555-####"],
    "SG": ["+65 8555 ####"],
    "HK": ["+852 9555 ####"],
    "BR": ["(11) 95555-####", "+55 11 95555-####"],
    "MX": ["+52 55 5555 ####"],
}
_AREAS = "212 312 415 503 617 206 305 404 713 602 718 303".split()
_PHONE_FORMS = {
    "intl": lambda s: s.startswith("+"),
    "e164": lambda s: s.startswith("+"),
    "00": lambda s: s.startswith("+"),
    "dots": lambda s: "." in s,
    "bare": lambda s: s[0] in "({",
}


def email(r: Random, form: str) -> Drawn:
    first, last = r.choice(_FIRST), r.choice(_LAST)
    local = r.choice(
        [f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}{r.randint(1, 99)}", f"{last}-{first}", first]
    )
    host = f"{r.choice(_HOSTS)}.example"
    if form == "plus":
        local = f"{first}+{r.choice(['shop', 'news', 'a1'])}"
    if form == "digits":
        local = f"{r.randint(10**6, 10**8)}"
    if form == "sub":
        host = f"mx{r.randint(1, 9)}.eu-west.{host}"
    text = f"{local}@{host}"
    return "EMAIL_ADDRESS", text.upper() if form == "upper" else text


def phone(r: Random, form: str) -> Drawn:
    country, _, spelling = form.partition(":")
    forms = [s for s in _PHONES[country] if _PHONE_FORMS.get(spelling, bool)(s)]
    text = _digits(r, r.choice(forms).replace("{a}", r.choice(_AREAS)))
    bare = "".join(c for c in text if c.isdigit())
    text = {"e164": f"+{bare}", "00": f"00{text[1:]}", "bare": bare}.get(spelling, text)
    return "PHONE_NUMBER", text


_CARDS = {
    "visa": "4###############",
    "mc": "51##############",
    "amex": "37#############",
    "discover": "6011############",
}
_RARE_CARDS = {
    "mc2": "2221############", "diners": "36############", "jcb": "3528############", "19": "4##################",
    "unionpay": "62##############", "maestro": "5018############",
}  # fmt: skip
_SEPARATORS = {"dots": ".", "dash": "-", "spaced": " ", "double": "  ", "plain": ""}


def card(r: Random, form: str) -> Drawn:
    brand = form if form in _RARE_CARDS or form == "amex" else r.choice(list(_CARDS))
    digits = _luhn(_digits(r, (_CARDS | _RARE_CARDS)[brand][:-1]))
    if form == "bad":
        digits = digits[:-1] + str((int(digits[-1]) + r.randint(1, 9)) % 10)
    between = _SEPARATORS.get(form, r.choice([" ", "-", "", " "]))
    cuts = {15: (4, 10), 14: (4, 10)}.get(len(digits), range(4, len(digits), 4))
    text = between.join(digits[a:b] for a, b in zip((0, *cuts), (*cuts, len(digits)), strict=True))
    return (None if form == "bad" else "CREDIT_CARD"), text


_IBANS = {
    "DE": "##################", "GB": "FNLT##############", "FR": "#######################", "ES": "####################",
    "IT": "X######################", "NL": "FNLT##########", "PL": "########################", "CH": "#################",
    "AT": "################", "BE": "############", "IE": "FNLT##############", "SE": "####################",
    "PT": "#####################", "DK": "##############", "NO": "###########", "MT": "FNLT#####A#B#C#D#E#F#G#####",
}  # fmt: skip


def iban(r: Random, form: str) -> Drawn:
    country = form if form in _IBANS else r.choice(list(_IBANS))
    account = _digits(r, _IBANS[country])
    number = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    check = 98 - int(number) % 97
    if form == "bad":
        check = (check + r.randint(1, 90)) % 97
    text = f"{country}{check:02d}{account}"
    spaced = " ".join(text[i : i + 4] for i in range(0, len(text), 4))
    odd = f"{text[:2]} {text[2:4]} {text[4:8]} {text[8:16]} {text[16:]}".strip()
    spelled = {"lower": spaced.lower(), "plain": text, "dash": spaced.replace(" ", "-"), "odd": odd, "spaced": spaced}
    return (None if form == "bad" else "IBAN_CODE"), spelled.get(form, r.choice([text, spaced, spaced]))


def ip4(r: Random, _: str) -> Drawn:
    net = r.choice(["192.0.2", "198.51.100", "203.0.113", f"10.{r.randint(0, 255)}.{r.randint(0, 255)}", "192.168.0"])
    return "IP_ADDRESS", f"{net}.{r.randint(1, 254)}"


def ip6(r: Random, form: str) -> Drawn:
    groups = [f"{r.randint(1, 0xFFFF):x}" for _ in range(6)]
    full = f"2001:0db8:{':'.join(f'{int(g, 16):04x}' for g in groups)}"
    short = r.choice(
        [f"2001:db8::{groups[0]}", f"2001:db8:{groups[0]}::{groups[1]}", f"2001:db8:{groups[0]}:{groups[1]}::1"]
    )
    forms = {
        "full": full,
        "short": short,
        "zone": f"fe80::{groups[0]}:{groups[1]}%eth0",
        "mapped": f"::ffff:192.0.2.{r.randint(1, 254)}",
        "upper": full.upper(),
    }
    return "IP_ADDRESS", forms.get(form, r.choice([full, short, short]))


def mac(r: Random, form: str) -> Drawn:
    pairs = [f"{r.randint(0, 255):02X}" for _ in range(6)]
    text = ":".join(pairs)
    forms = {"dash": "-".join(pairs), "lower": text.lower(), "cisco": _cisco(pairs)}
    return "MAC_ADDRESS", forms.get(form, text)


def _cisco(pairs: list[str]) -> str:
    joined = "".join(pairs).lower()
    return f"{joined[:4]}.{joined[4:8]}.{joined[8:]}"


def ssn(r: Random, form: str) -> Drawn:
    area, group, serial = (
        f"{r.choice([*range(1, 666), *range(667, 900)]):03d}",
        f"{r.randint(1, 99):02d}",
        r.randint(1, 9999),
    )
    if form == "bad":
        area, group = r.choice([("000", group), ("666", group), (area, "00"), (str(r.randint(900, 999)), "45")])
    between = {"space": " ", "dots": ".", "bare": ""}.get(form, "-")
    return (None if form == "bad" else "US_SSN"), f"{area}{between}{group}{between}{serial:04d}"


def national(r: Random, form: str) -> Drawn:
    return form, _NATIONAL[form](r)


def _weighted(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % modulus


def _nif(r: Random) -> str:
    number = r.randint(10**7, 10**8 - 1)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


_ODD = dict(zip(string.digits + string.ascii_uppercase, (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19,
    21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip


def _fiscal_code(r: Random) -> str:
    body = f"{_letters(r, 6)}{r.randint(50, 99)}{r.choice('ABCDEHLMPRST')}{r.randint(1, 28):02d}{r.choice('AFHL')}{r.randint(100, 999)}"
    total = sum(_ODD[c] if i % 2 == 0 else int(c, 36) - 10 * c.isalpha() for i, c in enumerate(body))
    return f"{body}{chr(65 + total % 26)}"


def _pesel(r: Random) -> str:
    body = f"{r.randint(50, 99)}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{r.randint(0, 9999):04d}"
    return f"{body}{-_weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), 10) % 10}"


def _tax_id(r: Random) -> str:
    """Return 11 digits: of the first ten one digit comes twice, and one not at all (ISO 7064 Mod 11,10)."""
    while True:
        ten = r.sample(string.digits, 9)
        ten.insert(r.randint(1, 9), r.choice(ten))
        if ten[0] != "0":
            break
    product = 10
    for digit in ten:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return f"{''.join(ten)}{(11 - product) % 10}"


def _nino(r: Random) -> str:
    digits = f"{r.randint(0, 999999):06d}"
    return f"{r.choice(['AB', 'CE', 'JK', 'SA', 'WM'])} {digits[:2]} {digits[2:4]} {digits[4:]} {r.choice('ABCD')}"


_D = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
    "8765932104", "9876543210"]  # fmt: skip
_P = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"]


def _aadhaar(r: Random) -> str:
    body, check = f"{r.randint(2, 9)}{r.randint(0, 10**10 - 1):010d}", 0
    for i, digit in enumerate(reversed(body), 1):
        check = int(_D[check][int(_P[i % 8][int(digit)])])
    text = f"{body}{'0432156789'[check]}"
    return f"{text[:4]} {text[4:8]} {text[8:]}"


def _pan(r: Random) -> str:
    return f"{_letters(r, 3)}P{_letters(r, 1)}{r.randint(1000, 9999)}{_letters(r, 1)}"


def _tfn(r: Random) -> str:
    while True:
        text = f"{r.randint(10**8, 10**9 - 1)}"
        if _weighted(text, (1, 4, 3, 7, 5, 8, 6, 9, 10), 11) == 0:
            return f"{text[:3]} {text[3:6]} {text[6:]}"


def _sin(r: Random) -> str:
    text = _luhn(f"{r.randint(1, 7)}{r.randint(0, 10**7 - 1):07d}")
    return f"{text[:3]}-{text[3:6]}-{text[6:]}"


def _itin(r: Random) -> str:
    return f"9{r.randint(0, 99):02d}-{r.randint(70, 88)}-{r.randint(1000, 9999)}"


def _bsn(r: Random) -> str:
    while True:
        text = f"{r.randint(10**8, 10**9 - 1)}"
        if _weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0:
            return text


def _nir(r: Random) -> str:
    body = f"{r.randint(1, 2)}{r.randint(50, 99)}{r.randint(1, 12):02d}{r.randint(1, 95):02d}{r.randint(1, 999):03d}{r.randint(1, 999):03d}"
    key = 97 - int(body) % 97
    return f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:]} {key:02d}"


_NATIONAL: dict[str, Callable[[Random], str]] = {
    "ES_NIF": _nif, "IT_FISCAL_CODE": _fiscal_code, "PL_PESEL": _pesel, "DE_TAX_ID": _tax_id, "UK_NINO": _nino,
    "IN_AADHAAR": _aadhaar, "IN_PAN": _pan, "AU_TFN": _tfn, "CA_SIN": _sin, "US_ITIN": _itin, "NL_BSN": _bsn, "FR_NIR": _nir,
}  # fmt: skip

GENERATORS: dict[str, Callable[[Random, str], Drawn]] = {
    "email": email, "phone": phone, "card": card, "iban": iban, "ip4": ip4, "ip6": ip6, "mac": mac, "ssn": ssn, "nat": national,
}  # fmt: skip


def draw(r: Random, spec: str) -> Drawn:
    """Return one identifier, such as `phone:DE` or `card:bad`."""
    name, _, form = spec.partition(":")
    return GENERATORS[name](r, form)


def _digits(r: Random, pattern: str) -> str:
    return "".join(str(r.randint(0, 9)) if c == "#" else c for c in pattern)


def _letters(r: Random, count: int) -> str:
    return "".join(r.choice(string.ascii_uppercase) for _ in range(count))


def _luhn(digits: str) -> str:
    doubled = sum(int(d) * (1 + i % 2) - 9 * (int(d) * (1 + i % 2) > 9) for i, d in enumerate(reversed(digits), 1))
    return f"{digits}{-doubled % 10}"
