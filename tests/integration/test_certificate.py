"""The certificate says what happened, and anybody can check it with a published key and an exported ledger."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import BrainpoolP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from delible.model.exception import ExceptionBasis, KeptPart
from delible.model.proof import Certificate, FileDigest, KeptHistory, Manifest
from delible.model.record import AuditEntry
from delible.report.certificate import certificate_bytes, certificate_document, certificate_html, statement
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace, create_workspace
from delible.verify_certificate import canonical, main
from delible.workflows.file_lists import file_list, record_removed
from report_records import HOSTILE, NOW, certificate, residue

KEPT_PART = KeptPart(
    exception="tax",
    table="customers",
    columns=("customer_id",),
    basis=ExceptionBasis.LEGAL_OBLIGATION,
    article="GDPR Art. 17(3)(b)",
    until=date(2030, 12, 31),
    rows=1,
    owner="finance",
    reason="The law on accounts.",
)
CHANGED: dict[str, Any] = {
    "received": NOW,
    "completed": NOW,
    "refs": (),
    "matched": False,
    "tables": (),
    "verification": residue(),
    "ledger_sequence": 2,
    "earlier_plans": ("E-1",),
    "shared_identifiers": 3,
    "rows": {},
    "kept": (KEPT_PART,),
    "kept_rows": {"customers": 1},
    "releases": ("support@v1",),
    "releases_superseded": ("support@v1",),
    "releases_unknown": ("support@v2",),
    "manifest": Manifest(name="files.jsonl", sha256="0" * 64, before=2, after=1),
    "history": {"customers": KeptHistory(first=3, versions=5, rows=140)},
}
PLACES = ("table:orders", "table:orders", "workspace")
Edit = Callable[[dict[str, Any]], object]


class Case:
    """A signed certificate, the published key, and the exported ledger, as an auditor gets them."""

    def __init__(self, workspace: Workspace, keys: Keys, folder: Path) -> None:
        self.keys = keys
        self.ledger = Ledger(workspace, keys)
        for number in range(5):
            self.ledger.append([_entry(f"plan:E/table:{HOSTILE}{number}"), _certified(f"R-{number - 1}")], NOW)
        self.folder = folder
        self.file, self.key, self.export = folder / "c.json", folder / "key.pem", folder / "ledger.jsonl"
        self.key.write_text(keys.public_pem())
        self.ledger.export(self.export)
        self.issue()

    def issue(self, **more: Any) -> None:
        record = self.ledger.records()[5]
        place = {"ledger_sequence": record.sequence, "ledger_hash": record.hash, "key_id": self.keys.key_id}
        place |= {"completed": record.at}
        made = certificate(**(place | more))
        self.write(certificate_document(made.model_copy(update={"signature": self.keys.sign(certificate_bytes(made))})))

    def write(self, document: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(document, indent=2))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.export.read_text().splitlines()]

    def put(self, lines: list[dict[str, Any]]) -> None:
        self.export.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def check(self) -> int:
        return main([str(self.file), "--key", str(self.key), "--ledger", str(self.export)])


@pytest.fixture
def case(workspace: Workspace, keys: Keys, tmp_path: Path) -> Case:
    return Case(workspace, keys, tmp_path)


def _certified(request: str) -> AuditEntry:
    return AuditEntry(actor="dpo", action="erasure.certify", object=f"plan:E-1/request:{request}", outcome="done")


def _entry(thing: str) -> AuditEntry:
    return AuditEntry(actor="dpo", action="request.moved", object=thing, outcome="done", counts={"rows": 3})


# ---------------------------------------------------------------------------------------------------- what it says


def test_the_statement_counts_what_was_done_and_searched() -> None:
    said = " ".join(statement(certificate()))
    assert "2 rows of the data subject in 1 table were erased. In this run mentions in 3 rows of other people" in said
    assert "9 files (48 kB) were searched in this run for 2 identifiers in every form that delible knows: no" in said
    assert "KEPT in this run, because they also concern other people: 1 row." in said
    html = certificate_html(certificate())
    assert "Rows erased or treated</th>" in html
    assert "Identifiers of this run</dt>" in html


def test_the_page_calls_references_what_they_are() -> None:
    html = certificate_html(certificate())
    assert "pseudonymous data" in html
    assert "Neither holds personal data" not in html


@pytest.mark.parametrize(
    ("searched", "in_columns", "words"),
    [
        (3, 1, "2 identifiers in every form that delible knows, and for 1 identifier that says too little"),
        (3, 1, "in raw bytes, in its own columns only: no match"),
        (2, 2, "in this run for 2 identifiers that say too little in raw bytes, in their own columns only: no match"),
        (0, 0, "searched in this run for 0 identifiers in every form that delible knows: no match"),
    ],
)
def test_what_was_compared_in_its_columns_only_is_not_said_to_be_searched_everywhere(
    searched: int, in_columns: int, words: str
) -> None:
    search = certificate().verification.model_copy(
        update={"values_searched": searched, "values_in_columns": in_columns}
    )
    made = certificate(verification=search)
    assert words in " ".join(statement(made))
    assert ("columns only</dt>" in certificate_html(made)) == bool(in_columns)
    assert ("values_in_columns" in certificate_document(made)["verification"]) == bool(in_columns)


def test_finding_nobody_is_a_statement_and_not_silence() -> None:
    assert statement(certificate(matched=False, tables=()))[0].startswith("No row of any table matched")


def test_residue_is_said_first_and_in_words() -> None:
    made = certificate(verification=residue())
    assert "2 matches REMAIN at 1 place." in " ".join(statement(made))
    html = certificate_html(made)
    assert "Residue found" in html
    assert "Nothing found" not in html


def test_what_could_not_be_read_is_not_proven() -> None:
    search = certificate().verification.model_copy(update={"unreadable": ("part-1.parquet",)})
    made = certificate(verification=search)
    assert "absence is NOT proven" in " ".join(statement(made))
    assert "Not fully searched" in certificate_html(made)


def test_releases_that_were_cut_before_are_named_with_what_to_do() -> None:
    made = certificate(releases=("support@v1", "support@v2", "chat@v1"), releases_unknown=("old@v3",))
    said = " ".join(statement(made))
    assert "STILL IN 3 dataset releases that were cut before, as their recipes treated them: support@v1, " in said
    steps = ["recut support", "recut chat", "retire support@v1", "retire support@v2", "retire chat@v1"]
    commands = ", ".join(f"delible dataset {step}" for step in steps)
    assert f"Cut the next version without them, and retire what they are in: {commands}." in said
    assert "pseudonym" not in said  # what a recipe keeps, it keeps
    assert "NOT KNOWN, because the subject index cannot be read: whether the data subject is in old@v3." in said
    html = certificate_html(made)
    for name in (*made.releases, *made.releases_unknown):
        assert f"<dt>{name}</dt>" in html
    assert "Dataset releases that were cut before" not in certificate_html(certificate())


def test_a_release_whose_successor_has_lost_the_person_is_to_be_retired_and_not_cut_again() -> None:
    made = certificate(releases=("support@v1",), releases_superseded=("support@v1",))
    said = " ".join(statement(made))
    assert "A newer version is without them; retire what they are in: delible dataset retire support@v1." in said
    assert "recut" not in said + certificate_html(made)
    assert "<code>delible dataset retire support@v1</code>" in certificate_html(made)


def test_every_field_but_the_signature_is_signed() -> None:
    first = certificate_bytes(certificate())
    assert certificate_bytes(certificate(signature="x")) == first
    for name in set(Certificate.model_fields) - {"signature"}:
        assert certificate_bytes(certificate(**{name: CHANGED.get(name, "changed")})) != first, name


def test_a_certificate_says_what_is_kept_why_and_until_when() -> None:
    own = certificate(kept=(KEPT_PART,), kept_rows={"customers": 1}, rows={"customers": 1})
    said = " ".join(statement(own))
    assert (
        "KEPT in 1 row of 'customers' until 2030-12-31: 1 column (customer_id), under the exception 'tax' (GDPR Art. "
        "17(3)(b), legal obligation): The law on accounts. Due again from the day after." in said
    )
    assert "0 rows of the data subject in 0 tables were erased" in said
    page = certificate_html(own)
    for words in ("2030-12-31", "Art. 17(3)(b)", "finance", "The law on accounts."):
        assert words in page


def test_a_certificate_says_which_history_was_kept_and_older_ones_say_nothing_of_it(case: Case) -> None:
    own = {"customers": KeptHistory(first=3, versions=5, rows=140)}
    said = " ".join(statement(certificate(history=own)))
    assert "The history of 'customers' was kept without the data subject: 5 versions from version 3 on" in said
    assert "history" not in certificate_document(certificate())
    case.issue(history=own)
    assert case.check() == 0
    document = json.loads(case.file.read_text())
    document["history"]["customers"]["versions"] = 6
    case.write(document)
    assert case.check() == 4


def test_the_verifier_s_canonical_form_is_the_one_that_is_signed() -> None:
    document = certificate_document(certificate(controller=f"Fénnel & Co {HOSTILE}"))
    body = {key: value for key, value in json.loads(json.dumps(document)).items() if key != "signature"}
    assert canonical(body) == certificate_bytes(certificate(controller=f"Fénnel & Co {HOSTILE}"))


# ------------------------------------------------------------------------------------------------ checking offline


def test_a_genuine_certificate_is_confirmed(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.check() == 0
    assert "genuine: certificate C-R-1 on request R-1, record 6 of 10" in capsys.readouterr().out


def test_a_certificate_that_names_releases_is_confirmed_and_so_is_one_from_before_they_were_named(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.issue(releases=("support@v1",), releases_unknown=("support@v2",), kept=(KEPT_PART,))
    assert case.check() == 0
    named = "1 dataset releases that hold the data subject, 1 dataset releases that could not be looked into, 1 parts"
    assert f"nothing found; it also names {named} kept under exceptions" in capsys.readouterr().out
    old = json.loads(case.file.read_text())
    del old["releases"], old["releases_unknown"], old["signature"]
    case.write({**old, "signature": case.keys.sign(canonical(old))})
    assert case.check() == 0
    assert Certificate.model_validate(old).releases == ()


def test_a_genuine_certificate_that_states_residue_ends_with_4(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.issue(verification=residue())
    assert case.check() == 4
    said = capsys.readouterr().out
    assert said.startswith("genuine")
    assert "1 places with residue" in said


def test_the_list_of_files_is_checked_when_it_is_given(
    case: Case, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [FileDigest(file=f"{where}/part-{n}", sha256="0" * 64, size=n) for n, where in enumerate(PLACES)]
    named = file_list(workspace, "E-1", ["orders"], files)
    assert (named.before, named.after) == (0, 2)
    path = workspace.root / workspace.config.reports / "certificates" / named.name
    case.issue(manifest=named)
    given = [str(case.file), "--key", str(case.key), "--ledger", str(case.export), "--files", str(path)]
    assert main(given) == 0
    assert "Digests of 0 files that were removed, and of 2 files" in " ".join(statement(certificate(manifest=named)))
    assert named.sha256 in certificate_html(certificate(manifest=named))
    path.write_bytes(path.read_bytes().replace(b"part-1", b"part-9"))
    assert main(given) == 4
    assert "list of files is not the one" in capsys.readouterr().out
    case.issue()
    assert main(given) == 2


def test_what_was_noted_before_a_vacuum_stays_noted_after_it(workspace: Workspace, tmp_path: Path) -> None:
    table = tmp_path / "orders"
    (table / "email=ann%40shop.example").mkdir(parents=True)
    (table / "email=ann%40shop.example" / "part-0.parquet").write_bytes(b"old")
    (table / "_delta_log").mkdir()
    (table / "_delta_log" / "0.json").write_bytes(b"{}")
    step = SimpleNamespace(table="orders", location=str(table))
    record_removed(workspace, "E-2", step)  # type: ignore[arg-type]
    (table / "email=ann%40shop.example" / "part-0.parquet").unlink()
    record_removed(workspace, "E-2", step)  # type: ignore[arg-type]
    named = file_list(workspace, "E-2", ["orders"], [])
    assert named.before == 1
    listed = (workspace.root / workspace.config.reports / "certificates" / named.name).read_text()
    assert json.loads(listed) == {
        "when": "before",
        "file": "table:orders/email=…/part-0.parquet",
        "sha256": hashlib.sha256(b"old").hexdigest(),
        "size": 3,
    }


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(request="R-2"),
        lambda d: d.update(matched=False),
        lambda d: d["verification"].update(files_searched=10),
        lambda d: d["tables"][0].update(rows_erased=20),
        lambda d: d["tables"].append(d["tables"][0]),
        lambda d: d.update(extra="field"),
        lambda d: d.pop("plan"),
        lambda d: d.update(signature=""),
        lambda d: d.update(signature="!!"),
        lambda d: d.pop("signature"),
        lambda d: d.update(ledger_sequence=d["ledger_sequence"] + 1),
    ],
)
def test_a_certificate_that_was_edited_is_not_genuine(case: Case, edit: Edit) -> None:
    document = json.loads(case.file.read_text())
    edit(document)
    case.write(document)
    assert case.check() == 4


def _renumber(lines: list[dict[str, Any]]) -> None:
    for number, line in enumerate(lines, 1):
        line["sequence"] = number


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: lines[2].update(outcome="failed"),
        lambda lines: lines[2]["counts"].update(rows=4),
        lambda lines: lines[2].update(at="2026-01-01T00:00:00Z"),
        lambda lines: lines.pop(2),
        lambda lines: lines.insert(2, lines[1]),
        lambda lines: lines.reverse(),
        lambda lines: lines.pop(),
        lambda lines: (lines.pop(2), _renumber(lines)),
        lambda lines: lines.__delitem__(slice(4, None)),
        lambda lines: lines[-1].update(signature=None),
        lambda lines: lines[-1].update(signature=lines[-3]["signature"]),
    ],
)
def test_a_ledger_that_was_edited_confirms_nothing(case: Case, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    lines = case.lines()
    edit(lines)
    case.put(lines)
    assert case.check() == 4


def test_a_certificate_about_another_ledger_is_not_genuine(case: Case, tmp_path: Path) -> None:
    case.issue(ledger_hash="0" * 64)
    assert case.check() == 4
    case.issue(ledger_sequence=11)
    assert case.check() == 4


@pytest.mark.parametrize(
    "other",
    [
        AuditEntry(actor="dpo", action="erasure.certify", object="plan:E-1/request:R-2", outcome="done"),
        AuditEntry(actor="dpo", action="erasure.certify", object="plan:E-2/request:R-1", outcome="done"),
        AuditEntry(actor="dpo", action="erasure.certify", object="plan:E-1/request:R-1", outcome="started"),
        AuditEntry(actor="dpo", action="request.moved", object="plan:E-1/request:R-1", outcome="done"),
    ],
)
def test_a_certificate_that_names_a_record_of_something_else_is_not_genuine(case: Case, other: AuditEntry) -> None:
    (record,) = case.ledger.append([other], NOW)
    case.ledger.export(case.export)
    case.issue(ledger_sequence=record.sequence, ledger_hash=record.hash, completed=record.at)
    assert case.check() == 4


def test_a_certificate_says_the_instant_of_its_record(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.issue(completed=NOW + timedelta(seconds=1))
    assert case.check() == 4
    assert "of another instant" in capsys.readouterr().out


def test_a_search_of_no_file_proves_nothing(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.issue(verification=certificate().verification.model_copy(update={"files_searched": 0}))
    assert case.check() == 4
    assert "nothing is proven" in capsys.readouterr().out


def test_another_key_confirms_nothing(case: Case, tmp_path: Path) -> None:
    other = create_workspace(tmp_path / "other")
    case.key.write_text(load_keys(other).public_pem())
    assert case.check() == 4


def test_a_key_file_may_hold_older_keys_too(case: Case, tmp_path: Path) -> None:
    other = create_workspace(tmp_path / "other")
    case.key.write_text(load_keys(other).public_pem() + case.keys.public_pem())
    assert case.check() == 0


def test_a_key_that_stands_twice_is_refused(case: Case) -> None:
    """One program would show the first value, another one check the last."""
    text = case.file.read_text()
    case.file.write_text('{"request": "R-2",' + text[1:])
    assert case.check() == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"a": NaN}x', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_certificate_cannot_be_checked(case: Case, content: bytes) -> None:
    case.file.write_bytes(content)
    assert case.check() == 2


@pytest.mark.parametrize("content", [b"", b"{}\n", b"not json\n", b'{"sequence": 1}\n'])
def test_a_file_that_is_no_ledger_cannot_be_checked_against(case: Case, content: bytes) -> None:
    case.export.write_bytes(content)
    assert case.check() == 2


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key_cannot_be_checked_with(case: Case, content: bytes) -> None:
    case.key.write_bytes(content)
    assert case.check() == 2


def test_no_document_moves_the_cursor_of_a_terminal(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(case.file.read_text())
    case.write({**document, "key_id": "k).\n\x1b[1A\x1b[2Kgenuine: nothing found\x1b[8m\x9b2J"})
    assert case.check() == 4
    said = capsys.readouterr().out
    assert said.startswith("NOT genuine")
    assert said[:-1].isprintable()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_a_number_that_is_none_in_json_cannot_be_checked(case: Case, number: str) -> None:
    case.file.write_text(case.file.read_text().replace('"files_searched": 9', f'"files_searched": {number}'))
    assert case.check() == 2


@pytest.mark.parametrize(("searched", "code"), [("true", 2), ("9.0", 2), ("-3", 4), ("9", 0)])
def test_files_are_counted_in_whole_numbers(case: Case, searched: str, code: int) -> None:
    document = json.loads(case.file.read_text().replace('"files_searched": 9', f'"files_searched": {searched}'))
    del document["signature"]
    case.write({**document, "signature": case.keys.sign(canonical(document))})
    assert case.check() == code


@pytest.mark.parametrize(("field", "value"), [("at", "0001-01-01T00:00:00+14:00"), ("at", 5), ("counts", float("inf"))])
def test_a_record_that_cannot_be_hashed_cannot_be_checked(case: Case, field: str, value: object) -> None:
    lines = case.lines()
    lines[2][field] = value
    case.put(lines)
    assert case.check() == 2


def test_a_key_of_another_kind_is_passed_over(case: Case) -> None:
    other = generate_private_key(BrainpoolP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    case.key.write_text(pem + case.keys.public_pem())
    assert case.check() == 0


def test_missing_files_are_named(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.export.unlink()
    assert case.check() == 2
    assert "ledger.jsonl cannot be read" in capsys.readouterr().out


def test_it_runs_without_the_rest_of_the_package(case: Case, tmp_path: Path) -> None:
    """An auditor may take the one file elsewhere: nothing of delible, pydantic or deltalake is imported."""
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['verify', {str(case.file)!r}, '--key', {str(case.key)!r}, '--ledger', {str(case.export)!r}]\n"
        "try:\n    runpy.run_module('delible.verify_certificate', run_name='__main__')\n"
        "except SystemExit as end:\n    code = end.code\n"
        "heavy = {m.split('.')[0] for m in sys.modules} & {'pydantic', 'deltalake', 'pyarrow', 'jinja2', 'typer'}\n"
        "own = {m for m in sys.modules if m.startswith('delible.')} - {'delible.verify_certificate'}\n"
        "sys.exit(f'{code} {heavy} {own}' if code or heavy or own else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing found" in done.stdout
