"""Verdicts on columns, as a decision table over counts; the rows are AdventureWorks' columns and their look-alikes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.intervals import miss_bound, wilson
from delible.decide.noise import by_chance
from delible.decide.tagging import NOT_PERSONAL, About, Around, ColumnFacts, NameEvidence
from delible.decide.verdict import tag
from delible.detect.columns import named
from delible.model.record import TagFinding
from delible.model.taxonomy import _CATEGORY_OF, category_of
from delible.model.terms import TagState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def verdict(
    column: str, kind: str = "string", values: int = 1_000, table: str = "t", complete: bool = False, **counts: int
) -> TagFinding:
    """Return the verdict; counts in capitals are whole values, `in_X` hits inside texts, the others forms."""
    whole = {name: n for name, n in counts.items() if name.isupper()}
    inside = {name.removeprefix("in_"): n for name, n in counts.items() if name.startswith("in_")}
    forms = {name: n for name, n in counts.items() if name not in whole and not name.startswith("in_")}
    facts = ColumnFacts(column, kind, values, complete, whole | inside, whole, forms)
    return tag(facts, named(column, table=table), table=table, version=3, at=NOW)


EMAIL, PHONE, CARD = "user.contact.email", "user.contact.phone_number", "user.financial.credit_card"
NATIONAL, TEXT = "user.government_id.national_identification_number", "user.content"


@pytest.mark.parametrize(
    ("rule", "category", "entity", "found"),
    [
        ("values and name agree", EMAIL, "EMAIL_ADDRESS", verdict("EmailAddress", EMAIL_ADDRESS=1_000)),
        ("values alone", EMAIL, "EMAIL_ADDRESS", verdict("c7", EMAIL_ADDRESS=900)),
        ("values beat a key's name", EMAIL, "EMAIL_ADDRESS", verdict("login_key", EMAIL_ADDRESS=900)),
        ("values beat the wrong name", EMAIL, "EMAIL_ADDRESS", verdict("City", EMAIL_ADDRESS=900, line=1_000)),
        ("four values are enough", EMAIL, "EMAIL_ADDRESS", verdict("EmailAddress", values=4, EMAIL_ADDRESS=4)),
        ("an e-mail's name without one", None, None, verdict("email", word=1_000)),
        ("an e-mail's name as a flag", None, None, verdict("email", "boolean", 0)),
        ("few e-mails among something else", EMAIL, "EMAIL_ADDRESS", verdict("code", EMAIL_ADDRESS=3)),
        ("phones", PHONE, "PHONE_NUMBER", verdict("PhoneNumber", PHONE_NUMBER=940, phone=1_000, phone_written=990)),
        ("written phones alone", PHONE, "PHONE_NUMBER", verdict("c1", PHONE_NUMBER=940, phone_written=990)),
        ("bare digits, far above chance", PHONE, "PHONE_NUMBER", verdict("order_no", PHONE_NUMBER=900, phone=1_000)),
        ("numbers that pass for phones", None, None, verdict("c1", "bigint", PHONE_NUMBER=110, phone=1_000)),
        (
            "a phone's name with numbers",
            PHONE,
            "PHONE_NUMBER",
            verdict("mobile", "bigint", PHONE_NUMBER=500, phone=999),
        ),
        ("cards that fail Luhn", CARD, "CREDIT_CARD", verdict("CardNumber", "bigint", CREDIT_CARD=97, card=1_000)),
        ("cards, none passes Luhn", CARD, "CREDIT_CARD", verdict("CardNumber", card=1_000)),
        ("a card's name, other digits", None, None, verdict("card_number", "bigint", number=1_000)),
        ("cards that pass, any name", CARD, "CREDIT_CARD", verdict("c4", CREDIT_CARD=990, card=1_000)),
        ("one in ten passes Luhn", None, None, verdict("order_no", CREDIT_CARD=100, card=1_000)),
        ("national numbers", NATIONAL, None, verdict("NationalIDNumber", id=290, values=290)),
        ("formatted SSN", NATIONAL, "US_SSN", verdict("c5", US_SSN=950)),
        ("login", "user.account.username", None, verdict("LoginID", word=290, values=290)),
        ("login as a number is a key", None, None, verdict("LoginID", "bigint", number=1_000)),
        ("birth date", "user.demographic.date_of_birth", "DATE_TIME", verdict("BirthDate", "date", 0)),
        ("birth date as text", "user.demographic.date_of_birth", "DATE_TIME", verdict("dob", DATE_TIME=999, date=999)),
        ("gender", "user.demographic.gender", None, verdict("Gender", values=2, short=2)),
        ("marital status", "user.demographic.marital_status", None, verdict("MaritalStatus", values=2, short=2)),
        ("street", "user.contact.address.street", "LOCATION", verdict("AddressLine1", address_line=1_000)),
        ("city", "user.contact.address.city", "LOCATION", verdict("City", name_like=575, values=575)),
        ("postal code", "user.contact.address.postal_code", None, verdict("PostalCode", postal=661, values=661)),
        ("a person's name", "user.name", "PERSON", verdict("ReviewerName", values=4, name_like=4)),
        ("a name among people", "user.name", "PERSON", verdict("name", table="customers", words=990)),
        ("a name among products", None, None, verdict("name", table="products", words=990)),
        ("IP", "user.device.ip_address", "IP_ADDRESS", verdict("ip", IP_ADDRESS=1_000)),
        ("IBAN", "user.financial.bank_account", "IBAN_CODE", verdict("account", IBAN_CODE=1_000)),
        ("free text by name", TEXT, None, verdict("Comments", values=4, prose=4)),
        ("free text with findings", TEXT, "EMAIL_ADDRESS", verdict("Resume", values=13, prose=13, in_EMAIL_ADDRESS=5)),
        ("free text unannounced", TEXT, "EMAIL_ADDRESS", verdict("c9", prose=900, in_EMAIL_ADDRESS=12)),
        ("prose without findings", None, None, verdict("description", prose=900)),
        ("what a model misreads in prose", None, None, verdict("description", prose=900, in_PERSON=45)),
        ("more than it misreads", TEXT, "PERSON", verdict("description", prose=900, in_PERSON=60)),
        ("people in prose", TEXT, "PERSON", verdict("c9", prose=900, in_PERSON=300)),
        (
            "e-mail among misread names",
            TEXT,
            "EMAIL_ADDRESS",
            verdict("c9", prose=900, in_PERSON=60, in_EMAIL_ADDRESS=12),
        ),
        ("a stray number in prose", None, None, verdict("description", prose=900, in_PHONE_NUMBER=1)),
        ("account code", None, None, verdict("AccountNumber", word=1_000, id=1_000)),
        ("key", None, None, verdict("CustomerID", "bigint", number=1_000, PHONE_NUMBER=16)),
        ("key text", None, None, verdict("event_id", UUID=1_000)),
        ("row date", None, None, verdict("ModifiedDate", "timestamp", 0)),
        ("row date as text", None, None, verdict("ModifiedDate", DATE_TIME=1_000, date=1_000)),
        ("rating", None, None, verdict("Rating", "bigint", values=3, number=3, short=3)),
        ("month", None, None, verdict("ExpMonth", "bigint", values=12, number=12, short=12)),
        ("flag", None, None, verdict("SalariedFlag", "bigint", values=2, number=2)),
        ("money", None, None, verdict("amount", "decimal(10,2)", 0)),
        ("product links", None, None, verdict("image_url", URL=1_000, word=1_000)),
        ("nothing but NULL", None, None, verdict("note_7_x", values=0)),
    ],
)
def test_verdict(rule, category, entity, found):
    assert (found.category, found.entity) == (category, entity), rule
    assert (found.confidence > 0) == (category is not None)


def test_the_best_type_wins():
    found = verdict("c", IP_ADDRESS=1_000, PHONE_NUMBER=340, phone_written=1_000)
    assert found.entity == "IP_ADDRESS"


def test_a_clean_verdict_from_a_sample_carries_its_bound():
    assert verdict("c", values=1_000).bound == pytest.approx(0.00299, abs=1e-5)
    assert verdict("c", values=0).bound == 1.0
    assert verdict("c", values=1_000, complete=True).bound == 0.0
    assert verdict("c", "timestamp", 0).bound == 0.0


def test_what_was_disregarded_is_still_counted():
    found = verdict("CustomerID", "bigint", PHONE_NUMBER=16)
    assert (found.category, found.hits) == (None, 16)
    assert 0.016 < found.bound < 0.03


def test_evidence_says_what_spoke():
    assert verdict("EmailAddress", EMAIL_ADDRESS=9, values=9).evidence == ("values", "name")
    assert verdict("c", EMAIL_ADDRESS=9, values=9).evidence == ("values",)
    assert verdict("BirthDate", "date", 0).evidence == ("name", "type")
    assert verdict("id", "date", 0).evidence == ("type",)


def test_a_second_witness_makes_surer():
    assert verdict("email", EMAIL_ADDRESS=800).confidence > verdict("c", EMAIL_ADDRESS=800).confidence


@given(st.integers(1, 10_000), st.data())
def test_the_interval_holds_the_share(values, data):
    hits = data.draw(st.integers(0, values))
    low, high = wilson(hits, values)
    assert 0 <= low <= hits / values <= high <= 1


@given(st.integers(1, 100_000))
def test_more_clean_values_never_weaken_the_bound(values):
    assert miss_bound(values + 1) < miss_bound(values)
    assert (1 - miss_bound(values)) ** values == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("rule", "complete", "rows", "unread", "bound"),
    [
        ("every row was empty", True, 40, False, 0.0),
        ("the drawn rows were empty", False, 40, False, 1.0),
        ("names alone", False, 0, True, 1.0),
        ("no row could be read", True, 0, True, 1.0),
    ],
)
def test_a_column_is_clean_only_where_rows_were_looked_at(
    rule: str, complete: bool, rows: int, unread: bool, bound: float
) -> None:
    facts = ColumnFacts("c7", "string", 0, complete, rows=rows)
    found = tag(facts, None, table="t", version=0, at=NOW)
    assert (found.category, "unread" in found.evidence, found.bound) == (None, unread, bound), rule


CARDS = {"hits": {"CREDIT_CARD": 90}, "whole": {"CREDIT_CARD": 90}, "shapes": {"card": 90, "has_card": 90}}
MAILS = {"hits": {"EMAIL_ADDRESS": 90}, "whole": {"EMAIL_ADDRESS": 90}}
FRACTIONS, OPAQUE = {"values": 1, "shapes": {"fraction": 1}}, {"values": 1, "shapes": {"opaque": 1}}
NOTHING, UNREAD = {"values": 0}, {"values": 0, "rows": 0}
CARD, FAITH = category_of("CREDIT_CARD"), "user.demographic.religious_belief"


@pytest.mark.parametrize(
    ("rule", "column", "kind", "facts", "category", "state", "bound"),
    [
        ("whole numbers in a double are read", "c7", "double", CARDS, CARD, "proposed", None),
        ("and in a decimal", "card_number", "decimal(18,2)", CARDS, CARD, "proposed", None),
        ("fractions are nobody's number", "amount", "double", FRACTIONS, None, "proposed", 0.0),
        ("a measure is one by its name", "salary", "double", FRACTIONS, "user.financial", "proposed", 0.0),
        ("bytes that are text are read", "raw", "binary", MAILS, EMAIL, "proposed", None),
        ("others are not looked at", "payload", "binary", OPAQUE, None, "proposed", 1.0),
        ("and asked about when named", "religion", "binary", OPAQUE, FAITH, "review", 1.0),
        ("nothing but NULL", "payload", "binary", NOTHING, None, "proposed", 0.0),
        ("names alone", "payload", "binary", UNREAD, None, "proposed", 1.0),
        ("names alone", "amount", "double", UNREAD, None, "proposed", 1.0),
        ("a truth value", "active", "boolean", NOTHING, None, "proposed", 0.0),
    ],
)
def test_types_that_may_hold_text_or_a_number(rule, column, kind, facts, category, state, bound):
    found = tag(
        ColumnFacts(column, kind, **({"values": 100, "complete": True, "rows": 100} | facts)),
        named(column, table="people"), table="people", version=0, at=NOW, around=Around(About.PEOPLE),
    )  # fmt: skip
    assert (found.category, found.state) == (category, state), rule
    assert bound is None or found.bound == bound, rule


def test_a_name_s_evidence_says_whether_rows_were_looked_at() -> None:
    for rows, unread in ((40, False), (0, True)):
        facts = ColumnFacts("email", "string", 0, complete=True, rows=rows)
        found = tag(facts, named("email", table="t"), table="t", version=0, at=NOW)
        assert (found.category, "unread" in found.evidence) == (EMAIL, unread)


def test_a_homonym_of_which_no_row_was_read_is_asked_about() -> None:
    for rows, state in ((40, TagState.PROPOSED), (0, TagState.REVIEW)):
        facts = ColumnFacts("race", "string", 0, complete=True, rows=rows)
        assert tag(facts, named("race", table="t"), table="t", version=0, at=NOW).state is state


ENTITIES = sorted({*_CATEGORY_OF} - NOT_PERSONAL)
FORMS_AROUND = {
    "codes": {"id": 1_000},
    "numbers": {"number": 1_000, "card": 1_000, "has_card": 1_000},
    "written numbers": {"phone_written": 1_000, "has_phone": 1_000},
    "versions": {"has_dotted": 1_000},
    "short texts": {"sentence": 900, "read": 900},
    "prose": {"prose": 900, "read": 900},
}


def looks_personal(found: TagFinding) -> bool:
    return found.category is not None or found.state is TagState.REVIEW


@given(
    st.lists(st.integers(0, 1_000), min_size=2, max_size=2, unique=True),
    st.booleans(),
    st.sampled_from(sorted(FORMS_AROUND)),
    st.sampled_from(["c", "email", "City", "note", "customer_ref", "server_ip", "treatment", "LoginID"]),
    st.sampled_from(["string", "bigint"]),
    st.sampled_from(list(About)),
)
def test_more_hits_never_make_a_column_less_personal(hits, whole, forms, column, kind, about):
    says = named(column, table="t")
    for entity in ENTITIES:

        def judged(n, entity=entity):
            found, alone = {entity: n}, {entity: n if whole else 0}
            facts = ColumnFacts(column, kind, 1_000, False, found, alone, FORMS_AROUND[forms])
            return tag(facts, says, table="t", version=3, at=NOW, around=Around(about))

        fewer, more = map(judged, sorted(hits))
        assert fewer.category is None or more.category is not None, entity
        assert not looks_personal(fewer) or looks_personal(more), entity


@pytest.mark.parametrize("forms", sorted(FORMS_AROUND))
@pytest.mark.parametrize("values", [4, 200, 100_000])
def test_hits_above_chance_are_never_called_clean(forms, values):
    shapes = {form: n * values // 1_000 for form, n in FORMS_AROUND[forms].items()}
    clean = ColumnFacts("c", "string", values, shapes=shapes, categories={"BADGE": "user.unique_id"})
    for entity in (*ENTITIES, "BADGE"):
        first = next(n for n in range(1, values + 1) if n > by_chance(replace(clean, hits={entity: n}), entity))
        assert first <= 0.17 * values + 3, "chance is small"
        for hits, whole in ((first, 0), (first, first), ((first + values) // 2, 0), (values, values)):
            facts = replace(clean, hits={entity: hits}, whole={entity: whole})
            assert looks_personal(tag(facts, None, table="t", version=3, at=NOW)), (entity, hits, whole)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
@pytest.mark.parametrize(
    "entity", ["CREDIT_CARD", "US_SSN", "US_ITIN", "PHONE_NUMBER", "IP_ADDRESS", "MAC_ADDRESS", "UK_NINO"]
)
def test_part_of_a_column_that_is_personal_is_looked_at(entity, share):
    form = {"CREDIT_CARD": "has_card", "PHONE_NUMBER": "has_phone", "IP_ADDRESS": "has_dotted"}.get(entity, "id")
    hits = int(share * 200)
    found = verdict("field7", values=200, **{entity: hits, form: hits})
    assert (found.state, found.category) == (TagState.REVIEW, category_of(entity))
    assert found.reason is not None
    assert f"{hits} of 200 values" in found.reason


@pytest.mark.parametrize(("hits", "state"), [(2, TagState.REVIEW), (6, TagState.REVIEW), (90, TagState.PROPOSED)])
@pytest.mark.parametrize("entity", ["US_SSN", "US_ITIN", "CREDIT_CARD", "PHONE_NUMBER"])
def test_a_handful_of_numbers_in_prose_is_looked_at(entity, hits, state):
    found = verdict("description", prose=900, **{f"in_{entity}": hits})
    assert (found.category, found.state, found.hits) == (TEXT, state, hits)


@pytest.mark.parametrize(
    ("entity", "forms", "hits", "seen"),
    [
        ("US_SSN", {}, 1, True),
        ("US_ITIN", {}, 1, True),
        ("CREDIT_CARD", {"has_card": 5}, 5, True),
        ("CREDIT_CARD", {"has_card": 1}, 1, False),
        ("CREDIT_CARD", {"has_card": 400_000}, 48_000, False),
        ("CREDIT_CARD", {"has_card": 400_000}, 49_000, True),
        ("UK_NINO", {"has_id": 19_000}, 19_000, True),
        ("UK_NINO", {"has_id": 1_000_000}, 19_000, False),
        ("UK_NINO", {"has_id": 1_000_000}, 21_000, True),
    ],
)
def test_few_of_very_many_values_are_weighed_against_what_looks_like_them(entity, forms, hits, seen):
    found = verdict("f7", values=1_000_000, **{entity: hits}, **forms)
    assert (found.state is TagState.REVIEW) == seen
    assert found.disregarded != seen


def test_codes_that_pass_for_social_security_numbers_are_looked_at():
    facts = ColumnFacts("order_code", "string", 200, hits={"US_SSN": 200}, whole={"US_SSN": 200})
    found = tag(facts, None, table="orders", version=1, at=NOW, around=Around(code=True))
    assert (found.category, found.state) == (NATIONAL, TagState.REVIEW)


def test_a_name_of_ones_own_counts_the_values_that_its_recognizer_finds():
    own = NameEvidence("user.unique_id", 0.9, "LOYALTY")
    facts = ColumnFacts("loyalty", "string", 200, hits={"LOYALTY": 60}, categories={"LOYALTY": "user.unique_id"})
    assert tag(facts, own, table="t", version=1, at=NOW).hits == 60


def test_cards_among_cities_are_not_hidden_by_the_name():
    found = verdict("City", name_like=900, in_CREDIT_CARD=100, has_card=100)
    assert (found.category, found.state) == ("user.contact.address.city", TagState.REVIEW)
    assert found.reason == "the name says city; 100 of 1,000 values hold a payment card."


@pytest.mark.parametrize(
    ("column", "hits"), [("religion", 900), ("ethnicity", 900), ("political_party", 900), ("union_membership", 900)]
)
def test_texts_about_a_special_category_stay_marked(column, hits):
    found = verdict(column, prose=1_000, in_PERSON=hits, read=1_000)
    assert (found.category, found.special, found.state) == (TEXT, True, TagState.REVIEW)


@pytest.mark.parametrize("column", ["therapy", "treatment", "condition"])
def test_texts_in_a_column_that_may_be_special_are_marked_until_somebody_looks(column):
    found = verdict(column, prose=1_000, in_PERSON=900, read=1_000)
    assert (found.category, found.special, found.state) == (TEXT, True, TagState.REVIEW)
    assert verdict("clinical_notes", prose=1_000, in_PERSON=900).category == "user.health_and_medical"


@pytest.mark.parametrize(
    ("unread", "state", "bound"),
    [
        (0, TagState.PROPOSED, 0.003),
        (10, TagState.PROPOSED, 0.019),
        (11, TagState.REVIEW, 0.02),
        (1_000, TagState.REVIEW, 1),
    ],
)
def test_values_in_which_no_names_were_looked_for_are_in_the_bound_and_asked_about(unread, state, bound):
    found = verdict("c9", unread_text=unread)
    assert (found.category, found.state, found.hits) == (None, state, 0)
    assert found.bound == pytest.approx(bound, abs=0.001)
    assert ("unread" in found.evidence) == bool(unread)
    complete = verdict("c9", unread_text=unread, complete=True)
    assert (complete.bound > 0) == bool(unread), "all values were seen, but not all were read"
    if state is TagState.REVIEW:
        assert found.reason is not None
        assert f"{unread:,} of 1,000 values" in found.reason


def test_what_was_found_in_other_values_is_a_verdict_all_the_same():
    assert verdict("c9", EMAIL_ADDRESS=900, unread_text=100).category == EMAIL
    assert verdict("City", name_like=900, unread_text=900).category == "user.contact.address.city"


@pytest.mark.parametrize(
    ("rule", "category", "facts"),
    [
        ("titles that a model misreads", None, {"in_PERSON": 150, "terse_PERSON": 150, "read": 1_000, "terse": 1_000}),
        ("notes that name people", TEXT, {"in_PERSON": 200, "terse_PERSON": 200, "read": 1_000, "terse": 1_000}),
        ("tickets among titles", TEXT, {"in_PERSON": 60, "terse_PERSON": 40, "read": 1_000, "terse": 900}),
        ("values that are names", "user.name", {"PERSON": 600, "terse_PERSON": 600, "read": 1_000, "terse": 1_000}),
        ("companies after people", None, {"PERSON": 310, "terse_PERSON": 310, "read": 1_000, "terse": 1_000}),
        ("one slip of two", None, {"in_PERSON": 1, "terse_PERSON": 1, "read": 2, "terse": 2, "values": 2}),
    ],
)
def test_short_texts_have_a_chance_of_their_own(rule, category, facts):
    assert verdict("c9", **facts).category == category, rule


def test_a_model_that_is_sure_settles_what_known_words_leave_open():
    facts = {"PERSON": 700, "terse_PERSON": 700, "read": 1_000, "terse": 1_000, "full_name": 200}
    found = verdict("c9", **facts)
    assert (found.category, found.state) == ("user.name", TagState.PROPOSED)
    assert verdict("c9", full_name=200).state is TagState.REVIEW
