"""What a bucket still holds besides what it lists: old versions of objects, and parts of unfinished uploads.

On a versioned bucket a VACUUM only hides a file behind a delete marker. Amazon's API and those of compatible stores are
spoken through boto3, which the extra `aws` installs.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any
from urllib.parse import urlsplit

from delible.errors import SetupError

_AT_ONCE = 1000
"""As many objects one request may delete."""
_SCHEMES = ("s3", "s3a", "s3n")


_PORTION = 8 * 1024 * 1024
"""Bytes of an old version that are asked for at once."""


@dataclass(frozen=True)
class OldVersion:
    """A version of an object that is not its current one.

    Args:
        key: Relative to the prefix.
        marker: It only says that the object was deleted, and holds no bytes.
    """

    key: str
    version: str = field(repr=False)
    size: int
    modified: datetime
    marker: bool = False


@dataclass(frozen=True)
class Upload:
    """An upload of parts that nobody has finished or given up; its parts are stored, and nobody can read them."""

    key: str
    upload: str = field(repr=False)
    begun: datetime


class Bucket:
    """A prefix of a bucket, with all that it holds.

    Args:
        uri: `s3://bucket/prefix`, or with `s3a`, as Spark spells it.
        options: As delta-rs and the environment name them: `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`,
            `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`.

    Raises:
        SetupError: `store.no_boto3` when the extra `aws` is not installed.
    """

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        try:
            import boto3
        except ImportError:
            raise SetupError(
                "store.no_boto3",
                "old versions of objects cannot be listed: boto3 is not installed.",
                where=uri,
                fix="Install it with: pip install 'delible[aws]'",
            ) from None
        parts = urlsplit(uri)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/") + "/" if parts.path.strip("/") else ""
        given = {**{k: v for k, v in os.environ.items() if k.startswith("AWS_")}, **(options or {})}
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=given.get("AWS_ENDPOINT_URL") or given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT"),
            aws_access_key_id=given.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
            region_name=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION"),
        )

    def old_versions(self) -> Iterator[OldVersion]:
        """Yield every version that no listing shows, delete markers included; none where the bucket keeps none."""
        for page in self._pages("list_object_versions"):
            for found in page.get("Versions", ()):
                if not found["IsLatest"]:
                    yield OldVersion(self._relative(found), found["VersionId"], found["Size"], found["LastModified"])
            for found in page.get("DeleteMarkers", ()):
                yield OldVersion(self._relative(found), found["VersionId"], 0, found["LastModified"], marker=True)

    def odd_objects(self) -> Iterator[OldVersion]:
        """Yield each current object with bytes under a key that no path spells, such as `a/` or `a/./b`.

        Listings of folders leave them out, or nobody can open them by what they are called there.
        """
        for page in self._pages("list_objects_v2"):
            for found in page.get("Contents", ()):
                key = self._relative(found)
                if found["Size"] and (not key or {"", ".", ".."} & set(key.split("/"))):
                    yield OldVersion(key, "", found["Size"], found["LastModified"])

    def remove_folder_markers(self) -> int:
        """Remove the empty objects that stand for folders in which nothing is; return how many.

        Hadoop leaves one where it deletes the last object of a folder, and the name of a partition's folder holds a
        value. Nothing but these objects can be removed so, also when a writer has just come.
        """
        keys = [
            (found["Key"], found["Size"])
            for page in self._pages("list_objects_v2")
            for found in page.get("Contents", ())
        ]
        above = {key[: at + 1] for key, _ in keys for at, letter in enumerate(key[:-1]) if letter == "/"}
        empty = [key for key, size in keys if key.endswith("/") and not size and key not in above]
        for key in empty:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        # A folder in which only such a folder was is empty now.
        return len(empty) + (self.remove_folder_markers() if empty else 0)

    def uploads(self) -> Iterator[Upload]:
        """Yield every upload that was begun and neither finished nor given up."""
        for page in self._pages("list_multipart_uploads"):
            for found in page.get("Uploads", ()):
                yield Upload(self._relative(found), found["UploadId"], found["Initiated"])

    def _pages(self, operation: str) -> Iterator[Mapping[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=self._prefix)
        except (BotoCoreError, ClientError):
            raise OSError("the bucket may not be listed") from None

    def open(self, version: OldVersion) -> IO[bytes]:
        """Return the bytes of an old version, or of an odd object, of which few are in memory at a time.

        Raises:
            OSError: When the store refuses, be it while they are read.
        """
        of = {"Bucket": self._bucket, "Key": self._prefix + version.key}
        if version.version:
            of["VersionId"] = version.version
        return io.BufferedReader(_Ranges(partial(self._part, of), version.size), _PORTION)

    def _part(self, of: Mapping[str, str], start: int, end: int) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_object(**of, Range=f"bytes={start}-{end - 1}")
            return bytes(answer["Body"].read())
        except (BotoCoreError, ClientError):
            raise OSError("an old version cannot be read") from None

    def purge(self, *, uploads_older_than: timedelta, now: datetime | None = None) -> tuple[int, int]:
        """Remove all old versions and delete markers, and give up old uploads; return how many of each.

        Running it again after a crash goes on. A version that a bucket's object lock protects stays, and is found by
        the search that follows.

        Args:
            uploads_older_than: A younger one may be somebody's who still writes.
            now: Instant that ages are counted from.
        """
        # Markers last: whoever removes the marker above an old version makes that version the current one.
        removed = sum(self._removed(marker=marker) for marker in (False, True))
        limit = (now or datetime.now(UTC)) - uploads_older_than
        given_up = 0
        for upload in list(self.uploads()):
            if upload.begun <= limit:
                key = self._prefix + upload.key
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload.upload)
                given_up += 1
        return removed, given_up

    def ends_by_itself(self) -> int | None:
        """Return after how many days the bucket's own rules remove old versions of the prefix; None when never."""
        from botocore.exceptions import ClientError

        try:
            rules = self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)["Rules"]
        except ClientError:
            return None
        days = [
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for rule in rules
            if rule["Status"] == "Enabled"
            and self._prefix.startswith(_prefix_of(rule))
            and "NoncurrentDays" in rule.get("NoncurrentVersionExpiration", {})
            and "NewerNoncurrentVersions" not in rule["NoncurrentVersionExpiration"]
        ]
        return min(days, default=None)

    def _removed(self, *, marker: bool) -> int:
        removed = 0
        portion: list[dict[str, str]] = []
        for version in self.old_versions():
            if version.marker is marker:
                portion.append({"Key": self._prefix + version.key, "VersionId": version.version})
            if len(portion) == _AT_ONCE:
                removed += self._delete(portion)
                portion = []
        return removed + self._delete(portion)

    def _delete(self, portion: list[dict[str, str]]) -> int:
        if not portion:
            return 0
        answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": portion, "Quiet": True})
        return len(portion) - len(answer.get("Errors", ()))

    def _relative(self, found: Mapping[str, Any]) -> str:
        return str(found["Key"]).removeprefix(self._prefix)


def is_bucket(location: str) -> bool:
    """Return whether a location lies in a store whose versions can be listed here."""
    return urlsplit(location).scheme in _SCHEMES


def _prefix_of(rule: Mapping[str, Any]) -> str:
    """Return the prefix that a life-cycle rule is for; one that goes by tags or sizes is for nothing here."""
    scope = rule.get("Filter", {})
    if set(scope) - {"Prefix"}:
        return "\0"
    return str(scope.get("Prefix", rule.get("Prefix", "")))


class _Ranges(io.RawIOBase):
    """An object of a store as a stream that can seek, by one request per read."""

    def __init__(self, part: Callable[[int, int], bytes], size: int) -> None:
        self._part, self._size, self._at = part, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        found = self._part(self._at, end)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def readall(self) -> bytes:
        start, self._at = self._at, max(self._at, self._size)
        return self._part(start, self._size) if start < self._size else b""
