"""Verdicts in the light of the table: whose rows they are, what stands beside, and when a person has to look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.table_tags import Column, tag_table
from delible.decide.tagging import About, ColumnFacts
from delible.detect.column_rules import RULES
from delible.detect.columns import about, named, names_a_code, names_a_thing
from delible.detect.shapes import FORMS
from delible.model.record import TagFinding
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import TagState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def counts(name: str, values: int = 1_000, kind: str = "string", complete: bool = False, **found: int) -> ColumnFacts:
    """Return counts; capitals are whole values, `in_X` hits inside texts, the others forms."""
    whole = {k: n for k, n in found.items() if k.isupper()}
    inside = {k.removeprefix("in_"): n for k, n in found.items() if k.startswith("in_")}
    forms = {k: n for k, n in found.items() if k.islower() and not k.startswith("in_")}
    return ColumnFacts(name, kind, values, complete, whole | inside, whole, forms)


def judged(table: str, *facts: ColumnFacts) -> dict[str, TagFinding]:
    columns = [Column(f, named(f.column, table=table), names_a_thing(f.column), names_a_code(f.column)) for f in facts]
    return {f.column: f for f in tag_table(columns, about=about(table), table=table, version=0, at=NOW)}


def first(table: str, *facts: ColumnFacts) -> TagFinding:
    return judged(table, *facts)[facts[0].column]


CITY = counts("city", name_like=1_000)
GENDER = counts("gender", values=3, complete=True, short=3)
SURNAME = counts("surname", name_like=1_000, last_name=400)
RACE = counts("race", values=6, complete=True, line=6)
ETHNIC = counts("race", values=6, complete=True, line=6, ethnicity=5)
TITLE = counts("title", line=1_000, words=1_000)
JOBS = counts("title", line=1_000, words=1_000, job=700)
STATE = counts("state", values=9, complete=True, name_like=9)
LATITUDE = counts("latitude", kind="double", values=0)
LONGITUDE = counts("longitude", kind="double", values=0)
ADDRESS, PLACE = "user.contact.address", "user.location.precise"


@pytest.mark.parametrize(
    ("rule", "category", "found"),
    [
        ("a person's city", f"{ADDRESS}.city", first("customers", CITY)),
        ("a shop's city", None, first("stores", CITY)),
        ("the city of those who work in shops", f"{ADDRESS}.city", first("stores", CITY, SURNAME)),
        ("the gender of a shirt", None, first("products", GENDER)),
        ("the gender of a person", "user.demographic.gender", first("t", GENDER)),
        ("a race that is run", None, first("t", RACE)),
        ("runners in a table of races", None, first("races", RACE)),
        ("a race by its values", "user.demographic.race_ethnicity", first("t", ETHNIC)),
        ("a film's title", None, first("t", TITLE)),
        ("a film's title beside its maker", None, first("t", TITLE, SURNAME)),
        ("a job's title without people", None, first("t", JOBS)),
        ("a person's job title", "user.job_title", first("t", JOBS, SURNAME)),
        ("the state of a machine", None, first("t", STATE)),
        ("the state of an address", f"{ADDRESS}.state", first("t", STATE, CITY)),
        ("half of a position", None, first("t", LATITUDE)),
        ("a position", PLACE, first("t", LATITUDE, LONGITUDE)),
        ("a shop's position", None, first("stores", LATITUDE, LONGITUDE)),
        ("union membership", "user.social", first("t", counts("trade_union", values=4, complete=True, short=4))),
        ("religions by values", "user.demographic.religious_belief", first("t", counts("c5", values=9, religion=8))),
        ("blood groups by values", "user.health_and_medical", first("t", counts("x", values=8, blood_group=8))),
        ("school grades are no blood groups", None, first("t", counts("x", values=4, blood_group=4))),
        ("names by values", "user.name", first("t", counts("c1", full_name=700, name_like=990))),
        ("names of paints", None, first("t", counts("paint_colour", first_name=400, name_like=990))),
        ("names of products", None, first("products", counts("label", first_name=400, name_like=990))),
        (
            "sick leave",
            "user.health_and_medical",
            first("t", counts("SickLeaveHours", 70, "bigint", number=70, short=70)),
        ),
        ("vacation", None, first("t", counts("VacationHours", 70, "bigint", number=70, short=70))),
        ("a Boolean about health", "user.health_and_medical", first("t", counts("is_pregnant", 0, "boolean"))),
        ("a Boolean about an e-mail", None, first("t", counts("email_verified", 0, "boolean"))),
        ("enumerated notes", None, first("t", counts("notes", values=6, complete=True, short=6))),
    ],
)
def test_verdict(rule, category, found):
    assert found.category == category, rule


@pytest.mark.parametrize(
    ("category", "reason", "found"),
    [
        (
            "user.contact.email",
            "the name says e-mail address; 3 of 1,000 values look like one.",
            first("t", counts("email", EMAIL_ADDRESS=3, word=1_000)),
        ),
        (
            None,
            "the name says e-mail address; none of 1,000 values look like one.",
            first("t", counts("email", word=1_000)),
        ),
        (
            "user.contact.email",
            "the name says city; 900 of 1,000 values hold an e-mail address.",
            first("t", counts("City", EMAIL_ADDRESS=900, name_like=1_000)),
        ),
        (
            "user.contact.email",
            "the name says nothing; 3 of 1,000 values hold an e-mail address.",
            first("t", counts("code", EMAIL_ADDRESS=3)),
        ),
        (
            "user.government_id.passport_number",
            "the name says passport number; only 400 of 1,000 values have its form.",
            first("t", counts("passport_no", id=400, word=1_000)),
        ),
        (
            "user.device.ip_address",
            "1,000 of 1,000 values hold an IP address; by its name it may be a machine's.",
            first("t", counts("server_ip_seen", IP_ADDRESS=1_000)),
        ),
        (
            "user.financial.credit_card",
            "1,000 of 1,000 values hold a payment card; by its name they are codes.",
            first("t", counts("order_code", CREDIT_CARD=1_000, card=1_000)),
        ),
        (
            "user.name",
            "the name says nothing; 120 of 1,000 values are known words or codes for name.",
            first("t", counts("c9", full_name=120, name_like=990)),
        ),
        (
            "user.health_and_medical",
            "the name says nothing; 950 of 1,000 values are known words or codes for health data.",
            first("t", counts("c8", diagnosis=950, diagnosis_dotted=600)),
        ),
        (
            "user.demographic.race_ethnicity",
            "the name may say racial or ethnic origin; 0 of 6 values are known words for it.",
            first("players", RACE),
        ),
        (
            "user.demographic.race_ethnicity",
            "the column says racial or ethnic origin; by its table's name the rows are things, and may be no person's.",
            first("races", ETHNIC),
        ),
        (
            "user.name",
            "the name may say name, and no value was read.",
            first("t", ColumnFacts("display_name", "string")),
        ),
    ],
)
def test_conflicting_evidence_goes_to_review_in_plain_words(category, reason, found):
    assert (found.state, found.category, found.reason) == (TagState.REVIEW, category, reason)


BORN = counts("birth_date", kind="date", values=0)
DIAGNOSIS = counts("diagnosis", line=1_000, short=900)
FAITHS = counts("religion", line=1_000, religion=600)
FAITH = counts("religion", line=1_000)
FIRST = counts("first_name", name_like=1_000)
FIRSTS = counts("first_name", name_like=1_000, first_name=600)
OWNERS = counts("owner_name", name_like=1_000, full_name=800)
THINGS = ["stores", "pets", "routes", "hotels", "books", "products", "machines"]


@pytest.mark.parametrize("table", THINGS)
@pytest.mark.parametrize("column", [BORN, DIAGNOSIS, FAITH, FAITHS, FIRST, FIRSTS, OWNERS], ids=lambda c: c.column)
def test_what_people_have_is_never_dropped_by_a_tables_name_alone(table, column):
    found = first(table, column)
    assert found.category is not None


@pytest.mark.parametrize("table", THINGS)
@pytest.mark.parametrize("column", [BORN, DIAGNOSIS, FAITH, FIRST], ids=lambda c: c.column)
def test_in_a_table_of_things_a_person_looks_at_it(table, column):
    assert first(table, column).state is TagState.REVIEW


@pytest.mark.parametrize("witness", [FIRSTS, OWNERS, FAITHS], ids=lambda c: c.column)
def test_values_that_agree_turn_a_table_of_things_into_one_of_people(witness):
    found = judged("machines", BORN, GENDER, CITY, witness)
    assert {(f.state, f.category is not None) for f in found.values()} == {(TagState.PROPOSED, True)}


@pytest.mark.parametrize(
    "way", [counts("email", EMAIL_ADDRESS=1_000), counts("phone", PHONE_NUMBER=900, phone=1_000, phone_written=990)]
)
def test_where_somebody_can_be_reached_traits_are_looked_at(way):
    found = judged("hotels", GENDER, CITY, BORN, way)
    assert [f.state for f in found.values()] == [TagState.REVIEW] * 3 + [TagState.PROPOSED]
    assert all(f.category for f in found.values())


@pytest.mark.parametrize("table", ["contracts", "clubs", "schools", "wallets", "hospitals", "clinics", "sessions"])
def test_tables_that_mostly_hold_people_are_no_things(table):
    assert {f.state for f in judged(table, BORN, GENDER, FIRST, DIAGNOSIS).values()} == {TagState.PROPOSED}
    assert about(table) is About.UNKNOWN


@pytest.mark.parametrize("table", ["products", "machines"])
def test_vocabularies_in_a_table_of_things_are_looked_at(table):
    found = judged(table, counts("c5", values=9, religion=8), counts("c6", full_name=700, name_like=990))
    assert {f.state for f in found.values()} == {TagState.REVIEW}
    assert found["c5"].special


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("a flag", first("t", counts("email", values=2, complete=True, flag=2, word=2))),
        ("many log in with their e-mail address", first("t", counts("login", EMAIL_ADDRESS=900, word=1_000))),
        ("one in ten random numbers passes for a card", first("t", counts("order_code", CREDIT_CARD=100, card=1_000))),
        ("cards that fail Luhn", first("t", counts("CardNumber", CREDIT_CARD=97, card=1_000))),
        ("free text with e-mails", first("t", counts("comments", prose=900, in_EMAIL_ADDRESS=30))),
        ("a client's IP address", first("t", counts("client_ip", IP_ADDRESS=1_000))),
    ],
)
def test_what_needs_no_review(rule, found):
    assert found.state is TagState.PROPOSED, rule


@pytest.mark.parametrize(
    ("column", "kind", "category"),
    [
        ("CardNumber", "bigint", "user.financial.credit_card"),
        ("email", "string", "user.contact.email"),
        ("email", "bigint", None),
        ("LoginID", "int", None),
        ("PhoneNumberTypeID", "int", None),
        ("birth_date", "date", "user.demographic.date_of_birth"),
        ("ModifiedDate", "timestamp", None),
    ],
)
def test_names_and_types_alone_are_believed_half_and_say_that_nothing_was_read(column, kind, category):
    found = first("t", ColumnFacts(column, kind))
    assert found.category == category
    if category and kind != "date":
        assert found.evidence == ("name", "type", "unread")
        assert 0 < found.confidence <= 0.45
        assert found.bound == 1.0


def test_special_categories_are_marked_also_without_a_key_of_their_own():
    found = judged(
        "t", counts("trade_union", values=4, short=4), counts("religion", values=4, line=4), counts("city", name_like=9)
    )
    assert [f.special for f in found.values()] == [True, True, False]
    assert found["trade_union"].category == "user.social"


@pytest.mark.parametrize(
    ("column", "quasi"),
    [("dob", True), ("zip", True), ("gender", True), ("job_title", True), ("ssn", False), ("x", False)],
)
def test_quasi_identifiers_are_marked(column, quasi):
    found = first("t", counts(column, date=1_000, postal=1_000, short=1_000, line=1_000, id=1_000))
    assert found.quasi is quasi


def rule_names() -> Iterator[str]:
    yield from ("email", "phone", "race", "city", "notes", "server_ip", "card_number", "dob", "c1", "state", "title")


@st.composite
def facts(draw):
    values = draw(st.integers(0, 2_000))
    share = st.integers(0, values)
    types = st.sampled_from(["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IP_ADDRESS", "US_SSN", "URL"])
    whole = draw(st.dictionaries(types, share, max_size=3))
    forms = draw(st.dictionaries(st.sampled_from(sorted(FORMS)), share, max_size=6))
    kind = draw(st.sampled_from(["string", "bigint", "boolean", "double", "date", "decimal(10,2)"]))
    return ColumnFacts(
        draw(st.sampled_from(list(rule_names()))), kind, values, draw(st.booleans()), whole, whole, forms
    )


@given(facts(), st.sampled_from(list(About)), st.booleans())
def test_every_verdict_is_whole(one, rows, thing):
    column = Column(one, named(one.column), thing)
    (found,) = tag_table([column], about=rows, table="t", version=0, at=NOW)
    assert found.category is None or found.category in CATEGORIES
    assert 0 <= found.confidence <= 1
    assert 0 <= found.hits <= max(one.values, found.hits)
    assert (found.reason is not None) == (found.state is TagState.REVIEW)
    assert found.category is not None or found.entity is None


def test_every_rule_names_a_category_and_matches_something():
    assert len({rule.end for rule in RULES}) == len(RULES)
    assert all(rule.says.vocabulary for rule in RULES if rule.says.homonym)
