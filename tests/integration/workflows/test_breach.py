"""Lost files of real Delta tables, releases and from elsewhere: counted without a JVM, and nothing of them told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from deltalake import DeltaTable, write_deltalake

from delible.cli.main import main
from delible.errors import InputError
from delible.model.record import Manifest, ReleaseFile
from delible.report.breach import Belongs, BreachFacts
from delible.store.manifests import Manifests
from delible.store.versions import Bucket
from delible.store.workspace import CONFIG_FILE, Workspace, create_workspace, open_workspace
from delible.workflows.breach import breach_report, named_paths
from delible.workflows.report_files import Report
from report_records import manifest

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
CANARY = "canary-51c7@person.example"
PEOPLE = 5


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The shop: customers, their orders, and cards that reach people through a table between."""
    made = create_workspace(tmp_path / "shop")
    shutil.copytree(ROOT / "policies" / "shop", made.path("policies"), dirs_exist_ok=True)
    numbers = list(range(1, PEOPLE + 1))
    write(made, "customers", customer_id=numbers, email=[CANARY, *(f"p{n}@person.example" for n in numbers[1:])])
    write(made, "customer_cards", customer_id=numbers, card_id=[100 + n for n in numbers])
    write(made, "payment_cards", card_id=[101, 102, 102], card_number=["4111 1111 1111 1111"] * 3)
    return made


def write(workspace: Workspace, name: str, **columns: Sequence[Any]) -> None:
    write_deltalake(str(workspace.path(f"warehouse/{name}")), pa.table(columns), mode="overwrite")


def parquet(workspace: Workspace, name: str) -> list[Path]:
    return sorted(workspace.path(f"warehouse/{name}").glob("*.parquet"))


def test_policies_of_the_shop_are_what_these_tests_think() -> None:
    text = (ROOT / "policies" / "shop" / "tables" / "payment_cards.yaml").read_text()
    assert "through" in text


def test_people_in_a_table_s_files_are_counted_by_every_kind(workspace: Workspace) -> None:
    facts = breach_report(workspace, parquet(workspace, "customers"), now=NOW).facts
    (customers,) = facts.exposures
    assert customers.people == {"customer_id": PEOPLE, "email": PEOPLE}
    assert (facts.at_least, facts.at_most, facts.rows) == (PEOPLE, PEOPLE, PEOPLE)
    assert {"user.contact.email", "user.unique_id"} <= {c.category for c in customers.categories}
    assert facts.files[0].current is True


def test_a_way_through_other_tables_is_followed(workspace: Workspace) -> None:
    facts = breach_report(workspace, [workspace.path("warehouse/payment_cards")], now=NOW).facts
    (cards,) = facts.exposures
    assert (cards.rows, cards.people, cards.rows_only) == (3, {"customer_id": 2}, None)
    assert {f.belongs for f in facts.files} == {Belongs.TABLE, Belongs.LOG}


def test_a_way_that_cannot_be_followed_gives_a_bound_by_rows(workspace: Workspace) -> None:
    shutil.rmtree(workspace.path("warehouse/customer_cards"))
    facts = breach_report(workspace, parquet(workspace, "payment_cards"), now=NOW).facts
    (cards,) = facts.exposures
    assert cards.people == {}
    assert "customer_cards" in str(cards.rows_only)
    assert (facts.at_least, facts.at_most) == (0, 3)


def test_a_file_of_an_old_version_counts_and_is_called_old(workspace: Workspace) -> None:
    (old,) = parquet(workspace, "customers")
    write(workspace, "customers", customer_id=[9], email=["nine@person.example"])
    facts = breach_report(workspace, [old], now=NOW).facts
    assert facts.files[0].current is False
    assert facts.people["customer_id"] == PEOPLE


def test_partition_values_stand_in_paths_and_count_too(workspace: Workspace) -> None:
    shutil.rmtree(workspace.path("warehouse/customers"))
    table = pa.table({"customer_id": [1, 2, 2], "email": [CANARY, "b@person.example", "b@person.example"]})
    write_deltalake(str(workspace.path("warehouse/customers")), table, partition_by=["email"])
    report = breach_report(workspace, [workspace.path("warehouse/customers")], now=NOW)
    assert report.facts.exposures[0].people == {"customer_id": 2, "email": 2}
    assert CANARY not in told(report)


def test_the_same_person_in_two_tables_is_one(workspace: Workspace) -> None:
    paths = [*parquet(workspace, "customers"), *parquet(workspace, "customer_cards")]
    facts = breach_report(workspace, paths, now=NOW).facts
    assert (facts.at_least, facts.at_most, facts.rows) == (PEOPLE, PEOPLE, 2 * PEOPLE)


def test_a_release_s_file_is_bounded_by_its_members(workspace: Workspace) -> None:
    folder = workspace.path("releases/support_training/v1")
    folder.mkdir(parents=True)
    pa.parquet.write_table(pa.table({"body": ["x"] * 9}), folder / "part-0.parquet")
    release = Manifest(
        dataset="support_training",
        version=1,
        purpose="model_training",
        recipe_fingerprint="c" * 64,
        policy_fingerprint="d" * 64,
        sources={"tickets": 1},
        known_at=NOW,
        created_at=NOW,
        rows_in=9,
        rows_out=9,
        excluded={},
        members=4,
        files=(ReleaseFile(path="part-0.parquet", sha256="0" * 64, bytes=1),),
        path="releases/support_training/v1",
    )
    Manifests(workspace).put(release)
    facts = breach_report(workspace, [folder], now=NOW).facts
    (made,) = facts.exposures
    assert (made.of, made.rows, made.most) == ("support_training@v1", 9, 4)
    assert (facts.at_least, facts.at_most) == (0, 4)


def test_a_release_s_categories_are_those_of_its_manifest_and_its_row_index_is_known(workspace: Workspace) -> None:
    """Of a joined and of a renamed column, also once no policy has the recipe; what was replaced is not in it."""
    folder, index = workspace.path("releases/joined/v1"), workspace.path("releases/.rows/joined/a1")
    for each in (folder, index, index.parent / "of-a-killed-build"):
        each.mkdir(parents=True)
        pa.parquet.write_table(pa.table({"file": ["x"] * 9}), each / "part-0.parquet")
    columns = [
        {"name": "note", "type": "string", "treatment": "keep", "category": "user.health_and_medical"},
        {"name": "who", "type": "string", "treatment": "pseudonymise", "category": "user.contact.email"},
        {"name": "name", "type": "string", "treatment": "replace", "category": "user.name"},
    ]
    Manifests(workspace).put(
        manifest(
            dataset="joined",
            members=4,
            path="releases/joined/v1",
            columns=columns,
            row_index={"path": "releases/.rows/joined/a1", "rows": 9},
        )
    )
    facts = breach_report(workspace, [folder, index.parent], now=NOW).facts
    (made,) = facts.exposures
    assert [(c.category, c.rows) for c in made.categories] == [
        ("user.health_and_medical", 9),
        ("user.unique_id.pseudonymous", 9),
    ]
    assert made.categories[0].special
    lines = [(f.belongs, f.of, f.rows) for f in facts.files]
    assert lines == [
        (Belongs.RELEASE, "joined@v1", 9),
        (Belongs.ROW_INDEX, "joined@v1", None),
        (Belongs.ROW_INDEX, None, None),
    ]
    assert any("A row index is among the files" in q.what for q in facts.questions)


def test_a_strange_file_is_looked_into_and_nothing_of_it_is_told(workspace: Workspace, tmp_path: Path) -> None:
    named = tmp_path / f"{CANARY}.csv"
    lines = [f"{CANARY},secret column", *(f"p{n % 7}@person.example,{n}" for n in range(40))]
    named.write_text("\n".join(lines) + "\n")
    report = breach_report(workspace, [named], now=NOW)
    (found,) = report.facts.exposures
    assert found.of == "file 1"
    assert [c.category for c in found.categories if c.identifying] == ["user.contact.email"]
    assert (found.rows, found.most) == (40, 7)
    for text in (CANARY, "secret", "p3@"):
        assert text not in told(report)


def test_keys_and_records_of_the_workspace_are_known_as_such(workspace: Workspace) -> None:
    facts = breach_report(workspace, [workspace.root / "keys.json", workspace.root / "policies"], now=NOW).facts
    assert {f.belongs for f in facts.files} == {Belongs.KEYS, Belongs.CONTROL}
    assert "keys are among the files" in facts.questions[1].what


def test_a_file_that_is_no_parquet_is_named_as_unread(workspace: Workspace) -> None:
    broken = workspace.path("warehouse/customers") / f"part-{CANARY}.parquet"
    broken.write_bytes(b"PAR1 " + CANARY.encode())
    report = breach_report(workspace, [broken], now=NOW)
    assert report.facts.unread == 1
    assert CANARY not in told(report)


def told(report: Any) -> str:
    return "".join(report.written(form).read_text(encoding="utf-8") for form in ("html", "json", "md"))


def test_the_command_takes_lists_and_names_no_path(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lost.txt").write_text(f"{workspace.path('warehouse/customers')}\n\n")
    words = ["report", "breach", "--files", f"@{tmp_path / 'lost.txt'}", "--aware-at", "2026-03-30T10:00"]
    assert main([*words, "--workspace", str(workspace.root), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["notify_by"] == "2026-04-02T10:00:00Z"
    assert (answer["at_least"], answer["at_most"]) == (PEOPLE, PEOPLE)
    assert CANARY not in json.dumps(answer)


@pytest.mark.parametrize(
    ("files", "code"),
    [(f"/nowhere/{CANARY}", "breach.file_missing"), (f"@/nowhere/{CANARY}", "breach.list_unreadable")],
)
def test_a_path_that_is_not_there_is_not_repeated(
    files: str, code: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "breach", "--files", files, "--workspace", str(workspace.root), "--json"]) == 2
    out = capsys.readouterr().out
    assert json.loads(out)["errors"][0]["code"] == code
    assert CANARY not in out


def test_mapped_columns_are_known_by_the_names_that_files_have(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = parquet(workspace, "customers")
    table = DeltaTable(str(file.parent)).to_pyarrow_table()
    pa.parquet.write_table(table.rename_columns(["col-1", "col-2"]), file)
    monkeypatch.setattr("delible.store.lost_files._names", lambda _: {"col-1": "customer_id", "col-2": "email"})
    facts = breach_report(workspace, [file], now=NOW).facts
    assert facts.people == {"customer_id": PEOPLE, "email": PEOPLE}
    assert facts.exposures[0].unmapped == 0


# ---------------------------------------------------------------------------------------------------------- in buckets


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    pytest.importorskip("boto3", reason="the extra aws is not installed")
    from s3_server import s3_server

    with s3_server():
        yield


@pytest.fixture
def bucket(server: None, workspace: Workspace, request: pytest.FixtureRequest) -> str:
    """The shop's customers, their cards and the way between in a bucket; the workspace's policies name it."""
    from s3_server import TestBucket

    name = f"lost-{abs(hash(request.node.name))}"
    made = TestBucket(name, versioned=False)
    for table in ("customers", "customer_cards", "payment_cards"):
        policy = workspace.path(f"policies/tables/{table}.yaml")
        policy.write_text(
            policy.read_text().replace(f"path: warehouse/{table}", f"path: s3a://{name}/warehouse/{table}")
        )
        made.upload(workspace.path(f"warehouse/{table}"), f"warehouse/{table}")
        shutil.rmtree(workspace.path(f"warehouse/{table}"))
    config = workspace.root / CONFIG_FILE
    config.write_text(config.read_text().replace("locations: []", f'locations: ["s3a://{name}/"]'))
    return name


def in_bucket(workspace: Workspace, *named: str) -> Report[BreachFacts]:
    return breach_report(open_workspace(workspace.root), named_paths(named), now=NOW)


def test_people_of_tables_in_a_bucket_are_counted_as_those_on_a_disk(workspace: Workspace, bucket: str) -> None:
    report = in_bucket(workspace, f"s3://{bucket}/warehouse/customers", f"s3a://{bucket}/warehouse/payment_cards/")
    customers, cards = sorted(report.facts.exposures, key=lambda e: e.of)
    assert (customers.of, customers.people) == ("customers", {"customer_id": PEOPLE, "email": PEOPLE})
    assert (cards.of, cards.people, cards.rows_only) == ("payment_cards", {"customer_id": 2}, None)
    assert {f.belongs for f in report.facts.files} == {Belongs.TABLE, Belongs.LOG}
    assert {f.current for f in report.facts.files if f.belongs is Belongs.TABLE} == {True}
    assert (report.facts.at_least, report.facts.at_most) == (PEOPLE, PEOPLE)
    assert all(len(f.sha256) == 64 and f.bytes for f in report.facts.files)
    assert bucket not in told(report)


def test_an_object_may_be_named_twice_and_by_its_own_key(workspace: Workspace, bucket: str) -> None:
    whole = in_bucket(workspace, f"s3://{bucket}/warehouse/customers").facts
    one = Bucket(f"s3://{bucket}")
    keys = [str(o["Key"]) for page in one._pages("list_objects_v2") for o in page["Contents"]]
    [data] = [k for k in keys if k.startswith("warehouse/customers/") and k.endswith(".parquet")]
    alone = in_bucket(workspace, f"s3a://{bucket}/{data}", f"s3://{bucket}/{data}").facts
    assert [f.sha256 for f in alone.files] == [f.sha256 for f in whole.files if f.belongs is Belongs.TABLE]
    assert alone.people["email"] == PEOPLE


def test_partition_values_stand_in_keys_and_count_too(workspace: Workspace, bucket: str, tmp_path: Path) -> None:
    table = pa.table({"customer_id": [1, 2, 2], "email": [CANARY, "b c@person.example", "b c@person.example"]})
    write_deltalake(
        f"s3://{bucket}/warehouse/customers", table, partition_by=["email"], mode="overwrite", schema_mode="overwrite"
    )
    report = in_bucket(workspace, f"s3://{bucket}/warehouse/customers")
    current = [f for f in report.facts.files if f.current]
    assert len(current) == 2
    assert {f.current for f in report.facts.files if f.belongs is Belongs.TABLE} == {True, False}
    assert report.facts.exposures[0].people["email"] == PEOPLE + 1
    assert CANARY not in told(report)


def test_an_object_of_no_table_is_said_not_to_be_looked_into(workspace: Workspace, bucket: str) -> None:
    import boto3

    boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).put_object(
        Bucket=bucket, Key=f"dumps/{CANARY}.csv", Body=b"email\na@person.example\n"
    )
    report = in_bucket(workspace, f"s3://{bucket}/dumps", f"s3://{bucket}/warehouse/customers")
    [strange] = [f for f in report.facts.files if f.belongs is Belongs.STRANGE]
    assert (strange.rows, strange.bytes, "bucket" in str(strange.unread)) == (None, 23, True)
    assert (report.facts.unread, report.facts.at_least) == (1, PEOPLE)
    assert any("Files could not be read" in q.what for q in report.facts.questions)
    assert CANARY not in told(report)


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("s3://{bucket}/nothing/here", "breach.file_missing"),
        ("gs://{bucket}/warehouse", "breach.file_missing"),
        ("s3://another-{bucket}/warehouse", "breach.file_missing"),
        ("s3://", "breach.file_missing"),
    ],
)
def test_what_is_not_there_is_refused_by_its_number(workspace: Workspace, bucket: str, named: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        in_bucket(workspace, f"s3://{bucket}/warehouse/customers", named.format(bucket=bucket))
    assert (caught.value.code, caught.value.where) == (code, "file 2")
    assert bucket not in str(caught.value)


def test_a_bucket_that_does_not_answer_is_an_error_of_its_own(
    workspace: Workspace, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError) as caught:
        in_bucket(workspace, f"s3://{bucket}/warehouse/customers")
    assert caught.value.code == "breach.bucket_unreadable"
    assert "warehouse" not in str(caught.value)
