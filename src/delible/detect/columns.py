"""What a column's name says about its values. The rules read names as words: `EmailAddress` is `email_address`."""

from __future__ import annotations

import re
from functools import lru_cache

from delible.decide.tagging import FREE_TEXT, NameEvidence

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")

_PEOPLE = (
    "customer|client|person|people|user|employee|staff|contact|patient|member|subscriber|guest|student|teacher|doctor|"
    "reviewer|author|sender|recipient|owner|holder|cardholder|buyer|seller|passenger|traveller|driver|applicant|"
    "candidate|manager|supervisor|agent|lead|prospect|tenant|voter|donor|visitor|child|parent|partner|spouse|profile"
)
_PEOPLE_TABLE = re.compile(rf"(?:^|_)(?:{_PEOPLE}|newsletter|signup|account)(?:s|es)?(?:_|$)")
_DATES = frozenset({"date", "timestamp", "timestamp_ntz"})
_MEASURES = frozenset({"float", "double", "decimal"})

_RULES: tuple[tuple[str, NameEvidence], ...] = (
    (
        r"(?:national|citizen|personal|identity)_(?:id|identification|insurance|number)(?:_(?:card|number|no|nr|num))?|"
        r"nino|(?:tax|fiscal)_(?:id|code|number|no)|pesel|aadhaar|nif|bsn|cpf",
        NameEvidence("user.government_id.national_identification_number", 0.9, None, ("id", "account")),
    ),
    (
        r"ssn|social_security(?:_(?:number|no|num))?",
        NameEvidence("user.government_id.national_identification_number", 0.9, "US_SSN", ("id", "account")),
    ),
    (r"passport(?:_(?:number|no|id|num))?", NameEvidence("user.government_id.passport_number", 0.9, None, ("id",))),
    (
        r"driv(?:er|ers|ing)_?licen[cs]e(?:_(?:number|no|id|num))?",
        NameEvidence("user.government_id.drivers_license_number", 0.9, None, ("id",)),
    ),
    (r"(?:medical_record|patient)_(?:number|no)|mrn", NameEvidence("user.health_and_medical.record_id", 0.8)),
    (
        r"login(?:_?(?:id|name))?|(?:user|account|screen|nick)_?name|nickname",
        NameEvidence("user.account.username", 0.8, None, ("word",)),
    ),
    (r"password(?:_hash)?|passwd|pwd", NameEvidence("user.authorization.password", 0.9, None, ("word",))),
    (
        r"(?:e_?mail|phone)(?:_address|_number)?_(?:hash|sha\d*|md_?5)(?:_\d+)?",
        NameEvidence("user.unique_id.pseudonymous", 0.7, None, ("word",)),
    ),
    (r"cookie_id", NameEvidence("user.device.cookie_id", 0.8)),
    (r"device_id|imei|idfa|gaid|advertising_id", NameEvidence("user.device.device_id", 0.8)),
    (r"mac_?addr(?:ess)?", NameEvidence("user.device.device_id", 0.8, "MAC_ADDRESS", (), frozenset(), True)),
    (
        r"ip(?:_?v_?\d)?(?:_?addr(?:ess)?)?|remote_addr",
        NameEvidence("user.device.ip_address", 0.8, "IP_ADDRESS", (), frozenset(), True),
    ),
    (r"e_?mail(?:_?addr(?:ess)?)?", NameEvidence("user.contact.email", 0.9, "EMAIL_ADDRESS", (), frozenset(), True)),
    (r"fax(?:_?(?:number|no))?", NameEvidence("user.contact.fax_number", 0.8, "PHONE_NUMBER", ("phone",))),
    (
        r"(?:tele)?phone(?:_?(?:number|no|num))?|mobile(?:_?(?:number|no|phone))?|cell_?phone|msisdn|tel",
        NameEvidence("user.contact.phone_number", 0.8, "PHONE_NUMBER", ("phone",)),
    ),
    (
        r"(?:credit|debit|payment)?_?card_?(?:number|no|num|nr)|cc_?(?:number|num)|pan",
        NameEvidence("user.financial.credit_card", 0.9, "CREDIT_CARD", ("card",)),
    ),
    (r"iban", NameEvidence("user.financial.bank_account", 0.9, "IBAN_CODE", ("account",))),
    (
        r"(?:bank_?)?acc(?:oun)?t_?(?:number|no|num)",
        NameEvidence("user.financial.bank_account", 0.6, None, ("account",)),
    ),
    (
        r"birth_?(?:date|day|year)?|date_of_birth|dob|born(?:_on)?",
        NameEvidence("user.demographic.date_of_birth", 0.9, "DATE_TIME", ("date",), _DATES),
    ),
    (r"age(?:_(?:range|group|band|years))?", NameEvidence("user.demographic.age_range", 0.7, None, ("short",))),
    (r"gender|sex", NameEvidence("user.demographic.gender", 0.9, None, ("short",))),
    (r"(?:marital|civil)_?status", NameEvidence("user.demographic.marital_status", 0.9, None, ("short",))),
    (r"nationality|citizenship", NameEvidence("user.demographic", 0.7, None, ("words",))),
    (
        r"race|ethnicity|ethnic_(?:group|origin)",
        NameEvidence("user.demographic.race_ethnicity", 0.8, "NRP", ("words",)),
    ),
    (r"religion|religious_belief", NameEvidence("user.demographic.religious_belief", 0.9, "NRP", ("words",))),
    (r"political_(?:opinion|party|view)s?", NameEvidence("user.demographic.political_opinion", 0.8, "NRP", ("words",))),
    (r"sexual_orientation", NameEvidence("user.demographic.sexual_orientation", 0.9, None, ("words",))),
    (
        r"diagnos[ei]s|disease|illness|disability|allerg(?:y|ies)|medications?|blood_(?:type|group)|icd_?\d*(?:_code)?",
        NameEvidence("user.health_and_medical", 0.8, None, ("line", "short", "prose")),
    ),
    (r"job_?title|occupation|profession", NameEvidence("user.job_title", 0.7, None, ("words", "line"))),
    (r"(?:first|given|fore|christian)_?name|fname", NameEvidence("user.name.first", 0.9, "PERSON", ("words",))),
    (r"(?:last|family|sur|maiden)_?name|lname", NameEvidence("user.name.last", 0.9, "PERSON", ("words",))),
    (
        rf"(?:full|middle|display|legal|birth|{_PEOPLE})_?name|(?:name_)?(?:full|complete)name",
        NameEvidence("user.name", 0.85, "PERSON", ("words",)),
    ),
    (
        r"(?:street|road|home|postal|mailing|billing|shipping|delivery)_?addr(?:ess)?|street(?:_?(?:name|line))?|"
        r"addr(?:ess)?(?:_?line)?",
        NameEvidence("user.contact.address.street", 0.8, "LOCATION", ("line", "prose")),
    ),
    (r"city|town|municipality", NameEvidence("user.contact.address.city", 0.7, "LOCATION", ("words",))),
    (
        r"(?:postal|zip|post)_?code|zip|postcode|plz|zip_?\d",
        NameEvidence("user.contact.address.postal_code", 0.8, None, ("postal",)),
    ),
    (
        r"(?:address|home|billing|shipping|mailing)_(?:state|province|region|county)|state_province|province",
        NameEvidence("user.contact.address.state", 0.6, "LOCATION", ("words", "short")),
    ),
    (
        r"country(?:_?(?:code|name|region))?",
        NameEvidence("user.contact.address.country", 0.6, "LOCATION", ("words",)),
    ),
    (
        r"lat(?:itude)?|lon(?:g|gitude)?|lng|geo_?(?:location|point)|gps|coordinates",
        NameEvidence("user.location.precise", 0.7, None, ("number",), _MEASURES),
    ),
    (
        r"(?:linkedin|twitter|facebook|instagram|github|profile|personal)_?(?:url|link|handle|page)|home_?page",
        NameEvidence("user.contact.url", 0.8, "URL", ("word",)),
    ),
    (r"avatar|selfie|profile_(?:photo|picture|image)", NameEvidence("user.content.self_image", 0.7)),
    (r"user_?agent", NameEvidence("user.device", 0.6, None, ("line", "prose"))),
    (
        r"comments?|notes?|message(?:_(?:text|body))?|body|review(?:_text|_body)?|feedback|remarks?|bio(?:graphy)?|"
        r"about_me|resume|cv|curriculum(?:_vitae)?|cover_?letter|transcript|complaint",
        NameEvidence(FREE_TEXT, 0.6, None, ("prose", "line")),
    ),
)

_PATTERNS = tuple((re.compile(rf"(?:^|_)(?:{pattern})(?:_?\d+)?$"), evidence) for pattern, evidence in _RULES)
_NOT_A_VALUE = re.compile(r"^(?:is|has|num|number_of|count|total|last|next)_")


def words(name: str) -> str:
    """Return a name as lower-case words: `NationalIDNumber` is `national_id_number`."""
    return "_".join(_WORDS.findall(name)).lower()


@lru_cache(maxsize=4096)
def named(column: str, *, table: str = "") -> NameEvidence | None:
    """Return what a column's name says, or None.

    A rule must match at the END of the name: `email_id`, `card_type` and `phone_verified` are about an e-mail, a card,
    a phone, but do not hold one. Keys, codes and flags therefore say nothing. A bare `name` is a person's only in a
    table whose own name is about people.

    Args:
        column: Dotted path; array elements and map values speak by the field that holds them.
        table: Name of the table.
    """
    parts = [p for p in column.split(".") if p not in ("element", "value", "key")]
    text = words(parts[-1]) if parts else ""
    if _NOT_A_VALUE.match(text) and not text.endswith("_name"):
        return None
    around = words("_".join(parts[:-1])) or words(table)
    if text in ("name", "names") and _PEOPLE_TABLE.search(around):
        return NameEvidence("user.name", 0.8, "PERSON", ("words",))
    return next((evidence for pattern, evidence in _PATTERNS if pattern.search(text)), None)
