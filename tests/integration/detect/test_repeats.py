"""A name that was read once is masked wherever it stands: in any case, in part, with a hyphen or a possessive."""

import re
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delible.detect.anonymise import mask_text
from delible.detect.findings import Finding, find
from delible.detect.operators import PLACEHOLDER
from delible.detect.repeats import canonical, common_words, folded, named, parts_of
from delible.model.masking import Masking, MaskOperator

KEY = b"0123456789abcdef-canary-key-0123"


def test_the_rest_of_a_name_does_not_leak():
    text = "Spoke to Anna Lopez in London. anna lopez waits; ANNA LOPEZ too; Lopez pays"
    masked = "Spoke to <PERSON_1> in <LOCATION_1>. <PERSON_1> waits; <PERSON_1> too; <PERSON_1> pays"
    assert mask_text(text) == masked


def left_of(text, *read):
    """Return the text with `_` for what is found, when the names were read at their first place."""
    spans = [(text.index(name), text.index(name) + len(name)) for name in read]
    found = named(text, [Finding(start, end, "PERSON", 0.85) for start, end in spans])
    covered = {place for f in found for place in range(f.start, f.end)}
    return re.sub(r"\x00+", "_", "".join("\x00" if i in covered else c for i, c in enumerate(text)))


@pytest.mark.parametrize(
    ("read", "rest", "left"),
    [
        ("Anna Lopez", "anna lopez, ANNA  LOPEZ, Anna\nLopez, anna_lopez, AnnaLopez", "_, _, _, _, _"),
        ("Anna Lopez", "Lopez's and Anna\u2019s, LOPEZ", "_'s and _\u2019s, _"),
        ("Anna Lopez", "Lopez-Garcia, Ruiz-Lopez, Lopez-2, a lopez", "_, _, _-2, a lopez"),
        ("Anna Lopez", "Annabel Lopezes, annalopezes", "Annabel Lopezes, annalopezes"),
        ("Dr Anna Lopez's", "Dr Bo met ANNA LOPEZ; It's hers", "Dr Bo met _; It's hers"),
        ("Anna-Maria Lopez-Ruiz", "Maria, ANNA-MARIA, Ruiz, lopez-ruiz", "_, _, _, lopez-ruiz"),
        ("Sean O'Brien", "O'Brien, O\u2019BRIEN's, Brien; SEAN OBRIEN", "_, _'s, _; _"),
        ("Uwe Groß", "UWE GROSS, Gross, GROSS", "_, _, _"),
        ("DİLA IŞIK", "Dila I\u015f\u0131k, d\u0131la \u0131\u015f\u0131k, DILA ISIK, dila is", "_, _, _, dila is"),
        ("José García", "JOSE\u0301 GARCI\u0301A, Jose Garcia, jos\u00adé gar\u200bcía", "_, _, _"),
        ("Ольга Ким", "ОЛЬГА КИМ, Ким", "_, _"),
        ("anna lopez", "lopez pays, Lopez too, lo", "_ pays, _ too, lo"),
        ("Mark Will", "Will Mark? will, mark", "Will Mark? will, mark"),
        ("Will Stone", "will stone; Will pays, Stone not", "_; Will pays, _ not"),
        ("Bo Li", "BO LI, Bo, Li", "_, Bo, Li"),
        ("Anna Lopez 4", "anna lopez 4", "_ 4"),
    ],
)
def test_spellings_and_parts_of_a_name(read, rest, left):
    assert left_of(f"{read} | {rest}", read) == f"_ | {left}"


def test_a_fragment_becomes_the_whole_name_that_is_known():
    text = "Anna Lopez wrote. ANNA LOPEZ waits."
    fragment = Finding(18, 22, "PERSON", 0.85)
    found = named(text, [Finding(0, 10, "PERSON", 0.85), fragment])
    assert sorted(text[f.start : f.end] for f in found) == ["ANNA LOPEZ", "Anna Lopez"]


def test_a_place_is_known_again_in_full_only():
    text = "New Romford is far. NEW ROMFORD, Romford"
    found = named(text, [Finding(0, 11, "LOCATION", 0.85)])
    assert sorted((text[f.start : f.end], f.entity) for f in found) == [
        ("NEW ROMFORD", "LOCATION"),
        ("New Romford", "LOCATION"),
    ]


def test_the_readers_own_name_is_not_taken_for_a_part_of_somebody_elses():
    text = "Spoke to Anna Lopez and to Maria Lopez in London. ANNA LOPEZ waits; Lopez pays"
    masked = mask_text(text, keep=["anna lopez"])
    assert masked == "Spoke to Anna Lopez and to <PERSON_1> in <LOCATION_1>. ANNA LOPEZ waits; <PERSON_1> pays"


WORDS = ("Anna", "Lopez", "O'Brien", "Groß", "IŞIK", "Jose\u0301", "García", "Ruiz-Ortega", "Nowak", "Žižek", "Łoś")
NAMES = st.lists(st.sampled_from(WORDS), min_size=2, max_size=3, unique=True).map(" ".join)
SPELLED = st.sampled_from([str, str.upper, str.title, str.swapcase, str.lower, str.casefold])
AROUND = st.sampled_from(["{}", "({})", "{}'s", "the {},", "\u00ad{}\u200b", "{}-Weber", "İ {}?", "ß {}"])


@given(NAMES, st.lists(st.tuples(SPELLED, AROUND, st.booleans()), max_size=6), st.data())
@example("Anna Groß", [(str.upper, "İ {}", False)], None)
def test_no_part_of_a_name_that_was_read_is_left(name, again, data):
    places = []
    for spell, around, in_part in again:
        word = data.draw(st.sampled_from(name.split())) if in_part else name
        places.append(around.format(str.title(word) if in_part else spell(word)))
    text = " ; ".join([name, *places])
    found = named(text, [Finding(0, len(name), "PERSON", 0.85)])
    covered = {place for f in found for place in range(f.start, f.end)}
    rest = "".join(" " if i in covered else c for i, c in enumerate(text))
    assert not {*parts_of(rest)} & {part for part in parts_of(name) if len(part) > 2}
    assert all(text[f.start : f.end].strip() == text[f.start : f.end] for f in found)
    assert named(text, sorted(found)) == found or {*named(text, sorted(found))} == {*found}


PIECES = (
    "Spoke to Anna Lopez in London.", "anna lopez waits", "ANNA LOPEZ", "Lopez pays", "Mr Lopez's car", "Lopez-Ruiz",
    "Dear John Miller, please call.", "Miller", "john miller", "JOHN", "see https://fennel.com/anna-lopez",
    "anna.lopez@fennel.example", "697-555-0142", "<PERSON_3>", "it is late",
)  # fmt: skip
OPERATORS = st.sampled_from([MaskOperator.REPLACE, MaskOperator.HASH, MaskOperator.SURROGATE, MaskOperator.REDACT])


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8), OPERATORS)
def test_masks_leave_no_part_of_a_read_name_and_mask_once(pieces, operator):
    text = " ; ".join(pieces)
    masking = Masking.model_validate({"default": operator})
    read = [text[f.start : f.end] for f in find(text) if f.entity == "PERSON"]
    masked = mask_text(text, masking=masking, key=KEY)
    names = {parts_of(name) for name in read if len(parts_of(name)) > 1}
    single = {part for name in names for part in name if len(part) > 2} - common_words()
    rest = re.findall(r"\w+", PLACEHOLDER.sub(" ", masked))
    assert not {folded(word) for word in rest if word[0].isupper()} & single
    assert not any(" ".join(name) in " ".join(map(folded, rest)) for name in names)
    assert mask_text(masked, masking=masking, key=KEY) == masked


@pytest.mark.parametrize("operator", [MaskOperator.REPLACE, MaskOperator.HASH, MaskOperator.SURROGATE])
def test_one_person_has_one_stand_in_however_the_name_is_written(operator):
    text = "Lopez pays. Spoke to José Lopez in London. JOSE LOPEZ waits | Mr José Lopez's car"
    masked = mask_text(text, masking=Masking.model_validate({"entities": {"PERSON": operator}}), key=KEY)
    first, second, third, fourth = re.findall(r"<PERSON[^>]*>|(?:\w+ )?Fennelby", masked)
    assert second == third == fourth
    assert first.split()[-1] == second.split()[-1]
    if operator is MaskOperator.HASH:  # of the full name, so that it joins with other texts
        assert second in mask_text("Spoke to José Lopez in Leeds.", masking=Masking(default="hash"), key=KEY)


@given(st.text(max_size=12))
@example("\u0130I\u0131i\u0307\u00df\u1e9e\u017f")
def test_folding_twice_is_folding_once(word):
    assert folded(folded(word)) == folded(word) == folded(normalize("NFD", word))


@pytest.mark.parametrize(
    ("name", "one"),
    [("Mr. ANNA  López's", "anna lopez"), ("O'Brien", "o-brien"), ("Lopez-Ruiz", "lopez-ruiz"), ("4 ...", "")],
)
def test_the_canonical_spelling(name, one):
    assert canonical(name) == one
