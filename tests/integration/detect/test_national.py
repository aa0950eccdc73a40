"""National identifiers: a right number is found, one with a wrong digit is not, and a look-alike is not."""

import random

import pytest

from delible.decide.detection import COUNTRIES
from delible.detect.engine import engine
from delible.detect.entities import THRESHOLDS
from delible.detect.findings import find
from delible.model.detection import Detection
from delible.model.taxonomy import category_of

TABLE = [
    ("US", "US_SSN", "ssn {}", "219-09-9998", "219-00-9998", "invoice 219099998"),
    ("US", "US_MBI", "mbi {}", "1EG4-TE5-MK73", "1SG4-TE5-MK73", "1EG4-TE5"),
    ("GB", "UK_NINO", "national insurance {}", "AB 12 34 56 C", "AB 12 34 56 E", "order AB123456"),
    ("GB", "UK_NHS", "nhs {}", "943 476 5919", "943 476 5918", "order 9434765919"),
    ("DE", "DE_TAX_ID", "tax id {}", "86095742719", "86095742718", "Bestellung 86095742719"),
    ("DE", "DE_SOCIAL_SECURITY", "Rentenversicherung {}", "65170839J003", "65170839J004", "Teil 65170839X"),
    ("FR", "FR_NIR", "securite sociale {}", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39", "255081416802"),
    ("FR", "FR_NIR", "{}", "184122A45108933", "184122A45108934", "commande 9 55 08 14 168 025 38"),
    ("ES", "ES_NIF", "dni {}", "12345678Z", "12345678A", "pedido 12345678"),
    ("ES", "ES_NIE", "nie {}", "X1234567L", "X1234567A", "pedido X1234567"),
    ("IT", "IT_FISCAL_CODE", "{}", "RSSMRA85T10A562S", "RSSMRA85T10A562T", "RSSMRA85T10"),
    ("NL", "NL_BSN", "bsn {}", "111222333", "111222334", "bestelling 111222333"),
    ("PL", "PL_PESEL", "pesel {}", "44051401359", "44051401358", "faktura 44051401359"),
    ("IN", "IN_AADHAAR", "aadhaar {}", "2341 2341 2346", "2341 2341 2347", "parcel 234123412346"),
    ("IN", "IN_PAN", "pan {}", "ABCPE1234F", "ABCDE1234F", "part ABCPE1234"),
    ("AU", "AU_TFN", "tfn {}", "123 456 782", "123 456 783", "order 123456782"),
    ("AU", "AU_ABN", "abn {}", "51 824 753 556", "51 824 753 557", "order 51824753"),
    ("CA", "CA_SIN", "sin {}", "130 692 544", "130 692 545", "order 130692544"),
]


@pytest.mark.parametrize(("country", "entity", "form", "right", "wrong", "alike"), TABLE)
def test_each_country(country, entity, form, right, wrong, alike):
    looked_for = Detection((country,))

    def found(text):
        return {f.entity for f in find(text, detection=looked_for)}

    assert entity in found(form.format(right))
    assert entity not in found(form.format(wrong))
    assert entity not in found(alike)
    assert (category_of(entity) or "").startswith(("user.government_id", "user.health", "user.contact.organization"))
    nobody = {f.entity for f in find(form.format(right), detection=Detection(("NG",)))}
    assert entity not in nobody or entity in THRESHOLDS


def test_every_country_that_can_be_named_has_recognizers():
    for code in COUNTRIES:
        assert set(engine(Detection((code,))).thresholds) - set(THRESHOLDS), code


def test_few_random_numbers_and_codes_pass_for_identifiers():
    """Without the demand for a context word, one in ten of many forms does."""
    draw = random.Random(7)
    analyzer = engine(Detection(tuple(c for c in sorted(COUNTRIES) if c != "IN")))
    kinds = {"9": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    for form in ("999999999", "9999999999", "99999999999", "999999999999", "9999999999999", "AA9999999", "A999999999"):
        texts = ["".join(draw.choice(kinds[c]) for c in form) for _ in range(60)]
        hits = [t for t in texts if any(f[0] not in THRESHOLDS for f in analyzer.analyze(t))]
        assert len(hits) <= 3, form
