"""Reports on what is processed and what was asked for: records of processing, request metrics, inputs of a DPIA."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from delible import __version__
from delible.decide.objection import limits, stands_against
from delible.model.record import release_name
from delible.report.ccpa_content import ccpa_content
from delible.report.ccpa_metrics import OBLIGED_FROM, CcpaFacts, ccpa_years
from delible.report.consent import consent_funnel
from delible.report.dpia import DpiaFacts, DpiaSources, dpia_facts
from delible.report.dpia_content import dpia_content
from delible.report.ropa import RopaFacts, ropa_facts
from delible.report.ropa_content import ropa_content
from delible.store.consents import Consents
from delible.store.manifests import Manifests
from delible.store.retirements import retirements
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.calendars import zone_of
from delible.workflows.control import Control
from delible.workflows.dataset_members import find_manifest
from delible.workflows.report_files import Report, stem_of
from delible.workflows.verdicts import list_combinations

_SOFTWARE = f"delible {__version__}"


def ropa_report(workspace: Workspace, *, now: datetime) -> Report[RopaFacts]:
    """Return the records of processing activities (GDPR Art. 30) by the policies as they are, and by the ledger."""
    control = Control(workspace)
    records, manifests = control.ledger.records(), Manifests(workspace).all()
    facts = ropa_facts(control.policies, records, manifests, now=now, software=_SOFTWARE)
    return Report(
        facts=facts,
        content=ropa_content(facts),
        document=facts.model_dump(mode="json"),
        stem=stem_of(workspace, f"ropa-{now:%Y%m%d}"),
    )


def ccpa_report(
    workspace: Workspace,
    *,
    now: datetime,
    year: int | None = None,
    consumers: int | None = None,
    everybody: bool = False,
) -> Report[CcpaFacts]:
    """Return the metrics of consumers' requests by calendar year (11 CCR 7102).

    Args:
        year: Only this calendar year.
        consumers: How many consumers' information the business handles in a calendar year.
        everybody: Count the requests of all individuals.
    """
    control = Control(workspace)
    controller = control.policies.controller
    facts = CcpaFacts(
        business=controller.controller,
        contact=controller.contact,
        time_zone=controller.time_zone,
        generated_at=now,
        software=_SOFTWARE,
        policy_fingerprint=control.policies.fingerprint,
        everybody=everybody,
        consumers=consumers,
        obliged=None if consumers is None else consumers >= OBLIGED_FROM,
        years=ccpa_years(
            control.requests.all(),
            control.ledger.records(),
            now=now,
            zone=zone_of(controller),
            everybody=everybody,
            year=year,
        ),
    )
    return Report(
        facts=facts,
        content=ccpa_content(facts),
        document=facts.model_dump(mode="json"),
        stem=stem_of(workspace, f"ccpa-metrics-{year or 'all'}"),
    )


def dpia_report(workspace: Workspace, reference: str, *, now: datetime) -> Report[DpiaFacts]:
    """Return what an impact assessment of a release starts from (GDPR Art. 35(7)).

    Args:
        reference: `NAME@vN`, or `NAME` for the latest version.

    Raises:
        InputError: `dataset.unknown_version`.
    """
    control = Control(workspace)
    manifest, policies = find_manifest(workspace, reference), control.policies
    requests, purpose = control.requests.all(), policies.purposes.get(manifest.purpose)
    standing = [r for r in requests if limits(r) or (purpose is not None and stands_against(r, purpose) is not None)]
    sources = DpiaSources(
        manifests=Manifests(workspace).all(),
        tags=Tags(workspace).latest(),
        combinations=list_combinations(workspace),
        consents=consent_funnel(
            Consents(workspace).all(),
            start=now,
            end=now,
            purposes=policies.purposes,
            requests=requests,
            suppressed=control.suppression.refs(),
        ),
        retired={release_name(*key): gone.at for key, gone in retirements(workspace).items()},
        objections=dict(sorted(Counter(r.right.value for r in standing).items())),
    )
    facts = dpia_facts(manifest, policies, sources, now=now, software=_SOFTWARE)
    return Report(
        facts=facts,
        content=dpia_content(facts),
        document=facts.model_dump(mode="json"),
        stem=stem_of(workspace, f"dpia-{manifest.dataset}-v{manifest.version}"),
    )
