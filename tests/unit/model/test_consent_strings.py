"""TCF and GPP strings: the specifications' examples, laws against a writer of our own, and nothing read past an end."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_strings import (
    base64,
    disclosed,
    fibonacci,
    gpc,
    gpp,
    gpp_header,
    number,
    publisher,
    tc_canada,
    tc_core,
    us_california,
    us_headed,
    us_national,
)
from delible.model.bits import Bits, MalformedString
from delible.model.consent_terms import TcfTerms
from delible.model.gpp import UsSection, decode_gpp
from delible.model.tcf import agrees, decode_tcf, decode_tcf_canada, objects

DAY = datetime(2026, 2, 28, tzinfo=UTC)
VENDORS = st.sets(st.integers(1, 1_200), max_size=20)
US, CA = "US", "US-CA"


def tc(**said: object) -> str:
    return base64(tc_core(DAY, **said), step=8)  # type: ignore[arg-type]


@given(
    purposes=st.sets(st.integers(1, 24)),
    interests=st.sets(st.integers(1, 24)),
    features=st.sets(st.integers(1, 12)),
    consenting=VENDORS,
    interested=VENDORS,
    told=st.none() | VENDORS,
    own=st.none() | st.sets(st.integers(1, 24)),
    as_ranges=st.booleans(),
)
def test_what_is_written_is_read(
    purposes: set[int],
    interests: set[int],
    features: set[int],
    consenting: set[int],
    interested: set[int],
    told: set[int] | None,
    own: set[int] | None,
    as_ranges: bool,
) -> None:
    core = tc(
        purposes=purposes,
        interests=interests,
        features=features,
        consenting=consenting,
        interested=interested,
        as_ranges=as_ranges,
    )
    segments = [publisher(own)] if own is not None else []
    segments += [disclosed(told)] if told is not None else []
    found = decode_tcf(".".join([core, *segments]))
    assert (found.purposes, found.interests, found.special_features) == (purposes, interests, features)
    assert (found.updated, found.policy_version) == (DAY, 4)
    assert {n for n in range(1, 1_300) if n in found.vendors} == consenting
    assert {n for n in range(1, 1_300) if n in found.vendor_interests} == interested
    assert found.publisher == own
    assert (found.disclosed is None) == (told is None)
    assert found.disclosed is None or {n for n in range(1, 1_300) if n in found.disclosed} == told


@pytest.mark.parametrize(
    ("name", "said", "terms", "yes"),
    [
        ("all of it", {"purposes": {1, 3}, "consenting": {755}}, TcfTerms(vendor=755, purposes=(1, 3)), True),
        ("a purpose is missing", {"purposes": {1}, "consenting": {755}}, TcfTerms(vendor=755, purposes=(1, 3)), False),
        ("the vendor is missing", {"purposes": {1, 3}, "consenting": {9}}, TcfTerms(vendor=755, purposes=(1,)), False),
        ("by interest alone", {"interests": {2}, "interested": {755}}, TcfTerms(vendor=755, purposes=(2,)), False),
        (
            "a special feature is missing",
            {"purposes": {1}, "consenting": {755}},
            TcfTerms(vendor=755, purposes=(1,), special_features=(1,)),
            False,
        ),
        (
            "a publisher forbids it",
            {"purposes": {1}, "consenting": {755}, "restrictions": [(1, 0, [(700, 800)])]},
            TcfTerms(vendor=755, purposes=(1,)),
            False,
        ),
        (
            "a publisher forbids it to others",
            {"purposes": {1}, "consenting": {755}, "restrictions": [(1, 0, [(756, 800)]), (2, 0, [(755, 755)])]},
            TcfTerms(vendor=755, purposes=(1,)),
            True,
        ),
        (
            "a publisher wants interests",
            {"purposes": {1}, "consenting": {755}, "restrictions": [(1, 2, [(755, 755)])]},
            TcfTerms(vendor=755, purposes=(1,)),
            False,
        ),
        ("no publisher's segment", {"purposes": {1}}, TcfTerms(purposes=(1,)), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_a_string_says_yes(name: str, said: dict[str, object], terms: TcfTerms, yes: bool) -> None:
    assert agrees(decode_tcf(tc(**said)), terms) is yes


def test_further_segments_count() -> None:
    core, vendor = tc(purposes={1}, consenting={755}), TcfTerms(vendor=755, purposes=(1,))
    assert agrees(decode_tcf(f"{core}.{disclosed({755})}"), vendor)
    assert not agrees(decode_tcf(f"{core}.{disclosed({754})}"), vendor)
    own = TcfTerms(purposes=(1, 2))
    assert agrees(decode_tcf(f"{tc()}.{publisher({1, 2})}"), own)
    assert not agrees(decode_tcf(f"{tc(purposes={1, 2})}.{publisher({1})}"), own)


def test_since_march_2026_a_string_says_which_vendors_were_disclosed() -> None:
    """TCF 2.3; what was made before, under 2.2, says nothing of it and stays valid."""
    core, vendor = {"purposes": {1}, "consenting": {755}}, TcfTerms(vendor=755, purposes=(1,))
    march = base64(tc_core(DAY + timedelta(days=1), **core), step=8)  # type: ignore[arg-type]
    assert agrees(decode_tcf(tc(**core)), vendor)
    with pytest.raises(MalformedString, match="disclosed"):
        decode_tcf(march)
    assert agrees(decode_tcf(f"{march}.{disclosed({755})}"), vendor)


def test_nobody_was_told_of_has_no_legitimate_interest() -> None:
    terms, core = TcfTerms(vendor=755, purposes=(2,)), tc(interests={2}, interested={755})
    assert not objects(decode_tcf(f"{core}.{disclosed({755})}"), terms)
    assert objects(decode_tcf(f"{core}.{disclosed({754})}"), terms)


@given(VENDORS, VENDORS, st.sets(st.integers(1, 24)), st.booleans())
def test_canada_s_strings_are_read(
    consenting: set[int], implying: set[int], express: set[int], as_ranges: bool
) -> None:
    text = tc_canada(
        DAY,
        express=express,
        implied={2},
        consenting=consenting,
        implying=implying,
        restrictions=[(3, 1, consenting)],
        as_ranges=as_ranges,
    )
    found = decode_tcf_canada(text)
    assert (found.updated, found.purposes, found.interests) == (DAY, express, {2})
    assert {n for n in range(1, 1_300) if n in found.vendors} == consenting
    assert {n for n in range(1, 1_300) if n in found.vendor_interests} == implying
    [restriction] = found.restrictions
    assert {n for n in range(1, 1_300) if n in restriction.vendors} == consenting
    for cut in range(len(text) - 4):
        with pytest.raises(MalformedString):
            decode_tcf_canada(text[:cut])


def test_legitimate_interests() -> None:
    terms = TcfTerms(vendor=755, purposes=(2,))
    assert not objects(decode_tcf(tc(interests={2}, interested={755})), terms)
    assert objects(decode_tcf(tc(interests={2})), terms)
    assert objects(decode_tcf(tc(interested={755})), terms)


@pytest.mark.parametrize(
    ("restriction", "no"),
    [
        ((2, 0, [(700, 800)]), True),
        ((2, 1, [(755, 755)]), True),
        ((2, 2, [(755, 755)]), False),
        ((3, 0, [(755, 755)]), False),
        ((2, 1, [(756, 800)]), False),
    ],
)
def test_a_publisher_can_take_a_legitimate_interest_away(restriction: tuple[int, int, Any], no: bool) -> None:
    """Restriction types of TCF v2.2: 0 is not allowed, 1 by consent alone, 2 by legitimate interest alone."""
    text = tc(interests={2, 3}, interested={755}, restrictions=[restriction])
    assert objects(decode_tcf(text), TcfTerms(vendor=755, purposes=(2,))) is no


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "not base64!",
        "C",
        tc(version=1),
        tc(service_specific=False),
        tc(policy=3),
        tc() + ".",
        tc() + "." + base64(number(5, 3)),
        f"{tc()}.{publisher({1})}.{publisher({2})}",
        tc() + "AAAB",
        "=" + tc(),
        tc() + "\n",
    ],
)
def test_strings_that_are_none(text: str) -> None:
    with pytest.raises(MalformedString):
        decode_tcf(text)


def test_an_earlier_policy_counts_for_strings_of_its_time() -> None:
    old = base64(tc_core(datetime(2023, 9, 30, tzinfo=UTC), purposes={1}, consenting={1}, policy=2))
    assert agrees(decode_tcf(old), TcfTerms(vendor=1, purposes=(1,)))


@given(st.data(), VENDORS.filter(bool), st.booleans())
def test_a_string_that_is_cut_off_never_says_yes(data: st.DataObject, consenting: set[int], as_ranges: bool) -> None:
    """A decoder that reads past the end finds ones there, or zeros: either makes up what nobody said."""
    text = tc(purposes={1}, consenting=consenting, as_ranges=as_ranges)
    cut = text[: data.draw(st.integers(0, len(text) - 4))]
    with pytest.raises(MalformedString):
        decode_tcf(cut)


@pytest.mark.parametrize(("value", "code"), [(1, "11"), (2, "011"), (3, "0011"), (4, "1011"), (7, "01011")])
def test_fibonacci_as_the_specification_has_it(value: int, code: str) -> None:
    assert fibonacci(value) == code
    assert Bits(base64(code)).fibonacci() == value


@given(st.sets(st.integers(1, 4_000), min_size=1, max_size=40))
def test_fibonacci_ranges(ids: set[int]) -> None:
    bits = Bits(gpp_header(ids))
    assert (bits.number(6), bits.number(6)) == (3, 1)
    assert bits.fibonacci_ids() == tuple(sorted(ids))
    bits.finish()


@pytest.mark.parametrize(("header", "ids"), [("DBABM", (2,)), ("DBACNY", (2, 6)), ("DBABjw", (5, 6))])
def test_headers_of_the_specification(header: str, ids: tuple[int, ...]) -> None:
    assert gpp_header(ids) == header
    bits = Bits(header)
    bits.skip(12)
    assert bits.fibonacci_ids() == ids


@pytest.mark.parametrize(
    ("name", "text", "us"),
    [
        ("nothing said", gpp(s7=us_national()), UsSection(US, False)),
        ("opted out of sale", gpp(s7=us_national(sale=1)), UsSection(US, True)),
        ("did not opt out", gpp(s7=us_national(sale=2, sharing=2, ads=2)), UsSection(US, False)),
        ("opted out of sharing", gpp(s7=us_national(sale=2, sharing=1)), UsSection(US, True)),
        ("opted out of advertising", gpp(s7=us_national(ads=1)), UsSection(US, True)),
        ("a signal of the browser", gpp(s7=us_national(sale=2) + "." + gpc(True)), UsSection(US, True)),
        ("no signal of the browser", gpp(s7=us_national(sale=2) + "." + gpc(False)), UsSection(US, False)),
        ("a teenager", gpp(s7=us_national(children=(1, 0))), UsSection(US, False, 13)),
        ("a child", gpp(s7=us_national(children=(1, 2))), UsSection(US, False, 0)),
        ("nearly of age, version 2", gpp(s7=us_national(children=(0, 0, 2))), UsSection(US, False, 16)),
        ("California", gpp(s8=us_california(sharing=1)), UsSection(CA, True)),
        ("a child in California", gpp(s8=us_california(children=(0, 1))), UsSection(CA, False, 0)),
        ("US privacy", gpp(s6="1YYN"), UsSection(US, True)),
        ("US privacy, no", gpp(s6="1YNN"), UsSection(US, False)),
        ("US privacy, not applicable", gpp(s6="1---"), UsSection(US, False)),
        ("Virginia", gpp(s9=base64("000001" + "01" * 3 + "0110")), UsSection("US-VA", True)),
        ("Utah has four notices", gpp(s11=base64("000001" + "01" * 4 + "1001")), UsSection("US-UT", True)),
        ("Utah, no", gpp(s11=base64("000001" + "01" * 4 + "1010")), UsSection("US-UT", False)),
        ("Maryland", gpp(s24=us_headed(24, sale=1)), UsSection("US-MD", True)),
        ("Maryland, no", gpp(s24=us_headed(24, sale=2, ads=2)), UsSection("US-MD", False)),
        ("Maryland, a signal", gpp(s24=us_headed(24, sale=2) + "." + gpc(True)), UsSection("US-MD", True)),
        ("Indiana", gpp(s25=us_headed(25, ads=1)), UsSection("US-IN", True)),
        ("a child in Indiana", gpp(s25=us_headed(25, child=2)), UsSection("US-IN", False, 0)),
        ("Kentucky", gpp(s26=us_headed(26, sale=1)), UsSection("US-KY", True)),
        ("Rhode Island, sensitive", gpp(s27=us_headed(27) + "." + base64("01" * 8)), UsSection("US-RI", False)),
        ("written by others: national", "DBABLA~BVVVVVVVVWA.YA", UsSection(US, True, 0)),
        ("written by others: national, version 2", "DBABLA~CAAAAAAAAAWA.Q", UsSection(US, False, 16)),
        ("written by others: California", "DBABBg~BAAAAACA", UsSection(CA, False)),
        ("written by others: signal", "DBABBg~BVqqqqpY.YA", UsSection(CA, True, 0)),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_sections_of_the_united_states(name: str, text: str, us: UsSection) -> None:
    found = decode_gpp(text)
    assert (found.us, found.tcf, found.unread) == ((us,), None, ())


def test_several_sections() -> None:
    core = tc(purposes={1}, consenting={755})
    canada = tc_canada(DAY, express={3}, consenting={755})
    found = decode_gpp(gpp(s2=core, s5=canada, s8=us_california(sale=1), s28="BAAA"))
    assert found.tcf == decode_tcf(core)
    assert found.canada == decode_tcf_canada(canada)
    assert found.us == (UsSection(CA, True),)
    assert found.unread == (28,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DBABM",
        tc(),
        "DBABM~" + tc() + "~" + tc(),
        "DBABM~" + tc()[:-8],
        gpp(s6="2YYN"),
        gpp(s6="1Y"),
        gpp(s7=us_national()[:-4]),
        gpp(s7=us_national() + "." + base64("101")),
        gpp(s8="D" + us_california()[1:]),
        gpp(s5="BPXuQIAPXuQIAAfKABENB-CgAAAAAAAAAAAAAAAA"),  # without publishers' restrictions
        gpp(s5=tc_canada(DAY, version=2)),
        gpp(s24=us_headed(25)),
        gpp(s24=us_headed(24, version=2)),
        gpp(s24=us_headed(24).partition(".")[0]),
        gpp(s24=us_headed(24)[:-1]),
        gpp(s25=us_headed(25) + "." + gpc(True)),
        "DBAB" + "A" * 50 + "~x",
    ],
)
def test_gpp_strings_that_are_none(text: str) -> None:
    with pytest.raises(MalformedString):
        decode_gpp(text)


@given(st.text(alphabet="ABCDEFabcdef0123456789-_.~=", max_size=60))
def test_no_text_breaks_the_decoders(text: str) -> None:
    for decode in (decode_tcf, decode_gpp):
        with suppress(MalformedString):
            decode(text)
