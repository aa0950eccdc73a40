"""National identifiers: a right number is found, one with a wrong digit is not, and a look-alike is not."""

import random
import re

import pytest

from delible.decide.detection import COUNTRIES
from delible.detect.blank import LANGUAGE
from delible.detect.engine import Engine, engine
from delible.detect.entities import THRESHOLDS, WEAK
from delible.detect.findings import find
from delible.detect.national import national
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL
from delible.model.recognizer import Recognizer
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
    looked_for = Detection((country,), nlp=NO_MODEL)

    def found(text):
        return {f.entity for f in find(text, detection=looked_for)}

    assert entity in found(form.format(right))
    assert entity not in found(form.format(wrong))
    assert entity not in found(alike)
    assert (category_of(entity) or "").startswith(("user.government_id", "user.health", "user.contact.organization"))
    nobody = {f.entity for f in find(form.format(right), detection=Detection(("NG",), nlp=NO_MODEL))}
    assert entity not in nobody or entity in THRESHOLDS


NOTES = [
    ("AU", "AU_TFN", "Her tax file number is 123 456 782."),
    ("CA", "CA_SIN", "Social insurance number: 130 692 544"),
    ("CA", "CA_SIN", "Numéro d'assurance sociale 130 692 544"),
    ("DE", "DE_TAX_ID", "Die Steuer-ID lautet 86095742719."),
    ("DE", "DE_TAX_ID", "STEUERIDENTIFIKATIONSNUMMER: 86095742719"),
    ("FR", "FR_NIR", "Son numéro de sécurité sociale : 2 55 08 14 168 025 38"),
    ("FR", "FR_NIR", "NUMÉRO DE SÉCURITÉ SOCIALE 2 55 08 14 168 025 38"),
    ("GB", "UK_NHS", "National Health Service number 943 476 5919"),
    ("IN", "IN_AADHAAR", "his Aadhar is 2341 2341 2346"),
    ("IT", "IT_VAT_CODE", "Partita IVA 01333550323"),
    ("IT", "IT_VAT_CODE", "P.IVA 01333550323"),
    ("NL", "NL_BSN", "Haar burgerservicenummer is 111222333."),
    ("PL", "PL_PESEL", "Numer ewidencyjny 44051401359"),
]


@pytest.mark.parametrize(("country", "entity", "note"), NOTES)
def test_a_note_in_the_countrys_words(country, entity, note):
    detection = Detection((country,), nlp=NO_MODEL)
    analyzer = Engine(detection)
    analyzer.use(b"")
    found = analyzer.analyze(note)
    assert entity in {f[0] for f in found}
    assert dict(analyzer.analyze_all([note])) == {note: found}


def test_context_words_are_single_words_of_a_text():
    """Presidio looks at one word at a time: what a note of its own language says must not be a phrase alone."""
    for country in ("AU", "CA", "DE", "FR", "GB", "IN", "IT", "NL", "PL"):
        for recognizer in national((country,), THRESHOLDS, LANGUAGE):
            if WEAK & {*recognizer.supported_entities}:
                assert [word for word in recognizer.context if re.fullmatch(r"\w+(?:[.']\w+)*", word)], recognizer.name


@pytest.mark.parametrize(
    "text", ["sécurité 1234", "SECURITE 1234", "se\u0301curite\u0301 1234", "la Sécurité est 1234"]
)
def test_context_of_ones_own_counts_in_any_case_and_without_its_accents(text):
    own = {
        "recognizer": "agent",
        "description": "x",
        "category": "user.unique_id",
        "patterns": [{"regex": r"\d{4}", "score": "0.2"}],
        "context": ["Sécurité", "Prüfnummer"],
    }
    analyzer = Engine(Detection((), (Recognizer.model_validate(own),), nlp=NO_MODEL))
    analyzer.use(b"")
    assert [f[0] for f in analyzer.analyze(text)] == ["AGENT"]
    assert dict(analyzer.analyze_all([text]))[text] == analyzer.analyze(text)
    assert [f[0] for f in analyzer.analyze("PRUEFNUMMER 1234; prufnummer: 1234")] == ["AGENT", "AGENT"]
    assert analyzer.analyze("commande 1234") == []


def test_every_country_that_can_be_named_has_recognizers():
    for code in COUNTRIES:
        assert set(engine(Detection((code,), nlp=NO_MODEL)).thresholds) - set(THRESHOLDS), code


def test_few_random_numbers_and_codes_pass_for_identifiers():
    """Without the demand for a context word, one in ten of many forms does."""
    draw = random.Random(7)
    analyzer = engine(Detection(tuple(c for c in sorted(COUNTRIES) if c != "IN"), nlp=NO_MODEL))
    kinds = {"9": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    for form in ("999999999", "9999999999", "99999999999", "999999999999", "9999999999999", "AA9999999", "A999999999"):
        texts = ["".join(draw.choice(kinds[c]) for c in form) for _ in range(60)]
        hits = [t for t in texts if any(f[0] not in THRESHOLDS for f in analyzer.analyze(t))]
        assert len(hits) <= 3, form
