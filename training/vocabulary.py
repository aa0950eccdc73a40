"""Fillers for the slots of the patterns: people, places, and everything that is neither."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from lists import invented, jobs, paragraphs, people, places

_ENGLISH = ("en", "en_US", "en_GB", "en_IE", "en_NZ")
_ENGLISH_SHARE, _INVENTED_SHARE = 0.45, 0.2
_PARTICLES = ("van ", "de ", "von ", "van der ", "del ", "bin ", "al ", "O'", "Mac")
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_POSTCODES = "#####|#####|#####-####|?# #??|?## #??|??# #??|??## #??|?#? #?#|######|##-###|####|#### ??|### ##|###-####"
_CODES = "??-####|?##??#|####-??|???###|#?#?#?|INC#######|SKU-#####|T-####/##|?#"
_ORDERS = "#######|ORD-#####|#####-###|PO ######|??########"
_PHONES = (
    "+44 20 #### ####|0#### ######|(###) ###-####|###-###-####|+1 ### ### ####|+49 ### #######|+91 ##### #####|"
    "07### ######"
)
_FOREIGN_STREETS = (
    "{0}straße|{0}strasse|{0}weg|Rue {0}|Via {0}|Calle {0}|ul. {0}a|Av. {0}|Avenida {0}|{0}gatan|{0}laan|{0}straat|"
    "Piazza {0}|Rua {0}|Platz der {0}"
)


class Person:
    """One person whose parts belong together."""

    def __init__(self, rng: random.Random) -> None:
        locales = sorted(people())
        english = [each for each in locales if each in _ENGLISH]
        pool = english if rng.random() < _ENGLISH_SHARE else locales
        firsts, lasts = people()[rng.choice(pool)]
        self.first = invented(rng, "first") if rng.random() < _INVENTED_SHARE / 2 else rng.choice(firsts).title()
        last = invented(rng, "last") if rng.random() < _INVENTED_SHARE else rng.choice(lasts)
        self.last = last.title() if last.isupper() else last
        self.middle = rng.choice(firsts).title()

    def full(self, rng: random.Random) -> str:
        """Return the whole name in one of the forms in which names are written."""
        chance = rng.random()
        if chance < 0.70:
            return f"{self.first} {self.last}"
        if chance < 0.80:
            return f"{self.first} {self.middle[0]}. {self.last}"
        if chance < 0.86:
            return f"{self.first} {self.middle} {self.last}"
        if chance < 0.91:
            return f"{self.first[0]}. {self.last}"
        if chance < 0.94:
            return f"{self.first[0]}.{self.middle[0]}. {self.last}"
        if chance < 0.97:
            return f"{self.first} {self.last}-{rng.choice(people()['en_GB'][1])}"
        return f"{self.first} {rng.choice(_PARTICLES)}{self.last}"


def _formed(rng: random.Random, forms: str) -> str:
    """Return one of the forms with `#` as digits and `?` as capital letters."""
    form = rng.choice(forms.split("|"))
    return "".join(rng.choice("0123456789") if c == "#" else rng.choice(_LETTERS) if c == "?" else c for c in form)


def company(rng: random.Random) -> str:
    """Return the name of a company: invented, after its founders, after a place, or a brand's."""
    own = paragraphs("fillers.txt")
    chance = rng.random()
    if chance < 0.35:
        base = "".join(rng.choice(own["syllable"]) for _ in range(rng.randint(2, 3))).capitalize()
        return base + rng.choice(("", "", *(f" {each}" for each in own["company_suffix"])))
    if chance < 0.65:
        one, other = Person(rng), Person(rng)
        after = (
            f"{one.last} & Sons",
            f"{one.last} and {other.last}",
            f"{one.last} {rng.choice(own['company_suffix'])}",
            f"{one.first}'s {rng.choice(own['company_kind'])}",
        )
        return rng.choice(after)
    if chance < 0.8:
        return f"{rng.choice(places()['city'])} {rng.choice(own['place_company'])}"
    return rng.choice(own["brand"])


def product(rng: random.Random) -> str:
    """Return the name of a product: a known kind, or an invented word with a kind or a number."""
    own = paragraphs("fillers.txt")
    if rng.random() < 0.6:
        return rng.choice(own["product"])
    base = invented(rng, rng.choice(("first", "town"))) if rng.random() < 0.5 else invented(rng, "word").capitalize()
    kinds = (str(rng.randint(2, 900)), "Pro", "Plus", "Mini", "XL", "chair", "lamp", "jacket", "Set", "app", "cream")
    return f"{base} {rng.choice(kinds)}"


def street_name(rng: random.Random) -> str:
    """Return the name of a street."""
    own = places()
    if rng.random() < 0.7:
        stem = rng.choice(own["street_stem"]) if rng.random() < 0.7 else Person(rng).last
        return f"{stem} {rng.choice(own['street_word'])}"
    if rng.random() < 0.2:
        return f"rue de {rng.choice(own['city'])}"
    if rng.random() < 0.2:
        return rng.choice(own["foreign_street"]).strip()
    return rng.choice(_FOREIGN_STREETS.split("|")).format(Person(rng).last)


def street(rng: random.Random) -> str:
    """Return a number and the name of a street, in either order."""
    name = street_name(rng)
    number = f"{rng.randint(1, rng.choice((9, 60, 200, 9999)))}{rng.choice(('', '', '', '', 'a', 'B', '/2', '-14'))}"
    english = name.split()[-1] in places()["street_word"]
    return f"{number} {name}" if english or rng.random() < 0.2 else f"{name} {number}"


def postcode(rng: random.Random) -> str:
    """Return a postal code in the form of one of many countries."""
    return _formed(rng, _POSTCODES)


def city(rng: random.Random) -> str:
    """Return a city or a town."""
    chance = rng.random()
    if chance < 0.6:
        return rng.choice(places()["city"])
    return rng.choice(places()["town"]) if chance < 0.9 else invented(rng, "town")


def region(rng: random.Random) -> str:
    """Return a state, province or county."""
    return rng.choice(places()["region"] if rng.random() < 0.85 else places()["foreign_region"])


def _date(rng: random.Random) -> str:
    months = paragraphs("fillers.txt")["month"]
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1950, 2027)
    word = months[month - 1]
    forms = (
        f"{day}/{month}/{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{day} {word} {year}",
        f"{word} {day}, {year}",
        f"{day} {word[:3]}",
        f"{month}/{day}/{year % 100:02}",
    )
    return rng.choice(forms)


def _time(rng: random.Random) -> str:
    hour, minute = rng.randint(0, 23), rng.randint(0, 59)
    half = rng.choice(("am", "pm", " PM", " a.m."))
    return rng.choice((f"{hour:02}:{minute:02}", f"{1 + hour % 12}{half}", f"{hour:02}:{minute:02}:{minute:02}"))


def _amount(rng: random.Random) -> str:
    whole, part = rng.randint(1, 900), rng.randint(0, 99)
    forms = (
        f"£{whole}.{part:02}",
        f"${1 + part % 9},{whole:03}",
        f"{whole} EUR",
        f"€{whole}",
        f"Rs {whole}00",
        f"{whole}.{part:02}",
    )
    return rng.choice(forms)


def _online(rng: random.Random) -> tuple[str, str]:
    """Return an e-mail address and a web address of one person."""
    user = Person(rng)
    handle = re.sub(r"[^a-z]", "", user.first.lower()) or "info"
    family = re.sub(r"[^a-z]", "", user.last.lower()) or "desk"
    host = rng.choice(("example", "mail.example", "shop.example", "gmx.example", f"{family}.example", "corp.example"))
    named = (f"{handle}.{family}", f"{handle[0]}{family}", handle, f"{family}{rng.randint(1, 99)}")
    mailbox = rng.choice((rng.choice(named), "info", "support"))
    scheme = rng.choice(("https://", "http://www.", "www."))
    return f"{mailbox}@{host}", f"{scheme}{family}.example/{rng.choice(('help', 'orders', 'login', handle, ''))}"


_PLAIN: dict[str, Callable[[random.Random], str]] = {
    "company": company,
    "product": product,
    "brand": lambda rng: rng.choice(paragraphs("fillers.txt")["brand"]),
    "job": lambda rng: rng.choice(jobs()),
    "month": lambda rng: rng.choice(paragraphs("fillers.txt")["month"]),
    "weekday": lambda rng: rng.choice(paragraphs("fillers.txt")["weekday"]),
    "date": _date,
    "time": _time,
    "amount": _amount,
    "number": lambda rng: str(rng.randint(1, 10 ** rng.randint(1, 6))),
    "code": lambda rng: _formed(rng, _CODES),
    "order": lambda rng: _formed(rng, _ORDERS),
    "email": lambda rng: _online(rng)[0],
    "phone": lambda rng: _formed(rng, _PHONES),
    "url": lambda rng: _online(rng)[1],
    "ip": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "year": lambda rng: str(rng.randint(1950, 2027)),
    "age": lambda rng: str(rng.randint(1, 96)),
}


def plain(rng: random.Random, slot: str) -> str:
    """Return a filler of a slot without a label."""
    return _PLAIN[slot](rng)
