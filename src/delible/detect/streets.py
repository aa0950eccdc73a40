"""Whether a value is a street with a house number, as addresses are written in a few languages."""

from __future__ import annotations

import re

_ENGLISH = (
    "alley|avenue|ave|bend|boulevard|blvd|bridge|brooks?|bypass|canyon|causeway|centers?|circles?|cir|cliffs?|close|"
    "common|corners?|course|courts?|ct|coves?|creek|crescent|cres|crest|crossing|curves?|dale|dam|drives?|dr|estates?|"
    "expressway|extensions?|falls?|ferry|fields?|flats?|fords?|forest|forges?|forks?|fort|freeway|gardens?|gateway|glens?|"
    "greens?|groves?|harbors?|haven|heights|highway|hwy|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|"
    "lakes?|land|landing|lanes?|ln|lights?|loaf|locks?|lodge|loop|mall|manors?|meadows?|mews|mills?|mission|motorway|mountains?|"
    "mount|neck|orchard|oval|overpass|parade|parks?|parkways?|pass|passage|path|pike|pines?|place|pl|plains?|plaza|points?|"
    "ports?|prairie|quay|radial|ramp|ranch|rapids?|rest|ridges?|rise|river|roads?|rd|route|row|rue|run|shoals?|shores?|skyway|"
    "springs?|spurs?|squares?|sq|station|strasse|stravenue|stream|streets?|st|summit|terrace|ter|throughway|trace|track|"
    "trafficway|trail|tunnel|turnpike|underpass|unions?|valleys?|via|viaduct|views?|villages?|ville|vista|walks?|wall|way|"
    "wells?|wharf|yard"
)
_UNITS = (
    "second|minute|hour|day|night|week|month|year|piece|pack|set|box|bag|bottle|oz|lb|kg|g|ml|l|mb|gb|tb|mm|cm|m|km|inch|"
    "inches|ft|feet|foot|mile|meter|metre|watt|w|volt|v|star|bedroom|room|seat|person|people|user|speed|gear|x|pcs|pc|up|"
    "for|of|and|in|to|by|degree|percent|point|way"
)
"""What a number counts, where it is no house's: a pass for 12 months is no street."""
_FIRST = re.compile(
    rf"(?:\d{{1,6}}[a-z]?|(?:flat|studio|apartment|apt|suite|unit)\s+\w{{1,5}}(?:,?\s+\d{{1,6}}[a-z]?)?),?\s+(?!(?:{_UNITS})s?\b)"
    rf"(?:(?:[nsew]{{1,2}}\.?)\s+)?(?:[^\W\d_][\w'.\-]*\s+){{1,4}}(?:{_ENGLISH})\b\.?"
    r"(?:,?\s+(?:apt|apartment|suite|ste|unit|flat|floor|#)\.?\s*#?\w{1,6})?(?:,\s*[^\d\n]{2,60}(?:\s+[\w\-]{2,10}){0,3})?",
    re.IGNORECASE,
)
"""The number first: `12 Mill Lane, Leeds`."""
_LAST = re.compile(
    r"(?:[^\W\d_][\w'.\-]*\s+){0,3}(?:[^\W\d_][\w'.\-]{1,40}?(?:stra(?:ss|ß)e|str\.?|weg|platz|gasse|allee|ring|damm|ufer|straat|laan|singel|boulevard|dreef|baan|dijk|steeg|pad|hof|"
    r"plein|gracht|kade|gatan|v(?:ä|a)gen|gade|vej)|(?:strasse|straße|str\.|weg|platz|allee|straat))\s+\d{1,4}\s?[a-z]?(?:[\-/]\d{1,4})?"
    r"(?:,\s*(?:\d{4,6}\s+)?[^\d\n]{2,60})?",
    re.IGNORECASE,
)
"""The number last: `Lindenweg 7a, 50667 Köln`."""
_NAMED = re.compile(
    r"(?:\d{1,5}(?:\s?(?:bis|ter|[a-d]))?,?\s+)?(?:rue|avenue|boulevard|place|chemin|impasse|via|viale|vicolo|piazza|corso|rotonda|strada|"
    r"stretto|contrada|borgo|largo|calle|camino|ronda|pasaje|glorieta|cuesta|callejón|acceso|vial|"
    r"avenida|plaza|paseo|rua|travessa|ul\.|ulica|al\.|aleja|plac)\s+[^\d\n]{2,60}(?:,?\s+\d{1,5}[a-z]?(?:/\d{1,4})?)?(?:\s+(?:piso|appartamento|puerta|apt\.?)\s*\w{0,4})?\s?(?:,\s*(?:\d{4,6}\s+)?[^\d\n]{2,60})?",
    re.IGNORECASE,
)
"""The kind first, the number at either end: `8 rue des Lilas`, `Calle Mayor 3`."""
_LONGEST = 120


def is_street(value: str) -> bool:
    """Return whether the whole value is a street and a house number, with its city or without."""
    if len(value) > _LONGEST:
        return False
    return any(form.fullmatch(value) is not None for form in (_FIRST, _LAST, _NAMED))
