"""Which entity types are looked for, and from which score on each is believed."""

from __future__ import annotations

ALWAYS = ("us", "uk")
"""Countries, as Presidio spells them, of which the types of `THRESHOLDS` are always looked for."""

THRESHOLDS: dict[str, float] = {
    "EMAIL_ADDRESS": 0.5,
    "PHONE_NUMBER": 0.4,
    "CREDIT_CARD": 0.5,
    "IBAN_CODE": 0.5,
    "US_SSN": 0.4,
    "US_ITIN": 0.5,
    "IP_ADDRESS": 0.6,
    "MAC_ADDRESS": 0.6,
    "CRYPTO": 0.5,
    "URL": 0.5,
    "DATE_TIME": 0.5,
}
"""One threshold per type: at a common 0.5 every phone number is lost (Presidio gives them 0.4), and at 0.3 driver
licences are found in any seven-character code. Driver licences, passports, bank account numbers, medical licences and
NHS numbers are left out where nobody asks for their country: their patterns fit order codes and keys far more often
than what they are named after."""

NATIONAL_THRESHOLD = 0.5
"""For all other recognizers of the countries that a caller asks for."""

WEAK = frozenset(
    {
        "ABA_ROUTING_NUMBER", "AU_ACN", "AU_MEDICARE", "AU_TFN", "CA_SIN", "DE_HEALTH_INSURANCE", "DE_ID_CARD",
        "DE_LANR", "DE_PASSPORT", "DE_TAX_ID", "DE_TAX_NUMBER", "IN_AADHAAR", "IT_VAT_CODE", "KR_BRN",
        "KR_DRIVER_LICENSE", "MEDICAL_LICENSE", "NG_NIN", "NL_BSN", "PL_PESEL", "SE_ORGANISATIONSNUMMER", "TH_TNIN",
        "UK_NHS", "UK_VEHICLE_REGISTRATION", "US_NPI", "ZA_DRIVER_LICENSE", "ZA_INCOME_TAX_NUMBER",
        "ZA_TRAFFIC_REGISTER_NUMBER", "ZA_VAT_NUMBER",
    }
)  # fmt: skip
"""Of random numbers and codes of the right form 2 in a hundred or more pass for these (measured), so order numbers and
keys would: a word that names them must stand nearby. With one, they are surer than a telephone number of the same
digits."""

CHECKED = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO", "EMAIL_ADDRESS"}) | WEAK
"""Types whose findings passed a check digit or a register (top-level domains); they win over what only looks alike."""
