import pytest
from pydantic import ValidationError

from delible.model.nlp_model import NO_MODEL, SHIPPED, DetectionSettings, NlpModel


def test_the_shipped_model_is_the_default_and_a_word_chooses_none() -> None:
    assert DetectionSettings().nlp == SHIPPED
    assert DetectionSettings.model_validate({"nlp": "shipped"}).nlp == SHIPPED
    assert DetectionSettings.model_validate({"nlp": "none"}).nlp == NO_MODEL


def test_another_model_is_named_with_its_engine() -> None:
    chosen = DetectionSettings.model_validate({"nlp": {"engine": "spacy", "model": "en_core_web_lg"}}).nlp
    assert chosen.labels["GPE"] == "LOCATION"
    assert chosen.labels["PERSON"] == "PERSON"
    assert "ORG" not in chosen.labels


def test_labels_of_ones_own_stand_alone() -> None:
    chosen = NlpModel(engine="spacy", model="m", people=("WHO",), places=("WHERE",))
    assert chosen.labels == {"WHO": "PERSON", "WHERE": "LOCATION"}


@pytest.mark.parametrize(
    "given",
    [
        {"nlp": None},
        {"nlp": "spacy"},
        {"nlp": "en_core_web_lg"},
        {"nlp": {"engine": "spacy"}},
        {"nlp": {"engine": "gliner", "model": ""}},
        {"nlp": {"engine": "shipped", "model": "en_core_web_lg"}},
        {"nlp": {"engine": "none", "people": ["PERSON"]}},
        {"nlp": {"engine": "spacy", "model": "m", "label": "PERSON"}},
        {"model": "en_core_web_lg"},
    ],
)
def test_anything_else_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DetectionSettings.model_validate(given)
