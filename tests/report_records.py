"""A quarter of the shop's records, small enough to be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from delible.decide.policy import check
from delible.model.consent import ConsentRecord
from delible.model.policy import Controller, PolicySet, Purpose, TablePolicy
from delible.model.proof import Certificate, Match, TableProof, Verification
from delible.model.record import GENESIS, AuditEntry, AuditRecord, Manifest, TagFinding
from delible.model.request import Request
from delible.report.access import AccessColumn, AccessPackage, AccessTable
from delible.report.audit import AuditFacts, AuditSources, audit_facts
from delible.report.findings import LedgerState

NOW = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe {{ 7*7 }} =cmd|calc \x1b[31m"


BODY = {"category": "user.content", "free_text": True}
NOTE = {"category": "user.health_and_medical", "special": True}


def at(month: int, day: int, hour: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Book:
    """A chain of audit records, written one by one."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def add(
        self,
        when: datetime,
        action: str,
        thing: str,
        outcome: str = "done",
        counts: Mapping[str, int] | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> AuditRecord:
        entry = AuditEntry(
            actor="m.okafor",
            action=action,
            object=thing,
            outcome=outcome,
            counts=dict(counts or {}),
            detail=dict(detail or {}),
        )
        previous = self.records[-1].hash if self.records else GENESIS
        self.records.append(AuditRecord.sealed(entry, sequence=len(self.records) + 1, at=when, previous=previous))
        return self.records[-1]

    def request(
        self, request_id: str, right: str, received: datetime, due: date, *moves: tuple[datetime, str]
    ) -> Request:
        self.add(received, "request.received", f"request:{request_id}", "received", detail={"due": due.isoformat()})
        for when, state in moves:
            self.add(when, "request.moved", f"request:{request_id}", state)
        return request(request_id, right, received, due, moves[-1][1] if moves else "received")

    def stages(self, verb: str, plan: str, table: str, when: datetime, **stages: Mapping[str, int]) -> None:
        for stage, counts in stages.items():
            self.add(when, f"{verb}.{stage}", f"plan:{plan}/table:{table}", "started")
            self.add(when, f"{verb}.{stage}", f"plan:{plan}/table:{table}", "done", counts)


def request(request_id: str, right: str, received: datetime, due: date, state: str, **more: Any) -> Request:
    fields = {"regime": "gdpr", "refs": ("v1." + "a" * 64,), "submitted_by": "m.okafor", "changed": received} | more
    return Request.model_validate(
        {"id": request_id, "right": right, "received": received, "due": due, "state": state, **fields}
    )


def table(name: str, columns: Mapping[str, Any], **more: Any) -> TablePolicy:
    described = {key: value if isinstance(value, dict) else {"category": value} for key, value in columns.items()}
    reach = [{"column": "customer_id", "identifies": "customer_id"}]
    fields = {"path": f"warehouse/{name}", "description": name, "columns": described, "subject": reach} | more
    return TablePolicy.model_validate({"table": name, **fields})


def consent(number: int, status: str, valid_from: datetime, **more: Any) -> ConsentRecord:
    fields: dict[str, Any] = {
        "ref": f"v1.{number:064x}",
        "kind": "customer_id",
        "purpose": "model_training",
        "legal_basis": "consent",
        "notice_version": "3",
        "recorded_at": valid_from,
        "source": "signup form",
    }
    return ConsentRecord.model_validate(fields | {"status": status, "valid_from": valid_from} | more)


def finding(name: str, column: str, category: str | None, **more: Any) -> TagFinding:
    fields: dict[str, Any] = {"entity": None, "confidence": 0.9, "sampled": 1000, "hits": 900 if category else 0}
    fields |= {"bound": 0.0038, "evidence": ("values",), "version": 4, "at": at(3, 2)}
    return TagFinding.model_validate({"table": name, "column": column, "category": category, **fields, **more})


def manifest(version: int = 1, **more: Any) -> Manifest:
    fields: dict[str, Any] = {
        "dataset": "support_training",
        "purpose": "model_training",
        "recipe_fingerprint": "c" * 64,
        "policy_fingerprint": "d" * 64,
        "sources": {"tickets": 4},
        "known_at": at(3, 10),
        "created_at": at(3, 10),
        "rows_in": 100,
        "rows_out": 60,
        "excluded": {"withdrawn": 10, "no_consent": 30, "suppressed": 0},
        "members": 40,
        "files": (),
        "path": "releases/support_training/v1",
    }
    return Manifest.model_validate(fields | {"version": version} | more)


def policies(**more: Any) -> PolicySet:
    tables = {
        t.table: t
        for t in (
            table("customers", {"customer_id": "user.unique_id", "email": "user.contact.email"}),
            table(
                "tickets", {"customer_id": "user.unique_id", "body": {"category": "user.content", "free_text": True}}
            ),
            table(
                "health",
                {"customer_id": "user.unique_id", "note": {"category": "user.health_and_medical", "special": True}},
            ),
        )
    }
    controller = {
        "controller": "Fennel & Co",
        "contact": "privacy@fennel.example",
        "subject": "customer_id",
        "identifiers": {"customer_id": {}},
    }
    training = Purpose.model_validate({"purpose": "model_training", "description": "train", "legal_basis": "consent"})
    fields = {
        "controller": Controller.model_validate(controller),
        "tables": tables,
        "purposes": {"model_training": training},
    }
    return PolicySet(**(fields | more))


def quarter(**more: Any) -> AuditSources:
    """Return the records: two erasures in time, one refused late, one objection overdue, one opt-out open."""
    book = Book()
    requests = [
        book.request("R-1", "erasure", at(3, 3), date(2026, 4, 3), (at(3, 4), "scheduled"), (at(3, 12), "completed")),
        book.request("R-2", "erasure", at(2, 20), date(2026, 3, 20), (at(3, 10), "completed")),
        book.request("R-3", "erasure", at(2, 1), date(2026, 3, 2), (at(3, 10), "refused")),
        book.request("R-4", "objection", at(2, 10), date(2026, 3, 10), (at(2, 11), "awaiting_approval")),
        book.request("R-5", "opt-out", at(3, 20), date(2026, 4, 10)),
    ]
    gone = {"vacuum": {"files_removed": 3}, "expire_log": {"log_files_removed": 7}}
    book.stages("erasure", "E-0", "customers", at(3, 12), merge={"rows": 2}, **gone)
    book.stages("erasure", "E-0", "customers", at(3, 12), merge={"rows": 2}, **gone)
    book.stages("erasure", "E-1", "tickets", at(3, 12), merge={"rows": 5, "mentions": 1}, **gone, verify={"matches": 2})
    book.add(at(3, 12), "erasure.verify", "plan:E-0/all", "done", {"files_searched": 9, "bytes_searched": 48_000})
    book.add(at(3, 13), "erasure.verify", "request:R-1", "failed", {"files_searched": 9, "matches": 3})
    book.stages("retention", "T-1", "tickets/tickets_3_years", at(3, 15), merge={"rows": 40}, **gone)
    facts: dict[str, Any] = {
        "policies": policies(),
        "requests": requests,
        "records": book.records,
        "consents": [consent(1, "given", at(1, 1)), consent(2, "given", at(1, 1)), consent(2, "withdrawn", at(3, 5))],
        "tags": [
            finding("customers", "email", "user.contact.email", entity="EMAIL_ADDRESS"),
            finding("customers", "nickname", "user.name", entity="PERSON"),
            finding("tickets", "created_at", None),
        ],
        "manifests": [manifest()],
        "check": check(policies()),
        "ledger": LedgerState(records=len(book.records), head=len(book.records), intact=True),
    }
    return AuditSources(**(facts | more))


def facts(**more: Any) -> AuditFacts:
    return audit_facts(quarter(**more), start=START, end=NOW, now=NOW, software="delible 0.1.0")


def certificate(**more: Any) -> Certificate:
    proof = TableProof(
        table="customers",
        action="delete_row",
        version_before=3,
        version_after=6,
        rows_erased=2,
        rows_shared=1,
        mentions_masked=3,
        files_rewritten=1,
        bytes_rewritten=120_332,
        files_removed=4,
        log_files_removed=9,
    )
    fields: dict[str, Any] = {
        "certificate": "C-R-1",
        "request": "R-1",
        "right": "erasure",
        "regime": "gdpr",
        "received": at(3, 3),
        "completed": at(3, 12),
        "controller": "Fennel & Co",
        "refs": ("v1." + "a" * 64,),
        "policy_fingerprint": "d" * 64,
        "plan": "E-1",
        "matched": True,
        "rows": {"customers": 2},
        "tables": (proof,),
        "verification": Verification(at=at(3, 12), files_searched=9, bytes_searched=48_000, values_searched=2),
        "ledger_sequence": 1,
        "ledger_hash": "e" * 64,
        "key_id": "a1b2c3d4e5f60718",
    }
    return Certificate.model_validate(fields | more)


def residue() -> Verification:
    found = (Match(place="part-0.parquet", form="parquet:email", count=2),)
    return Verification(at=at(3, 12), files_searched=9, bytes_searched=48_000, values_searched=2, matches=found)


def access_package(value: str | None = "Ana", **more: object) -> AccessPackage:
    """Return what one person gets, with one row of one table."""
    columns = tuple(AccessColumn(name=name, category="user.content") for name in ("ticket_id", "body"))
    shown = AccessTable(
        table="tickets",
        description="Support tickets",
        purposes=(),
        recipients=(),
        retention=("Three years.",),
        columns=columns,
        rows=(("1", value),),
        total=1,
    )
    fields = {
        "request": "R-6",
        "right": "access",
        "regime": "gdpr",
        "received": date(2026, 3, 6),
        "due": date(2026, 4, 6),
        "generated_at": NOW,
        "controller": "Fennel & Co",
        "contact": "privacy@fennel.example",
        "policy_fingerprint": "d" * 64,
        "tables": (shown,),
    }
    return AccessPackage.model_validate(fields | more)
