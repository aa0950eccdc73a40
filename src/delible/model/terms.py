"""Closed vocabularies of the law and of the toolkit."""

from __future__ import annotations

from enum import StrEnum


def words(value: str) -> str:
    """Return an enum's value as words: `waiting_retention_window` is "waiting retention window"."""
    return value.replace("_", " ")


class Right(StrEnum):
    """What a data subject asks for (GDPR Art. 15-22; CCPA §1798.100-121).

    `limit` is the CCPA's limit on the use of sensitive personal information (§1798.121); the GDPR knows no such right.
    """

    ERASURE = "erasure"
    ACCESS = "access"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    PORTABILITY = "portability"
    OPT_OUT = "opt-out"
    LIMIT = "limit"


class Regime(StrEnum):
    """The law whose clock and rules a request follows."""

    GDPR = "gdpr"
    CCPA = "ccpa"


class LegalBasis(StrEnum):
    """GDPR Art. 6(1)(a)-(f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class SpecialCondition(StrEnum):
    """GDPR Art. 9(2)(a)-(j): what lifts the ban on processing special categories."""

    EXPLICIT_CONSENT = "explicit_consent"
    EMPLOYMENT_LAW = "employment_law"
    VITAL_INTERESTS = "vital_interests"
    NOT_FOR_PROFIT_BODY = "not_for_profit_body"
    MADE_PUBLIC = "made_public"
    LEGAL_CLAIMS = "legal_claims"
    SUBSTANTIAL_PUBLIC_INTEREST = "substantial_public_interest"
    HEALTH_CARE = "health_care"
    PUBLIC_HEALTH = "public_health"
    RESEARCH = "research"


class RequestState(StrEnum):
    """Where a request stands. `model.request.TRANSITIONS` names the only ways between states."""

    RECEIVED = "received"
    VERIFYING_IDENTITY = "verifying_identity"
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    WAITING_RETENTION_WINDOW = "waiting_retention_window"
    COMPLETED = "completed"
    PARTLY_COMPLETED = "partly_completed"
    REFUSED = "refused"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"


class ConsentStatus(StrEnum):
    """Consent states as the W3C Data Privacy Vocabulary names them, and two that it has no name for.

    `confirmed` is the second step of a double opt-in; `opted_out` forbids sale and sharing (Cal. Civ. Code 1798.120).
    """

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REVOKED = "revoked"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    OPTED_OUT = "opted_out"


class ConsentGiver(StrEnum):
    """Who speaks: the data subject, or the holder of parental responsibility over a child (Art. 8(1))."""

    DATA_SUBJECT = "data_subject"
    PARENT = "parent"


class ErasureAction(StrEnum):
    """What erasure means for a table's rows."""

    DELETE_ROW = "delete_row"
    TREAT_COLUMNS = "treat_columns"
    KEEP = "keep"


class RetentionAction(StrEnum):
    """What becomes of rows past their period, the strictest first."""

    DELETE_ROW = "delete_row"
    AGGREGATE = "aggregate"
    TREAT_COLUMNS = "treat_columns"


class RectificationAction(StrEnum):
    """What a rectification does to rows."""

    CORRECT = "correct"


class ColumnErasure(StrEnum):
    """What erasure does to one column of a row that stays."""

    NULL = "null"
    PSEUDONYMISE = "pseudonymise"
    MASK = "mask"


class Treatment(StrEnum):
    """What a dataset recipe does to a column on its way into a release."""

    KEEP = "keep"
    DROP = "drop"
    MASK = "mask"
    PSEUDONYMISE = "pseudonymise"
    GENERALISE = "generalise"
    REPLACE = "replace"
    ENCRYPT = "encrypt"


class CheckDigit(StrEnum):
    """Rules by which a number shows typing errors; `decide.check_digits` computes them.

    `mod10` weighs 1 and 3 in turns from the right (GTIN); `mod11` weighs 1, 2, 3 … from the right, `X` being 10
    (ISBN-10, NHS numbers); `mod97` is ISO 7064 MOD 97-10, `mod11_10` ISO 7064 MOD 11,10.
    """

    LUHN = "luhn"
    MOD10 = "mod10"
    MOD11 = "mod11"
    MOD11_10 = "mod11_10"
    MOD97 = "mod97"
    IBAN = "iban"
    VERHOEFF = "verhoeff"
    DAMM = "damm"
    BSN = "bsn"
    NIR = "nir"


class Readers(StrEnum):
    """Whether anything but this toolkit may still be reading older versions of a table."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"


class Normalise(StrEnum):
    """How two spellings of an identifier are recognised as one."""

    EXACT = "exact"
    LOWER = "lower"
    DIGITS = "digits"


class TagState(StrEnum):
    """Whether a person has looked at a column verdict.

    REVIEW: its evidence is in conflict, and a person has to look. REOPENED: a person took a decision back; the next
    scan judges anew.
    """

    PROPOSED = "proposed"
    REVIEW = "review"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REOPENED = "reopened"

    @property
    def pinned(self) -> bool:
        """Whether later scans leave the verdict as it is."""
        return self in (TagState.ACCEPTED, TagState.REJECTED)


class Exclusion(StrEnum):
    """Why a row may NOT enter a dataset, in the order in which the reasons are tried.

    Every excluded row is counted under exactly one: `condition` is the recipe's own, `no_match` a row for which a join
    that excludes found nothing, `past_period` a row past a retention period, also where a hold or a duty keeps it,
    `split_conflict` a row whose data subjects belong to different splits. `jurisdiction_unknown` and `age_unknown` are
    gaps. `limited` and `rectified` are reasons of recuts alone: a limit or a correction has overtaken the released
    values, which a build treats otherwise and a recut cannot.
    """

    CONDITION = "condition"
    NO_MATCH = "no_match"
    PAST_PERIOD = "past_period"
    NO_SUBJECT = "no_subject"
    SUPPRESSED = "suppressed"
    ERASURE_REQUESTED = "erasure_requested"
    RESTRICTED = "restricted"
    OBJECTED = "objected"
    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    UNCONFIRMED = "unconfirmed"
    JURISDICTION_UNKNOWN = "jurisdiction_unknown"
    MINOR = "minor"
    AGE_UNKNOWN = "age_unknown"
    SPLIT_CONFLICT = "split_conflict"
    LIMITED = "limited"
    RECTIFIED = "rectified"
