"""The smaller registers: consents, suppression, tags, manifests."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from delible.errors import ConflictError, InputError
from delible.model.consent import ConsentRecord
from delible.model.record import Manifest, ReleaseFile, TagFinding
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, TagState
from delible.model.uniqueness import Combination
from delible.store.combinations import Combinations
from delible.store.consents import Consents
from delible.store.manifests import Manifests
from delible.store.suppression import Suppression
from delible.store.tags import Tags
from delible.store.workspace import Workspace

ADA, BOB = SubjectRef("v1." + "a" * 64), SubjectRef("v1." + "b" * 64)


def refused(kind: type[Exception], code: str) -> Any:
    return pytest.raises(kind, check=lambda error: error.code == code)  # type: ignore[attr-defined]


def consent(ref: SubjectRef, at: datetime, **changes: object) -> ConsentRecord:
    said: dict[str, Any] = {
        "ref": ref,
        "kind": "customer_id",
        "purpose": "model_training",
        "status": ConsentStatus.GIVEN,
        "legal_basis": LegalBasis.CONSENT,
        "notice_version": "2026-01",
        "valid_from": at,
        "recorded_at": at,
        "source": "form",
    }
    return ConsentRecord(**(said | changes))


def test_consents_come_back_in_the_order_of_knowledge(workspace: Workspace, now: datetime) -> None:
    consents = Consents(workspace)
    assert consents.all() == consents.for_refs([ADA]) == consents.for_refs([]) == []
    later = consent(ADA, now + timedelta(days=1), status=ConsentStatus.WITHDRAWN, valid_until=now + timedelta(days=9))
    consents.append([later, consent(BOB, now)])
    consents.append([consent(ADA, now, source="it's \N{SNOWMAN}")])
    consents.append([])
    assert consents.all() == [consent(ADA, now, source="it's \N{SNOWMAN}"), consent(BOB, now), later]
    assert [r.status for r in consents.for_refs([ADA])] == [ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN]


def test_tables_that_spark_reads_exist_before_their_first_row(workspace: Workspace) -> None:
    for noun in (Consents(workspace), Suppression(workspace), Tags(workspace)):
        assert noun.location == noun.location
        assert (workspace.path(noun.location) / "_delta_log" / f"{0:020}.json").is_file()
        assert "minValues" not in (workspace.path(noun.location) / "_delta_log" / f"{0:020}.json").read_text()


def test_suppressed_references_are_added_once(workspace: Workspace, now: datetime) -> None:
    suppression = Suppression(workspace)
    assert suppression.refs() == frozenset()
    assert suppression.add([ADA, BOB, ADA], "R-1", now) == 2
    assert suppression.add([BOB], "R-1", now) == suppression.add([], "R-2", now) == 0
    assert suppression.refs() == {ADA, BOB}
    assert suppression.add_all({"R-1": [ADA], "R-2": [ADA, BOB], "R-3": []}, now) == 2
    assert suppression.add_all({"R-1": [ADA], "R-2": [BOB]}, now) == 0
    assert sorted((ref, r) for ref, r, _ in suppression.rows()) == sorted(
        [(ADA, "R-1"), (BOB, "R-1"), (ADA, "R-2"), (BOB, "R-2")]
    )


def test_no_reference_stands_in_the_suppression_lists_log(workspace: Workspace, now: datetime) -> None:
    Suppression(workspace).add([ADA], "R-1", now)
    logs = (workspace.root / "store" / "suppression" / "_delta_log").glob("*.json")
    assert all(ADA not in log.read_text() for log in logs)


def finding(column: str, at: datetime, **changes: object) -> TagFinding:
    said: dict[str, Any] = {
        "table": "customers",
        "column": column,
        "category": "user.contact.email",
        "entity": "EMAIL_ADDRESS",
        "confidence": 0.97,
        "sampled": 100,
        "hits": 97,
        "bound": 0.0,
        "evidence": ("values", "name"),
        "version": 3,
        "at": at,
    }
    return TagFinding(**(said | changes))


def test_the_newest_verdict_counts_until_a_person_pins_one(workspace: Workspace, now: datetime) -> None:
    tags = Tags(workspace)
    tags.put([])
    assert tags.latest() == []
    tags.put([finding("email", now), finding("a.b[] 'odd'", now, category=None, entity=None)])
    newer = finding("email", now, confidence=0.5, version=4)
    tags.put([newer])
    assert tags.latest() == [finding("a.b[] 'odd'", now, category=None, entity=None), newer]
    pinned = tags.pin("customers", "email", state=TagState.REJECTED, reason="a code", now=now)
    assert pinned == newer.model_copy(update={"state": TagState.REJECTED, "reason": "a code"})
    tags.put([finding("email", now, version=5)])
    assert tags.latest()[1] == pinned
    again = tags.pin("customers", "email", state=TagState.ACCEPTED, reason="it is", now=now, category="user.name")
    assert tags.latest()[1] == again
    assert again.category == "user.name"
    with refused(InputError, "tags.unknown"):
        tags.pin("customers", "phone", state=TagState.ACCEPTED, reason="x", now=now)


def test_a_decision_taken_back_leaves_the_last_scan_to_count_until_the_next(
    workspace: Workspace, now: datetime
) -> None:
    tags = Tags(workspace)
    doubted = finding("email", now, state=TagState.REVIEW, reason="3 of 100 values look like one.")
    tags.put([doubted])
    with refused(InputError, "tags.not_pinned"):
        tags.reopen("customers", "email", reason="x", now=now)
    tags.pin("customers", "email", state=TagState.ACCEPTED, reason="yes", now=now, category="user.name")
    tags.put([doubted])
    assert tags.latest()[0].category == "user.name"
    assert tags.reopen("customers", "email", reason="wrong", now=now) == doubted.model_copy(
        update={"state": TagState.REOPENED, "reason": "wrong"}
    )
    again = finding("email", now, version=9)
    tags.put([again])
    assert tags.latest() == [again]
    with refused(InputError, "tags.unknown"):
        tags.reopen("customers", "phone", reason="x", now=now)


def combination(table: str, at: datetime, *columns: str) -> Combination:
    return Combination(table=table, columns=columns, rows=9, unique=4, groups=5, smallest=1, one_in=3, version=2, at=at)


def test_combinations_of_a_tables_newest_scan_count(workspace: Workspace, now: datetime) -> None:
    kept = Combinations(workspace)
    kept.put([])
    assert kept.latest() == []
    later = now + timedelta(days=1)
    kept.put([combination("a", now, "x", "y, 'z'"), combination("b", now, "x", "y")])
    kept.put([combination("a", later, "x", "w")])
    assert kept.latest() == [combination("b", now, "x", "y"), combination("a", later, "x", "w")]


def manifest(version: int, at: datetime, rows: int = 5) -> Manifest:
    return Manifest(
        dataset="support_training",
        version=version,
        purpose="model_training",
        recipe_fingerprint="f" * 64,
        policy_fingerprint="e" * 64,
        sources={"tickets": 3},
        known_at=at,
        created_at=at,
        rows_in=9,
        rows_out=rows,
        excluded={"no_consent": 9 - rows},
        members=rows,
        files=(ReleaseFile(path="data/a.parquet", sha256="0" * 64, bytes=10, rows=rows),),
        path="releases/support_training/1",
    )


def test_a_release_has_its_version_once(workspace: Workspace, now: datetime) -> None:
    manifests = Manifests(workspace)
    assert manifests.latest("support_training") is None
    manifests.put(manifest(1, now))
    manifests.put(manifest(1, now))
    manifests.put(manifest(10, now))
    manifests.put(manifest(2, now))
    with refused(ConflictError, "dataset.version_taken"):
        manifests.put(manifest(2, now, rows=4))
    assert [m.version for m in manifests.all()] == [1, 2, 10]
    assert manifests.latest("support_training") == manifest(10, now)
    assert manifests.get("support_training", 2) == manifest(2, now)
    assert manifests.get("other' OR ''='", 2) is None
