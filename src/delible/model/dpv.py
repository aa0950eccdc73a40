"""The W3C Data Privacy Vocabulary's personal-data terms (DPV-PD 2.0), mapped to the keys of `model.taxonomy`.

A policy may name a column's category in either vocabulary; what is kept is the Fides key. A term that has no key of
its own goes to the nearest one around it, and never from a special category (Art. 9) to a key that is not special:
such terms have no mapping, and the key `special: true` of a column says it instead.
"""

from __future__ import annotations

PREFIX = "pd:"

_TERMS: dict[str, str] = {
    "user": "Historical Household Profile IndividualProfile",
    "user.account": "Identifying",
    "user.account.username": "Username",
    "user.authorization": "Authenticating AuthenticationHistory",
    "user.authorization.credentials": "PINCode SecretText",
    "user.authorization.password": "Password",
    "user.behavior": "Behavioral Attitude Demeanor Interaction LinkClicked Personality Reliability VehicleUsage",
    "user.behavior.browsing_history": "BrowsingBehavior BrowserHistory BrowsingReferral",
    "user.behavior.media_consumption": "ServiceConsumptionBehavior TVViewingBehavior",
    "user.behavior.purchase_history": "Purchase PurchasesAndSpendingHabit Sale",
    "user.biometric": "Biometric FacialPrint",
    "user.biometric.fingerprint": "Fingerprint",
    "user.biometric.retinal": "Retina",
    "user.contact": "Contact",
    "user.contact.address": "PhysicalAddress Domicile Residency",
    "user.contact.address.city": "City Locality",
    "user.contact.address.country": "Country",
    "user.contact.address.postal_code": "PostalCode",
    "user.contact.address.state": "Region",
    "user.contact.address.street": "Street HouseNumber RoomNumber",
    "user.contact.email": "EmailAddress EmailAddressPersonal EmailAddressWork",
    "user.contact.phone_number": "TelephoneNumber",
    "user.content": "Communication Opinion Thought",
    "user.content.private": "CallLog CommunicationsMetadata EmailContent PersonalDocuments VoiceCommunicationRecording"
    " VoiceMail",
    "user.content.public": "PubliclyAvailableSocialMedia SocialMedia",
    "user.content.self_image": "Picture",
    "user.criminal_history": "Criminal CriminalCharge CriminalConviction CriminalOffense CriminalPardon",
    "user.demographic": "Demographic BirthPlace Citizenship CountryOfBirth Education EducationExperience"
    " EducationQualification Family FamilyStructure HairColor Height Nationality Offspring Parent"
    " PhysicalCharacteristic PhysicalTrait PlaceOfBirth Relationship School Sibling SkinTone Weight",
    "user.demographic.age_range": "Age AgeExact AgeRange",
    "user.demographic.date_of_birth": "BirthDate",
    "user.demographic.gender": "Gender",
    "user.demographic.language": "Language Accent Dialect",
    "user.demographic.marital_status": "MaritalStatus Marriage Divorce",
    "user.demographic.political_opinion": "PoliticalAffiliation PoliticalOpinion",
    "user.demographic.profile": "Preference Favorite Interest Like Dislike Intention",
    "user.demographic.race_ethnicity": "EthnicOrigin Ethnicity Race",
    "user.demographic.religious_belief": "Religion ReligiousBelief PhilosophicalBelief",
    "user.demographic.sexual_orientation": "Sexual SexualPreference SexualHistory Fetish Proclivity",
    "user.device": "DeviceBased DeviceApplications DeviceOperatingSystem DeviceSoftware UserAgent",
    "user.device.device_id": "MACAddress BrowserFingerprint DigitalFingerprint",
    "user.device.ip_address": "IPAddress",
    "user.financial": "Financial Credit CreditCapacity CreditRecord CreditScore CreditStanding CreditWorthiness"
    " FinancialAccount FinancialStatus Income IncomeBracket Insurance LoanRecord Ownership Tax Transactional",
    "user.financial.bank_account": "BankAccount AccountIdentifier FinancialAccountNumber",
    "user.financial.credit_card": "PaymentCard PaymentCardNumber CreditCardNumber PaymentCardExpiry",
    "user.government_id": "OfficialID",
    "user.government_id.passport_number": "Passport",
    "user.government_id.vehicle_registration": "VehicleLicense VehicalLicenseNumber VehicalLicenseRegistration",
    "user.health_and_medical": "MedicalHealth BloodType Disability DrugTestResult FamilyHealthHistory Health"
    " HealthHistory HealthRecord IndividualHealthHistory MentalHealth PhysicalHealth Prescription",
    "user.health_and_medical.genetic": "Genetic DNACode",
    "user.job_title": "Job Professional ProfessionalCertification",
    "user.location": "Location Geographic TravelHistory",
    "user.location.precise": "GPSCoordinate",
    "user.name": "Name",
    "user.payment": "Transaction",
    "user.privacy_preferences": "PrivacyPreference",
    "user.social": "Social SocialNetwork Acquantaince Association Connection Friend GroupMembership PublicLife",
    "user.telemetry": "Tracking",
    "user.unique_id": "UID Identifier",
    "user.workplace": "CurrentEmployment EmploymentHistory PastEmployment WorkHistory WorkEnvironment Salary"
    " PerformanceAtWork",
}
"""Key to the terms that mean it; the first is the one that stands for the key in exports. Spelt as DPV spells them."""

KEY_OF: dict[str, str] = {PREFIX + term: key for key, terms in _TERMS.items() for term in terms.split()}
"""DPV term, such as `pd:EmailAddress`, to the key."""

TERM_OF: dict[str, str] = {key: PREFIX + terms.split()[0] for key, terms in _TERMS.items()}
"""Key to its DPV term."""

SPECIAL_WITHOUT_KEY = frozenset({"pd:TradeUnionMembership"})
"""Special categories that no Fides key stands for."""


def term_of(category: str) -> str | None:
    """Return the DPV term of a key, or of the nearest key around it; None for data that is about nobody."""
    while category:
        if category in TERM_OF:
            return TERM_OF[category]
        category = category.rpartition(".")[0]
    return None
