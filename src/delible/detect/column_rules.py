"""What columns are called, as a table: the end of a name, what it stands for, and before which words it does not.

Names are read as lower-case words (`EmailAddress` is `email_address`). The first rule that matches decides, so rules
for longer names stand above those for their ends.
"""

from __future__ import annotations

from delible.decide.tagging import FREE_TEXT
from delible.detect.name_words import PEOPLE, THINGS, Rule, says
from delible.detect.special_rules import SPECIAL

_P, _T = f"(?:{PEOPLE})", f"(?:{THINGS})"
_DATES = frozenset({"date", "timestamp", "timestamp_ntz"})
_MEASURES = frozenset({"float", "double", "decimal"})
_FLAG = frozenset({"boolean"})
_RAW = frozenset({"binary", "float", "double"})
_NAMES = ("full_name", "first_name", "last_name")
_HEALTH = "user.health_and_medical"
_NATIONAL = "user.government_id.national_identification_number"


RULES: tuple[Rule, ...] = (
    # access and pseudonyms
    Rule(r"(?:password|passwd|pwd|passcode)(?:_hash|_digest)?", says("user.authorization.password", 0.9, None, "word")),
    Rule(
        r"(?:api|access|auth|refresh)_(?:key|token)|security_answer|secret_answer",
        says("user.authorization.credentials", 0.7, None, "device", "hash"),
    ),
    Rule(
        rf"(?:e_?mail|phone|mobile|name|ssn|address|ip|{PEOPLE}|person_?id|account|card)(?:_(?:address|number|id|name))?"
        r"_(?:hash(?:ed)?|sha\d*|md_?5|hmac|digest|pseudonym)(?:_\d+)?|pseudonym",
        says("user.unique_id.pseudonymous", 0.7, None, "hash", "device"),
        never=rf"{_T}$",
    ),
    # official numbers
    Rule(
        r"health_insurance_?(?:number|no|id)|insurance_(?:member|beneficiary)_(?:id|number|no)|medicare_(?:number|no|id)",
        says("user.health_and_medical.insurance_beneficiary_id", 0.8, None, "id", "device", special=True),
    ),
    Rule(
        r"nhs_(?:number|no)|(?:medical_record|patient)_(?:number|no)|mrn",
        says("user.health_and_medical.record_id", 0.8, None, "id", "account", "device", special=True),
    ),
    Rule(
        r"(?:national|citizen|personal|identity)_(?:id|identification|identity|insurance|number)"
        r"(?:_(?:card|number|no|nr|num))?|(?:id|identity)_(?:card|document)_(?:number|no|nr)|nino|pesel|aadhaar|nif|bsn|"
        r"cpf|dni|curp|personnummer|codice_fiscale|steuer_?id(?:_?nr)?|(?:personal)?ausweis_?(?:nr|nummer)|(?:tax|fiscal)_(?:id|code|number|no|identifier)|tin",
        says(_NATIONAL, 0.9, None, "id", "account"),
        never=rf"{_T}$",
    ),
    Rule(
        r"ssn|social_(?:security|insurance)(?:_(?:number|no|num))?|(?:sozialversicherungs|sv)_?(?:nr|nummer)",
        says(_NATIONAL, 0.9, "US_SSN", "id", "account"),
    ),
    Rule(r"passport(?:_(?:number|no|id|num))?", says("user.government_id.passport_number", 0.9, None, "id")),
    Rule(
        r"driv(?:er|ers|ing)_?licen[cs]e(?:_(?:number|no|id|num))?",
        says("user.government_id.drivers_license_number", 0.9, None, "id"),
    ),
    Rule(
        r"(?:visa|residence_permit|immigration)_(?:number|no)",
        says("user.government_id.immigration", 0.8, None, "id"),
    ),
    Rule(
        r"(?:licen[cs]e|number|registration)_plate(?:_?(?:number|no))?|plate_(?:number|no)|kennzeichen|immatriculation|"
        r"(?:vehicle|car)_(?:registration|reg|plate)(?:_(?:number|no))?",
        says("user.government_id.vehicle_registration", 0.8, None, "plate"),
    ),
    Rule(
        r"vin|vehicle_identification_number|chassis_(?:number|no)",
        says("user.government_id.vehicle_registration", 0.8, None, "vin"),
    ),
    Rule(
        r"vat_(?:id|number|no|reg(?:istration)?(?:_(?:number|no))?)|vatin|ust_?id(?:_?nr)?|partita_iva|gstin",
        says("user.contact.organization", 0.7, None, "vat"),
    ),
    # money
    Rule(r"iban", says("user.financial.bank_account", 0.9, "IBAN_CODE", "account")),
    Rule(
        r"(?:credit|debit|payment)?_?card_?(?:number|no|num|nr)|cc_?(?:number|num|no)|pan",
        says("user.financial.credit_card", 0.9, "CREDIT_CARD", "card"),
        never=r"(?:loyalty|member|membership|library|student|bonus|rewards?|club|gift|sim|report|score|sd|graphics|key|id|"
        r"identity|fuel|boarding|punch|health|insurance|game|trading)$",
    ),
    Rule(
        r"(?:loyalty|membership|library|bonus|rewards?|club|frequent_flyer)_(?:card_?)?(?:number|no|nr)|student_card_(?:number|no)",
        says("user.unique_id", 0.7, None, "id", "device", "card", "account"),
    ),
    Rule(r"cvv\d?|cvc\d?", says("user.financial.credit_card", 0.8, None, "number")),
    Rule(r"(?:account|card)_?holder(?:_name)?|name_on_card", says("user.name", 0.85, "PERSON", "name_like")),
    Rule(
        r"(?:bank_?)?acc(?:oun)?t_?(?:number|no|num)|konto_?(?:nummer|nr)|numero_?(?:compte|cuenta|conto)",
        says("user.financial.bank_account", 0.6, None, "account"),
        never=rf"(?:ledger|gl|{THINGS})$",
    ),
    Rule(
        r"sort_code|routing_(?:number|no)|aba_(?:number|no)|bsb(?:_(?:number|code))?",
        says("user.financial.bank_account", 0.7, None, "id"),
    ),
    Rule(r"bic|swift(?:_?(?:code|bic))?|bic_swift", says("user.financial", 0.6, None, "bic")),
    Rule(
        r"salary|wages?|gehalt|lohn|salaire|salario|stipendio|(?:annual|monthly|gross|household|yearly|hourly)_(?:income|salary|pay|wage)|income|"
        r"credit_(?:score|rating)|net_worth",
        says("user.financial", 0.7, None, "number", types=_MEASURES),
        never=rf"(?:operating|interest|rental|net|gross|total|{THINGS})$",
    ),
    # devices and accounts
    Rule(r"cookie(?:_id)?|anonymous_id|ga_client_id", says("user.device.cookie_id", 0.8, None, "device", "hash")),
    Rule(
        r"device_(?:id|uuid|identifier|token)|imei|imsi|iccid|idfa|gaid|(?:advertising|android)_id|"
        r"(?:browser|device)_fingerprint|sim_card_(?:number|no)",
        says("user.device.device_id", 0.8, None, "device", "hash", "imei", "card"),
    ),
    Rule(r"mac_?addr(?:ess)?", says("user.device.device_id", 0.8, "MAC_ADDRESS", proven=True)),
    Rule(
        r"ip(?:_?v_?\d)?(?:_?addr(?:ess)?)?|remote_addr",
        says("user.device.ip_address", 0.8, "IP_ADDRESS", proven=True),
    ),
    Rule(r"user_?agent", says("user.device", 0.6, None, "line", "prose")),
    Rule(
        r"login(?:_?(?:id|name))?|(?:user|account|screen|nick)_?name|nickname|gamer_?tag|skype(?:_?(?:id|name))?",
        says("user.account.username", 0.8, None, "word"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:linkedin|twitter|facebook|instagram|github|profile|personal)_(?:url|link|handle|page)|home_?page",
        says("user.contact.url", 0.8, "URL", "word"),
    ),
    Rule(
        r"search_(?:query|term|text|string|phrase)",
        says("user.behavior.search_history", 0.7, None, "line", "prose"),
    ),
    # contact
    Rule(r"e_?mail(?:_?addr(?:ess)?)?", says("user.contact.email", 0.9, "EMAIL_ADDRESS", proven=True)),
    Rule(r"fax(?:_?(?:number|no))?", says("user.contact.fax_number", 0.8, "PHONE_NUMBER", "phone")),
    Rule(
        r"(?:tele)?phone(?:_?(?:number|no|num))?|mobile(?:_?(?:number|no|phone))?|cell(?:_?phone)?(?:_(?:number|no))?|"
        r"msisdn|tel(?:efon)?(?:_?(?:number|no|nr))?|handy(?:nummer)?|whats_?app(?:_number)?",
        says("user.contact.phone_number", 0.8, "PHONE_NUMBER", "phone"),
    ),
    *SPECIAL,
    # the person
    Rule(
        r"birth_?(?:date|day|year)?|date_of_birth|(?:year|month)_of_birth|dob|born(?:_on)?|bday|geb(?:urts)?(?:_?(?:datum|tag|dat|jahr))?|"
        r"date_?naissance|fecha_?nacimiento",
        says("user.demographic.date_of_birth", 0.9, "DATE_TIME", "date", types=_DATES),
    ),
    Rule(
        r"age(?:_(?:range|group|band|bracket|years|in_years))?|alter",
        says("user.demographic.age_range", 0.7, None, "years"),
        only=rf"(?:{_P}|current|patients?|min_{_P})$",
    ),
    Rule(
        r"gender(?:_(?:identity|code))?|sex|geschlecht",
        says("user.demographic.gender", 0.9, None, "short"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:marital|civil|relationship)_status|familienstand|married",
        says("user.demographic.marital_status", 0.9, None, "short", types=_FLAG),
    ),
    Rule(
        r"nationality|citizenship|staats(?:angeho?e?rigkeit|b(?:u|ue)rgerschaft)|nationalit[ae]t?|nacionalidad",
        says("user.demographic", 0.7, None, "words"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:preferred|native|spoken|first|home)_?language|mother_tongue",
        says("user.demographic.language", 0.7, None, "words"),
    ),
    Rule(
        r"language(?:_code)?|locale",
        says("user.demographic.language", 0.6, None, "short", homonym=True, vocabulary=("language",), people=True),
        only=rf"{_P}$",
    ),
    Rule(r"job_?title|occupation|profession|designation|beruf", says("user.job_title", 0.7, None, "words", "line")),
    Rule(r"employer(?:_name)?", says("user.workplace", 0.7, None, "line")),
    Rule(r"salutation|honorific", says("user.name", 0.5, None, "short", homonym=True, vocabulary=("salutation",))),
    Rule(
        r"(?:first|given|fore|christian|middle)_?name|name_(?:first|given)|fname|vorname|prenom",
        says("user.name.first", 0.9, "PERSON", "name_like"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:last|family|sur|maiden|birth)_?name|name_(?:last|family)|lname|nachname|apellidos?",
        says("user.name.last", 0.9, "PERSON", "name_like"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:full|complete|legal)_?name|name_(?:full|complete)|next_of_kin|emergency_contact",
        says("user.name", 0.85, "PERSON", "name_like"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:display|agent|partner|tenant|client|profile|driver|parent|owner|lead|member|manager|holder|contact|player)_name",
        says("user.name", 0.7, "PERSON", "name_like", homonym=True, vocabulary=_NAMES),
        never=rf"{_T}$",
    ),
    Rule(rf"{_P}s?_?name", says("user.name", 0.85, "PERSON", "name_like"), never=rf"{_T}$"),
    # places
    Rule(
        r"(?:street|road|home|postal|mailing|billing|shipping|delivery|residential)_?addr(?:ess)?|"
        r"street(?:_?(?:name|line|number))?|strasse|anschrift|haus_?(?:nr|nummer)|rue|addr(?:ess)?(?:_?line)?",
        says("user.contact.address.street", 0.8, "LOCATION", "address_line", "prose"),
        never=r"(?:ip|mac|e_?mail|mail|web|url|eth|btc|crypto|memory|base|start|end|return|remote|bus|peer|bind|listen|"
        rf"physical|virtual|network|net|{THINGS})$",
    ),
    Rule(
        r"city|town|municipality|locality|suburb|wohn_?ort|(?:wohn|liefer)?_?stadt|ville|ciudad|citta",
        says("user.contact.address.city", 0.7, "LOCATION", "name_like"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:postal|zip|post)_?code|zip|postcode|plz|zip_?\d|code_postal",
        says("user.contact.address.postal_code", 0.8, None, "postal"),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:address|home|billing|shipping|mailing)_(?:state|province|region|county)|state_province|province",
        says("user.contact.address.state", 0.6, "LOCATION", "words", "short"),
        never=rf"{_T}$",
    ),
    Rule(
        r"state(?:_code)?|region|county",
        says("user.contact.address.state", 0.6, "LOCATION", "name_like", beside="user.contact.address"),
        only=rf"(?:{_P}|loc|location|addr|address|residence)$",
    ),
    Rule(
        r"country(?:_?(?:code|name|region|of_(?:residence|birth)))?|residence_country",
        says("user.contact.address.country", 0.6, "LOCATION", "name_like"),
        never=rf"{_T}$",
    ),
    Rule(
        r"geo_?(?:location|point)|gps(?:_(?:position|coordinates|location))?|coordinates|lat_(?:lon|lng|long)",
        says("user.location.precise", 0.7, None, "geo_pair", "degrees", types=_MEASURES),
        never=rf"{_T}$",
    ),
    Rule(
        r"lat(?:itude)?|lon(?:g|gitude)?|lng",
        says("user.location.precise", 0.7, None, "degrees", types=_MEASURES, beside="user.location.precise"),
        never=rf"{_T}$",
    ),
    # content
    Rule(
        r"avatar|selfie|(?:profile|passport|id|student|employee|staff)_(?:photo|picture|image)",
        says("user.content.self_image", 0.7, None, types=frozenset({"binary"})),
    ),
    Rule(
        r"comments?|notes?|messages?(?:_(?:text|body))?|body|review(?:_(?:text|body|comment))?|feedback|remarks?|"
        r"bio(?:graphy)?|about_me|resume|cv|curriculum(?:_vitae)?|cover_?letter|transcript|complaint",
        says(FREE_TEXT, 0.6, None, "prose", "sentence"),
        never=r"(?:error|log|status|system|commit|exception|warning|validation|debug|release|design|tasting)$",
    ),
    Rule(
        r"title|position|role|job",
        says("user.job_title", 0.6, None, "words", "line", homonym=True, strict=True, people=True, vocabulary=("job",)),
        never=rf"{_T}$",
    ),
)
