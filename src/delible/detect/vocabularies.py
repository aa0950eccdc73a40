"""Small closed vocabularies, by which a column of bare words is told from a column of codes.

Written for this purpose, and short on purpose, but for names (`known_names`): a list says what a *column* holds, from
the share of its distinct values that are in it. It finds no name in a text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from delible.detect.known_names import is_first_and_last, is_somebody, known_names


def _words(text: str) -> frozenset[str]:
    """Return the entries of a list; `_` stands for a blank inside of one."""
    return frozenset(folded(word.replace("_", " ")) for word in text.split())


_STROKES = str.maketrans("łŁøØđĐ", "lLoOdD")
"""Letters whose stroke is no accent to Unicode."""


def folded(value: str) -> str:
    """Return a value in lower case and without accents, as vocabularies are compared."""
    if not value.isascii():
        parted = unicodedata.normalize("NFKD", value.translate(_STROKES))
        value = "".join(c for c in parted if not unicodedata.combining(c))
    return value.casefold().strip()


_FIRST_NAMES = _words(
    """aaron abigail adam adrian agnes agnieszka ahmed aisha alan albert alejandro alessandro alex alexander
    alexandra alexis alfred ali alice alicia alina amanda amber amelia amina amir amy ana anastasia anders andre
    andrea andreas andrei andrew andrzej angela anil anita anja ann anna anne annette anthony antoine antonio
    arjun arthur ashley astrid audrey austin barbara bartosz beatrice ben benjamin bernard beth betty bianca
    bjorn bob bogdan boris brandon brenda brian bruno caleb camille carl carla carlos carmen carol caroline
    catherine cecilia charles charlotte chiara chloe chris christian christina christine christopher claire
    clara claudia clement colin connor craig cristina cynthia dan daniel daniela danielle darren david deborah
    deepak denise dennis derek diana diane diego dieter dirk dmitri dominic dominik donald donna dorothy douglas
    dylan edith eduardo edward edwin elena eleanor elisa elisabeth elizabeth ella ellen emily emma enrique eric
    erik erika ernst esther ethan eugene eva evelyn ewa fabian fatima federico felix fernando fiona florian
    frances francesca francesco francis francisco frank franz frederic frieda friedrich gabriel gabriela gareth
    gary georg george gerald gerhard gertrude giovanni giulia gloria gordon grace graham greg gregory greta
    grzegorz guillaume gustav hannah hans harold harry hassan heather heidi heinz helen helena helga henri
    henrik henry herbert hugo ian ibrahim igor ines ingrid irena irene irina isaac isabel isabella ivan jack
    jackson jacob jacqueline jakob jakub james jan jana jane janet janina jason javier jean jeff jeffrey
    jennifer jens jeremy jerry jessica jill jim joan joanna joao joe joel johan johanna johannes john jon jonas
    jonathan jordan jorge jose josef joseph joshua joyce juan judith judy julia julian julie juliette jurgen
    justin karen karin karl karolina katarzyna kate katharina katherine kathleen kathryn katja keith kelly ken
    kenneth kevin khalid kim klaus krzysztof kyle lara larry lars laura lauren laurent layla lea leah lena leo
    leon leonard leonardo leonie lewis liam lidia lily linda lisa logan lorenzo louis louise luca lucas lucia
    lucy luis luka lukas luke luz maciej madison magdalena malgorzata manuel marc marco marcus margaret maria
    marie marina mario marion mark markus marta martha martin martina mary mateusz mathieu matteo matthew
    matthias max maximilian megan mehmet melanie melissa mia michael michal michel michelle miguel mike mila
    mohamed mohammad mohammed monica monika morgan muhammad nancy natalia natalie natasha nathan nicholas nicola
    nicolas nicole niklas nils nina noah nora norman olaf oleg olga oliver olivia omar oscar otto pablo pamela
    paola patricia patrick paul paula pavel pawel pedro peter petra philip philippe pierre piotr priya rachel
    rafael rahul ralph ramon raul ravi raymond rebecca renate ricardo richard rita robert roberta roberto robin
    rodrigo roger roland roman ronald rosa rosemary roy ruben russell ruth ryan sabine sabrina sally salma
    samantha samir samuel sandra sanjay sara sarah scott sean sebastian sergei sergio seth sharon sheila silvia
    simon simone sofia sonia sophia sophie stefan stefanie stella stephanie stephen steve steven stuart sunita
    susan susanne svetlana sylvia tanja tanya tara tatiana teresa theo theresa thomas tim timothy tobias todd
    tom tomasz tony tracy ulrich ursula uwe valentina valerie vanessa vera veronica victor victoria vijay
    vincent virginia vladimir walter wanda wayne wendy werner wilhelm william wojciech wolfgang xavier yasmin
    yolanda yuki yusuf yves yvonne zachary zoe zofia"""
)

_LAST_NAMES = _words(
    """adams ahmed alexander ali allen alvarez andersen anderson andersson andrews arnold bailey baker bakker
    barnes bauer baumann beck becker bell bennett berg berger bernard bianchi bishop black blanc bonnet boyd
    bradley brandt braun brooks brown bruno bryant burke burns butler campbell carlson carpenter carroll carter
    castillo castro chan chapman chavez chen clark clarke cohen cole coleman collins colombo conti cook cooper
    costa cox crawford cruz cunningham da_silva daniels davies davis day de_jong de_vries delgado diaz dietrich
    dixon dominguez dubois duncan dunn dupont durand edwards ellis engel eriksson esposito evans fernandes
    fernandez ferrari ferreira fischer fisher fleming fletcher flores ford foster fournier fox francis frank
    franke freeman fuchs fuentes garcia gardner garnier gauthier gibson gill girard gomez gonzales gonzalez
    gordon graf graham grant gray greco green griffin gross gruber gupta gutierrez haas hahn hall hamilton
    hansen hansson harper harris harrison hart hartmann harvey hayes henderson henry herman hernandez herrera
    hill hoffmann holmes horn howard huang huber hudson hughes hunt hunter hussain ibrahim ivanov jackson jacobs
    jager jain jansen janssen jensen jimenez johansson johnson johnston jones jordan joshi jung kaiser kaminski
    kaur keller kelly kennedy khan kim king klein knight koch kohler konig kowalczyk kowalski kramer kraus
    kruger kuhn kumar lambert lane lang lange larsen larson laurent lawrence lawson le lee lefebvre lehmann
    leroy lewandowski lewis li lin liu long lopez lorenz ludwig luna maier marchand marino marshall martin
    martinez mason matthews mayer mccarthy mcdonald mehta meier mendoza mercier meyer miller mills mitchell
    moore morales moreau moreno morgan morris morrison moser muller munoz murphy murray myers navarro nelson
    neumann newman nguyen nielsen nilsson novak nowak nunez o'brien o'connor olsen olson ortega ortiz owens
    palmer parker patel patterson pereira perez perkins perry peters petersen peterson pfeiffer pham phillips
    pierce porter powell price quinn rahman ramirez ramos rao rasmussen reed reid reyes reynolds ricci rice
    richard richards richardson richter rios rivera robert roberts robertson robinson rodriguez rogers romano
    romero rose ross rossi rousseau roux ruiz russell russo ryan sanchez sanders santiago santos schafer schmid
    schmidt schmitt schmitz schneider scholz schroder schubert schulz schumacher schwarz scott sharma shaw silva
    simmons simon simpson singh sinha smit smith snyder sokolov sorensen soto stein stevens stewart stone
    sullivan suzuki svensson tanaka taylor thomas thompson torres tran tucker turner vargas vasquez vega verma
    vogel vogt volkov wagner walker wallace walsh walter wang ward warren watkins watson weaver webb weber weiss
    wells werner west wheeler white williams williamson wilson winkler winter wojcik wolf wong wood woods wright
    wu yamamoto yang yildirim yilmaz young zhang zhao ziegler zimmermann"""
)

_CITIES = _words(
    """aachen aberdeen adelaide albuquerque alexandria amsterdam antwerp athens atlanta auckland austin baltimore
    bangalore bangkok barcelona basel beijing belfast bellevue berlin bern bilbao birmingham bologna bonn
    bordeaux boston bothell bradford bremen brisbane bristol brussels bucharest budapest buffalo burlingame
    burnaby cairns calgary cambridge canberra cardiff casablanca charlotte chennai chicago cincinnati cleveland
    cologne colombes columbus copenhagen coventry dallas darmstadt delhi denver detroit dortmund dresden dublin
    duisburg dunkerque dusseldorf edinburgh edmonton edmonds essen everett florence frankfurt gdansk geelong
    geneva genoa ghent glasgow gothenburg granada graz grenoble hamburg hanover helsinki hobart hong_kong
    houston hyderabad indianapolis istanbul jacksonville jakarta johannesburg kansas_city karachi karlsruhe
    kassel kiel kolkata krakow kyiv lagos lancaster langley las_vegas leeds leicester leipzig lille lima linz
    lisbon liverpool lodz london long_beach los_angeles lyon madrid malaga malmo manchester manila mannheim
    marseille melbourne memphis mexico_city miami milan milton_keynes milwaukee minneapolis montpellier montreal
    moscow mumbai munich munster nairobi nancy nantes naples nashville new_orleans new_york newcastle nice
    norwich nottingham nuremberg oakland oporto orlando osaka oslo ottawa oxford palermo paris perth
    philadelphia phoenix pittsburgh plymouth portland porto potsdam poznan prague pune quebec reading redmond
    reims rennes renton rio_de_janeiro riga rome rotterdam sacramento salem salzburg san_antonio san_diego
    san_francisco san_jose santiago sao_paulo saarbrucken seattle seoul seville shanghai sheffield singapore
    sofia southampton spokane stockholm strasbourg stuttgart sydney szczecin tacoma tampa the_hague tokyo
    toronto toulouse tucson turin utrecht valencia vancouver venice victoria vienna vilnius warsaw washington
    wiesbaden winnipeg wroclaw wuppertal york zagreb zaragoza zurich"""
)

_COUNTRIES = _words(
    """argentina at au australia austria be belgium br brasil brazil bulgaria ca canada ch chile china cn colombia
    croatia cyprus cz czechia czech_republic de denmark deutschland dk egypt es espana estonia fi finland fr
    france gb germany gr great_britain greece hu hungary ie in india indonesia ireland israel it italia italy
    japan jp kenya latvia lithuania luxembourg malaysia malta mexico morocco mx netherlands new_zealand nigeria
    nl no norway nz osterreich pakistan peru philippines pl poland portugal pt ro romania ru russia saudi_arabia
    se schweiz singapore slovakia slovenia south_africa south_korea spain sweden switzerland thailand tr turkey
    ua uk ukraine united_kingdom united_states us usa vietnam aut bel che deu esp fra gbr irl ita nld pol prt
    swe"""
)

_NATIONALITIES = _words(
    """american argentine argentinian australian austrian belgian brazilian british bulgarian canadian chilean
    chinese colombian croatian cypriot czech danish deutsch dutch egyptian english estonian ethiopian finnish
    franzosisch french german greek hungarian indian indonesian iranian iraqi irish israeli italian japanese
    kenyan korean latvian lebanese lithuanian maltese mexican moroccan nigerian norwegian osterreichisch
    pakistani peruvian philippine filipino polish polnisch portuguese romanian russian scottish serbian slovak
    slovenian somali south_african spanish swedish swiss syrian taiwanese thai tunisian turkish turkisch
    ukrainian venezuelan vietnamese welsh"""
)

_GENDERS = _words(
    """agender divers diverse f female femenino femme feminin femminile frau gender_fluid genderqueer herr homme
    intersex kobieta m maennlich male man mannlich maschile masculin masculino mezczyzna mujer non-binary
    nonbinary non_binary other prefer_not_to_say trans_man trans_woman transgender undisclosed unknown w
    weiblich woman x d u"""
)
_GENDER_WORDS = frozenset(w for w in _GENDERS if len(w) > 1) - _words("other unknown undisclosed prefer_not_to_say")

_MARITAL = _words(
    """casada casado celibataire civil_partnership civil_union common_law d divorced divorce divorcee divorziato
    domestic_partnership engaged geschieden in_a_relationship ledig m married marie mariee never_married
    partnered s separated sep single soltera soltero sposato unmarried verheiratet verwitwet veuf veuve viuda
    viudo w widow widowed widower zamezna zonaty other unknown"""
)
_MARITAL_WORDS = frozenset(w for w in _MARITAL if len(w) > 1) - _words("other unknown single separated engaged sep")

_RELIGIONS = _words(
    """agnostic anglican atheist atheism baha'i baptist buddhism buddhist catholic chretien christian christianity
    church_of_england confucian evangelical evangelisch hindu hinduism islam islamic jain jainism
    jehovah's_witness jewish judaism juif katholisch konfessionslos lutheran methodist mormon muslim musulman
    none no_religion orthodox pagan pentecostal presbyterian protestant quaker rastafarian reformed
    roman_catholic romisch-katholisch seventh-day_adventist shia shinto shintoism sikh sikhism spiritual sunni
    taoism taoist unitarian zoroastrian judisch muslimisch catolico"""
) - _words("none reformed spiritual")

_ETHNICITIES = _words(
    """aboriginal african african_american african-american afro-caribbean american_indian
    american_indian_or_alaska_native arab arabic ashkenazi asian asian_american asian_british bangladeshi black
    black_african black_british black_caribbean black_or_african_american caucasian chinese east_asian hispanic
    hispanic_or_latino indian indigenous inuit jewish kurdish latina latino latinx maori middle_eastern mixed
    mixed_race multiracial native_american native_hawaiian native_hawaiian_or_other_pacific_islander
    pacific_islander pakistani persian roma romani sami slavic south_asian southeast_asian two_or_more_races
    white white_british white_irish white_non-hispanic not_hispanic_or_latino"""
)
_ETHNICITY_WORDS = _ETHNICITIES - _words("black white chinese indian pakistani bangladeshi mixed arabic persian arab")

_POLITICS = _words(
    """afd bundnis_90/die_grunen cdu christian_democrat conservative csu communist democrat democratic_party
    democratic die_linke en_marche fdp far_left far_right green_party greens grune independent_voter labour
    labour_party leftist lega liberal liberal_democrat libertarian nationalist podemos populist progressive psoe
    republican republican_party sinn_fein snp socialist social_democrat spd tory ukip vox centrist"""
)
_ORIENTATIONS = _words(
    """asexual bisexual demisexual gay heterosexual homosexual lesbian pansexual queer straight heterosexuell
    homosexuell bisexuell hetero"""
)
_BLOOD = _words("a+ a- b+ b- ab+ ab- o+ o- 0+ 0- a_pos a_neg b_pos b_neg ab_pos ab_neg o_pos o_neg a_rh+ o_rh+")

_CONDITIONS = _words(
    """adhd alzheimer's_disease anaemia anemia angina anxiety anxiety_disorder appendicitis arrhythmia arthritis
    asthma atrial_fibrillation autism bipolar_disorder breast_cancer bronchitis cancer cataract celiac_disease
    copd covid-19 crohn's_disease dementia depression dermatitis diabetes diabetes_mellitus diabetes_type_1
    diabetes_type_2 type_1_diabetes type_2_diabetes eczema endometriosis epilepsy fibromyalgia glaucoma gout
    heart_failure hepatitis hepatitis_b hepatitis_c hiv hypercholesterolemia hyperlipidemia hypertension
    hyperthyroidism hypothyroidism influenza insomnia irritable_bowel_syndrome kidney_failure leukemia
    lung_cancer lupus lymphoma malaria melanoma migraine multiple_sclerosis myocardial_infarction obesity
    osteoarthritis osteoporosis panic_disorder parkinson's_disease pneumonia prostate_cancer psoriasis ptsd
    renal_failure rheumatoid_arthritis schizophrenia sepsis sickle_cell_anemia sleep_apnea stroke tuberculosis
    ulcerative_colitis urinary_tract_infection peanuts penicillin latex pollen shellfish"""
)

_LANGUAGES = _words(
    """ar arabic bengali cs da dansk danish de deutsch dutch en english es espanol fi finnish fr francais french
    german greek hi hindi hu hungarian it italian italiano ja japanese ko korean mandarin nederlands nl no
    norwegian pl polish polski portuguese pt ro romanian ru russian spanish sv swedish tamil tr turkish uk
    ukrainian urdu vi vietnamese zh"""
)
_SALUTATIONS = _words(
    "dr dr. frau herr mme mlle monsieur mr mr. mrs mrs. ms ms. miss mx mx. prof prof. sig. sra. sr. sir dame"
)
_JOBS = _words(
    """accountant administrator advisor agent analyst apprentice architect assistant associate attorney auditor
    buyer cashier chef chief clerk coach consultant cook coordinator designer developer director doctor driver
    economist editor electrician engineer executive foreman guard head inspector instructor janitor journalist
    lawyer leader lecturer librarian machinist maintenance manager mechanic nurse officer operator painter
    paralegal pharmacist photographer physician physiotherapist pilot plumber police_officer president principal
    professor programmer receptionist recruiter representative researcher salesperson scientist secretary
    specialist stocker supervisor surgeon surveyor teacher technician therapist trainer translator vet waiter
    waitress welder writer"""
)

_LISTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("first_name", _FIRST_NAMES),
    ("last_name", _LAST_NAMES),
    ("city", _CITIES),
    ("country", _COUNTRIES),
    ("nationality", _NATIONALITIES),
    ("gender", _GENDERS),
    ("gender_word", _GENDER_WORDS),
    ("marital", _MARITAL),
    ("marital_word", _MARITAL_WORDS),
    ("religion", _RELIGIONS),
    ("ethnicity", _ETHNICITIES),
    ("ethnicity_word", _ETHNICITY_WORDS),
    ("politics", _POLITICS),
    ("orientation", _ORIENTATIONS),
    ("blood_group", _BLOOD),
    ("condition", _CONDITIONS),
    ("language", _LANGUAGES),
    ("salutation", _SALUTATIONS),
)
KNOWN = ("known_first", "known_last")
"""Of many more names than `first_name` and `last_name`, some of which are words as well."""
NAMES = (*(name for name, _ in _LISTS), "full_name", "job", *KNOWN)
_LISTED: dict[str, tuple[str, ...]] = {
    word: tuple(name for name, entries in _LISTS if word in entries)
    for word in frozenset().union(*(entries for _, entries in _LISTS))
}
_LONGEST, _PARTS = 48, 4


def vocabularies(value: str) -> tuple[str, ...]:
    """Return the names of the vocabularies that the whole value is in; `full_name` for a first and a family name."""
    if len(value) > _LONGEST or "\n" in value:
        return ()
    text = folded(value)
    found = _LISTED.get(text, ())
    parts = text.replace(",", " ").split()
    if 1 < len(parts) <= _PARTS and (_is_full_name(parts, comma="," in text) or is_somebody(parts)):
        found = (*found, "full_name")
    found = (*found, *(kind for kind, names in zip(KNOWN, known_names(), strict=True) if text in names))
    if any(part.strip("-/()") in _JOBS for part in parts):
        found = (*found, "job")
    return found


@lru_cache(maxsize=1)
def _all_names() -> tuple[frozenset[str], frozenset[str]]:
    first, last = known_names()
    return _FIRST_NAMES | first, _LAST_NAMES | last


def is_a_key_of_somebody(key: str) -> bool:
    """Return whether a key of a document is a name that an entry is filed under, such as `Anna_Lopez`.

    Every word of it must be a known name, so that `grant_type` is a field.
    """
    parts = re.split(r"[_.:\-]+", folded(key).strip("_.:-"))
    if not 1 < len(parts) <= _PARTS:
        return False
    names = _all_names()
    known = all(any(part in some for some in names) for part in parts)
    return known and is_first_and_last(parts[0], parts[-1], names)


def _is_full_name(parts: list[str], *, comma: bool) -> bool:
    """Return whether words are a first name and a word, or with a comma the other way round."""
    first, last = parts[0], parts[-1]
    if not all(part[0].isalpha() for part in parts):
        return False
    if first in _FIRST_NAMES and last.isalpha():
        return True
    return last in _FIRST_NAMES if comma else last in _LAST_NAMES and any(part in _FIRST_NAMES for part in parts)
