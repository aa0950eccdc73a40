"""Names of columns with special categories (Art. 9) and criminal records (Art. 10)."""

from __future__ import annotations

from delible.detect.name_words import PEOPLE, THINGS, Rule, says

_P, _T = f"(?:{PEOPLE})", f"(?:{THINGS})"
_DATES = frozenset({"date", "timestamp", "timestamp_ntz"})
_MEASURES = frozenset({"float", "double", "decimal"})
_FLAG = frozenset({"boolean"})
_RAW = frozenset({"binary", "float", "double"})
_HEALTH = "user.health_and_medical"

SPECIAL: tuple[Rule, ...] = (
    # special categories (Art. 9)
    Rule(
        r"face_(?:id_)?(?:embedding|template|encoding|print|vector|scan)|biometric(?:s|_(?:template|data|hash|id))",
        says("user.biometric", 0.9, None, types=_RAW),
    ),
    Rule(
        r"(?:finger|palm)_?prints?(?:_(?:template|data|scan|image))?",
        says("user.biometric.fingerprint", 0.8, None, types=_RAW),
        never=rf"(?:tls|ssl|cert|certificate|key|query|browser|device|ssh|public|policy|content|{THINGS})$",
    ),
    Rule(
        r"(?:iris|retinal?)_(?:scan|code|template|image)",
        says("user.biometric.retinal", 0.9, None, types=_RAW),
        never=r"display$",
    ),
    Rule(r"voice_?print(?:_template)?", says("user.biometric.voice", 0.9, None, types=_RAW)),
    Rule(
        r"genotype|dna(?:_(?:sequence|profile|marker|sample))?|genome|karyotype|haplogroup|brca_?\d?(?:_status)?|"
        r"gene_variant|genetic_(?:test|marker|data|risk)(?:_result)?|carrier_status",
        says("user.health_and_medical.genetic", 0.9, None, types=_FLAG),
        never=rf"{_T}$",
    ),
    Rule(
        r"(?:primary_|secondary_)?diagnos(?:[ei]s|es?|tico|tic)(?:_code)?|krankheit|allergien?|medikamente?|blut_?gruppe|"
        r"grupo_?sanguineo|groupe_?sanguin|krank(?:en)?_?tage?|disease|illness|disabilit(?:y|ies)(?:_status)?|"
        r"allerg(?:y|ies|ens?)|medications?|prescriptions?|blood_(?:type|group|pressure|sugar)|icd_?\d*(?:_code)?|"
        r"hiv_status|pregnan(?:t|cy)(?:_status)?|vaccinat(?:ed|ion)(?:_status)?|symptoms?|smok(?:er|ing_status)|bmi|"
        r"sick_?(?:leave|days?|notes?|pay)(?:_(?:hours|days|balance|reason|taken))?|mental_health(?:_status)?|"
        r"(?:medical|clinical|treatment|therapy|nursing|psychiatric)_(?:history|conditions?|notes?)|health_(?:status|conditions?|notes?)",
        says(_HEALTH, 0.8, None, "line", "short", "prose", types=_MEASURES | _FLAG),
        never=rf"(?:service|vehicle|system|fault|device|hardware|crop|tree|cluster|battery|disk|{THINGS})$",
    ),
    Rule(
        r"treatment|conditions?|therapy|procedure",
        says(
            _HEALTH, 0.6, None, "line", "short", homonym=True, strict=True, vocabulary=("condition", "diagnosis_dotted")
        ),
    ),
    Rule(
        r"ethnicity|ethnic_(?:group|origin|background)|racial_origin",
        says("user.demographic.race_ethnicity", 0.9, "NRP", "line"),
    ),
    Rule(
        r"race",
        says("user.demographic.race_ethnicity", 0.8, "NRP", "line", homonym=True, vocabulary=("ethnicity",)),
    ),
    Rule(
        r"religion|religious_(?:belief|affiliation|denomination)s?|konfession",
        says("user.demographic.religious_belief", 0.9, "NRP", "line", types=_FLAG),
    ),
    Rule(
        r"faith|denomination",
        says(
            "user.demographic.religious_belief", 0.8, "NRP", "line", homonym=True, strict=True, vocabulary=("religion",)
        ),
    ),
    Rule(
        r"political_(?:opinion|party|view|affiliation|leaning)s?|party_(?:affiliation|membership)|vot(?:ed_for|ing_intention)",
        says("user.demographic.political_opinion", 0.9, "NRP", "line"),
    ),
    Rule(
        r"party",
        says(
            "user.demographic.political_opinion",
            0.7,
            "NRP",
            "line",
            homonym=True,
            strict=True,
            vocabulary=("politics",),
        ),
    ),
    Rule(
        r"sexual_(?:orientation|preference|identity)|sexuality",
        says("user.demographic.sexual_orientation", 0.9, None, "line"),
    ),
    Rule(
        r"orientation",
        says(
            "user.demographic.sexual_orientation",
            0.8,
            None,
            "line",
            homonym=True,
            strict=True,
            vocabulary=("orientation",),
        ),
    ),
    Rule(
        r"(?:trade_|labou?r_)?union_(?:member(?:ship)?|name|dues|status|affiliation|code)|(?:trade|labou?r)_union|gewerkschaft",
        says("user.social", 0.9, None, "line", "short", types=_FLAG | _MEASURES, special=True),
        never=r"(?:european|credit|student|customs|western|sql|data)$",
    ),
    Rule(
        r"criminal_(?:record|history|convictions?)|convictions?|arrest_(?:record|date|history)",
        says("user.criminal_history", 0.8, None, types=_FLAG | _DATES),
    ),
)

FLAGS: tuple[Rule, ...] = (
    Rule(
        r"(?:is|has|was)_(?:been_)?(?:married|divorced|widowed)",
        says("user.demographic.marital_status", 0.8, None, "flag", types=_FLAG),
    ),
    Rule(
        r"(?:is|has|was)_(?:been_)?(?:smoker|disabled|disability|pregnant|diabet(?:ic|es)|vaccinated|allerg(?:ic|ies)|"
        r"chronic_(?:illness|condition)|asthma|hiv|covid|dementia)",
        says(_HEALTH, 0.8, None, "flag", types=_FLAG),
    ),
    Rule(
        r"(?:is|has|was)_(?:a_)?union_(?:member|membership)",
        says("user.social", 0.8, None, "flag", types=_FLAG, special=True),
    ),
    Rule(r"(?:is|has|was)_(?:a_)?minor", says("user.childrens", 0.8, None, "flag", types=_FLAG)),
    Rule(
        r"(?:is|has|was)_(?:been_)?(?:convicted|criminal_record)",
        says("user.criminal_history", 0.8, None, "flag", types=_FLAG),
    ),
)
"""Yes or no about a person; any other name that begins so says nothing."""
