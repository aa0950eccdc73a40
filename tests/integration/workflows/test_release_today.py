"""Who in a release would not be let in today, what that means for models, and the commands that say so."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from delible.cli.main import main
from delible.decide.consent import decide
from delible.errors import InputError
from delible.model.consent import SALE, ConsentRecord
from delible.model.release import Cause, DutyKind, ReleasedColumn, Target, Use
from delible.model.subject import Identifier, SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis, Normalise, Regime, Right
from delible.model.terms import RequestState as S
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.suppression import Suppression
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.dataset_impact import dataset_impact
from delible.workflows.dataset_recut import recut_dataset
from delible.workflows.dataset_today import heard_refs, known_today, only_requests
from delible.workflows.dataset_used import register_use
from delible.workflows.dataset_verify import verify_release
from policy_files import CONTROLLER, write_policies
from release_folders import asked_today, ref_of, released_folder
from store_fixtures import KINDS, released

POLICIES = {
    "controller.yaml": CONTROLLER,
    "purposes/model_training.yaml": "purpose: model_training\ndescription: models\nlegal_basis: consent\n",
}
CUT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = CUT + timedelta(days=30)
PEOPLE = range(12)


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Return a workspace with a release of twelve people, of whom each had agreed."""
    write_policies(workspace.path("policies"), POLICIES)
    keys = load_keys(workspace)
    Consents(workspace).append([said(ref_of(keys, n), ConsentStatus.GIVEN, CUT - timedelta(days=9)) for n in PEOPLE])
    released_folder(workspace, {"train": PEOPLE}, CUT)
    return workspace


def said(
    ref: SubjectRef,
    status: ConsentStatus,
    at: datetime,
    *,
    until: datetime | None = None,
    recorded: datetime | None = None,
    purpose: str = "model_training",
) -> ConsentRecord:
    return ConsentRecord(
        ref=ref,
        kind="email",
        purpose=purpose,
        status=status,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=at,
        valid_until=until,
        recorded_at=recorded or at,
        source="tests",
    )


def submit(workspace: Workspace, right: Right, person: int, at: datetime) -> str:
    keys = load_keys(workspace)
    identifiers = (Identifier(kind="email", value=f"p{person}@shop.example"),)
    new = NewRequest(
        right=right,
        regime=Regime.GDPR,
        identifiers=identifiers,
        refs=refs_of(identifiers, KINDS, keys),
        received=at,
        due=(at + timedelta(days=30)).date(),
    )
    (made,) = Requests(workspace, keys, Ledger(workspace, keys)).submit([new], actor="tests", now=at)
    return made.id


def run(workspace: Workspace, *words: str) -> int:
    return main([*words, "--workspace", str(workspace.root), "--json"])


def test_everybody_who_was_let_in_still_passes_when_nothing_is_new(shop: Workspace) -> None:
    assert verify_release(shop, "support", now=TODAY).passes
    assert dataset_impact(shop, now=TODAY).found == ()


def test_verify_counts_by_reason_who_would_not_be_let_in(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    keys = load_keys(shop)
    Consents(shop).append(
        [
            said(ref_of(keys, 0), ConsentStatus.WITHDRAWN, CUT + timedelta(days=1)),
            said(ref_of(keys, 1), ConsentStatus.WITHDRAWN, CUT + timedelta(days=1)),
            said(ref_of(keys, 1), ConsentStatus.GIVEN, CUT + timedelta(days=2)),
            said(ref_of(keys, 2), ConsentStatus.WITHDRAWN, CUT + timedelta(days=1), purpose="newsletter"),
            said(ref_of(keys, 99), ConsentStatus.WITHDRAWN, CUT + timedelta(days=1)),
        ]
    )
    submit(shop, Right.ERASURE, 3, CUT + timedelta(days=2))
    submit(shop, Right.ACCESS, 4, CUT + timedelta(days=2))
    Suppression(shop).add([ref_of(keys, 5)], "R-5", CUT + timedelta(days=2))
    checked = verify_release(shop, "support", now=TODAY)
    assert checked.leaving == {"erasure_requested": 1, "suppressed": 1, "withdrawn": 1}
    assert run(shop, "dataset", "verify", "support@v1") == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["today"] == {"passes": False, "people": 3, "reasons": checked.leaving}
    assert (answer["intact"], answer["signed"], answer["errors"][0]["code"]) == (True, True, "dataset.would_not_pass")
    (shop.path("releases/support/v1") / "README.md").write_text("other")
    assert run(shop, "dataset", "verify", "support@v1") == 4


def test_a_purpose_without_a_legal_basis_lets_nobody_in(shop: Workspace) -> None:
    (shop.path("policies") / "purposes/model_training.yaml").write_text("purpose: model_training\ndescription: m\n")
    assert verify_release(shop, "support", now=TODAY).leaving == {"no_legal_basis": len(PEOPLE)}
    (impact,) = dataset_impact(shop, now=TODAY).found
    assert impact.causes == {Cause.BASIS: len(PEOPLE)}


def test_a_purpose_with_another_legal_basis_has_everybody_judged(workspace: Workspace) -> None:
    """Nobody agreed, and nobody had to: until the purpose rests on consent."""
    contract = POLICIES["purposes/model_training.yaml"].replace("consent", "contract")
    write_policies(workspace.path("policies"), POLICIES | {"purposes/model_training.yaml": contract})
    released_folder(workspace, {"train": PEOPLE}, CUT, basis=LegalBasis.CONTRACT)
    assert verify_release(workspace, "support", now=TODAY).passes
    write_policies(workspace.path("policies"), POLICIES)
    Consents(workspace).append([said(ref_of(load_keys(workspace), 3), ConsentStatus.GIVEN, CUT - timedelta(days=9))])
    assert verify_release(workspace, "support", now=TODAY).leaving == {"no_consent": len(PEOPLE) - 1}


def histories(seed: int, keys: Keys, people: Iterable[int]) -> list[ConsentRecord]:
    """Return histories that end, begin and are recorded before, at and after the cut, and after today."""
    draw = random.Random(seed)
    days = [-20, -5, -1, 0, 1, 7, 29, 30, 31]
    records = []
    for person in people:
        for _ in range(draw.randint(1, 4)):
            begin = CUT + timedelta(days=draw.choice(days), seconds=draw.choice([0, 1]))
            until = begin + timedelta(days=draw.choice([1, 5, 20, 31])) if draw.random() < 0.4 else None
            recorded = begin + timedelta(days=draw.choice([0, 0, 3, -10]))
            status = draw.choice([*ConsentStatus, *([ConsentStatus.GIVEN] * 6)])
            records.append(said(ref_of(keys, person), status, begin, until=until, recorded=recorded))
    return records


LATE = {
    "withdrawn before the cut": CUT - timedelta(days=2),
    "withdrawn at the very instant": CUT,
    "withdrawn while the release was cut": CUT - timedelta(seconds=5),
}


@pytest.mark.parametrize("at", LATE.values(), ids=LATE)
def test_a_withdrawal_that_reaches_the_ledger_late_is_news(shop: Workspace, at: datetime) -> None:
    """Another system recorded it before the release was cut; nothing in the record says when it came here."""
    Consents(shop).append([said(ref_of(load_keys(shop), 7), ConsentStatus.WITHDRAWN, at)])
    assert verify_release(shop, "support", now=TODAY).leaving == {"withdrawn": 1}
    (impact,) = dataset_impact(shop, now=TODAY).found
    assert (impact.people, impact.causes) == (1, {Cause.WITHDRAWAL: 1})


def test_everybody_is_judged_where_a_manifest_does_not_say_what_it_was_judged_by(workspace: Workspace) -> None:
    write_policies(workspace.path("policies"), POLICIES)
    keys = load_keys(workspace)
    Consents(workspace).append([said(ref_of(keys, n), ConsentStatus.GIVEN, CUT - timedelta(days=9)) for n in PEOPLE])
    Consents(workspace).append([said(ref_of(keys, 7), ConsentStatus.WITHDRAWN, CUT - timedelta(days=2))])
    manifest = released_folder(workspace, {"train": PEOPLE}, CUT)
    knowledge = known_today(Control(workspace), [manifest], now=TODAY)
    assert not knowledge.against(manifest)
    assert knowledge.against(manifest.model_copy(update={"consents_version": None})).keys() == {ref_of(keys, 7)}


def test_everybody_is_judged_once_the_ledger_has_merged_its_files(shop: Workspace) -> None:
    Consents(shop).append([said(ref_of(load_keys(shop), 7), ConsentStatus.WITHDRAWN, CUT - timedelta(days=2))])
    DeltaTable(Consents(shop).location).optimize.compact()
    assert verify_release(shop, "support", now=TODAY).leaving == {"withdrawn": 1}


def test_with_links_somebody_is_judged_whose_link_alone_is_new(workspace: Workspace) -> None:
    """A telephone's owner withdrew before the cut; whose telephone it is became known after it."""
    write_policies(workspace.path("policies"), POLICIES)
    keys = load_keys(workspace)
    phone = keys.ref("phone", "030 7", Normalise.DIGITS)
    told = [said(ref_of(keys, n), ConsentStatus.GIVEN, CUT - timedelta(days=9)) for n in PEOPLE]
    Consents(workspace).append([*told, said(phone, ConsentStatus.WITHDRAWN, CUT - timedelta(days=2))])
    manifest = released_folder(workspace, {"train": PEOPLE}, CUT)
    control = Control(workspace)
    assert heard_refs(workspace, control.policies) == {phone}
    knowledge = known_today(control, [manifest], now=TODAY)
    assert not knowledge.against(manifest)
    linked = replace(knowledge, links={phone: frozenset({ref_of(keys, 7)})})
    assert {s: a.word for s, a in linked.against(manifest).items()} == {ref_of(keys, 7): "withdrawn"}
    assert not only_requests(linked, ()).against(manifest)


def test_every_reference_is_asked_about_where_terms_count(shop: Workspace) -> None:
    assert heard_refs(shop, Control(shop).policies) == frozenset()
    terms = POLICIES["purposes/model_training.yaml"] + "consent: {lasts: P1M}\n"
    write_policies(shop.path("policies"), POLICIES | {"purposes/model_training.yaml": terms})
    assert len(heard_refs(shop, Control(shop).policies)) == len(PEOPLE)


def test_an_opt_out_is_due_in_15_business_days_under_californian_law(shop: Workspace) -> None:
    asked = CUT + timedelta(days=1)
    Consents(shop).append([said(ref_of(load_keys(shop), 7), ConsentStatus.OPTED_OUT, asked, purpose=SALE)])
    (impact,) = dataset_impact(shop, now=TODAY).found
    assert impact.causes == {Cause.OPT_OUT: 1}
    assert {(d.what, d.due) for d in impact.duties} == {("support@v1", date(2026, 6, 23))}


@pytest.mark.parametrize(
    ("terms", "status", "due"),
    [
        ("{lasts: P20D}", ConsentStatus.GIVEN, date(2026, 7, 13)),
        ("{lasts: P20D, double_opt_in: true}", ConsentStatus.CONFIRMED, date(2026, 7, 13)),
    ],
)
def test_a_lapse_by_the_terms_is_due_from_the_day_on_which_consent_ended(
    workspace: Workspace, terms: str, status: ConsentStatus, due: date
) -> None:
    """Given on 23 May for 20 days: 12 June and a month is a Sunday."""
    policy = POLICIES["purposes/model_training.yaml"] + f"consent: {terms}\n"
    write_policies(workspace.path("policies"), POLICIES | {"purposes/model_training.yaml": policy})
    ref, given = ref_of(load_keys(workspace), 7), CUT - timedelta(days=10)
    Consents(workspace).append([said(ref, ConsentStatus.GIVEN, given)])
    if status is ConsentStatus.CONFIRMED:
        Consents(workspace).append([said(ref, status, given + timedelta(days=5))])
    manifest = released_folder(workspace, {"train": [7]}, CUT)
    knowledge = known_today(Control(workspace), [manifest], now=TODAY)
    assert {a.reason.due for a in knowledge.against(manifest).values()} == {due}
    lapsed = given + timedelta(days=20)
    found = [
        [i.people for i in dataset_impact(workspace, now=TODAY, consents_since=at).found]
        for at in (lapsed - timedelta(days=1), lapsed, datetime.now(UTC) + timedelta(hours=1))
    ]
    assert found == [[1], [], []]


@pytest.mark.parametrize("seed", range(3))
def test_judging_only_whom_something_is_new_of_finds_all_who_would_not_be_let_in(
    workspace: Workspace, seed: int
) -> None:
    """Law: the quick way is the same as deciding anew for everybody who is in the release."""
    write_policies(workspace.path("policies"), POLICIES)
    keys, people = load_keys(workspace), range(400)
    records = histories(seed, keys, people)
    Consents(workspace).append(records)

    def kept(person: int, at: datetime) -> bool:
        ref = ref_of(keys, person)
        own = [r for r in records if r.ref == ref]
        return decide([ref], own, purpose="model_training", basis=LegalBasis.CONSENT, as_of=at, known_at=at).keep

    inside = [person for person in people if kept(person, CUT)]
    gone = {ref_of(keys, person) for person in inside if not kept(person, TODAY)}
    assert 20 < len(gone) < len(inside) - 20
    manifest = released_folder(workspace, {"train": inside}, CUT)
    assert known_today(Control(workspace), [manifest], now=TODAY).against(manifest).keys() == gone


def test_impact_names_every_version_model_and_run_with_owner_and_day(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = load_keys(shop)
    released_folder(shop, {"train": range(6)}, CUT + timedelta(days=1))
    released_folder(shop, {"train": range(6, 12)}, CUT + timedelta(days=1), dataset="other")
    register_use(shop, "support@v1", "model:triage", owner="ml-support", run="4f2a", actor="tests", now=CUT)
    register_use(shop, "support@v2", "model:triage-2", actor="tests", now=CUT)
    register_use(shop, "other@v1", "model:unrelated", actor="tests", now=CUT)
    asked = submit(shop, Right.ERASURE, 3, CUT + timedelta(days=2))
    Consents(shop).append([said(ref_of(keys, 9), ConsentStatus.WITHDRAWN, CUT + timedelta(days=3))])
    found = {f"{i.dataset}@v{i.version}": i for i in dataset_impact(shop, now=TODAY).found}
    assert {name: i.people for name, i in found.items()} == {"support@v1": 2, "support@v2": 1, "other@v1": 1}
    assert {name: dict(i.causes) for name, i in found.items()} == {
        "support@v1": {Cause.ERASURE: 1, Cause.WITHDRAWAL: 1},
        "support@v2": {Cause.ERASURE: 1},
        "other@v1": {Cause.WITHDRAWAL: 1},
    }
    duties = {d.what: (d.duty, d.owner) for i in found.values() for d in i.duties}
    assert duties == {
        "support@v1": (DutyKind.RECUT, "privacy@test.example"),
        "model:triage": (DutyKind.RETRAIN, "ml-support"),
        "run:4f2a": (DutyKind.NOTIFY_OWNER, "ml-support"),
        "support@v2": (DutyKind.RECUT, "privacy@test.example"),
        "model:triage-2": (DutyKind.RETRAIN, "privacy@test.example"),
        "other@v1": (DutyKind.RECUT, "privacy@test.example"),
        "model:unrelated": (DutyKind.ASSESS, "privacy@test.example"),
    }
    assert run(shop, "dataset", "impact", "--request", asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(i["release"], i["people"]) for i in answer["impact"]] == [("support@v1", 1), ("support@v2", 1)]
    since = dataset_impact(shop, now=TODAY, consents_since=CUT + timedelta(days=2)).found
    assert [(i.dataset, i.version) for i in since] == [("other", 1), ("support", 1)]
    # What the ledger received, and not what its records say of when they were recorded.
    received = datetime.now(UTC)
    found_since = [
        [(i.dataset, i.version) for i in dataset_impact(shop, now=TODAY, consents_since=at).found]
        for at in (received - timedelta(hours=1), received + timedelta(hours=1))
    ]
    assert found_since == [[("other", 1), ("support", 1)], []]
    assert run(shop, "dataset", "impact", "--request", "R-none") == 2
    assert run(shop, "dataset", "impact", "--request", asked, "--consents-since", "2026-06-01") == 2


def test_a_later_version_without_the_person_is_named(shop: Workspace) -> None:
    released_folder(shop, {"train": [n for n in PEOPLE if n != 3]}, CUT + timedelta(days=1))
    submit(shop, Right.ERASURE, 3, CUT + timedelta(days=2))
    assert [(i.version, i.newest_without) for i in dataset_impact(shop, now=TODAY).found] == [(1, 2)]


def test_a_release_that_cannot_tell_is_named_apart(shop: Workspace) -> None:
    (shop.path("releases/support/v1") / "subject_index.parquet").unlink()
    submit(shop, Right.ERASURE, 3, CUT + timedelta(days=2))
    found = dataset_impact(shop, now=TODAY)
    assert (found.found, found.unknown) == ((), ("support@v1",))


@pytest.mark.parametrize("code", ["dataset.no_row_index", "dataset.no_legal_basis", "dataset.changed"])
def test_what_cannot_be_recut_is_refused_before_anything_is_read(
    shop: Workspace, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifest,) = Manifests(shop).all()
    assert manifest.row_index is not None
    match code:
        case "dataset.no_row_index":
            shutil.rmtree(shop.path(manifest.row_index.path))
        case "dataset.no_legal_basis":
            (shop.path("policies") / "purposes/model_training.yaml").write_text(
                "purpose: model_training\ndescription: m\n"
            )
        case _:
            (shop.path(manifest.path) / "data/train-00000-of-00001.parquet").write_bytes(b"PAR1")
    assert run(shop, "dataset", "recut", "support") == (4 if code == "dataset.changed" else 3)
    assert code.replace("changed", "file_changed") in {e["code"] for e in json.loads(capsys.readouterr().out)["errors"]}
    assert [entry.name for entry in (shop.path("releases") / "support").iterdir()] == ["v1"]


def test_a_use_is_registered_once_and_is_in_the_ledger(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = load_keys(shop)

    def used() -> bool:
        return register_use(shop, "support", "model:triage", owner="ml", actor="tests", now=CUT)[1]

    with monkeypatch.context() as killed:
        killed.setattr(Ledger, "drain", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            used()
    assert Ledger(shop, keys).records(action_prefix="dataset.use") == []
    assert [used(), used()] == [False, False]
    (record,) = Ledger(shop, keys).records(action_prefix="dataset.use")
    assert (record.object, record.detail) == ("dataset:support@v1", {"by": "model:triage", "owner": "ml"})
    assert register_use(shop, "support@v1", "model:triage", owner="other", actor="tests", now=CUT)[1]
    assert [use.owner for use in Uses(shop, Ledger(shop, keys)).all()] == ["other"]


def test_an_owner_stays_until_another_is_named_and_answers_once(shop: Workspace) -> None:
    def used(**more: str) -> Use:
        return register_use(shop, "support", "model:triage", actor="tests", now=CUT, **more)[0]

    used(owner="ml")
    assert (used().owner, used(run="4f2a").owner) == ("ml", "ml")
    used(run="5b3c", owner="new")
    submit(shop, Right.ERASURE, 3, CUT)
    (found,) = dataset_impact(shop, now=TODAY).found
    assert [(d.what, d.owner) for d in found.duties if d.target is not Target.RELEASE] == [
        ("model:triage", "new"),
        ("run:4f2a", "ml"),
        ("run:5b3c", "new"),
    ]


@pytest.mark.parametrize(
    ("reference", "by", "code"),
    [
        ("support@v9", "model:a", "dataset.unknown_version"),
        ("support", "triage", "dataset.use"),
        ("support", "modell:triage", "dataset.use"),
    ],
)
def test_what_cannot_be_registered_is_refused(shop: Workspace, reference: str, by: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        register_use(shop, reference, by, actor="tests", now=CUT)
    assert caught.value.code == code


def test_a_thousand_withdrawals_are_one_pass_over_each_index(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    write_policies(workspace.path("policies"), POLICIES)
    keys = load_keys(workspace)
    refs = [keys.ref("email", f"q{n}@shop.example", Normalise.LOWER) for n in range(2_000)]
    for version in (1, 2):
        asked = asked_today(workspace, "model_training")
        released(workspace, "many", version, refs, CUT, purpose_fingerprint=asked)
    Consents(workspace).append([said(ref, ConsentStatus.GIVEN, CUT - timedelta(days=9)) for ref in refs])
    Consents(workspace).append([said(ref, ConsentStatus.WITHDRAWN, CUT + timedelta(days=1)) for ref in refs[:1_000]])
    opened: list[str] = []
    whole = pq.ParquetFile.__init__

    def counted(self: pq.ParquetFile, source: object, *given: object, **named: object) -> None:
        opened.append(str(source))
        whole(self, source, *given, **named)

    monkeypatch.setattr(pq.ParquetFile, "__init__", counted)
    found = dataset_impact(workspace, now=TODAY).found
    assert [i.people for i in found] == [1_000, 1_000]
    assert len(opened) <= 3 * len(Manifests(workspace).all())


def test_a_release_that_was_shown_and_not_registered_counts_all_the_same(
    shop: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released_folder(shop, {"train": [3]}, CUT, dataset="other", registered=False)
    released_folder(shop, {"train": [77]}, CUT, dataset="third", registered=False)
    person = tmp_path / "person.jsonl"
    person.write_text('{"email": "p77@shop.example"}\n')
    assert run(shop, "dataset", "members", "third", "--identifiers", str(person)) == 0
    assert json.loads(capsys.readouterr().out)["member"]
    submit(shop, Right.ERASURE, 3, CUT + timedelta(days=2))
    assert [i.dataset for i in dataset_impact(shop, now=TODAY, actor="dpo").found] == ["other", "support"]
    records = Ledger(shop, load_keys(shop)).records(action_prefix="dataset.register")
    assert [(r.object, r.actor == "dpo") for r in records] == [("dataset:third@v1", False), ("dataset:other@v1", True)]


def test_released_values_that_a_limit_or_a_correction_has_overtaken_do_not_pass(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 limits the use of health data, 4 as well and withdrew, 5 was corrected, 6 asks to be, 7 was before the cut.

    What a recut is told stands against people is taken from it before Spark begins.
    """
    keys = load_keys(shop)
    register, at = Requests(shop, keys, Ledger(shop, keys)), CUT + timedelta(days=2)
    health = (ReleasedColumn(name="words", type="string", treatment="keep", category="user.health_and_medical"),)
    released_folder(shop, {"train": PEOPLE}, CUT, dataset="notes", columns=health)
    submit(shop, Right.LIMIT, 3, at)
    submit(shop, Right.LIMIT, 4, at)
    Consents(shop).append([said(ref_of(keys, 4), ConsentStatus.WITHDRAWN, at)])
    submit(shop, Right.RECTIFICATION, 6, at)
    for person, when in ((5, at), (7, CUT - timedelta(days=1))):
        asked = submit(shop, Right.RECTIFICATION, person, when)
        register.approve(asked, "dpo", when)
        for state in (S.IN_PROGRESS, S.COMPLETED):
            register.transition(asked, state, actor="tests", now=when)
    checked = verify_release(shop, "notes", now=TODAY)
    assert checked.leaving == {"limited": 1, "rectified": 1, "withdrawn": 1}
    impact = next(i for i in dataset_impact(shop, now=TODAY).found if i.dataset == "notes")
    assert impact.causes == {Cause.LIMIT: 1, Cause.RECTIFICATION: 2, Cause.WITHDRAWAL: 1}
    assert [d.duty for d in impact.duties] == [DutyKind.RECUT]

    told: list[tuple[SubjectRef, Exclusion]] = []
    monkeypatch.setattr("delible.workflows.spark.session_for", lambda _: None)
    monkeypatch.setattr("delible.lake.facts.read", lambda *_, **__: None)
    monkeypatch.setattr("delible.lake.consent.flags_frame", lambda _, flags: told.extend(flags))
    monkeypatch.setattr("delible.lake.recut.recut", lambda *_, **__: None)
    assert recut_dataset(shop, "notes", actor="tests", now=TODAY).new is None
    assert set(told) == {
        (ref_of(keys, 3), Exclusion.LIMITED),
        (ref_of(keys, 4), Exclusion.LIMITED),
        (ref_of(keys, 5), Exclusion.RECTIFIED),
    }


def limited(workspace: Workspace) -> list[tuple[int, dict[Cause, int], int | None]]:
    found = [i for i in dataset_impact(workspace, now=TODAY).found if i.dataset == "notes"]
    return [(i.version, dict(i.causes), i.newest_without) for i in found]


def test_a_recut_for_somebody_else_hides_no_limit(shop: Workspace) -> None:
    """Day 0: v1. Day 1: a limit. Day 5: v1 is cut again because of another person, with its values as they were."""
    health = (ReleasedColumn(name="words", type="string", treatment="keep", category="user.health_and_medical"),)
    sensitive = {"dataset": "notes", "columns": health}
    released_folder(shop, {"train": PEOPLE}, CUT, treated_at=CUT, **sensitive)
    submit(shop, Right.LIMIT, 3, CUT + timedelta(days=1))
    rest, later = [n for n in PEOPLE if n != 5], CUT + timedelta(days=5)
    released_folder(shop, {"train": rest}, later, recut_of=1, treated_at=CUT, **sensitive)
    assert limited(shop) == [(1, {Cause.LIMIT: 1}, None), (2, {Cause.LIMIT: 1}, None)]
    released_folder(shop, {"train": rest}, later, treated_at=later, **sensitive)  # a build empties the values
    assert limited(shop) == [(1, {Cause.LIMIT: 1}, None), (2, {Cause.LIMIT: 1}, None)]
