"""Invented tables of twelve industries, with names that mislead; each column with its category and how it is filled.

The categories were written down before the rules were tried on them. `None`: about nobody. People are made up by Faker,
on `.example` domains.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from faker import Faker

Make = Callable[[Random, int], object]
_FAKE = Faker(["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL"])
Faker.seed(20_261_127)

NAME, FIRST, LAST = "user.name", "user.name.first", "user.name.last"
EMAIL, PHONE, STREET = "user.contact.email", "user.contact.phone_number", "user.contact.address.street"
CITY, POSTAL, COUNTRY = ("user.contact.address." + part for part in ("city", "postal_code", "country"))
BORN, GENDER, MARITAL = ("user.demographic." + part for part in ("date_of_birth", "gender", "marital_status"))
NATIONAL, HEALTH, TEXT = "user.government_id.national_identification_number", "user.health_and_medical", "user.content"
IP, DEVICE, CARD, BANK = (
    "user.device.ip_address",
    "user.device.device_id",
    "user.financial.credit_card",
    "user.financial.bank_account",
)
GEO = "user.location.precise"


def _of(*choices: object) -> Make:
    return lambda r, _: r.choice(choices)


def _key(prefix: str = "", width: int = 0) -> Make:
    return lambda _, i: f"{prefix}{10_000 + i:0{width}d}"


def _number(low: float, high: float, digits: int | None = None) -> Make:
    if digits is None:
        return lambda r, _: r.randint(int(low), int(high))
    return lambda r, _: f"{r.uniform(low, high):.{digits}f}"


def _digits(form: str) -> Make:
    """Return values of a form in which # is a digit, ? a capital letter, ^ a hexadecimal digit."""
    signs = {"#": "0123456789", "?": "ABCDEFGHJKLMNPRSTUVWXYZ", "^": "0123456789abcdef"}
    return lambda r, _: "".join(r.choice(signs[c]) if c in signs else c for c in form)


def _day(first: int, last: int, time: bool = False) -> Make:
    def day(r: Random, _: int) -> str:
        clock = f" {r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}" if time else ""
        return f"{r.randint(first, last)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}{clock}"

    return day


def _email(r: Random, i: int) -> str:
    return f"{_FAKE.first_name().lower().replace(' ', '.').encode('ascii', 'ignore').decode()}{i}@fennel.example"


def _ip(r: Random, _: int) -> str:
    return ".".join(str(r.randint(1, 254)) for _ in range(4))


def _phone(r: Random, _: int) -> str:
    return r.choice(("+49 30 901820{:02}", "(212) 555-01{:02}", "+44 20 7946 09{:02}", "212-555-01{:02}")).format(
        r.randint(0, 99)
    )


def _card(r: Random, _: int) -> str:
    return _FAKE.credit_card_number("visa16")


def _iban(r: Random, _: int) -> str:
    return _FAKE["de_DE"].iban()


def _sentence(*more: str) -> Make:
    return lambda r, i: " ".join([_FAKE["en_US"].sentence(nb_words=12), r.choice(more or ("",))]).strip()


def _mail_note(r: Random, i: int) -> str:
    return f"{_FAKE['en_US'].sentence(nb_words=10)} Please write to {_email(r, i)} or call {_phone(r, i)}."


def _resume(r: Random, i: int) -> str:
    return f"<cv><name>{_FAKE.name()}</name><mail>{_email(r, i)}</mail><text>worked for ten years</text></cv>"


def _profile(r: Random, i: int) -> str:
    return f'{{"mail": "{_email(r, i)}", "tier": "gold", "since": {r.randint(2010, 2025)}}}'


def _fake(what: str, **more: object) -> Make:
    return lambda _r, _i: str(getattr(_FAKE, what)(**more)).replace("\n", ", ")


_first, _last, _name = _fake("first_name"), _fake("last_name"), lambda r, i: f"{_FAKE.first_name()} {_FAKE.last_name()}"
_city, _street, _postal, _job = _fake("city"), _fake("street_address"), _fake("postcode"), _fake("job")
_yes, _bool = _of("Y", "N"), _of("true", "false")

TABLES: dict[str, dict[str, tuple[str | None, Make]]] = {
    "crm_contacts": {  # software sales
        "contact_id": (None, _key()),
        "given_name": (FIRST, _first),
        "surname": (LAST, _last),
        "work_email": (EMAIL, _email),
        "email_verified": (None, _bool),
        "email_bounce_count": (None, _number(0, 9)),
        "phone_type": (None, _of("mobile", "home", "work")),
        "direct_phone": (PHONE, _phone),
        "mobile_app_version": (None, _digits("#.##.#")),
        "job_title": ("user.job_title", _job),
        "linkedin_url": ("user.contact.url", lambda r, i: f"https://social.example/in/{_first(r, i).lower()}{i}"),
        "address_type": (None, _of("billing", "shipping")),
        "mailing_city": (CITY, _city),
        "zip": (POSTAL, _postal),
        "lead_score": (None, _number(0, 100)),
        "mail_sent_at": (None, _day(2023, 2025, True)),
        "preferred_language": ("user.demographic.language", _of("English", "Deutsch", "French")),
        "customer_name_hash": ("user.unique_id.pseudonymous", _digits("^" * 64)),
        "owner_team": (None, _of("EMEA", "APAC", "AMER")),
        "notes": (TEXT, _mail_note),
    },
    "patients": {  # hospital
        "patient_id": (None, _key()),
        "mrn": ("user.health_and_medical.record_id", _digits("MR#######")),
        "full_name": (NAME, _name),
        "dob": (BORN, _day(1930, 2015)),
        "sex": (GENDER, _of("M", "F", "X")),
        "blood_group": (HEALTH, _of("A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-")),
        "primary_diagnosis": (HEALTH, _digits("J##.#")),
        "allergies": (HEALTH, _of("penicillin", "latex", "none", "pollen", "peanuts")),
        "is_pregnant": (HEALTH, _bool),
        "smoker": (HEALTH, _bool),
        "religion": ("user.demographic.religious_belief", _of("Catholic", "Muslim", "Hindu", "none", "Jewish")),
        "ethnicity": ("user.demographic.race_ethnicity", _of("White British", "Asian", "Black African", "Mixed")),
        "next_of_kin": (NAME, _name),
        "emergency_contact_phone": (PHONE, _phone),
        "health_insurance_no": ("user.health_and_medical.insurance_beneficiary_id", _digits("?#########")),
        "brca1_status": ("user.health_and_medical.genetic", _of("positive", "negative", "unknown")),
        "ward_code": (None, _digits("W##")),
        "bed_number": (None, _number(1, 40)),
        "admitted_at": (None, _day(2024, 2025, True)),
        "triage_level": (None, _number(1, 5)),
        "discharge_notes": (TEXT, _sentence("Patient is well.")),
    },
    "hr_employees": {  # manufacturing
        "emp_no": (None, _key()),
        "first_name": (FIRST, _first),
        "last_name": (LAST, _last),
        "national_insurance_number": (NATIONAL, _digits("??######?")),
        "date_of_birth": (BORN, _day(1960, 2004)),
        "is_married": (MARITAL, _bool),
        "nationality": ("user.demographic", _of("German", "Polish", "Italian", "Turkish")),
        "trade_union": ("user.social", _of("IG Metall", "ver.di", "none")),
        "union_dues": ("user.social", _number(10, 60, 2)),
        "annual_salary": ("user.financial", _number(30_000, 90_000)),
        "iban": (BANK, _iban),
        "sick_days_taken": (HEALTH, _number(0, 30)),
        "fingerprint_template": ("user.biometric.fingerprint", _digits("^" * 96)),
        "badge_color": (None, _of("red", "blue", "green")),
        "hire_date": (None, _day(2001, 2025)),
        "cost_center": (None, _digits("CC-####")),
        "shift_code": (None, _of("E", "L", "N")),
        "title": ("user.job_title", _of("Welder", "Shift Leader", "Quality Engineer", "Maintenance Technician")),
    },
    "race_results": {  # motor sport
        "race_id": (None, _key()),
        "race": (None, _of("Monza Sprint", "Night Race", "Harbour Grand Prix", "Hill Climb", "Rally of Lakes", "Dune")),
        "circuit_city": (None, _city),
        "driver_full_name": (NAME, _name),
        "driver_nationality": ("user.demographic", _of("British", "Finnish", "Spanish", "Dutch")),
        "car_number": (None, _number(1, 99)),
        "lap_time": (None, _digits("1:##.###")),
        "position": (None, _number(1, 20)),
        "lat_ms": (None, _number(10, 300)),
        "pit_stops": (None, _number(0, 4)),
        "tyre_age": (None, _number(0, 30)),
        "fastest_lap_rank": (None, _number(1, 20)),
        "party_mode": (None, _bool),
        "chassis_model": (None, _digits("MC-##")),
    },
    "web_events": {  # media
        "event_id": (None, _digits("^^^^^^^^-^^^^-4^^^-8^^^-^^^^^^^^^^^^")),
        "client_ip": (IP, _ip),
        "ip_rating": (None, _of("IP67", "IP65", "IP54")),
        "user_agent": ("user.device", _fake("user_agent")),
        "cookie_id": ("user.device.cookie_id", _digits("^" * 32)),
        "session_length": (None, _number(1, 5_000)),
        "page_url": (None, lambda r, i: f"https://news.example/{r.randint(1, 900)}/story"),
        "search_query": ("user.behavior.search_history", lambda r, i: _FAKE["en_US"].sentence(nb_words=3)),
        "geo_lat": (GEO, _number(-60, 60, 5)),
        "geo_lon": (GEO, _number(-170, 170, 5)),
        "country_code": (COUNTRY, _of("DE", "FR", "PL", "US")),
        "user_name": ("user.account.username", lambda r, i: f"{_first(r, i).lower()}_{i}"),
        "screen_orientation": (None, _of("portrait", "landscape")),
        "orientation": (None, _of("portrait", "landscape")),
        "referrer_type": (None, _of("search", "social", "direct")),
        "mac_address": (DEVICE, lambda r, _: ":".join(f"{r.randint(0, 255):02x}" for _ in range(6))),
        "scroll_depth": (None, _number(0, 1, 3)),
        "error_message": (None, _of("Timeout while loading the stylesheet from the edge cache", "Bad gateway")),
    },
    "card_payments": {  # payments
        "payment_id": (None, _digits("pay_^^^^^^^^^^^^")),
        "pan": (CARD, _card),
        "card_type": (None, _of("credit", "debit", "prepaid")),
        "cardholder_name": (NAME, _name),
        "order_code": (None, _digits("################")),
        "gift_card_number": (None, _digits("GC########")),
        "loyalty_card_number": ("user.unique_id", _digits("LC#########")),
        "amount": (None, _number(1, 900, 2)),
        "currency": (None, _of("EUR", "USD", "PLN")),
        "merchant_city": (None, _city),
        "merchant_category": (None, _number(1000, 9999)),
        "auth_code": (None, _digits("######")),
        "billing_street": (STREET, _street),
        "billing_postcode": (POSTAL, _postal),
        "account_holder": (NAME, _name),
        "beneficiary_iban": (BANK, _iban),
        "payer_bic": ("user.financial", _digits("?????E##")),
        "is_3ds": (None, _bool),
    },
    "shipments": {  # logistics
        "shipment_no": (None, _digits("SH########")),
        "tracking_code": (None, _digits("1Z################")),
        "recipient_name": (NAME, _name),
        "delivery_address": (STREET, _street),
        "delivery_city": (CITY, _city),
        "postal_code": (POSTAL, _postal),
        "recipient_phone": (PHONE, _phone),
        "origin_city": (None, _city),
        "destination_country": (None, _of("Germany", "France", "Spain")),
        "carrier_name": (None, _of("Northline", "Swift Parcel", "Blue Road")),
        "weight": (None, _number(0, 30, 2)),
        "vehicle_plate": ("user.government_id.vehicle_registration", _digits("B-?? ####")),
        "driver_licence_number": ("user.government_id.drivers_license_number", _digits("?####?????#")),
        "delivery_note": (TEXT, _sentence("Leave it with the neighbour.")),
        "status": (None, _of("in transit", "delivered", "lost")),
        "customs_code": (None, _digits("####.##.##")),
        "hs_description": (None, _sentence()),
    },
    "products": {  # retail
        "product_id": (None, _key()),
        "name": (None, _of("Rose Lamp", "Jordan Runner", "Paris Sofa", "Victoria Mug", "Charlotte Desk", "Max Shelf")),
        "gender": (None, _of("men", "women", "unisex")),
        "size": (None, _of("S", "M", "L")),
        "brand": (None, _of("Anna & Ella", "Hugo", "Fennel")),
        "supplier_email": (EMAIL, _email),
        "supplier_vat_number": ("user.contact.organization", _digits("DE#########")),
        "country_of_origin": (None, _of("Italy", "China", "Poland")),
        "material": (None, _of("cotton", "oak", "steel")),
        "ean": (None, _digits("############")),
        "card_game": (None, _yes),
        "age_rating": (None, _of("3+", "12+", "18+")),
        "title": (None, _of("Desk lamp with a shade", "Running shoe", "Sofa for two")),
        "description": (None, _sentence()),
        "image_url": (None, lambda r, i: f"https://img.example/{i}.png"),
        "faith_collection": (None, _yes),
        "conditions": (None, _of("new", "used", "refurbished")),
    },
    "fleet_vehicles": {  # mobility
        "vin": ("user.government_id.vehicle_registration", _digits("WVWZZZ1??##??####")),
        "licence_plate": ("user.government_id.vehicle_registration", _digits("?? ## ???")),
        "imei": (DEVICE, _digits("35#############")),
        "sim_card_number": (DEVICE, _digits("8949###############")),
        "gps_position": (GEO, lambda r, _: f"{r.uniform(47, 54):.5f},{r.uniform(7, 14):.5f}"),
        "engine_diagnosis": (None, _of("P0420", "P0171", "P0300")),
        "model_name": (None, _of("Kestrel", "Victoria", "Santana")),
        "mileage": (None, _number(10, 200_000)),
        "driver_name": (NAME, _name),
        "fuel_card_number": (None, _digits("FC######")),
        "tire_pressure": (None, _number(2, 3, 2)),
        "body": (None, _of("sedan", "van", "coupe")),
        "long_term_rental": (None, _yes),
        "insurance_policy_no": (None, _digits("IP-######")),
    },
    "students": {  # education
        "student_no": (None, _key("S")),
        "name": (NAME, _name),
        "parent_email": (EMAIL, _email),
        "date_of_birth": (BORN, _day(2005, 2015)),
        "gender": (GENDER, _of("male", "female", "diverse")),
        "home_address": (STREET, _street),
        "grade": (None, _of("A+", "A-", "B+", "B-", "C+")),
        "course_title": (None, _of("Maths", "History of Art", "Physics")),
        "attendance": (None, _number(0, 1, 2)),
        "mother_tongue": ("user.demographic.language", _of("English", "Polish", "Turkish")),
        "disability": (HEALTH, _of("dyslexia", "none", "hearing")),
        "passport_number": ("user.government_id.passport_number", _digits("?########")),
        "profile_photo": ("user.content.self_image", lambda r, i: f"photos/{i}.jpg"),
        "class_room": (None, _digits("R-##")),
        "teacher_comment": (TEXT, _sentence("Keep going.")),
        "free_meals": (None, _yes),
    },
    "voters": {  # civic
        "c1": (NAME, _name),
        "c2": (EMAIL, _email),
        "c3": (PHONE, _phone),
        "c4": (IP, _ip),
        "c5": ("user.demographic.religious_belief", _of("Catholic", "Lutheran", "Muslim", "Buddhist", "Atheist")),
        "c6": (BANK, _iban),
        "party": ("user.demographic.political_opinion", _of("Labour", "Conservative", "Liberal", "SNP", "Green Party")),
        "race": ("user.demographic.race_ethnicity", _of("White", "Black", "Asian", "Hispanic", "Two or More Races")),
        "sexual_orientation": ("user.demographic.sexual_orientation", _of("straight", "gay", "bisexual")),
        "tax_id": (NATIONAL, _digits("###########")),
        "age": ("user.demographic.age_range", _number(18, 95)),
        "occupation": ("user.job_title", _job),
        "criminal_record": ("user.criminal_history", _bool),
        "precinct": (None, _number(1, 80)),
        "ballot_style": (None, _digits("B##")),
        "registered_on": (None, _day(2001, 2024)),
        "turnout": (None, _number(0, 1, 2)),
    },
    "server_inventory": {  # operations
        "server_id": (None, _key("srv-")),
        "hostname": (None, lambda r, i: f"db{i:03}.fra.internal-net"),
        "cpu_age": (None, _number(1, 9)),
        "bind_address": (None, _of("0x7ffe01", "0x10aa", "0xffe2")),
        "tls_fingerprint": (None, _digits("^" * 64)),
        "commit_hash": (None, _digits("^" * 40)),
        "state": (None, _of("running", "stopped", "draining")),
        "city": (None, _city),
        "region": (None, _of("eu-west-1", "us-east-2")),
        "owner_email": (EMAIL, _email),
        "connector_gender": (None, _of("male", "female")),
        "disk_condition": (None, _of("good", "worn")),
        "serial_number": (None, _digits("??##########")),
        "last_message": (None, _of("ok", "degraded")),
        "routing_key": (None, _of("a.b", "c.d")),
        "rack_position": (None, _number(1, 42)),
    },
    "energy_accounts": {  # utilities
        "account_number": (BANK, _digits("########")),
        "meter_id": (None, _digits("MTR########")),
        "customer": (NAME, _name),
        "street": (STREET, _street),
        "town": (CITY, _city),
        "state": ("user.contact.address.state", _of("Bavaria", "Hesse", "Saxony")),
        "mobile": (PHONE, _phone),
        "contact_preferences": (None, _of("email", "post", "sms")),
        "tariff_name": (None, _of("Green Florence", "Basic", "Max")),
        "password_hash": ("user.authorization.password", _digits("^" * 64)),
        "login": (EMAIL, _email),
        "household_income": ("user.financial", _number(12_000, 90_000)),
        "meter_reading": (None, _number(0, 99_999)),
        "latitude": (GEO, _number(47, 55, 6)),
        "longitude": (GEO, _number(6, 15, 6)),
        "user_profile": (TEXT, _profile),  # JSON
        "cv": (TEXT, _resume),
    },
}
