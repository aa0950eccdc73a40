"""Every format becomes records by keyed reference; what is broken is kept apart, counted, and never in clear."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from deltalake import write_deltalake

from consent_shop import CANARY, NOW, SAID, WHO, consent_shop, lines, take_in
from consent_strings import base64, disclosed, gpc, gpp, tc_canada, tc_core, us_california
from delible.errors import InputError
from delible.model.consent import SALE, ConsentRecord
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis, Normalise
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from delible.workflows.consent import (
    consent_receipts,
    list_quarantine,
    show_consents,
)

DAY = datetime(2026, 2, 28, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return consent_shop(tmp_path)


def ledger(workspace: Workspace) -> list[ConsentRecord]:
    return Consents(workspace).all()


def statements(workspace: Workspace) -> dict[str, ConsentStatus]:
    return {r.purpose: r.status for r in ledger(workspace)}


def answers(workspace: Workspace, folder: Path, who: Mapping[str, Any] = WHO) -> dict[str, str | None]:
    [person] = show_consents(workspace, lines(folder, who, name="who.jsonl"), as_of=NOW, known_at=NOW)
    return {a.purpose: a.reason for a in person.purposes}


def all_bytes(workspace: Workspace) -> bytes:
    return b"".join(p.read_bytes() for p in workspace.root.rglob("*") if p.is_file())


def test_csv_and_delta_rows_are_what_json_lines_are(workspace: Workspace, tmp_path: Path) -> None:
    row = {
        "subject.email": CANARY,
        "subject.customer_id": "17",
        "purpose": "ads",
        "status": "given",
        "notice_version": "3",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "",
        "age": "44",
        "jurisdiction": "US-CA",
        "given_by": "",
    }
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    assert take_in(workspace, str(path)).new == 2
    typed = {
        k: v for k, v in row.items() if v and k not in ("valid_from", "age", "subject.email", "subject.customer_id")
    }
    table = [
        typed
        | {"subject": {"email": CANARY, "customer_id": "17"}, "valid_from": datetime(2026, 1, 1, tzinfo=UTC), "age": 44}
    ]
    write_deltalake(str(tmp_path / "table"), pa.Table.from_pylist(table))
    again = take_in(workspace, str(tmp_path / "table"))
    assert (again.records, again.new) == (2, 0)
    as_json = dict(SAID, purpose="ads", subject={"email": CANARY, "customer_id": 17}, age=44, jurisdiction="US-CA")
    assert take_in(workspace, lines(tmp_path, as_json)).new == 0
    keys = load_keys(workspace)
    assert {r.ref for r in ledger(workspace)} == {
        keys.ref("email", CANARY, Normalise.LOWER),
        keys.ref("customer_id", "17", Normalise.EXACT),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "consent.file"),
        (b"a,a\n1,2\n", "consent.file"),
        (b'subject.email,purpose\n"x', "consent.row"),
        (b"subject.email,purpose\nx\n", "consent.row"),
        (b"subject.email,purpose\n\xff,y\n", "consent.row"),
    ],
)
def test_csv_that_is_none(workspace: Workspace, tmp_path: Path, text: bytes, code: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        take_in(workspace, str(path))
    assert caught.value.code == code


def test_a_birth_date_becomes_an_age_and_is_forgotten(workspace: Workspace, tmp_path: Path) -> None:
    take_in(
        workspace,
        lines(tmp_path, SAID | {"birth_date": "2010-01-02"}, SAID | {"birth_date": "2010-01-01", "purpose": "ads"}),
    )
    assert {r.purpose: r.age for r in ledger(workspace)} == {"training": 15, "ads": 16}
    assert b"2010-01" not in b"".join(p.read_bytes() for p in workspace.path("store").rglob("*") if p.is_file())


@pytest.mark.parametrize("value", [1, "1", True, "true"])
def test_gpc_opts_out_of_every_purpose_that_sells_or_may(workspace: Workspace, tmp_path: Path, value: object) -> None:
    take_in(workspace, lines(tmp_path, SAID, SAID | {"purpose": "ads", "age": 30}))
    assert answers(workspace, tmp_path) == {"training": None, "ads": None, "measuring": None, "support": None}
    done = take_in(workspace, lines(tmp_path, {"subject": WHO, "gpc": value, "valid_from": "2026-05-01"}), "gpc")
    assert (done.purposes, done.without_effect) == ({SALE: 1}, 0)
    assert answers(workspace, tmp_path) == {
        "training": None,
        "ads": "opted_out",
        "measuring": "opted_out",
        "support": None,
    }


def test_no_gpc_signal_says_nothing(workspace: Workspace, tmp_path: Path) -> None:
    done = take_in(workspace, lines(tmp_path, {"subject": WHO, "gpc": "0", "valid_from": "2026-05-01"}), "gpc")
    assert (done.lines, done.records, done.without_effect) == (1, 0, 1)


def tc(**said: Any) -> str:
    return base64(tc_core(DAY, **said), step=8)


def test_a_tc_string_speaks_of_the_purposes_that_name_its_bits(workspace: Workspace, tmp_path: Path) -> None:
    yes = tc(purposes={1, 3, 4}, consenting={755}, interests={7}, interested={755})
    take_in(workspace, lines(tmp_path, {"subject": WHO, "tcf": yes, "age": 20}), "tcf")
    [record] = ledger(workspace)
    assert (record.purpose, record.status, record.valid_from) == ("ads", ConsentStatus.GIVEN, DAY)
    assert (record.notice_version, record.legal_basis) == ("tcf4", LegalBasis.CONSENT)
    no = tc(purposes={1, 3}, consenting={755})
    take_in(workspace, lines(tmp_path, {"subject": WHO, "tcf": no, "valid_from": "2026-03-01T10:00:00Z"}), "tcf")
    assert answers(workspace, tmp_path) == {
        "ads": "no_consent",
        "measuring": "no_consent",
        "support": None,
        "training": "no_consent",
    }


def test_a_tc_string_says_nothing_where_no_purpose_names_it(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("ads", "measuring"):
        path = workspace.path("policies") / "purposes" / f"{name}.yaml"
        path.write_text("".join(x for x in path.read_text().splitlines(keepends=True) if not x.startswith("tcf")))
    with pytest.raises(InputError) as caught:
        take_in(workspace, lines(tmp_path, {"subject": WHO, "tcf": tc(purposes={1})}), "tcf")
    assert caught.value.code == "consent.unmapped"


def test_a_gpp_string_tells_of_opt_outs_places_and_children(workspace: Workspace, tmp_path: Path) -> None:
    at = {"subject": WHO, "valid_from": "2026-05-01"}
    yes = tc(purposes={1, 3, 4}, consenting={755})
    take_in(workspace, lines(tmp_path, at | {"gpp": gpp(s2=yes, s8=us_california(sale=2)), "age": 20}), "gpp")
    assert statements(workspace) == {
        "ads": ConsentStatus.GIVEN,
        "measuring": ConsentStatus.REFUSED,
        SALE: ConsentStatus.REQUESTED,
    }
    assert {r.jurisdiction for r in ledger(workspace) if r.purpose == SALE} == {"US-CA"}
    assert answers(workspace, tmp_path)["ads"] is None
    child = gpp(s8=us_california(sale=2, children=(1, 1)) + "." + gpc(False))
    take_in(workspace, lines(tmp_path, at | {"gpp": child, "valid_from": "2026-05-02"}), "gpp")
    assert answers(workspace, tmp_path)["ads"] == "minor"
    take_in(workspace, lines(tmp_path, at | {"gpp": gpp(s8=us_california(sale=1)), "valid_from": "2026-05-03"}), "gpp")
    assert answers(workspace, tmp_path)["ads"] == "opted_out"


def test_canada_s_section_speaks_of_purposes_with_express_consent(workspace: Workspace, tmp_path: Path) -> None:
    """Purpose 1 is not used there, so nobody can have agreed to it; implied consent is none under the GDPR."""
    at = {"subject": WHO, "valid_from": "2026-05-01", "age": 20}
    express = tc_canada(DAY, express={3, 4}, consenting={755}, implied={7}, implying={755})
    take_in(workspace, lines(tmp_path, at | {"gpp": gpp(s5=express)}), "gpp")
    [record] = ledger(workspace)
    assert (record.purpose, record.status) == ("ads", ConsentStatus.GIVEN)
    assert answers(workspace, tmp_path)["ads"] is None
    assert (record.jurisdiction, record.notice_version) == ("CA", "tcfca2")
    implied = tc_canada(DAY, implied={3, 4, 7}, implying={755})
    take_in(workspace, lines(tmp_path, at | {"gpp": gpp(s5=implied), "valid_from": "2026-05-02"}), "gpp")
    assert answers(workspace, tmp_path)["ads"] == "no_consent"


BROKEN = [
    ("gpc", {"subject": WHO, "gpc": "perhaps", "valid_from": "2026-05-01"}, "signal", "gpc"),
    ("gpc", {"subject": WHO, "gpc": 1}, "missing", "valid_from"),
    ("tcf", {"subject": WHO, "tcf": tc(purposes={1})[:-9]}, "string", "tcf"),
    ("tcf", {"subject": WHO, "tcf": tc(), "valid_from": "2026-02-01"}, "period", "valid_from"),
    ("tcf", {"subject": WHO, "tcf": base64(tc_core(NOW + timedelta(days=1))) + "." + disclosed({1})}, "future", "tcf"),
    ("tcf", {"subject": WHO, "tcf": 7}, "string", "tcf"),
    ("gpp", {"subject": WHO, "gpp": gpp(s28="AAAA"), "valid_from": "2026-05-01"}, "section", "gpp"),
    ("gpp", {"subject": WHO, "gpp": "DBABM", "valid_from": "2026-05-01"}, "string", "gpp"),
    ("native", SAID | {"jurisdiction": "Berlin"}, "jurisdiction", "jurisdiction"),
    ("native", SAID | {"age": -1}, "age", "age"),
    ("native", SAID | {"birth_date": "2027-01-01"}, "age", "birth_date"),
    ("native", SAID | {"given_by": "aunt"}, "given_by", "given_by"),
    ("native", SAID | {"purpose": SALE}, "status", "status"),
    ("iso27560", {"pii_principal_id": CANARY}, "receipt", "pii_processing"),
    ("iso27560", {"event": []}, "missing", "pii_principal_id"),
    ("iso27560", {"consentReceiptID": "1", "piiPrincipalId": "17"}, "time", "consentTimestamp"),
]


@pytest.mark.parametrize(("form", "row", "code", "key"), BROKEN, ids=[f"{f} {c} {k}" for f, _, c, k in BROKEN])
def test_broken_rows_are_kept_apart(
    workspace: Workspace, tmp_path: Path, form: str, row: Any, code: str, key: str
) -> None:
    sound = {
        "native": SAID,
        "gpc": {"subject": WHO, "gpc": 1, "valid_from": "2026-05-01"},
        "tcf": {"subject": WHO, "tcf": tc()},
        "gpp": {"subject": WHO, "gpp": gpp(s8=us_california()), "valid_from": "2026-05-01"},
        "iso27560": kantara(),
    }[form]
    done = take_in(workspace, lines(tmp_path, sound, row), form)
    assert (done.lines, done.quarantined) == (1, 1)
    assert done.failure is not None
    assert (done.failure.exit_code, done.failure.code) == (1, "consent.row")
    [problem] = done.failure.problems
    assert problem.where == f"{tmp_path}/rows.jsonl:2"
    [kept] = list_quarantine(workspace, now=NOW)
    assert (kept.line, kept.form, kept.code, kept.key, kept.file) == (2, form, code, key, "rows.jsonl")
    shown = f"{done} {done.failure} {problem} {kept}"
    assert "canary" not in shown.lower()
    assert CANARY.encode() not in all_bytes(workspace)
    [_, record] = Ledger(workspace, load_keys(workspace)).records(action_prefix="consent.")
    assert record.counts["quarantined"] == 1


def test_the_same_statement_at_another_known_time_is_another_record(workspace: Workspace, tmp_path: Path) -> None:
    early, late = (SAID | {"recorded_at": f"2026-02-0{n}"} for n in (1, 2))
    assert take_in(workspace, lines(tmp_path, early, late, early)).new == 2
    assert take_in(workspace, lines(tmp_path, early, late, SAID)).new == 0


def kantara() -> dict[str, Any]:
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": "DE",
        "consentTimestamp": 1_767_225_600,
        "collectionMethod": "web form",
        "consentReceiptID": "c1befd3e-b7e5-4ea6-8688-e9a565aade21",
        "piiPrincipalId": "17",
        "policyUrl": "https://fennel.example/privacy/3",
        "services": [
            {
                "service": "Shop",
                "purposes": [
                    {
                        "purpose": "Ads for you",
                        "purposeCategory": ["PersonalisedAdvertising"],
                        "consentType": "EXPLICIT",
                        "termination": "withdrawal",
                    }
                ],
            }
        ],
    }


def test_a_kantara_receipt(workspace: Workspace, tmp_path: Path) -> None:
    take_in(workspace, lines(tmp_path, kantara()), "iso27560")
    [record] = ledger(workspace)
    assert record.ref == load_keys(workspace).ref("customer_id", "17", Normalise.EXACT)
    assert (record.purpose, record.status, record.source) == ("ads", ConsentStatus.GIVEN, "web form")
    assert (record.valid_from, record.jurisdiction) == (datetime(2026, 1, 1, tzinfo=UTC), "DE")
    assert record.notice_version == "https://fennel.example/privacy/3"
    implied = kantara()
    implied["services"][0]["purposes"][0]["consentType"] = "IMPLICIT"
    assert take_in(workspace, lines(tmp_path, kantara(), implied), "iso27560").quarantined == 1


def test_a_record_of_the_standard(workspace: Workspace, tmp_path: Path) -> None:
    purpose = {
        "purpose": "Research",
        "purpose_type": "https://w3id.org/dpv#ScientificResearch",
        "lawful_basis": "eu-gdpr:A6-1-a",
        "jurisdiction": "EU",
    }
    document = {
        "record": {"schema_version": "27560", "record_id": "63ded36f", "pii_principal_id": "17"},
        "pii_processing": {"privacy_notice": "https://fennel.example/3", "purposes": [purpose]},
        "event": [
            {"event_time": "2021-05-28T12:24:00", "duration": "63115200", "type": "explicit", "state": "given"},
            {"event_time": "2022-02-21T20:44:00", "event_state": "dpv:ConsentWithdrawn"},
        ],
    }
    path = tmp_path / "record.json"
    path.write_text(json.dumps([document], indent=2))
    take_in(workspace, str(path), "iso27560")
    given, withdrawn = ledger(workspace)
    assert (given.purpose, given.status, withdrawn.status) == ("training", ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN)
    assert (given.valid_until, withdrawn.valid_until) == (datetime(2023, 5, 29, 0, 24, tzinfo=UTC), None)
    assert given.jurisdiction is None


def test_receipts_say_what_was_said_and_nobody_by_name(workspace: Workspace, tmp_path: Path) -> None:
    """Round trip: receipts that are taken in elsewhere, under the same key, make the same records."""
    rows = [
        SAID | {"valid_until": "2026-12-31T01:02:03.000004Z", "recorded_at": "2026-01-05"},
        SAID | {"purpose": "ads", "age": 13, "jurisdiction": "US-CA", "given_by": "parent", "source": "form 9"},
        SAID | {"purpose": "ads", "status": "confirmed", "valid_from": "2026-01-02", "given_by": "parent"},
        SAID | {"purpose": "support", "status": "withdrawn", "legal_basis": "contract", "notice_version": "4"},
        SAID | {"purpose": SALE, "status": "opted_out"},
        SAID | {"subject": {"customer_id": 17}, "status": "refused"},
    ]
    take_in(workspace, lines(tmp_path, *rows))
    who = lines(tmp_path, WHO, {"customer_id": 17}, name="who.jsonl")
    out = tmp_path / "receipts.json"
    made = consent_receipts(workspace, who, out=str(out))
    assert len(made) == 5
    assert "canary" not in out.read_text().lower()
    key = serialization.load_pem_public_key((tmp_path / "receipts.json.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    signature = (tmp_path / "receipts.json.sig").read_bytes()
    key.verify(signature, out.read_bytes())
    with pytest.raises(InvalidSignature):
        key.verify(signature, out.read_bytes() + b" ")
    assert (tmp_path / "receipts.json.pem").read_text() == load_keys(workspace).public_pem()
    with pytest.raises(InputError, match="there already"):
        consent_receipts(workspace, who, out=str(out))
    ads = next(m for m in made if m["content"]["pii_processing"]["purposes"][0]["purpose"] == "ads")
    assert ads["content"]["pii_processing"]["purposes"][0]["purpose_type"] == "dpv:PersonalisedAdvertising"
    assert [e["event_state"] for e in ads["content"]["event"]] == ["dpv:ConsentGiven", "confirmed"]
    before = ledger(workspace)
    assert take_in(workspace, str(out), "iso27560").new == 0
    shutil.copytree(workspace.root, workspace.root.with_name("elsewhere"), ignore=shutil.ignore_patterns("consents"))
    elsewhere = Workspace(workspace.root.with_name("elsewhere"), workspace.config)
    assert take_in(elsewhere, str(out), "iso27560").new == len(before)
    # Its audit ledger has counted imports that its new table has not.
    last = Ledger(elsewhere, load_keys(elsewhere)).records(action_prefix="consent.import")[-1]
    assert (last.outcome, last.counts["new"]) == ("done", len(before))
    assert sorted(ledger(elsewhere), key=str) == sorted(before, key=str)
    assert {r.given_by for r in before} == {ConsentGiver.PARENT, ConsentGiver.DATA_SUBJECT}


def test_a_ledger_of_an_earlier_version_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    take_in(workspace, lines(tmp_path, SAID))
    [record] = ledger(workspace)
    old = {k: v for k, v in record.model_dump().items() if k not in ("jurisdiction", "age", "given_by")}
    schema = pa.schema(
        [
            (k, pa.timestamp("us", "UTC") if isinstance(v, datetime) or k == "valid_until" else pa.string())
            for k, v in old.items()
        ]
    )
    write_deltalake(
        workspace.store_table("consents"),
        pa.Table.from_pylist([old], schema=schema),
        mode="overwrite",
        schema_mode="overwrite",
    )
    assert ledger(workspace) == [record]
    assert take_in(workspace, lines(tmp_path, SAID, SAID | {"purpose": "ads", "age": 30})).new == 1
    assert {r.age for r in ledger(workspace)} == {None, 30}
