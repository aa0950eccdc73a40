"""Synthetic values and tickets for detection, from fixed seeds, with spellings on which regex engines differ."""

import random
from functools import cache

from faker import Faker

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "he_IL", "en_IN", "pt_BR", "en_CA", "ja_JP", "ar_AA", "it_IT", "es_ES")
WORDS = (
    *("phone", "call", "mobile number", "ssn", "social security", "passport", "iban", "bank", "birthday", "driver"),
    *("account", "ip", "url", "x", "ext.", "NHS", "tax id:", "BTC", "credit card", "mac address", "email", "e-mail"),
    *("tel:", "fax", "website", "the", "is", "not", "be", "a.m.", ":)", ";-)", ":-(", "can't", "o'clock", "DNI", "NIF"),
    *("codice", "PESEL", "Aadhaar", "SIN", "ABN", "cell:", "ssn:no", "ip=1", "<3", "(:", "don't", "U.S.", "No.", "re:"),
    *("fwd:re:", "http://x"),
)
SENTENCES = (
    "The parcel has not arrived and I would like to know where it is.",
    "My order was charged twice, please look into it.",
    "Thank you for the quick help yesterday evening!",
    "The app closes itself whenever I open the settings page.",
    "I have tried it on two machines now, with the same result.",
    "Could you send the invoice again, the first one never came?",
    "It is the blue one, size 42, from the spring catalogue.",
    "We talked about this last week: nothing has changed since.",
)
PERSONAL = (
    "Write to {email} please.",
    "You can call me at {phone} after five.",
    "My card is {card}, the account {iban}.",
    "SSN {ssn}, born {date}.",
    "Logged in from {ip} on {date}.",
    "See {url} for the picture.",
    "Reach us: {phone} / {phone} or {email}",
    "The device is {mac}, my mobile number {phone}.",
)
ODD = "0123456789 -.()@:/xX#é٣K\u0131\u0130\u017f\u212a\u00a0\u200b\u0301\u0966\u2028\ufeff\x00\n\t,;'\"[]{}_%~+"
ODD += "\U0001f600中क\U00010d31"
COLUMNS = (
    *("status", "country", "customer", "city", "order_code", "amount"),
    *("sku", "email", "phone", "ip", "created", "ssn"),
)
JOINTS = (" ", " ", " ", ", ", "", "-", ": ", "\n", "/", "(", ".", "; ", "  ", "\t", " \n ", "'", ":")


@cache
def _fakers() -> list[Faker]:
    return [Faker(locale) for locale in LOCALES]


class Mixed:
    """Makes texts from one seed; one at a time, since the next one seeds the same makers anew."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fakers = _fakers()
        for faker in self.fakers:
            faker.seed_instance(seed)
        self.plain = self.fakers[0]

    def column(self, name: str) -> str:
        """A value as a table's column of that name has it."""
        r, f = self.random, self.plain
        return {
            "status": lambda: r.choice(("open", "paid", "shipped", "returned")),
            "country": f.country,
            "customer": f.name,
            "city": f.city,
            "order_code": lambda: f.bothify("??-#####").upper(),
            "amount": lambda: f"{r.uniform(1, 5000):.2f}",
            "sku": lambda: f.bothify("???###").upper(),
            "email": lambda: f"{f.user_name()}@{f.domain_word()}.example",
            "phone": f.phone_number,
            "ip": f.ipv4,
            "created": lambda: f.date_time_this_decade().isoformat(" "),
            "ssn": f.ssn,
        }[name]()

    def columns(self, rows: int) -> list[str]:
        """Twelve columns, one after another in each row."""
        return [self.column(name) for _ in range(rows) for name in COLUMNS]

    def personal(self, pattern: str) -> str:
        r = self.random
        f = r.choice(self.fakers[:8])
        values = {
            "email": f"{self.plain.user_name()}@{self.plain.domain_word()}.{r.choice(('example', 'com', 'co.uk'))}",
            "phone": f.phone_number(),
            "card": self.plain.credit_card_number(),
            "iban": self.fakers[r.choice((1, 2, 3))].iban(),
            "ssn": self.plain.ssn(),
            "date": self.plain.date(r.choice(("%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y"))),
            "ip": self.plain.ipv4(),
            "url": self.plain.url(),
            "mac": self.plain.mac_address(),
        }
        return pattern.format(**values)

    def ticket(self, share: float = 0.5) -> str:
        """About 290 characters of running text, of which a share holds personal data."""
        parts = [self.random.choice(SENTENCES) for _ in range(5)]
        if self.random.random() < share:
            for _ in range(self.random.randint(1, 2)):
                parts.insert(self.random.randrange(len(parts)), self.personal(self.random.choice(PERSONAL)))
        return " ".join(parts)

    def piece(self) -> str:
        """Something that looks like what is looked for, or nearly so."""
        r, f = self.random, self.plain
        other = r.choice(self.fakers)
        makers = (
            other.phone_number,
            lambda: "+" + str(r.randint(10**7, 10**13)),
            lambda: "00" + str(r.randint(10**9, 10**12)),
            f.ssn,
            f.credit_card_number,
            self.fakers[r.choice((1, 2, 3))].iban,
            f.ipv4,
            f.ipv6,
            f.mac_address,
            f.uuid4,
            f.email,
            f.url,
            lambda: f.date(r.choice(("%d.%m.%y", "%m/%d/%Y", "%d-%b-%Y", "%Y-%m-%dT%H:%M:%SZ"))),
            lambda: str(r.randint(1, 10 ** r.randint(1, 16))),
            lambda: f.bothify("?#######"),
            lambda: f.bothify("??#######?").upper(),
            lambda: f.bothify("#######?").upper(),
            lambda: f.bothify("?????####?").upper(),
            lambda: f.numerify("## ### ### ###"),
            lambda: "".join(chr(0xFF10 + int(c)) if c.isdigit() else c for c in f.phone_number()),
            lambda: f.numerify("###-###-####").translate({48 + d: 0x660 + d for d in range(10)}),
            lambda: "1" + "".join(r.choice("abcDEFGH123456789") for _ in range(33)),
            lambda: f.numerify("(###) ### #### x##"),
            self.fakers[8].address,
            lambda: f.numerify("####/##/## ##:##"),
            f.word,
            lambda: f"{r.uniform(0, 1e7):.2f}",
            lambda: "".join(r.choice(ODD) for _ in range(r.randint(1, 12))),
        )
        return str(r.choice(makers)())

    def text(self) -> str:
        """One to five pieces and words, joined and damaged at random."""
        r = self.random
        parts = [self.piece() if r.random() < 0.7 else r.choice(WORDS) for _ in range(r.randint(1, 5))]
        text = r.choice(JOINTS).join(parts)
        for _ in range(r.choice((0, 0, 0, 1, 1, 2))):
            i = r.randrange(len(text) + 1)
            text = text[:i] + r.choice(ODD) + text[i + r.randint(0, 1) :]
        return text
