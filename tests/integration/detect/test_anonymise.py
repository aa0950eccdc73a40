"""Masked text: consistent inside a document, idempotent, and blind to what its own placeholders say."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.decide.detection import detection_of
from delible.detect.anonymise import mask_text
from delible.detect.findings import find
from delible.model.detection import Detection
from delible.model.masking import Masking
from delible.model.nlp_model import NO_MODEL
from delible.store.policies import load_policies

PIECES = [
    "ann@fennel.example",
    "Bob@Fennel.example",
    "697-555-0142",
    "(697) 555 0142",
    "4111 1111 1111 1111",
    "219-09-9998",
    "10.1.2.3",
    "https://fennel.com/?u=ann@fennel.example&x=1",
    "2026-01-31",
    "<EMAIL_ADDRESS_1>",
    "<PHONE_NUMBER_7>",
    "<SUBJECT_2>",
    "<b>",
    "295847284",
    "ssn",
    "call",
    "12",
    "\n",
    ",",
]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing here", "nothing here"),
        ("ann@fennel.example", "<EMAIL_ADDRESS_1>"),
        ("a@f.example, b@f.example, A@F.example", "<EMAIL_ADDRESS_1>, <EMAIL_ADDRESS_2>, <EMAIL_ADDRESS_1>"),
        ("697-555-0142 is (697) 555 0142", "<PHONE_NUMBER_1> is <PHONE_NUMBER_1>"),
        ("<EMAIL_ADDRESS_3> or a@f.example", "<EMAIL_ADDRESS_3> or <EMAIL_ADDRESS_4>"),
        ("<A_1> a@f.example", "<A_1> <EMAIL_ADDRESS_1>"),
        ("GET /u/ann@f.example and ann@f.example", "GET /u/<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_1>"),
        ("ann%40f.example, ann\\u0040f.example, ann&#64;f.example", ", ".join(["<EMAIL_ADDRESS_1>"] * 3)),
        ("bounce+ann=mail.example@lists.example", "<EMAIL_ADDRESS_1>"),
    ],
)
def test_values_become_numbered_placeholders(text, masked):
    assert mask_text(text) == masked


@given(st.lists(st.sampled_from(PIECES), max_size=7), st.sampled_from(["", " ", "; "]))
def test_masking_a_masked_text_changes_nothing(pieces, between):
    once = mask_text(between.join(pieces))
    assert mask_text(once) == once


@settings(max_examples=settings().max_examples // 3)
@given(st.lists(st.sampled_from(PIECES[:8]), min_size=1, max_size=5))
def test_no_found_value_is_left(pieces):
    text = " and ".join(pieces)
    masked = mask_text(text)
    for f in find(text):
        if f.entity in ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"):
            assert text[f.start : f.end] not in masked


@pytest.mark.parametrize(
    ("known", "text", "masked"),
    [
        ("Ann Lee", "I am ann  LEE.", "I am <SUBJECT_1>."),
        ("Ann Lee", "Joann Leeds came", "Joann Leeds came"),
        ("5550142", "dial 555-0142!", "dial <SUBJECT_1>!"),
        ("ann@fennel.example", "to ann@fennel.example", "to <SUBJECT_1>"),
        ("a.b*c", "axb a.b*c", "axb <SUBJECT_1>"),
        ("  ", "nothing to hide", "nothing to hide"),
    ],
)
def test_known_strings_are_masked_as_words_of_their_own(known, text, masked):
    assert mask_text(text, known=[known], detection=Detection(nlp=NO_MODEL)) == masked


@pytest.mark.parametrize(
    ("known", "text", "masked"),
    [
        ("José", "Jose\u0301 and JOSÉ", "<SUBJECT_1> and <SUBJECT_1>"),
        ("jose\u0301", "José, J\u00adosé", "<SUBJECT_1>, <SUBJECT_1>"),
        ("Straße", "STRASSE or strasse", "<SUBJECT_1> or <SUBJECT_1>"),
        ("DİLA ISIK", "dila  \u0131s\u0131k", "<SUBJECT_1>"),
        ("Zoë O'Brien", "to zoë o\u2019brien.", "to <SUBJECT_1>."),
    ],
)
def test_known_strings_are_masked_in_any_spelling(known, text, masked):
    assert mask_text(text, known=[known], detection=Detection(nlp=NO_MODEL)) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("I am oshin VANTERPOOL.", "I am <PERSON_1>."),
        ("Regards, Oshin", "Regards, <PERSON_1>"),
        ("oshin here, o'shin too", "<PERSON_1> here, o'shin too"),
        ("OshinVanterpool wrote", "<PERSON_1> wrote"),
        ("to oshin.vanterpool@fennel.example", "to <EMAIL_ADDRESS_1>"),
        ("Vanterpool, Oshin: oshin vanterpool", "<PERSON_1>, <PERSON_1>: <PERSON_1>"),
        ("Oshins parcel", "Oshins parcel"),
    ],
)
def test_names_that_a_table_knows_are_masked_whether_a_model_sees_them_or_not(text, masked):
    assert mask_text(text, names=["Oshin Vanterpool"], detection=Detection(nlp=NO_MODEL)) == masked


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("Will Li", "I will ask. Will", "I will ask. <PERSON_1>"),
        ("Will Li", "will li, li, Li", "<PERSON_1>, li, <PERSON_1>"),
        ("Dr. J. Okonkwo", "J. spoke to the Dr. and okonkwo", "J. spoke to the Dr. and <PERSON_1>"),
        ("May", "may I? May", "may I? <PERSON_1>"),
        ("  ", "nothing to hide", "nothing to hide"),
    ],
)
def test_words_that_are_names_and_common_are_names_with_a_capital_letter(name, text, masked):
    assert mask_text(text, names=[name], detection=Detection(nlp=NO_MODEL)) == masked


def test_a_rule_for_people_holds_for_names_that_a_table_knows():
    kept = Masking.model_validate({"entities": {"PERSON": "keep"}})
    text = "Oshin Vanterpool"
    assert mask_text(text, names=[text], masking=kept) == text
    assert mask_text("Oshin", names=[text], masking=Masking.model_validate({"entities": {"PERSON": "redact"}})) == ""


def test_the_same_name_with_other_blanks_has_the_same_number():
    text = "Mia Stone 4111 1111 1111 1111 paid. Mia Stone left. Mia  Stone wrote again."
    assert mask_text(text) == "<PERSON_1> <CREDIT_CARD_1> paid. <PERSON_1> left. <PERSON_1> wrote again."


def test_the_readers_own_values_can_be_kept():
    text = "ann@fennel.example wrote to bob@fennel.example, call (697) 555-0142"
    kept = mask_text(text, keep=["ANN@fennel.example", "6975550142"])
    assert kept == "ann@fennel.example wrote to <EMAIL_ADDRESS_1>, call (697) 555-0142"


def test_a_long_text_is_masked_in_blocks_without_losing_its_place():
    text = "".join(f"line {i} a{i % 50}@fennel.example\n" for i in range(1_500))
    masked = mask_text(text)
    assert masked.count("<EMAIL_ADDRESS_") == 1_500
    assert "@" not in masked
    assert masked.startswith("line 0 <EMAIL_ADDRESS_1>\nline 1 <EMAIL_ADDRESS_2>\n")
    assert masked.endswith("line 1499 <EMAIL_ADDRESS_50>\n")


def test_the_shop_masks_order_numbers_where_a_text_says_that_they_are_some():
    detection = detection_of(load_policies(Path(__file__).parents[3] / "policies/shop"))
    assert mask_text("Question about order 101022", detection=detection) == "Question about order <ORDER_NUMBER_1>"
    assert mask_text("It costs 101022", detection=detection) == "It costs 101022"
