"""Small reports of each kind for the tests, and the same with hostile values wherever somebody could put one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from delible.model.base import digest
from delible.model.dataset import DatasetRecipe
from delible.model.policy import PolicySet, Purpose, Recipient, TablePolicy
from delible.model.processing import Engagement, ProcessingRecords
from delible.model.record import Manifest
from delible.model.request import Request
from delible.model.retention import RetentionRule
from delible.model.terms import Regime
from delible.model.uniqueness import Combination
from delible.report.audit import audit_facts
from delible.report.audit_content import audit_content
from delible.report.bars import Amount, chart
from delible.report.breach import (
    Belongs,
    BreachFacts,
    Exposure,
    FileLine,
    breach_facts,
    category_count,
    category_counts,
)
from delible.report.breach_content import breach_content
from delible.report.ccpa_content import ccpa_content
from delible.report.ccpa_metrics import CcpaFacts, ccpa_years
from delible.report.consent import consent_funnel
from delible.report.content import (
    Bars,
    Bullets,
    Bytes,
    Coded,
    Column,
    Commands,
    Content,
    Facts,
    Figure,
    Heading,
    Section,
    Status,
    Table,
    Text,
)
from delible.report.dpia import DpiaFacts, DpiaSources, dpia_facts
from delible.report.dpia_content import dpia_content
from delible.report.request import request_facts
from delible.report.request_content import request_content
from delible.report.ropa import RopaFacts, ropa_facts
from delible.report.ropa_content import ropa_content
from report_records import HOSTILE, NOW, START, Book, at, consent, finding, manifest, policies, quarter, request, table

SOFTWARE = "delible 0.1.0"


GATE = {
    "gate": "k_anonymity",
    "about": "",
    "measured": "3",
    "rule": "at least",
    "bound": "5",
    "passed": False,
    "note": "smallest of 40 groups",
}


def said() -> PolicySet:
    """Return policies that say everything that records of processing ask for."""
    recipe = DatasetRecipe.model_validate(
        {
            "dataset": "support_training",
            "description": "Tickets for the topic model",
            "purpose": "model_training",
            "source": "tickets",
            "columns": {"customer_id": "drop", "body": "mask", "topic": "keep"},
        }
    )
    rule = RetentionRule.model_validate(
        {"retention": "tickets_3_years", "table": "tickets", "clock": "created_at", "keep": "P3Y", "reason": "Claims."}
    )
    records = ProcessingRecords(
        data_protection_officer="Kim Berg, dpo@fennel.example",
        representative="none",
        measures=("Encryption at rest",),
        acts_for=(
            Engagement(
                controller="Thistle Ltd",
                contact="privacy@thistle.example",
                processing=("Hosting of support tickets",),
                recipients=("host",),
            ),
        ),
    )
    host = Recipient(
        recipient="host",
        description="Runs the machines",
        contact="privacy@host.example",
        country="US",
        safeguards="Standard contractual clauses",
    )
    training = Purpose.model_validate(
        {
            "purpose": "model_training",
            "description": "train",
            "legal_basis": "consent",
            "recipients": ["host"],
            "data_subjects": ["customers"],
            "necessity": "Topics cannot be learned without texts.",
        }
    )
    base = policies()
    return base.model_copy(
        update={
            "controller": base.controller.model_copy(update={"records": records}),
            "purposes": {"model_training": training},
            "recipients": {"host": host},
            "retention": {"tickets_3_years": rule},
            "datasets": {"support_training": recipe},
        }
    )


def hostile() -> PolicySet:
    """Return policies in which every text and name that a report can show is hostile."""
    known = said()
    column = {"category": "user.health_and_medical", "special": True, "free_text": True}
    tables: dict[str, TablePolicy] = {
        HOSTILE: table("tickets", {"customer_id": "user.unique_id"}).model_copy(
            update={
                "table": HOSTILE,
                "description": HOSTILE,
                "purposes": (HOSTILE,),
                "columns": {HOSTILE: table("x", {"a": column}).columns["a"]},
            }
        )
    }
    engagement = known.controller.records.acts_for[0].model_copy(
        update={"controller": HOSTILE, "contact": HOSTILE, "processing": (HOSTILE,), "representative": HOSTILE}
    )
    records = ProcessingRecords(
        data_protection_officer=HOSTILE,
        representative=HOSTILE,
        joint_controllers=(HOSTILE,),
        measures=(HOSTILE,),
        acts_for=(engagement.model_copy(update={"recipients": (HOSTILE,)}),),
    )
    text = {"description": HOSTILE, "contact": HOSTILE, "safeguards": HOSTILE}
    return known.model_copy(
        update={
            "controller": known.controller.model_copy(
                update={"controller": HOSTILE, "contact": HOSTILE, "jurisdiction": HOSTILE, "records": records}
            ),
            "tables": tables,
            "recipients": {HOSTILE: known.recipients["host"].model_copy(update=text | {"recipient": HOSTILE})},
            "purposes": {
                HOSTILE: known.purposes["model_training"].model_copy(
                    update={
                        "purpose": HOSTILE,
                        "description": HOSTILE,
                        "recipients": (HOSTILE,),
                        "data_subjects": (HOSTILE,),
                        "necessity": HOSTILE,
                    }
                )
            },
            "retention": {
                HOSTILE: known.retention["tickets_3_years"].model_copy(
                    update={"retention": HOSTILE, "table": HOSTILE, "clock": HOSTILE, "reason": HOSTILE}
                )
            },
            "datasets": {
                HOSTILE: known.datasets["support_training"].model_copy(
                    update={
                        "dataset": HOSTILE,
                        "description": HOSTILE,
                        "purpose": HOSTILE,
                        "source": HOSTILE,
                        "where": HOSTILE,
                        "columns": {
                            HOSTILE: known.datasets["support_training"].columns["body"],
                            "x" + HOSTILE: known.datasets["support_training"].columns["customer_id"],
                            "topic": known.datasets["support_training"].columns["topic"],
                        },
                    }
                )
            },
        }
    )


def ropa(known: PolicySet) -> RopaFacts:
    return ropa_facts(known, quarter().records, [manifest()], now=NOW, software=SOFTWARE)


def released(known: PolicySet, **more: Any) -> Manifest:
    (recipe,) = known.datasets.values()
    fields: dict[str, Any] = {
        "dataset": recipe.dataset,
        "purpose": recipe.purpose,
        "recipe_fingerprint": digest(recipe.model_dump(mode="json")),
        "policy_fingerprint": known.fingerprint,
        "sources": {recipe.source: 4},
    }
    gates = more.pop("gates", (GATE,))
    return Manifest.model_validate({**manifest(**fields | more).model_dump(), "gates": gates})


def dpia(known: PolicySet, **more: Any) -> DpiaFacts:
    made = released(known, **more)
    (recipe,) = known.datasets.values()
    (kept, *_) = [name for name, t in recipe.columns.items() if t.treatment == "mask"]
    sources = DpiaSources(
        manifests=[made],
        tags=[finding(recipe.source, kept, "user.content", entity="PERSON")],
        combinations=[
            Combination(
                table=recipe.source,
                columns=(kept, "topic"),
                rows=9,
                groups=8,
                unique=7,
                smallest=1,
                version=4,
                at=NOW,
            )
        ],
        consents=consent_funnel(
            [consent(1, "given", START, purpose=recipe.purpose)], start=START, end=NOW, purposes=known.purposes
        ),
        objections={"objection": 2},
    )
    return dpia_facts(made, known, sources, now=NOW, software=SOFTWARE)


def years() -> tuple[list[Request], Book]:
    """Return requests of two calendar years with their history."""
    book = Book()
    old = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    made = [
        book.request("R-1", "erasure", old, date(2026, 2, 14), (at(1, 10), "scheduled"), (at(1, 20), "completed")),
        book.request("R-2", "erasure", at(1, 5), date(2026, 2, 19), (at(1, 15), "completed")),
        book.request("R-3", "erasure", at(1, 5), date(2026, 2, 19), (at(1, 25), "refused")),
        book.request("R-4", "access", at(1, 6), date(2026, 2, 20), (at(2, 5), "expired")),
        book.request("R-5", "portability", at(1, 7), date(2026, 2, 20), (at(1, 8), "withdrawn")),
        book.request("R-6", "opt-out", at(1, 7), date(2026, 1, 28)),
        book.request("R-7", "limit", at(1, 7), date(2026, 1, 28), (at(1, 9), "completed")),
        book.request("R-8", "erasure", at(1, 8), date(2026, 2, 20), (at(1, 8), "duplicate")),
    ]
    return [r.model_copy(update={"regime": Regime.CCPA}) for r in made], book


def ccpa(known: PolicySet, **more: Any) -> CcpaFacts:
    requests, book = years()
    named: dict[str, Any] = {
        "business": known.controller.controller,
        "contact": known.controller.contact,
        "time_zone": "UTC",
        "generated_at": NOW,
        "software": SOFTWARE,
        "policy_fingerprint": known.fingerprint,
        "everybody": False,
        "consumers": 12_000_000,
        "obliged": True,
        "years": ccpa_years(requests, book.records, now=NOW, zone=UTC),
    }
    return CcpaFacts.model_validate(named | more)


def breach(known: PolicySet) -> BreachFacts:
    name, policy = next(iter(known.tables.items()))
    lines = [
        FileLine(number=1, sha256="a" * 64, bytes=10, belongs=Belongs.TABLE, of=name, rows=7, current=False),
        FileLine(
            number=2, sha256="b" * 64, bytes=10, belongs=Belongs.STRANGE, unread=HOSTILE if name == HOSTILE else "x"
        ),
    ]
    exposures = [
        Exposure(
            of=name,
            belongs=Belongs.TABLE,
            files=1,
            rows=7,
            people={"customer_id": 5},
            categories=category_counts(policy.columns, dict.fromkeys(policy.columns, 7)),
        ),
        Exposure(
            of="file 2",
            belongs=Belongs.STRANGE,
            files=1,
            rows=3,
            people={},
            rows_only=HOSTILE if name == HOSTILE else "no way",
            categories=(category_count("user.health_and_medical", columns=1, rows=3),),
        ),
    ]
    return breach_facts(known, lines, exposures, {"customer_id": 5}, apart=0, aware=NOW, now=NOW, software=SOFTWARE)


def contents(known: PolicySet) -> dict[str, Content]:
    """Return every report that has one content for all its forms."""
    is_hostile = known.controller.controller == HOSTILE
    sources = quarter(
        policies=known,
        manifests=[released(known, excluded={HOSTILE: 40} if is_hostile else {"withdrawn": 40})],
        tags=[finding(next(iter(known.tables)), HOSTILE if is_hostile else "email", "user.contact.email", entity="X")],
    )
    audit = audit_facts(sources, start=START, end=NOW, now=NOW, software=SOFTWARE)
    asked = request("R-1", "erasure", at(3, 3), date(2026, 4, 3), "completed")
    if is_hostile:
        asked = asked.model_copy(update={"submitted_by": HOSTILE, "approved_by": HOSTILE, "duplicate_of": HOSTILE})
    one = request_facts(
        asked, list(sources.records), controller=known.controller.controller, policy_fingerprint="d" * 64, now=NOW
    )
    return {
        "audit": audit_content(audit),
        "request": request_content(one),
        "ropa": ropa_content(ropa(known)),
        "ccpa": ccpa_content(ccpa(known)),
        "dpia": dpia_content(dpia(known)),
        "breach": breach_content(breach(known)),
    }


def dpia_without_recipe(known: PolicySet, **more: Any) -> DpiaFacts:
    """Return the inputs of a release whose recipe is in the policies no more."""
    sources = DpiaSources(manifests=[], tags=[], combinations=[], consents=[], objections={})
    gone = known.model_copy(update={"datasets": {}})
    return dpia_facts(released(known, **more), gone, sources, now=NOW, software=SOFTWARE)


def small(text: str, *, rows: int = 1) -> Content:
    """Return one of each block, with a text in every place."""
    bars = chart(text, [Amount(label=text, value=text, parts=(("ok", 2), ("late", 1)), mark=2)], legend=(("ok", text),))
    assert bars is not None
    table = Table("t", text, (Column(text), Column("n", "number")), [(text, n) for n in range(rows)])
    blocks = (
        *(Text(text), Text(text, note=True), Heading(text), Facts([(text, text), ("s", Status("bad", text))])),
        *(Bullets([text, Coded(text, text)]), Commands(["delible audit verify"]), table, Bars("b", bars)),
    )
    return Content(
        title=text,
        owner=text,
        summary=text,
        figures=(Figure(text, 1, "ok"),),
        facts=((text, NOW), ("size", Bytes(1_500))),
        sections=(Section("one", text, blocks),),
        made=NOW,
        software=text,
        foot=text,
    )
