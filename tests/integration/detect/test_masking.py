"""Laws of masks, for every operator: once is enough, nothing found is left, nothing else is touched."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.detect.anonymise import SUBJECT, Names, mask_text, unmask_text
from delible.detect.findings import Finding, find
from delible.detect.operators import Secrets, operated
from delible.detect.surrogates import shifted, surrogates
from delible.errors import DelibleError
from delible.model.detection import Detection
from delible.model.masking import Masking, MaskOperator, MaskRule
from delible.model.nlp_model import NO_MODEL, SHIPPED
from delible.model.recognizer import Recognizer

KEY = b"0123456789abcdef-canary-key-0123"
PEOPLE = Detection(
    ("FR",),
    (
        Recognizer.model_validate(
            {
                "recognizer": "people",
                "description": "x",
                "entity": "PERSON",
                "category": "user.name",
                "words": ["Ann Lee", "Ann", "Lee", "Bob Roe", "Cem Lee"],
            }
        ),
    ),
    nlp=NO_MODEL,
)
WITH_MODEL = replace(PEOPLE, nlp=SHIPPED)
PIECES = [
    "ann@fennel.example",
    "Ann@Fennel.example",
    "697-555-0142",
    "(697) 555 0142",
    "4111 1111 1111 1111",
    "10.1.2.3",
    "https://fennel.com/?u=ann@fennel.example",
    "2026-01-31",
    "14/03/2025",
    "03/04/2025",
    "Ann Lee",
    "Lee",
    "Bob Roe",
    "2 55 08 14 168 025 38",
    "<EMAIL_ADDRESS_1>",
    "<PERSON#abcdefghijklmnopabcdefgh>",
    "<PERSON#abcdefghijklmnopabcdefgh.abcdefghijklmnopabcdefgh>",
    "<PERSON=Aabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop==.abcdefghijklmnopabcdefgh>",
    "<PERSON=abc.def>",
    "Elias Fennelby",
    "192.0.2.7",
    "ssn",
    "12",
    "*",
    "\n",
    "\ud800",
    "{x}",
]
TEXTS = st.tuples(st.lists(st.sampled_from(PIECES), max_size=7), st.sampled_from(["", " ", "; "])).map(
    lambda drawn: drawn[1].join(drawn[0])
)
RULES = st.sampled_from(
    [MaskRule(operator=o) for o in MaskOperator]
    + [MaskRule(operator=MaskOperator.MASK, count=4), MaskRule(operator=MaskOperator.MASK, count=4, from_end=True)]
)
TYPES = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "PERSON", "URL", "DATE_TIME", "FR_NIR", "IP_ADDRESS", SUBJECT)
MASKINGS = st.builds(Masking, default=RULES, entities=st.dictionaries(st.sampled_from(TYPES), RULES, max_size=4))
KNOWN = ("Ann Lee", "ann@fennel.example")


def mask(text, masking, detection=PEOPLE, **given):
    return mask_text(text, masking=masking, detection=detection, key=KEY, **given)


def only(operator, **given):
    return Masking(default=MaskRule(operator=operator, **given))


@settings(max_examples=settings().max_examples // 2)
@given(TEXTS, MASKINGS)
def test_masking_a_masked_text_changes_nothing(text, masking):
    once = mask(text, masking, WITH_MODEL, known=KNOWN)
    assert mask(once, masking, WITH_MODEL, known=KNOWN) == once


HIDING = [o for o in MaskOperator if o is not MaskOperator.KEEP]


@pytest.mark.parametrize("operator", HIDING)
@settings(max_examples=max(10, settings().max_examples // 4))
@given(st.lists(st.sampled_from(PIECES[:14]), min_size=1, max_size=6))
def test_nothing_that_is_found_is_left(operator, pieces):
    text = " and ".join(pieces)
    masked = mask(text, only(operator))
    for f in find(text, detection=PEOPLE):
        assert text[f.start : f.end] not in masked


PLAIN = st.text(st.characters(whitelist_categories=("Lu", "Ll", "Zs"), max_codepoint=0x24F), max_size=12)


@pytest.mark.parametrize("operator", HIDING)
@settings(max_examples=max(10, settings().max_examples // 4))
@given(st.lists(st.tuples(PLAIN, st.sampled_from(PIECES[:9])), min_size=1, max_size=5), PLAIN)
def test_what_stands_outside_of_findings_is_untouched(operator, parts, end):
    text = "".join(f"{plain} | {piece} | " for plain, piece in parts) + end
    found = find(text, detection=PEOPLE)
    outside, at = [], 0
    for f in found:
        outside.append(text[at : f.start])
        at = f.end
    outside.append(text[at:])
    pattern = ".*?".join(re.escape(each) for each in outside)
    assert re.fullmatch(pattern, mask(text, only(operator)), re.DOTALL)


@given(TEXTS)
def test_keep_keeps(text):
    assert mask(text, only(MaskOperator.KEEP), known=KNOWN) == text


@given(TEXTS.filter(lambda text: not re.search("\ud800|<PERSON=A", text)))
def test_what_was_encrypted_comes_back_with_the_key(text):
    masked = mask(text, only(MaskOperator.ENCRYPT), known=KNOWN)
    assert unmask_text(masked, KEY) == text


def test_another_key_opens_nothing():
    masked = mask("ann@fennel.example", only(MaskOperator.ENCRYPT))
    with pytest.raises(DelibleError) as caught:
        unmask_text(masked, b"another key of thirty-two bytes!")
    assert caught.value.code == "mask.wrong_key"


def test_a_ciphertext_that_somebody_wrote_is_masked_like_any_text():
    """Left alone, a name in this form would leave as it is."""
    forged = "<PERSON=" + "AnnLee" * 8 + "." + "a" * 24 + "> ann@fennel.example"
    assert unmask_text(mask(forged, only(MaskOperator.ENCRYPT)).partition("> ")[2], KEY) == "ann@fennel.example"


FORGED = [
    "<PERSON=" + "697-555-0142_" * 4 + "." + "a" * 24 + ">",
    "<PERSON=" + "697-555-0142_" * 4 + "==." + "a" * 24 + ">",
    "<PERSON#" + "annleepaidannleepaidannl" + "." + "a" * 24 + ">",
]
SPELLED = Detection(
    (),
    (
        Recognizer.model_validate(
            {
                "recognizer": "people",
                "description": "x",
                "entity": "PERSON",
                "category": "user.name",
                "patterns": [{"regex": "annlee"}],
            }
        ),
    ),
    nlp=NO_MODEL,
)


@pytest.mark.parametrize("key", [None, KEY, b"another key"])
@pytest.mark.parametrize("forged", FORGED)
def test_a_mark_that_somebody_wrote_is_read_like_any_text(forged, key):
    """Left alone, a name or a number in this form would leave as it is."""
    masked = mask_text(forged, detection=SPELLED, key=key)
    assert not re.search("annlee|555", masked)
    assert mask_text(masked, detection=SPELLED, key=key) == masked


@pytest.mark.parametrize("operator", [MaskOperator.HASH, MaskOperator.ENCRYPT])
def test_a_mark_is_known_again_by_its_key_alone(operator):
    masked = mask("Ann Lee, ann@fennel.example", only(operator))
    anything = replace(SPELLED, recognizers=(_anything("[A-Za-z]{20,}"),))
    assert mask(masked, Masking(), anything) == masked
    for key in (None, b"another key"):
        assert mask_text(masked, detection=anything, key=key) != masked


def test_a_placeholder_needs_no_key():
    assert mask_text("<PERSON_1> <US_SSN_12>", detection=replace(SPELLED, recognizers=(_anything(".+"),))) == (
        "<PERSON_1> <US_SSN_12>"
    )


def _anything(regex):
    return SPELLED.recognizers[0].model_copy(
        update={"patterns": (SPELLED.recognizers[0].patterns[0].model_copy(update={"regex": regex}),)}
    )


@pytest.mark.parametrize("operator", [MaskOperator.HASH, MaskOperator.ENCRYPT, MaskOperator.SURROGATE])
@given(TEXTS)
def test_the_output_never_holds_the_key(operator, text):
    masked = mask(text, only(operator))
    assert "canary-key" not in masked
    assert KEY.hex() not in masked


def test_pseudonyms_join_across_texts_and_hang_on_the_key():
    one, two = (mask(text, only(MaskOperator.HASH)) for text in ("ann@fennel.example!", "to ANN@fennel.example"))
    assert one.rstrip("!") == two.removeprefix("to ")
    assert mask_text("ann@fennel.example", masking=only(MaskOperator.HASH), key=b"other") not in one


@pytest.mark.parametrize("operator", [MaskOperator.REPLACE, MaskOperator.HASH, MaskOperator.SURROGATE])
def test_one_value_has_one_stand_in_within_a_document_and_two_have_two(operator):
    text = "ann@fennel.example; bob@fennel.example; ANN@fennel.example; 697-555-0142; 697 555 0142"
    ann, bob, again, phone, same = mask(text, only(operator)).split("; ")
    assert ann == again != bob
    assert phone == same


def test_a_person_keeps_one_name_and_a_shared_family_name_is_nobodys():
    text = "Bob Roe wrote; Roe and Bob Roe. Ann Lee and Cem Lee: Lee, Ann"
    roe = Detection((), (PEOPLE.recognizers[0].model_copy(update={"words": (*PEOPLE.recognizers[0].words, "Roe")}),))
    masked = mask_text(text, detection=roe)
    assert masked == "<PERSON_1> wrote; <PERSON_1> and <PERSON_1>. <PERSON_2> and <PERSON_3>: <PERSON_4>, <PERSON_2>"
    lifelike = mask_text(text, detection=roe, masking=only(MaskOperator.SURROGATE), key=KEY)
    assert lifelike.startswith("Elias Fennelby wrote; Fennelby and Elias Fennelby. ")


def test_surrogates_look_real_and_are_in_reserved_ranges():
    masked = mask("Ann Lee, ann@fennel.example, 697-555-0142, 10.1.2.3", only(MaskOperator.SURROGATE))
    assert masked == "Elias Fennelby, elias.fennelby.1@masked.example, +1 200-555-0100, 192.0.2.0"
    assert [entity for _, _, entity, _ in surrogates(masked, ("PERSON", "PHONE_NUMBER"))] == ["PERSON", "PHONE_NUMBER"]


def test_a_surrogate_that_would_run_into_its_neighbour_is_a_placeholder():
    """It would not be known again, and be masked in every round until the rounds are over."""
    pair = [(Finding(0, 3, "EMAIL_ADDRESS", 1.0), 1, "abc"), (Finding(3, 6, "URL", 1.0), 1, "def")]
    masked = operated("abcdef, ghi", pair, only(MaskOperator.SURROGATE).rule, Secrets(KEY, "abcdef, ghi"))
    assert masked == "<EMAIL_ADDRESS_1><URL_1>, ghi"


def test_an_address_in_a_link_is_masked_beside_the_link():
    masked = mask("https://fennel.com/?u=ann@fennel.example", only(MaskOperator.SURROGATE))
    assert masked == "https://www.masked.example/1/?elias.fennelby.1@masked.example"


def test_dates_move_together_by_an_offset_of_the_document():
    from datetime import date

    days = []
    for text in ("2026-01-31 then 2026-02-10", "On 2026-01-31 then 2026-02-10"):
        first, second = (
            date.fromisoformat(d.replace("\u2043", "-"))
            for d in re.findall(r"\d{4}\u2043\d\d\u2043\d\d", mask(text, only(MaskOperator.SURROGATE)))
        )
        assert (second - first).days == 10
        days.append((first - date(2026, 1, 31)).days)
    assert 0 not in days
    assert days[0] != days[1]


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2026-01-31", "2026\u204302\u204301"),
        ("2026-01-31T10:00:00Z", "2026\u204302\u204301"),
        ("14/03/2025", "2025\u204303\u204315"),
        ("03/14/2025", "2025\u204303\u204315"),
        ("03/04/2025", None),
        ("2026-02-31", None),
        ("9999-12-31", None),
        ("March 2025", None),
    ],
)
def test_a_date_is_moved_only_where_it_has_one_meaning(text, moved):
    assert shifted(text, 1) == moved


def test_a_mask_covers_what_it_is_told_to():
    card = Masking(entities={"CREDIT_CARD": MaskRule(operator="mask", count=15, character="#")})
    assert mask_text("4111 1111 1111 1111", masking=card) == "###############1111"


@pytest.mark.parametrize("operator", [MaskOperator.HASH, MaskOperator.ENCRYPT])
def test_without_a_key_nothing_is_masked_halfway(operator):
    with pytest.raises(DelibleError) as caught:
        mask_text("canary@fennel.example", masking=only(operator))
    assert caught.value.code == "mask.no_key"
    assert "canary" not in str(caught.value)


def test_names_number_values_above_those_that_stand_there_already():
    names = Names()
    new = Finding(0, 1, "PERSON", 1.0)
    assert names.numbers([(new, "ann")], [Finding(5, 9, "PERSON", 4.0)]) == [5]
    assert names.numbers([(new, "bob"), (new, "ann")], []) == [6, 5]


@pytest.mark.parametrize(
    "wrong",
    [{"operator": "redact", "count": 2}, {"operator": "mask", "character": "x"}, {"operator": "mask", "count": 0}],
)
def test_settings_belong_to_their_operator(wrong):
    with pytest.raises(ValueError, match=r"character|greater than 0"):
        MaskRule.model_validate(wrong)
