"""Whole erasures of tables in buckets, by commands in processes of their own, on a server that the tests start.

What a bucket hides, old versions of objects, is residue: the search finds it when nobody has purged it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable, write_deltalake

from byte_search import places
from delible.lake.bucket_jars import bucket_jar_folder
from delible.lake.session import S3
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows.init import init_workspace
from delta_rows import delta_rows
from policy_files import write_policies
from small_shop import LOWEST, NOW, POLICIES, SHORT_RUN, approved, customers, email, phone, set_spark, tickets

if TYPE_CHECKING:
    from s3_server import TestBucket

pytest.importorskip("moto.server", reason="moto is not installed")
pytest.importorskip("boto3", reason="the extra `aws` is not installed")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.skipif(not bucket_jar_folder().is_dir(), reason="fetch the JARs with: delible doctor --fetch --s3"),
]

_PROPERTIES = {"delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true"}
_RUN = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from delible.cli.main import main
from delible.workflows import erasure_end

def run(*words):
    with redirect_stdout(StringIO()) as said:
        code = main(["--json", *words])
    print(json.dumps({"code": code, **json.loads(said.getvalue())}), flush=True)

"""
PLAN = 'run("erasure", "plan", "--immediate", "--out", "plan.json")\n'
APPLY = 'run("erasure", "apply", "plan.json")\n'
WITHOUT_PURGE = f"""
own, erasure_end.purge_object_versions = erasure_end.purge_object_versions, lambda *_: None
{APPLY}
erasure_end.purge_object_versions = own
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Mapping[str, str]]:
    from s3_server import s3_server

    with s3_server() as variables:
        yield variables


@dataclass(frozen=True)
class Shop:
    """A workspace whose tables lie in a bucket."""

    workspace: Workspace
    bucket: TestBucket
    request: str

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run commands in one new process; return what each of them said."""
        command = [sys.executable, "-c", _RUN + code]
        answer = subprocess.run(
            command, cwd=self.workspace.root, capture_output=True, text=True, check=False, timeout=600
        )
        assert answer.returncode == 0, answer.stderr
        assert email(LOWEST) not in (answer.stdout + answer.stderr).lower()
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def look(self, folder: Path) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
        """Return where the person still stands in any version of any object, and the tables' rows, without delible."""
        texts = [email(LOWEST), phone(LOWEST), phone(LOWEST).replace(" ", "")]
        folder.mkdir()
        found = places(self.bucket.download(folder), texts=texts, keys={"customer_id": {LOWEST}})
        rows = {table: delta_rows(folder / "now" / "warehouse" / table) for table in ("customers", "tickets")}
        return found, {table: sorted(own, key=lambda row: str([*row.values()])) for table, own in rows.items()}


def shop(folder: Path, name: str, *, versioned: bool, versions: str = "purge", layout: str = "plain") -> Shop:
    from s3_server import TestBucket

    root = folder / "shop"
    init_workspace(root, actor="tests", now=NOW)
    changed = {f"path: warehouse/{t}": f"path: s3a://{name}/warehouse/{t}" for t in ("customers", "tickets")}
    write_policies(root / "policies", {file: _moved(text, changed, versions) for file, text in POLICIES.items()})
    set_spark(root, {**SHORT_RUN, S3: "true"})
    config = root / CONFIG_FILE
    config.write_text(config.read_text().replace("locations: []", f'locations: ["s3a://{name}/"]'))
    bucket = TestBucket(name, versioned=versioned)
    for table, rows in (("customers", customers()), ("tickets", tickets())):
        location = f"s3://{name}/warehouse/{table}"
        by = ["email"] if layout == "partitioned" and table == "customers" else None
        # Two writes: the first one's file lies beside an older version of the log.
        for half in (rows.slice(0, 20), rows.slice(20)):
            write_deltalake(location, half, mode="append", configuration=_PROPERTIES, partition_by=by)
        if layout == "checkpointed":
            DeltaTable(location).create_checkpoint()
    workspace = open_workspace(root)
    (request,) = approved(workspace, folder, {"email": email(LOWEST)})
    return Shop(workspace, bucket, request)


def _moved(text: str, changed: Mapping[str, str], versions: str) -> str:
    for before, after in changed.items():
        text = text.replace(before, f"{after}\nobject_versions: {versions}")
    return text


def test_a_versioned_bucket_is_clean_after_its_purge_and_not_before(server: Mapping[str, str], tmp_path: Path) -> None:
    own = shop(tmp_path, "versioned", versioned=True)
    found, before = own.look(tmp_path / "before")
    assert found
    planned, unpurged, applied, certificate = own.run(
        PLAN + WITHOUT_PURGE + APPLY + f'run("erasure", "certificate", "{own.request}")\n'
    )
    assert planned["code"] == 0
    assert unpurged["code"] == 4
    assert "recoverable" in json.dumps(unpurged["errors"])
    assert applied["code"] == 0, applied
    assert [r["state"] for r in applied["requests"]] == ["completed"]
    assert certificate["code"] == 0
    assert own.bucket.old() == []
    found, after = own.look(tmp_path / "after")
    assert found == []
    others_stay(before, after)


def others_stay(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> None:
    assert after["customers"] == [row for row in before["customers"] if row["customer_id"] != LOWEST]
    kept = {row["ticket_id"]: row for row in after["tickets"]}
    assert len(kept) == len(before["tickets"])
    for row in before["tickets"]:
        if row["customer_id"] != LOWEST and f" {email(LOWEST)}" not in (row["body"] or "").lower():
            assert kept[row["ticket_id"]] == row


@pytest.mark.matrix
@pytest.mark.parametrize("layout", ["plain", "partitioned", "checkpointed"])
@pytest.mark.parametrize("versioned", [False, True])
def test_every_layout_is_clean(server: Mapping[str, str], tmp_path: Path, versioned: bool, layout: str) -> None:
    own = shop(tmp_path, f"{layout}-{str(versioned).lower()}", versioned=versioned, layout=layout)
    found, before = own.look(tmp_path / "before")
    assert found
    planned, applied = own.run(PLAN + APPLY)
    assert (planned["code"], applied["code"]) == (0, 0), applied
    found, after = own.look(tmp_path / "after")
    assert found == []
    assert own.bucket.old() == []
    others_stay(before, after)


@pytest.mark.matrix
def test_versions_that_the_policy_keeps_leave_the_erasure_unfinished(server: Mapping[str, str], tmp_path: Path) -> None:
    own = shop(tmp_path, "reported", versioned=True, versions="report")
    _, applied, again = own.run(PLAN + APPLY + APPLY)
    assert (applied["code"], again["code"]) == (4, 4)
    assert "recoverable" in json.dumps(again["errors"])
    assert own.bucket.old()
    for each in own.bucket.client.list_object_versions(Bucket="reported").get("Versions", ()):
        if not each["IsLatest"]:  # as a life-cycle rule does it
            own.bucket.client.delete_object(Bucket="reported", Key=each["Key"], VersionId=each["VersionId"])
    (ended,) = own.run(APPLY)
    assert ended["code"] == 0, ended


@pytest.mark.matrix
def test_an_unfinished_upload_is_never_clean(server: Mapping[str, str], tmp_path: Path) -> None:
    own = shop(tmp_path, "uploads", versioned=False)
    key = "warehouse/customers/part-9.parquet"
    begun = own.bucket.client.create_multipart_upload(Bucket="uploads", Key=key)
    _, applied = own.run(PLAN + APPLY)
    assert applied["code"] == 4
    own.bucket.client.abort_multipart_upload(Bucket="uploads", Key=key, UploadId=begun["UploadId"])
    (ended,) = own.run(APPLY)
    assert ended["code"] == 0, ended
