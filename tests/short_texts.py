"""Short texts as tables hold them, with people in them and without, of which the chance rates were measured."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from faker import Faker

Make = Callable[[int], str]
_R = Random(3)
_FAKE = {
    each: Faker(each) for each in ("en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL", "tr_TR", "en_IN")
}
for _fake in _FAKE.values():
    _fake.seed_instance(5)
_EN = _FAKE["en_US"]


def _name() -> str:
    fake = _FAKE[_R.choice(sorted(_FAKE))]
    return f"{fake.first_name()} {fake.last_name()}"


def _city() -> str:
    return str(_FAKE[_R.choice(["en_US", "de_DE", "fr_FR", "es_ES"])].city())


def _of(*choices: str) -> str:
    return _R.choice(choices)


def _letters(*lengths: int) -> str:
    return " ".join("".join(_R.choices("ABCDEFGHJKLMNOPQRSTUVWXYZ", k=n)) for n in lengths)


PEOPLE: dict[str, Make] = {
    "capitals": lambda i: f"CUSTOMER {_name().upper()} CALLED AGAIN ABOUT ORDER {i}",
    "short capitals": lambda i: f"{_of('SPOKE TO', 'CALL BACK', 'REFUND FOR')} {_name().upper()} {i}",
    "forms": lambda i: f"Name: {_name()}, City: {_city()}, Plan: gold {i}",
    "forms in lines": lambda i: f"Name: {_name()}\nCity: {_city()}\nNo. {i}",
    "logs": lambda i: f"2026-05-{i % 28 + 1:02} 10:{i % 60:02}:00 INFO login user={_name()} session={i}",
    "values of keys": lambda i: f"user={_name()} action=delete id={i}",
    "calls": lambda i: f"Call {_name()} back {i}",
    "lower case": lambda i: f"call {_name().lower()} re refund {i}",
    "to somebody": lambda i: f"Attn: {_name()} {i}",
    "titles": lambda i: f"Re: Invoice for {_name()} #{i}",
    "one in three": lambda i: f"Call {_name()} back {i}" if i % 3 == 0 else f"{_of('left message', 'no answer')} {i}",
    "German": lambda i: f"Rückruf {_name()} {i}",
    "names": lambda _: _name(),
    "names in capitals": lambda _: _name().upper(),
}
"""Somebody is named in each, or in one of three."""

NOBODY: dict[str, Make] = {
    "frames": lambda i: f"{_of('HL', 'ML', 'LL')} {_of('Road', 'Touring')} {_of('Frame', 'Front Wheel')} - Black, {i}",
    "nuts": lambda i: f"{_of('Thin-Jam Hex Nut', 'Flat Washer', 'Internal Lock Washer', 'Lock Ring')} {i}",
    "bikes": lambda i: (
        f"{_of('Road', 'Mountain', 'Touring')}-{_of('150', '2000')}-W {_of('Red', 'Blue', 'Silver')}, {i}"
    ),
    "clothes": lambda i: f"{_of('Long-Sleeve Logo Jersey', 'Classic Vest', 'Racing Socks')}, {_of('S', 'M', 'XL')} {i}",
    "things": lambda i: f"{_of('Alpine', 'Summer', 'Royal', 'Mini')} {_of('Jacket', 'Lamp', 'Saddle', 'Soap')} {i}",
    "colours": lambda i: f"{_of('Navy', 'Forest', 'Rose', 'Olive')} {_of('Blue', 'Green', 'Gold', 'Grey')} {i}",
    "words": lambda _: " ".join(_EN.words(3)),
    "titled words": lambda _: " ".join(_EN.words(2)).title(),
    "words in capitals": lambda _: " ".join(_EN.words(4)).upper(),
    "jobs": lambda i: f"{_EN.job()} {i}",
    "slogans": lambda _: str(_EN.catch_phrase()),
    "states": lambda i: f"{_of('In Progress', 'On Hold', 'Waiting for Parts', 'Out for Delivery')} {i}",
    "teams": lambda i: f"{_of('Human Resources', 'Quality Assurance', 'Tool Design', 'Document Control')} {i}",
    "days": lambda i: f"{_of('Mon', 'Wed')} {_of('Jan', 'May', 'Jun', 'Aug')} {i % 28 + 1} {1990 + i % 40}",
    "reports": lambda i: f"{_of('January', 'May', 'April', 'June')} Report {1990 + i}",
    "logs": lambda i: f"2026-05-{i % 28 + 1:02} 10:00:00 INFO worker started job={i} status=done took {i} ms",
    "requests": lambda i: f"GET /api/v1/items/{i} 200 OK after two retries",
    "errors": lambda i: (
        f"{_of('Connection refused at com.acme.Pool', 'File not found in', 'Timeout while reading')} {i}"
    ),
    "values of keys": lambda i: f"color=red;size={i};shape=round",
    "fields": lambda i: f"priority: high, queue: {i}, retry: no",
    "JSON": lambda i: f'{{"event": "page view", "page": "home", "n": {i}}}',
    "XML": lambda i: f"<item><sku>AB{i}</sku><kind>frame set</kind><colour>dark red</colour></item>",
    "SQL": lambda i: f"SELECT id, total FROM orders WHERE status = 'open' LIMIT {i}",
    "shelves": lambda i: f"Aisle {i % 20}, Shelf {i % 7}, Bin {i:03}",
    "letters": lambda i: f"{_letters(3, 4)} {i:04}",
    "cars": lambda i: f"{_of('Ford Focus', 'Opel Astra', 'Renault Clio', 'Honda Civic')} {_of('Diesel', 'Estate')} {i}",
    "dishes": lambda i: f"{_of('Grilled', 'Smoked')} {_of('Salmon', 'Caesar Salad', 'Eggs Benedict')} {i}",
    "species": lambda i: f"{_of('Quercus robur', 'Fagus sylvatica', 'Panthera leo', 'Rosa canina')} {i}",
    "diagnoses": lambda i: f"{_of('Acute bronchitis', 'Bell palsy', 'Fracture of wrist')}, stage {i}",
    "brands": lambda i: f"{_of('Hugo Boss', 'Land Rover', 'Red Bull', 'Air France', 'New Balance', 'Dr. Oetker')} {i}",
}
"""Nobody is named in any."""

CODES: dict[str, Make] = {
    "keys": lambda i: f"ANNA-LOPEZ-{i:04}",
    "paths": lambda i: f"C:\\Program Files\\Acme Tools\\module{i}.dll",
    "links": lambda i: f"https://shop.example/anna/lopez/{i}",
    "browsers": lambda _: str(_EN.user_agent()),
}
"""Nobody wrote any of these by hand."""
