"""What is looked for: the countries whose identifiers a controller's data may hold, and which recognizers count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from delible.decide.finding import Finding, gap, violation
from delible.model.detection import Detection
from delible.model.nlp_model import SHIPPED, NlpModel
from delible.model.policy import Controller, PolicySet

COUNTRIES: dict[str, str] = {
    "AU": "australia",
    "CA": "canada",
    "DE": "germany|deutschland",
    "ES": "spain|espa\u00f1a",
    "FI": "finland|suomi",
    "FR": "france",
    "GB": "united kingdom|great britain|england|scotland|wales|northern ireland|uk",
    "IN": "india",
    "IT": "italy|italia",
    "KR": "south korea|korea",
    "NG": "nigeria",
    "NL": "netherlands|nederland|holland",
    "PH": "philippines",
    "PL": "poland|polska",
    "SE": "sweden|sverige",
    "SG": "singapore",
    "TH": "thailand",
    "TR": "turkey|t\u00fcrkiye",
    "US": "united states(?: of america)?|california|usa",
    "ZA": "south africa",
}
"""Countries whose national identifiers are known, and how they are called in words."""

_UNION = ("DE", "ES", "FI", "FR", "IT", "NL", "PL", "SE")
_UNION_WORDS = re.compile(r"\b(?:EU|EEA|European (?:Union|Economic Area)|Europe)\b")


def countries_of(controller: Controller) -> tuple[str, ...]:
    """Return the countries whose national identifiers are looked for, sorted.

    A union of states stands for those of its members that are known here.
    """
    if controller.national_identifiers is not None:
        return tuple(sorted({_iso(code) for code in controller.national_identifiers} & set(COUNTRIES)))
    words = controller.jurisdiction
    found = {code for code, names in COUNTRIES.items() if re.search(rf"\b(?:{names})\b", words, re.IGNORECASE)}
    found |= {_iso(code) for code in re.findall(r"\b[A-Z]{2}\b", words)}
    found |= set(_UNION) if _UNION_WORDS.search(words) else set()
    found |= {_iso(controller.country)} if controller.country else set()
    return tuple(sorted(found & set(COUNTRIES)))


def detection_of(policies: PolicySet, nlp: NlpModel = SHIPPED) -> Detection:
    """Return what is looked for under these policies, and by which model people and places are."""
    countries = countries_of(policies.controller)
    counting = tuple(
        recognizer
        for _, recognizer in sorted(policies.detection.items())
        if not recognizer.jurisdictions or {_iso(code) for code in recognizer.jurisdictions} & set(countries)
    )
    named = {r.dictionary for r in counting if r.dictionary is not None}
    return Detection(countries, counting, {name: policies.dictionaries[name] for name in sorted(named)}, nlp)


def detection_findings(policies: PolicySet) -> Iterator[Finding]:
    """Yield what does not go together in recognizers, and countries of which no identifier is known."""
    for number, code in enumerate(policies.controller.national_identifiers or ()):
        if _iso(code) not in COUNTRIES:
            message = (
                f"no national identifier of '{code}' is known, so none is looked for. Known: {', '.join(COUNTRIES)}."
            )
            yield gap("policy.country_unknown", message, "controller", "national_identifiers", number)
    first: dict[str, tuple[str, object]] = {}
    for name, recognizer in policies.detection.items():
        means = (recognizer.category, recognizer.threshold)
        other, meant = first.setdefault(recognizer.type, (name, means))
        if meant != means:
            message = (
                f"'{other}' and '{name}' find the same type {recognizer.type}, but their categories or thresholds "
                "differ. Give them the same, or another 'entity'."
            )
            yield violation("policy.recognizer_type", message, "detection", name, "entity")
        for number, code in enumerate(recognizer.jurisdictions):
            if _iso(code) not in COUNTRIES:
                message = f"no controller can look for identifiers of '{code}'. Known: {', '.join(COUNTRIES)}."
                yield gap("policy.country_unknown", message, "detection", name, "jurisdictions", number)


def _iso(code: str) -> str:
    return "GB" if code == "UK" else code
