"""Records of processing activities (GDPR Art. 30): what the policies say, beside what the ledger shows was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from delible.model.base import Frozen
from delible.model.policy import Controller, PolicySet
from delible.model.processing import Engagement
from delible.model.record import AuditRecord, Manifest
from delible.report.activities import Activity, Disclosure, Missing, activities, disclosure, missing_of
from delible.report.erasure import ProofState, table_runs


class TableDone(Frozen):
    """What was last done to a table so that its time limits and erasures are more than words.

    Args:
        retention_rows, erasure_rows: Rows removed so far; the times are those of the last run.
    """

    table: str
    retention_at: datetime | None
    retention_rows: int
    erasure_at: datetime | None
    erasure_rows: int
    proven: int


class EngagementLine(Frozen):
    """One controller for whom data is processed (Art. 30(2)), with its recipients."""

    engagement: Engagement
    recipients: tuple[Disclosure, ...]


class RopaFacts(Frozen):
    """The records, before they have a form.

    Args:
        measures: Declared ones (Art. 32(1)).
        shown: What this workspace's own records show of measures, one sentence each.
        without_purpose: Tables about people whose policy names no purpose.
        releases: Datasets released per purpose.
    """

    controller: str
    contact: str
    jurisdiction: str
    data_protection_officer: str | None
    representative: str | None
    joint_controllers: tuple[str, ...]
    generated_at: datetime
    software: str
    policy_fingerprint: str
    activities: tuple[Activity, ...]
    without_purpose: tuple[str, ...]
    measures: tuple[str, ...]
    shown: tuple[str, ...]
    tables: tuple[TableDone, ...]
    releases: dict[str, int]
    acts_for: tuple[EngagementLine, ...]
    missing: tuple[Missing, ...]


def ropa_facts(
    policies: PolicySet,
    records: Sequence[AuditRecord],
    manifests: Iterable[Manifest],
    *,
    now: datetime,
    software: str,
) -> RopaFacts:
    """Return the records as of `now`."""
    controller, made = policies.controller, activities(policies)
    about_people = [t for t in policies.tables.values() if t.no_subject is None]
    without = tuple(sorted(t.table for t in about_people if not t.purposes))
    acts_for = tuple(
        EngagementLine(
            engagement=e,
            recipients=tuple(disclosure(policies.recipients[r]) for r in e.recipients if r in policies.recipients),
        )
        for e in controller.records.acts_for
    )
    tables = tuple(_done(policies, records, now))
    open_points = (
        *_of_controller(controller),
        *(Missing(where=f"table {t}", what="any purpose", article="Art. 30(1)(b)") for t in without),
        *(m for a in made for m in a.missing),
        *(m for line in acts_for for m in missing_of(line.recipients)),
    )
    return RopaFacts(
        controller=controller.controller,
        contact=controller.contact,
        jurisdiction=controller.jurisdiction,
        data_protection_officer=controller.records.data_protection_officer,
        representative=controller.records.representative,
        joint_controllers=controller.records.joint_controllers,
        generated_at=now,
        software=software,
        policy_fingerprint=policies.fingerprint,
        activities=made,
        without_purpose=without,
        measures=controller.records.measures,
        shown=tuple(_shown(controller, tables)),
        tables=tables,
        releases=dict(sorted(Counter(m.purpose for m in manifests).items())),
        acts_for=acts_for,
        missing=tuple(dict.fromkeys(open_points)),
    )


def _of_controller(controller: Controller) -> Iterator[Missing]:
    where, said = "controller", controller.records
    if said.data_protection_officer is None:
        yield Missing(where=where, what="the data protection officer, or 'none'", article="Art. 30(1)(a), 37")
    if said.representative is None and controller.country is None and controller.jurisdiction != "EU":
        yield Missing(where=where, what="the representative in the Union, or 'none'", article="Art. 30(1)(a), 27")
    if not said.measures:
        yield Missing(where=where, what="technical and organisational measures", article="Art. 30(1)(g), 32(1)")


def _done(policies: PolicySet, records: Sequence[AuditRecord], now: datetime) -> Iterator[TableDone]:
    start = min((r.at for r in records), default=now)
    retention = table_runs(records, "retention", start=start, end=now)
    erasure = table_runs(records, "erasure", start=start, end=now)
    for table in sorted(policies.tables):
        kept = [run for run in retention if run.table == table]
        gone = [run for run in erasure if run.table == table]
        yield TableDone(
            table=table,
            retention_at=max((run.last for run in kept), default=None),
            retention_rows=sum(run.rows for run in kept),
            erasure_at=max((run.last for run in gone), default=None),
            erasure_rows=sum(run.rows for run in gone),
            proven=sum(run.proof is ProofState.PROVEN for run in gone),
        )


def _shown(controller: Controller, tables: Sequence[TableDone]) -> Iterator[str]:
    yield "Identifiers in requests are encrypted at rest, and forgotten when the request ends."
    yield "Data subjects stand in all records as keyed references (HMAC-SHA-256), never by name."
    yield "What was done is in an append-only ledger whose records are chained by hashes and whose head is signed."
    if controller.two_person_approval:
        yield "Who submits a request may not approve it."
    if controller.identity_check:
        yield "No request is carried out before the data subject's identity is verified."
    proven = sum(t.proven for t in tables)
    if proven:
        yield f"Erasures were followed by a search of every byte; {proven} table runs are proven so."
