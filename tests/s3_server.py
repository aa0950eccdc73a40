"""A server on this machine that speaks Amazon's API for buckets, and what lies in one of its buckets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[Mapping[str, str]]:
    """Run a server, and name the variables by which clients find it; this process has them meanwhile."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    found = KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true"}
    found |= {"AWS_EC2_METADATA_DISABLED": "true"}
    before = dict(os.environ)
    os.environ.update(found)
    try:
        yield found
    finally:
        os.environ.clear()
        os.environ.update(before)
        running.stop()


class TestBucket:
    """One bucket of the server that the environment names."""

    __test__ = False

    def __init__(self, name: str, *, versioned: bool) -> None:
        self.name = name
        self.client: Any = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
        self.client.create_bucket(Bucket=name)
        if versioned:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def upload(self, folder: Path, prefix: str) -> None:
        """Lay a folder's files below a prefix."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(".crc")):
            self.client.upload_file(str(path), self.name, f"{prefix}/{path.relative_to(folder)}")

    def download(self, folder: Path) -> Path:
        """Lay every version of every object below a folder; return it."""
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for found in page.get("Versions", ()):
                # Folders beside each other: a version's key may be another one's folder.
                where = folder / ("now" if found["IsLatest"] else f"old-{quote(found['VersionId'], safe='')}")
                # An object that stands for a folder: its name is to be looked at, too.
                path = where / (f"{found['Key']}marker" if found["Key"].endswith("/") else found["Key"])
                path.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(
                    self.name, found["Key"], str(path), ExtraArgs={"VersionId": found["VersionId"]}
                )
        return folder

    def old(self) -> list[str]:
        """Return the keys of what no listing shows, delete markers included."""
        pages = [*self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)]
        old = [v["Key"] for p in pages for v in p.get("Versions", ()) if not v["IsLatest"]]
        return sorted([*old, *(m["Key"] for p in pages for m in p.get("DeleteMarkers", ()))])
