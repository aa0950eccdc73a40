"""Policies as types: controller, purposes, recipients, tables, and the set of all policies.

Retention periods and holds are in `model.retention`, recipes in `model.dataset`. Loading YAML and finding line numbers
is `store.policies`; cross-checks between files are `decide.policy`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from delible.model.base import ColumnName, Frozen, Name, Text, digest
from delible.model.consent_terms import ConsentTerms, TcfTerms
from delible.model.dataset import DatasetRecipe
from delible.model.dpv_purposes import DpvPurpose
from delible.model.duration import Duration
from delible.model.exception import ErasureException
from delible.model.masking import DEFAULT_MASKING, Masking, MaskOperator
from delible.model.notice import DEFAULT_ACKNOWLEDGE, NoticeRoute
from delible.model.processing import ProcessingRecords
from delible.model.recognizer import Country, Recognizer, WordList
from delible.model.retention import LegalHold, RetentionRule
from delible.model.subject import IdentifierKind
from delible.model.taxonomy import Category
from delible.model.terms import ColumnErasure, ErasureAction, LegalBasis, Readers, Regime, SpecialCondition

NOT_YET_SAID = "(not yet said)"
"""Stands in the `controller.yaml` that `init` writes where only the controller knows the answer; a gap until then."""


class Controller(Frozen):
    """Who decides about the data (Art. 4(7)), and how this controller's data subjects are told apart.

    Args:
        jurisdiction: Where it sits, in words; shown, and where it names countries, their national identifiers are
            looked for.
        national_identifiers: The countries whose national identifiers are looked for in values and texts, as ISO 3166
            codes. Without it those of `country`, and those that `jurisdiction` names.
        regimes: The laws under which its requests are answered; `policy check` proves the deadlines of the shortest,
            and a request under another one is not taken in. All of them unless it says otherwise: no deadline is
            longer for a law more.
        subject: The identifier kind that stands for one person, such as `customer_id`. Two different values of it
            never merge into one request without somebody saying so.
        country, subdivision: Whose public holidays count for deadlines: ISO 3166 codes such as `DE` and `BE`. Without
            them only Saturdays and Sundays do, which makes no deadline later.
        time_zone: Whose days count, such as `Europe/Berlin`.
        two_person_approval: Who submits a request may not approve it.
        identity_check: No request is approved before the data subject's identity is verified to the degree that the
            right asks for.
        sensitive_data: Deletion and correction ask for the higher degree (11 CCR 7062(d), (e)).
        identity_days: After so many days without an answer to the question who they are, a request may expire.
        access_masking: What becomes in access packages of what is found in free text, by type: `replace`, or `keep` for
            types that are nobody's business, such as DATE_TIME. All of it is replaced when left out.
        returned: What becomes of erased people whose rows come back: `report` them, or `erase` them again, where
            nothing speaks for a new beginning.
        identifiers: All identifier kinds that tables and requests may use.
        job_cadence: How often `request fulfil` and `retention apply` run at least, such as `P1D`; `policy check`
            proves the deadlines with it.
        records: What the records of processing activities say besides (Art. 30).
    """

    controller: Text
    contact: Text
    jurisdiction: Text = "EU"
    regimes: tuple[Regime, ...] = Field(default=tuple(Regime), min_length=1)
    subject: Name
    identifiers: dict[Name, IdentifierKind]
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    national_identifiers: tuple[Country, ...] | None = None
    subdivision: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,32}$")
    time_zone: str = Field(default="UTC", pattern=r"^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}$")
    two_person_approval: bool = False
    identity_check: bool = False
    sensitive_data: bool = False
    identity_days: int = Field(default=45, ge=1, le=365)
    job_cadence: Duration | None = None
    access_masking: Masking = DEFAULT_MASKING
    returned: Literal["report", "erase"] = "report"
    records: ProcessingRecords = ProcessingRecords()

    @model_validator(mode="after")
    def _subject_is_declared(self) -> Controller:
        if self.subject not in self.identifiers:
            raise ValueError(f"subject names the kind '{self.subject}', which is not among the identifiers")
        return self

    @model_validator(mode="after")
    def _redactions_are_counted(self) -> Controller:
        rules = (self.access_masking.default, *self.access_masking.entities.values())
        if any(rule.operator not in (MaskOperator.REPLACE, MaskOperator.KEEP) for rule in rules):
            raise ValueError("'access_masking' takes replace and keep: a package says how often something was replaced")
        return self


class Purpose(Frozen):
    """One processing purpose and its legal basis (Art. 5(1)(b), Art. 6).

    Args:
        special_condition: What allows special categories for it (Art. 9(2)).
        ends: Last day of the purpose; from then on nothing may be kept for it (Art. 5(1)(e)).
        direct_marketing: Whether it is direct marketing, to which anybody may object on any legal basis (Art. 21(2)).
        sells_or_shares: Whether data is sold, or shared for cross-context behavioural advertising, for it (Cal. Civ.
            Code 1798.140(ad), (ah)), which an opt-out forbids. Where one of the two is not said, that is a gap:
            objections and opt-outs leave people out.
        consent: What a consent must be to count: confirmed, how long it lasts, from which age, and where absence is
            permission.
        tcf: Which bits of IAB TCF strings speak of this purpose; none unless it says so.
        dpv: What the W3C Data Privacy Vocabulary calls it, such as `dpv:Marketing`; receipts name purposes so.
        data_subjects: Whose data it is, such as customers or employees (Art. 30(1)(c)).
        necessity: Why the purpose needs this data, and could not do with less (Art. 35(7)(b)).
    """

    purpose: Name
    description: Text
    legal_basis: LegalBasis | None = None
    recipients: tuple[Name, ...] = ()
    special_condition: SpecialCondition | None = None
    ends: date | None = None
    direct_marketing: bool | None = None
    sells_or_shares: bool | None = None
    consent: ConsentTerms = ConsentTerms()
    tcf: TcfTerms | None = None
    dpv: DpvPurpose | None = None
    data_subjects: tuple[Text, ...] = ()
    necessity: Text | None = None


class Recipient(Frozen):
    """Somebody whom data is disclosed to, and who must be told of an erasure (Art. 19).

    Args:
        notify: How they are told; without it their notices wait for somebody to tell them by hand, and are a gap.
        acknowledge_within: How long they may take to say that they have acted.
        country: Where they process it (ISO 3166), such as `US`; outside the EEA it is a transfer (Art. 44).
        safeguards: What the transfer rests on: an adequacy decision, standard contractual clauses (Art. 45-49).
    """

    recipient: Name
    description: Text
    role: Literal["processor", "controller"] = "processor"
    contact: Text
    notify: NoticeRoute | None = None
    acknowledge_within: Duration = DEFAULT_ACKNOWLEDGE
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    safeguards: Text | None = None


class Reach(Frozen):
    """One way from a table's row to its data subject: a key of its own, or the next table on the path.

    Args:
        column: The column of this table.
        identifies: The identifier kind that the column holds; ends the path.
        through: The table that the column points to; its own reaches go on from there.
        matches: The column of that table with the same values.
    """

    column: ColumnName
    identifies: Name | None = None
    through: Name | None = None
    matches: ColumnName | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Reach:
        direct = self.identifies is not None
        hop = self.through is not None and self.matches is not None
        partial = (self.through is None) != (self.matches is None)
        if direct == hop or partial:
            raise ValueError("give either 'identifies', or both 'through' and 'matches'")
        return self


class ColumnPolicy(Frozen):
    """What one column holds.

    Args:
        category: Key of the data category in the taxonomy, such as `user.contact.email`.
        special: The column holds a special category (Art. 9).
        free_text: People write here; other people's identifiers may be mentioned and are masked on their erasure.
        searched: The values tell one person from another, so the byte search after an erasure looks for them.
        copy_of: The column of an upstream table, as `table.column`, that this one copies; a correction there is made
            here, too.
        reversible: Recipes may let it out encrypted, so that who holds the workspace's keys can turn it back.
    """

    category: Category
    special: bool = False
    free_text: bool = False
    searched: bool = False
    copy_of: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,63}\..{1,255}$")
    reversible: bool = False


def _category_alone(given: Any) -> Any:
    return {"category": given} if isinstance(given, str) else given


def _null_as_written(given: Any) -> Any:
    """Read `delivery_note: null` as it was meant: YAML turns the bare word into nothing."""
    return ColumnErasure.NULL if given is None else given


ColumnEntry = Annotated[ColumnPolicy, BeforeValidator(_category_alone, json_schema_input_type=Category | ColumnPolicy)]
"""A column's policy; a bare category is short for one without flags."""

ColumnErasureEntry = Annotated[
    ColumnErasure, BeforeValidator(_null_as_written, json_schema_input_type=ColumnErasure | None)
]


class ErasureRule(Frozen):
    """What erasure means for a table's rows.

    Args:
        action: `delete_row`; `treat_columns` keeps the row without what identifies; `keep` leaves it, for `reason`.
        columns: For `treat_columns`, what happens to each column.
        reason: The exception's legal ground (Art. 17(3), §1798.105(d)); required for `keep` and `treat_columns`.
    """

    action: ErasureAction = ErasureAction.DELETE_ROW
    columns: dict[ColumnName, ColumnErasureEntry] = {}
    reason: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> ErasureRule:
        if (self.action is ErasureAction.TREAT_COLUMNS) != bool(self.columns):
            raise ValueError("'columns' and action 'treat_columns' belong together")
        if self.action is not ErasureAction.DELETE_ROW and self.reason is None:
            raise ValueError(f"action '{self.action}' leaves data in place, so it needs a 'reason'")
        return self


class TablePolicy(Frozen):
    """One Delta table: where it is, what its columns hold, how its rows reach people, what erasure means.

    Args:
        path: Folder relative to the workspace, or an absolute URI that the workspace allows.
        subject: Ways to the data subject; empty together with `no_subject` when the table is about nobody.
        readers: `exclusive` is the operator's word that nothing else reads old versions, which `--immediate` needs.
        object_versions: Of a table in a bucket that keeps old versions: `report` lets the search find them, and the
            erasure stays unfinished until they are gone; `purge` removes them, and gives up uploads that were begun
            more than a day before.
        upstream: Tables that this one is derived from; they are erased first, or the rows would come back.
    """

    table: Name
    path: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    description: Text
    purposes: tuple[Name, ...] = ()
    subject: tuple[Reach, ...] = ()
    no_subject: Text | None = None
    columns: dict[ColumnName, ColumnEntry]
    erasure: ErasureRule = ErasureRule()
    readers: Readers = Readers.SHARED
    object_versions: Literal["report", "purge"] = "report"
    upstream: tuple[Name, ...] = ()
    recipients: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _reaches_or_says_why_not(self) -> TablePolicy:
        if bool(self.subject) == (self.no_subject is not None):
            raise ValueError("give either 'subject', or 'no_subject' with the reason why no row is about a person")
        return self

    @property
    def direct(self) -> tuple[Reach, ...]:
        """The reaches that end here, at a column of the table's own."""
        return tuple(r for r in self.subject if r.identifies is not None)

    @property
    def ties_people(self) -> bool:
        """Whether a row can reach two different people directly, such as a sender and a receiver."""
        kinds = [r.identifies for r in self.direct]
        return len(set(kinds)) < len(kinds)

    @property
    def several_owners(self) -> bool:
        """Whether a row can belong to two people in ways that one look at its keys does not settle."""
        return self.ties_people or (len(self.subject) > 1 and len(self.direct) < len(self.subject))

    @property
    def free_text(self) -> tuple[str, ...]:
        """Columns in which people may be mentioned."""
        return tuple(name for name, column in self.columns.items() if column.free_text)


class PolicySet(Frozen):
    """All policies of a workspace. Each mapping's key is the thing's own name.

    Args:
        dictionaries: The word lists that recognizers name, by file.
    """

    controller: Controller
    purposes: dict[str, Purpose] = {}
    recipients: dict[str, Recipient] = {}
    tables: dict[str, TablePolicy] = {}
    retention: dict[str, RetentionRule] = {}
    legal_holds: dict[str, LegalHold] = {}
    exceptions: dict[str, ErasureException] = {}
    datasets: dict[str, DatasetRecipe] = {}
    detection: dict[str, Recognizer] = {}
    dictionaries: dict[str, WordList] = {}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the meaning of all files: comments, order and layout do not count, every value does."""
        return digest(self.model_dump(mode="json"))

    def recipients_of(self, table: TablePolicy) -> tuple[str, ...]:
        """Return whom a table's data is disclosed to: its own recipients, then those of its purposes."""
        by_purpose = (r for p in table.purposes if p in self.purposes for r in self.purposes[p].recipients)
        return tuple(dict.fromkeys((*table.recipients, *by_purpose)))

    def links(self) -> tuple[tuple[str, tuple[Reach, ...]], ...]:
        """Return the tables whose rows tie two or more identifier kinds to one person, with those columns.

        A table with two columns of one kind, such as sender and receiver, ties people to each other: it is NOT a link.
        """
        return tuple((t.table, t.direct) for t in self.tables.values() if len(t.direct) > 1 and not t.ties_people)
