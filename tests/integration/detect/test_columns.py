"""What a column's name alone says."""

import pytest

from delible.decide.tagging import About
from delible.detect.column_rules import RULES
from delible.detect.columns import about, named, names_a_code, names_a_thing, words
from delible.detect.engine import engine
from delible.detect.shapes import FORMS, shapes
from delible.detect.special_rules import FLAGS
from delible.detect.values import Tally
from delible.detect.vocabularies import KNOWN, NAMES
from delible.model.taxonomy import CATEGORIES, category_of


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("EmailAddress", "email_address"),
        ("NationalIDNumber", "national_id_number"),
        ("LoginID", "login_id"),
        ("AddressLine1", "address_line_1"),
        ("date_of_birth", "date_of_birth"),
        ("EMAIL", "email"),
        ("user-name", "user_name"),
        ("", ""),
    ],
)
def test_names_are_read_as_words(name, read):
    assert words(name) == read


@pytest.mark.parametrize(
    ("column", "category"),
    [
        ("EmailAddress", "user.contact.email"),
        ("contact_email", "user.contact.email"),
        ("billing.email", "user.contact.email"),
        ("emails.element", None),
        ("PhoneNumber", "user.contact.phone_number"),
        ("mobile", "user.contact.phone_number"),
        ("CardNumber", "user.financial.credit_card"),
        ("iban", "user.financial.bank_account"),
        ("NationalIDNumber", "user.government_id.national_identification_number"),
        ("ssn", "user.government_id.national_identification_number"),
        ("LoginID", "user.account.username"),
        ("username", "user.account.username"),
        ("BirthDate", "user.demographic.date_of_birth"),
        ("dob", "user.demographic.date_of_birth"),
        ("geb", "user.demographic.date_of_birth"),
        ("geb_dat", "user.demographic.date_of_birth"),
        ("Geburtsdatum", "user.demographic.date_of_birth"),
        ("bday", "user.demographic.date_of_birth"),
        ("diagnose", "user.health_and_medical"),
        ("blutgruppe", "user.health_and_medical"),
        ("kontonummer", "user.financial.bank_account"),
        ("sv_nummer", "user.government_id.national_identification_number"),
        ("personalausweis_nr", "user.government_id.national_identification_number"),
        ("gehalt", "user.financial"),
        ("staatsangehoerigkeit", "user.demographic"),
        ("stadt", "user.contact.address.city"),
        ("hausnr", "user.contact.address.street"),
        ("Gender", "user.demographic.gender"),
        ("MaritalStatus", "user.demographic.marital_status"),
        ("first_name", "user.name.first"),
        ("LastName", "user.name.last"),
        ("ReviewerName", "user.name"),
        ("AddressLine1", "user.contact.address.street"),
        ("City", "user.contact.address.city"),
        ("PostalCode", "user.contact.address.postal_code"),
        ("delivery_note", "user.content"),
        ("Resume", "user.content"),
        ("client_ip", "user.device.ip_address"),
        ("Resume.Name.`Name.First`", "user.name.first"),
        ("payload.$.contacts[].email", "user.contact.email"),
        ("resume.Person.@phone", "user.contact.phone_number"),
        ("Resume.Telephone.`Tel.Number`", "user.contact.phone_number"),
        ("Loc.State", "user.contact.address.state"),
        ("TelType", None),
        ("payload.$.*", None),
        ("odd`name", None),
        ("email_hash", "user.unique_id.pseudonymous"),
        ("customer_id", None),
        ("EmailAddressID", None),
        ("PhoneNumberTypeID", None),
        ("StateProvinceID", None),
        ("CardType", None),
        ("ExpMonth", None),
        ("email_verified", None),
        ("is_email", None),
        ("phone_count", None),
        ("ModifiedDate", None),
        ("Rating", None),
        ("product_name", None),
        ("status", None),
        ("order_state", None),
        ("OrganizationNode", None),
        ("", None),
        ("drop table`; --", None),
    ],
)
def test_rules_match_at_the_end_of_a_name(column, category):
    evidence = named(column)
    assert (evidence and evidence.category) == category


@pytest.mark.parametrize(
    ("column", "table", "category"),
    [("name", "customers", "user.name"), ("name", "products", None), ("customer.name", "orders", "user.name")],
)
def test_a_bare_name_is_a_persons_only_among_people(column, table, category):
    evidence = named(column, table=table)
    assert (evidence and evidence.category) == category


@pytest.mark.parametrize(
    "column",
    [
        *(
            "email_verified",
            "phone_type",
            "mobile_app_version",
            "address_type",
            "ip_rating",
            "card_game",
            "mail_sent_at",
        ),
        *(
            "lat_ms",
            "race_id",
            "store_city",
            "server_address",
            "wallet_address",
            "gift_card_number",
            "engine_diagnosis",
        ),
        *("tls_fingerprint", "commit_hash", "error_message", "is_active", "has_phone", "company_tax_id", "origin_city"),
        *(
            "cache_age",
            "european_union_code",
            "net_income",
            "font_family_name",
            "database_user_count",
            "credit_union_code",
        ),
    ],
)
def test_what_stands_before_or_behind_takes_a_name_back(column):
    assert named(column) is None


@pytest.mark.parametrize(
    ("column", "category"),
    [
        ("is_married", "user.demographic.marital_status"),
        ("has_diabetes", "user.health_and_medical"),
        ("is_union_member", "user.social"),
        ("customer_name_hash", "user.unique_id.pseudonymous"),
        ("password_hash", "user.authorization.password"),
        ("sim_card_number", "user.device.device_id"),
        ("loyalty_card_number", "user.unique_id"),
        ("id_card_number", "user.government_id.national_identification_number"),
        ("last_login_ip", "user.device.ip_address"),
        ("SickLeaveHours", "user.health_and_medical"),
        ("blood_group", "user.health_and_medical"),
        ("brca1_status", "user.health_and_medical.genetic"),
        ("face_embedding.element", "user.biometric"),
        ("licence_plate", "user.government_id.vehicle_registration"),
        ("vat_number", "user.contact.organization"),
        ("trade_union", "user.social"),
    ],
)
def test_names_of_what_is_not_contact_data(column, category):
    evidence = named(column)
    assert (evidence and evidence.category) == category


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        *(("customers", About.PEOPLE), ("employee_vehicle", About.PEOPLE), ("Person", About.PEOPLE)),
        *(("products", About.THINGS), ("dim_stores", About.THINGS), ("cities", About.THINGS)),
        *(("orders", About.UNKNOWN), ("product_review", About.UNKNOWN), ("business_entity_address", About.UNKNOWN)),
    ],
)
def test_a_tables_name_says_what_its_rows_are_about(table, rows):
    assert about(table) is rows


def test_a_column_may_name_a_thing_or_a_code():
    assert names_a_code("order_code")
    assert names_a_code("TrackingNumber")
    assert not names_a_code("CardNumber")
    assert names_a_thing("server_ip")
    assert not names_a_thing("client_ip")


def test_every_category_and_form_of_a_rule_exists():
    for rule in (*RULES, *FLAGS):
        assert rule.says.category in CATEGORIES
        assert {*rule.says.shapes, *rule.says.vocabulary} <= FORMS, rule.end


def test_every_type_that_is_looked_for_has_a_category():
    assert {entity for entity in engine().thresholds if category_of(entity) is None} == {"DATE_TIME"}


@pytest.mark.parametrize(
    ("value", "form", "has"),
    [
        ("33332664695310", "card", True),
        ("4111-1111-1111-1111", "card", True),
        ("123456", "card", False),
        ("697-555-0142", "phone_written", True),
        ("6975550142", "phone_written", False),
        ("1 (11) 500 555-0132", "phone_written", True),
        ("+4930901820", "phone_written", True),
        ("AW00000001", "account", False),
        ("1969-01-29", "date", True),
        ("Saint-Étienne", "words", True),
        ("# 12", "line", True),
        ("Please leave the parcel at the door of my kind neighbour.", "prose", True),
        ("<a><b>Ann</b><c>long enough to be a document</c></a>", "prose", True),
    ],
)
def test_forms(value, form, has):
    assert (form in shapes(value)) is has


@pytest.mark.parametrize(
    ("value", "lists"),
    [
        ("Małgorzata", {"first_name"}),
        ("Müller", {"last_name"}),
        ("Anna Grünwald", {"full_name"}),
        ("Grünwald, Anna", {"full_name"}),
        ("Anna 7", set()),
        ("São Paulo", {"city"}),
        ("Roman Catholic", {"religion"}),
        ("AB-", {"blood_group"}),
        ("0+", {"blood_group"}),
        ("Production Technician - WC60", {"job"}),
        ("female", {"gender", "gender_word"}),
        ("M", {"gender", "marital"}),
        ("Asthma", {"condition"}),
        ("order 66", set()),
        ("AW00000001", set()),
    ],
)
def test_vocabularies(value, lists):
    assert lists <= set(shapes(value)) & set(NAMES) <= {*lists, "full_name", *KNOWN}
    assert ("full_name" in shapes(value)) is ("full_name" in lists or value == "Roman Catholic")


@pytest.mark.parametrize(
    ("value", "form", "has"),
    [
        ("J45.909", "diagnosis_dotted", True),
        ("J45", "diagnosis_dotted", False),
        ("adventure-works\\ken0", "login", True),
        ("52.5200,13.4050", "geo_pair", True),
        ("1.5,2.5", "geo_pair", False),
        ("B-MW 1234", "plate", True),
        ("DE123456789", "vat", True),
        ("DEUTDEFF500", "bic", True),
        ("WVWZZZ1JZ3W386752", "vin", True),
        ("d41d8cd98f00b204e9800998ecf8427e", "hash", True),
        ("0x7ffe", "address_line", False),
        ("Main Street 5", "address_line", True),
        ("110", "years", True),
        ("18-25", "years", True),
        ("250", "years", False),
    ],
)
def test_forms_of_numbers_and_codes(value, form, has):
    assert (form in shapes(value)) is has


def test_forms_of_a_hostile_value_are_found_in_bounded_time():
    assert shapes("1 " * 50_000) == ("prose",)
    assert shapes("-" * 50_000) == ()


def test_a_tally_counts_values_and_keeps_none():
    tally = Tally()
    for value in ("ann@fennel.example", "mail ann@fennel.example or bob@fennel.example", "green"):
        tally.add(value)
    assert tally.values == 3
    assert dict(tally.hits) == {"EMAIL_ADDRESS": 2}
    assert dict(tally.whole) == {"EMAIL_ADDRESS": 1}
    assert "ann" not in repr(tally)
