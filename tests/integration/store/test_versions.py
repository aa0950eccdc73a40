"""A bucket that keeps old versions, spoken to as Amazon's: what a listing hides is found, and gone after a purge."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search import verify
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification
from delible.store import versions
from delible.store.versions import Bucket, is_bucket
from delible.workflows.verification import beside

boto3 = pytest.importorskip("boto3", reason="the extra `aws` is not installed")
moto = pytest.importorskip("moto.server", reason="moto is not installed")

ANN, BOB = "ann.berg@shop.example", "bob.dale@shop.example"
NOW = datetime(2026, 1, 31, tzinfo=UTC)
TABLE = "s3://lake/warehouse/orders"


def parquet(*people: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"email": list(people)}), sink, compression="zstd")
    return sink.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def client(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client(
        "s3", endpoint_url=server, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    client.create_bucket(Bucket="lake")
    yield client
    found = client.list_object_versions(Bucket="lake")
    for each in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
        client.delete_object(Bucket="lake", Key=each["Key"], VersionId=each["VersionId"])
    for each in client.list_multipart_uploads(Bucket="lake").get("Uploads", ()):
        client.abort_multipart_upload(Bucket="lake", Key=each["Key"], UploadId=each["UploadId"])
    client.delete_bucket(Bucket="lake")


def versioned(client: Any) -> None:
    client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})


def put(client: Any, key: str, data: bytes) -> None:
    client.put_object(Bucket="lake", Key=f"warehouse/orders/{key}", Body=data)


def delete(client: Any, key: str) -> None:
    client.delete_object(Bucket="lake", Key=f"warehouse/orders/{key}")


def searched(location: str = TABLE) -> Verification:
    return search([Folder("table:orders", location, beside=beside(location))], [ANN], now=NOW)


def places(found: Verification) -> list[str]:
    return sorted(m.place.removeprefix("table:orders/") for m in found.matches)


@pytest.mark.parametrize("location", [TABLE, TABLE.replace("s3:", "s3a:"), f"{TABLE}/"])
def test_a_prefix_of_a_bucket_is_searched_like_a_folder(client: Any, location: str) -> None:
    put(client, "part-0.parquet", parquet(ANN, BOB))
    put(client, "region=north/part-1.parquet", parquet(BOB))
    put(client, "_delta_log/0.json", f'{{"note": "{ANN}"}}'.encode())
    client.put_object(Bucket="lake", Key="warehouse/orders2/other.txt", Body=ANN.encode())
    found = searched(location)
    assert {"part-0.parquet:email", "_delta_log/0.json"} <= set(places(found))
    assert not any("orders2" in place for place in places(found))
    assert found.files_searched == 3


@pytest.mark.parametrize("others", [("b",), ("a/b", "a/./c", "d/f")])
@pytest.mark.parametrize("key", ["a", "d/", "", "./a", "x//a", "../a"])
def test_an_object_is_searched_under_any_key(client: Any, key: str, others: tuple[str, ...]) -> None:
    put(client, key, ANN.encode())
    for other in others:
        put(client, other, b"nobody")
    assert searched().matches


def test_an_old_version_is_residue_until_it_is_purged(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versioned(client)
    put(client, "part-0.parquet", parquet(ANN, BOB))
    put(client, "part-1.parquet", parquet(ANN))
    put(client, "part-1.parquet", parquet(BOB))
    delete(client, "part-0.parquet")
    client.put_object(Bucket="lake", Key="warehouse/orders2/other.txt", Body=b"somebody")
    client.delete_object(Bucket="lake", Key="warehouse/orders2/other.txt")
    found = searched()
    assert {p.partition(":")[0] for p in places(found)} == {
        "part-0.parquet (recoverable",
        "part-1.parquet (recoverable",
    }
    assert all("without end" in place for place in places(found))
    monkeypatch.setattr(verify.FolderSearch, "look_beside", lambda *_: None)
    assert searched().clean  # what the search is worth without them
    monkeypatch.undo()


def test_an_old_version_is_read_in_parts(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version may be larger than memory, and several readers open it one after the other."""
    versioned(client)
    data = bytes(n % 251 for n in range(1000)) + ANN.encode()
    put(client, "notes.bin", data)
    delete(client, "notes.bin")
    monkeypatch.setattr(versions, "_PORTION", 64)
    asked: list[int] = []
    whole = Bucket._part

    def part(bucket: Bucket, of: Any, start: int, end: int) -> bytes:
        asked.append(end - start)
        return whole(bucket, of, start, end)

    monkeypatch.setattr(Bucket, "_part", part)
    bucket = Bucket(TABLE)
    [old] = [version for version in bucket.old_versions() if not version.marker]
    with bucket.open(old) as stream:
        assert stream.read(10) == data[:10]
        assert stream.seek(500) == 500
        assert stream.read(100) == data[500:600]
        stream.seek(-len(ANN), io.SEEK_END)
        assert stream.read() == ANN.encode()
        assert stream.read(1) == b""
    assert max(asked) <= 2 * 64
    with bucket.open(old) as stream:
        assert stream.read() == data
    assert {p.partition(" ")[0] for p in places(searched())} == {"notes.bin"}


def test_a_purge_leaves_what_is_current_and_what_is_outside(client: Any) -> None:
    versioned(client)
    put(client, "part-0.parquet", parquet(ANN, BOB))
    put(client, "part-1.parquet", parquet(ANN))
    put(client, "part-1.parquet", parquet(BOB))
    delete(client, "part-0.parquet")
    client.put_object(Bucket="lake", Key="warehouse/orders2/other.txt", Body=b"somebody")
    client.delete_object(Bucket="lake", Key="warehouse/orders2/other.txt")
    bucket = Bucket(TABLE)
    assert bucket.purge(uploads_older_than=timedelta(days=1)) == (3, 0)
    assert bucket.purge(uploads_older_than=timedelta(days=1)) == (0, 0)
    assert searched().clean
    listed = client.list_object_versions(Bucket="lake")
    assert [v["Key"] for v in listed["Versions"]] == ["warehouse/orders/part-1.parquet", "warehouse/orders2/other.txt"]
    assert [m["Key"] for m in listed["DeleteMarkers"]] == ["warehouse/orders2/other.txt"]


def test_the_mark_of_a_deletion_is_residue_where_its_name_holds_a_value(client: Any) -> None:
    versioned(client)
    put(client, f"email={ANN}/part-0.parquet", parquet(BOB))
    delete(client, f"email={ANN}/part-0.parquet")
    found = client.list_object_versions(Bucket="lake")
    for each in found["Versions"]:  # as a life-cycle rule does it
        client.delete_object(Bucket="lake", Key=each["Key"], VersionId=each["VersionId"])
    (place,) = places(searched())
    assert "the mark of a deletion" in place
    assert ANN not in place
    Bucket(TABLE).purge(uploads_older_than=timedelta(days=1))
    assert searched().clean


def test_objects_that_stand_for_empty_folders_go_and_no_others(client: Any) -> None:
    for key in (f"email={ANN}/", "region=north/city=oslo/", "region=north/", "region=south/", "region=south/part-1"):
        put(client, key, b"")
    put(client, "named-so/", b"bytes")
    assert places(searched())
    assert Bucket(TABLE).remove_folder_markers() == 3
    assert searched().clean
    left = [
        found["Key"].removeprefix("warehouse/orders/") for found in client.list_objects_v2(Bucket="lake")["Contents"]
    ]
    assert left == ["named-so/", "region=south/", "region=south/part-1"]
    assert Bucket(TABLE).remove_folder_markers() == 0


def test_no_marker_is_removed_before_all_versions_are(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versioned(client)
    put(client, "part-0.parquet", parquet(ANN))
    delete(client, "part-0.parquet")
    bucket = Bucket(TABLE)
    portions: list[int] = []
    monkeypatch.setattr(bucket, "_delete", lambda portion: portions.append(len(portion)) or len(portion))
    removed: list[bool] = []
    own = bucket._removed
    monkeypatch.setattr(bucket, "_removed", lambda *, marker: removed.append(marker) or own(marker=marker))
    bucket.purge(uploads_older_than=timedelta(days=1))
    assert removed == [False, True]
    assert portions == [1, 1]


def test_an_unfinished_upload_is_never_clean_and_given_up_when_it_is_old(client: Any) -> None:
    begun = client.create_multipart_upload(Bucket="lake", Key="warehouse/orders/part-9.parquet")
    client.upload_part(
        Bucket="lake",
        Key="warehouse/orders/part-9.parquet",
        UploadId=begun["UploadId"],
        PartNumber=1,
        Body=parquet(ANN),
    )
    assert searched().unreadable == ("table:orders/part-9.parquet (an upload that nobody finished)",)
    bucket = Bucket(TABLE)
    (upload,) = bucket.uploads()
    day = timedelta(days=1)
    assert bucket.purge(uploads_older_than=day, now=upload.begun + day / 2) == (0, 0)
    assert bucket.purge(uploads_older_than=day, now=upload.begun + day * 2) == (0, 1)
    assert searched().clean


def test_a_bucket_s_own_rule_says_until_when_old_versions_are_recoverable(client: Any) -> None:
    versioned(client)
    put(client, "part-0.parquet", parquet(ANN))
    delete(client, "part-0.parquet")

    def rule(prefix: str) -> None:
        client.put_bucket_lifecycle_configuration(
            Bucket="lake",
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "old",
                        "Status": "Enabled",
                        "Filter": {"Prefix": prefix},
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                    }
                ]
            },
        )

    rule("warehouse/")
    assert "until 7 day(s) after it was replaced" in places(searched())[0]
    rule("elsewhere/")
    assert "without end" in places(searched())[0]
    client.delete_bucket_lifecycle(Bucket="lake")


def test_a_version_s_number_is_shown_nowhere(client: Any) -> None:
    versioned(client)
    put(client, "part-0.parquet", parquet(ANN))
    delete(client, "part-0.parquet")
    (old,) = [v for v in Bucket(TABLE).old_versions() if not v.marker]
    assert old.version not in repr(old)
    assert old.version not in str(searched())


def test_versions_that_may_not_be_listed_are_never_clean(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(client, "part-0.parquet", parquet(BOB))

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Bucket, "old_versions", refused)
    assert searched().unreadable == ("table:orders/ (its old versions may not be listed)",)


def test_other_places_have_no_versions() -> None:
    assert not is_bucket("/warehouse/orders")
    assert not is_bucket("gs://lake/orders")
    assert beside("/warehouse/orders") == ()
