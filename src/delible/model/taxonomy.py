"""Data categories: the keys of the Fides taxonomy (fideslang 3.1), as data.

A category says what a column holds. Unknown keys are refused, so that a typing error never turns personal data into
data that nobody looks after. `user.*` is about people; `system.*` is not. Terms of the W3C Data Privacy Vocabulary
(`model.dpv`) are read as the keys that they mean.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from delible.errors import did_you_mean
from delible.model.dpv import KEY_OF, PREFIX, SPECIAL_WITHOUT_KEY

CATEGORIES: dict[str, str] = {
    "system": "data of the system itself",
    "system.authentication": "access to the system",
    "system.operations": "running of the system",
    "user": "data about a person",
    "user.account": "account",
    "user.account.settings": "account settings",
    "user.account.username": "account name",
    "user.authorization": "access rights",
    "user.authorization.biometric": "biometric credential",
    "user.authorization.credentials": "credential",
    "user.authorization.password": "password",
    "user.behavior": "observed behaviour",
    "user.behavior.browsing_history": "browsing history",
    "user.behavior.media_consumption": "media consumption",
    "user.behavior.purchase_history": "purchase history",
    "user.behavior.search_history": "search history",
    "user.biometric": "biometric data",
    "user.biometric.fingerprint": "fingerprint",
    "user.biometric.health": "biometric health data",
    "user.biometric.retinal": "retina scan",
    "user.biometric.voice": "voice recording",
    "user.childrens": "data about children",
    "user.contact": "contact data",
    "user.contact.address": "address",
    "user.contact.address.city": "city",
    "user.contact.address.country": "country",
    "user.contact.address.postal_code": "postal code",
    "user.contact.address.state": "state or region",
    "user.contact.address.street": "street and house number",
    "user.contact.email": "e-mail address",
    "user.contact.fax_number": "fax number",
    "user.contact.organization": "organisation",
    "user.contact.phone_number": "phone number",
    "user.contact.url": "website or profile link",
    "user.content": "content by or about a person",
    "user.content.private": "private content",
    "user.content.public": "published content",
    "user.content.self_image": "picture of a person",
    "user.criminal_history": "criminal record",
    "user.demographic": "demographic data",
    "user.demographic.age_range": "age or age range",
    "user.demographic.date_of_birth": "date of birth",
    "user.demographic.gender": "gender",
    "user.demographic.language": "language",
    "user.demographic.marital_status": "marital status",
    "user.demographic.political_opinion": "political opinion",
    "user.demographic.profile": "profile and preferences",
    "user.demographic.race_ethnicity": "racial or ethnic origin",
    "user.demographic.religious_belief": "religious belief",
    "user.demographic.sexual_orientation": "sexual orientation",
    "user.device": "device data",
    "user.device.cookie": "cookie",
    "user.device.cookie_id": "cookie identifier",
    "user.device.device_id": "device identifier",
    "user.device.ip_address": "IP address",
    "user.financial": "financial data",
    "user.financial.bank_account": "bank account",
    "user.financial.credit_card": "payment card",
    "user.government_id": "official identifier",
    "user.government_id.birth_certificate": "birth certificate",
    "user.government_id.drivers_license_number": "driving licence number",
    "user.government_id.immigration": "immigration or residence number",
    "user.government_id.national_identification_number": "national identification number",
    "user.government_id.passport_number": "passport number",
    "user.government_id.vehicle_registration": "vehicle registration",
    "user.health_and_medical": "health data",
    "user.health_and_medical.genetic": "genetic data",
    "user.health_and_medical.insurance_beneficiary_id": "health insurance number",
    "user.health_and_medical.record_id": "medical record number",
    "user.job_title": "job title",
    "user.location": "location",
    "user.location.imprecise": "rough location",
    "user.location.precise": "precise location",
    "user.name": "name",
    "user.name.first": "first name",
    "user.name.last": "family name",
    "user.payment": "payment",
    "user.privacy_preferences": "privacy preferences",
    "user.sensor": "sensor data",
    "user.social": "social activity",
    "user.telemetry": "telemetry",
    "user.unique_id": "identifier of a person",
    "user.unique_id.pseudonymous": "pseudonym",
    "user.user_sensor": "measurements of a person's surroundings",
    "user.workplace": "employer",
}
"""Key to a short title. Keys as fideslang 3.1.4 has them; titles are our own."""

_SPECIAL = (
    "user.authorization.biometric",
    "user.biometric",
    "user.demographic.political_opinion",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.health_and_medical",
)

_SENSITIVE = (
    *_SPECIAL,
    "user.authorization",
    "user.childrens",
    "user.content.private",
    "user.criminal_history",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.location.precise",
)

_IDENTIFYING = (
    "user.account.username",
    "user.authorization",
    "user.biometric",
    "user.contact.address.street",
    "user.contact.email",
    "user.contact.fax_number",
    "user.contact.phone_number",
    "user.contact.url",
    "user.content.self_image",
    "user.device.cookie_id",
    "user.device.device_id",
    "user.device.ip_address",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.health_and_medical.record_id",
    "user.name",
    "user.unique_id",
)

_QUASI = (
    "user.contact.address.city",
    "user.contact.address.country",
    "user.contact.address.postal_code",
    "user.contact.address.state",
    "user.contact.organization",
    "user.demographic",
    "user.job_title",
    "user.location",
    "user.workplace",
)

_ENTITIES: dict[str, tuple[str, ...]] = {
    "user.name": ("PERSON",),
    "user.contact.email": ("EMAIL_ADDRESS",),
    "user.contact.phone_number": ("PHONE_NUMBER", "ZA_MOBILE_NUMBER", "ZA_TELEPHONE_NUMBER"),
    "user.contact.address": ("LOCATION", "GPE", "ADDRESS"),
    "user.contact.address.postal_code": ("CA_POSTAL_CODE", "DE_PLZ", "UK_POSTCODE"),
    "user.contact.url": ("URL",),
    "user.contact.organization": (
        "ORGANIZATION",
        "AU_ABN",
        "AU_ACN",
        "DE_HANDELSREGISTER",
        "DE_VAT_ID",
        "IN_GSTIN",
        "IT_VAT_CODE",
        "KR_BRN",
        "SE_ORGANISATIONSNUMMER",
        "SG_UEN",
        "US_PROVIDER_TAX_ID",
        "ZA_COMPANY_REGISTRATION",
        "ZA_VAT_NUMBER",
    ),
    "user.demographic.age_range": ("AGE",),
    "user.demographic.race_ethnicity": ("NRP",),
    "user.device.device_id": ("MAC_ADDRESS",),
    "user.device.ip_address": ("IP_ADDRESS",),
    "user.financial": ("CRYPTO",),
    "user.financial.bank_account": ("ABA_ROUTING_NUMBER", "IBAN_CODE", "US_BANK_NUMBER"),
    "user.financial.credit_card": ("CREDIT_CARD",),
    "user.government_id.drivers_license_number": (
        "DE_FUEHRERSCHEIN",
        "IT_DRIVER_LICENSE",
        "KR_DRIVER_LICENSE",
        "UK_DRIVING_LICENCE",
        "US_DRIVER_LICENSE",
        "ZA_DRIVER_LICENSE",
    ),
    "user.government_id.immigration": ("ES_NIE", "KR_FRN"),
    "user.government_id.national_identification_number": (
        "AU_TFN",
        "CA_SIN",
        "DE_ID_CARD",
        "DE_SOCIAL_SECURITY",
        "DE_TAX_ID",
        "DE_TAX_NUMBER",
        "ES_NIF",
        "FI_PERSONAL_IDENTITY_CODE",
        "FR_NIR",
        "IN_AADHAAR",
        "IN_PAN",
        "IN_VOTER",
        "IT_FISCAL_CODE",
        "IT_IDENTITY_CARD",
        "KR_RRN",
        "NG_NIN",
        "NL_BSN",
        "PH_TIN",
        "PH_UMID",
        "PL_PESEL",
        "SE_PERSONNUMMER",
        "SG_NRIC_FIN",
        "TH_TNIN",
        "TR_NATIONAL_ID",
        "UK_NINO",
        "US_ITIN",
        "US_SSN",
        "ZA_ID_NUMBER",
        "ZA_INCOME_TAX_NUMBER",
        "ZA_TRAFFIC_REGISTER_NUMBER",
    ),
    "user.government_id.passport_number": (
        "DE_PASSPORT",
        "ES_PASSPORT",
        "IN_PASSPORT",
        "IT_PASSPORT",
        "KR_PASSPORT",
        "PH_PASSPORT",
        "UK_PASSPORT",
        "US_PASSPORT",
        "ZA_PASSPORT",
    ),
    "user.government_id.vehicle_registration": (
        "DE_KFZ",
        "IN_VEHICLE_REGISTRATION",
        "NG_VEHICLE_REGISTRATION",
        "TR_LICENSE_PLATE",
        "UK_VEHICLE_REGISTRATION",
        "ZA_LICENSE_PLATE",
    ),
    "user.health_and_medical": ("US_PRESCRIPTION_NUMBER", "US_PRIOR_AUTHORIZATION_NUMBER", "US_REFERRAL_NUMBER"),
    "user.health_and_medical.insurance_beneficiary_id": (
        "AU_MEDICARE",
        "DE_HEALTH_INSURANCE",
        "US_CLAIM_NUMBER",
        "US_HEALTH_INSURANCE_MEMBER_ID",
        "US_MBI",
    ),
    "user.health_and_medical.record_id": ("UK_NHS",),
    "user.job_title": ("DE_BSNR", "DE_LANR", "MEDICAL_LICENSE", "US_NPI"),
    "user.unique_id": ("UUID",),
}
"""Category to Presidio's entity types. NRP (nationality, religion, politics) goes to the category with the strictest
rules, since its members cannot be told apart. DATE_TIME is missing on purpose: a date alone is not about anybody."""

_CATEGORY_OF = {entity: category for category, entities in _ENTITIES.items() for entity in entities}


def category_of(entity: str) -> str | None:
    """Return the data category of a Presidio entity type, or None for a type that stands for none."""
    return _CATEGORY_OF.get(entity)


def is_within(category: str, parents: tuple[str, ...]) -> bool:
    """Return whether a category is one of `parents` or below one."""
    return any(category == parent or category.startswith(parent + ".") for parent in parents)


def is_personal(category: str) -> bool:
    """Return whether a category is about people."""
    return is_within(category, ("user",))


def is_special(category: str) -> bool:
    """Return whether a category is one of the special categories (GDPR Art. 9(1))."""
    return is_within(category, _SPECIAL)


def is_sensitive(category: str) -> bool:
    """Return whether a category is sensitive personal information (Cal. Civ. Code 1798.140(ae)), or special (Art. 9).

    Private content counts always: whether the business is the intended recipient of a message, its category cannot say.
    """
    return is_within(category, _SENSITIVE)


def is_criminal(category: str) -> bool:
    """Return whether a category falls under the rules on criminal convictions (GDPR Art. 10)."""
    return is_within(category, ("user.criminal_history",))


def is_identifying(category: str) -> bool:
    """Return whether one value of a category usually tells who it is about, without any other column.

    A pseudonym does not: telling whose it is takes the key (Art. 4(5)).
    """
    return is_within(category, _IDENTIFYING) and category != "user.unique_id.pseudonymous"


def is_quasi_identifier(category: str) -> bool:
    """Return whether a category tells who somebody is only together with others, such as age and postal code."""
    return is_within(category, _QUASI)


def _known(category: str) -> str:
    """Return the key that a category or a DPV term means."""
    if category in KEY_OF:
        return KEY_OF[category]
    if category not in CATEGORIES:
        known = KEY_OF if category.startswith(PREFIX) else CATEGORIES
        hint = did_you_mean(category, known)
        if category in SPECIAL_WITHOUT_KEY:
            hint = " Give category: user.social and special: true."
        raise PydanticCustomError("unknown_category", "not a data category.{hint}", {"hint": hint})
    return category


Category = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": [*sorted(CATEGORIES), *sorted(KEY_OF)]})
]
"""A key of `CATEGORIES`; a DPV term such as `pd:EmailAddress` becomes its key."""
