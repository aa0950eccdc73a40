"""Data categories: known keys, special categories, Presidio's entities."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from delible.model.policy import ColumnPolicy
from delible.model.taxonomy import (
    _ENTITIES,
    CATEGORIES,
    category_of,
    is_criminal,
    is_identifying,
    is_personal,
    is_special,
)


def test_every_key_has_its_parent():
    assert len(CATEGORIES) == 85
    assert all(key.rpartition(".")[0] in CATEGORIES for key in CATEGORIES if "." in key)


def test_every_entity_stands_for_one_known_category():
    entities = [entity for each in _ENTITIES.values() for entity in each]
    assert len(entities) == len(set(entities))
    assert set(_ENTITIES) <= set(CATEGORIES)


@pytest.mark.parametrize(
    ("entity", "category"),
    [
        ("PERSON", "user.name"),
        ("EMAIL_ADDRESS", "user.contact.email"),
        ("CREDIT_CARD", "user.financial.credit_card"),
        ("US_SSN", "user.government_id.national_identification_number"),
        ("NRP", "user.demographic.race_ethnicity"),
        ("DATE_TIME", None),
        ("NO_SUCH_ENTITY", None),
    ],
)
def test_category_of_entity(entity, category):
    assert category_of(entity) == category


@pytest.mark.parametrize(
    ("category", "special"),
    [
        ("user.health_and_medical", True),
        ("user.health_and_medical.genetic", True),
        ("user.biometric.voice", True),
        ("user.demographic.religious_belief", True),
        ("user.demographic.gender", False),
        ("user.criminal_history", False),
        ("user.contact.email", False),
    ],
)
def test_article_9_special_categories(category, special):
    assert is_special(category) is special


def test_other_classes():
    assert is_criminal("user.criminal_history")
    assert is_personal("user")
    assert not is_personal("system.operations")
    assert is_identifying("user.name.first")
    assert not is_identifying("user.unique_id.pseudonymous")
    assert not is_identifying("user.contact.address.city")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("email", "user.contact.email"), ("user.contact.emial", "user.contact.email"), ("user.nam", "user.name")],
)
def test_unknown_category_says_what_was_meant(given, meant):
    with pytest.raises(ValidationError, match=f"Did you mean '{meant}'"):
        ColumnPolicy(category=given)


@pytest.mark.parametrize("given", ["", "x" * 1_000_000, "USER.NAME", "user.name "])
def test_unknown_category_is_refused(given):
    with pytest.raises(ValidationError, match="not a data category"):
        ColumnPolicy(category=given)
