import pytest

from delible.detect.prose import looks_like_prose


@pytest.mark.parametrize(
    "value",
    [
        "please call me back before noon",
        "Spoke to Anna Lopez, she wants a refund for order 88231.",
        "the parcel never came\nand nobody answers the phone",
        '"It broke," he said (twice) and hung up.',
        "Die Heizung ist seit gestern kaputt",
    ],
)
def test_running_text_is_read_by_the_model(value: str) -> None:
    assert looks_like_prose(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Anna Lopez",
        "Quality Assurance Technician",
        "SO-43659 29825 2026-11-02 10:20",
        "adventure-works\\ken0 adventure-works\\ann0 a b c",
        "<note><to>me and you</to></note>",
        '{"first": "ann", "last": "lee", "town": "york"}',
        "a1 b2 c3 d4 e5 f6",
        "Mountain Bike Frame Black Size 42",
        "A B C D E F G",
        "Mountain-100 Silver, 38",
    ],
)
def test_codes_names_and_markup_are_not(value: str) -> None:
    assert not looks_like_prose(value)
